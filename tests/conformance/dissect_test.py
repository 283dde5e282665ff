#!/usr/bin/env python3
"""The second judge complains about headers, whatever ports a payload was sent between."""

import dissect
import wire
from tap import Tap

# EtherCAT, GTP, RTPS and LDP: tshark dissects what lies behind some of these although every
# protocol but those of dissect.PROTOCOLS is disabled, and an ephemeral port may be any of them.
PORTS = (34980, 2152, 7400, 646)
HOSTS = ("10.0.0.1", "10.0.0.2")
MACS = ("02:00:00:00:00:02", "02:00:00:00:00:01")


def frame(segment, protocol):
    return wire.ethernet(*MACS, wire.ETHER_IPV4,
                         wire.ipv4(*HOSTS, segment, protocol=protocol))


def between(source_port, destination_port, payload):
    return (frame(wire.udp(*HOSTS, source_port, destination_port, payload), wire.UDP),
            frame(wire.tcp(*HOSTS, source_port, destination_port, payload), wire.TCP))


def payloads_are_not_judged():
    """Octets 64 to 95, which traceroute sends, make a broken packet of several protocols."""
    payload = bytes(range(64, 96))
    frames = [one for port in PORTS
              for one in between(port, 33439, payload) + between(33439, port, payload)]
    return dissect.disliked(frames)


def headers_are_judged():
    """Each with one octet changed: of an address, which the checksum of IPv4 or UDP covers."""
    good = between(34980, 33439, bytes(32))
    bad = [bytes([*one[:at], one[at] ^ 1, *one[at + 1:]]) for one in good for at in (26, 50)]
    return [f"no complaint about {one.hex()}"
            for one, said in zip(bad, dissect.opinions(bad)) if said is None]


def main():
    tap = Tap()
    for case in (payloads_are_not_judged, headers_are_judged):
        tap.case(case.__name__.replace("_", " "), case())
    return tap.end()


if __name__ == "__main__":
    raise SystemExit(main())
