"""tcqfd does with the packets of conformance cases what tcqf-lab does: the same octets out of the same
interfaces, the same counters. Its packets come from captures, all at once, through DPDK's own port;
so those cases are compared in which tcqf-lab does the same with packets that come all at once, at
whatever phase of a cycle. Several workers take the packets of different interfaces in no order, nor
those of several receive queues of one, and only what does not depend on it is the same again. Prints
TAP.

    conformance_cases_test.py TCQFD TCQF-LAB OUT [--workers N] [--queues N] [--every N] [--only PATTERN ...]
"""

import argparse
import collections
import concurrent.futures
import copy
import dataclasses
import fnmatch
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

import run  # noqa: E402
from bench import runtime_directory  # noqa: E402
from captures import pcap_bytes, read_pcap  # noqa: E402
from configuration import yaml_of  # noqa: E402
from tap import Tap  # noqa: E402

READY_SECONDS = 60
ERRORS_AT_ONCE = 10  # the rate limit of ICMP errors
MOST_AT_ONCE = 64  # of one interface: what a poll takes
PHASES = [k * 137_000 for k in range(8)]  # ns, over the rounds of most cases
MEMORY = ("--no-huge", "-m", "640")  # whoever else takes huge pages meanwhile
ACCOUNT = ("received", "generated", "sent", "to-kernel", "queued", "dropped", "interfaces")


def may_be_compared(case):
    """True where packets that come all at once are taken in one poll, and wait in no full queue."""
    packets = [len(each) for each in case.rx.values()]
    return (case.refused is None and not case.stalls and not case.captures and not case.config_text
            and 0 < sum(packets) and max(packets) <= MOST_AT_ONCE
            and all(each.get("best-effort-queue-packets", 1024) > sum(packets)
                    for each in case.config["interfaces"])
            and not any(is_full(entry, domain)
                        for domain in case.config.get("tcqf", {}).get("domains", [])
                        for entry in domain.get("cycle-maps", [])))


def is_full(cycle_map, domain):
    """True for a window of every distance: without receive timestamps the age of a tag is unknown."""
    window = cycle_map.get("window", {"min": 1, "max": 1})
    return window["max"] - window["min"] + 1 >= domain["cycles"]


def at_once(case, phase, step_ns=0, backwards=False):
    """The case with all of its packets in one instant, or those of each interface so much behind
    those of the one before; in the order of the captures, or the last one first."""
    moment = min((time for packets in case.rx.values() for time, *_ in packets), default=0) + phase
    order = [each["name"] for each in case.config["interfaces"]]
    rx = {name: [(moment + step_ns * order.index(name), frame)
                 for _, frame, *_ in packets[::-1 if backwards else 1]]
          for name, packets in case.rx.items()}
    return dataclasses.replace(case, rx=rx, until_drained=True, processing_ns=0)


@dataclasses.dataclass
class Expected:
    """What the lab does with the packets of a case: {interface: how often each frame}, and its account."""

    case: object
    sent: dict
    account: dict


def what_the_lab_does(lab, case, folder):
    """In FOLDER/got."""
    shutil.rmtree(folder, ignore_errors=True)
    run.write_inputs(case, folder)
    outcome = run.run_lab(case, lab, folder)
    if outcome.exit_code != 0:
        raise RuntimeError(f"the lab: exit code {outcome.exit_code}: {outcome.stderr}")
    sent = {each["name"]: frames(outcome.directory / f"{each['name']}.pcap")
            for each in case.config["interfaces"]}
    return Expected(case, sent, outcome.account())


def always_the_same(outcomes):
    """The first of some, which may be made one by one, or nothing where they differ; nor where so many
    errors of ICMP are sent that their rate counts."""
    outcomes = iter(outcomes)
    first = next(outcomes)
    if any((first.sent, first.account) != (each.sent, each.account) for each in outcomes):
        return None
    return first if first.account["generated"] <= ERRORS_AT_ONCE else None


