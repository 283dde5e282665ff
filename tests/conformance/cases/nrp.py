"""Network resource partitions in transit: shares of a cycle, by the selector in the option."""

import struct

import wire
from case import (DSCP_TAGS, IDENTITY_PLUS_ONE, US, Case, at, base_config, drops, dscps, explicit,
                  onto, starts, tagged, v4, v6, with_domain)

T = 100 * US
FRAME_1000 = (1000 + 14 + 24) * 8


def selector_option(selector, strict=False, kind=0x1E):
    """The NRP option: flags, context type 0, reserved, 32-bit selector; aligned 4n + 2."""
    return bytes([kind, 8, 0x80 if strict else 0, 0, 0, 0]) + struct.pack(">I", selector)


def nrp(number, bits=3 * FRAME_1000, **more):
    entry = {"id": number, "name": f"nrp{number}", "encapsulation": "ipv6-option",
             "interfaces": [{"name": "ge1", "cycle-bits": bits}]}
    entry.update(more)
    return entry


def config_of(*nrps, kind="dscp", rate_mbps=1000):
    """ge0 -> ge1; at 1000 Mbit/s a cycle has 100000 bits: twelve frames of 8304."""
    config = with_domain(base_config(rate_mbps), [tagged(0, kind), tagged(1, kind)],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    config["nrps"] = list(nrps)
    return config


def burst(selectors, *, size=1000, dscp=3, strict=False, start=1000):
    """Packets with these selectors, None for no option."""
    frames = []
    for k, selector in enumerate(selectors):
        options = None if selector is None else selector_option(selector, strict)
        frames.append(at(start + 10 * k, onto(0, v6(k, size=size, dscp=dscp,
                                                    hop_by_hop=options))))
    return frames


def share_cases():
    two = [5, 6] * 6
    return [
        Case("nrp-quota", "What exceeds cycle-bits is refused: nrp-quota", config_of(nrp(5)),
             {"ge0": burst([5] * 5)}, by_hand=drops(nrp_quota=2)),
        Case("nrp-quota-to-the-bit", "cycle-bits to the bit",
             config_of(nrp(5, 2 * FRAME_1000 - 1), nrp(6, 2 * FRAME_1000)),
             {"ge0": burst([5, 5, 6, 6])}, by_hand=drops(nrp_quota=1)),
        Case("nrp-shares-are-separate", "No NRP takes another's share",
             config_of(nrp(5), nrp(6, 5 * FRAME_1000)), {"ge0": burst(two)},
             by_hand=drops(nrp_quota=4)),
        # 100000 = 12 * 8304 + 352: all is reserved, and what comes last exceeds the cycle, too.
        Case("nrp-quota-in-a-full-cycle", "Of a cycle and a share that are both too full, the cycle "
             "is the reason: it is looked at first",
             config_of(nrp(5, 6 * FRAME_1000), nrp(6, 100_000 - 6 * FRAME_1000)),
             {"ge0": burst([5] * 7 + [6] * 7 + [5])},
             by_hand=drops(nrp_quota=1, cycle_full=2)),
        # 100000 - 3 * 8304 = 75088: nine frames without a selector.
        Case("nrp-default-has-the-rest", "Packets without a selector have what the shares leave",
             config_of(nrp(5)), {"ge0": burst([None] * 10 + [5] * 3)},
             by_hand=drops(cycle_full=1)),
        Case("nrp-each-cycle", "The share is one of each cycle",
             config_of(nrp(5)), {"ge0": burst([5] * 4) + burst([5] * 4, dscp=7, start=2000) +
                                 burst([5] * 4, start=T + 5000)},
             by_hand=drops(nrp_quota=3)),
        Case("nrp-small-then-fits", "A smaller packet may still fit", config_of(nrp(5)),
             {"ge0": burst([5] * 2) + burst([5], size=1001, start=2000) +
              burst([5], start=3000)}, by_hand=drops(nrp_quota=1)),
        Case("nrp-order-of-arrival", "In one cycle the order of arrival counts for all",
             config_of(nrp(5), nrp(6)), {"ge0": burst([6, None, 5, None, 6, 5])}),
    ]


def selector_cases():
    tagged_by_option = config_of(nrp(5), kind="ipv6-option")
    both = [at(1000 + 10 * k, onto(0, v6(k, size=1000, hop_by_hop=selector_option(5) +
                                         wire.tcqf_option(1)))) for k in range(5)]
    elsewhere = nrp(5, interfaces=[{"name": "ge2", "cycle-bits": 1000}])
    return [
        Case("nrp-selector-is-not-the-id", "selector is what packets carry",
             config_of(nrp(5, selector=77)), {"ge0": burst([77] * 4 + [5])},
             by_hand=drops(nrp_quota=1)),
        Case("nrp-selector-32-bit", "Selectors have 32 bits",
             config_of(nrp(5, selector=0xFFFFFFFE)), {"ge0": burst([0xFFFFFFFE] * 4)},
             by_hand=drops(nrp_quota=1)),
        Case("nrp-unknown-default", "An unknown selector means default resources",
             config_of(nrp(5)), {"ge0": burst([99] * 10)}, by_hand=drops(cycle_full=1)),
        Case("nrp-unknown-strict", "An unknown selector with the strict flag: nrp-unknown",
             config_of(nrp(5)), {"ge0": burst([99] * 2, strict=True) +
                                 burst([5], strict=True, start=2000)},
             by_hand=drops(nrp_unknown=2)),
        Case("nrp-not-on-this-interface", "Where an interface does not list the NRP its transit "
             "packets are default traffic", config_of(elsewhere), {"ge0": burst([5] * 3)},
             by_hand=drops()),
        Case("nrp-beside-the-tag", "NRP and TCQF option in one header", tagged_by_option,
             {"ge0": both}, by_hand=drops(nrp_quota=2)),
        Case("nrp-code-point", "nrp-option is configurable", _other_code_point(),
             {"ge0": [at(1000 + k, onto(0, v6(k, size=1000, dscp=3,
                                              hop_by_hop=selector_option(5, kind=kind))))
                      for k, kind in enumerate((0x1F,) * 4 + (0x1E,))]},
             by_hand=drops(nrp_quota=1)),
        Case("nrp-ipv4-is-default", "IPv4 has no selector", config_of(nrp(5)),
             {"ge0": [at(1000 + k, onto(0, v4(k, size=1000, dscp=3))) for k in range(10)]},
             by_hand=drops(cycle_full=1)),
    ]


def _other_code_point():
    config = config_of(nrp(5))
    config["code-points"] = {"nrp-option": 0x1F}
    return config


def refused_cases():
    made = []
    for name, nrps in (("overbooked", [nrp(5, 50_001), nrp(6, 50_000)]),
                       ("id-0", [nrp(0)]), ("id-all-ones", [nrp(0xFFFFFFFF)]),
                       ("id-twice", [nrp(5), nrp(5)]),
                       ("selector-twice", [nrp(5, selector=7), nrp(6, selector=7)]),
                       ("interface-unknown", [nrp(5, interfaces=[
                           {"name": "ge9", "cycle-bits": 1}])]),
                       ("mna-selector-21-bits", [nrp(5, selector=1 << 20,
                                                     encapsulation="mpls-mna")])):
        made.append(Case(f"config-refused-nrp-{name}", f"Refused: {name}", config_of(*nrps),
                         {"ge0": burst([5])}, refused=1, stderr_has=("config.yaml:",)))
    made.append(Case("config-accepted-nrp-booked-out", "Shares may take the whole cycle",
                     config_of(nrp(5, 50_000), nrp(6, 50_000)), {"ge0": burst([5, None, 6])},
                     by_hand=drops(cycle_full=1)))
    return made


def flood():
    """One NRP floods, the other is as if alone."""
    config = config_of(nrp(5, 4 * FRAME_1000), nrp(6, 4 * FRAME_1000))
    rx = []
    for n in range(10):
        rx += burst([6] * 40 + [5] * 4, start=n * T + 1000, dscp=DSCP_TAGS[n % 4])

    def by_hand(router):
        assert router.dropped == {"nrp-quota": 360}
        assert len(starts(router, "ge1")) == 80
        assert dscps(router, "ge1")[:9] == [7] * 8 + [11]

    return Case("nrp-flood", "A flood in one NRP takes nothing from another", config,
                {"ge0": rx}, by_hand=by_hand)


def cases():
    return share_cases() + selector_cases() + refused_cases() + [flood()]
