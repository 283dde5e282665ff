"""Tags of the three kinds: read, written, cleared where they were."""

import wire
from case import (DSCP_TAGS, IDENTITY_PLUS_ONE, US, Case, at, base_config, drops, dscp_transit,
                  explicit, labelled, onto, own_label, pop, silent_v6, starts, swap, tagged, v4, v6,
                  with_domain, with_labels)

T = 100 * US


def transit(kind_in, kind_out, *, header_in="hop-by-hop", header_out="hop-by-hop", tags_in=None,
            tags_out=None, **more):
    """ge0 -> ge1 with tags of given kinds."""
    first = tagged(0, kind_in, tags_in, header=header_in) if kind_in == "ipv6-option" else \
        tagged(0, kind_in, tags_in)
    second = tagged(1, kind_out, tags_out, header=header_out) if kind_out == "ipv6-option" else \
        tagged(1, kind_out, tags_out)
    return with_domain(base_config(), [first, second],
                       [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))], **more)


def spaced(frames):
    """One arrival every 90 us."""
    return {"ge0": [at(1000 + 90_000 * k, frame) for k, frame in enumerate(frames)]}


def option(cycle_id, **more):
    return wire.tcqf_option(cycle_id, **more)


def ecn_cases():
    frames4 = [onto(0, v4(k, dscp=DSCP_TAGS[k % 4], ecn=k // 4)) for k in range(16)]
    frames6 = [onto(0, v6(k, dscp=DSCP_TAGS[k % 4], ecn=k // 4)) for k in range(16)]
    udp_zero = wire.ipv4("10.3.0.9", "10.10.1.1",
                         wire.udp("10.3.0.9", "10.10.1.1", 1, 2, b"abc", with_checksum=False),
                         tos=3 << 2)
    return [
        Case("tagging-ecn-ipv4", "ECN bits of IPv4 are kept", transit("dscp", "dscp"),
             spaced(frames4)),
        Case("tagging-ecn-ipv6", "ECN bits of IPv6 are kept, the flow label too",
             transit("dscp", "dscp"), spaced(frames6)),
        Case("tagging-udp-without-checksum", "A UDP checksum of 0 stays 0",
             transit("dscp", "dscp"), spaced([onto(0, udp_zero)])),
    ]


def all_values():
    """Any value that fits may be a tag."""
    made = []
    for name, tags in (("low", [0, 1, 2, 3]), ("high", [60, 61, 62, 63]),
                       ("mixed", [46, 0, 63, 8])):
        config = transit("dscp", "dscp", tags_in=tags, tags_out=list(reversed(tags)),
                         egress_dscp=20)
        made.append(Case(f"tagging-dscp-values-{name}", "Any DSCP may be a tag", config,
                         spaced([onto(0, v4(k, dscp=tags[k % 4])) for k in range(8)] +
                                [onto(0, v6(k, dscp=tags[k % 4])) for k in range(8)])))
    for name, tags in (("zero", [0, 5, 6, 7]), ("seven", [7, 6, 1, 0])):
        config = with_labels(transit("mpls-tc", "mpls-tc", tags_in=tags, tags_out=tags,
                                     egress_tc=2), swap(101, 201, 1))
        made.append(Case(f"tagging-tc-values-{name}", "Any TC may be a tag", config,
                         spaced([labelled(0, [(101, tags[k % 4], 64)], v4(k)) for k in range(8)])))
    tags = [0, 255, 128, 7]
    config = transit("ipv6-option", "ipv6-option", tags_in=tags, tags_out=tags)
    made.append(Case("tagging-option-values", "Any Cycle Id may be a tag, 0 and 255 too", config,
                     spaced([onto(0, v6(k, hop_by_hop=option(tags[k % 4]))) for k in range(8)])))
    config = with_domain(base_config(),
                         [tagged(0, "ipv6-option", range(1, 256)),
                          tagged(1, "ipv6-option", range(255, 0, -1))],
                         [explicit(0, 1, list(range(2, 256)) + [1], (1, 255))], cycles=255)
    made.append(Case("tagging-option-255-cycles", "255 cycles with the option", config,
                     spaced([onto(0, v6(k, hop_by_hop=option(k))) for k in (1, 2, 100, 254, 255)])))
    config = with_labels(with_domain(
        base_config(), [tagged(0, "mpls-tc", range(7)), tagged(1, "mpls-tc", range(1, 8))],
        [explicit(0, 1, [2, 3, 4, 5, 6, 7, 1], (1, 7))], cycles=7, egress_tc=7), swap(101, 201, 1))
    config["tcqf"]["domains"][0].pop("egress-tc")
    config["tcqf"]["domains"][0]["interfaces"][0]["tags"] = [1, 2, 3, 4, 5, 6, 7]
    made.append(Case("tagging-tc-seven-cycles", "Seven cycles with TC", config,
                     spaced([labelled(0, [(101, k, 64)], v4(k)) for k in range(8)])))
    return made


WRONG_LENGTHS = {
    "length-0": bytes([0xB1, 0]), "length-1": bytes([0xB1, 1, 0]),
    "length-3": bytes([0xB1, 3, 0, 1, 0]), "length-4": bytes([0xB1, 4, 0, 1, 0, 0]),
    "e-flag-length-2": bytes([0xB1, 2, 0x80, 1]),
    "length-10-without-e": bytes([0xB1, 10, 0, 1]) + bytes(8),
    "e-flag-length-9": bytes([0xB1, 9, 0x80, 1]) + bytes(7)}


def option_shape_cases():
    """Where the option may stand in its header, and what counts as one."""
    config = transit("ipv6-option", "ipv6-option")
    filler = bytes([0x3F, 3, 9, 9, 9])
    shapes = {
        "first": option(1) + filler,
        "behind-another": filler + option(2),
        "behind-pad1": b"\0\0\0" + option(3),
        "behind-padn": bytes([1, 4, 0, 0, 0, 0]) + option(4),
        "behind-empty": bytes([0x1F, 0]) + option(1),
        "between": filler + option(2) + bytes([0x05, 2, 0, 0]),
        "second-header-unit": bytes([0x1F, 8]) + bytes(8) + option(3),
        "extended": option(4, extended=True),
        "extended-behind-another": filler + option(1, extended=True),
        "flags-kept": option(2, flags=0x55),
        "extended-flags-kept": option(3, extended=True, flags=0x2A),
        "last-octet": bytes([0x1F, 4]) + bytes(4) + bytes([0x1F, 2, 0, 0]) + option(4),
        "two": option(1) + option(3),
        "two-second-unknown": option(2) + option(99),
    }
    made = [Case(f"tagging-option-{name}", f"The option in a hop-by-hop header: {name}", config,
                 spaced([onto(0, v6(1, hop_by_hop=options))])) for name, options in shapes.items()]
    made.append(Case("tagging-option-dscp-untouched",
                     "An interface tagged by option neither reads nor writes DSCP", config,
                     spaced([onto(0, v6(k, dscp=(3, 7, 46, 0)[k], ecn=k, hop_by_hop=option(k + 1)))
                             for k in range(4)])))
    wrong = {**WRONG_LENGTHS, "length-past-header": bytes([0xB1, 12, 0, 1]) + bytes(2)}
    for name, options in wrong.items():
        made.append(Case(f"tagging-option-wrong-{name}",
                         "A length that contradicts the E flag is malformed", config,
                         spaced([onto(0, v6(1, hop_by_hop=options)),
                                 onto(0, v6(2, hop_by_hop=option(1)))])))
    return made


def other_code_point():
    config = transit("ipv6-option", "ipv6-option")
    config["code-points"] = {"tcqf-option": 0x3D, "retired-option": 0x3C}
    made = [Case("tagging-option-code-point", "The option has the type of code-points", config,
                 spaced([onto(0, v6(1, hop_by_hop=option(2, kind=0x3D))),
                         onto(0, v6(2, hop_by_hop=bytes([0x1F, 2, 0, 0]) +
                                    option(3, kind=0x3D, extended=True)))]))]
    config = transit("ipv6-option", "dscp")
    config["code-points"] = {"tcqf-option": 0x3D, "retired-option": 0x3C}
    made.append(Case("tagging-option-code-point-retired", "retired-option is configurable",
                     config, spaced([onto(0, v6(1, hop_by_hop=option(2, kind=0x3D)))])))
    return made


def assert_starts(router, wanted):
    assert starts(router, "ge1") == wanted, starts(router, "ge1")


def header_cases():
    """Hop-by-hop or destination: it counts only in the header that the interface names."""
    dest = transit("ipv6-option", "ipv6-option", header_in="destination", header_out="destination")
    frames = [onto(0, v6(k, dest_options=option(k))) for k in (1, 2, 3, 4)]
    made = [Case("tagging-option-destination", "The option in the destination options header",
                 dest, spaced(frames))]
    both = [onto(0, v6(k, hop_by_hop=bytes([0x1F, 2, 7, 7]), dest_options=option(k)))
            for k in (1, 2, 3, 4)]
    made.append(Case("tagging-option-destination-behind-hop-by-hop",
                     "The destination header behind a hop-by-hop header", dest, spaced(both)))
    body = wire.udp("2001:db8:3::9", "2001:db8:d1::1", 1, 2, wire.pattern(40))
    srh = wire.routing_header(wire.UDP, ["2001:db8:d1::1", "2001:db8:d2::1"], 0)
    before = wire.option_header(wire.ROUTING, option(2)) + srh + body
    made.append(Case("tagging-option-before-routing-header",
                     "The destination header before the routing header counts", dest,
                     spaced([onto(0, wire.ipv6("2001:db8:3::9", "2001:db8:d1::1", before,
                                               next_header=wire.DESTINATION))])))
    behind = wire.option_header(wire.UDP, option(4)) + body
    srh_then = wire.routing_header(wire.DESTINATION, ["2001:db8:d1::1", "2001:db8:d2::1"], 0)
    two = wire.option_header(wire.ROUTING, option(1)) + srh_then + behind
    made.append(Case("tagging-option-both-destination-headers",
                     "Of two destination headers the one before the routing header counts", dest,
                     spaced([onto(0, wire.ipv6("2001:db8:3::9", "2001:db8:d1::1", two,
                                               next_header=wire.DESTINATION))])))
    made.append(Case("tagging-option-only-behind-routing-header",
                     "The only destination header counts, also behind the routing header", dest,
                     spaced([onto(0, wire.ipv6("2001:db8:3::9", "2001:db8:d1::1", srh_then + behind,
                                               next_header=wire.ROUTING))]),
                     by_hand=lambda router: assert_starts(router, [4 * T])))
    empty_then = wire.option_header(wire.ROUTING, bytes([0x1F, 0])) + srh_then + behind
    made.append(Case("tagging-option-second-destination-header",
                     "One before the routing header counts, also without the option", dest,
                     spaced([onto(0, wire.ipv6("2001:db8:3::9", "2001:db8:d1::1", empty_then,
                                               next_header=wire.DESTINATION))]),
                     by_hand=drops(untrusted_tag=1)))
    # In the other header it is no tag: not TCQF; it may pass where no interface tags by option.
    config = with_domain(base_config(), [tagged(0, "ipv6-option"), tagged(1, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    made.append(Case("tagging-option-in-the-other-header",
                     "An option in the header that the interface does not name is no tag", config,
                     spaced([onto(0, v6(1, dest_options=option(1))),
                             onto(0, v6(2, hop_by_hop=option(1)))])))
    return made


def unknown_tags():
    """A tag that is not in the table: not TCQF."""
    to_two = with_labels(transit("mpls-tc", "mpls-tc"), swap(102, 202, 2), swap(101, 201, 1))
    made = [
        Case("tagging-unknown-dscp", "A DSCP that is not in the table is not TCQF",
             transit("dscp", "dscp"), spaced([onto(0, v4(k, dscp=d, to=1 + k % 2))
                                              for k, d in enumerate((0, 1, 4, 19, 46, 63))])),
        Case("tagging-unknown-tc", "A TC that is not in the table is not TCQF", to_two,
             spaced([labelled(0, [(101 + k % 2, tc, 64)], v4(k))
                     for k, tc in enumerate((0, 5, 6, 7))])),
        Case("tagging-unknown-cycle-id", "An unknown Cycle Id is not TCQF and no tag of ours",
             transit("ipv6-option", "ipv6-option"),
             spaced([onto(0, v6(k, hop_by_hop=option(c), to=1 + k % 2))
                     for k, c in enumerate((0, 5, 99, 255))])),
        Case("tagging-not-ip", "No tag: MPLS on a dscp interface is not TCQF",
             with_labels(transit("dscp", "dscp"), swap(101, 201, 1)),
             spaced([labelled(0, [(101, 3, 64)], v4(1, dscp=3))])),
        Case("tagging-ip-on-tc", "No tag: IP on an mpls-tc interface is not TCQF",
             transit("mpls-tc", "mpls-tc"), spaced([onto(0, v4(1, dscp=1))])),
        Case("tagging-no-option", "No tag: IPv4, and IPv6 without the option",
             transit("ipv6-option", "ipv6-option"),
             spaced([onto(0, v4(1, dscp=1)), onto(0, v6(2, dscp=1)),
                     onto(0, v6(3, hop_by_hop=bytes([0x1F, 2, 0, 1])))])),
    ]
    return made


def tc_read_cases():
    """TC of the top label, before any label operation; written after all of them."""
    config = with_labels(transit("mpls-tc", "mpls-tc", egress_tc=6), swap(101, 201, 1),
                         swap(104, [300, 301], 1), swap(105, [300, 301, 302], 1), pop(106, 1),
                         own_label(102))
    made = [
        Case("tagging-tc-top-label", "The top label's TC counts, those beneath do not", config,
             spaced([labelled(0, [(101, 1, 64), (500, 7, 9), (501, 2, 8)], v4(1))])),
        Case("tagging-tc-swap-two", "A pushed label carries the tag, the swapped one egress-tc",
             config, spaced([labelled(0, [(104, 2, 64)], v4(1)),
                             labelled(0, [(104, 3, 64), (500, 5, 9)], v4(2))])),
        Case("tagging-tc-pop-then-top", "After a pop the next label carries the tag", config,
             spaced([labelled(0, [(106, 3, 64), (500, 7, 64)], v4(1)),
                     labelled(0, [(106, 4, 64), (500, 0, 64), (501, 5, 62)], v4(2))])),
        Case("tagging-tc-pop-and-lookup", "The tag is read before the own label is popped",
             config, spaced([labelled(0, [(102, 1, 64), (101, 6, 70)], v4(1)),
                             labelled(0, [(102, 2, 64), (102, 7, 64), (101, 0, 70)], v4(2))])),
        Case("tagging-tc-php", "The last label popped on mpls-tc: in its cycle, without a tag",
             config, spaced([labelled(0, [(106, 1, 64)], v4(1, dscp=46)),
                             labelled(0, [(106, 2, 64)], v6(2, dscp=46))])),
        Case("tagging-tc-pop-and-lookup-to-ip", "Decapsulated IP on mpls-tc: without a tag",
             config, spaced([labelled(0, [(102, 1, 64)], v4(1, dscp=46)),
                             labelled(0, [(102, 2, 64)], v6(2, dscp=3))])),
        Case("tagging-tc-explicit-null-in", "Explicit null popped: in its cycle without a tag",
             config, spaced([labelled(0, [(0, 1, 64)], v4(1)), labelled(0, [(2, 2, 64)], v6(2))])),
        Case("tagging-tc-explicit-null-out", "out-labels [0] keeps the tag",
             with_labels(transit("mpls-tc", "mpls-tc"), swap(101, 0, 1), swap(102, 2, 1)),
             spaced([labelled(0, [(101, 1, 64)], v4(1)), labelled(0, [(102, 2, 64)], v6(2))])),
    ]
    return made


def between_kinds():
    """Read as the one interface says, written as the other; the old place is cleared."""
    marks = {"egress_dscp": 10, "egress_tc": 6}

    def pushing(kind_in, **more):
        config = transit(kind_in, "mpls-tc", **marks, **more)
        for prefix, version in (("10.11.0.0/16", 4), ("2001:db8:b::/48", 6)):
            address = "10.0.2.2" if version == 4 else "2001:db8:102::2"
            config["routes"].append({"prefix": prefix, "next-hops": [
                {"interface": "ge1", "address": address, "labels": [777]}]})
        return with_labels(config)

    made = [
        Case("tagging-dscp-to-tc", "DSCP to a pushed label: the DSCP becomes egress-dscp",
             pushing("dscp"),
             spaced([onto(0, v4(k, destination="10.11.0.1", dscp=DSCP_TAGS[k], ecn=k))
                     for k in range(4)] +
                    [onto(0, v6(k, destination="2001:db8:b::1", dscp=DSCP_TAGS[k], ecn=k))
                     for k in range(4)])),
        Case("tagging-option-to-tc", "Option to a pushed label: the option is retired in place",
             pushing("ipv6-option"),
             spaced([onto(0, v6(k, destination="2001:db8:b::1", dscp=3,
                                hop_by_hop=bytes([0x1F, 1, 9]) + option(k + 1, extended=k > 1)))
                     for k in range(4)])),
        Case("tagging-tc-to-dscp", "The last label popped towards dscp: the tag goes into the IP "
             "header", with_labels(transit("mpls-tc", "dscp", **marks), pop(106, 1),
                                   own_label(102)),
             spaced([labelled(0, [(106, 1, 64)], v4(1, dscp=46, ecn=1)),
                     labelled(0, [(106, 2, 64)], v6(2, dscp=46, ecn=2)),
                     labelled(0, [(102, 3, 64)], v4(3, dscp=3, ecn=3)),
                     labelled(0, [(102, 4, 64), (102, 0, 64)], v6(4))])),
        Case("tagging-tc-to-option", "Towards ipv6-option: an option that is there serves, else "
             "without a tag", with_labels(transit("mpls-tc", "ipv6-option", **marks),
                                          pop(106, 1), own_label(102)),
             spaced([labelled(0, [(106, 1, 64)], v6(1, hop_by_hop=option(77))),
                     labelled(0, [(102, 2, 64)], v6(2, hop_by_hop=option(88, extended=True))),
                     labelled(0, [(106, 3, 64)], v6(3, dscp=3)),
                     labelled(0, [(106, 4, 64)], v4(4, dscp=3))])),
        Case("tagging-dscp-to-option", "DSCP to option: the DSCP becomes egress-dscp",
             transit("dscp", "ipv6-option", **marks),
             spaced([onto(0, v6(k, dscp=DSCP_TAGS[k], ecn=3 - k, hop_by_hop=option(
                 200 + k, extended=k > 1))) for k in range(4)])),
        Case("tagging-option-to-dscp", "Option to DSCP: the option is retired, the DSCP written",
             transit("ipv6-option", "dscp", **marks),
             spaced([onto(0, v6(k, dscp=46, ecn=k, hop_by_hop=option(k + 1, extended=k > 1,
                                                                     flags=5)))
                     for k in range(4)])),
        Case("tagging-destination-option-to-dscp", "The same from the destination header",
             transit("ipv6-option", "dscp", header_in="destination", **marks),
             spaced([onto(0, v6(k, dscp=46, dest_options=option(k + 1))) for k in range(4)])),
        Case("tagging-hop-by-hop-to-destination", "From one header to the other: the old option is "
             "retired, the other written",
             transit("ipv6-option", "ipv6-option", header_out="destination", **marks),
             spaced([onto(0, v6(k, hop_by_hop=option(k + 1), dest_options=option(77 + k)))
                     for k in range(4)])),
        Case("tagging-destination-to-hop-by-hop", "And the other way round",
             transit("ipv6-option", "ipv6-option", header_in="destination", **marks),
             spaced([onto(0, v6(k, hop_by_hop=option(77 + k, extended=k > 1),
                                dest_options=option(k + 1))) for k in range(4)])),
        Case("tagging-tc-to-tc-other-values", "Tables differ by interface",
             with_labels(transit("mpls-tc", "mpls-tc", tags_in=[7, 5, 3, 1],
                                 tags_out=[1, 3, 5, 7]), swap(101, 201, 1)),
             spaced([labelled(0, [(101, (7, 5, 3, 1)[k], 64)], v4(k)) for k in range(4)])),
        Case("tagging-option-to-option-other-values", "Tables differ by interface: option",
             transit("ipv6-option", "ipv6-option", tags_in=[10, 20, 30, 40],
                     tags_out=[44, 33, 22, 11]),
             spaced([onto(0, v6(k, hop_by_hop=option(10 * k + 10))) for k in range(4)])),
    ]
    return made


def no_place_cases():
    """A TCQF packet that cannot carry the outgoing interface's tag is dropped: untaggable."""
    labels = (swap(101, 201, 1), pop(106, 1), own_label(102))
    return [
        Case("no-place-dscp-to-tc", "No label towards mpls-tc", transit("dscp", "mpls-tc"),
             spaced([onto(0, v4(1, dscp=3)), onto(0, v6(2, dscp=7)), onto(0, v4(3))])),
        Case("no-place-option-to-tc", "Option towards mpls-tc without a label",
             transit("ipv6-option", "mpls-tc"),
             spaced([onto(0, v6(1, hop_by_hop=option(1)))])),
        Case("no-place-tc-to-dscp", "A label that stays towards dscp",
             with_labels(transit("mpls-tc", "dscp"), *labels),
             spaced([labelled(0, [(101, 1, 64)], v4(1)),
                     labelled(0, [(101, 6, 64)], v4(2))])),
        Case("no-place-tc-to-option", "A label that stays towards ipv6-option",
             with_labels(transit("mpls-tc", "ipv6-option"), *labels),
             spaced([labelled(0, [(101, 1, 64)], v6(1, hop_by_hop=option(1)))])),
        Case("no-place-dscp-to-option", "IPv4, and IPv6 without the option, towards ipv6-option",
             transit("dscp", "ipv6-option"),
             spaced([onto(0, v4(1, dscp=3)), onto(0, v6(2, dscp=7)),
                     onto(0, v6(3, dscp=7, hop_by_hop=bytes([0x1F, 0]))),
                     onto(0, v6(4, dscp=7, hop_by_hop=option(1)))])),
        Case("no-place-option-of-wrong-length", "An option that contradicts its E flag has no place",
             transit("dscp", "ipv6-option"),
             spaced([onto(0, v6(k, dscp=3, hop_by_hop=options))
                     for k, options in enumerate(WRONG_LENGTHS.values())] +
                    # Right at the end of the header, in front of the UDP ports.
                    [onto(0, v6(9, dscp=3, hop_by_hop=bytes([0x1F, 2, 0, 0, 0xB1, 0])))]),
             by_hand=drops(untaggable=len(WRONG_LENGTHS) + 1)),
        Case("no-place-other-header", "The option in the header that the interface does not name",
             transit("dscp", "ipv6-option", header_out="destination"),
             spaced([onto(0, v6(1, dscp=3, hop_by_hop=option(1)))])),
        Case("no-place-dscp-pushed", "A pushed label towards a dscp interface",
             _pushed_to_dscp(), spaced([onto(0, v4(1, destination="10.11.0.1", dscp=3)),
                                        onto(0, v4(2, destination="10.11.0.1"))])),
    ]


def _pushed_to_dscp():
    config = transit("dscp", "dscp")
    config["routes"].append({"prefix": "10.11.0.0/16", "next-hops": [
        {"interface": "ge1", "address": "10.0.2.2", "labels": [777]}]})
    return with_labels(config)


def small_print():
    padded = onto(0, v4(1, size=28, dscp=3), pad_to=60)
    cut = wire.ethernet("02:00:00:00:01:01", "02:00:00:00:01:02", 0x0800,
                        v4(2, size=46, dscp=7) + b"\xAA" * 20)
    return [
        Case("tagging-padding-is-trimmed", "Ethernet padding is not part of the packet",
             dscp_transit(1000), spaced([padded, cut,
                                         onto(0, v6(3, size=60, dscp=3) + b"\x55" * 7)])),
        Case("tagging-last-tag-once", "Each copy of a packet gets the tag of its own cycle",
             dscp_transit(1000), {"ge0": [at(5000 + T * k, onto(0, v4(1, dscp=DSCP_TAGS[k % 4])))
                                          for k in range(12)]}),
        Case("tagging-silent-v6", "A tag on an ICMPv6 error", dscp_transit(1000),
             spaced([onto(0, silent_v6(1, traffic_class=3 << 2))])),
    ]


def by_hand_option():
    """Octets of a retired option, written out."""
    packet = v6(1, hop_by_hop=option(1, extended=True, flags=0x11))
    config = transit("ipv6-option", "dscp")

    def by_hand(router):
        sent = router.ports["ge1"].sent[0].frame
        # Next header UDP, 16 octets; 3e 0a and ten zeros; PadN of 2 as received.
        assert sent[54:70].hex() == "1101" + "3e0a" + "00" * 10 + "0100", sent[54:70].hex()
        assert starts(router, "ge1") == [T]

    return Case("tagging-option-retired-octets", "An old option becomes 3E, zeros, same length",
                config, {"ge0": [at(5000, onto(0, packet))]}, by_hand=by_hand)


def cases():
    return (ecn_cases() + all_values() + option_shape_cases() + other_code_point() +
            header_cases() + unknown_tags() + tc_read_cases() + between_kinds() +
            no_place_cases() + small_print() + [by_hand_option()])


