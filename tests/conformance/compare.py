"""Compares what the implementation wrote with what the reference model expects."""

import ipaddress
import json
import struct

import wire
from captures import read_pcap
from reference.icmp import IcmpError
from reference.router import WrittenHeader

OWN_ADDRESSES = tuple(f"10.0.{k}.1" for k in range(1, 5))


def describe(frame):
    """A frame as scapy shows it, and its octets."""
    try:
        from scapy.layers.l2 import Ether
        import scapy.contrib.mpls  # noqa: F401 - registers the Ethertype
        text = Ether(frame).show(dump=True)
    except ImportError:
        text = "(scapy is not there)\n"
    return text + frame.hex()


def _read(path):
    return read_pcap(path) if path.exists() else None


def _options_in_order(header):
    """The options of a header without padding, sorted."""
    found, at = [], 2
    while at < len(header):
        end = at + 1 if header[at] == 0 else at + 2 + header[at + 1]
        if header[at] > 1:
            found.append(header[at:end])
        at = end
    return header[:2], sorted(found)


def same_frame(expected, got):
    """Octet for octet, but for what an encapsulating router may choose."""
    if not isinstance(expected, WrittenHeader):
        return expected == got
    at, ether_type = 14, expected[12] << 8 | expected[13]
    if ether_type == wire.ETHER_MPLS:  # in front of the written header
        at += wire.stack_octets(expected[at:])
    if len(got) != len(expected) or got[:at] != expected[:at] or \
            ether_type not in (wire.ETHER_IPV6, wire.ETHER_MPLS):
        return expected == got
    left, right = expected[at:], got[at:]
    if left[1] & 0xF0 != right[1] & 0xF0 or left[0] != right[0] or left[4:40] != right[4:40]:
        return False
    if not int.from_bytes(right[1:4], "big") & 0xFFFFF:
        return False  # RFC 6437: a tunnel's flow label tells its inner flows apart
    kind, offset = left[6], 40
    while kind in (wire.HOP_BY_HOP, wire.DESTINATION):
        end = offset + 8 * (left[offset + 1] + 1)
        if _options_in_order(left[offset:end]) != _options_in_order(right[offset:end]):
            return False
        kind, offset = left[offset], end
    return left[offset:] == right[offset:]


