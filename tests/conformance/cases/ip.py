"""IPv4 and IPv6 forwarding: routes, TTL, MTU, fragments, header checks, ECMP."""

import copy

import wire
from case import (BASE, INTERFACES, SOURCE4, SOURCE6, Case, add_route, at, base_config, drops,
                  dscp_transit, labelled, onto, own_label, own_mac, peer_mac, silent_v4, silent_v6,
                  starts, swap, v4, v6, with_labels)


def spaced(i, frames, step=20_000):
    return {f"ge{i}": [at(1000 + step * k, frame) for k, frame in enumerate(frames)]}


def route_cases():
    config = base_config()
    for prefix, i in (("0.0.0.0/0", 0), ("10.0.0.0/8", 1), ("10.20.0.0/15", 2),
                      ("10.20.0.0/16", 1), ("10.20.128.0/17", 2), ("10.20.128.0/24", 0),
                      ("10.20.128.128/25", 1), ("10.20.128.255/32", 2), ("10.20.128.254/31", 0),
                      ("128.0.0.0/1", 2)):
        add_route(config, prefix, i)
    targets = ("9.9.9.9", "10.19.255.255", "10.20.0.0", "10.21.255.255", "10.22.0.0",
               "10.20.127.255", "10.20.128.0", "10.20.128.127", "10.20.128.128", "10.20.128.253",
               "10.20.128.254", "10.20.128.255", "10.20.129.0", "99.0.0.1",
               "200.1.1.1", "10.10.1.1", "10.0.2.2")
    made = [Case("ip-lpm-v4-nested", "Nested prefixes of every length", config,
                 spaced(3, [onto(3, v4(k, destination=a)) for k, a in enumerate(targets)]))]
    config = base_config()
    for prefix, i in (("::/0", 0), ("2001:db8::/32", 1), ("2001:db8:aa00::/40", 2),
                      ("2001:db8:aa00::/63", 1), ("2001:db8:aa00::/64", 0),
                      ("2001:db8:aa00::/65", 2), ("2001:db8:aa00::8000:0:0:0/127", 1),
                      ("2001:db8:aa00::1/128", 1), ("2001:db8:aa00:0:8000::/66", 1)):
        add_route(config, prefix, i)
    targets = ("2002::1", "2001:db8:ab00::1", "2001:db8:aa00:2::1", "2001:db8:aa00:1::1",
               "2001:db8:aa00::1", "2001:db8:aa00::2", "2001:db8:aa00:0:8000::1",
               "2001:db8:aa00:0:c000::1", "2001:db8:aaff:ffff::1", "2001:db9::1",
               "2001:db8:102::2", "2001:db8:d2::77")
    made.append(Case("ip-lpm-v6-nested", "Nested prefixes of every length, IPv6", config,
                     spaced(3, [onto(3, v6(k, destination=a)) for k, a in enumerate(targets)])))
    config = base_config()
    add_route(config, "10.10.0.0/16", 2)
    made.append(Case("ip-next-hop-mac", "MAC addresses of the next hop and of the interface",
                     config, spaced(0, [onto(0, v4(k, to=k)) for k in (1, 2, 3)] +
                                    [onto(0, v4(9, destination="10.10.77.1"))])))
    made.append(Case("ip-back-out", "Out of the interface on which it came", base_config(),
                     spaced(1, [onto(1, v4(1)), onto(1, v6(2))])))
    made.append(Case("ip-connected", "Connected prefixes are routes through static neighbours",
                     base_config(), spaced(0, [onto(0, v4(1, destination="10.0.2.2")),
                                               onto(0, v6(2, destination="2001:db8:103::2"))])))
    return made


