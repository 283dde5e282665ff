"""Policies bound to partitions: the selector that they put into packets, the share that pays for
them, and best effort by deficit round robin."""

import wire
from case import (DSCP_TAGS, IDENTITY_PLUS_ONE, Case, at, base_config, drops, explicit, flow,
                  leaves, onto, tagged, v4, v6, with_domain, with_flow)
from cases.nrp import selector_option
from cases.sr_policy import (COLOR, ENDPOINT, FAR, VIA_1, VIA_2, one, path, policy, sr_config,
                             to_policy)

RATE = 1000


def partition(number=5, oif="ge1", bits=20_000, rate=0, **more):
    entry = {"id": number, "name": f"nrp{number}", "encapsulation": "ipv6-option",
             "interfaces": [{"name": oif, "cycle-bits": bits, "best-effort-rate-mbps": rate}]}
    entry.update(more)
    return entry


def config(*segments, kind="dscp", nrps=None, header=None, steered_flow=True, second=None):
    """ge0 -> ge1 in a domain; a policy with NRP 5; flows of ge3 are steered into it."""
    paths = [path(*segments, nrp=5)] + ([second] if second else [])
    made = sr_config(policy(*paths), rate_mbps=RATE)
    made["nrps"] = nrps or [partition()]
    more = {"header": header} if header else {}
    with_domain(made, [tagged(0, kind, **more), tagged(1, kind, **more)],
                [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    if steered_flow:
        with_flow(made, flow(17, 60_000, {"interface": "ge3", "protocol": 17},
                             sr_policy={"color": COLOR, "endpoint": ENDPOINT}))
    return made


def selector_cases():
    packets = one(v6(1, to=0), v4(2, to=0, dscp=10, ecn=2))
    made = [
        Case("nrp-policy-selector", "The outer header carries the selector", config(VIA_1, FAR),
             packets, by_hand=leaves(ge1=2)),
        Case("nrp-policy-both-options", "TCQF and NRP option in one hop-by-hop header",
             config(VIA_1, FAR, kind="ipv6-option"), packets, by_hand=leaves(ge1=2)),
        Case("nrp-policy-two-headers", "The NRP option in the hop-by-hop header, the TCQF option in "
             "the destination header before the routing header",
             config(VIA_1, FAR, kind="ipv6-option", header="destination"), packets,
             by_hand=leaves(ge1=2)),
        Case("nrp-policy-two-headers-no-routing", "The same without a routing header",
             config(VIA_1, kind="ipv6-option", header="destination"), packets,
             by_hand=leaves(ge1=2)),
        Case("nrp-policy-strict", "strict is carried", config(VIA_1, nrps=[partition(strict=True)]),
             packets, by_hand=leaves(ge1=2)),
        Case("nrp-policy-selector-32-bit", "A selector that is not the id",
             config(VIA_1, nrps=[partition(selector=0xFEDCBA98)]), packets, by_hand=leaves(ge1=2)),
        Case("nrp-policy-not-carried", "encapsulation: none",
             config(VIA_1, nrps=[partition(encapsulation="none")]), packets, by_hand=leaves(ge1=2)),
        Case("nrp-policy-code-points", "Other code points", dict(
            config(VIA_1, kind="ipv6-option"), **{"code-points": {
                "tcqf-option": 0x3B, "nrp-option": 0x1C}}), packets, by_hand=leaves(ge1=2)),
        Case("nrp-policy-best-effort", "Steered best effort carries the selector, but no tag",
             config(VIA_1, FAR, kind="ipv6-option", steered_flow=False),
             one(to_policy(1), to_policy(2, 4)), by_hand=leaves(ge1=2)),
        Case("nrp-policy-own-selector-inside", "A selector that the packet brings stays inside",
             config(VIA_1, steered_flow=False),
             one(to_policy(1, hop_by_hop=selector_option(9, strict=False))), by_hand=leaves(ge1=1)),
        Case("nrp-policy-own-strict-selector", "An unknown strict selector is dropped before it is "
             "steered", config(VIA_1, steered_flow=False),
             one(to_policy(1, hop_by_hop=selector_option(9, strict=True))),
             by_hand=drops(nrp_unknown=1)),
        Case("nrp-policy-mtu", "The options count for the MTU",
             config(VIA_1, FAR, kind="ipv6-option", steered_flow=False),
             one(*[to_policy(k, size=size) for k, size in enumerate((1420, 1421))]),
             by_hand=drops(mtu_exceeded=1)),
    ]
    return made


def quota_cases():
    burst = {"ge3": [at(1000 + 10 * k, onto(3, v6(k, to=0, size=300))) for k in range(12)]}
    # 300 + 40 + 16 octets in 14 + 24 around them: 3152 bits.
    to_the_bit = config(VIA_1, nrps=[partition(bits=4 * 3152)])
    one_less = config(VIA_1, nrps=[partition(bits=4 * 3152 - 1)])
    made = [
        Case("nrp-policy-quota", "cycle-bits count the frame as sent, with all that was put in "
             "front", to_the_bit, burst, by_hand=drops(nrp_quota=8)),
        Case("nrp-policy-quota-one-bit-less", "cycle-bits to the bit", one_less, burst,
             by_hand=drops(nrp_quota=9)),
        Case("nrp-policy-second-path", "The next path has another NRP",
             config(VIA_2, nrps=[partition(), partition(6)],
                    second=path(VIA_1, preference=50, discriminator=1, nrp=6)), burst,
             by_hand=lambda router: None),
    ]
    through = config(VIA_1, steered_flow=False)
    made.append(Case("nrp-policy-transit-steered", "A TCQF packet that is steered in transit",
                     through, {"ge0": [at(1000 + 10 * k, onto(0, to_policy(
                         k, size=300, dscp=DSCP_TAGS[0]))) for k in range(12)]},
                     by_hand=drops(nrp_quota=6)))
    return made


def transit_sid_cases():
    """A router on the way: SIDs and selectors in one packet."""
    made = config(VIA_1, nrps=[partition(bits=2 * 3000)], steered_flow=False)
    made["srv6"]["local-sids"] = [
        {"sid": "fc00:1::1/128", "behavior": "End"},
        {"sid": "fc00:1::c6/128", "behavior": "End.DX6", "next-hops": [
            {"interface": "ge1", "address": "2001:db8:102::2"}]}]

    def segment(k, selector, strict=False, size=200):
        sid = "fc00:1::1"
        body = wire.option_header(wire.ROUTING, selector_option(selector, strict)) + \
            wire.routing_header(59, [VIA_1, sid], 1) + wire.pattern(size, k)
        return wire.ipv6("2001:db8:3::9", sid, body, next_header=wire.HOP_BY_HOP,
                         traffic_class=DSCP_TAGS[0] << 2)

    def tunnelled(k, selector, strict=False):
        inner = v6(k, to=0, size=200, hop_by_hop=selector_option(selector, strict))
        return wire.ipv6("2001:db8:3::9", "fc00:1::c6", inner, next_header=41,
                         traffic_class=DSCP_TAGS[0] << 2)

    return [
        Case("nrp-end", "End accounts the packet's NRP", made,
             {"ge0": [at(1000 + 10 * k, onto(0, segment(k, 5))) for k in range(4)]},
             by_hand=lambda router: None),
        Case("nrp-end-unknown-strict", "End drops an unknown strict selector", made,
             {"ge0": [at(1000, onto(0, segment(1, 9, True))), at(2000, onto(0, segment(2, 9)))]},
             by_hand=drops(nrp_unknown=1)),
        Case("nrp-decapsulated", "After decapsulation the inner selector counts", made,
             {"ge0": [at(1000 + 10 * k, onto(0, tunnelled(k, 5))) for k in range(5)] +
              [at(9000, onto(0, tunnelled(9, 9, True)))]}, by_hand=lambda router: None),
    ]


def best_effort_config(*rates, oif_rate=RATE, queue=1024):
    """Partitions 5, 6, .. with these best-effort rates on ge1."""
    made = base_config(oif_rate, queue=queue)
    made["nrps"] = [partition(5 + k, bits=0, rate=rate) for k, rate in enumerate(rates)]
    return made


def load(counts, size=1000):
    """Packets of each partition (None: of none), all before the first has left, round about."""
    arrivals, sequence = [], 0
    for k in range(max(counts.values())):
        for number, count in counts.items():
            if k < count:
                options = None if number is None else selector_option(number)
                arrivals.append(onto([0, 2, 3][sequence % 3], v6(sequence, size=size,
                                                                 hop_by_hop=options)))
                sequence += 1
    rx = {}
    for k, frame in enumerate(arrivals):
        rx.setdefault(("ge0", "ge2", "ge3")[k % 3], []).append(at(1000 + k // 3, frame))
    return rx


def share_check(expected, frames, slack=0.08):
    """Of the first frames that leave ge1 each partition has its part, by octets."""
    def check(outcome):
        octets = {}
        for _, frame in outcome.sent("ge1")[:frames]:
            packet = frame[14:]
            number = packet[51] if packet[6] == wire.HOP_BY_HOP else None
            octets[number] = octets.get(number, 0) + len(frame)
        total = sum(octets.values())
        problems = []
        for number, share in expected.items():
            got = octets.get(number, 0) / total
            if abs(got - share) > slack * max(share, 0.2):
                problems.append(f"partition {number} has {got:.3f}, expected {share:.3f}")
        return problems
    return check


def round_robin_cases():
    return [
        Case("nrp-drr-equal", "Equal rates, and the rest has the smallest quantum",
             best_effort_config(100, 100), load({5: 300, 6: 300, None: 300}),
             check=share_check({5: 1 / 3, 6: 1 / 3, None: 1 / 3}, 600)),
        Case("nrp-drr-proportional", "Quanta in proportion to the rates",
             best_effort_config(100, 300), load({5: 300, 6: 600, None: 300}),
             check=share_check({5: 1 / 5, 6: 3 / 5, None: 1 / 5}, 800)),
        Case("nrp-drr-lends", "What a partition does not use is lent",
             best_effort_config(100, 300, 500), load({5: 400, None: 400}),
             check=share_check({5: 1 / 2, None: 1 / 2}, 700)),
        Case("nrp-drr-alone", "One partition alone has all", best_effort_config(100, 300),
             load({5: 300}), check=share_check({5: 1.0}, 300)),
        Case("nrp-drr-without-rate", "A partition without a rate waits with the rest",
             best_effort_config(100, 0), load({5: 400, 6: 200, None: 200}),
             check=share_check({5: 1 / 2, 6: 1 / 4, None: 1 / 4}, 700)),
        Case("nrp-drr-octets-not-packets", "The round counts octets",
             best_effort_config(100, 100), _sizes(),
             check=share_check({5: 1 / 2, 6: 1 / 2}, 1000)),
        Case("nrp-queue-limits", "Each queue has its own limit", best_effort_config(
            100, 300, queue=8), load({5: 60, 6: 60, None: 60}), check=limits_check),
    ]


def _sizes():
    """Small packets of 5, large ones of 6."""
    first = load({5: 1200}, 200)
    second = load({6: 400}, 1400)
    return {name: sorted(first[name] + second[name], key=lambda each: each[0]) for name in first}


def limits_check(outcome):
    account = outcome.account()
    queues = {}
    for _, frame in outcome.sent("ge1"):
        packet = frame[14:]
        number = packet[51] if packet[6] == wire.HOP_BY_HOP else None
        queues[number] = queues.get(number, 0) + 1
    wrong = {number: count for number, count in queues.items() if not 8 <= count <= 10}
    if wrong or account["dropped"] != {"queue-full": 180 - sum(queues.values())}:
        return [f"sent {queues}, account {account}"]
    return []


def guaranteed_in_domain():
    """Best effort of partitions beside TCQF that fills most of each cycle."""
    made = config(VIA_1, nrps=[partition(5, bits=0, rate=100), partition(6, bits=0, rate=300)],
                  steered_flow=False)
    rx = load({5: 200, 6: 400, None: 200}, 600)
    cycles = [at(500 + 100_000 * n + 10 * k, onto(0, v4(k, dscp=DSCP_TAGS[n % 4], size=1000)))
              for n in range(60) for k in range(6)]
    rx["ge0"] = sorted(rx["ge0"] + cycles, key=lambda each: each[0])

    def check(outcome):
        account = outcome.account()
        problems = [] if not account["dropped"] else [f"account {account}"]
        octets = {}
        for time, frame in outcome.sent("ge1"):
            packet = frame[14:]
            if packet[0] >> 4 == 6 and time < 1_700_000_000 * 10**9 + 5_000_000:
                number = packet[51] if packet[6] == wire.HOP_BY_HOP else None
                octets[number] = octets.get(number, 0) + len(frame) + 24
        for number, rate in ((5, 100), (6, 300)):
            # The link has 1000 Mbit/s, TCQF takes 500 of them.
            got = 8 * octets.get(number, 0) / 5_000_000 * 1000
            if got < rate * 0.9:
                problems.append(f"partition {number} has {got:.0f} Mbit/s, guaranteed {rate}")
        return problems

    return Case("nrp-guaranteed-beside-tcqf", "Guaranteed rates hold beside TCQF", made, rx,
                check=check)


def sum_cases():
    def refused(name, *nrps, kind="dscp"):
        made = config(VIA_1, kind=kind, nrps=list(nrps), steered_flow=False)
        return Case(f"config-refused-nrp-{name}", f"Refused, with both numbers: {name}", made,
                    one(to_policy(1)), refused=1, stderr_has=("config.yaml:", "Mbit/s"))

    def accepted(name, *nrps):
        return Case(f"config-accepted-nrp-{name}", f"Accepted: {name}", config(
            VIA_1, nrps=list(nrps), steered_flow=False), one(to_policy(1)), by_hand=leaves(ge1=1))

    return [
        refused("rates-beyond-link", partition(5, rate=600, bits=0), partition(6, rate=401, bits=0)),
        accepted("rates-equal-link", partition(5, rate=600, bits=0), partition(6, rate=400, bits=0)),
        refused("rates-beyond-rest", partition(5, rate=400, bits=50_000),
                partition(6, rate=101, bits=0)),
        accepted("rates-equal-rest", partition(5, rate=400, bits=50_000),
                 partition(6, rate=100, bits=0)),
        refused("bits-beyond-cycle", partition(5, bits=60_000), partition(6, bits=40_001)),
    ]


def cases():
    return (selector_cases() + quota_cases() + transit_sid_cases() + round_robin_cases() +
            [guaranteed_in_domain()] + sum_cases())
