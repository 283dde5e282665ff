"""Layer 3 packets as octets, each with the fields that a row needs and nothing else."""

import ipaddress
import struct

TCQF_OPTION = 0xB1
NRP_OPTION = 0x1E
NO_NEXT_HEADER, HOP_BY_HOP, ROUTING, IPV4_INSIDE = 59, 0, 43, 4


def _checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ipv4_packet(octets, source, destination, dscp, ports=(1000, 2000)):
    """An IPv4 packet with UDP, `octets` long."""
    header = struct.pack(">BBHHHBBH4s4s", 0x45, dscp << 2, octets, 0, 0, 64, 17, 0,
                         source.packed, destination.packed)
    header = header[:10] + struct.pack(">H", _checksum(header)) + header[12:]
    return (header + udp_header(ports, octets - 20)).ljust(octets, b"\0")


def udp_header(ports, octets):
    return struct.pack(">HHHH", *ports, octets, 0)


def ipv6_packet(octets, source, destination, headers, upper=NO_NEXT_HEADER, payload=b""):
    """An IPv6 packet with extension headers, (number, content from the length on) in their order,
    and the payload, filled up with octets."""
    names = [number for number, _ in headers] + [upper]
    packet = (struct.pack(">IHBB", 6 << 28, octets - 40, names[0], 64) + source.packed
              + destination.packed)
    for (_, content), following in zip(headers, names[1:]):
        packet += bytes([following]) + content
    return (packet + payload).ljust(octets, b"\0")


def option_header(cycle_id, selector=None):
    """A hop-by-hop header with the TCQF option, and the NRP option where there is a selector."""
    options = struct.pack(">BBBB", TCQF_OPTION, 2, 0, cycle_id)
    if selector is not None:
        options += struct.pack(">BBBBHI", NRP_OPTION, 8, 0, 0, 0, selector)
    options += b"\1\0" if len(options) % 8 == 4 else b""  # PadN of no octets
    return HOP_BY_HOP, bytes([(len(options) + 2) // 8 - 1]) + options


def routing_header(segments, left):
    """A segment routing header; `segments` in the order of travel."""
    fixed = struct.pack(">BBBBBH", 2 * len(segments), 4, left, len(segments) - 1, 0, 0)
    return ROUTING, fixed + b"".join(segment.packed for segment in reversed(segments))


def control_word(number):
    """Of a DetNet service: 28 bits of a sequence number (RFC 8964, 4.2.1)."""
    return struct.pack(">I", number)


def mpls_packet(octets, label, traffic_class, destination=ipaddress.IPv4Address("20.0.0.1"),
                beneath=(), word=b""):
    """IPv4 with a label on top, others beneath it and, behind the last one, a control word."""
    entries = [label << 12 | traffic_class << 9 | 64, *(other << 12 | 64 for other in beneath)]
    entries[-1] |= 0x100
    stack = struct.pack(f">{len(entries)}I", *entries) + word
    return stack + ipv4_packet(octets - len(stack), ipaddress.IPv4Address("10.3.0.1"),
                               destination, 0)
