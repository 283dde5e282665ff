#!/usr/bin/env python3
"""Makes linux-*.pcap beside it anew: what Linux's own SRv6 sends (ip-route(8), encap seg6). As root.

Addresses are those of tests/conformance/case.py: 2001:db8:3::9 and 10.3.0.9 send to interface ge3.
"""

import socket
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent.parent / "realtime")]

import namespaces  # noqa: E402
from captures import pcap_bytes  # noqa: E402
from case import BASE, SOURCE4, SOURCE6, own_mac, peer_mac  # noqa: E402

TO6, TO4 = "2001:db8:d0::1", "10.10.0.1"
EVERY_ETHERTYPE = 3
# Of the file: mode, segments, family of the packet that is sent.
ENCAPSULATIONS = {
    "encap": ("encap", "fc00:1::1,fc00:2::d6", 6),
    "encap-red": ("encap.red", "fc00:1::1,fc00:2::d6", 6),
    "encap-red-three": ("encap.red", "fc00:1::1,fc00:2::1,fc00:3::d6", 6),
    "encap-psp": ("encap", "fc00:1::5,fc00:2::d6", 6),
    "encap-x": ("encap", "fc00:1::e1,fc00:2::d6", 6),
    "encap-dt6": ("encap", "fc00:1::d6", 6),
    "encap-red-dt6": ("encap.red", "fc00:1::d6", 6),
    "encap-dt4": ("encap", "fc00:1::d4", 4),
    "encap-red-dx4": ("encap.red", "fc00:1::a4", 4),
    "encap-csid": ("encap", "fc00:8:1:2::", 6),
    "inline": ("inline", "fc00:1::1", 6),
    "inline-psp": ("inline", "fc00:1::5", 6),
}


def send(host, family):
    """A datagram, and the first segment of a connection that nobody accepts."""
    kind = socket.AF_INET6 if family == 6 else socket.AF_INET
    with host.socket(kind, socket.SOCK_DGRAM) as datagrams, \
            host.socket(kind, socket.SOCK_STREAM) as stream:
        for each in (datagrams, stream):
            each.bind((SOURCE6 if family == 6 else SOURCE4, 4000))
        there = (TO6 if family == 6 else TO4, 5000)
        datagrams.sendto(bytes(range(100)), there)
        stream.setblocking(False)
        stream.connect_ex(there)


def sent_frames(watch):
    """What carries the datagram or the segment, in the order of sending."""
    frames = []
    watch.settimeout(0.3)
    try:
        while True:
            frame = watch.recv(2048)
            if (4000).to_bytes(2, "big") + (5000).to_bytes(2, "big") in frame:
                frames.append(frame)
    except TimeoutError:
        return frames[:2]


def prepare(host, sink):
    namespaces.join(host, "out", peer_mac(3), sink, "in", own_mac(3))
    for knob in ("all.seg6_enabled", "out.seg6_enabled", "all.forwarding"):
        host.run(f"sysctl -qw net.ipv6.conf.{knob}=1")
    for address in (f"{SOURCE6}/128", "2001:db8:104::2/64"):
        host.run(f"ip addr add {address} dev out nodad")
    host.run("ip addr add 10.0.4.2/24 dev out")
    host.run(f"ip addr add {SOURCE4}/32 dev out")
    for address in ("2001:db8:104::1", "10.0.4.1"):
        host.run(f"ip neigh replace {address} lladdr {own_mac(3)} dev out")
    host.run("ip -6 route add fc00::/16 via 2001:db8:104::1 dev out")
    host.run(f"ip sr tunsrc set {SOURCE6}")


def main():
    host, sink = namespaces.Namespace(), namespaces.Namespace()
    prepare(host, sink)
    for name, (mode, segments, family) in ENCAPSULATIONS.items():
        prefix = f"{TO6}/128" if family == 6 else f"{TO4}/32"
        gateway = "via 2001:db8:104::1" if family == 6 else ""
        host.run(f"ip -{family} route replace {prefix} encap seg6 mode {mode} segs {segments} "
                 f"dev out {gateway}")
        with host.packet_socket("out", EVERY_ETHERTYPE) as watch:
            send(host, family)
            frames = sent_frames(watch)
        timed = [(BASE + 1000 + 30_000 * number, frame) for number, frame in enumerate(frames)]
        (HERE / f"linux-{name}.pcap").write_bytes(pcap_bytes(timed))
        print(f"linux-{name}.pcap: {len(frames)} frames")


if __name__ == "__main__":
    main()
