"""ICMP and ICMPv6 errors: when, to whom, about what; and when none is due."""

import wire
from case import (BASE, SOURCE4, SOURCE6, Case, add_route, at, base_config, drops, dscp_transit,
                  labelled, onto, own_label, pop, swap, v4, v6, with_labels)

FAR4, FAR6 = "10.10.1.1", "2001:db8:d1::1"


def one(i, *frames, step=200_000_000):
    """Errors far apart in time, so that the rate limit does not bite."""
    return {f"ge{i}": [at(1000 + step * k, frame) for k, frame in enumerate(frames)]}


def error_cases():
    small = base_config()
    small["interfaces"][1]["mtu"] = 1300
    pushing = base_config()
    pushing["interfaces"][1]["mtu"] = 1300
    add_route(pushing, "10.11.0.0/16", 1, labels=[777, 778])
    add_route(pushing, "2001:db8:b::/48", 1, labels=[777, 778])
    with_labels(pushing)
    no_route = base_config()
    return [
        Case("icmp-ttl-1", "Time exceeded 11/0", base_config(), one(3, onto(3, v4(1, ttl=1)))),
        Case("icmp-ttl-0", "Also for a TTL of 0", base_config(), one(3, onto(3, v4(1, ttl=0)))),
        Case("icmp-ttl-options", "The quote has the options", base_config(),
             one(3, onto(3, v4(1, ttl=1, options=b"\x9e\x08abcdef")))),
        Case("icmp-ttl-short", "A packet shorter than the quote may be", base_config(),
             one(3, onto(3, wire.ipv4(SOURCE4, FAR4, b"abc", protocol=253, ttl=1), pad_to=60))),
        Case("icmp-ttl-long", "At most 576 octets", base_config(),
             one(3, onto(3, v4(1, ttl=1, size=1500)))),
        Case("icmp-ttl-tag", "The quote is the packet as received", base_config(),
             one(3, onto(3, v4(1, ttl=1, dscp=46, ecn=2)))),
        Case("icmp-hop-limit-1", "ICMPv6 3/0 from srv6-source", base_config(),
             one(3, onto(3, v6(1, hop_limit=1)))),
        Case("icmp-hop-limit-0", "Also for a hop limit of 0", base_config(),
             one(3, onto(3, v6(1, hop_limit=0)))),
        Case("icmp-hop-limit-long", "As much of the packet as fits 1280", base_config(),
             one(3, onto(3, v6(1, hop_limit=1, size=1500)))),
        Case("icmp-no-route-v4", "Destination unreachable 3/0", no_route,
             one(3, onto(3, v4(1, destination="192.0.2.1")))),
        Case("icmp-no-route-v6", "Destination unreachable 1/0", no_route,
             one(3, onto(3, v6(1, destination="2001:db9::1")))),
        Case("icmp-no-neighbor-v4", "Host unreachable 3/1", base_config(),
             one(0, onto(0, v4(1, destination="10.0.2.77")))),
        Case("icmp-no-neighbor-v6", "Address unreachable 1/3", base_config(),
             one(0, onto(0, v6(1, destination="2001:db8:102::77")))),
        Case("icmp-too-big-v4", "Fragmentation needed 3/4 with the MTU", small,
             one(3, onto(3, v4(1, size=1301)))),
        Case("icmp-too-big-v6", "Packet too big 2/0 with the MTU", small,
             one(3, onto(3, v6(1, size=1301)))),
        Case("icmp-too-big-pushed-v4", "The MTU less the labels pushed", pushing,
             one(3, onto(3, v4(1, size=1293, destination="10.11.0.1")),
                 onto(3, v4(2, size=1292, destination="10.11.0.1")))),
        Case("icmp-too-big-pushed-v6", "The MTU less the labels pushed, IPv6", pushing,
             one(3, onto(3, v6(1, size=1293, destination="2001:db8:b::1")),
                 onto(3, v6(2, size=1292, destination="2001:db8:b::1")))),
        Case("icmp-about-echo", "An echo request is answered with an error", base_config(),
             one(3, onto(3, wire.ipv4(SOURCE4, FAR4, wire.icmp(8, 0, 1, bytes(20)), protocol=1,
                                      ttl=1)))),
        Case("icmp-about-echo-v6", "An ICMPv6 echo request, too", base_config(),
             one(3, onto(3, wire.ipv6(SOURCE6, FAR6, wire.icmpv6(SOURCE6, FAR6, 128, 0, 1,
                                                                 bytes(20)),
                                      next_header=58, hop_limit=1)))),
        Case("icmp-about-first-fragment", "The first fragment, too", base_config(),
             one(3, onto(3, v4(1, ttl=1, flags=1)))),
    ]