def outcome_at_any_phase(programs, case, folder):
    """What the lab does with the packets whenever they come; nothing where that depends on when, for
    several workers on which interface comes first, or for several queues on which packet does."""
    moments = [(phase, 0) for phase in PHASES]
    if programs.workers > 1:
        moments += [(PHASES[0], 1), (PHASES[0], -1)]
    if programs.queues > 1:
        moments += [(PHASES[0], 0, True)]
    return always_the_same(what_the_lab_does(programs.lab, at_once(case, *moment), folder)
                           for moment in moments)


def with_capture_ports(case, folder, workers, queues):
    """The case's configuration on ports that read a capture in each receive queue, with the packets dealt
    out in turns, and write another."""
    config = copy.deepcopy(case.config)
    config["workers"] = workers
    for i, interface in enumerate(config["interfaces"]):
        name = interface["name"]
        device = f"net_pcap{i},tx_pcap={folder / name}.out.pcap"
        for queue in range(queues):
            capture = folder / f"{name}.{queue}.in.pcap"
            capture.write_bytes(pcap_bytes(case.rx.get(name, [])[queue::queues]))
            device += f",rx_pcap={capture}"
        interface["device"] = device
    return config


def wait_for(condition, process, what):
    """Until it holds; an error where it never does, or the process ends before."""
    deadline = time.monotonic() + READY_SECONDS
    while not condition():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(what)
        time.sleep(0.01)


class Telemetry:
    """DPDK's own socket of a running program."""

    def __init__(self, prefix):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(READY_SECONDS)
        self.socket.connect(str(runtime_directory(prefix) / "dpdk_telemetry.v2"))
        self.socket.recv(1 << 16)

    def ask(self, question):
        self.socket.send(question.encode())
        return json.loads(self.socket.recv(1 << 16))[question.split(",")[0]]

    def received(self, ports=None):
        ports = self.ask("/ethdev/list") if ports is None else ports
        return sum(self.ask(f"/ethdev/stats,{port}")["ipackets"] for port in ports)

    def missed(self):
        """What devices lost because nobody took it in time."""
        return sum(self.ask(f"/ethdev/stats,{port}")["imissed"] for port in self.ask("/ethdev/list"))