def table_cases():
    """Tables by name: routes and interfaces (VRF)."""
    config = base_config()
    config["interfaces"][0]["table"] = "red"
    config["interfaces"][2]["table"] = "red"
    config["routes"] = []
    add_route(config, "10.50.0.0/16", 1)
    add_route(config, "10.50.0.0/16", 2, table="red")
    add_route(config, "2001:db8:50::/48", 1)
    add_route(config, "2001:db8:50::/48", 2, table="red")
    add_route(config, "10.3.0.0/16", 3)
    rx = {"ge0": [at(1000, onto(0, v4(1, destination="10.50.1.1"))),
                  at(30_000, onto(0, v6(2, destination="2001:db8:50::1"))),
                  at(60_000, onto(0, v4(3, destination="10.0.3.2"))),
                  at(90_000, onto(0, v4(4, destination="10.0.2.1")))],
          "ge3": [at(2000, onto(3, v4(5, destination="10.50.1.1"))),
                  at(40_000, onto(3, v6(6, destination="2001:db8:50::1"))),
                  at(70_000, onto(3, v4(7, destination="10.0.2.2"))),
                  at(95_000, onto(3, v4(8, destination="10.0.3.1")))]}
    return [Case("ip-tables", "Each interface looks up in its table; own addresses count in every "
                 "table", config, rx)]


def ttl_cases():
    return [
        Case("ip-ttl", "TTL and hop limit are lowered by one", base_config(),
             spaced(3, [onto(3, v4(k, ttl=t)) for k, t in enumerate((255, 128, 64, 3, 2))] +
                    [onto(3, v6(k, hop_limit=t)) for k, t in enumerate((255, 64, 2))])),
        Case("ip-ttl-expired", "TTL 1 and 0 are not forwarded", base_config(),
             spaced(3, [onto(3, silent_v4(k, ttl=t)) for k, t in enumerate((1, 0, 2))] +
                    [onto(3, silent_v6(k, hop_limit=t)) for k, t in enumerate((1, 0, 2))])),
        Case("ip-checksum-update", "The header checksum stays right for all values", base_config(),
             spaced(3, [onto(3, v4(k, identification=(k * 0x0FFF + 0xFD) & 0xFFFF,
                                   ttl=2 + k * 5)) for k in range(50)], step=500)),
        Case("ip-expired-tcqf", "A TCQF packet expires like any other", dscp_transit(),
             spaced(0, [onto(0, silent_v4(1, ttl=1, tos=12)), onto(0, v4(2, dscp=3))])),
    ]