def silent_cases():
    """No error about errors, later fragments, or senders that are not one host."""
    made = []
    for kind in (3, 4, 5, 11, 12):
        made.append(Case(f"icmp-silent-type-{kind}", f"No error about ICMP type {kind}",
                         base_config(),
                         one(3, onto(3, wire.ipv4(SOURCE4, FAR4, wire.icmp(kind, 0, 0, bytes(28)),
                                                  protocol=1, ttl=1)))))
    for kind in (1, 2, 3, 4, 100, 127, 137):
        made.append(Case(f"icmp-silent-v6-type-{kind}", f"No error about ICMPv6 type {kind}",
                         base_config(),
                         one(3, onto(3, wire.ipv6(SOURCE6, FAR6, wire.icmpv6(
                             SOURCE6, FAR6, kind, 0, 0, bytes(48)), next_header=58,
                             hop_limit=1)))))
    behind = wire.option_header(58, bytes([0x1F, 2, 0, 0])) + wire.icmpv6(SOURCE6, FAR6, 1, 0, 0,
                                                                          bytes(48))
    made.append(Case("icmp-silent-v6-behind-extension", "Also behind an extension header",
                     base_config(), one(3, onto(3, wire.ipv6(SOURCE6, FAR6, behind, next_header=0,
                                                             hop_limit=1)))))
    made.append(Case("icmp-silent-fragment", "No error about a later fragment", base_config(),
                     one(3, onto(3, v4(1, ttl=1, flags=0, offset=64)),
                         onto(3, v4(2, ttl=1, flags=1, offset=1)))))
    for name, frame in (
            ("source-unspecified", onto(3, v4(1, ttl=1, source="0.0.0.0"))),
            ("source-loopback", onto(3, v4(1, ttl=1, source="127.0.0.1"))),
            ("source-multicast", onto(3, v4(1, ttl=1, source="224.0.0.5"))),
            ("source-broadcast", onto(3, v4(1, ttl=1, source="255.255.255.255"))),
            ("v6-source-unspecified", onto(3, v6(1, hop_limit=1, source="::"))),
            ("v6-source-multicast", onto(3, v6(1, hop_limit=1, source="ff02::1")))):
        made.append(Case(f"icmp-silent-{name}", "No error to what is no single host",
                         base_config(), one(3, frame), by_hand=drops(ttl_expired=1)))
    # ge1 has 10.0.2.1/24 and a subnet of two hosts, which has no broadcast address (RFC 3021).
    connected = base_config()
    connected["interfaces"][1]["addresses"].append("10.0.66.1/31")
    made.append(Case("icmp-silent-directed-broadcast", "No error about a packet to all hosts of a "
                     "connected subnet", connected,
                     one(3, *[onto(3, v4(k, destination=destination, ttl=ttl)) for k, (destination, ttl)
                              in enumerate((("10.0.2.255", 64), ("10.0.2.255", 1),
                                            ("10.0.2.254", 64), ("10.0.66.0", 64)))]),
                     by_hand=lambda router: _generated(router, 2)))
    sources = ("0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.5", "240.0.0.1", "255.255.255.255")
    sources6 = ("::", "::1", "ff02::1", "fe80::1")
    made.append(Case("ip-martian-source", "Sources that are no host's on a wire are not forwarded "
                     "(RFC 1812, 5.3.7; RFC 4291, 2.5)", base_config(),
                     one(3, *[onto(3, v4(k, source=source)) for k, source in enumerate(sources)],
                         *[onto(3, v6(k, source=source)) for k, source in enumerate(sources6)],
                         step=1000), by_hand=drops(malformed=10)))
    return made


def _generated(router, count):
    assert router.generated == count, router.generated


def too_big_in_domain():
    config = dscp_transit()
    config["interfaces"][1]["mtu"] = 1300
    return Case("icmp-too-big-tcqf-without-df", "A TCQF packet is never fragmented; without DF nothing "
                "is said", config,
                {"ge0": [at(1000, onto(0, v4(1, size=1301, flags=0, dscp=3))),
                         at(2000, onto(0, v4(2, size=1301, dscp=3))),
                         at(3000, onto(0, v4(3, size=1301, flags=0)))]},
                by_hand=drops(mtu_exceeded=2))


def rate_limit():
    rx = {"ge3": [(BASE + 100 * k, onto(3, v4(k, ttl=1))) for k in range(2000)]}

    def check(outcome):
        generated = outcome.account()["generated"]
        if not 1 <= generated <= 1000:
            return [f"{generated} errors about 2000 packets in 200 us: no rate limit"]
        return []

    return Case("icmp-rate-limit", "Errors are rate limited", base_config(), rx, check=check)


def changed(packet, at, octets):
    return packet[:at] + octets + packet[at + len(octets):]


def length_below(packet):
    packet = bytearray(changed(packet, 2, b"\x00\x13"))
    wire.set_ipv4_checksum(packet)
    return bytes(packet)


