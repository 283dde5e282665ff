"""Over real interfaces a cycle has to be several times the longest stall of a router: finds it out."""

import judge
import network
import priority
import real
import show
from topology import real_times

REHEARSAL_MS = 2000
REHEARSAL_CYCLE_US = 20_000
SHORTEST_CYCLE_US = 2000
LONGEST_CYCLE_US = 65_000
ATTEMPTS = 3


def cycle_for(stall_us):
    """Whole milliseconds; half as long again as four stalls, for the next may be longer."""
    return min(LONGEST_CYCLE_US, max(SHORTEST_CYCLE_US, -(-6 * stall_us // 1000) * 1000))


def reserve(cycle_us, stall_us):
    """Says so where even the longest cycle is not four times the stall."""
    if cycle_us >= 4 * stall_us:
        return ""
    return (", the longest there are; less than four stalls, so this host may cost packets, "
            "which are counted")


def rehearse(programs, folder, scenario, traffic):
    """Builds the network; a cycle for the longest stall while all run, beside the load."""
    network.build()
    priority.raise_own()
    run = real.run_scenario(programs, folder / "rehearsal", scenario, traffic,
                            real_times(REHEARSAL_CYCLE_US), REHEARSAL_MS)
    cycle_us = cycle_for(run.stall_us())
    show.say(f"rehearsal: routers were stalled for up to {show.duration(run.stall_us())} -> cycles "
             f"of {show.duration(cycle_us)}{reserve(cycle_us, run.stall_us())}")
    return cycle_us


def run_with_tcqf(programs, folder, scenario, traffic, cycle_us, duration_ms):
    """Repeats with longer cycles where the host stalled for more than a quarter of one."""
    for attempt in range(1, ATTEMPTS + 1):
        run = real.run_scenario(programs, folder, scenario, traffic, real_times(cycle_us),
                                duration_ms)
        if not judge.needs_longer_cycles(run) or attempt == ATTEMPTS:
            return run
        longer_us = cycle_for(run.stall_us())
        if longer_us <= cycle_us:
            return run
        show.say(f"  a router was stalled for {show.duration(run.stall_us())}, more than a quarter "
                 f"of the cycle: once more, with {show.duration(longer_us)}")
        cycle_us = longer_us
    return run