def header_cases():
    """What is malformed, what has a bad checksum."""
    good = v4(1, size=60)
    broken = {
        "version-5": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), version_ihl=0x55),
        "version-6": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), version_ihl=0x65),
        "ihl-4": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), version_ihl=0x44),
        "ihl-0": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), version_ihl=0x40),
        "ihl-past-total": wire.ipv4(SOURCE4, "10.10.1.1", bytes(8), version_ihl=0x4F),
        "ihl-past-frame": wire.ipv4(SOURCE4, "10.10.1.1", b"", version_ihl=0x46, total_length=24),
        "total-19": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), total_length=19),
        "total-0": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), total_length=0),
        "total-past-frame": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), total_length=61),
        "total-65535": wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), total_length=65535),
        "cut-19": good[:19], "cut-1": good[:1], "cut-0": b"",
    }
    made = []
    for name, packet in broken.items():
        made.append(Case(f"malformed-ipv4-{name}", f"IPv4 {name}", base_config(),
                         spaced(3, [onto(3, packet, wire.ETHER_IPV4), onto(3, good)])))
    whole = v6(1, size=60)
    broken6 = {
        "version-4": wire.ipv6(SOURCE6, "2001:db8:d1::1", bytes(20), version=4),
        "version-7": wire.ipv6(SOURCE6, "2001:db8:d1::1", bytes(20), version=7),
        "cut-39": whole[:39], "cut-1": whole[:1], "cut-0": b"",
        "payload-past-frame": wire.ipv6(SOURCE6, "2001:db8:d1::1", bytes(20), payload_length=21),
        "payload-65535": wire.ipv6(SOURCE6, "2001:db8:d1::1", bytes(20), payload_length=65535),
        "hop-by-hop-cut": wire.ipv6(SOURCE6, "2001:db8:d1::1", bytes([17]), next_header=0),
        "hop-by-hop-empty": wire.ipv6(SOURCE6, "2001:db8:d1::1", b"", next_header=0),
        "hop-by-hop-past-payload": wire.ipv6(SOURCE6, "2001:db8:d1::1",
                                             bytes([17, 2, 1, 4]) + bytes(12), next_header=0),
        "hop-by-hop-past-frame": wire.ipv6(SOURCE6, "2001:db8:d1::1",
                                           bytes([17, 255, 1, 4]) + bytes(12), next_header=0),
        "option-past-header": wire.ipv6(SOURCE6, "2001:db8:d1::1",
                                        bytes([17, 0, 0x1E, 5]) + bytes(12), next_header=0),
        "option-without-length": wire.ipv6(SOURCE6, "2001:db8:d1::1",
                                           bytes([17, 0, 1, 3, 0, 0, 0, 0x1E]) + bytes(8),
                                           next_header=0),
    }
    for name, packet in broken6.items():
        made.append(Case(f"malformed-ipv6-{name}", f"IPv6 {name}", base_config(),
                         spaced(3, [onto(3, packet, wire.ETHER_IPV6), onto(3, whole)])))
    short = [wire.mac_octets(own_mac(3)) + bytes(7), bytes.fromhex("020000000401"), b"\x02",
             wire.mac_octets(own_mac(3)) + wire.mac_octets(peer_mac(3)) + b"\x08"]
    made.append(Case("malformed-short-frames", "Frames below 14 octets", base_config(),
                     spaced(3, short + [onto(3, good)])))
    sums = [onto(3, wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), header_checksum=value))
            for value in (0, 0x1234, 0xFFFF)]
    one_off = bytearray(v4(1, size=60))
    one_off[11] ^= 1
    made.append(Case("bad-checksum-ipv4", "A wrong header checksum", base_config(),
                     spaced(3, sums + [onto(3, bytes(one_off)), onto(3, good)])))
    to_us = wire.ipv4(SOURCE4, "10.0.4.1", bytes(40), header_checksum=0x1234)
    made.append(Case("bad-checksum-for-the-router", "Also for what is the router's own",
                     base_config(), spaced(3, [onto(3, to_us)])))
    return made


def length_cases():
    """Padding is trimmed; odd payloads; payload checksums are not the router's business."""
    wrong_udp = bytearray(v4(3, size=60))
    wrong_udp[26:28] = b"\x12\x34"
    long_tail = onto(3, v4(1, size=40)) + bytes(range(200))
    return [
        Case("ip-padding", "What follows the total length is not sent", base_config(),
             spaced(3, [onto(3, v4(1, size=29), pad_to=60), long_tail,
                        onto(3, v6(2, size=49), pad_to=80), onto(3, v4(3, size=61))])),
        Case("ip-smallest", "Headers without payload", base_config(),
             spaced(3, [onto(3, wire.ipv4(SOURCE4, "10.10.1.1", b"", protocol=253)),
                        onto(3, wire.ipv6(SOURCE6, "2001:db8:d1::1", b"", next_header=59))])),
        Case("ip-options-kept", "IPv4 options are forwarded as they are", base_config(),
             spaced(3, [onto(3, v4(k, size=100, options=options)) for k, options in enumerate(
                 (b"\x01" * 4, b"\x9e\x08abcdef", b"\x1e\x04xy" * 10))])),
        Case("ip-extensions-kept", "IPv6 extension headers are forwarded as they are",
             base_config(),
             spaced(3, [onto(3, v6(1, hop_by_hop=bytes([0x1F, 3, 1, 2, 3]),
                                   dest_options=bytes([0x1F, 1, 7]))),
                        onto(3, v6(2, size=300, dest_options=bytes([0x9F, 100]) + bytes(100)))])),
    ]


