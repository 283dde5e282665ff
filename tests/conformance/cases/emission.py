"""Emission: the wire to the bit, the guard band, classes, queues."""

import random

from case import (IDENTITY_PLUS_ONE, US, Case, at, base_config, dscp_transit, dscps,
                  explicit, identifications, onto, silent_v4, silent_v6, starts, tagged, v4, v6,
                  with_domain)

T = 100 * US
TAG = {1: 3, 2: 7, 3: 11, 4: 15}


def burst(count, size, *, first=0, time=1000, step=10, dscp=3, **more):
    """Packets that arrive close together on ge0."""
    return [at(time + step * k, onto(0, v4(first + k, size=size, dscp=dscp, **more)))
            for k in range(count)]


def plain(rate_mbps, **more):
    """ge0 -> ge1 without TCQF."""
    return base_config(rate_mbps, **more)


def rate_cases():
    """Frames end at fractions of a ns; starts are rounded down only where written."""
    made = []
    for rate in (10, 100, 333, 999, 1000, 2500, 3000, 7001, 10000, 25000, 40000, 100_000, 400_000,
                 800_000):
        time_us = 100 if rate >= 1000 else 2000
        config = dscp_transit(rate, cycle_time_us=time_us)
        rx = burst(9, 113, step=1) + burst(4, 46, first=9, time=2000, dscp=3)
        made.append(Case(f"emission-rate-{rate}", f"Back to back at {rate} Mbit/s, exact in bits",
                         config, {"ge0": rx}))
    return made


def thirds():
    """At 3000 Mbit/s a frame of 113 + 14 + 24 octets takes 402 2/3 ns."""
    rx = burst(7, 113, step=1)

    def by_hand(router):
        assert starts(router, "ge1") == [T, T + 402, T + 805, T + 1208, T + 1610, T + 2013,
                                         T + 2416]

    return Case("emission-thirds-of-a-nanosecond", "Fractions of a ns add up, they are not lost",
                dscp_transit(3000), {"ge0": rx}, by_hand=by_hand)


def long_queue_of_fractions():
    """Best effort on a link without a domain: 3000 frames whose ends are thirds of a ns."""
    rx = [at(k * 50, onto(0, v4(k, size=113, to=2))) for k in range(1000)]

    # By hand: frame k starts at floor(k * 1208 / 3) after the first.
    def by_hand(router):
        assert starts(router, "ge2") == [k * 1208 // 3 for k in range(1000)]

    return Case("emission-long-queue-of-fractions", "No rounding accumulates", plain(3000),
                {"ge0": rx}, by_hand=by_hand)


def small_frames():
    """Frames below 60 octets occupy 60 + 24 and are written as they are."""
    rx = [at(1000 + k, onto(0, v4(k, size=28 + k, dscp=3))) for k in range(0, 20, 3)]

    def by_hand(router):
        assert starts(router, "ge1") == [T + 672 * k for k in range(7)]
        assert [len(s.frame) for s in router.ports["ge1"].sent] == [42 + k for k in
                                                                    range(0, 20, 3)]

    return Case("emission-below-60-octets", "Occupancy is max(length, 60) + 24, nothing is padded",
                dscp_transit(1000), {"ge0": rx}, by_hand=by_hand)


def full_cases():
    """A cycle takes exactly rate * (T - dead) bits."""
    made = []
    # (rate, T us, dead ns, frame sizes that fill it exactly: sum of (14 + size + 24) * 8 bits)
    for rate, time_us, dead, big, last in ((1000, 100, 0, 8, 158), (1000, 100, 12_304, 7, 158),
                                           (1000, 100, 1, 7, 1500), (3000, 100, 0, 24, 550),
                                           (100, 1000, 0, 8, 158), (1000, 300, 20, 24, 550)):
        config = with_domain(base_config(rate),
                             [tagged(0, "dscp"), tagged(1, "dscp", dead_time_ns=dead)],
                             [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))], cycle_time_us=time_us)
        capacity = rate * (time_us * US - dead) // 1000
        used = big * 1538 * 8
        fits = used + (last + 38) * 8 <= capacity
        rx = burst(big, 1500)
        rx += [at(3000, onto(0, v4(50, size=last + 1, dscp=3))),
               at(3010, onto(0, v4(51, size=last, dscp=3))),
               at(3020, onto(0, v4(52, size=46, dscp=3)))]

        def by_hand(router, fits=fits, big=big):
            expected = list(range(big)) + ([51] if fits else [])
            assert identifications(router, "ge1")[:len(expected)] == expected

        made.append(Case(f"emission-full-{rate}-{time_us}-{dead}",
                         f"Capacity {capacity} bits, to the bit", config, {"ge0": rx},
                         by_hand=by_hand))
    return made


