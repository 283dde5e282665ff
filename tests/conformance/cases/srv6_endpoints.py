"""SRv6 endpoint behaviors and flavors, judged by the model: what each does with every kind of
packet, and every error in the order of RFC 8986."""

import struct

import wire
from case import (IDENTITY_PLUS_ONE, Case, add_route, at, base_config, drops, explicit, hop,
                  labelled, leaves, onto, own_label, tagged, v4, v6, with_domain, with_labels)
from cases.sr_policy import FAR, VIA_1, VIA_2, one, path, policy

OUTER = "2001:db8:3::9"
SIDS = {"end": "fc00:1::1", "end-psp": "fc00:1::2", "end-usp": "fc00:1::3", "end-usd": "fc00:1::4",
        "end-all": "fc00:1::5", "x": "fc00:1::e1", "x-usd": "fc00:1::e2", "t": "fc00:1::71",
        "t-usd": "fc00:1::72", "dt4": "fc00:1::d4", "dt6": "fc00:1::d6", "dt46": "fc00:1::46",
        "dt46-red": "fc00:1::47", "dx4": "fc00:1::c4", "dx6": "fc00:1::c6", "b6": "fc00:1::b6",
        "b6-red": "fc00:1::b7"}


def config():
    made = base_config()
    add_route(made, "fc00:2::/48", 1)
    add_route(made, "fc00:3::/48", 2)
    add_route(made, "fc00:2::/48", 2, table="red")
    add_route(made, "2001:db8:d0::/64", 2, table="red")
    add_route(made, "10.10.0.0/24", 2, table="red")
    made["sr-policies"] = [policy(path(VIA_2, FAR)), dict(policy(path(VIA_2)), color=101)]
    def by_policy():
        return {"policy": {"color": 100, "endpoint": "2001:db8:9::9"}}

    kinds = {
        "end": {"behavior": "End"},
        "end-psp": {"behavior": "End", "flavors": ["PSP"]},
        "end-usp": {"behavior": "End", "flavors": ["USP"]},
        "end-usd": {"behavior": "End", "flavors": ["USD"]},
        "end-all": {"behavior": "End", "flavors": ["PSP", "USP", "USD"]},
        "x": {"behavior": "End.X", "next-hops": [hop(2, 6)]},
        "x-usd": {"behavior": "End.X", "next-hops": [hop(2, 6)], "flavors": ["USD", "PSP"]},
        "t": {"behavior": "End.T", "table": "red"},
        "t-usd": {"behavior": "End.T", "table": "red", "flavors": ["USD"]},
        "dt4": {"behavior": "End.DT4"}, "dt6": {"behavior": "End.DT6"},
        "dt46": {"behavior": "End.DT46"}, "dt46-red": {"behavior": "End.DT46", "table": "red"},
        "dx4": {"behavior": "End.DX4", "next-hops": [hop(1)]},
        "dx6": {"behavior": "End.DX6", "next-hops": [hop(1, 6)]},
        "b6": {"behavior": "End.B6.Encaps", **by_policy()},
        "b6-red": {"behavior": "End.B6.Encaps.Red", **by_policy()},
    }
    made["srv6"] = {"locators": ["fc00:1::/48"], "local-sids": [
        {"sid": f"{SIDS[name]}/128", **entry} for name, entry in kinds.items()]}
    return made


def srh(kind, segments, left, *, last=None, flags=0, tag=0, tlvs=b"", length=None):
    body = b"".join(map(wire.address_octets, segments)) + tlvs
    return struct.pack(">BBBBBBH", kind, len(body) // 8 if length is None else length, 4, left,
                       len(segments) - 1 if last is None else last, flags, tag) + body


def packet(sid, headers, inner, kind=None, *, hop_limit=64, source=OUTER, traffic_class=0):
    """headers: (type, octets) from the outermost on; the octets name the next themselves."""
    body = b"".join(octets for _, octets in headers) + inner
    first = headers[0][0] if headers else kind
    return wire.ipv6(source, sid, body, next_header=first, hop_limit=hop_limit,
                     traffic_class=traffic_class)


def udp_to(address):
    return wire.udp(OUTER, address, 4000, 5000, b"payload!")


