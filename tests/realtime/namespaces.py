"""Network namespaces without names: each is held by a process that dies with the test."""

import ctypes
import os
import signal
import socket
import subprocess

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_SO_RCVBUFFORCE = 33


def _call(function, *arguments):
    if function(*arguments) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


def _die_with_parent():
    _call(_LIBC.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL)


class Namespace:
    """A network namespace; gone when closed, or when the test's process ends in whatever way."""

    def __init__(self):
        def enter_new():
            _die_with_parent()
            _call(_LIBC.unshare, _CLONE_NEWNET)

        try:
            self._holder = subprocess.Popen(["sleep", "infinity"], preexec_fn=enter_new)
        except subprocess.SubprocessError as error:
            raise PermissionError("network namespaces are forbidden here") from error
        self._descriptor = os.open(f"/proc/{self._holder.pid}/ns/net", os.O_RDONLY)
        self.run("ip link set lo up")

    @property
    def pid(self):
        """A process inside, as `ip link set netns` wants it."""
        return self._holder.pid

    def close(self):
        os.close(self._descriptor)
        self._holder.kill()
        self._holder.wait()

    def enter(self):
        """Moves the calling thread in; for preexec_fn."""
        _call(_LIBC.setns, self._descriptor, _CLONE_NEWNET)

    def start(self, command, **options):
        def prepare():
            _die_with_parent()
            self.enter()

        return subprocess.Popen(command, preexec_fn=prepare, **options)

    def run(self, command, check=True):
        """Runs a command line; returns its result with output as text."""
        process = self.start(command.split(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             text=True)
        output, _ = process.communicate(timeout=60)
        if check and process.returncode != 0:
            raise RuntimeError(f"{command}: {output}")
        return subprocess.CompletedProcess(command, process.returncode, output)

    def socket(self, family, kind, protocol=0):
        """A socket of this namespace."""
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        self.enter()
        try:
            return socket.socket(family, kind, protocol)
        finally:
            _call(_LIBC.setns, home, _CLONE_NEWNET)
            os.close(home)

    def packet_socket(self, interface, ether_type):
        """Sends and receives whole frames on an interface of this namespace."""
        packets = self.socket(socket.AF_PACKET, socket.SOCK_RAW)
        packets.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 1 << 24)
        packets.bind((interface, ether_type))
        return packets


def join(left, left_name, left_mac, right, right_name, right_mac):
    """A veth pair between two namespaces, up, without transmit checksum offload."""
    left.run(f"ip link add {left_name} address {left_mac} type veth "
             f"peer name {right_name} address {right_mac}")
    left.run(f"ip link set {right_name} netns {right.pid}")
    for side, name in ((left, left_name), (right, right_name)):
        side.run(f"ip link set {name} up")
        side.run(f"ethtool -K {name} tx off")