def mtu_cases():
    config = base_config()
    config["interfaces"][1]["mtu"] = 1280
    config["interfaces"][2]["mtu"] = 576
    made = [
        Case("ip-mtu-exact", "mtu counts what follows the Ethernet header", base_config(mtu=1400),
             spaced(3, [onto(3, v4(1, size=1400)), onto(3, silent_v4(2, size=1401)),
                        onto(3, v6(3, size=1400)), onto(3, silent_v6(4, size=1401))])),
        Case("ip-fragment-two", "IPv4 without DF is fragmented", config,
             spaced(3, [onto(3, v4(1, size=1281, flags=0)),
                        onto(3, v4(2, size=1400, flags=0, dscp=46, ecn=2)),
                        onto(3, v4(3, size=1280, flags=0))])),
        Case("ip-fragment-many", "Into as many as are needed", config,
             spaced(3, [onto(3, v4(1, to=2, size=1500, flags=0)),
                        onto(3, v4(2, to=2, size=1124, flags=0)),
                        onto(3, v4(3, to=2, size=1125, flags=0))])),
        Case("ip-fragment-of-fragment", "What is a fragment already is divided further", config,
             spaced(3, [onto(3, v4(1, to=2, size=1220, flags=1, offset=100)),
                        onto(3, v4(2, to=2, size=1221, flags=0, offset=185)),
                        onto(3, v4(3, to=2, size=596, flags=1, offset=7000))])),
        Case("ip-fragment-df", "With DF it is refused", config,
             spaced(3, [onto(3, silent_v4(1, to=2, size=577)),
                        onto(3, silent_v4(2, to=2, size=576))])),
        Case("ip-fragment-icmp-error", "Whatever it carries", config,
             spaced(3, [onto(3, silent_v4(1, to=2, size=900, flags=0))])),
    ]
    options = {"copied": b"\x9e\x08abcdef", "not-copied": b"\x1e\x08abcdef",
               "both": b"\x1e\x04xy\x9e\x08abcdef"}
    for name, octets in options.items():
        made.append(Case(f"ip-fragment-options-{name}", "Only options with the copied flag go into "
                         "later fragments", config,
                         spaced(3, [onto(3, v4(1, to=2, size=900, flags=0, options=octets))])))
    pushed = base_config()
    pushed["interfaces"][2]["mtu"] = 576
    add_route(pushed, "10.11.0.0/16", 2, labels=[777, 778])
    made.append(Case("ip-fragment-under-pushed-labels", "The labels count within mtu",
                     with_labels(pushed),
                     spaced(3, [onto(3, v4(1, destination="10.11.0.1", size=568, flags=0)),
                                onto(3, v4(2, destination="10.11.0.1", size=569, flags=0)),
                                onto(3, silent_v4(3, size=576, to=2))])))
    rx = spaced(3, [onto(3, v4(1, to=2, size=1500, flags=0))] * 2, step=1)
    made.append(Case("ip-fragment-burst", "Fragments are one after the other", config, rx))
    return made


def fragment_by_hand():
    """Fields of fragments, written out."""
    config = base_config()
    config["interfaces"][2]["mtu"] = 576
    rx = spaced(3, [onto(3, v4(7, to=2, size=1221, flags=1, offset=185))])

    # 1201 octets of payload: 552 + 552 + 97; offsets 185, 254, 323; MF in all (it was set).
    def by_hand(router):
        headers = [s.frame[14:34] for s in router.ports["ge2"].sent]
        assert [h[2] << 8 | h[3] for h in headers] == [572, 572, 117]
        assert [h[6] << 8 | h[7] for h in headers] == [0x2000 | 185, 0x2000 | 254, 0x2000 | 323]
        assert router.generated == 2

    return Case("ip-fragment-fields", "Offsets and flags of fragments", config, rx,
                by_hand=by_hand)


