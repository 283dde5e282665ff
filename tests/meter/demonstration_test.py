#!/usr/bin/env python3
"""The demonstration: its judge sees every broken promise, and it runs, in virtual time and for real."""

import argparse
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
DEMO = HERE.parent.parent / "scripts" / "demo"
sys.path[:0] = [str(HERE.parent / "conformance"), str(DEMO)]

import chains  # noqa: E402
import cycle_time  # noqa: E402
import judge  # noqa: E402
import network  # noqa: E402
import topology  # noqa: E402
from real import Run  # noqa: E402
from tap import Tap  # noqa: E402


def account(flow, load, dropped=None):
    """Of a router that received a flow and a load and dropped some of them."""
    dropped = dropped or {}
    sent = flow + load - sum(dropped.values())
    return {"received": flow + load, "generated": 0, "sent": sent, "to-kernel": 0, "queued": 0,
            "dropped": dropped,
            "interfaces": {"ge0": {"received": flow, "sent": 0}, "ge1": {"received": 0, "sent": sent},
                           "ge2": {"received": load, "sent": 0}}}


def good_run():
    """1000 packets, three lost to a stall of r2, all others in their cycles of 4 ms."""
    flow = {"sent": 1000, "received": 997, "lost": 3, "duplicates": 0, "reordered": 0,
            "spread-ns": 9_100_000,
            "cycles": {"inside": 990, "within-allowance": 7, "outside": 0, "untagged": 0}}
    run = Run(chains.CHAINS[0], topology.real_times(4000))
    run.accounts = {"r1": account(1000, 0), "r2": account(1000, 50, {"cycle-overrun": 3}),
                    "r3": account(1047, 0, {"queue-full": 2})}
    run.pauses_us = {"r1": 10, "r2": 1100, "r3": 20}
    run.flows = {topology.FLOW_STREAM: flow}
    return run


