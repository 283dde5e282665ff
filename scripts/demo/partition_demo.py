"""Two network resource partitions, one flooded: what becomes of a flow in the other, in two planes."""

from dataclasses import replace

import cycle_time
import judge
import real
import show
import virtual
from partitions import PLANES, REAL_TRAFFIC, VIRTUAL_TRAFFIC, Partitions
from show import say
from topology import VIRTUAL_TIMES

VIRTUAL_MS = 200
BESIDE = "a flood enters at r1 and at r2, and leaves at r3"
BESIDE_TITLE, SHARED_TITLE = "beside flood", "no partition"


def wanted(_=None):
    return [Partitions(plane) for plane in PLANES]


def variants(traffic):
    """(title, whether there are partitions, traffic): alone; beside the flood; beside it, unprotected."""
    return (("alone", True, replace(traffic, loads={})),
            (BESIDE_TITLE, True, traffic), (SHARED_TITLE, False, traffic))


def folder_of(folder, scenario, title, kind=""):
    return folder / f"{scenario.name}{kind}-{title.replace(' ', '-')}"


def over_interfaces(programs, folder, scenarios, duration_ms):
    """(scenario, columns) of each, beside the flood with partitions and without. How delays with and
    without the flood compare is for virtual time to say: here hosts add more than a nanosecond."""
    cycle_us = cycle_time.rehearse(programs, folder, scenarios[0], REAL_TRAFFIC)
    for scenario in scenarios:
        say(f"running: {scenario.title}, beside the flood, with partitions and without, "
            f"{duration_ms / 1000:g} s each")
        columns = []
        for title, partitioned, traffic in variants(REAL_TRAFFIC)[1:]:
            columns.append((title, cycle_time.run_with_tcqf(
                programs, folder_of(folder, scenario, title),
                replace(scenario, partitioned=partitioned), traffic, cycle_us, duration_ms)))
            cycle_us = max(cycle_us, columns[-1][1].times.cycle_us)
        yield scenario, columns


def in_virtual_time(programs, folder, scenario):
    return [(title, virtual.run_scenario(
        programs, folder_of(folder, scenario, title, "-virtual"),
        replace(scenario, partitioned=partitioned), traffic, VIRTUAL_TIMES, VIRTUAL_MS))
            for title, partitioned, traffic in variants(VIRTUAL_TRAFFIC)]


def show_scenario(folder, scenario, columns):
    run = columns[0][1]
    say(f"\n=== {scenario.title}, {show.where(run)} ===\n")
    say(show.table(columns, show.partition_rows()))
    show.accounts(columns)
    kind = "" if run.pauses_us else "-virtual"
    show.distributions(folder / f"{scenario.name}{kind}.png",
                       f"{scenario.title}, {show.where(run)}", columns)


def problems_of(scenario, columns):
    """What of the promise was not kept, each with its name in front."""
    runs = dict(columns)
    found = [problem for title, run in columns if title != SHARED_TITLE
             for problem in judge.partition_problems(run)]
    if "alone" in runs:
        found += judge.isolation_problems(runs["alone"], runs[BESIDE_TITLE])
    return [f"{scenario.title}, {show.where(columns[0][1])}: {problem}" for problem in found]


def comparison(scenario, columns):
    """One line of what the flood did, to be read alone."""
    runs = dict(columns)
    beside, shared = judge.flow(runs[BESIDE_TITLE]), judge.flow(runs[SHARED_TITLE])
    text = f"  {scenario.title}, {show.where(runs[BESIDE_TITLE])}: beside the flood the flow lost "
    text += f"{beside['lost']} of {beside['sent']} packets"
    if beside["lost"] and runs[BESIDE_TITLE].pauses_us:
        text += f"\n    (this host stalled a router for {show.duration(runs[BESIDE_TITLE].stall_us())})"
    if "alone" in runs:
        alone_ns = judge.flow(runs["alone"])["delay-max-ns"]
        text += (f", its largest delay\n    is {beside['delay-max-ns']} ns, {alone_ns} ns alone "
                 f"({beside['delay-max-ns'] - alone_ns:+d} ns)")
    return text + f"; without partitions it lost {shared['lost']}."


def show_all(programs, folder, measured, scenarios):
    """`measured`: (scenario, columns) over real interfaces, or nothing. What was not kept."""
    results = []
    by_name = {scenario.name: columns for scenario, columns in measured}
    for scenario in scenarios:
        for columns in (by_name.get(scenario.name), in_virtual_time(programs, folder, scenario)):
            if columns:
                show_scenario(folder, scenario, columns)
                results.append((scenario, columns))
    say("\n=== conclusion ===\n")
    for scenario, columns in results:
        say(comparison(scenario, columns))
    problems = [problem for scenario, columns in results
                for problem in problems_of(scenario, columns)]
    show.verdict(problems, "the flood was held to its partition's share of each cycle at every router "
                 "where it entered (nrp-quota),\n  and in virtual time the flow beside it is as if alone. "
                 "What it lost over real interfaces the routers counted\n  as stalls of the host.")
    return problems
