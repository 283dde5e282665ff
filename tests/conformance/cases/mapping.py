"""Cycles, boundaries, explicit maps and their windows."""

import random

from case import (BASE, DSCP_TAGS, IDENTITY_PLUS_ONE, IDENTITY_PLUS_TWO, US, Case, at, base_config,
                  dscp_transit, dscps, explicit, identifications, onto, starts, tagged, v4,
                  with_domain)

T = 100 * US


def frame(sequence, identifier, tags=None, **more):
    """A packet with the tag of an identifier, arriving on ge0."""
    return onto(0, v4(sequence, dscp=(tags or DSCP_TAGS)[identifier - 1], **more))


def boundary_cases():
    """Arrivals one ns around boundaries, with offsets that shift the boundary."""
    made = []
    for offset in (0, 1, 12000, 99_999, 100_000, 399_999):
        config = with_domain(
            base_config(), [tagged(0, "dscp"), tagged(1, "dscp", cycle_clock_offset_ns=offset)],
            [explicit(0, 1, IDENTITY_PLUS_TWO)])
        boundary = 5 * T + offset
        rx = [at(boundary + late, frame(4 * k + i - 1, i)) for k, late in enumerate((-1, 0, 1))
              for i in (1, 2, 3, 4)]

        # By hand: one ns before the boundary the cycle is 4 (identifier 1); the window [1, 3]
        # reaches identifiers 2, 3, 4, which tags of identifiers 4, 1, 2 map to; identifier 3
        # maps to 1, which lies outside. On the boundary cycle 5 (identifier 2) it is 4.
        def by_hand(router, offset=offset):
            assert router.dropped == {"outside-window": 3}
            expected = [(5, 3), (6, 0), (6, 4), (6, 8), (7, 1), (7, 5), (7, 9), (8, 6), (8, 10)]
            got = sorted(((s - offset) // T, i) for s, i in
                         zip(starts(router, "ge1"), identifications(router, "ge1")))
            assert got == expected, got

        made.append(Case(f"mapping-boundary-offset-{offset}",
                         f"An arrival belongs to the cycle that contains it; offset {offset} ns",
                         config, {"ge0": rx}, by_hand=by_hand))
    return made


def domain_offset_cases():
    """An interface without an offset of its own uses the domain's."""
    made = []
    for name, domain, own in (("domain", 30_000, None), ("own", 30_000, 0), ("both", 0, 70_000)):
        more = {} if own is None else {"cycle_clock_offset_ns": own}
        config = with_domain(base_config(), [tagged(0, "dscp"), tagged(1, "dscp", **more)],
                             [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))],
                             cycle_clock_offset_ns=domain)
        offset = domain if own is None else own
        rx = [at(s * 10_000, frame(s, s % 4 + 1)) for s in range(44)]

        def by_hand(router, offset=offset):
            assert all((s - offset) % T < 3000 for s in starts(router, "ge1"))
            assert len(starts(router, "ge1")) == 44

        made.append(Case(f"mapping-offset-{name}",
                         "The interface's own clock offset counts, else the domain's", config,
                         {"ge0": rx}, by_hand=by_hand))
    return made