def judge_cases(tap):
    tap.case("a run that kept the promise has no problem", judge.problems(good_run()))

    def broken(title, expected, change):
        run = copy.deepcopy(good_run())
        change(run, run.flows[topology.FLOW_STREAM])
        found = judge.problems(run)
        tap.case(title, [] if any(expected in problem for problem in found)
                 else [f"expected '{expected}', found {found}"])

    broken("a loss that no router counted is a problem", "4 packets of the flow were lost",
           lambda run, flow: flow.update(lost=4))
    broken("a counted loss that did not happen is a problem", "2 packets of the flow were lost",
           lambda run, flow: flow.update(lost=2))
    broken("a counted loss that no stall was long enough for is a problem", "only 1000 us",
           lambda run, flow: run.pauses_us.update(r2=1000))
    broken("a packet outside its cycle is a problem", "1 packets left outside",
           lambda run, flow: flow["cycles"].update(outside=1))
    broken("a packet without a tag is a problem", "1 packets arrived without",
           lambda run, flow: flow["cycles"].update(untagged=1))
    broken("packets out of order are a problem", "reordered",
           lambda run, flow: flow.update(reordered=1))
    broken("a packet received twice is a problem", "duplicates",
           lambda run, flow: flow.update(duplicates=1))
    broken("a spread above two cycles and the longest stall is a problem", "spread",
           lambda run, flow: flow.update({"spread-ns": 9_100_001}))
    broken("an account that does not balance is a problem", "r2 does not balance",
           lambda run, flow: run.accounts["r2"].update(queued=1))
    broken("a link that ate a packet is a problem", "r1 sent 1000 packets, r2 received 999",
           lambda run, flow: run.accounts["r2"]["interfaces"]["ge0"].update(received=999))
    broken("a receiver that did not keep up is a problem", "the receiver itself lost 5",
           lambda run, flow: setattr(run, "receiver_lost", 5))
    broken("a flow of which nothing arrives is a problem", "nothing of the flow",
           lambda run, flow: flow.update(received=0))

    run = good_run()
    run.pauses_us["r2"] = 1000
    enough = not judge.needs_longer_cycles(run)
    run.pauses_us["r3"] = 1001
    tap.case("cycles are to be four times the longest stall, no less",
             [] if enough and judge.needs_longer_cycles(run) else ["it is not so"])

    longest_us = cycle_time.cycle_for(1_000_000)
    said = [cycle_time.reserve(longest_us, stall_us) for stall_us in (longest_us // 4, longest_us)]
    tap.case("a cycle that is less than four stalls long is said to be",
             [] if said[0] == "" and "less than four stalls" in said[1] else said)


def config_cases(tap, build, folder):
    problems = []
    for chain in chains.CHAINS:
        for name in topology.ROUTERS:
            for traffic, times in ((chains.REAL_TRAFFIC, topology.real_times(20_000)),
                                   (chains.VIRTUAL_TRAFFIC, topology.VIRTUAL_TIMES),
                                   (chains.REAL_TRAFFIC, None)):
                path = folder / "checked.yaml"
                path.write_text(chain.config(name, traffic, times))
                done = subprocess.run([build / "control/tcqfd/tcqfd", "--check", "--config", path],
                                      capture_output=True, text=True, check=False, timeout=60)
                if done.returncode != 0 or done.stderr:
                    problems.append(f"{chain.name} {name}: {done.stderr}")
    tap.case("every configuration of the demonstration passes the check without a warning", problems)


def demonstration(build, *words, replaced=None, prefix=(), start=(DEMO / "main.py",), look=None):
    """Runs it with a folder of its own; the programs are those of the build, but the replaced ones.
    look(folder) sees what it left before it is gone."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("lab/tcqf-lab", "meter/tcqf-meter", "tcqfd/tcqfd"):
            path = Path(folder) / "control" / name
            path.parent.mkdir(parents=True)
            os.symlink((replaced or {}).get(name, (build / "control" / name).resolve()), path)
        done = subprocess.run([*prefix, sys.executable, *start, "--build", folder, *words],
                              capture_output=True, text=True, check=False, timeout=280)
        if look:
            look(Path(folder) / "demo")
        return done


def expect_shown(tap, title, done, words, status=0):
    problems = [f"exit status {done.returncode}: {done.stdout[-2000:]}{done.stderr}"] \
        if done.returncode != status else []
    missing = [word for word in words if word not in done.stdout]
    problems += [f"shows no '{word}'" for word in missing]
    problems += [line for line in done.stdout.splitlines() if missing and line][:8]
    tap.case(title, problems)


def named_namespaces():
    return sorted(os.listdir("/run/netns")) if os.path.isdir("/run/netns") else []


def router_that_does_not_start(tap, build):
    with tempfile.TemporaryDirectory() as folder:
        refusing = Path(folder) / "tcqfd"
        refusing.write_text("#!/bin/sh\necho 'tcqfd: error: the device is gone' >&2\nexit 3\n")
        refusing.chmod(0o755)
        done = demonstration(build, "--chain", "dscp", replaced={"tcqfd/tcqfd": refusing})
    expect_shown(tap, "a router that does not start is no success, though virtual time is shown", done,
                 ["NO PACKETS OVER REAL INTERFACES", "NOT SHOWN over real interfaces",
                  "the device is gone", "dscp-virtual.png"], status=3)


def program_that_does_not_answer(tap, build):
    done = demonstration(build, "--virtual", "--chain", "dscp",
                         replaced={"meter/tcqf-meter": Path("/bin/true")})
    right = done.returncode == 3 and "Traceback" not in done.stderr
    tap.case("a program that says nothing is no broken promise",
             [] if right else [f"exit status {done.returncode}: {done.stderr}"])


def folder_that_cannot_be_made(tap):
    done = subprocess.run([sys.executable, str(DEMO / "main.py"), "--virtual", "--build", "/dev/null"],
                          capture_output=True, text=True, check=False, timeout=60)
    told = "scripts/run: /dev/null/demo: Not a directory; " in done.stderr
    tap.case("a folder that cannot be made is one sentence and exit status 3",
             [] if done.returncode == 3 and told and done.stderr.count("\n") == 1
             else [f"exit status {done.returncode}: {done.stderr}"])


def command_line_cases(tap):
    """scripts/run itself; each ends before anything is built."""
    script = DEMO.parent / "run"
    for words, status, told in ((["--chain", "vlan"], 2, "--chain vlan cannot be"),
                                (["--virtaul"], 2, "there is no option --virtaul"),
                                (["--chain", "dscp", "--srv6-nrp"], 2, "exclude each other"),
                                (["--virtual"], 3, "there is no place for a log")):
        done = subprocess.run([script, *words], env={**os.environ, "TMPDIR": "/proc/absent"},
                              capture_output=True, text=True, check=False, timeout=60)
        right = done.returncode == status and told in done.stderr and not done.stdout
        tap.case(f"scripts/run {' '.join(words)}: {told}",
                 [] if right else [f"exit status {done.returncode}: {done.stdout}{done.stderr}"])


def run_cases(tap, build):
    command_line_cases(tap)
    folder_that_cannot_be_made(tap)
    program_that_does_not_answer(tap, build)
    done = demonstration(build, "--virtual", "--chain", "ipv6-option")
    expect_shown(tap, "in virtual time it keeps the promise and shows it", done,
                 ["only virtual time was asked for", "outside their cycle", "ipv6-option-virtual.png",
                  "100 us", "Kept:"])
    done = demonstration(build, "--chain", "dscp", prefix=("setpriv", "--bounding-set=-all",
                                                           "--inh-caps=-all"))
    expect_shown(tap, "where namespaces are forbidden it says so, and virtual time decides", done,
                 ["no packets over real interfaces: ", "forbidden", "Kept:"])
    obstacle = network.obstacle()
    if obstacle:
        for title in ("a router that does not start is no success", "real packets cross three routers"):
            tap.skip(title, obstacle)
        return
    router_that_does_not_start(tap, build)
    before = named_namespaces()
    done = demonstration(build, "--chain", "dscp", "--seconds", "2")
    expect_shown(tap, "real packets cross three routers within their cycles", done,
                 ["rehearsal: routers were stalled", "real interfaces: the delay varies", "dscp.png",
                  "Kept:"])
    tap.case("the demonstration leaves no namespace behind",
             [] if named_namespaces() == before else [f"{named_namespaces()}, before: {before}"])


def main(judging, configuring, running):
    """Runs cases(tap), cases(tap, build, folder) and cases(tap, build)."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    tap = Tap()
    judging(tap)
    configuring(tap, arguments.build, arguments.out)
    running(tap, arguments.build)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main(judge_cases, config_cases, run_cases))
