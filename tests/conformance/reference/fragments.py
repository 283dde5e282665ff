"""IPv4 fragmentation (RFC 791): also of what is a fragment already, and of options."""

import struct

import wire


def _copied_options(options):
    """The options that every fragment carries: those with the copied flag."""
    out, at = b"", 0
    while at < len(options) and options[at] != 0:
        length = 1 if options[at] == 1 else options[at + 1]
        if options[at] & 0x80:
            out += options[at:at + length]
        at += length
    return out + bytes(-len(out) % 4)


def fragment(packet, mtu):
    """The fragments of an IPv4 packet, each at most mtu octets."""
    header_length = 4 * (packet[0] & 15)
    fixed, options = bytes(packet[:20]), bytes(packet[20:header_length])
    payload = bytes(packet[header_length:])
    field = struct.unpack(">H", fixed[6:8])[0]
    offset, more_after = field & 0x1FFF, field & 0x2000
    pieces, at = [], 0
    while at < len(payload):
        chosen = options if at == 0 else _copied_options(options)
        length = 20 + len(chosen)
        room = (mtu - length) // 8 * 8
        last = len(payload) - at <= mtu - length
        data = payload[at:] if last else payload[at:at + room]
        piece = bytearray(fixed + chosen + data)
        piece[0] = 0x40 | length // 4
        piece[2:4] = struct.pack(">H", len(piece))
        more = more_after if last else 0x2000
        piece[6:8] = struct.pack(">H", field & 0xC000 | more | offset + at // 8)
        wire.set_ipv4_checksum(piece)
        pieces.append(bytes(piece))
        at += len(data)
    return pieces
