"""The body of scripts/run behind set-up and build: run, show, conclude."""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import chain_demo
import network
import partition_demo
import real
from show import say

BROKEN, REFUSED = 1, 3      # exit status


def parse():
    parser = argparse.ArgumentParser(prog="scripts/run", add_help=False)
    parser.add_argument("--virtual", action="store_true")
    parser.add_argument("--srv6-nrp", action="store_true")
    parser.add_argument("--chain", choices=[chain.name for chain in chain_demo.wanted()])
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--build", type=Path, required=True)
    return parser.parse_args()


def programs_of(build):
    control = build.resolve() / "control"
    return SimpleNamespace(tcqfd=control / "tcqfd" / "tcqfd", lab=control / "lab" / "tcqf-lab",
                           meter=control / "meter" / "tcqf-meter")


def processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def over_interfaces(demo, programs, folder, wanted, duration_ms):
    """All real runs, and why there are none where a program did not get what it needs."""
    try:
        return list(demo.over_interfaces(programs, folder, wanted, duration_ms)), ""
    except real.Refused as refusal:
        return [], str(refusal).strip()


def run(arguments, obstacle, folder):
    """Runs and shows what was asked for; the exit status."""
    demo = partition_demo if arguments.srv6_nrp else chain_demo
    wanted = demo.wanted(arguments.chain)
    programs = programs_of(arguments.build)
    say(f"sender -> r1 -> r2 -> r3 -> receiver; {demo.BESIDE}\n"
        f"on {processor()}, {os.cpu_count()} cores, Linux {platform.release()}")
    measured, refusal = [], ""
    if obstacle:
        say(f"no packets over real interfaces: {obstacle}; the same in virtual time:")
    else:
        measured, refusal = over_interfaces(demo, programs, folder, wanted,
                                            arguments.seconds * 1000)
    if refusal:
        say(f"NO PACKETS OVER REAL INTERFACES, though this machine allows them: {refusal}\n"
            "what follows is in virtual time alone:")
    problems = demo.show_all(programs, folder, measured, wanted)
    if refusal:
        say(f"\n  NOT SHOWN over real interfaces: {refusal}")
    return BROKEN if problems else REFUSED if refusal else 0


def renew(folder):
    """Makes it, empty."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)


def main():
    arguments = parse()
    started = time.monotonic()
    obstacle = "only virtual time was asked for" if arguments.virtual else network.obstacle()
    if not obstacle:
        network.enter()
    folder = arguments.build / "demo"
    try:
        renew(folder)
    except OSError as error:
        print(f"scripts/run: {folder}: {error.strerror or error}; remove it, or run as who made it",
              file=sys.stderr)
        return REFUSED
    os.environ["RUNTIME_DIRECTORY"] = str(folder.resolve())     # DPDK's, away from other routers'
    try:
        status = run(arguments, obstacle, folder)
    except (real.RunFailed, OSError, subprocess.SubprocessError, json.JSONDecodeError) as error:
        print(f"scripts/run: {error}", file=sys.stderr)
        return REFUSED
    shutil.rmtree(folder / "dpdk", ignore_errors=True)
    say(f"\n  Everything is in {folder}/: configurations, captures, reports, logs, pictures "
        f"({time.monotonic() - started:.0f} s). How to go on: scripts/run --help")
    return status


if __name__ == "__main__":
    sys.exit(main())