def exact_by_one_bit():
    """Dead times one ns apart: at 8 Gbit/s one octet."""
    made = []
    for dead in (12_303, 12_304, 12_305):
        config = with_domain(base_config(1000),
                             [tagged(0, "dscp"), tagged(1, "dscp", dead_time_ns=T - dead)],
                             [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
        rx = [at(1000, onto(0, silent_v4(1, size=1500, tos=3 << 2)))]

        def by_hand(router, dead=dead):
            assert router.dropped == ({"mtu-exceeded": 1} if dead == 12_303 else {})

        made.append(Case(f"emission-frame-against-cycle-{dead}",
                         f"A frame of 12304 ns in a cycle of {dead} ns", config, {"ge0": rx},
                         by_hand=by_hand))
    return made


def too_large_for_any_cycle():
    """Another frame larger than rate * T can never leave an interface of a domain."""
    config = dscp_transit(100)
    rx = [at(1000, onto(0, silent_v4(1, size=1250 - 38))),
          at(200_000, onto(0, silent_v4(2, size=1251 - 38))),
          at(400_000, onto(0, silent_v6(3, size=1400))),
          at(600_000, onto(0, silent_v4(4, size=1251 - 38, to=2)))]

    def by_hand(router):
        assert router.dropped == {"mtu-exceeded": 2}
        assert starts(router, "ge1") == [T]
        assert starts(router, "ge2") == [600_000]

    return Case("emission-larger-than-a-cycle", "Best effort above rate * T: mtu-exceeded; where "
                "there is no domain it goes", config, {"ge0": rx}, by_hand=by_hand)


def dead_time_for_best_effort():
    """Best effort may use the dead time; TCQF may not."""
    config = with_domain(base_config(1000),
                         [tagged(0, "dscp"), tagged(1, "dscp", dead_time_ns=20_000)],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    rx = burst(7, 1500) + [at(T + 1, onto(0, v4(60, size=1462))),
                           at(T + 2, onto(0, v4(61, size=46)))]

    # By hand: 6 * 12304 = 73824 of 80000 ns; the seventh is refused. Best effort follows at
    # 173824 (12000 ns), then at 185824, inside the dead time.
    def by_hand(router):
        assert router.dropped == {"cycle-full": 1}
        assert starts(router, "ge1")[-2:] == [T + 73_824, T + 85_824]

    return Case("emission-dead-time-for-best-effort", "Best effort may use the dead time", config,
                {"ge0": rx}, by_hand=by_hand)


def guard_cases():
    """A head ends no later than the next cycle starts, also at fractions of a ns."""
    made = []
    for rate, size in ((1000, 1500), (3000, 113), (3000, 114), (7001, 999), (100, 500)):
        config = dscp_transit(rate)
        duration = -(-(size + 38) * 8 * 1000 // rate)
        rx = [at(2 * k * T - duration + late, onto(0, v4(10 + k, size=size)))
              for k, late in enumerate((-1, 0, 1, 2), start=1)]
        made.append(Case(f"emission-guard-{rate}-{size}",
                         f"Guard band at {rate} Mbit/s with frames of {size + 14}", config,
                         {"ge0": rx}))
    return made


def head_blocks():
    """A head that does not fit waits and lets nothing of its class pass."""
    rx = [at(95_000, onto(0, v4(1, size=1500))), at(95_001, onto(0, v4(2, size=46))),
          at(95_002, onto(0, v4(3, size=46)))]

    def by_hand(router):
        assert identifications(router, "ge1") == [1, 2, 3]
        assert starts(router, "ge1") == [T, T + 12_304, T + 12_976]

    return Case("emission-head-blocks", "A head that does not fit does not let others pass",
                dscp_transit(1000), {"ge0": rx}, by_hand=by_hand)


def class_cases():
    """TCQF, left the domain, control, best effort: strict, each with its own guard."""
    config = with_domain(base_config(1000), [tagged(0, "dscp"), tagged(1, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 1))],
                         outside_window_action="best-effort", egress_dscp=10)
    # All in cycle 0: identifier 1 -> next cycle; 2 -> outside the window, leaves the domain.
    order = [v4(1, size=600), v4(2, size=600), v4(3, size=600, dscp=48), v4(4, size=600, dscp=7),
             v4(5, size=600, dscp=3), v4(6, size=600, dscp=56), v4(7, size=600, dscp=7)]
    rx = [at(1000 + k, onto(0, packet)) for k, packet in enumerate(order)]

    def by_hand(router):
        assert identifications(router, "ge1") == [1, 4, 7, 3, 6, 2, 5]
        assert starts(router, "ge1") == [1000 + 5104 * k for k in range(6)] + [T]

    strict = Case("emission-classes-strict", "Order of the classes on an interface of a domain",
                  config, {"ge0": rx}, by_hand=by_hand)
    # Heads near the boundary at 100000: best effort 1500 does not fit, control 200 does.
    rx = [at(80_000, onto(0, v4(1, size=900))),
          at(80_100, onto(0, v4(2, size=1500))),
          at(80_200, onto(0, v4(3, size=46))),
          at(80_300, onto(0, v4(4, size=1462, dscp=48))),
          at(80_400, onto(0, v4(5, size=46, dscp=56))),
          at(80_500, onto(0, v4(6, size=200, dscp=7))),
          at(80_600, onto(0, v4(7, size=1500, dscp=11)))]

    # By hand: 1 ends at 87504; class "left" has 6 (1904 ns, ends 89408) and 7 (12304 ns: not
    # before 100000), which holds back control 4 and 5 and best effort 2 and 3.
    def holds(router):
        assert identifications(router, "ge1") == [1, 6, 7, 4, 5, 2, 3]
        assert starts(router, "ge1")[:3] == [80_000, 87_504, T]

    holding = Case("emission-classes-hold-below", "A head that does not fit holds back its class "
                   "and those below", config, {"ge0": rx}, by_hand=holds)
    rx = [at(80_000, onto(0, v4(1, size=900))), at(80_100, onto(0, v4(2, size=1500))),
          at(80_300, onto(0, v4(4, size=1462, dscp=48))),
          at(80_500, onto(0, v4(6, size=200, dscp=7))),
          at(96_000, onto(0, v4(7, size=46, dscp=15)))]

    # By hand: at 89408 control 4 (12000 ns) would end at 101408: waits, and best effort with it;
    # 7 of the class above arrives at 96000 and goes at once.
    def above(router):
        assert identifications(router, "ge1") == [1, 6, 7, 4, 2]
        assert starts(router, "ge1") == [80_000, 87_504, 96_000, T, T + 12_000]

    passing = Case("emission-classes-not-above", "A held head does not hold back classes above it",
                   config, {"ge0": rx}, by_hand=above)
    return [strict, holding, passing]


def classes_without_domain():
    """On an interface of no domain the classes hold too, without a guard."""
    config = dscp_transit(1000)
    rx = [at(1000 + k, onto(0, v4(k, to=2, size=600, dscp=dscp)))
          for k, dscp in enumerate((0, 0, 48, 3, 56, 11))]

    def by_hand(router):
        assert identifications(router, "ge2") == [0, 3, 5, 2, 4, 1]
        assert dscps(router, "ge2") == [0, 0, 0, 48, 56, 0]

    return Case("emission-classes-without-domain", "Classes on an interface of no domain", config,
                {"ge0": rx}, by_hand=by_hand)


def control_v6():
    rx = [at(1000 + k, onto(0, v6(k, to=2, size=600, dscp=dscp)))
          for k, dscp in enumerate((0, 46, 48, 47, 56, 49))]
    return Case("emission-control-ipv6", "CS6 and CS7 of IPv6 are control, nothing else is",
                plain(1000), {"ge0": rx})


def tcqf_ahead():
    """TCQF of a cycle starts at its start, best effort fills what is left."""
    rx = burst(3, 1000) + [at(90_000 + 500 * k, onto(0, v4(20 + k, size=400)))
                           for k in range(40)]
    return Case("emission-tcqf-first", "TCQF at the start of its cycle, best effort around it",
                dscp_transit(1000), {"ge0": rx})


def queue_cases():
    """queue-full counts frames that wait, for each class by itself."""
    made = []
    for limit in (1, 2, 5):
        rx = [at(1000, onto(0, v4(k, to=2, size=1500))) for k in range(4)]
        rx += [at(1001 + k, onto(0, v4(10 + k, to=2, size=1500))) for k in range(8)]

        # By hand: all arrivals of one instant come before anything is sent, so limit of the
        # first four wait; then one is on the wire and the queue has one place more.
        def by_hand(router, limit=limit):
            first = min(4, limit)
            assert len(starts(router, "ge2")) == limit + 1, (first, starts(router, "ge2"))

        made.append(Case(f"emission-queue-full-{limit}",
                         f"best-effort-queue-packets {limit} counts what waits",
                         plain(1000, queue=limit), {"ge0": rx}, by_hand=by_hand))
    rx = [at(1000 + k, onto(0, v4(k, to=2, size=1500, dscp=(0, 48, 3)[k % 3])))
          for k in range(15)]
    config = dscp_transit(1000)
    for interface in config["interfaces"]:
        interface["best-effort-queue-packets"] = 2
    made.append(Case("emission-queue-per-class", "Each class has its own limit", config,
                     {"ge0": rx}))
    return made


def at_one_instant():
    """Arrivals of one instant: in the order of the interfaces, all before anything is sent."""
    config = dscp_transit(1000)
    rx = {"ge3": [at(T, onto(3, v4(1, size=200)))], "ge2": [at(T, onto(2, v4(2, size=200)))],
          "ge0": [at(T, onto(0, v4(3, size=200))), at(T, onto(0, v4(4, size=200, dscp=48)))]}

    def by_hand(router):
        assert identifications(router, "ge1") == [4, 3, 2, 1]

    return Case("emission-one-instant", "Order of arrivals at one instant", config, rx,
                by_hand=by_hand)


def end_of_time():
    """Without --until-drained time ends with the last classification."""
    made = []
    for name, last in (("before", T - 1), ("at", T), ("behind", T + 1), ("second", T + 1105)):
        rx = burst(3, 100) + [at(last, onto(0, v4(9, size=100)))]

        def by_hand(router, name=name):
            sent = {"before": 0, "at": 0, "behind": 1, "second": 2}[name]
            account = router.account()
            assert (account["sent"], account["queued"]) == (sent, 4 - sent)

        made.append(Case(f"emission-end-of-time-{name}", "Sent is what starts before the end",
                         dscp_transit(1000), {"ge0": rx}, until_drained=False, by_hand=by_hand))
    rx = burst(3, 100)
    made.append(Case("emission-end-of-time-processing",
                     "The end moves with --processing-ns", dscp_transit(1000),
                     {"ge0": rx + [at(T - 500, onto(0, v4(9, size=100)))]}, until_drained=False,
                     processing_ns=600))
    return made


def later_cycle():
    """Two cycles of one interface fill independently of one another."""
    rx = burst(8, 1500) + burst(8, 1500, first=20, time=5000, dscp=7)
    rx += [at(9000, onto(0, v4(40, dscp=3))), at(9010, onto(0, v4(41, dscp=7))),
           at(9020, onto(0, v4(42, dscp=11))), at(9030, onto(0, v4(43, dscp=3, size=1000)))]
    return Case("emission-cycles-are-independent", "Each cycle has its own capacity",
                dscp_transit(1000), {"ge0": rx})


def random_mixes():
    """Everything at once, drawn by chance: three inputs, TCQF and all classes."""
    made = []
    for number in range(12):
        chance = random.Random(number)
        rate = chance.choice((300, 1000, 2999, 3000, 10_000))
        dead = chance.choice((0, 0, 1000, 7777))
        config = with_domain(
            base_config(rate, queue=chance.choice((3, 1024))),
            [tagged(0, "dscp"),
             tagged(1, "dscp", dead_time_ns=dead, cycle_clock_offset_ns=chance.randrange(4 * T)),
             tagged(2, "dscp", [19, 23, 27, 31])],
            [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4)), explicit(2, 1, [1, 2, 3, 4], (2, 4))],
            outside_window_action=chance.choice(("drop", "best-effort")), egress_dscp=10)
        rx = {}
        sizes = (46, 47, 100, 333, 1000, 1500)
        for name, i, dscps_ in (("ge0", 0, (3, 7, 11, 15, 0, 48)),
                                ("ge2", 2, (19, 23, 27, 31, 0, 56)), ("ge3", 3, (0, 3, 46))):
            times = sorted(chance.randrange(1_500_000) for _ in range(150))
            rx[name] = [at(time, onto(i, silent_v4(
                s, size=max(76, chance.choice(sizes)), to=chance.choice((1, 1, 1, 3)),
                tos=chance.choice(dscps_) << 2))) for s, time in enumerate(times)]
        made.append(Case(f"emission-random-{number}", "TCQF and all classes, drawn by chance",
                         config, rx, until_drained=bool(number % 3)))
    return made


def cases():
    return (rate_cases() + [thirds(), long_queue_of_fractions(), small_frames()] + full_cases() +
            exact_by_one_bit() + [too_large_for_any_cycle(), dead_time_for_best_effort()] +
            guard_cases() + [head_blocks()] + class_cases() +
            [classes_without_domain(), control_v6(), tcqf_ahead()] + queue_cases() +
            [at_one_instant()] + end_of_time() + [later_cycle()] + random_mixes())
