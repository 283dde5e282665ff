"""Sender, three routers and receiver, each in a network namespace, joined by veth pairs.

Everything is made inside private mount, process and network namespaces (see enter()): when the
demonstration ends, however it ends, the kernel takes all of it away.
"""

import ctypes
import os
import signal
import struct
import subprocess
import sys

from topology import RECEIVER_MAC, ROUTERS, SENDER_MAC, load_mac, mac

SENDER, RECEIVER = "sender", "receiver"
INSIDE = "TCQF_DEMO_INSIDE"
LIBC = ctypes.CDLL(None, use_errno=True)
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}

# (namespace, interface, MAC) at both ends.
LINKS = [
    ((SENDER, "flow", SENDER_MAC), ("r1", "ge0", mac("r1", 0))),
    (("r1", "ge1", mac("r1", 1)), ("r2", "ge0", mac("r2", 0))),
    (("r2", "ge1", mac("r2", 1)), ("r3", "ge0", mac("r3", 0))),
    (("r3", "ge1", mac("r3", 1)), (RECEIVER, "in", RECEIVER_MAC)),
] + [
    ((SENDER, f"load-{name}", load_mac(name)), (name, "ge2", mac(name, 2))) for name in ROUTERS
]

UNSHARE = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def xdp_obstacle():
    """Why this machine does not let us use AF_XDP, or nothing: asks for one of its maps."""
    number = BPF_SYSCALL.get(os.uname().machine)
    if not number:
        return ""
    bpf_map_create, xsk_map, octets, entries = 0, 17, 4, 1
    attributes = struct.pack("=5I", xsk_map, octets, octets, entries, 0)
    descriptor = LIBC.syscall(number, bpf_map_create, attributes, len(attributes))
    if descriptor < 0:
        return f"AF_XDP is forbidden: {os.strerror(ctypes.get_errno())}"
    os.close(descriptor)
    return ""


def obstacle():
    """Why this machine lets us make no network namespaces, or no AF_XDP sockets; or nothing."""
    if os.environ.get(INSIDE):
        return ""
    if os.geteuid() != 0:
        return "this user is not root"
    probe = "mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip netns add probe"
    try:
        done = subprocess.run([*UNSHARE, "sh", "-c", probe], capture_output=True, text=True,
                              check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if done.returncode != 0:
        return f"network namespaces are forbidden: {done.stderr.strip() or 'unshare is refused'}"
    return xdp_obstacle()


def die_with_parent():
    """Asks the kernel to kill this process when the one that started it is gone."""
    pr_set_pdeathsig = 1
    LIBC.prctl(pr_set_pdeathsig, signal.SIGKILL)


def enter():
    """Runs this program again within namespaces of its own, as a session of its own; returns only
    there. The outer one waits, and takes everything down when it is interrupted."""
    if os.environ.get(INSIDE):
        return
    inner = subprocess.Popen([*UNSHARE, sys.executable, *sys.argv], start_new_session=True,
                             preexec_fn=die_with_parent, env={**os.environ, INSIDE: "1"})
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: inner.kill())
    code = inner.wait()
    sys.exit(code if code >= 0 else 128 - code)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def inside(namespace, *words):
    """A command line that runs in one of the namespaces."""
    return ["ip", "netns", "exec", namespace, *map(str, words)]


def build():
    """Makes the namespaces and the links; once, inside."""
    os.makedirs("/run/netns", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run/netns"], check=True)
    for namespace in (SENDER, *ROUTERS, RECEIVER):
        ip("netns", "add", namespace)
        # The hosts have no business of their own here: no neighbour discovery between packets.
        subprocess.run(inside(namespace, "sh", "-c",
                              "for each in all default; do "
                              "echo 1 >/proc/sys/net/ipv6/conf/$each/disable_ipv6; done"),
                       check=False, stderr=subprocess.DEVNULL)
    for (near, near_name, near_mac), (far, far_name, far_mac) in LINKS:
        ip("link", "add", near_name, "address", near_mac, "netns", near, "type", "veth",
           "peer", "name", far_name, "address", far_mac, "netns", far)
        ip("-n", near, "link", "set", near_name, "up")
        ip("-n", far, "link", "set", far_name, "up")
