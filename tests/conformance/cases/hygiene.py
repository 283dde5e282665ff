"""Packets that leave a domain, enter another, or only look as if they were TCQF."""

import wire
from case import (DSCP_TAGS, IDENTITY_PLUS_ONE, US, Case, add_route, at, base_config, dscps,
                  explicit, flow, hop, labelled, onto, own_label, pop, silent_v4, starts, swap,
                  tagged, v4, v6, with_domain, with_flow, with_labels)

T = 100 * US
option = wire.tcqf_option


def spaced(i, frames, step=3000):
    return {f"ge{i}": [at(1000 + step * k, frame) for k, frame in enumerate(frames)]}


def domain_to_outside(kind, *labels, header="hop-by-hop", **more):
    """ge0 and ge1 in the domain, ge2 and ge3 outside."""
    extra = {"header": header} if kind == "ipv6-option" else {}
    config = with_domain(base_config(), [tagged(0, kind, **extra), tagged(1, kind, **extra)],
                         [explicit(0, 1, IDENTITY_PLUS_ONE), explicit(1, 0, IDENTITY_PLUS_ONE)],
                         egress_dscp=10, egress_tc=6, **more)
    return with_labels(config, *labels) if labels else config


def leaving_cases():
    """Out of the domain: the mark of the domain, as best effort."""
    two_options = option(1) + option(200, extended=True)
    pushing = domain_to_outside("dscp")
    add_route(pushing, "10.11.0.0/16", 2, labels=[777])
    add_route(pushing, "2001:db8:b::/48", 2, labels=[778])
    from_tc = domain_to_outside("mpls-tc", swap(102, 202, 2), swap(104, [300, 301], 2),
                                pop(106, 2), own_label(107))
    return [
        Case("leaving-dscp", "The DSCP becomes egress-dscp, ECN is kept",
             domain_to_outside("dscp"),
             spaced(0, [onto(0, v4(k, to=2, dscp=d, ecn=k % 4)) for k, d in
                        enumerate((3, 7, 11, 15, 0, 1, 46, 63))] +
                    [onto(0, v6(k, to=2, dscp=d, ecn=k % 4)) for k, d in
                     enumerate((3, 7, 11, 15, 0, 46))])),
        Case("leaving-tc", "The TC of the label that stays becomes egress-tc", from_tc,
             spaced(0, [labelled(0, [(102, tc, 64)], v4(tc, to=2)) for tc in range(8)])),
        Case("leaving-tc-stack", "Labels beneath keep their TC; the pushed one gets egress-tc",
             from_tc, spaced(0, [labelled(0, [(102, 1, 64), (500, 2, 9)], v4(1, to=2, dscp=3)),
                                 labelled(0, [(104, 2, 64), (500, 3, 9)], v4(2, to=2))])),
        Case("leaving-tc-popped", "The label that carried the tag is gone: nothing to clear",
             from_tc, spaced(0, [labelled(0, [(106, 1, 64)], v4(1, to=2, dscp=3)),
                                 labelled(0, [(106, 2, 64), (500, 2, 64)], v4(2, to=2)),
                                 labelled(0, [(107, 3, 64)], v4(3, to=2, dscp=7, ecn=1)),
                                 labelled(0, [(107, 4, 64)], v6(4, to=2, dscp=11))])),
        Case("leaving-option", "The option is retired in place", domain_to_outside("ipv6-option"),
             spaced(0, [onto(0, v6(k, to=2, dscp=3, hop_by_hop=bytes([0x1F, k]) + bytes(k) +
                                   option(k + 1, extended=k % 2 == 1, flags=k)))
                        for k in range(4)])),
        Case("leaving-option-destination", "The option in the destination header is retired",
             domain_to_outside("ipv6-option", header="destination"),
             spaced(0, [onto(0, v6(k, to=2, dest_options=option(k + 1))) for k in range(4)])),
        Case("leaving-two-options", "Of two options every one is retired on leaving",
             domain_to_outside("ipv6-option"),
             spaced(0, [onto(0, v6(1, to=2, hop_by_hop=two_options))])),
        Case("leaving-unknown-cycle-id", "An unknown Cycle Id passes where no tag is read",
             domain_to_outside("ipv6-option"),
             spaced(0, [onto(0, v6(1, to=2, hop_by_hop=option(99)))])),
        Case("leaving-pushed-labels", "Labels pushed while leaving get egress-tc", pushing,
             spaced(0, [onto(0, v4(1, destination="10.11.0.1", dscp=3, ecn=2)),
                        onto(0, v6(2, destination="2001:db8:b::1", dscp=7)),
                        onto(0, v4(3, destination="10.11.0.1"))])),
        Case("leaving-too-big", "A TCQF packet is never fragmented, also when it leaves",
             _small_mtu(), spaced(0, [onto(0, silent_v4(1, to=2, size=600, tos=3 << 2, flags=0)),
                                      onto(0, v4(2, to=2, size=600, flags=0, dscp=1))])),
    ]