def sid_option_cases(discarding):
    """Options for the destination, which is a SID of the router."""
    config = copy.deepcopy(discarding)
    config["srv6"] = {"locators": ["fc00:1::/48"], "local-sids": [
        {"sid": "fc00:1::1/128", "behavior": "End"}, {"sid": "fc00:1::d6/128", "behavior": "End.DT6"}]}

    def to_sid(kind, in_front=True):
        options = wire.option_header(43 if in_front else 41, bytes([kind, 2, 0, 0]))
        routing = wire.routing_header(41 if in_front else 60, ["2001:db8:d1::1", "fc00:1::1"], 1)
        chain = options + routing if in_front else routing + options
        return onto(3, wire.ipv6(SOURCE6, "fc00:1::1", chain + v6(1),
                                 next_header=60 if in_front else 43))

    tunnel = wire.option_header(41, bytes([0x9D, 2, 0, 0])) + v6(1)
    return [
        Case("ip-unknown-option-discard-at-sid", "A SID looks at the options in front of the routing "
             "header, as their action bits say", config,
             spaced(3, [to_sid(k) for k in (0x1D, 0x5D, 0x9D, 0xDD)]),
             by_hand=drops(unknown_option=3)),
        Case("ip-unknown-option-discard-behind-routing", "What lies behind it is for the last "
             "segment", config, spaced(3, [to_sid(0x9D, in_front=False)])),
        Case("ip-unknown-option-discard-at-last-sid", "Without a routing header the SID is the last",
             config, spaced(3, [onto(3, wire.ipv6(SOURCE6, "fc00:1::d6", tunnel, next_header=60))]),
             by_hand=drops(unknown_option=1)),
    ]


def option_cases():
    """unknown-option-action."""
    options = {k: bytes([k, 2, 1, 2]) for k in (0x1D, 0x3D, 0x5D, 0x7D, 0x9D, 0xBD, 0xDD, 0xFD)}
    frames = [onto(3, v6(k, hop_by_hop=o)) for k, o in enumerate(options.values())]
    made = [Case("ip-unknown-option-skip", "Options that the router does not know are skipped",
                 base_config(), spaced(3, frames))]
    config = base_config()
    config["unknown-option-action"] = "discard"
    for kind, octets in options.items():
        made.append(Case(f"ip-unknown-option-discard-{kind:02x}",
                         f"discard: as the action bits of {kind:#x} say", config,
                         spaced(3, [onto(3, v6(1, hop_by_hop=bytes([1, 2, 0, 0]) + octets))])))
    known = bytes([1, 0]) + bytes([0x3E, 2, 0, 0]) + b"\0"
    made.append(Case("ip-unknown-option-discard-known", "Padding and what the router knows pass",
                     config, spaced(3, [onto(3, v6(1, hop_by_hop=known)),
                                        onto(3, v6(2, hop_by_hop=wire.tcqf_option(1)))])))
    made.append(Case("ip-unknown-option-discard-destination", "Options for the destination are "
                     "not the router's", config,
                     spaced(3, [onto(3, v6(1, dest_options=bytes([0x9D, 2, 0, 0])))])))
    made += sid_option_cases(config)
    inside = v6(1, hop_by_hop=bytes([0x5D, 2, 0, 0]))
    beneath = with_labels(copy.deepcopy(config), own_label(102))
    beneath["srv6"] = {"locators": ["fc00:1::/48"], "local-sids": [
        {"sid": "fc00:1::d6/128", "behavior": "End.DT6"}]}
    tunnel = wire.ipv6(SOURCE6, "fc00:1::d6", inside, next_header=41)
    made.append(Case("ip-unknown-option-discard-inside", "Also of what comes out of a tunnel",
                     beneath, spaced(3, [labelled(3, [(102, 0, 64)], inside),
                                         onto(3, tunnel)]),
                     by_hand=drops(unknown_option=2)))
    silent = wire.option_header(58, bytes([0x9D, 2, 0, 0])) + wire.icmpv6(
        SOURCE6, "2001:db8:d1::1", 3, 0, 0, bytes(40))
    made.append(Case("ip-unknown-option-discard-silent", "No error about an error", config,
                     spaced(3, [onto(3, wire.ipv6(SOURCE6, "2001:db8:d1::1", silent,
                                                  next_header=0))])))
    return made


# -- ECMP: no single outcome is right, so properties are checked ------------------------------