def damaged_beneath(config):
    """RFC 1812, 4.3.2.7: none about an IP header that fails its checks, whose source may be anything.
    In front of such a header labels are forwarded: a router looks at IP where it has to."""
    short, long = v4(1, size=200), v4(1, size=1400)
    made = []
    for name, damage in (("checksum", lambda packet: changed(packet, 10, b"\x12\x34")),
                         ("length-beyond", lambda packet: wire.ipv4(
                             SOURCE4, FAR4, bytes(len(packet) - 20))[:-1]),
                         ("length-below", length_below)):
        made += [Case(f"icmp-mpls-damaged-{name}", "No error about a damaged header beneath labels",
                      config, one(3, labelled(3, [(101, 0, 1)], damage(short)),
                                  labelled(3, [(101, 0, 64)], damage(long))),
                      by_hand=drops(ttl_expired=1, mtu_exceeded=1))]
    made.append(Case("icmp-mpls-damaged-v6", "No error about an IPv6 header that promises more than "
                     "came", config, one(3, labelled(3, [(101, 0, 1)], v6(1, size=300)[:-1]),
                                         labelled(3, [(101, 0, 64)], v6(2, size=1400)[:-1])),
                     by_hand=drops(ttl_expired=1, mtu_exceeded=1)))
    return made


def labelled_cases():
    """RFC 4884 and 4950: the stack as received; routed by address."""
    config = with_labels(base_config(), swap(101, 201, 1), own_label(102), pop(103, 1),
                         swap(104, [300, 301], 1))
    config["interfaces"][1]["mtu"] = 1300
    v4_small, v6_small = v4(1, size=60), v6(1, size=80)
    return [
        Case("icmp-mpls-ttl", "Label TTL 1: 11/0 with the label stack", config,
             one(3, labelled(3, [(101, 5, 1)], v4(1, size=200)))),
        Case("icmp-mpls-ttl-0", "Label TTL 0", config,
             one(3, labelled(3, [(101, 5, 0)], v4(1, size=200)))),
        Case("icmp-mpls-ttl-short", "A short packet is padded with zeros to 128 octets", config,
             one(3, labelled(3, [(101, 0, 1)], v4_small))),
        Case("icmp-mpls-ttl-stack", "The whole stack", config,
             one(3, labelled(3, [(101, 1, 1), (500, 2, 9), (501, 3, 255)], v4(1, size=200)))),
        Case("icmp-mpls-ttl-v6", "ICMPv6 3/0 with the label stack", config,
             one(3, labelled(3, [(101, 1, 1), (500, 2, 9)], v6(1, size=300)))),
        Case("icmp-mpls-ttl-v6-short", "A short IPv6 packet is padded", config,
             one(3, labelled(3, [(101, 0, 1)], v6_small))),
        Case("icmp-mpls-ttl-pop", "A pop expires as well", config,
             one(3, labelled(3, [(103, 0, 1)], v4(1, size=200)))),
        Case("icmp-mpls-ttl-silent", "No error about an error beneath labels", config,
             one(3, labelled(3, [(101, 0, 1)], wire.ipv4(SOURCE4, FAR4, wire.icmp(
                 11, 0, 0, bytes(28)), protocol=1)))),
        Case("icmp-mpls-not-ip", "What is not IP cannot be answered", config,
             one(3, labelled(3, [(101, 0, 1)], b"\x00\x01" + bytes(60)))),
        *damaged_beneath(config),
        Case("icmp-mpls-too-big", "The MTU less the stack that would be sent", config,
             one(3, labelled(3, [(101, 0, 64)], v4(1, size=1297)),
                 labelled(3, [(104, 0, 64)], v4(2, size=1293)),
                 labelled(3, [(101, 0, 64)], v4(3, size=1296)))),
        Case("icmp-mpls-too-big-without-df", "Not fragmented beneath labels, and code 4 says that DF "
             "is set: nothing is said", config,
             one(3, labelled(3, [(101, 0, 64)], v4(1, size=1297, flags=0)),
                 labelled(3, [(103, 0, 64)], v4(2, size=1301, flags=0))),
             by_hand=drops(mtu_exceeded=2)),
        Case("icmp-mpls-too-big-v6", "Packet too big beneath a label", config,
             one(3, labelled(3, [(101, 0, 64)], v6(1, size=1297)))),
        Case("icmp-mpls-no-route", "Decapsulated without a route", config,
             one(3, labelled(3, [(102, 0, 64)], v4(1, size=200, destination="192.0.2.1")))),
        Case("icmp-mpls-no-label", "An unknown label is discarded silently", config,
             one(3, labelled(3, [(999, 0, 64)], v4(1)))),
    ]


def cases():
    return error_cases() + silent_cases() + [too_big_in_domain(), rate_limit()] + labelled_cases()