def segment(sid, *, left=1, segments=None, inner=None, kind=17, **more):
    """A packet to a SID with a routing header whose next segment is behind ge1 in main."""
    hop_limit = more.pop("hop_limit", 64)
    traffic_class = more.pop("traffic_class", 0)
    listed = segments or [VIA_1, sid]
    return packet(sid, [(wire.ROUTING, srh(kind, listed, left, **more))],
                  inner if inner is not None else udp_to(listed[0]), hop_limit=hop_limit,
                  traffic_class=traffic_class)


def single(name, rule, made, *packets, by_hand=None, **more):
    return Case(f"endpoint-{name}", rule, made, one(*packets), by_hand=by_hand, **more)


def transit_cases():
    made = []
    for name, oif in (("end", "ge1"), ("end-psp", "ge1"), ("end-usp", "ge1"), ("end-usd", "ge1"),
                      ("end-all", "ge1"), ("x", "ge2"), ("x-usd", "ge2"), ("t", "ge2"),
                      ("t-usd", "ge2"), ("b6", "ge2"), ("b6-red", "ge2")):
        sid = SIDS[name]
        tlv = bytes([4, 6, 0, 0, 0, 0, 0, 0])
        made.append(single(
            f"{name}-transit", f"{name}: the next segment, TLVs, tag, flags and 40 octets of "
            "options in front included", config(),
            segment(sid), segment(sid, left=2, segments=[FAR, VIA_1, sid]),
            segment(sid, tlvs=tlv, tag=0x1234, flags=0x10), segment(sid, hop_limit=2),
            packet(sid, [(wire.HOP_BY_HOP, wire.option_header(wire.DESTINATION, b"\x1f\x01\x00")),
                         (wire.DESTINATION, wire.option_header(wire.ROUTING, b"\x1f\x01\x00")),
                         (wire.ROUTING, srh(17, [VIA_1, sid], 1))], udp_to(VIA_1)),
            # Reduced: the segment in use is not in the list.
            segment(sid, left=1, segments=[VIA_1]),
            segment(sid, traffic_class=0xBB),
            by_hand=leaves(**{oif: 7})))
    made.append(single("end-to-next-sid-here", "The next segment is a SID of this router as well",
                       config(), segment(SIDS["end"], left=2,
                                         segments=[VIA_1, SIDS["x"], SIDS["end"]]),
                       by_hand=leaves(ge2=1)))
    for name, oif in (("end", "ge1"), ("end-psp", "ge1"), ("end-usd", "ge1"), ("x", "ge2")):
        used_up = (wire.ROUTING, srh(wire.ROUTING, [SIDS[name]], 0))
        then = (wire.ROUTING, srh(17, [VIA_1, SIDS[name]], 1))
        made.append(single(
            f"{name}-second-routing-header", f"{name}: no segment is left in the first routing "
            "header, so the next header is processed: another one", config(),
            packet(SIDS[name], [used_up, then], udp_to(VIA_1)),
            packet(SIDS[name], [used_up, used_up, then], udp_to(VIA_1)),
            by_hand=leaves(**{oif: 2})))
    for name in ("b6", "b6-red"):
        for drops_then in (False, True):
            invalid = config()
            invalid["sr-policies"][0].update({"candidate-paths": [path("fc00:7::1")],
                                              "drop-upon-invalid": drops_then})
            made.append(single(
                f"{name}-invalid-policy{'-dropped' if drops_then else ''}", "The policy of the SID "
                "has no valid path: the SID is configured by itself and stays, what comes is dropped",
                invalid, segment(SIDS[name]), by_hand=drops(policy_invalid=1)))
    made.append(single("end-no-sid", "The next segment is in a locator, but no SID", config(),
                       segment(SIDS["end"], segments=["fc00:1::99", SIDS["end"]]),
                       by_hand=drops(no_sid=1)))
    return made