def compare_interface(name, expected, path):
    """Differences of one interface's capture, as lines."""
    try:
        got = _read(path)
    except ValueError as error:
        return [str(error)]
    if got is None:
        return [f"{name}: {path.name} is missing"]
    problems = []
    if len(got) != len(expected):
        problems.append(f"{name}: {len(got)} frames, expected {len(expected)}")
    for i, (sent, (time, frame)) in enumerate(zip(expected, got)):
        wanted_time = int(sent.start // 1)
        if isinstance(sent.frame, IcmpError):
            problem = compare_icmp(sent.frame, frame)
        else:
            problem = None if same_frame(sent.frame, frame) else "other octets"
        if problem is None and abs(time - wanted_time) > 1:
            problem = f"sent at {time}, expected {wanted_time} ({time - wanted_time:+d} ns)"
        if problem:
            problems.append(f"{name}: frame {i + 1}: {problem}\n got at {time}:\n"
                            f"{describe(frame)}")
            if not isinstance(sent.frame, IcmpError):
                problems.append(f" expected at {wanted_time}:\n{describe(bytes(sent.frame))}")
            break
    return problems


def compare_icmp(wanted, frame):
    """What an ICMP error must say (RFC 792, 1812, 4443, 4884, 4950); None where it does."""
    if wire.mac_octets(wanted.mac) != frame[:6]:
        return "ICMP error to the wrong MAC"
    packet = frame[14:]
    if packet[0] >> 4 != wanted.version:
        return "not the ICMP error that was due"
    return (_compare_icmpv4 if wanted.version == 4 else _compare_icmpv6)(wanted, packet)


def _plain_quote_problem(wanted, body, smallest):
    if len(body) < smallest or body != wanted.quoted[:len(body)]:
        return "the quoted packet is not the one received"
    return None


def _quote_problem(wanted, body, length_octets, smallest):
    """The quoted packet in body; with a label stack, the RFC 4884 structure."""
    if not wanted.stack:
        return _plain_quote_problem(wanted, body, smallest)
    if length_octets < 128 or length_octets + 12 > len(body):
        return "RFC 4884: length of the quoted packet"
    quoted = body[:length_octets]
    padded = wanted.quoted[:length_octets].ljust(length_octets, b"\0")
    if quoted != padded:
        return "RFC 4884: the quoted packet is not the one received, padded with zeros"
    extension = body[length_octets:]
    if extension[0] >> 4 != 2 or wire.checksum(extension) != 0:
        return "RFC 4884: version or checksum of the extension"
    length, kind, subtype = struct.unpack(">HBB", extension[4:8])
    if (kind, subtype) != (1, 1) or extension[8:4 + length] != wire.label_stack(wanted.stack):
        return "RFC 4950: not the label stack received"
    return None


def _compare_icmpv4(wanted, packet):
    header = 4 * (packet[0] & 15)
    message = packet[header:]
    if packet[9] != wire.ICMP or (message[0], message[1]) != (wanted.kind, wanted.code):
        return f"ICMP {packet[9]} {message[0]}/{message[1]}, expected {wanted.kind}/{wanted.code}"
    if packet[16:20] != wire.address_octets(wanted.destination):
        return "ICMP error to the wrong address"
    if str(ipaddress.ip_address(packet[12:16])) not in OWN_ADDRESSES:
        return "ICMP error from an address that is not the router's"
    if wire.checksum(packet[:header]) or wire.checksum(message):
        return "ICMP error with a wrong checksum"
    if wanted.mtu is not None and struct.unpack(">H", message[6:8])[0] != wanted.mtu:
        return f"next-hop MTU {struct.unpack('>H', message[6:8])[0]}, expected {wanted.mtu}"
    if len(packet) > 576 or struct.unpack(">H", packet[2:4])[0] != len(packet):
        return "ICMP error: total length"
    smallest = min(len(wanted.quoted), 4 * (wanted.quoted[0] & 15) + 8)
    return _quote_problem(wanted, message[8:], 4 * message[5], smallest)


def _compare_icmpv6(wanted, packet):
    message = packet[40:]
    if packet[6] != wire.ICMPV6 or (message[0], message[1]) != (wanted.kind, wanted.code):
        return f"ICMPv6 {packet[6]} {message[0]}/{message[1]}, expected {wanted.kind}/{wanted.code}"
    if packet[24:40] != wire.address_octets(wanted.destination):
        return "ICMPv6 error to the wrong address"
    source = str(ipaddress.ip_address(packet[8:24]))
    if source != "2001:db8:1::1":
        return f"ICMPv6 error from {source}, expected srv6-source"
    zeroed = message[:2] + b"\0\0" + message[4:]
    value = wire.pseudo_checksum(source, wanted.destination, wire.ICMPV6, zeroed)
    if value != struct.unpack(">H", message[2:4])[0]:
        return "ICMPv6 error with a wrong checksum"
    word = struct.unpack(">I", message[4:8])[0]
    for name, value in (("MTU", wanted.mtu), ("pointer", wanted.pointer)):
        if value is not None and word != value:
            return f"ICMPv6 {name} {word}, expected {value}"
    if len(packet) > 1280:
        return "ICMPv6 error longer than 1280"
    smallest = min(len(wanted.quoted), 1280 - 48)
    if wanted.kind in (2, 4):
        # RFC 4884 leaves these alone: all 32 bits are the MTU or the pointer.
        return _plain_quote_problem(wanted, message[8:], smallest)
    return _quote_problem(wanted, message[8:], 8 * message[4], smallest)


def compare_kernel(name, expected, path):
    """Frames handed to the kernel, in order, octet for octet."""
    try:
        got = _read(path)
    except ValueError as error:
        return [str(error)]
    if got is None:
        return [f"{name}: {path.name} is missing"] if expected else []
    frames = [frame for _, frame in got]
    if frames == expected:
        return []
    problems = [f"{path.name}: {len(frames)} frames, expected {len(expected)}"]
    for i, (left, right) in enumerate(zip(frames, expected)):
        if left != right:
            problems.append(f"{path.name}: frame {i + 1}: got\n{describe(left)}\nexpected\n"
                            f"{describe(right)}")
            break
    return problems


def load_account(path):
    return json.loads(path.read_text())


def compare_account(expected, got):
    if got == expected:
        return []
    return ["account: " + json.dumps(got) + "\nexpected " + json.dumps(expected)]


def equation_problems(account):
    """received + generated = sent + to-kernel + dropped + queued, in any account."""
    left = account["received"] + account["generated"]
    right = (account["sent"] + account["to-kernel"] + sum(account["dropped"].values()) +
             account["queued"])
    problems = [] if left == right else [f"account: {left} came, {right} are accounted for"]
    interfaces = account["interfaces"].values()
    for key in ("received", "sent"):
        if sum(i[key] for i in interfaces) != account[key]:
            problems.append(f"account: {key} of the interfaces do not add up")
    return problems
