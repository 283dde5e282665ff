"""Packets as bytes: builders for what arrives, and the few edits that the reference model makes.

Written from the RFCs with struct alone, so that neither the router nor scapy is the source of what
the cases expect. Lengths are octets; addresses are text.
"""

import ipaddress
import struct

ETHER_IPV4 = 0x0800
ETHER_IPV6 = 0x86DD
ETHER_MPLS = 0x8847

UDP = 17
TCP = 6
ICMP = 1
ICMPV6 = 58
HOP_BY_HOP = 0
ROUTING = 43
FRAGMENT = 44
DESTINATION = 60
ESP = 50
AH = 51
NO_NEXT_HEADER = 59

TCQF_OPTION = 0xB1
RETIRED_OPTION = 0x3E


def mac_octets(text):
    return bytes.fromhex(text.replace(":", ""))


def address_octets(text):
    return ipaddress.ip_address(text).packed


def checksum(data):
    """The Internet checksum (RFC 1071) over data, as the 16-bit value to store."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def pseudo_checksum(source, destination, protocol, segment):
    """Checksum over the pseudo-header of IPv4 or IPv6 (RFC 8200, 8.1) and the segment."""
    src, dst = address_octets(source), address_octets(destination)
    if len(src) == 4:
        pseudo = src + dst + struct.pack(">BBH", 0, protocol, len(segment))
    else:
        pseudo = src + dst + struct.pack(">IHBB", len(segment), 0, 0, protocol)
    return checksum(pseudo + segment)


def pattern(length, sequence=0):
    """Payload octets that differ by position and by sequence number."""
    return bytes((5 + 31 * sequence + 7 * i) % 256 for i in range(length))


def udp(source, destination, sport, dport, payload, with_checksum=True):
    head = struct.pack(">HHHH", sport, dport, 8 + len(payload), 0)
    value = 0
    if with_checksum:
        value = pseudo_checksum(source, destination, UDP, head + payload) or 0xFFFF
    return head[:6] + struct.pack(">H", value) + payload


def tcp(source, destination, sport, dport, payload):
    head = struct.pack(">HHIIBBHHH", sport, dport, 1000, 2000, 5 << 4, 0x10, 8192, 0, 0)
    value = pseudo_checksum(source, destination, TCP, head + payload)
    return head[:16] + struct.pack(">H", value) + head[18:] + payload


def icmp(kind, code, rest, body):
    """ICMPv4 message; rest is the second 32-bit word."""
    head = struct.pack(">BBHI", kind, code, 0, rest)
    return head[:2] + struct.pack(">H", checksum(head + body)) + head[4:] + body


def icmpv6(source, destination, kind, code, rest, body):
    head = struct.pack(">BBHI", kind, code, 0, rest)
    value = pseudo_checksum(source, destination, ICMPV6, head + body)
    return head[:2] + struct.pack(">H", value) + head[4:] + body


def ipv4(source, destination, payload, *, protocol=UDP, tos=0, ttl=64, identification=0,
         flags=2, offset=0, options=b"", header_checksum=None, total_length=None, version_ihl=None):
    """An IPv4 packet. flags: 2 = do not fragment, 1 = more fragments; offset in units of 8."""
    if len(options) % 4:
        raise ValueError("options are a multiple of 4 octets")
    ihl = 5 + len(options) // 4
    total = 4 * ihl + len(payload) if total_length is None else total_length
    head = struct.pack(">BBHHHBBH4s4s", 0x40 | ihl if version_ihl is None else version_ihl, tos,
                       total, identification, flags << 13 | offset, ttl, protocol, 0,
                       address_octets(source), address_octets(destination)) + options
    value = checksum(head) if header_checksum is None else header_checksum
    return head[:10] + struct.pack(">H", value) + head[12:] + payload


def ipv6(source, destination, payload, *, next_header=UDP, traffic_class=0, flow_label=0x12345,
         hop_limit=64, payload_length=None, version=6):
    length = len(payload) if payload_length is None else payload_length
    return struct.pack(">IHBB16s16s", version << 28 | traffic_class << 20 | flow_label, length,
                       next_header, hop_limit, address_octets(source),
                       address_octets(destination)) + payload


def tcqf_option(cycle_id, *, extended=False, flags=0, kind=TCQF_OPTION):
    """The TCQF option (draft-eckert-detnet-tcqf-10, 4.5); extended carries the E flag."""
    if extended:
        return bytes([kind, 10, flags | 0x80, cycle_id]) + bytes.fromhex("1122334455667788")
    return bytes([kind, 2, flags, cycle_id])


def pad_options(options):
    """PadN or Pad1 up to the end of a header whose first two octets are not in options."""
    missing = -(len(options) + 2) % 8
    if missing == 0:
        return options
    if missing == 1:
        return options + b"\0"
    return options + bytes([1, missing - 2]) + bytes(missing - 2)


def authentication_header(next_header, spi):
    """AH with a check value of 12 octets (RFC 4302, 2)."""
    return bytes([next_header, 4, 0, 0]) + spi.to_bytes(4, "big") + bytes(16)


def option_header(next_header, options):
    """A hop-by-hop or destination options header, padded to a multiple of 8 octets."""
    body = pad_options(options)
    return bytes([next_header, (len(body) + 2) // 8 - 1]) + body


def routing_header(next_header, segments, segments_left):
    """A segment routing header (RFC 8754, 2) without TLVs."""
    return struct.pack(">BBBBBBH", next_header, 2 * len(segments), 4, segments_left,
                       len(segments) - 1, 0, 0) + b"".join(map(address_octets, segments))


def label_entry(label, tc=0, bottom=0, ttl=64):
    """A label stack entry (RFC 3032, 2.1)."""
    return struct.pack(">I", label << 12 | tc << 9 | bottom << 8 | ttl)


def stack_octets(packet):
    """Length of the label stack in front of a packet."""
    return next(at for at in range(4, len(packet) + 1, 4) if packet[at - 2] & 1)


def label_stack(entries):
    """Entries are (label, tc, ttl), the first is the top; the last gets the bottom bit."""
    return b"".join(label_entry(label, tc, i == len(entries) - 1, ttl)
                    for i, (label, tc, ttl) in enumerate(entries))


def ethernet(destination, source, ethertype, payload, pad_to=0):
    frame = mac_octets(destination) + mac_octets(source) + struct.pack(">H", ethertype) + payload
    return frame + bytes(max(0, pad_to - len(frame)))


def set_ipv4_checksum(packet):
    """Recomputes the header checksum of a mutable IPv4 packet."""
    length = 4 * (packet[0] & 15)
    packet[10:12] = b"\0\0"
    packet[10:12] = struct.pack(">H", checksum(bytes(packet[:length])))


def dscp_of(packet):
    """DSCP of an IPv4 or IPv6 packet."""
    if packet[0] >> 4 == 4:
        return packet[1] >> 2
    return (packet[0] & 15) << 2 | packet[1] >> 6


def set_dscp(packet, dscp):
    """Writes the DSCP, keeps ECN, mends the IPv4 checksum."""
    if packet[0] >> 4 == 4:
        packet[1] = dscp << 2 | packet[1] & 3
        set_ipv4_checksum(packet)
    else:
        packet[0] = packet[0] & 0xF0 | dscp >> 2
        packet[1] = (dscp & 3) << 6 | packet[1] & 0x3F


def ttl_of(packet):
    return packet[8] if packet[0] >> 4 == 4 else packet[7]


def set_ttl(packet, ttl):
    if packet[0] >> 4 == 4:
        packet[8] = ttl
        set_ipv4_checksum(packet)
    else:
        packet[7] = ttl
