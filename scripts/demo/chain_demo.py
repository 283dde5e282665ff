"""Three chains, each in one kind of tag: a flow with TCQF and as plain best effort, beside a load."""

import cycle_time
import judge
import real
import show
import virtual
from chains import CHAINS, REAL_TRAFFIC, VIRTUAL_TRAFFIC
from show import say
from topology import VIRTUAL_TIMES

VIRTUAL_MS = 200
BESIDE = "best effort enters at each router"


def wanted(name=None):
    """All chains, or the one of that name."""
    return [chain for chain in CHAINS if name in (None, chain.name)]


def over_interfaces(programs, folder, chains, duration_ms):
    """(chain, with TCQF, plain) of each; finds its cycle time first."""
    cycle_us = cycle_time.rehearse(programs, folder, chains[0], REAL_TRAFFIC)
    for chain in chains:
        say(f"running: {chain.title}, with TCQF and as plain best effort, "
            f"{duration_ms / 1000:g} s each")
        tcqf = cycle_time.run_with_tcqf(programs, folder / f"{chain.name}-tcqf", chain,
                                        REAL_TRAFFIC, cycle_us, duration_ms)
        cycle_us = max(cycle_us, tcqf.times.cycle_us)
        plain = real.run_scenario(programs, folder / f"{chain.name}-plain", chain,
                                  REAL_TRAFFIC, None, duration_ms)
        yield chain, [tcqf, plain]


def virtual_pair(programs, folder, chain):
    return [virtual.run_scenario(programs, folder / f"{chain.name}-virtual-{kind}", chain,
                                 VIRTUAL_TRAFFIC, times, VIRTUAL_MS)
            for kind, times in (("tcqf", VIRTUAL_TIMES), ("plain", None))]


def show_chain(folder, chain, columns):
    """Tables and pictures of one chain; columns are (title, run)."""
    say(f"\n=== {chain.title} ===\n")
    say(show.table(columns, show.chain_rows()))
    show.accounts(columns)
    for first in range(0, len(columns), 2):
        pair = columns[first:first + 2]
        kind = "" if pair[0][1].pauses_us else "-virtual"
        show.distributions(folder / f"{chain.name}{kind}.png",
                           f"{chain.title}, {show.where(pair[0][1])}", pair)


def conclude_chain(chain, runs):
    """Problems of the runs with TCQF, each with its name in front."""
    return [f"{chain.title}, {show.where(run)}: {problem}"
            for run in runs if run.times for problem in judge.problems(run)]


def conclusion(results, problems):
    """What to take home."""
    say("\n=== conclusion ===\n")
    for chain, runs in results:
        for run, plain in zip(runs[::2], runs[1::2]):
            where = show.where(run).split(" ", 1)[1]
            say(f"  {chain.title}, {where}: the delay varies by {show.ms(judge.flow(run)['spread-ns'])}"
                f" ms with TCQF, by {show.ms(judge.flow(plain)['spread-ns'])} ms without; lost "
                f"{judge.flow(run)['lost']} with, {judge.flow(plain)['lost']} without.")
    on_interfaces = [run for _, runs in results for run in runs[::2] if run.pauses_us]
    if on_interfaces:
        say("\n  On real interfaces the cycle is as long as it is because this host takes the core "
            "away from a router\n  for milliseconds at a time. The same code and topology hold cycles "
            "of 100 us in virtual time; a host\n  with cores of its own for the routers comes close "
            "to that.")
    for run in filter(judge.needs_longer_cycles, on_interfaces):
        say(f"  note: with {run.scenario.title} the host stalled for {show.duration(run.stall_us())}, "
            f"more than a quarter of a cycle; what that cost is counted above.")
    show.verdict(problems, "every packet of the flow left within the cycle that its tag names, what "
                 "was lost is in the\n  routers' accounts as stalls of the host, and the spread stays "
                 "below two cycles and the longest stall.")


def show_all(programs, folder, measured, chains):
    """`measured`: (chain, [with TCQF, plain]) over real interfaces, or nothing. What was not kept."""
    results, problems = [], []
    by_chain = dict(measured)
    for chain in chains:
        runs = by_chain.get(chain, []) + virtual_pair(programs, folder, chain)
        titles = ["TCQF", "best effort"] if chain in by_chain else []
        titles += ["TCQF, virtual", "b.e., virtual"]
        show_chain(folder, chain, list(zip(titles, runs)))
        results.append((chain, runs))
        problems += conclude_chain(chain, runs)
    conclusion(results, problems)
    return problems