def quoted_cases():
    """RFC 4443, 2.4 (c): an error quotes the packet as it was received, not as SIDs advanced it."""
    nowhere = "fc00:7::1"
    labels = config()
    with_labels(labels, own_label(16000))
    narrow = config()
    narrow["interfaces"][1]["mtu"] = 1280
    made = []
    for name in ("end", "end-psp", "end-all", "t"):
        sid = SIDS[name]
        made.append(single(f"quoted-{name}", f"{name}: the next segment has no route", config(),
                           segment(sid, segments=[nowhere, sid]),
                           segment(sid, segments=[nowhere, sid], inner=bytes(1200), kind=59),
                           segment(sid, segments=[nowhere, VIA_1, sid], left=1),
                           by_hand=drops(no_route=3)))
        made.append(Case(
            f"endpoint-quoted-{name}-beneath-labels", f"{name}: the same beneath a label", labels,
            {"ge3": [at(1000, labelled(3, [(16000, 0, 64)],
                                       segment(sid, segments=[nowhere, sid])))]},
            by_hand=drops(no_route=1)))
    for name in ("end", "end-psp"):
        sid = SIDS[name]
        made.append(single(f"quoted-{name}-mtu", f"{name}: too big for the next link", narrow,
                           segment(sid, inner=bytes(1300), kind=59),
                           by_hand=drops(mtu_exceeded=1)))
    both = [nowhere, SIDS["x"], SIDS["end-psp"], SIDS["end"]]
    made.append(single("quoted-two-sids-here", "Two SIDs of this router, then no route", config(),
                       segment(SIDS["end"], segments=[nowhere, SIDS["end-psp"], SIDS["end"]],
                               left=2), by_hand=drops(no_route=1)))
    made.append(single("quoted-second-sid", "The second SID finds the hop limit used up", config(),
                       segment(SIDS["end"], segments=both, left=3, hop_limit=2),
                       by_hand=drops(ttl_expired=1)))
    return made


def points_at(pointer):
    """The one packet is answered by a parameter problem that points there."""
    def by_hand(router):
        assert [each.frame.pointer for each in router.ports["ge3"].sent] == [pointer]

    return by_hand


def pointer_cases():
    """RFC 4443, 3.4: the pointer is an offset within the packet that is quoted, as received: what a
    SID of this router took out before counts."""
    ends = [SIDS["dt4"], SIDS["end-psp"]]
    removed = 8 + 2 * 16
    options = wire.option_header(wire.ROUTING, b"\x1f\x01\x00")
    labels = config()
    with_labels(labels, own_label(16000))
    beneath = labelled(3, [(16000, 0, 64)], segment(ends[1], segments=ends))
    return [
        single("psp-pointer-upper-layer", "PSP, then a SID here that does not take the upper layer",
               config(), segment(ends[1], segments=ends), by_hand=points_at(40 + removed)),
        single("psp-pointer-behind-options", "The same behind an options header", config(),
               packet(ends[1], [(wire.DESTINATION, options), (wire.ROUTING, srh(17, ends, 1))],
                      udp_to(ends[0])), by_hand=points_at(40 + len(options) + removed)),
        Case("endpoint-psp-pointer-beneath-labels", "The same beneath a label: offsets are those "
             "of the IP packet", labels, {"ge3": [at(1000, beneath)]},
             by_hand=points_at(40 + removed)),
        single("psp-pointer-segments-left", "PSP, then segments left in another routing header at "
               "a SID that ends the packet", config(),
               packet(ends[1], [(wire.ROUTING, srh(wire.ROUTING, ends, 1)),
                                (wire.ROUTING, srh(17, [VIA_1, ends[0]], 1))], udp_to(ends[0])),
               by_hand=points_at(40 + removed + 3)),
        single("psp-pointer-other-routing", "PSP, then a routing header of another type at an "
               "address of the router", config(),
               packet(ends[1], [(wire.ROUTING, srh(wire.ROUTING, ["2001:db8:104::1", ends[1]], 1)),
                                (wire.ROUTING, struct.pack(">BBBBIQ", 17, 1, 253, 1, 0, 0))],
                      udp_to(ends[0])), by_hand=points_at(40 + removed + 2)),
        single("psp-pointer-twice", "Two routing headers taken out, then the upper layer", config(),
               packet(ends[1], [(wire.ROUTING, srh(wire.ROUTING, [ends[1], ends[1]], 1)),
                                (wire.ROUTING, srh(17, ends, 1))], udp_to(ends[0])),
               by_hand=points_at(40 + 2 * removed)),
    ]


