"""ICMP and ICMPv6 errors: when none is sent (RFC 1812, RFC 4443) and what one must say."""

import ipaddress
from dataclasses import dataclass

import wire


@dataclass
class IcmpError:
    """An error message that the router generates; compared by meaning (see compare.py).

    length is the size of the frame, as far as the documents fix it; the cases avoid putting
    anything behind an error whose time would depend on it.
    """

    version: int
    kind: int
    code: int
    destination: str
    quoted: bytes
    stack: tuple = ()
    mtu: int = None
    pointer: int = None
    interface: str = None
    mac: str = None

    def __len__(self):
        return 14 + 20 + 8 + 28


def _is_error(protocol, message):
    if not message:
        return True
    if protocol == wire.ICMP:
        return message[0] in (3, 4, 5, 11, 12)
    return message[0] < 128 or message[0] == 137


def is_silent(packet, link_multicast, subnets):
    """Whether RFC 1812 4.3.2.7 or RFC 4443 2.4e forbids an error about the packet.

    subnets: the IPv4 networks that are connected in the packet's table.
    """
    source = ipaddress.ip_address(bytes(packet.addresses[0]))
    destination = ipaddress.ip_address(packet.destination)
    if link_multicast or source.is_unspecified or source.is_multicast or destination.is_multicast:
        return True
    if packet.version == 4:
        if any(destination == net.broadcast_address for net in subnets if net.prefixlen < 31):
            return True
        header = 4 * (packet.l3[0] & 15)
        fragment = (packet.l3[6] << 8 | packet.l3[7]) & 0x1FFF
        if source.is_loopback or int(source) >> 28 == 15 or fragment:
            return True
        return packet.l3[9] == wire.ICMP and _is_error(wire.ICMP, packet.l3_as_received[header:])
    return packet.upper_protocol == wire.ICMPV6 and _is_error(wire.ICMPV6, packet.upper_layer)


ERRORS = {
    (4, "ttl-expired"): (11, 0),
    (4, "no-route"): (3, 0),
    (4, "no-neighbor"): (3, 1),
    (4, "mtu-exceeded"): (3, 4),
    (6, "ttl-expired"): (3, 0),
    (6, "no-route"): (1, 0),
    (6, "no-neighbor"): (1, 3),
    (6, "mtu-exceeded"): (2, 0),
    (6, "unknown-option"): (4, 2),
    (6, "no-sid"): (1, 0),
}
