"""tcqfd on AF_XDP ports between Linux hosts, each in a network namespace, for tests on real packets.

Nothing here depends on how fast the machine is: what a stall drops is counted by the router and must
add up.
"""

import argparse
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

import namespaces

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

import dissect  # noqa: E402
from tap import CannotRun, Tap  # noqa: E402

# On link n a router has the address ::1 of 2001:db8:n::/64, .1 of 10.0.n.0/24, and the n-th of these
# MACs; the host at the other end has ::2 and .2.
ROUTER_MAC = ("02:00:00:00:01:00", "02:00:00:00:01:01", "02:00:00:00:03:00", "02:00:00:00:03:01")
HOST_MAC = ("02:00:00:00:00:02", "02:00:00:00:02:00", "02:00:00:00:02:01", "02:00:00:00:04:00")
READY_SECONDS = 60
EVERY_ETHERTYPE = 3
STALLS = {"cycle-overrun", "outside-window", "arrival-unknown"}  # what a stall drops


def interfaces(name, links=(1, 2)):
    """YAML of a router's name, interfaces ge0, ge1 on these links, and neighbors."""
    lines = [f"name: {name}", "interfaces:"]
    for port, link in enumerate(links):
        lines += [f"  - name: ge{port}",
                  f'    device: "net_af_xdp{port},iface=ge{port},force_copy=1,busy_budget=0"',
                  f"    mac: {ROUTER_MAC[link - 1]}",
                  "    link-rate-mbps: 500",
                  f'    addresses: [10.0.{link}.1/24, "2001:db8:{link}::1/64"]']
    lines.append("neighbors:")
    lines += [f'  - {{interface: ge{port}, address: "{address}", mac: {HOST_MAC[link - 1]}}}'
              for port, link in enumerate(links)
              for address in (f"10.0.{link}.2", f"2001:db8:{link}::2")]
    return "\n".join(lines)


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def runtime_directory(prefix):
    """Where DPDK keeps what a program of this prefix leaves behind."""
    above = "/var/run" if os.geteuid() == 0 else os.environ.get("XDG_RUNTIME_DIR", "/tmp")
    return pathlib.Path(above) / "dpdk" / prefix


