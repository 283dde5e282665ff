"""Packets that scapy made, with what it knows and wire.py does not: TCP options, SCTP, GRE, ESP."""

import logging

from case import (IDENTITY_PLUS_ONE, US, Case, at, base_config, dscp_transit, explicit, own_mac,
                  peer_mac, pop, swap, tagged, with_domain, with_labels)

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

from scapy.contrib.mpls import MPLS  # noqa: E402
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP, Ether  # noqa: E402
from scapy.layers.inet6 import (HBHOptUnknown, IPv6, IPv6ExtHdrDestOpt,  # noqa: E402
                                IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN, RouterAlert)
from scapy.layers.ipsec import ESP  # noqa: E402
from scapy.layers.sctp import SCTP, SCTPChunkInit  # noqa: E402
from scapy.packet import Raw  # noqa: E402


def frame(*layers, i=0):
    """The octets of an Ethernet frame for interface number i."""
    packet = Ether(dst=own_mac(i), src=peer_mac(i))
    for layer in layers:
        packet = packet / layer
    return bytes(packet)


def four(tos=0, **more):
    return IP(src="10.3.0.9", dst="10.10.1.1", id=7, tos=tos, **more)


def six(tc=0, **more):
    return IPv6(src="2001:db8:3::9", dst="2001:db8:d1::1", tc=tc, fl=0x54321, **more)


def spaced(frames, i=0):
    return {f"ge{i}": [at(1000 + 30 * US * k, octets) for k, octets in enumerate(frames)]}


def cases():
    data = Raw(bytes(range(100)))
    udp = UDP(sport=4000, dport=5000)
    tcp = TCP(sport=33000, dport=443, flags="S", options=[
        ("MSS", 1460), ("SAckOK", b""), ("Timestamp", (1, 0)), ("NOP", None), ("WScale", 7)])
    plain = [frame(four(), tcp), frame(four(), udp, data),
             frame(four(), SCTP(sport=1, dport=2), SCTPChunkInit()),
             frame(four(), GRE(), IP(src="192.0.2.1", dst="192.0.2.2"), udp, data),
             frame(four(), ESP(spi=0x77, seq=1, data=bytes(64))),
             frame(four(), ICMP(type=8, id=1, seq=2), data),
             frame(six(), tcp), frame(six(), udp, data),
             frame(six(), IPv6ExtHdrFragment(offset=0, m=1, id=99), data),
             frame(six(), IPv6ExtHdrFragment(offset=13, m=0, id=99), data),
             frame(six(), IPv6ExtHdrHopByHop(options=[RouterAlert(value=0)]), data),
             frame(six(), IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0\0")]), udp, data)]
    marked = [frame(four(tos=(tag << 2) | ecn), tcp) for tag, ecn in ((3, 1), (7, 2), (11, 3))]
    marked += [frame(six(tc=(tag << 2) | ecn), tcp) for tag, ecn in ((3, 1), (15, 2))]
    options = [[HBHOptUnknown(otype=0xB1, optdata=bytes([0, tag]))] for tag in (1, 2, 3, 4, 9)]
    by_option = [frame(six(), IPv6ExtHdrHopByHop(options=chosen), udp, data)
                 for chosen in options]
    option_config = with_domain(
        base_config(), [tagged(0, "ipv6-option"), tagged(1, "ipv6-option")],
        [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    label_config = with_labels(with_domain(
        base_config(), [tagged(0, "mpls-tc"), tagged(1, "mpls-tc")],
        [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))]), swap(101, 201, 1), pop(106, 1))
    by_label = [frame(MPLS(label=101, cos=tc, s=0, ttl=60), MPLS(label=500, cos=7, s=1, ttl=9),
                      four(), udp, data) for tc in (1, 2, 3, 4)]
    by_label += [frame(MPLS(label=106, cos=2, s=1, ttl=60), six(hlim=61), tcp)]
    return [
        Case("scapy-plain", "What scapy makes is forwarded: TCP options, SCTP, GRE, ESP, "
             "fragments, extension headers", base_config(), spaced(plain)),
        Case("scapy-dscp", "DSCP tags on packets that scapy made", dscp_transit(),
             spaced(marked)),
        Case("scapy-option", "Option tags on packets that scapy made", option_config,
             spaced(by_option[:-1])),
        Case("scapy-option-unknown", "An unknown Cycle Id in a packet that scapy made",
             option_config, spaced(by_option[-1:])),
        Case("scapy-mpls", "TC tags on packets that scapy made", label_config, spaced(by_label)),
    ]