def _small_mtu():
    config = domain_to_outside("dscp")
    config["interfaces"][2]["mtu"] = 576
    return config


def outside_window_cases():
    """outside-window-action best-effort for each kind."""
    made = []
    for kind, frames in (
            ("mpls-tc", [labelled(0, [(101, tc, 64)], v4(tc)) for tc in (1, 2, 3, 4)]),
            ("ipv6-option", [onto(0, v6(k, hop_by_hop=option(k))) for k in (1, 2, 3, 4)])):
        config = domain_to_outside(kind, swap(101, 201, 1), outside_window_action="best-effort")
        if kind == "ipv6-option":
            config.pop("mpls")
        made.append(Case(f"leaving-outside-window-{kind}",
                         "Outside the window with best-effort: as if it left the domain", config,
                         spaced(0, frames)))
    return made


def foreign_tag_cases():
    """What is not TCQF never carries a TCQF tag out of a TCQF interface."""
    made = []
    for name, tags, lowest in (("table-from-zero", [0, 1, 2, 3], 4), ("gap", [0, 2, 3, 5], 1),
                               ("high", [60, 61, 62, 63], 0)):
        config = with_domain(base_config(), [tagged(0, "dscp", tags), tagged(1, "dscp", tags)],
                             [explicit(0, 1, IDENTITY_PLUS_ONE)], egress_dscp=20)
        rx = spaced(3, [onto(3, v4(k, dscp=k, ecn=k % 4)) for k in range(64)])

        def by_hand(router, tags=tags, lowest=lowest):
            # CS6 and CS7 are sent at once as well: nothing waits at this spacing.
            assert dscps(router, "ge1") == [lowest if k in tags else k for k in range(64)]

        made.append(Case(f"hygiene-dscp-{name}", "Re-marked to the lowest DSCP not in the table",
                         config, rx, by_hand=by_hand))
    for name, tags in (("table-from-zero", [0, 1, 2, 3]), ("from-one", [1, 2, 3, 4]),
                       ("gap", [0, 2, 3, 7])):
        config = with_domain(base_config(), [tagged(0, "mpls-tc", tags),
                                             tagged(1, "mpls-tc", tags)],
                             [explicit(0, 1, IDENTITY_PLUS_ONE)], egress_tc=5)
        with_labels(config, swap(101, 201, 1), pop(106, 1))
        add_route(config, "10.11.0.0/16", 1, labels=[777])
        frames = [labelled(3, [(101, tc, 64)], v4(tc)) for tc in range(8)]
        frames += [labelled(3, [(106, 5, 64), (500, tc, 64)], v4(tc)) for tc in range(8)]
        frames += [labelled(3, [(101, 5, 64), (500, tc, 9)], v4(tc)) for tc in range(4)]
        frames += [onto(3, v4(40, destination="10.11.0.1")), onto(3, v4(41, dscp=1))]
        made.append(Case(f"hygiene-tc-{name}", "Re-marked to the lowest TC not in the table",
                         config, spaced(3, frames)))
    return made


def foreign_option_cases():
    config = with_domain(base_config(), [tagged(0, "ipv6-option"), tagged(1, "ipv6-option"),
                                         tagged(2, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE)])
    frames = [onto(3, v6(k, hop_by_hop=option(c))) for k, c in enumerate((1, 4, 5, 0, 255))]
    frames += [onto(3, v6(9, hop_by_hop=option(1, extended=True))), onto(3, v6(10)),
               onto(3, v6(11, hop_by_hop=bytes([0x1F, 2, 0, 1]))),
               onto(3, v6(12, hop_by_hop=bytes([0x3E, 2, 0, 0]))), onto(3, v4(13))]
    passing = [onto(3, v6(k, to=2, hop_by_hop=option(k))) for k in range(1, 4)]
    return [
        Case("hygiene-option-from-outside", "An option of nobody's does not leave through an "
             "interface tagged by option: untrusted-tag", config, spaced(3, frames)),
        Case("hygiene-option-elsewhere", "Elsewhere it passes", config, spaced(3, passing)),
    ]


def other_places():
    """Hygiene looks at the tag of the interface's kind only."""
    dscp = with_labels(domain_to_outside("dscp"), swap(101, 201, 1), pop(106, 1), own_label(107))
    return [
        Case("hygiene-inner-dscp-under-label", "An inner DSCP beneath a label is not a tag", dscp,
             spaced(3, [labelled(3, [(101, 1, 64)], v4(1, dscp=3))])),
        Case("hygiene-popped-towards-dscp", "What a pop exposes is re-marked, too", dscp,
             spaced(3, [labelled(3, [(106, 1, 64)], v4(1, dscp=3, ecn=1)),
                        labelled(3, [(107, 1, 64)], v6(2, dscp=7, ecn=2)),
                        labelled(3, [(107, 1, 64)], v4(3, dscp=4))])),
        Case("hygiene-outside-interface", "An interface of no domain leaves DSCP and TC alone",
             with_labels(domain_to_outside("dscp"), swap(102, 202, 2)),
             spaced(3, [onto(3, v4(k, to=2, dscp=DSCP_TAGS[k])) for k in range(4)] +
                    [labelled(3, [(102, 1, 64)], v4(9, dscp=3))])),
    ]