class Daemon:
    """A running tcqfd; in the bench's only router, or in the one that is named."""

    def __init__(self, bench, config, *arguments, router=None, expect_ready=True,
                 stdout=subprocess.PIPE, environment=None):
        self.errors_path = bench.directory / f"stderr{len(bench.daemons)}"
        command = [bench.binary, "--config", str(config), "--yield", *arguments]
        with open(self.errors_path, "wb") as errors:
            self.process = (router or bench.router).start(
                command, stdout=stdout, stderr=errors, env={**os.environ, **(environment or {})})
        bench.daemons.append(self)
        if expect_ready and not self.wait_for("ready"):
            raise AssertionError(f"tcqfd is not ready: {self.errors()}")

    def errors(self):
        return self.errors_path.read_text()

    def wait_for(self, line, seconds=READY_SECONDS):
        """True once a line that starts so is on stderr."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if any(each.startswith(line) for each in self.errors().splitlines()):
                return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def reload(self, outcome):
        """SIGHUP; True where stderr then says `outcome`."""
        before = len(self.errors())
        self.process.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if outcome in self.errors()[before:]:
                return True
            time.sleep(0.05)
        return False

    def stop(self):
        """SIGTERM; the closing account."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=READY_SECONDS)
        assert self.process.returncode == 0, f"exit {self.process.returncode}: {self.errors()}"
        return json.loads(output)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Bench:
    """Routers and hosts, made for one case and gone behind it."""

    def __init__(self, binary):
        self.binary = binary
        self.daemons = []
        self.namespaces = []
        self.watches = []
        self._directory = tempfile.TemporaryDirectory(prefix="tcqfd-test-")
        self.directory = pathlib.Path(self._directory.name)
        self.name = f"t{os.getpid()}"

    def namespace(self):
        self.namespaces.append(namespaces.Namespace())
        return self.namespaces[-1]

    def connect(self, link, router, port, host, name):
        """Joins port ge`port` of a router with an interface of a host; both know the addresses."""
        namespaces.join(router, f"ge{port}", ROUTER_MAC[link - 1], host, name, HOST_MAC[link - 1])
        for side, interface, number in ((router, f"ge{port}", 1), (host, name, 2)):
            side.run(f"ip addr add 10.0.{link}.{number}/24 dev {interface}")
            side.run(f"ip addr add 2001:db8:{link}::{number}/64 dev {interface} nodad")
        for address in (f"10.0.{link}.1", f"2001:db8:{link}::1"):
            host.run(f"ip neigh replace {address} lladdr {ROUTER_MAC[link - 1]} dev {interface}")
        self.watches.append(host.packet_socket(name, EVERY_ETHERTYPE))

    def frames(self, of_routers):
        """What was seen since the last call on the hosts' interfaces, sent by routers or by hosts.
        Linux may have carried out a behavior on what it received before it is seen."""
        senders = [octets(mac) for mac in (ROUTER_MAC if of_routers else HOST_MAC)]
        return [frame for watch in self.watches for frame in received_frames(watch, 0.2)
                if frame[6:12] in senders]

    def close(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        for watch in self.watches:
            watch.close()
        for namespace in self.namespaces:
            namespace.close()
        self._directory.cleanup()
        for side in ("", "a", "b"):  # what routers' names end in
            shutil.rmtree(runtime_directory(f"tcqfd-{self.name}{side}"), ignore_errors=True)

    def write(self, text, name="router.yaml"):
        path = self.directory / name
        path.write_text(text)
        return path


class OneRouter(Bench):
    """host0 (eth0) - (ge0) router (ge1) - (eth0) host1."""

    def __init__(self, binary):
        super().__init__(binary)
        self.router, self.host0, self.host1 = (self.namespace() for _ in range(3))
        self.connect(1, self.router, 0, self.host0, "eth0")
        self.connect(2, self.router, 1, self.host1, "eth0")
        self.host0.run("ip route add 10.9.0.0/16 via 10.0.1.1")
        self.host1.run("ip addr add 10.9.0.1/32 dev lo")
        self.host1.run("ip route add 10.0.1.0/24 via 10.0.2.1")


class TwoRouters(Bench):
    """host0 (eth0) - (ge0) routers[0] (ge1) - (left) middle (right) - (ge0) routers[1] (ge1) - (eth0)
    host1; the hosts and the middle are Linux."""

    def __init__(self, binary):
        super().__init__(binary)
        self.host0, self.middle, self.host1 = (self.namespace() for _ in range(3))
        self.routers = (self.namespace(), self.namespace())
        self.connect(1, self.routers[0], 0, self.host0, "eth0")
        self.connect(2, self.routers[0], 1, self.middle, "left")
        self.connect(3, self.routers[1], 0, self.middle, "right")
        self.connect(4, self.routers[1], 1, self.host1, "eth0")


def assert_balances(account):
    """The equation of the account."""
    inputs = account["received"] + account["generated"]
    outputs = (account["sent"] + account["to-kernel"] + account["queued"]
               + sum(account["dropped"].values()))
    assert inputs == outputs, account
    assert account["queued"] == 0, account


def received_frames(packets, idle_seconds=1.0):
    """Frames until none comes for a while."""
    packets.settimeout(idle_seconds)
    frames = []
    try:
        while True:
            frames.append(packets.recv(2048))
    except TimeoutError:
        return frames


def pings(namespace, address, count=3):
    """True where at least one of some pings is answered."""
    return namespace.run(f"ping -n -c {count} -i 0.2 -W 2 {address}", check=False).returncode == 0


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def udp_echoes(client, source, server, address, octets_each=1000, count=5):
    """How many datagrams come back from a server that returns them."""
    receiver = server.socket(family_of(address), socket.SOCK_DGRAM)
    sender = client.socket(family_of(address), socket.SOCK_DGRAM)
    with receiver, sender:
        receiver.bind((address, 7777))
        sender.bind((source, 0))
        echoed = 0
        for number in range(count):
            wanted = bytes([number]) * octets_each
            sender.sendto(wanted, (address, 7777))
            try:
                receiver.settimeout(2)
                got, back = receiver.recvfrom(4096)
                receiver.sendto(got, back)
                sender.settimeout(2)
                echoed += sender.recv(4096) == wanted
            except TimeoutError:
                continue
        return echoed


def tcp_carries(client, source, server, address, octets_sent=300_000):
    """True where a stream arrives whole."""
    listener = server.socket(family_of(address), socket.SOCK_STREAM)
    sender = client.socket(family_of(address), socket.SOCK_STREAM)
    wanted = bytes(number * 7 % 251 for number in range(octets_sent))
    with listener, sender:
        listener.bind((address, 7777))
        listener.listen()
        listener.settimeout(30)
        sender.bind((source, 0))
        sender.settimeout(30)
        sender.connect((address, 7777))
        connection, _ = listener.accept()
        connection.settimeout(30)

        def send():
            sender.sendall(wanted)
            sender.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=send)
        thread.start()
        got = bytearray()
        with connection:
            while part := connection.recv(65536):
                got += part
        thread.join()
        return bytes(got) == wanted


def hops(namespace, source, address):
    """Addresses that traceroute shows, * where nobody answers."""
    text = namespace.run(f"traceroute -{6 if ':' in address else 4} -n -q 2 -N 1 -w 2 -m 6 "
                         f"-s {source} {address}").stdout
    return [line.split()[1] for line in text.splitlines()[1:]]


def assert_tshark_content(frames):
    """tshark has no complaint about any of the frames."""
    disliked = dissect.disliked(frames)
    assert not disliked, disliked


def obstacle(command=None):
    """Why this machine cannot make network namespaces, or run the command in one; or nothing."""
    try:
        namespace = namespaces.Namespace()
    except OSError as error:
        return str(error)
    try:
        namespace.run(command or "true")
        return ""
    except RuntimeError as error:
        return str(error).strip()
    finally:
        namespace.close()


def outcomes(case, bench):
    """(title, problems, why it could not run) of each step that a case yields, and of the rest."""
    title = case.__name__.replace("_", " ")
    try:
        yield from case(bench) or ()
        yield title, [], ""
    except CannotRun as refusal:
        yield title, [], str(refusal)
    except Exception:  # whatever a case meets is its failure
        yield title, [traceback.format_exc(), *(daemon.errors() for daemon in bench.daemons)], ""
    finally:
        bench.close()


def main(cases_of, needs=None):
    """Runs cases, by the class of bench that they want; prints TAP. A case that has steps yields
    (title, problems, why it could not run) of each. `needs`: a command that a host must accept."""
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", help="tcqfd")
    parser.add_argument("filter", nargs="?", default="", help="part of a case's name")
    arguments = parser.parse_args()
    why_not = obstacle(needs)
    tap = Tap()
    for kind, cases in cases_of.items():
        for case in cases:
            if arguments.filter not in case.__name__:
                continue
            if why_not:
                tap.skip(case.__name__.replace("_", " "), why_not)
                continue
            for title, problems, refusal in outcomes(case, kind(arguments.binary)):
                tap.skip(title, refusal) if refusal else tap.case(title, problems)
                sys.stdout.flush()
    return tap.end()
