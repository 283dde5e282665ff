"""The programs beside ours: started, measured while they forward, and ended."""

import dataclasses
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


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a program has sent in how much of the processor's time."""

    packets: int
    processor_seconds: float


def rate(first, last):
    """Packets a second of processor time between two readings."""
    return (last.packets - first.packets) / (last.processor_seconds - first.processor_seconds)


class Forwarding:
    """A program that forwards as long as it is entered; DPDK's telemetry counts what it sends."""

    def __init__(self, command, prefix, environment=None):
        self._command = command
        self._prefix = prefix
        self._environment = {**os.environ, **(environment or {})}
        self._telemetry = None

    def __enter__(self):
        # The log goes into a pipe's place in memory: nothing that a terminal could slow down.
        self._log = os.memfd_create("log")
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=self._log,
                                         stderr=self._log, env=self._environment)
        try:
            self._telemetry = Telemetry(self._prefix, lambda: self._process.poll() is None)
            deadline = time.monotonic() + START_SECONDS
            while self._sent() == 0:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise Failed("it forwards nothing")
                time.sleep(0.02)
            return self
        except (Failed, OSError, KeyError, ValueError) as problem:
            log = self._end_of_log()
            self.__exit__()
            raise Failed(f"{self._command[0]}: {problem}: {log}") from problem

    def __exit__(self, *_):
        if self._telemetry:
            self._telemetry.close()
        # It does not end by itself, and has nothing to lose.
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        os.close(self._log)

    def reading(self):
        try:
            return Reading(self._sent(), _processor_seconds(self._process))
        except (OSError, KeyError, ValueError) as problem:
            raise Failed(f"{self._command[0]}: {problem}: {self._end_of_log()}") from problem

    def _sent(self):
        """The port that packets leave by is the second one of every program here."""
        return self._telemetry.ask("/ethdev/stats,1")["opackets"]

    def _end_of_log(self):
        size = os.fstat(self._log).st_size
        return os.pread(self._log, 2000, max(0, size - 2000)).decode(errors="replace")


def testpmd(devices, cores, memory, buffers):
    """The floor of the ports: nothing is done with a packet between them."""
    prefix = f"rate-testpmd-{os.getpid()}"
    command = ["dpdk-testpmd", f"--lcores=0@{cores[0]},1@{cores[1]}", "--no-pci", *memory,
               f"--file-prefix={prefix}", *(f"--vdev={device}" for device in devices), "--",
               "--auto-start", "--forward-mode=io", "--no-lsc-interrupt", "--no-rmv-interrupt",
               f"--total-num-mbufs={buffers}"]
    return Forwarding(command, prefix)


def l3fwd(program, capture, rules, lookup, cores, memory, buffers):
    """l3fwd from the capture to nowhere."""
    prefix = f"rate-l3fwd-{os.getpid()}"
    rule_options = (["--rule_ipv4", str(rules[0]), "--rule_ipv6", str(rules[1])])
    command = [str(program), f"--lcores=1@{cores[1]}", "--no-pci", *memory,
               f"--file-prefix={prefix}", f"--vdev=net_pcap0,rx_pcap={capture},infinite_rx=1",
               "--vdev=net_null0,no-rx=1", "--", "-p", "0x3", "-P",
               "--config=(0,0,1),(1,0,1)", f"--lookup={lookup}", "--parse-ptype", *rule_options]
    return Forwarding(command, prefix, {"L3FWD_BUFFERS": str(buffers)})
