"""--stall: the worker does nothing for a while; what is lost, nothing leaves in a wrong cycle."""

from fractions import Fraction

import wire
from case import (BASE, DSCP_TAGS, IDENTITY_PLUS_ONE, US, Case, at, base_config, dscp_transit,
                  explicit, flow, onto, starts, tagged, v4, with_domain, with_flow)

T = 100 * US
RATE = 1000


def burst(count, size, *, first=0, time=1000, dscp=3, to=1):
    return [at(time + 10 * k, onto(0, v4(first + k, size=size, dscp=dscp, to=to)))
            for k in range(count)]


def whole_cycles():
    """A stall over whole cycles: all of them is lost, the next cycle is right again."""
    made = []
    for name, begin, length in (("one-cycle", T - 1000, 102_000), ("ten-seconds", T - 1000, 10**10),
                                ("two-cycles", T - 1000, 201_500)):
        rx = burst(6, 200) + burst(3, 300, first=20, time=2000, dscp=7)
        rx.append(at(begin + length + 50_000, onto(0, v4(40, size=100, dscp=3))))
        made.append(Case(f"stall-{name}", f"A stall of {length} ns before cycle 1 begins",
                         dscp_transit(RATE), {"ge0": rx}, stalls=((BASE + begin, length),)))
    return made


def best_effort():
    rx = burst(6, 1500, to=2)

    # By hand: two frames of 12304 ns start before 20000; the others from 520000 on.
    def by_hand(router):
        assert starts(router, "ge2") == [1000, 13_304] + [520_000 + 12_304 * k for k in range(4)]

    return Case("stall-best-effort", "Best effort waits for the end of a stall, it is not lost",
                base_config(RATE), {"ge0": rx}, stalls=((BASE + 20_000, 500_000),),
                by_hand=by_hand)


def wrong_cycle_problems(outcome, interface="ge1", cycles=4):
    """TCQF frames whose tag is not that of the cycle that holds them."""
    tags = dict(zip(DSCP_TAGS, range(1, cycles + 1)))
    problems = []
    for time, frame in outcome.sent(interface):
        identifier = tags.get(wire.dscp_of(frame[14:]))
        if identifier is None:
            continue
        cycle = time // T
        end = time + Fraction((max(len(frame), 60) + 24) * 8000, RATE)
        if cycle % cycles + 1 != identifier or end > (cycle + 1) * T:
            problems.append(f"a frame of cycle {identifier} sent at {time - BASE}")
    return problems


def phase_cases():
    """Stalls of many lengths at many phases of a boundary, with transit and a flow."""
    config = with_flow(dscp_transit(RATE), flow(csize=8000))
    made = []
    for length in (T // 2, T, 2 * T, 4 * T - 1, 4 * T, 4 * T + 1, 10**10):
        for phase in (-1, 0, 1, 30_000, T // 2):
            begin = 6 * T + phase
            rx = {"ge0": [at(9_000 * k, onto(0, v4(k, dscp=DSCP_TAGS[(9_000 * k // T) % 4],
                                                   size=300))) for k in range(120)],
                  "ge3": [at(20_000 * k + 7, onto(3, v4(k, size=900))) for k in range(50)]}
            rx["ge0"].append(at(begin + length + 3 * T, onto(0, v4(
                999, dscp=DSCP_TAGS[(begin + length + 3 * T) // T % 4], size=300))))
            rx["ge0"].sort(key=lambda packet: packet[0])

            def check(outcome, total=171):
                problems = wrong_cycle_problems(outcome)
                account = outcome.account()
                if account["received"] != total:
                    problems.append(f"received {account['received']}, expected {total}")
                if not any(frame[18:20] == b"\x03\xe7" for _, frame in outcome.sent("ge1")):
                    problems.append("the packet well after the stall was not sent")
                return problems

            made.append(Case(f"stall-phase-{length}-{phase}".replace("--", "-minus-"),
                             f"A stall of {length} ns from {phase} ns after a boundary", config,
                             rx, stalls=((BASE + begin, length),), check=check))
    return made


def flow_in_a_stall():
    """What a flow brings meanwhile has its cycles: those that are over are lost, others are not."""
    config = with_flow(dscp_transit(RATE), flow(csize=8000))
    rx = {"ge3": [at(10_000 + 10 * k, onto(3, v4(k, size=900))) for k in range(6)]}

    # By hand: 900 octets are 7200 of 8000 bits, one a cycle: 1 to 6; the stall ends in cycle 4.
    def by_hand(router):
        assert starts(router, "ge1") == [4 * T + 50_000, 5 * T, 6 * T]

    return Case("stall-flow", "Cycles of a flow that are over are lost, those ahead are used",
                config, rx, stalls=((BASE + 5_000, 4 * T + 45_000),), until_drained=True,
                by_hand=by_hand)


def no_tcqf_lost_between():
    """A stall that lies where nothing is due changes nothing."""
    config = with_domain(base_config(RATE), [tagged(0, "dscp"), tagged(1, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    rx = burst(3, 200) + burst(3, 200, first=10, time=2 * T + 90_000, dscp=11)
    return Case("stall-where-nothing-is-due", "A stall in the idle part of a cycle", config,
                {"ge0": rx}, stalls=((BASE + T + 50_000, 40_000),))


def dead_time():
    """What a stall delays may use the dead time, but not the next cycle."""
    made = []
    # By hand: six frames of 12304 ns fill 73824 of the 80000 ns that cycle 1 holds.
    for name, resumed, sent in (("used", 10_000, 6), ("exceeded", 30_000, 5)):
        config = with_domain(base_config(RATE),
                             [tagged(0, "dscp"), tagged(1, "dscp", **{"dead-time-ns": 20_000})],
                             [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])

        def by_hand(router, resumed=resumed, sent=sent):
            assert starts(router, "ge1") == [T + resumed + 12_304 * k for k in range(sent)]

        made.append(Case(f"stall-dead-time-{name}",
                         f"A full cycle that starts {resumed} ns late, with 20000 ns of dead time",
                         config, {"ge0": burst(6, 1500)},
                         stalls=((BASE + T - 1000, resumed + 1000),), until_drained=True,
                         by_hand=by_hand))
    return made


def cases():
    return (whole_cycles() + [best_effort()] + phase_cases() + [no_tcqf_lost_between(), flow_in_a_stall()] +
            dead_time())