def _paths(outcome, interfaces=INTERFACES):
    """{IPv4 identification or IPv6 payload length, which number the flows: interfaces}."""
    found = {}
    for name in interfaces:
        for _, frame in outcome.sent(name):
            start = 22 if frame[12:14] == b"\x88\x47" else 18
            found.setdefault(frame[start:start + 2].hex(), set()).add(name)
    return found


def _macs_are_right(outcome):
    for i, name in enumerate(INTERFACES):
        for _, frame in outcome.sent(name):
            if frame[:12] != wire.mac_octets(peer_mac(i)) + wire.mac_octets(own_mac(i)):
                yield f"{name}: MAC addresses {frame[:12].hex()}"


def _stable(outcome, flows):
    found = _paths(outcome)
    problems = list(_macs_are_right(outcome))
    if len(found) != flows:
        problems.append(f"{len(found)} flows came out, {flows} went in")
    problems += [f"flow {key} went to {sorted(names)}" for key, names in found.items()
                 if len(names) > 1]
    return problems


def _share(outcome, name, low, high, total):
    count = len(outcome.sent(name))
    if not low * total <= count <= high * total:
        return [f"{name} got {count} of {total}, expected {low:.0%} to {high:.0%}"]
    return []


def ecmp_cases():
    config = base_config()
    config["routes"].append({"prefix": "10.60.0.0/16", "next-hops": [
        {"interface": "ge0", "address": "10.0.1.2"}, {"interface": "ge1", "address": "10.0.2.2"}]})
    config["routes"].append({"prefix": "10.61.0.0/16", "next-hops": [
        {"interface": "ge0", "address": "10.0.1.2", "weight": 3},
        {"interface": "ge1", "address": "10.0.2.2", "weight": 1}]})
    config["routes"].append({"prefix": "2001:db8:60::/48", "next-hops": [
        {"interface": "ge0", "address": "2001:db8:101::2"},
        {"interface": "ge1", "address": "2001:db8:102::2"},
        {"interface": "ge2", "address": "2001:db8:103::2"}]})
    varied = [onto(3, v4(flow, destination="10.60.0.1", sport=1000 + flow, identification=flow,
                         dscp=dscp, ecn=ecn, ttl=64 - dscp % 7))
              for flow in range(40) for dscp, ecn in ((0, 0), (3, 1), (46, 2), (63, 3))]
    made = [Case("ecmp-stable-v4", "ECMP never hashes TC, DSCP, ECN or TTL", config,
                 spaced(3, varied, step=500), check=lambda outcome: _stable(outcome, 40))]
    many = [onto(3, v4(k, destination=f"10.60.{k % 8}.1", sport=1024 + k * 7, identification=k))
            for k in range(600)]
    made.append(Case("ecmp-balance-v4", "Flows spread over equal next hops", config,
                     spaced(3, many, step=500),
                     check=lambda o: _stable(o, 600) + _share(o, "ge0", 0.4, 0.6, 600)))
    weighted = [onto(3, v4(k, destination=f"10.61.{k % 8}.1", sport=1024 + k * 7,
                           identification=k)) for k in range(600)]
    made.append(Case("ecmp-weight", "Flows spread by weight", config,
                     spaced(3, weighted, step=500),
                     check=lambda o: _stable(o, 600) + _share(o, "ge0", 0.65, 0.85, 600)))
    label_flows = [onto(3, v6(k, destination="2001:db8:60::1", flow_label=0x100 + flow,
                              size=100 + flow, dscp=dscp, ecn=ecn))
                   for flow in range(40) for k, (dscp, ecn) in enumerate(((0, 0), (3, 1), (46, 2)))]
    made.append(Case("ecmp-stable-v6", "IPv6: the same, with the flow label", config,
                     spaced(3, label_flows, step=500), check=lambda o: _stable(o, 40)))
    spread = [onto(3, v6(k, destination="2001:db8:60::1", flow_label=k * 37 % 0xFFFFF,
                         size=100)) for k in range(600)]
    made.append(Case("ecmp-balance-v6", "RFC 6438: the flow label spreads flows", config,
                     spaced(3, spread, step=500),
                     check=lambda o: list(_macs_are_right(o)) + _share(o, "ge0", 0.25, 0.42, 600)
                     + _share(o, "ge1", 0.25, 0.42, 600)))
    with_options = [onto(3, v6(k, destination="2001:db8:60::1", flow_label=0x100 + flow,
                               size=200 + flow, hop_by_hop=options))
                    for flow in range(40)
                    for k, options in enumerate((bytes([0x1F, 2, 0, 0]), bytes([0x1F, 2, 9, 9]),
                                                 bytes([0x3E, 2, 0, 0])))]
    made.append(Case("ecmp-options", "ECMP never hashes options", config,
                     spaced(3, with_options, step=500), check=lambda o: _stable(o, 40)))
    labels = with_labels(base_config(), {"label": 100, "operation": "swap", "out-labels": [200],
                                         "next-hops": [
                                             {"interface": "ge0", "address": "10.0.1.2"},
                                             {"interface": "ge1", "address": "10.0.2.2"}]},
                         swap(101, 201, 1))
    frames = [labelled(3, [(100, tc, 64 - tc)], v4(flow, sport=1000 + flow, identification=flow))
              for flow in range(40) for tc in (0, 1, 7)]
    made.append(Case("ecmp-stable-mpls", "Labelled flows: the TC is not hashed", labels,
                     spaced(3, frames, step=500), check=lambda o: _stable(o, 40)))
    for name, packet in (("v4", lambda k: v4(k, sport=1024 + k * 7, identification=k)),
                         ("v6", lambda k: v6(k, sport=1024 + k * 7)),
                         ("v6-extended", lambda k: v6(k, sport=1024 + k * 7, dest_options=b"")),
                         ("v6-flow-label", lambda k: v6(k, flow_label=k * 37 % 0xFFFFF))):
        beneath = [labelled(3, [(100, 0, 64)], packet(k)) for k in range(600)]
        made.append(Case(f"ecmp-balance-mpls-{name}", "IP flows beneath one label spread over its "
                         "next hops", labels, spaced(3, beneath, step=500),
                         check=lambda o: _share(o, "ge0", 0.4, 0.6, 600)))
    words = [labelled(3, [(100, 0, 64)], bytes(4) + v4(k, sport=1024 + k * 7, identification=k))
             for k in range(60)]
    made.append(Case("ecmp-mpls-control-word", "Behind a control word nothing is hashed "
                     "(RFC 4928, 3)", labels, spaced(3, words, step=500),
                     check=lambda o: [] if {len(o.sent("ge0")), len(o.sent("ge1"))} == {0, 60}
                     else ["one LSP of a control word takes two ways"]))
    entropy = [labelled(3, [(100, 0, 64), (7, 0, 64), (4711, 0, 0)],
                        v4(k, sport=1024 + k * 7, identification=k)) for k in range(60)]
    made.append(Case("ecmp-mpls-entropy", "With an entropy label nothing else is hashed "
                     "(RFC 6790, 4.3)", labels, spaced(3, entropy, step=500),
                     check=lambda o: [] if {len(o.sent("ge0")), len(o.sent("ge1"))} == {0, 60}
                     else ["one entropy label takes two ways"]))
    return made


def many_at_once():
    """A long mixed run without TCQF."""
    frames = []
    for k in range(300):
        frames.append(onto(3, (v4 if k % 3 else v6)(k, to=k % 3, size=60 + 3 * k % 1400)))
    rx = {"ge3": [(BASE + 700 * k, frame) for k, frame in enumerate(frames)]}

    def by_hand(router):
        assert sum(len(starts(router, name)) for name in INTERFACES) == 300

    return Case("ip-mixed-run", "IPv4 and IPv6 mixed, queues build up", base_config(1000), rx,
                by_hand=by_hand)


def cases():
    return (route_cases() + table_cases() + ttl_cases() + header_cases() + length_cases() +
            mtu_cases() + [fragment_by_hand()] + option_cases() + ecmp_cases() + [many_at_once()])
