"""tcqfd does with the packets of conformance cases what tcqf-lab does: the same octets out of the same
interfaces, the same counters. Its packets come from captures, all at once, through DPDK's own port,
so only cases without cycles are taken, and those in which time decides nothing else. Prints TAP.

    conformance_cases_test.py TCQFD TCQF-LAB OUT [--every N] [--only PATTERN]
"""

import argparse
import collections
import concurrent.futures
import copy
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
import yaml  # noqa: E402
from captures import pcap_bytes, read_pcap  # noqa: E402
from tap import Tap  # noqa: E402

READY_SECONDS = 60
ERRORS_AT_ONCE = 10  # the rate limit of ICMP errors
MEMORY = ("--no-huge", "-m", "640")  # whoever else takes huge pages meanwhile
ACCOUNT = ("received", "generated", "sent", "to-kernel", "queued", "dropped", "interfaces")


def is_timeless(case):
    """True where a case may say the same whenever its packets come."""
    packets = sum(map(len, case.rx.values()))
    return (case.refused is None and case.until_drained and not case.stalls and not case.captures
            and not case.config_text and "tcqf" not in case.config and "detnet" not in case.config
            and packets and all(each.get("best-effort-queue-packets", 1024) > packets
                                for each in case.config["interfaces"]))


def with_capture_ports(case, folder):
    """The case's configuration on ports that read one capture and write another."""
    config = copy.deepcopy(case.config)
    for i, interface in enumerate(config["interfaces"]):
        name = interface["name"]
        (folder / f"{name}.in.pcap").write_bytes(pcap_bytes(case.rx.get(name, [])))
        interface["device"] = (f"net_pcap{i},rx_pcap={folder / name}.in.pcap,"
                               f"tx_pcap={folder / name}.out.pcap")
    return config


class Telemetry:
    """DPDK's own socket of a running program."""

    def __init__(self, prefix):
        runtime = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(READY_SECONDS)
        self.socket.connect(f"{runtime}/dpdk/{prefix}/dpdk_telemetry.v2")
        self.socket.recv(1 << 16)

    def ask(self, question):
        self.socket.send(question.encode())
        return json.loads(self.socket.recv(1 << 16))[question.split(",")[0]]

    def received(self):
        return sum(self.ask(f"/ethdev/stats,{port}")["ipackets"] for port in self.ask("/ethdev/list"))


def run_daemon(tcqfd, case, folder):
    """The closing account of tcqfd, once it has received every packet."""
    config = folder / "tcqfd.yaml"
    config.write_text(yaml.safe_dump(with_capture_ports(case, folder), sort_keys=False))
    prefix = f"tcqfd-case-{os.getpid()}-{case.name}"
    errors = folder / "tcqfd.stderr"
    with open(errors, "wb") as stderr:
        process = subprocess.Popen(
            [tcqfd, "--config", str(config), "--yield", "--no-kernel-ports", "--",
             f"--file-prefix={prefix}", *MEMORY], stdout=subprocess.PIPE, stderr=stderr)
    try:
        deadline = time.monotonic() + READY_SECONDS
        wanted = sum(map(len, case.rx.values()))
        while "\nready\n" not in "\n" + errors.read_text():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"tcqfd is not ready: {errors.read_text()}")
            time.sleep(0.01)
        telemetry = Telemetry(prefix)
        while telemetry.received() < wanted:
            if time.monotonic() > deadline:
                raise RuntimeError("tcqfd does not receive every packet")
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=READY_SECONDS)
        if process.returncode != 0:
            raise RuntimeError(f"exit {process.returncode}: {errors.read_text()}")
        return json.loads(output)
    finally:
        process.kill()
        process.wait()


def frames(path):
    """How often a capture has each frame."""
    return collections.Counter(frame for _, frame in read_pcap(path))


def differences(case, outcome, account, folder):
    problems = []
    expected = outcome.account()
    for key in ACCOUNT:
        if account[key] != expected[key]:
            problems.append(f"{key}: {account[key]}, the lab has {expected[key]}")
    for interface in case.config["interfaces"]:
        name = interface["name"]
        got, wanted = frames(folder / f"{name}.out.pcap"), frames(outcome.directory / f"{name}.pcap")
        problems += [f"{name}: tcqfd alone sent {frame.hex()}" for frame in got - wanted]
        problems += [f"{name}: the lab alone sent {frame.hex()}" for frame in wanted - got]
    return problems


def judge(programs, case, root):
    """(problems, whether the case was one to compare)."""
    folder = root / case.name
    shutil.rmtree(folder, ignore_errors=True)
    run.write_inputs(case, folder)
    outcome = run.run_lab(case, programs.lab, folder)
    if outcome.exit_code != 0:
        return [f"the lab: exit code {outcome.exit_code}: {outcome.stderr}"], True
    if outcome.account()["generated"] > ERRORS_AT_ONCE:
        return [], False
    try:
        return differences(case, outcome, run_daemon(programs.tcqfd, case, folder), folder), True
    except (OSError, RuntimeError, subprocess.TimeoutExpired) as error:
        return [str(error)], True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tcqfd", type=pathlib.Path)
    parser.add_argument("lab", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--every", type=int, default=1, help="one of so many cases")
    parser.add_argument("--only", default="*", help="names of cases, a shell pattern")
    programs = parser.parse_args()
    chosen = [case for case in run.all_cases()
              if is_timeless(case) and fnmatch.fnmatch(case.name, programs.only)][::programs.every]
    tap = Tap()
    with concurrent.futures.ThreadPoolExecutor(2 * len(os.sched_getaffinity(0))) as pool:
        results = pool.map(lambda case: judge(programs, case, programs.out.resolve()), chosen)
        for case, (problems, compared) in zip(chosen, results):
            if compared:
                tap.case(f"{case.name}: {case.rule}", problems)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