def error_cases():
    """Header length, last entry and segments left, in every combination that matters."""
    made = []
    for name in ("end", "end-psp", "x", "t", "b6", "b6-red"):
        sid = SIDS[name]
        two = [VIA_1, sid]
        made.append(single(f"{name}-hop-limit", f"{name}: hop limit 1 or 0: time exceeded", config(),
                           segment(sid, hop_limit=1), segment(sid, hop_limit=0),
                           by_hand=drops(ttl_expired=2)))
        made.append(single(f"{name}-hop-limit-before-list", f"{name}: the hop limit is looked at "
                           "before the list (RFC 8986, 4.1)", config(),
                           segment(sid, hop_limit=1, last=9), by_hand=drops(ttl_expired=1)))
        made.append(single(f"{name}-last-entry", f"{name}: last entry beyond the header", config(),
                           segment(sid, last=2), segment(sid, last=255),
                           by_hand=drops(malformed=2)))
        made.append(single(f"{name}-segments-left", f"{name}: more segments left than last entry "
                           "+ 1", config(), segment(sid, left=3), segment(sid, left=255),
                           by_hand=drops(malformed=2)))
        made.append(single(f"{name}-empty-list", f"{name}: a header without room for a segment",
                           config(), packet(sid, [(wire.ROUTING, struct.pack(
                               ">BBBBBBH", 17, 0, 4, 1, 0, 0, 0))], udp_to(sid)),
                           by_hand=drops(malformed=1)))
        made.append(single(f"{name}-upper-layer", f"{name}: an upper layer that no SID takes: "
                           "parameter problem, code 4", config(), packet(sid, [], udp_to(sid), 17),
                           packet(sid, [(wire.ROUTING, srh(17, two, 0))], udp_to(sid)),
                           packet(sid, [], b"", 59), by_hand=drops(malformed=3)))
        made.append(single(f"{name}-other-routing", f"{name}: a routing header of another type",
                           config(), packet(sid, [(wire.ROUTING, struct.pack(
                               ">BBBBIQ", 17, 1, 253, 1, 0, 0))], udp_to(sid)),
                           by_hand=drops(malformed=1)))
        made.append(single(f"{name}-ping", f"{name}: ping and traceroute to a SID (RFC 9259, 2.2)",
                           config(), packet(sid, [], wire.icmpv6(OUTER, sid, 128, 0, 1, b"ping"),
                                            58),
                           packet(sid, [(wire.ROUTING, srh(58, two, 0))],
                                  wire.icmpv6(OUTER, sid, 128, 0, 1, b"ping"))))
    made.append(single("usp-ping", "USP takes the header off before the upper layer", config(),
                       packet(SIDS["end-usp"], [(wire.ROUTING, srh(58, [SIDS["end-usp"]], 0))],
                              wire.icmpv6(OUTER, SIDS["end-usp"], 128, 0, 1, b"ping"))))
    made.append(single("usp-upper-layer", "USP: an error quotes what came", config(),
                       packet(SIDS["end-usp"], [(wire.ROUTING, srh(17, [SIDS["end-usp"]], 0))],
                              udp_to(SIDS["end-usp"])), by_hand=drops(malformed=1)))
    for name in ("dt4", "dt6", "dt46", "dx4", "dx6"):
        sid = SIDS[name]
        made.append(single(f"{name}-segments-left", f"{name}: segments left: parameter problem",
                           config(), segment(sid), segment(sid, hop_limit=1),
                           by_hand=drops(malformed=2)))
        made.append(single(f"{name}-second-routing-header", f"{name}: segments left in the second "
                           "routing header", config(), packet(sid, [
                               (wire.ROUTING, srh(wire.ROUTING, [sid], 0)),
                               (wire.ROUTING, srh(17, [VIA_1, sid], 1))], udp_to(VIA_1)),
                           by_hand=drops(malformed=1)))
        made.append(single(f"{name}-upper-layer", f"{name}: an upper layer that it does not take",
                           config(), packet(sid, [], udp_to(sid), 17),
                           packet(sid, [(wire.ROUTING, srh(17, [sid], 0))], udp_to(sid)),
                           by_hand=drops(malformed=2)))
        made.append(single(f"{name}-ping", f"{name}: ping to a SID", config(),
                           packet(sid, [], wire.icmpv6(OUTER, sid, 128, 0, 1, b"ping"), 58)))
    fragment = struct.pack(">BBHI", 41, 0, 0x0001, 77)
    later = struct.pack(">BBHI", 41, 0, 0x0008, 77)
    atomic = struct.pack(">BBHI", 41, 0, 0, 77)
    made.append(single("dt6-fragments", "Fragments are not decapsulated, an atomic one is", config(),
                       packet(SIDS["dt6"], [(44, fragment)], v6(1, size=80, to=0)),
                       packet(SIDS["dt6"], [(44, later)], v6(1, size=80, to=0)),
                       packet(SIDS["dt6"], [(44, atomic)], v6(1, size=80, to=0)),
                       by_hand=leaves(ge0=1, ge3=2)))
    made.append(single("local-address-with-segments", "An address that is no SID forwards nothing "
                       "(RFC 8754, 4.3.2)", config(), segment("2001:db8:104::1"),
                       by_hand=drops(malformed=1)))
    source = config()["srv6-source"]
    made.append(single("source-is-local", "srv6-source is an address of the router: errors about "
                       "what it encapsulated come back to it", config(),
                       packet(source, [], wire.icmpv6(OUTER, source, 128, 0, 1, b"ping"), 58),
                       packet(source, [], wire.icmpv6(OUTER, source, 3, 0, 0, b"quoted"), 58),
                       segment(source), by_hand=drops(malformed=1)))
    made.append(single("source-is-a-sid", "A SID at the address of srv6-source stays one",
                       {**config(), "srv6-source": SIDS["end"]}, segment(SIDS["end"]),
                       by_hand=leaves(ge1=1)))
    routing = (wire.ROUTING, srh(17, [VIA_1, SIDS["end"]], 1))
    made.append(single("martian-source", "What no router may forward goes to no adjacency and into no "
                       "policy either (RFC 4291, 2.5; RFC 1812, 5.3.7)", config(),
                       *[packet(SIDS[name], [routing], udp_to(VIA_1), source="::1")
                         for name in ("end", "x", "b6", "b6-red")],
                       packet(SIDS["dx6"], [], v6(1, size=80, source="fe80::1"), 41),
                       packet(SIDS["dx4"], [], v4(1, source="127.0.0.1"), 4),
                       by_hand=drops(malformed=6)))
    made.append(single("local-address-at-the-end", "No segment is left: to the host", config(),
                       segment("2001:db8:104::1", left=0, segments=[VIA_1, "2001:db8:104::1"])))
    return made