def other_domain_cases():
    """Into another domain: first it leaves its own, then it is an ingress packet."""
    def two_domains(egress_dscp=10, second_kind="dscp", second_tags=(19, 23, 27, 31)):
        config = with_domain(base_config(), [tagged(0, "dscp")], [], egress_dscp=egress_dscp)
        return with_domain(config, [tagged(1, second_kind, list(second_tags))], [])

    match = {"interface": "ge0", "destination": "10.10.1.0/24"}
    pushed = two_domains(second_kind="mpls-tc", second_tags=(4, 5, 6, 7))
    add_route(pushed, "10.11.0.0/16", 1, labels=[777])
    by_address = flow(match={"interface": "ge0", "destination": "10.11.0.0/16"}, csize=8000)
    with_labels(with_flow(pushed, by_address))
    with_egress = flow(match={**match, "dscp": [10]}, csize=8000)
    return [
        Case("other-domain-no-flow", "No flow: best effort with egress-dscp", two_domains(),
             spaced(0, [onto(0, v4(k, dscp=d, ecn=1)) for k, d in enumerate((3, 15, 0, 19, 46))])),
        Case("other-domain-hygiene", "An egress-dscp that is a tag there is re-marked",
             two_domains(egress_dscp=19),
             spaced(0, [onto(0, v4(k, dscp=d)) for k, d in enumerate((3, 7, 19))])),
        Case("other-domain-flow", "With a flow: into a cycle of the other domain",
             with_flow(two_domains(), flow(match=match, csize=8000)),
             spaced(0, [onto(0, v4(k, dscp=d, size=500)) for k, d in
                        enumerate((3, 7, 11, 15, 0))])),
        Case("other-domain-flow-pushed", "With a flow and a pushed label: the label has the tag",
             pushed, spaced(0, [onto(0, v4(k, destination="10.11.0.1", dscp=d, size=500))
                                for k, d in enumerate((3, 7, 0))])),
        Case("other-domain-flow-by-egress-dscp", "The flow sees the packet after it left",
             with_flow(two_domains(), with_egress),
             spaced(0, [onto(0, v4(k, dscp=d, size=500)) for k, d in enumerate((3, 7, 46, 10))])),
        Case("other-domain-class", "Without a flow it goes before other best effort",
             two_domains(), {"ge0": [at(T + k, onto(0, v4(k, size=1000, dscp=d)))
                                     for k, d in enumerate((0, 0, 48, 3, 0, 7))]}),
    ]


def to_both():
    """The route decides whether the packet stays in the domain."""
    config = domain_to_outside("dscp")
    config["routes"].append({"prefix": "10.10.1.128/25", "next-hops": [hop(2)]})

    def by_hand(router):
        assert starts(router, "ge1") == [T]
        assert dscps(router, "ge1") == [7] and dscps(router, "ge2") == [10]

    return [Case("leaving-by-route", "Stays or leaves as the longest prefix says", config,
                 spaced(0, [onto(0, v4(1, dscp=3)),
                            onto(0, v4(2, dscp=3, destination="10.10.1.129"))]),
                 by_hand=by_hand)]


def generated_cases():
    """What the router makes itself carries no tag, either."""
    config = with_domain(base_config(), [tagged(0, "dscp", [0, 48, 56, 2]), tagged(1, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE)], egress_dscp=10)
    config["routes"].append({"prefix": "10.77.0.0/16", "next-hops": [hop(0)]})
    asked = v4(1, ttl=1, source="10.77.0.1")

    def check(outcome):
        sent = outcome.sent("ge0")
        if outcome.account()["generated"] != 1 or len(sent) != 1:
            return [f"expected one ICMP error on ge0: {outcome.account()}"]
        dscp = wire.dscp_of(sent[0][1][14:])
        return [f"the ICMP error carries the tag {dscp}"] if dscp in (0, 48, 56, 2) else []

    fragmented = domain_to_outside("dscp")
    fragmented["interfaces"][1]["mtu"] = 576
    return [
        Case("hygiene-generated-icmp", "An ICMP error leaves without a tag", config,
             spaced(1, [onto(1, asked)]), check=check),
        Case("hygiene-fragments", "Every fragment is re-marked", fragmented,
             spaced(3, [onto(3, v4(1, size=1400, dscp=3, ecn=1, flags=0))])),
    ]


def cases():
    return (leaving_cases() + outside_window_cases() + foreign_tag_cases() +
            foreign_option_cases() + other_places() + other_domain_cases() +
            to_both() + generated_cases())
