"""The body of scripts/run behind set-up and build: rehearse, run, show, conclude."""

import argparse
import os
import platform
import shutil
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import chains
import judge
import network
import priority
import real
import show
import virtual

REHEARSAL_MS = 2000
REHEARSAL_CYCLE_US = 20_000
VIRTUAL_MS = 200
SHORTEST_CYCLE_US = 2000
LONGEST_CYCLE_US = 65_000
ATTEMPTS = 3


def parse():
    parser = argparse.ArgumentParser(prog="scripts/run", add_help=False)
    parser.add_argument("--virtual", action="store_true")
    parser.add_argument("--chain", choices=[chain.name for chain in chains.CHAINS])
    parser.add_argument("--seconds", type=int, default=6)
    parser.add_argument("--build", type=Path, required=True)
    return parser.parse_args()


def say(text=""):
    print(text, flush=True)


def programs_of(build):
    control = build.resolve() / "control"
    return SimpleNamespace(tcqfd=control / "tcqfd" / "tcqfd", lab=control / "lab" / "tcqf-lab",
                           meter=control / "meter" / "tcqf-meter")


def processor():
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def cycle_for(stall_us):
    """Whole milliseconds; half as long again as four stalls, for the next may be longer."""
    return min(LONGEST_CYCLE_US, max(SHORTEST_CYCLE_US, -(-6 * stall_us // 1000) * 1000))


def rehearse(programs, folder, chain):
    """The longest stall of a router while all run, beside the load."""
    run = real.run_chain(programs, folder / "rehearsal", chain, chains.REAL_TRAFFIC,
                         chains.real_times(REHEARSAL_CYCLE_US), REHEARSAL_MS)
    return run.stall_us()


def run_tcqf(programs, folder, chain, cycle_us, duration_ms):
    """Repeats with longer cycles where the host stalled for more than a quarter of one."""
    for attempt in range(1, ATTEMPTS + 1):
        run = real.run_chain(programs, folder, chain, chains.REAL_TRAFFIC,
                             chains.real_times(cycle_us), duration_ms)
        if not judge.needs_longer_cycles(run) or attempt == ATTEMPTS:
            return run
        longer_us = cycle_for(run.stall_us())
        if longer_us <= cycle_us:
            return run
        say(f"  a router was stalled for {show.duration(run.stall_us())}, more than a quarter of the "
            f"cycle: once more, with {show.duration(longer_us)}")
        cycle_us = longer_us
    return run


def real_runs(programs, folder, wanted, duration_ms):
    """(chain, with TCQF, plain) of each; finds its cycle time first."""
    network.build()
    priority.raise_own()
    stall_us = rehearse(programs, folder, wanted[0])
    cycle_us = cycle_for(stall_us)
    say(f"rehearsal: routers were stalled for up to {show.duration(stall_us)} -> cycles of "
        f"{show.duration(cycle_us)}")
    for chain in wanted:
        say(f"running: {chain.title}, with TCQF and as plain best effort, "
            f"{duration_ms / 1000:g} s each")
        tcqf = run_tcqf(programs, folder / f"{chain.name}-tcqf", chain, cycle_us, duration_ms)
        cycle_us = max(cycle_us, tcqf.times.cycle_us)
        plain = real.run_chain(programs, folder / f"{chain.name}-plain", chain,
                               chains.REAL_TRAFFIC, None, duration_ms)
        yield chain, tcqf, plain


def over_interfaces(programs, folder, wanted, duration_ms):
    """All real runs; where the system refuses what they need, says so and has none."""
    try:
        return list(real_runs(programs, folder, wanted, duration_ms))
    except real.Refused as refusal:
        say(f"no packets over real interfaces: {refusal}\nthe same in virtual time:")
        return []


def virtual_pair(programs, folder, chain):
    return [virtual.run_chain(programs, folder / f"{chain.name}-virtual-{kind}", chain,
                              chains.VIRTUAL_TRAFFIC, times, VIRTUAL_MS)
            for kind, times in (("tcqf", chains.VIRTUAL_TIMES), ("plain", None))]


def show_chain(folder, chain, columns):
    """Tables and pictures of one chain; columns are (title, run)."""
    say(f"\n=== {chain.title} ===\n")
    say(show.table(columns))
    for title, run in columns:
        say(f"\n  accounts, {title}:")
        say(show.account(run))
    for first in range(0, len(columns), 2):
        pair = columns[first:first + 2]
        say()
        say(show.drawing(pair))
        where = "in virtual time" if not pair[0][1].pauses_us else "over real interfaces"
        path = folder / f"{chain.name}{'-virtual' if not pair[0][1].pauses_us else ''}.png"
        trouble = show.picture(path, f"{chain.title}, {where}", pair)
        say(f"  no picture: {trouble}" if trouble else f"  picture: {path}")


def conclude_chain(chain, runs):
    """Problems of the runs with TCQF, each with its name in front."""
    found = []
    for run in runs:
        if not run.times:
            continue
        where = "over real interfaces" if run.pauses_us else "in virtual time"
        found += [f"{chain.title}, {where}: {problem}" for problem in judge.problems(run)]
    return found


def conclusion(results, problems):
    """What to take home."""
    say("\n=== conclusion ===\n")
    for chain, runs in results:
        for run, plain in zip(runs[::2], runs[1::2]):
            where = "real interfaces" if run.pauses_us else "virtual time"
            say(f"  {chain.title}, {where}: the delay varies by {show.ms(judge.flow(run)['spread-ns'])}"
                f" ms with TCQF, by {show.ms(judge.flow(plain)['spread-ns'])} ms without; lost "
                f"{judge.flow(run)['lost']} with, {judge.flow(plain)['lost']} without.")
    if any(run.pauses_us for _, runs in results for run in runs):
        stalled = [run for _, runs in results for run in runs[::2]
                   if run.pauses_us and judge.needs_longer_cycles(run)]
        say("\n  On real interfaces the cycle is as long as it is because this host takes the core "
            "away from a router\n  for milliseconds at a time. The same code and topology hold cycles "
            "of 100 us in virtual time; a host\n  with cores of its own for the routers comes close "
            "to that.")
        for run in stalled:
            say(f"  note: with {run.chain.title} the host stalled for {show.duration(run.stall_us())}, "
                f"more than a quarter of a cycle; what that cost is counted above.")
    if problems:
        say("\n  NOT KEPT:")
        for problem in problems:
            say(f"    {problem}")
    else:
        say("\n  Kept: every packet of the flow left within the cycle that its tag names, what was "
            "lost is in the\n  routers' accounts as stalls of the host, and the spread stays below "
            "two cycles and the longest stall.")


def show_all(programs, folder, measured, wanted):
    """`measured` yields (chain, with TCQF, plain) over real interfaces, or is empty."""
    results, problems = [], []
    by_chain = {chain: [tcqf, plain] for chain, tcqf, plain in measured}
    for chain in wanted:
        runs = by_chain.get(chain, []) + virtual_pair(programs, folder, chain)
        titles = ["TCQF", "best effort"] if chain in by_chain else []
        titles += ["TCQF, virtual", "b.e., virtual"]
        show_chain(folder, chain, list(zip(titles, runs)))
        results.append((chain, runs))
        problems += conclude_chain(chain, runs)
    conclusion(results, problems)
    return problems


def main():
    arguments = parse()
    started = time.monotonic()
    obstacle = "only virtual time was asked for" if arguments.virtual else network.obstacle()
    if not obstacle:
        network.enter()
    folder = arguments.build / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["RUNTIME_DIRECTORY"] = str(folder.resolve())     # DPDK's, away from other routers'
    wanted = [chain for chain in chains.CHAINS if arguments.chain in (None, chain.name)]
    programs = programs_of(arguments.build)
    say(f"sender -> r1 -> r2 -> r3 -> receiver; best effort enters at each router\n"
        f"on {processor()}, {os.cpu_count()} cores, Linux {platform.release()}")
    measured = []
    try:
        if obstacle:
            say(f"no packets over real interfaces: {obstacle}; the same in virtual time:")
        else:
            measured = over_interfaces(programs, folder, wanted, arguments.seconds * 1000)
        problems = show_all(programs, folder, measured, wanted)
    except real.RunFailed as error:
        print(f"scripts/run: {error}", file=sys.stderr)
        return 3
    shutil.rmtree(folder / "dpdk", ignore_errors=True)
    say(f"\n  Everything is in {folder}/: configurations, captures, reports, logs, pictures "
        f"({time.monotonic() - started:.0f} s). How to go on: scripts/run --help")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
