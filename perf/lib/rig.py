"""Runs what a row needs and puts the numbers together."""

import contextlib
import itertools
import json
import os
import pathlib
import re
import statistics
import subprocess
import time

import peers
import traffic as offered
from rows import peer_traffic

# What waits in the longest queue at the highest rate, 256 cycles of 10 us at 45 million a second.
BUFFERS = (1 << 17) - 1
# A burst of 64 packets every 2 us of the router's time, about as fast as it really is.
PACED_STEP_NS = 1000
# The first frames of a cycle are sent up to two readings after its start: half of it remains.
STEPS_A_CYCLE = 4
COUNTED_PACKETS = 100_000


class Rig:
    """Programs, cores and files of one run of the rig."""

    def __init__(self, worker, l3fwd, directory, cores, memory, seconds):
        self.worker = worker
        self.l3fwd = l3fwd
        self.directory = pathlib.Path(directory)
        self.cores = cores
        self.memory = memory
        self.seconds = seconds
        self.directory.mkdir(parents=True, exist_ok=True)

    def capture(self, traffic):
        path = self.directory / f"{traffic.stem}.pcap"
        if not path.exists():
            part = path.with_suffix(".part")
            offered.write_capture(traffic, part)
            part.rename(path)
        return path

    def _worker_command(self, row, memory, options):
        capture = self.capture(row.traffic)
        config = self.directory / f"{row.traffic.stem}-{row.timing.backlog_cycles}.yaml"
        config.write_text(offered.config_text(row.traffic, row.timing, capture), encoding="ascii")
        entries = self.directory / f"{row.traffic.stem}.entries"
        offered.write_entries(row.traffic, entries)
        return [str(self.worker), f"--config={config}", f"--entries={entries}", *options, "--",
                f"--lcores=1@{self.cores[1]}", "--no-pci", *memory,
                f"--file-prefix=rate-worker-{os.getpid()}", "--no-telemetry"]

    def _measure_together(self, row, others):
        """One measurement of our worker and of the programs beside it (name -> Forwarding), which
        are there already: the scheduler lets all of them have the core by turns of a few
        milliseconds, so what slows the machine down slows all of them down. Ours, and the rates
        of the others by name; raises peers.Failed."""
        seconds = self.seconds * (1 + len(others))
        command = self._worker_command(
            row, self.memory,
            [f"--seconds={seconds}", f"--buffers={BUFFERS + row.traffic.packets}",
             f"--longest-step-ns={row.timing.cycle_time_us * 1000 // STEPS_A_CYCLE}"])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              text=True) as process:
            log = list(itertools.takewhile(lambda line: line != "measuring\n", process.stderr))
            first = {name: other.reading() for name, other in others.items()}
            log += itertools.takewhile(lambda line: line != "measured\n", process.stderr)
            last = {name: other.reading() for name, other in others.items()}
            result, rest = process.communicate()
        if process.returncode != 0:
            raise peers.Failed("".join([*log, rest])[-2000:])
        return json.loads(result), {name: peers.rate(first[name], last[name]) for name in others}

    def count_instructions(self, row):
        """Instructions a packet, ports included."""
        memory = ["--no-huge", "-m", "2048", "--no-shconf"]
        packets = max(COUNTED_PACKETS, 2 * row.traffic.packets)
        command = self._worker_command(
            row, memory, [f"--packets={packets}", f"--paced-step-ns={PACED_STEP_NS}",
                          f"--buffers={BUFFERS + row.traffic.packets}"])
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null",
             "--collect-atstart=no", "--toggle-collect=*run_rounds*", *command],
            capture_output=True, text=True, check=False)
        collected = re.search(r"Collected : (\d+)", done.stderr)
        if done.returncode != 0 or not collected:
            raise peers.Failed(done.stderr[-2000:])
        return int(collected.group(1)) / json.loads(done.stdout)["received-in-all"]

    def _l3fwd(self, traffic):
        traffic = peer_traffic(traffic)
        lookup = "lpm" if traffic.kind != "ipv4" or traffic.entries <= 1000 else "fib"
        rules = offered.write_rules(traffic, self.directory)
        return peers.l3fwd(self.l3fwd, self.capture(traffic), rules, lookup, self.cores,
                           self.memory, max(8192, 2 * traffic.packets))

    def _ports_alone(self, traffic):
        source = f"net_pcap0,rx_pcap={self.capture(traffic)},infinite_rx=1"
        return peers.testpmd([source, "net_null0,no-rx=1"], self.cores, self.memory,
                             max(8192, 2 * traffic.packets))

    def measure_null(self):
        """Packets a second from nothing to nowhere."""
        ports = ["net_null1", "net_null0,no-rx=1"]
        with peers.testpmd(ports, self.cores, self.memory, 8192) as testpmd:
            first = testpmd.reading()
            time.sleep(self.seconds)
            return peers.rate(first, testpmd.reading())

    def _measure_once(self, row):
        with contextlib.ExitStack() as running:
            others = {"ports": running.enter_context(self._ports_alone(row.traffic))}
            if self.l3fwd:
                others["l3fwd"] = running.enter_context(self._l3fwd(row.traffic))
            return self._measure_together(row, others)

    def measure_row(self, row, repeats):
        """Ours, l3fwd and the ports, all at once; medians of each and of the ratios."""
        ours, theirs, floors, dropped, shares = [], [], [], {}, []
        for _ in range(repeats):
            worker, rates = self._measure_once(row)
            ours.append(worker["packets-per-second"])
            floors.append(rates["ports"])
            if "l3fwd" in rates:
                theirs.append(rates["l3fwd"])
            shares.append((1 + len(rates)) * worker["processor-seconds"] / worker["wall-seconds"])
            for reason, count in worker["dropped"].items():
                dropped[reason] = dropped.get(reason, 0) + count
            if not worker["balances"] or worker["to-kernel"] != 0 or worker["sent"] == 0:
                dropped["not-forwarded"] = dropped.get("not-forwarded", 0) + 1
            ticks_per_second = worker["ticks-per-second"]
        rate = statistics.median(ours)
        result = {"row": row.name, "goal": row.goal, "dropped": dropped,
                  "cycle-time-us": row.timing.cycle_time_us,
                  "backlog-cycles": row.timing.backlog_cycles,
                  "packets-per-second": rate, "clocks-per-packet": ticks_per_second / rate,
                  "floor-packets-per-second": statistics.median(floors),
                  "all-packets-per-second": ours, "core-share": min(shares),
                  "ticks-per-second": ticks_per_second}
        if theirs:
            result["l3fwd-packets-per-second"] = statistics.median(theirs)
            result["all-ratios"] = [our / their for our, their in zip(ours, theirs)]
            result["ratio"] = statistics.median(result["all-ratios"])
        return result
