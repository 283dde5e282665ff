"""Computed cycle maps."""

import random

from case import (BASE, DSCP_TAGS, US, Case, at, base_config, onto, starts, tagged, v4,
                  with_domain)
from reference.cycles import computed_map


def computed_config(cycles, time_us, own_offset, low, high, *, upstream=0, error=0, dead=None,
                    tags=None):
    """ge0 -> ge1 with a computed map."""
    tags = tags or DSCP_TAGS[:cycles]
    config = base_config()
    config["clock"]["max-time-interval-error-ns"] = error
    entry = {"iif": "ge0", "oif": "ge1", "latency-min-ns": low, "latency-max-ns": high,
             "upstream-clock-offset-ns": upstream}
    if dead is not None:
        entry["upstream-dead-time-ns"] = dead
    return with_domain(config, [tagged(0, "dscp", tags),
                                tagged(1, "dscp", tags, cycle_clock_offset_ns=own_offset)],
                       [entry], cycles=cycles, cycle_time_us=time_us), tags


def edge_arrivals(cycles, time_ns, upstream, low, high, tags, rounds=3):
    """The earliest and latest packets of each upstream cycle, one ns inside and outside."""
    first = (BASE - upstream) // time_ns + 1
    rx, sequence = [], 0
    for n in range(first, first + rounds * cycles):
        start = upstream + n * time_ns
        for time in (start + low - 1, start + low, start + high, start + time_ns + low - 1,
                     start + time_ns + high - 1, start + time_ns + high):
            rx.append((time, onto(0, v4(sequence, dscp=tags[n % cycles]))))
            sequence += 1
    return sorted(rx, key=lambda packet: packet[0])


# (name, C, T us, O_oif, Dmin, Dmax, O_up, error, upstream dead time,
#  A and window maximum worked out by hand: A = ceil((O_up + Dmax - dead + error - O_oif)/T) + 1,
#  maximum = A - floor((O_up + Dmin - error - O_oif)/T))
TABLE = [
    ("draft-check-value", 3, 100, 0, 180_000, 180_000, 0, 0, None, 3, 2),
    ("whole-cycle", 4, 100, 0, 100_000, 100_000, 0, 0, None, 2, 1),
    ("one-over", 4, 100, 0, 100_000, 100_001, 0, 0, None, 3, 2),
    ("one-under", 4, 100, 0, 99_999, 100_000, 0, 0, None, 2, 2),
    ("negative", 4, 100, 150_000, 9_000, 21_000, 0, 0, None, 0, 2),
    ("very-negative", 4, 100, 399_999, 1_000, 2_000, 0, 0, None, -2, 2),
    ("error-widens", 4, 100, 0, 100_000, 200_000, 0, 1, None, 4, 4),
    ("error-large", 4, 100, 12_000, 9_000, 21_000, 0, 5_000, None, 2, 3),
    ("dead-time", 4, 100, 0, 50_000, 101_000, 0, 0, 1_000, 2, 2),
    ("dead-time-zero", 4, 100, 0, 50_000, 101_000, 0, 0, 0, 3, 3),
    ("upstream-offset", 4, 100, 0, 9_000, 21_000, 380_000, 0, None, 6, 3),
    ("both-offsets", 4, 100, 250_000, 9_000, 21_000, 60_000, 0, None, 0, 2),
    ("odd-time", 3, 77, 11_111, 9_000, 21_000, 5_000, 0, None, 2, 2),
    ("no-divisor", 3, 300, 0, 1_234_567, 1_300_000, 0, 0, None, 6, 2),
    ("long-wire", 4, 20, 7_000, 10_000_000, 10_015_000, 0, 0, None, 502, 3),
    ("widest", 4, 100, 0, 0, 300_000, 0, 0, None, 4, 4),
    ("short-cycle", 4, 1, 500, 5_000, 6_999, 0, 0, None, 8, 4),
]


def table_cases():
    made = []
    for name, cycles, time_us, own, low, high, upstream, error, dead, advance, widest in TABLE:
        config, tags = computed_config(cycles, time_us, own, low, high, upstream=upstream,
                                       error=error, dead=dead)
        rx = edge_arrivals(cycles, time_us * US, upstream, low, high, tags)
        wanted = tuple((i - 1 + advance) % cycles + 1 for i in range(1, cycles + 1))

        def by_hand(router, wanted=wanted, widest=widest):
            cycle_map = router.tagging.interfaces["ge1"].domain.maps["ge0", "ge1"]
            assert cycle_map.map == wanted, cycle_map
            assert (cycle_map.window_min, cycle_map.window_max) == (1, widest), cycle_map

        made.append(Case(f"computed-{name}", f"Computed map: C={cycles} T={time_us} us O_up="
                         f"{upstream} O_oif={own} D={low}..{high} error={error} dead={dead}",
                         config, {"ge0": rx}, by_hand=by_hand))
    return made


def random_cases():
    """Parameters drawn by chance whose window fits."""
    made, chance = [], random.Random(6)
    while len(made) < 10:
        cycles = chance.choice((3, 4))
        time_us = chance.choice((20, 50, 77, 100, 333, 500))
        time_ns = time_us * US
        own, upstream = (chance.randrange(cycles * time_ns) for _ in range(2))
        low = chance.randrange(20 * time_ns)
        high = low + chance.randrange(2 * time_ns)
        error = chance.choice((0, 0, 1, 100, 999))
        if computed_map(cycles, time_ns, upstream, own, low, high, error).window_max > cycles:
            continue
        config, tags = computed_config(cycles, time_us, own, low, high, upstream=upstream,
                                       error=error)
        rx = edge_arrivals(cycles, time_ns, upstream, low, high, tags, rounds=2)
        made.append(Case(f"computed-random-{len(made)}", "Computed map of values drawn by chance",
                         config, {"ge0": rx}))
    return made


def in_time():
    """Whatever arrives between Dmin and Dmax of its cycle is sent, in one and the same cycle."""
    config, tags = computed_config(4, 100, 12_000, 9_000, 21_000)
    rx = [at(n * 100_000 + 9_000 + step * 16_000, onto(0, v4(8 * n + step, dscp=tags[n % 4])))
          for n in range(8) for step in range(7)]
    rx.sort(key=lambda packet: packet[0])

    # By hand: y(21000) = 0.09, A = 2: upstream cycle n goes out in cycle n + 2 of ge1.
    def by_hand(router):
        assert len(starts(router, "ge1")) == 56
        assert {(s - 12_000) // 100_000 for s in starts(router, "ge1")} == set(range(2, 10))

    return Case("computed-all-in-time", "Each upstream cycle has one outgoing cycle", config,
                {"ge0": rx}, by_hand=by_hand)


def too_wide():
    made = []
    for name, low, high, error in (("latency", 0, 300_001, 0), ("error", 0, 300_000, 1),
                                   ("far", 50_000, 450_001, 0)):
        config, _ = computed_config(4, 100, 0, low, high, error=error)
        made.append(Case(f"computed-too-wide-{name}",
                         "A window of more than C distances is an error", config,
                         {"ge0": [at(0, onto(0, v4(1, dscp=3)))]}, refused=1))
    return made


def cases():
    return table_cases() + random_cases() + [in_time()] + too_wide()
