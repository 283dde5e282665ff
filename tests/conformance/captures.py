"""Capture files: every pcap magic, and pcapng with any time resolution and byte order.

Times are integers, nanoseconds of TAI since 1970. Written by hand, since libraries read capture
times into floating point.
"""

import struct
from pathlib import Path

NANO = 0xA1B23C4D
MICRO = 0xA1B2C3D4
ETHERNET = 1


def pcap_bytes(packets, *, magic=NANO, order="<", snap_length=0xFFFF, link_type=ETHERNET):
    """A pcap file from (time, frame) or (time, frame, original length)."""
    unit = 1 if magic == NANO else 1000
    out = [struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap_length, link_type)]
    for time, frame, *original in packets:
        out.append(struct.pack(order + "IIII", time // 10**9, time % 10**9 // unit, len(frame),
                               original[0] if original else len(frame)) + frame)
    return b"".join(out)


def _block(order, kind, body):
    body += bytes(-len(body) % 4)
    length = len(body) + 12
    return struct.pack(order + "II", kind, length) + body + struct.pack(order + "I", length)


def pcapng_bytes(packets, *, order="<", ticks_exponent=9, binary=False, offset_seconds=0,
                 snap_length=0):
    """A pcapng file with one interface; ticks are 10^-exponent or, binary, 2^-exponent seconds."""
    option = bytes([ticks_exponent | (0x80 if binary else 0)])
    options = struct.pack(order + "HH", 9, 1) + option + bytes(3)
    if offset_seconds:
        options += struct.pack(order + "HHq", 14, 8, offset_seconds)
    options += struct.pack(order + "HH", 0, 0)
    out = [_block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1)),
           _block(order, 1, struct.pack(order + "HHI", ETHERNET, 0, snap_length) + options)]
    per_second = 2**ticks_exponent if binary else 10**ticks_exponent
    for time, frame, *original in packets:
        ticks = (time - offset_seconds * 10**9) * per_second // 10**9
        out.append(_block(order, 6, struct.pack(
            order + "IIIII", 0, ticks >> 32, ticks & 0xFFFFFFFF, len(frame),
            original[0] if original else len(frame)) + frame))
    return b"".join(out)


def read_pcap(path):
    """(time, frame) of each packet of a pcap file of any magic."""
    data = Path(path).read_bytes()
    if len(data) < 24:
        raise ValueError(f"{path}: {len(data)} octets are no pcap file")
    for order in "<>":
        magic = struct.unpack(order + "I", data[:4])[0]
        if magic in (NANO, MICRO):
            break
    else:
        raise ValueError(f"{path}: no pcap file")
    unit = 1 if magic == NANO else 1000
    packets, at = [], 24
    while at < len(data):
        if at + 16 > len(data):
            raise ValueError(f"{path}: ends within packet {len(packets) + 1}")
        seconds, fraction, captured, original = struct.unpack(order + "IIII", data[at:at + 16])
        if captured != original:
            raise ValueError(f"{path}: packet {len(packets) + 1} is cut")
        packets.append((seconds * 10**9 + fraction * unit, data[at + 16:at + 16 + captured]))
        at += 16 + captured
    return packets