def decapsulation_cases():
    inner = {4: v4(1, size=80, to=0, ttl=50, dscp=10, ecn=1),
             6: v6(1, size=80, to=0, hop_limit=50, dscp=10, ecn=1)}
    protocol = {4: 4, 6: 41}
    takes = {"dt4": [4], "dx4": [4], "dt6": [6], "dx6": [6], "dt46": [4, 6], "dt46-red": [4, 6],
             "end-usd": [4, 6], "end-all": [4, 6], "x-usd": [4, 6], "t-usd": [4, 6],
             "end": [], "x": [], "t": [], "b6": [], "end-psp": []}
    made = []
    for name, versions in takes.items():
        sid = SIDS[name]
        for version in (4, 6):
            packets = [packet(sid, [], inner[version], protocol[version]),
                       packet(sid, [(wire.ROUTING, srh(protocol[version], [sid, FAR], 0))],
                              inner[version]),
                       packet(sid, [(wire.HOP_BY_HOP, wire.option_header(
                           wire.DESTINATION, b"\x1f\x01\x00")),
                                    (wire.DESTINATION, wire.option_header(
                                        protocol[version], b"\x1f\x01\x00"))], inner[version]),
                       packet(sid, [], inner[version], protocol[version], hop_limit=1)]
            count = len(packets)
            made.append(single(f"{name}-ipv{version}", f"{name} and IPv{version} inside", config(),
                               *packets, by_hand=None if version in versions else
                               drops(malformed=count)))
    for version in (4, 6):
        sid = SIDS["dt46"]
        build = v4 if version == 4 else v6
        lifetime = "ttl" if version == 4 else "hop_limit"
        made.append(single(
            f"ecn-ipv{version}", "RFC 6040: every pair of outer and inner congestion marks",
            config(), *[packet(sid, [], build(k, size=80, to=0, ecn=k % 4, dscp=9),
                               protocol[version], traffic_class=k // 4 | 0x40)
                        for k in range(16)], by_hand=drops(malformed=1)))
        made.append(single(
            f"inner-ttl-ipv{version}", "The inner TTL is checked and lowered once", config(),
            packet(sid, [], build(1, size=80, to=0, **{lifetime: 2}), protocol[version]),
            packet(sid, [], build(1, size=80, to=0, **{lifetime: 1}), protocol[version]),
            packet(SIDS[f"dx{version}"], [], build(1, size=80, to=0, **{lifetime: 2}),
                   protocol[version]),
            packet(SIDS[f"dx{version}"], [], build(1, size=80, to=0, **{lifetime: 1}),
                   protocol[version]), by_hand=drops(ttl_expired=2)))
        made.append(single(
            f"inner-padding-ipv{version}", "What lies behind the inner packet goes", config(),
            packet(sid, [], build(1, size=80, to=0) + bytes(7), protocol[version]),
            by_hand=leaves(ge0=1)))
        made.append(single(
            f"inner-cut-ipv{version}", "An inner packet that is cut", config(),
            packet(sid, [], build(1, size=80, to=0)[:-1], protocol[version]),
            packet(sid, [], b"", protocol[version]), by_hand=drops(malformed=2)))
        made.append(single(
            f"inner-wrong-version-ipv{version}", "The next header contradicts the inner packet",
            config(), packet(sid, [], build(1, size=80, to=0), protocol[10 - version]),
            by_hand=drops(malformed=1)))
        made.append(single(
            f"inner-to-router-ipv{version}", "The inner packet is for the router", config(),
            packet(sid, [], build(1, size=80, destination="10.0.1.1" if version == 4 else
                                  "2001:db8:101::1"), protocol[version]),
            check=to_kernel_alone(build(1, size=80, destination="10.0.1.1" if version == 4 else
                                        "2001:db8:101::1"))))
    made.append(single("inner-sid", "The inner packet is for another SID of this router", config(),
                       packet(SIDS["dt6"], [], segment(SIDS["end"]), 41), by_hand=leaves(ge1=1)))
    made.append(single("inner-no-route", "The inner packet has no route", config(),
                       packet(SIDS["dt6"], [], v6(1, size=80, destination="2001:db8:77::1"), 41),
                       by_hand=drops(no_route=1)))
    return made


def to_kernel_alone(packet_inside):
    def check(outcome):
        from captures import read_pcap
        account = outcome.account()
        frames = [frame[14:] for _, frame in read_pcap(outcome.directory / "ge3.kernel.pcap")]
        if account["to-kernel"] != 1 or frames != [packet_inside]:
            return [f"account {account}, kernel {[f.hex() for f in frames]}"]
        return []
    return check


def csid_config(**more):
    made = config()
    add_route(made, "fc00:1:8::/48", 1)
    made["srv6"]["locators"] = ["fc00:1::/48", "fc00:1:1::/48"]
    by_policy = {"policy": {"color": 100, "endpoint": "2001:db8:9::9"}}
    for name, entry in (("1", {"behavior": "End"}),
                        ("2", {"behavior": "End.X", "next-hops": [hop(2, 6)]}),
                        ("3", {"behavior": "End.T", "table": "red"}),
                        ("4", {"behavior": "End.B6.Encaps", **by_policy}),
                        ("5", {"behavior": "End.B6.Encaps.Red", **by_policy})):
        made["srv6"]["local-sids"].append(
            {"sid": f"fc00:1:{name}::/48", "flavors": ["NEXT-CSID"], **entry, **more})
    add_route(made, "fc00:1:8::/48", 2, table="red")
    return made


def csid_cases():
    made = []
    for name, number in (("end", 1), ("x", 2), ("t", 3), ("b6", 4), ("b6-red", 5)):
        def to(rest, number=number, **more):
            return packet(f"fc00:1:{number}:{rest}", [], b"payload!", 59, **more)
        sid = f"fc00:1:{number}::"
        made += [
            single(f"csid-{name}", f"NEXT-CSID, {name}: the next compressed SID comes to the front",
                   csid_config(), to("8:9:a::"), to("8::"), to("8:1:2:3:4"), to("8::", hop_limit=2),
                   by_hand=leaves(**{"ge1" if name == "end" else "ge2": 4})),
            single(f"csid-{name}-hop-limit", "NEXT-CSID: the hop limit", csid_config(),
                   to("8::", hop_limit=1), by_hand=drops(ttl_expired=1)),
            single(f"csid-{name}-argument-0", "NEXT-CSID: an empty container, then the routing "
                   "header", csid_config(), segment(sid), segment(sid, hop_limit=1),
                   by_hand=drops(ttl_expired=1)),
            single(f"csid-{name}-header-untouched", "NEXT-CSID: segments left stays", csid_config(),
                   segment(f"fc00:1:{number}:8::", segments=[VIA_1, f"fc00:1:{number}:8::"]),
                   segment(f"fc00:1:{number}:8::", last=77), dissect=False),
            single(f"csid-{name}-upper-layer", "NEXT-CSID: no container, no segment",
                   csid_config(), packet(sid, [], udp_to(sid), 17), by_hand=drops(malformed=1)),
            single(f"csid-{name}-zero-in-the-middle", "NEXT-CSID: a zero within the argument",
                   csid_config(), to("8:0:9::")),
            single(f"csid-{name}-zero-in-front", "NEXT-CSID: a zero in front of the argument",
                   csid_config(), to("0:8::")),
        ]
    made.append(single("csid-chain", "NEXT-CSID: two SIDs of this router in one container",
                       csid_config(), packet("fc00:1:1:2:8::", [], b"payload!", 59),
                       by_hand=leaves(ge2=1)))
    ending = csid_config()
    ending["srv6"]["local-sids"].append({"sid": "fc00:1:d6::/128", "behavior": "End.DT6"})
    made.append(single("csid-then-dt6", "NEXT-CSID: the last SID of the container ends the outer "
                       "packet and needs no flavor", ending,
                       packet("fc00:1:1:d6::", [], v6(1, size=80, to=0), 41),
                       by_hand=leaves(ge0=1)))
    within = csid_config()
    within["sr-policies"][0]["binding-sid"] = "fc00:1:1:b100::"
    made.append(single("csid-binding-sid-within", "A binding SID within a shorter SID: the longest "
                       "prefix counts, as among local SIDs", within,
                       segment("fc00:1:1:b100::"), packet("fc00:1:1:8::", [], b"payload!", 59),
                       by_hand=leaves(ge1=1, ge2=1)))
    made.append(single("csid-8-bit", "NEXT-CSID with 8 bits of node and function",
                       _short_csid(), packet("fc00:1:0108::", [], b"payload!", 59),
                       packet("fc00:1:01ff:eedd:ccbb:aa99:8877:6655", [], b"payload!", 59),
                       check=first_is("fc00:1:0800::", "fc00:1:ffee:ddcc:bbaa:9988:7766:5500")))
    return made


def _short_csid():
    made = config()
    add_route(made, "fc00:1::/32", 1)
    made["srv6"] = {"locators": [], "local-sids": [
        {"sid": "fc00:1:100::/40", "behavior": "End", "flavors": ["NEXT-CSID"]}]}
    made["sr-policies"] = []
    return made


def first_is(*addresses):
    def check(outcome):
        got = [frame[14 + 24:14 + 40] for _, frame in outcome.sent("ge1")]
        wanted = [wire.address_octets(address) for address in addresses]
        return [] if got == wanted else [f"destinations {[g.hex() for g in got]}"]
    return check


def domain_cases():
    """srv6-domain: ge0 and ge1 are inside."""
    def guarded():
        made = config()
        made["srv6-domain"] = ["ge0", "ge1"]
        return made

    made = []
    for name in ("end", "x", "dt6", "b6"):
        sid = SIDS[name]
        came = packet(sid, [], v6(1, size=80, to=0), 41) if name == "dt6" else segment(sid)
        ping = packet(sid, [], wire.icmpv6(OUTER, sid, 128, 0, 1, b"ping"), 58)
        made.append(Case(f"endpoint-domain-{name}", "Only interfaces of the domain bring packets to "
                         "local SIDs", guarded(),
                         {"ge3": [at(1000, onto(3, came)), at(2000, onto(3, ping))],
                          "ge0": [at(3000, onto(0, came))]}, by_hand=drops(untrusted_source=2)))
    made.append(single("domain-transit", "Packets to others pass, whatever header they have",
                       guarded(), segment(VIA_1, segments=[FAR, VIA_1]), by_hand=leaves(ge1=1)))
    return made


def oam_cases():
    sid = SIDS["end"]
    return [single("oam-flag", "RFC 9259: a copy for the kernel before the SID is processed",
                   config(), segment(sid, flags=0x20)),
            single("oam-flag-elsewhere", "RFC 9259: no SID of ours, no copy", config(),
                   segment(VIA_1, segments=[FAR, VIA_1], flags=0x20), by_hand=leaves(ge1=1))]


def tcqf_cases():
    """Endpoints inside a domain: what happens to the tag."""
    def inside(kind, **more):
        made = config()
        return with_domain(made, [tagged(0, kind, **more), tagged(1, kind, **more)],
                           [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])

    def rx(*packets):
        return {"ge0": [at(1000 + 1000 * k, onto(0, p)) for k, p in enumerate(packets)]}

    tag = 3 << 2
    option = wire.tcqf_option(1)
    made = [
        Case("endpoint-tcqf-dscp", "End rewrites the outer tag", inside("dscp"),
             rx(segment(SIDS["end"], traffic_class=tag | 2)), by_hand=leaves(ge1=1)),
        Case("endpoint-tcqf-psp", "PSP and a tag in the DSCP", inside("dscp"),
             rx(segment(SIDS["end-psp"], traffic_class=tag)), by_hand=leaves(ge1=1)),
        Case("endpoint-tcqf-dscp-decapsulated", "Decapsulated towards a DSCP interface: the inner "
             "header is marked", inside("dscp"),
             rx(packet(SIDS["dx6"], [], v6(1, size=80, to=0, dscp=9), 41, traffic_class=tag),
                packet(SIDS["dx4"], [], v4(1, size=80, to=0, dscp=9), 4, traffic_class=tag)),
             by_hand=leaves(ge1=2)),
    ]
    for where, header in (("hop-by-hop", wire.HOP_BY_HOP), ("destination", wire.DESTINATION)):
        for name in ("end", "end-psp", "x"):
            sid = SIDS[name]
            came = packet(sid, [(header, wire.option_header(wire.ROUTING, option)),
                                (wire.ROUTING, srh(17, [VIA_1, sid], 1))], udp_to(VIA_1))
            made.append(Case(f"endpoint-tcqf-{where}-{name}", "The option is rewritten, the rest "
                             "stays", inside("ipv6-option", header=where), rx(came)))
        for name in ("dx6", "dx4"):
            inner = v6(1, size=80, to=0) if name == "dx6" else v4(1, size=80, to=0)
            came = packet(SIDS[name], [(header, wire.option_header(
                41 if name == "dx6" else 4, option))], inner)
            made.append(Case(f"endpoint-tcqf-{where}-{name}", "The header that carried the tag is "
                             "removed: sent in its cycle without a tag",
                             inside("ipv6-option", header=where), rx(came),
                             by_hand=leaves(ge1=1)))
    second = packet(SIDS["end"], [
        (wire.HOP_BY_HOP, wire.option_header(wire.ROUTING, option + wire.tcqf_option(4))),
        (wire.ROUTING, srh(17, [VIA_1, SIDS["end"]], 1))], udp_to(VIA_1))
    made.append(Case("endpoint-tcqf-second-option", "A second option stays as it is in transit",
                     inside("ipv6-option"), rx(second), by_hand=leaves(ge1=1)))
    return made


def cases():
    return (transit_cases() + quoted_cases() + pointer_cases() + error_cases() +
            decapsulation_cases() + csid_cases() + domain_cases() + oam_cases() + tcqf_cases())
