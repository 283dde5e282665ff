"""The programs beside ours: started, measured while they forward, and ended."""

import json
import os
import pathlib
import socket
import subprocess
import time

START_SECONDS = 60


class Failed(Exception):
    """A program did not start or did not forward."""


def _telemetry_socket(prefix):
    runtime = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
    return pathlib.Path(runtime) / "dpdk" / prefix / "dpdk_telemetry.v2"


class Telemetry:
    """DPDK's own socket."""

    def __init__(self, prefix, alive):
        path = _telemetry_socket(prefix)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.settimeout(10)
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self._socket.connect(str(path))
                break
            except OSError:
                if time.monotonic() > deadline or not alive():
                    raise Failed("no telemetry socket") from None
                time.sleep(0.02)
        self._limit = json.loads(self._socket.recv(1024))["max_output_len"]

    def ask(self, command):
        self._socket.send(command.encode())
        return json.loads(self._socket.recv(self._limit))[command.split(",")[0]]

    def close(self):
        self._socket.close()


def _processor_seconds(process):
    """Time that all threads of a process ran (clock ids as in clock_getcpuclockid)."""
    return time.clock_gettime((~process.pid << 3) | 2)


def measure(command, prefix, port, seconds, environment=None):
    """Packets a second of processor time that `command` sends out of `port`, and dropped ones."""
    # The log goes into a pipe's place in memory: nothing that a terminal could slow down.
    log = os.memfd_create("log")
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log,
                          env={**os.environ, **(environment or {})}) as process:
        telemetry = None
        try:
            telemetry = Telemetry(prefix, lambda: process.poll() is None)
            deadline = time.monotonic() + START_SECONDS
            while telemetry.ask(f"/ethdev/stats,{port}")["opackets"] == 0:
                if time.monotonic() > deadline or process.poll() is not None:
                    raise Failed("it forwards nothing")
                time.sleep(0.02)
            time.sleep(0.2)
            first = telemetry.ask(f"/ethdev/stats,{port}")["opackets"]
            wall, processor = time.monotonic(), _processor_seconds(process)
            time.sleep(seconds)
            last = telemetry.ask(f"/ethdev/stats,{port}")["opackets"]
            processor, wall = _processor_seconds(process) - processor, time.monotonic() - wall
            return {"packets-per-second": (last - first) / processor,
                    "processor-seconds": processor, "wall-seconds": wall}
        except (Failed, OSError, KeyError, ValueError) as problem:
            size = os.fstat(log).st_size
            end = os.pread(log, 2000, max(0, size - 2000)).decode(errors="replace")
            raise Failed(f"{command[0]}: {problem}: {end}") from problem
        finally:
            if telemetry:
                telemetry.close()
            # Neither ends by itself, and neither has anything to lose.
            process.kill()
            process.wait()
            os.close(log)


def testpmd(devices, cores, memory, buffers, seconds):
    """The floor of the ports: nothing is done with a packet between them."""
    prefix = f"rate-testpmd-{os.getpid()}"
    command = ["dpdk-testpmd", f"--lcores=0@{cores[0]},1@{cores[1]}", "--no-pci", *memory,
               f"--file-prefix={prefix}", *(f"--vdev={device}" for device in devices), "--",
               "--auto-start", "--forward-mode=io", "--no-lsc-interrupt", "--no-rmv-interrupt",
               f"--total-num-mbufs={buffers}"]
    return measure(command, prefix, 1, seconds)


def l3fwd(program, capture, rules, lookup, cores, memory, buffers, seconds):
    """l3fwd from the capture to nowhere."""
    prefix = f"rate-l3fwd-{os.getpid()}"
    rule_options = (["--rule_ipv4", str(rules[0]), "--rule_ipv6", str(rules[1])])
    command = [str(program), f"--lcores=1@{cores[1]}", "--no-pci", *memory,
               f"--file-prefix={prefix}", f"--vdev=net_pcap0,rx_pcap={capture},infinite_rx=1",
               "--vdev=net_null0,no-rx=1", "--", "-p", "0x3", "-P",
               "--config=(0,0,1),(1,0,1)", f"--lookup={lookup}", "--parse-ptype", *rule_options]
    return measure(command, prefix, 1, seconds, {"L3FWD_BUFFERS": str(buffers)})