def window_cases():
    """Windows of every width; the target is the one distance with the identifier."""
    made = []
    for low, high in ((1, 1), (1, 2), (1, 3), (1, 4), (2, 2), (2, 5), (3, 4), (4, 4), (4, 7),
                      (5, 8), (9, 9), (17, 20), (61, 64), (1021, 1024), (1024, 1024)):
        config = dscp_transit(window=(low, high), mapping=IDENTITY_PLUS_TWO)
        rx = [at(7_000 + k * T // 2, frame(4 * k + i, i)) for k in range(6) for i in (1, 2, 3, 4)]

        def by_hand(router, low=low, high=high):
            width = high - low + 1
            assert len(starts(router, "ge1")) == 6 * width
            assert router.dropped == ({"outside-window": 24 - 6 * width} if width < 4 else {})
            assert min(starts(router, "ge1")) == low * T
            assert max(s // T for s in starts(router, "ge1")) == 2 + high

        made.append(Case(f"mapping-window-{low}-{high}",
                         f"Window [{low}, {high}]: the one distance in it with the identifier",
                         config, {"ge0": rx}, by_hand=by_hand))
    return made


def default_window():
    """No window: [1, cycles - 1]."""
    config = with_domain(base_config(), [tagged(0, "dscp"), tagged(1, "dscp")],
                         [explicit(0, 1, [1, 2, 3, 4])])
    rx = [at(50_000, frame(i, i)) for i in (1, 2, 3, 4)]

    # By hand: cycle 0 has identifier 1; identifiers 2, 3, 4 are 1, 2, 3 cycles ahead, 1 is 4.
    def by_hand(router):
        assert starts(router, "ge1") == [T, 2 * T, 3 * T]
        assert dscps(router, "ge1") == [7, 11, 15]
        assert router.dropped == {"outside-window": 1}

    return Case("mapping-default-window", "The window defaults to [1, cycles - 1]", config,
                {"ge0": rx}, by_hand=by_hand)


def cycle_count_cases():
    """C and T other than 4 and 100 us, also T that do not divide a second."""
    made = []
    for cycles, time_us in ((2, 100), (3, 100), (3, 7), (5, 33), (7, 300), (16, 20), (4, 1),
                            (3, 65535), (11, 2000), (13, 1000)):
        tags = list(range(3, 3 + 4 * cycles, 4)) if cycles < 16 else [4 * k + 3 for k in range(16)]
        mapping = [(i + cycles // 2) % cycles + 1 for i in range(cycles)]
        time = time_us * US
        config = with_domain(
            base_config(), [tagged(0, "dscp", tags), tagged(1, "dscp", tags)],
            [explicit(0, 1, mapping, (1, cycles))], cycles=cycles, cycle_time_us=time_us)
        rx = [at(k * time + (k % 2) * (time - 1), frame(k, k % cycles + 1, tags, size=46))
              for k in range(2 * cycles + 3)]
        made.append(Case(f"mapping-cycles-{cycles}-time-{time_us}",
                         f"{cycles} cycles of {time_us} us", config, {"ge0": rx}))
    return made


def random_maps():
    """Any permutation may be a map; and different identifiers may share a cycle."""
    made = []
    chance = random.Random(10)
    for number in range(8):
        cycles = chance.choice((3, 4, 5, 7))
        mapping = [chance.randint(1, cycles) for _ in range(cycles)]
        low = chance.randint(1, 9)
        window = (low, low + chance.randint(0, cycles - 1))
        offsets = [chance.randrange(cycles * T) for _ in range(2)]
        tags = chance.sample(range(64), cycles)
        config = with_domain(
            base_config(),
            [tagged(0, "dscp", tags, cycle_clock_offset_ns=offsets[0]),
             tagged(1, "dscp", tags, cycle_clock_offset_ns=offsets[1])],
            [explicit(0, 1, mapping, window)], cycles=cycles, egress_dscp=min(
                value for value in range(64) if value not in tags))
        times = sorted(chance.randrange(3_000_000) for _ in range(60))
        rx = [at(time, frame(s, chance.randint(1, cycles), tags, size=chance.randint(46, 1500)))
              for s, time in enumerate(times)]
        made.append(Case(f"mapping-random-{number}", "A map and window drawn by chance", config,
                         {"ge0": rx}))
    return made


def two_inputs():
    """Two incoming interfaces with maps of their own share the outgoing cycles."""
    config = with_domain(base_config(1000), [tagged(0, "dscp"), tagged(1, "dscp"),
                                             tagged(2, "dscp", [19, 23, 27, 31])],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4)),
                          explicit(2, 1, IDENTITY_PLUS_TWO, (1, 4))])
    rx = {"ge2": [at(10_000, onto(2, v4(1, dscp=19))), at(20_000, onto(2, v4(2, dscp=31)))],
          "ge0": [at(10_000, onto(0, v4(3, dscp=3))), at(20_000, onto(0, v4(4, dscp=7)))]}

    # By hand, cycle 0: ge0 identifiers 1, 2 map to 2, 3 (cycles 1, 2); ge2 identifiers 1, 4 map
    # to 3, 2 (cycles 2, 1). At one instant ge0 comes first: order of the configuration.
    def by_hand(router):
        assert identifications(router, "ge1") == [3, 2, 1, 4]
        assert starts(router, "ge1") == [T, T + 1104, 2 * T, 2 * T + 1104]

    return Case("mapping-two-inputs", "Each pair of interfaces has its own map", config, rx,
                by_hand=by_hand)


def no_map():
    config = with_domain(base_config(), [tagged(0, "dscp"), tagged(1, "dscp"), tagged(2, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    rx = [at(1000, onto(0, v4(1, to=2, dscp=3))), at(2000, onto(0, v4(2, to=2, dscp=4))),
          at(3000, onto(0, v4(3, to=1, dscp=3)))]
    return Case("mapping-no-cycle-map", "No map between two interfaces of a domain: no-cycle-map; "
                "what is not TCQF passes", config, {"ge0": rx})


def outside_best_effort():
    """outside-window-action best-effort: as if it left the domain."""
    config = with_domain(base_config(1000), [tagged(0, "dscp"), tagged(1, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 1))],
                         outside_window_action="best-effort", egress_dscp=10)
    rx = [at(1000 + 100 * i, frame(i, i, ecn=i - 1)) for i in (1, 2, 3, 4)]

    # By hand: identifier 1 maps to 2, the next cycle; the others go at once with DSCP 10.
    def by_hand(router):
        assert dscps(router, "ge1") == [10, 10, 10, 7]
        assert starts(router, "ge1") == [1200, 1200 + 1104, 1200 + 2208, T]

    return Case("mapping-outside-window-best-effort",
                "Outside the window with best-effort: the tag is cleared, sent at once", config,
                {"ge0": rx}, by_hand=by_hand)


def processing_delay():
    """--processing-ns moves the classification, and with it the cycle."""
    made = []
    for processing in (1, 49_999, 50_000, 50_001, 150_000, 1_000_000):
        rx = [at(50_000 + k * T, frame(4 * k + i, i)) for k in range(3) for i in (1, 2, 3, 4)]
        made.append(Case(f"mapping-processing-{processing}",
                         "Packets are classified so long after they arrived",
                         dscp_transit(window=(1, 3)), {"ge0": rx}, processing_ns=processing))
    return made


def largest_offset():
    """A clock offset as large as a round less 1 ns."""
    config = with_domain(base_config(), [tagged(0, "dscp"),
                                         tagged(1, "dscp", cycle_clock_offset_ns=4 * T - 1)],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    rx = [(t, frame(k, k % 4 + 1)) for k, t in enumerate(
        (BASE - 1, BASE, BASE + 1, BASE + T - 2, BASE + T - 1, BASE + T))]
    return Case("mapping-largest-offset", "An offset of C*T - 1 ns", config, {"ge0": rx})


def cases():
    return (boundary_cases() + domain_offset_cases() + window_cases() + [default_window()] +
            cycle_count_cases() + random_maps() + [two_inputs(), no_map(), outside_best_effort()] +
            processing_delay() + [largest_offset()])
