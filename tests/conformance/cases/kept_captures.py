"""Captures that others made, kept as files in kept/, and what must become of each packet: worked out
octet by octet (RFC 8754, RFC 8986, RFC 9800). How they were made stands beside them."""

from pathlib import Path

import wire
from captures import read_pcap
from case import Case, add_route, hop
from cases.srv6 import exactly, out, srv6_config

KEPT = Path(__file__).resolve().parent.parent / "kept"
# Octets of an IPv6 packet.
LENGTH, NEXT, HOP_LIMIT, DESTINATION, BEHIND = 4, 6, 7, 24, 40
LEFT = BEHIND + 3       # segments left, in a routing header right behind


def config():
    made = srv6_config()
    made["srv6"]["locators"].append("fc00:8:1::/48")
    made["srv6"]["local-sids"] += [
        {"sid": "fc00:1::a4/128", "behavior": "End.DX4", "next-hops": [hop(0)]},
        {"sid": "fc00:8:1::/48", "behavior": "End", "flavors": ["NEXT-CSID"]}]
    add_route(made, "fc00:8::/32", 1)
    return made


def edited(packet, edits, cut=0):
    """The packet with octets written, {where: what}, and `cut` octets behind the IPv6 header gone."""
    changed = bytearray(packet)
    for where, octets in edits.items():
        changed[where:where + len(octets)] = octets
    del changed[BEHIND:BEHIND + cut]
    if cut:
        length = int.from_bytes(packet[LENGTH:LENGTH + 2], "big") - cut
        changed[LENGTH:LENGTH + 2] = length.to_bytes(2, "big")
    return bytes(changed)


def onward(segment, left, at=LEFT):
    """To the next segment; `left` of them remain, `at` is where the header says so."""
    return lambda packet: edited(packet, {HOP_LIMIT: b"\x3f", at: bytes([left]),
                                          DESTINATION: wire.address_octets(segment)})


def onward_without_header(segment, octets):
    """PSP: the header, so many octets of it, goes; what it announced follows the IPv6 header."""
    return lambda packet: edited(packet, {HOP_LIMIT: b"\x3f", NEXT: packet[BEHIND:BEHIND + 1],
                                          DESTINATION: wire.address_octets(segment)}, cut=octets)


def without_outer(octets):
    """The packet inside an outer header of so many octets, one hop on."""
    def inside(packet):
        inner = bytearray(packet[octets:])
        wire.set_ttl(inner, 63)
        return bytes(inner)

    return inside


NEXT_OF_TWO = onward("fc00:2::d6", 0)
# File, interface that it leaves through, what becomes of each packet.
FILES = {
    "linux-encap": (1, [NEXT_OF_TWO] * 2),
    "linux-encap-red": (1, [NEXT_OF_TWO] * 2),
    "linux-encap-red-three": (1, [onward("fc00:2::1", 1)] * 2),
    "linux-encap-psp": (1, [onward_without_header("fc00:2::d6", 40)] * 2),
    "linux-encap-x": (2, [NEXT_OF_TWO] * 2),
    "linux-encap-dt6": (0, [without_outer(40 + 24)] * 2),
    "linux-encap-red-dt6": (0, [without_outer(40)] * 2),
    "linux-encap-dt4": (0, [without_outer(40 + 24)] * 2),
    "linux-encap-red-dx4": (0, [without_outer(40)] * 2),
    "linux-encap-csid": (1, [lambda packet: edited(packet, {
        HOP_LIMIT: b"\x3f", DESTINATION: wire.address_octets("fc00:8:2::")})] * 2),
    "linux-inline": (0, [onward("2001:db8:d0::1", 0)] * 2),
    "linux-inline-psp": (0, [onward_without_header("2001:db8:d0::1", 40)] * 2),
    # A tag, padding, an HMAC; a hop-by-hop and a destination options header of 8 octets before it.
    "scapy-srv6": (1, [NEXT_OF_TWO] * 3 + [onward("fc00:2::d6", 0, LEFT + 8)] * 2),
    "scapy-srv6-dt6": (0, [without_outer(40 + 32), without_outer(40 + 8 + 40)]),
}


def kept(name, oif, fates):
    path = KEPT / f"{name}.pcap"
    packets = read_pcap(path)
    wanted = [out(oif, fate(frame[14:])) for fate, (_, frame) in zip(fates, packets, strict=True)]
    leave = exactly(**{f"ge{oif}": wanted})

    def check(outcome):
        times = [time for time, _ in outcome.sent(f"ge{oif}")]
        arrivals = [time for time, _ in packets]
        return leave(outcome) + ([] if times == arrivals else [f"sent at {times}, not {arrivals}"])

    return Case(f"kept-{name}", f"kept/{name}.pcap, packet by packet", config(), {"ge3": packets},
                captures={"ge3": path.read_bytes()}, check=check)


def cases():
    return [kept(name, oif, fates) for name, (oif, fates) in FILES.items()]
