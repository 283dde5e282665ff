#!/usr/bin/env python3
"""Makes scapy-srv6.pcap and scapy-srv6-dt6.pcap beside it anew: segment routing headers with what
neither Linux nor this project's own packets have: TLVs, a tag, other extension headers before it."""

import logging
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from captures import pcap_bytes  # noqa: E402
from case import BASE, SOURCE6, own_mac, peer_mac  # noqa: E402

logging.getLogger("scapy.runtime").setLevel(logging.ERROR)

from scapy.layers.inet import UDP, Ether  # noqa: E402
from scapy.layers.inet6 import (IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop,  # noqa: E402
                                IPv6ExtHdrSegmentRouting, IPv6ExtHdrSegmentRoutingTLV,
                                IPv6ExtHdrSegmentRoutingTLVPadN, PadN, RouterAlert)
from scapy.packet import Raw  # noqa: E402

SEGMENTS = ["fc00:2::d6", "fc00:1::1"]      # the last one first


def inner():
    return (IPv6(src=SOURCE6, dst="2001:db8:d0::1", fl=0x54321)
            / UDP(sport=4000, dport=5000) / Raw(bytes(range(64))))


def routing(addresses=SEGMENTS, left=1, **more):
    return IPv6ExtHdrSegmentRouting(addresses=addresses, segleft=left, nh=41, **more)


def outer(destination="fc00:1::1"):
    return IPv6(src=SOURCE6, dst=destination, fl=0x12345)


def end():
    """For End at fc00:1::1, next fc00:2::d6."""
    pad = IPv6ExtHdrSegmentRoutingTLVPadN(len=6, padding=bytes(6))
    # RFC 8754, 2.1.2: D and reserved bits, key 7, HMAC. Scapy's own class gives it a length of 16 bits.
    authentic = IPv6ExtHdrSegmentRoutingTLV(type=5, len=38, value=bytes(5) + b"\x07" + bytes(range(32)))
    return [
        outer() / routing(tag=0x1234) / inner(),
        outer() / routing(tlv_objects=[pad]) / inner(),
        outer() / routing(tlv_objects=[authentic]) / inner(),
        outer() / IPv6ExtHdrHopByHop(options=[RouterAlert(value=0)]) / routing() / inner(),
        outer() / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))]) / routing() / inner(),
    ]


def dt6():
    """For End.DT6 at fc00:1::d6, the last segment."""
    pad = IPv6ExtHdrSegmentRoutingTLVPadN(len=6, padding=bytes(6))
    sid = "fc00:1::d6"
    return [outer(sid) / routing([sid], 0, tlv_objects=[pad]) / inner(),
            outer(sid) / IPv6ExtHdrDestOpt(options=[PadN(optdata=bytes(4))])
            / routing([sid, "fc00:1::1"], 0) / inner()]


def main():
    ethernet = Ether(dst=own_mac(3), src=peer_mac(3))
    for name, packets in (("scapy-srv6", end()), ("scapy-srv6-dt6", dt6())):
        timed = [(BASE + 1000 + 30_000 * number, bytes(ethernet / packet))
                 for number, packet in enumerate(packets)]
        (HERE / f"{name}.pcap").write_bytes(pcap_bytes(timed))
        print(f"{name}.pcap: {len(timed)} frames")


if __name__ == "__main__":
    main()