class Daemon:
    """tcqfd with a case's configuration, ready; killed where it is not stopped."""

    def __init__(self, tcqfd, name, config, folder, wires=None):
        """`wires`: in whose network namespace it runs, with the host's part; without one there is none."""
        file = folder / "tcqfd.yaml"
        file.write_text(yaml_of(config))
        self.prefix = f"tcqfd-case-{os.getpid()}-{name}"
        self.errors = folder / "tcqfd.stderr"
        start = wires.router.start if wires else subprocess.Popen
        arguments = () if wires else ("--no-kernel-ports",)
        with open(self.errors, "wb") as stderr:
            self.process = start(
                [tcqfd, "--config", str(file), "--yield", *arguments, "--",
                 f"--file-prefix={self.prefix}", *MEMORY], stdout=subprocess.PIPE, stderr=stderr)

    def __enter__(self):
        try:
            wait_for(lambda: "ready" in self.said(), self.process, "tcqfd is not ready")
        except RuntimeError as error:
            self.__exit__()
            raise RuntimeError(f"{error}: {self.errors.read_text()}") from None
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(runtime_directory(self.prefix), ignore_errors=True)

    def said(self):
        """Its lines on stderr."""
        return self.errors.read_text().split("\n")

    def stop(self):
        """Its closing account."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=READY_SECONDS)
        if self.process.returncode != 0:
            raise RuntimeError(f"exit {self.process.returncode}: {self.errors.read_text()}")
        return json.loads(output)

    def wait_for(self, packets):
        """Until it has received so many, but for what its devices lost."""
        telemetry = Telemetry(self.prefix)
        wait_for(lambda: telemetry.received() + telemetry.missed() >= packets, self.process,
                 "tcqfd does not receive every packet")


class Captures:
    """A way to give tcqfd the packets of cases, and to get what it makes of them. This one: ports that
    are captures."""

    def __init__(self, programs):
        self.programs = programs

    def may_be_compared(self, case):
        return may_be_compared(case)

    def version_of(self, case):
        """The case as it is run."""
        return case

    def share_of_router(self, case):
        """The case with what reaches the router alone."""
        return case

    def expected(self, share, folder):
        """What the lab does, or nothing where that depends on what nobody knows of tcqfd."""
        return outcome_at_any_phase(self.programs, share, folder)

    def run(self, case, expected, folder):
        """The closing account of tcqfd once it has received every packet; leaves FOLDER/IF.out.pcap."""
        config = with_capture_ports(case, folder, self.programs.workers, self.programs.queues)
        with Daemon(self.programs.tcqfd, case.name, config, folder) as daemon:
            daemon.wait_for(packets_of(expected.case))
            return daemon.stop()

    def measured(self):
        """What was measured, in lines."""
        return ()

    def obstacle(self):
        """Why this machine cannot run cases this way, or nothing."""
        return ""


def packets_of(case):
    return sum(map(len, case.rx.values()))


def frames(path):
    """How often a capture has each frame."""
    return collections.Counter(frame for _, frame in read_pcap(path))


def differences(expected, account, folder):
    """What is sent in a cycle may be late on a busy machine, and is dropped and counted then."""
    late = account["dropped"].get("cycle-overrun", 0)
    problems = []
    missing = 0
    for name, wanted in expected.sent.items():
        got = frames(folder / f"{name}.out.pcap")
        missing += (wanted - got).total()
        problems += [f"{name}: tcqfd alone sent {frame.hex()}" for frame in got - wanted]
        if not late:
            problems += [f"{name}: the lab alone sent {frame.hex()}" for frame in wanted - got]
    if late:
        return problems if missing == late else problems + [f"{missing} are missing: {account}"]
    return problems + account_differences(expected, account)


def account_differences(expected, account):
    return [f"{key}: {account[key]}, the lab has {expected.account[key]}"
            for key in ACCOUNT if account[key] != expected.account[key]]


class ShowsNothing(Exception):
    """A run in which the machine was too busy."""


@dataclasses.dataclass
class Verdict:
    problems: list = dataclasses.field(default_factory=list)
    packets: int = 0  # that were compared; 0 where the case was none to compare
    skipped: str = ""


def judge(way, case):
    folder = way.programs.out.resolve() / case.name
    case = way.version_of(case)
    packets = packets_of(case)
    try:
        expected = way.expected(way.share_of_router(case), folder)
        if expected is None:
            return Verdict()
        return Verdict(differences(expected, way.run(case, expected, folder), folder), packets)
    except ShowsNothing as why:
        return Verdict(packets=packets, skipped=str(why))
    except (OSError, RuntimeError, ValueError, subprocess.TimeoutExpired) as error:
        return Verdict([str(error)], packets)


def argument_parser():
    parser = argparse.ArgumentParser()
    parser.add_argument("tcqfd", type=pathlib.Path)
    parser.add_argument("lab", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--workers", type=int, default=1, help="of tcqfd; they share the cores")
    parser.add_argument("--queues", type=int, default=1, help="of each interface, to receive")
    parser.add_argument("--every", type=int, default=1, help="one of so many cases")
    parser.add_argument("--only", nargs="+", default=["*"], help="names of cases, shell patterns")
    return parser


def compare(way):
    """Judges cases. Returns the exit code."""
    programs = way.programs
    tap = Tap()
    if why_not := way.obstacle():
        tap.skip(f"cases {' '.join(programs.only)}", why_not)
        return tap.end()
    chosen = [case for case in run.all_cases() if way.may_be_compared(case)
              and any(fnmatch.fnmatch(case.name, each) for each in programs.only)][::programs.every]
    compared = 0
    with concurrent.futures.ThreadPoolExecutor(2 * len(os.sched_getaffinity(0))) as pool:
        results = pool.map(lambda case: judge(way, case), chosen)
        for case, verdict in zip(chosen, results):
            title = f"{case.name}: {case.rule}"
            if verdict.skipped:
                tap.skip(title, verdict.skipped)
            elif verdict.packets:
                tap.case(title, verdict.problems)
                compared += verdict.packets
    print("\n".join(f"# {line}" for line in (f"{compared} packets compared", *way.measured())))
    return tap.end()


if __name__ == "__main__":
    sys.exit(compare(Captures(argument_parser().parse_args())))
