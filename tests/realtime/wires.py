"""A router's interfaces and what is at their other ends: frames in, and with their times, frames out.

Nothing of the host answers: IPv6 is off, and no interface has an address.
"""

import errno
import socket
import struct
import time

import namespaces

EVERY_ETHERTYPE = 3
SO_TIMESTAMPNS = 35
SOL_PACKET, PACKET_AUXDATA = 263, 8
PACKET_OUTGOING = 4
VLAN_VALID, VLAN_TPID_VALID = 0x10, 0x40
VLAN = 0x8100
CLOCK_TAI = 11
LARGEST_MTU = 3400  # of veth with XDP


def tai_offset_ns():
    """TAI less UTC, as the kernel has it."""
    return round(time.clock_gettime(CLOCK_TAI) - time.time()) * 10**9


def now_ns():
    return time.clock_gettime_ns(CLOCK_TAI)


def quiet_namespace():
    namespace = namespaces.Namespace()
    namespace.run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
    return namespace


class FrameSocket:
    """Sends and receives whole frames on an interface."""

    def __init__(self, namespace, interface):
        self._socket = namespace.packet_socket(interface, EVERY_ETHERTYPE)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.setblocking(False)
        self._received = []
        self.send = self._socket.send
        self.close = self._socket.close

    def received(self):
        """(time in ns of TAI, frame) of each that has come."""
        offset_ns = tai_offset_ns()
        while True:
            try:
                frame, ancillary, _, address = self._socket.recvmsg(1 << 16, 256)
            except BlockingIOError:
                return self._received
            except OSError as error:
                if error.errno != errno.ENETDOWN:  # told once where the interface goes away
                    raise
                continue
            if address[2] != PACKET_OUTGOING:
                kinds = {(level, kind): data for level, kind, data in ancillary}
                seconds, nanoseconds = struct.unpack("=qq", kinds[socket.SOL_SOCKET, SO_TIMESTAMPNS])
                self._received.append((seconds * 10**9 + nanoseconds + offset_ns,
                                       with_vlan_tag(frame, kinds[SOL_PACKET, PACKET_AUXDATA])))


def with_vlan_tag(frame, auxiliary):
    """Linux keeps the tag beside the frame."""
    status, *_, tag, ether_type = struct.unpack("=IIIHHHH", auxiliary)
    if not status & VLAN_VALID:
        return frame
    kind = ether_type if status & VLAN_TPID_VALID else VLAN
    return frame[:12] + struct.pack(">HH", kind, tag) + frame[12:]


class Wires:
    """A router's namespace; `ends` are sockets at the other ends of its interfaces, `hosts` are where the
    host receives what is its own on each."""

    def __init__(self):
        self.router = quiet_namespace()
        self.ends = {}
        self.hosts = {}

    def close(self):
        for each in (*self.ends.values(), *self.hosts.values()):
            each.close()
        self.router.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def received(self):
        """{interface: what came out of it}."""
        return {name: end.received() for name, end in self.ends.items()}

    def received_by_host(self):
        return {name: host.received() for name, host in self.hosts.items()}


class VethWires(Wires):
    """AF_XDP on one end of veth pairs."""

    def __init__(self, config):
        super().__init__()
        self._far = quiet_namespace()
        for i, each in enumerate(config["interfaces"]):
            name = each["name"]
            far_name = f"to-{name}"
            namespaces.join(self.router, name, each["mac"], self._far, far_name,
                            f"02:00:00:00:ff:{i:02x}")
            for side, end in ((self.router, name), (self._far, far_name)):
                side.run(f"ip link set {end} mtu {LARGEST_MTU}")
                side.run(f"ethtool -K {end} gro off")
            self.ends[name] = FrameSocket(self._far, far_name)
            self.hosts[name] = FrameSocket(self.router, name)

    def close(self):
        super().close()
        self._far.close()

    @staticmethod
    def device(i, name):
        return f"net_af_xdp{i},iface={name},force_copy=1,busy_budget=0"

    def connect(self):
        """Nothing is left to do once the router is ready."""


class TapWires(Wires):
    """TAPs that the router makes: of each interface one that is its port, whose other end is here, and one
    for what is the host's."""

    def __init__(self, config):
        super().__init__()
        self._name = config["name"]
        self._interfaces = [each["name"] for each in config["interfaces"]]

    @staticmethod
    def device(i, name):
        return f"net_tap{i},iface={name}"

    def connect(self):
        for name in self._interfaces:
            host = f"{self._name}-{name}"
            self.router.run(f"ip addr flush dev {host}")
            self.router.run(f"ip link set {name} mtu {LARGEST_MTU}")
            self.ends[name] = FrameSocket(self.router, name)
            self.hosts[name] = FrameSocket(self.router, host)
