"""tcqfd on AF_XDP interfaces in network namespaces: real packets, the real kernel, real signals.

Nothing here depends on how fast the machine is: what a stall drops is counted by the router and must
add up. Prints TAP.
"""

import argparse
import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import namespaces

ROUTER_MAC = ("02:00:00:00:01:00", "02:00:00:00:01:01")
HOST_MAC = ("02:00:00:00:00:02", "02:00:00:00:02:00")
MPLS = 0x8847
IPV6 = 0x86DD
READY_SECONDS = 60
TAGS = {1: 3, 2: 4, 3: 1, 4: 2}  # as the cycle map says


def configuration(name, label_out=200, extra=""):
    """One domain of two interfaces, labels swapped, an IPv4 route."""
    return f"""
name: {name}
interfaces:
  - name: ge0
    device: "net_af_xdp0,iface=ge0,force_copy=1,busy_budget=0"
    mac: {ROUTER_MAC[0]}
    link-rate-mbps: 500
    addresses: [10.0.1.1/24, "2001:db8:1::1/64"]
  - name: ge1
    device: "net_af_xdp1,iface=ge1,force_copy=1,busy_budget=0"
    mac: {ROUTER_MAC[1]}
    link-rate-mbps: 500
    addresses: [10.0.2.1/24, "2001:db8:2::1/64"]
neighbors:
  - {{interface: ge1, address: 10.0.2.2, mac: {HOST_MAC[1]}}}
  - {{interface: ge0, address: 10.0.1.2, mac: {HOST_MAC[0]}}}
routes:
  - {{prefix: 10.9.0.0/16, next-hops: [{{interface: ge1, address: 10.0.2.2}}]}}
mpls:
  labels:
    - {{label: 100, operation: swap, out-labels: [{label_out}], next-hops: [{{interface: ge1, address: 10.0.2.2}}]}}
tcqf:
  domains:
    - name: core
      cycles: 4
      cycle-time-us: 20000
      interfaces:
        - {{name: ge0, tagging: mpls-tc, tags: [1, 2, 3, 4]}}
        - {{name: ge1, tagging: mpls-tc, tags: [1, 2, 3, 4]}}
      cycle-maps:
        - {{iif: ge0, oif: ge1, map: [3, 4, 1, 2], window: {{min: 1, max: 3}}}}
{extra}"""


def octets(mac):
    return bytes.fromhex(mac.replace(":", ""))


def mpls_frame(tag, number):
    """Label 100 with a tag in TC; the payload is an IPv4 packet that ends in a number."""
    entry = 100 << 12 | tag << 9 | 1 << 8 | 64
    packet = bytes.fromhex("4500002e000000004011") + bytes(2) + bytes([10, 0, 1, 2, 10, 9, 0, 1])
    payload = packet + number.to_bytes(4, "big") + bytes(22)
    return (octets(ROUTER_MAC[0]) + octets(HOST_MAC[0]) + MPLS.to_bytes(2, "big")
            + entry.to_bytes(4, "big") + payload)


def echo_with_option():
    """ICMPv6 echo to the router's own address behind a hop-by-hop header with the TCQF option."""
    source = bytes.fromhex("20010db8000100000000000000000002")
    destination = bytes.fromhex("20010db8000100000000000000000001")
    echo = bytearray(b"\x80\x00\x00\x00\x12\x34\x00\x01" + b"tcqf" * 4)
    pseudo = source + destination + len(echo).to_bytes(4, "big") + b"\x00\x00\x00\x3a"
    total = sum(int.from_bytes((pseudo + bytes(echo))[i:i + 2], "big")
                for i in range(0, len(pseudo) + len(echo), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    echo[2:4] = (total ^ 0xFFFF).to_bytes(2, "big")
    hop_by_hop = bytes([58, 0, 0xB1, 2, 0, 1, 1, 0])
    header = b"\x60\x00\x00\x00" + (len(hop_by_hop) + len(echo)).to_bytes(2, "big") + b"\x00\x40"
    return (octets(ROUTER_MAC[0]) + octets(HOST_MAC[0]) + IPV6.to_bytes(2, "big")
            + header + source + destination + hop_by_hop + bytes(echo))


class Daemon:
    """A running tcqfd."""

    def __init__(self, bench, config, *arguments, expect_ready=True):
        self.errors_path = bench.directory / "stderr"
        command = [bench.binary, "--config", str(config), "--yield", *arguments]
        with open(self.errors_path, "wb") as errors:
            self.process = bench.router.start(command, stdout=subprocess.PIPE, stderr=errors)
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
    """host0 - (ge0) router (ge1) - host1, made for one case and gone behind it."""

    def __init__(self, binary):
        self.binary = binary
        self.daemons = []
        self._directory = tempfile.TemporaryDirectory(prefix="tcqfd-test-")
        self.directory = pathlib.Path(self._directory.name)
        self.name = f"t{os.getpid()}"
        self.router, self.host0, self.host1 = (namespaces.Namespace() for _ in range(3))
        namespaces.join(self.router, "ge0", ROUTER_MAC[0], self.host0, "eth0", HOST_MAC[0])
        namespaces.join(self.router, "ge1", ROUTER_MAC[1], self.host1, "eth0", HOST_MAC[1])
        self.router.run("ip addr add 10.0.1.1/24 dev ge0")
        self.router.run("ip addr add 10.0.2.1/24 dev ge1")
        self.router.run("ip addr add 2001:db8:1::1/64 dev ge0 nodad")
        self.host0.run("ip addr add 10.0.1.2/24 dev eth0")
        self.host0.run("ip addr add 2001:db8:1::2/64 dev eth0 nodad")
        self.host0.run("ip route add 10.9.0.0/16 via 10.0.1.1")
        self.host1.run("ip addr add 10.0.2.2/24 dev eth0")
        self.host1.run("ip addr add 10.9.0.1/32 dev lo")
        self.host1.run("ip route add 10.0.1.0/24 via 10.0.2.1")

    def close(self):
        for daemon in self.daemons:
            if daemon.process.poll() is None:
                daemon.kill()
        for namespace in (self.router, self.host0, self.host1):
            namespace.close()
        self._directory.cleanup()

    def write(self, text, name="router.yaml"):
        path = self.directory / name
        path.write_text(text)
        return path

    def start(self, *arguments, **options):
        return Daemon(self, self.write(configuration(self.name)), *arguments, **options)


def assert_balances(account):
    """The equation of the account."""
    inputs = account["received"] + account["generated"]
    outputs = (account["sent"] + account["to-kernel"] + account["queued"]
               + sum(account["dropped"].values()))
    assert inputs == outputs, account
    assert account["queued"] == 0, account


def send_tagged(bench, count, pause=0.0005):
    packets = bench.host0.packet_socket("eth0", MPLS)
    for number in range(count):
        packets.send(mpls_frame(number % 4 + 1, number))
        time.sleep(pause)


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


def labelled_packets_cross_with_the_tag_of_their_cycle(bench):
    daemon = bench.start()
    receiver = bench.host1.packet_socket("eth0", MPLS)
    sent = 400
    send_tagged(bench, sent)
    frames = received_frames(receiver)
    account = daemon.stop()
    assert_balances(account)
    for frame in frames:
        entry = int.from_bytes(frame[14:18], "big")
        number = int.from_bytes(frame[38:42], "big")
        assert frame[:6] == octets(HOST_MAC[1]) and frame[6:12] == octets(ROUTER_MAC[1]), frame[:12]
        assert entry >> 12 == 200 and entry & 0xFF == 63, hex(entry)
        assert entry >> 9 & 7 == TAGS[number % 4 + 1], f"packet {number}: {hex(entry)}"
    numbers = [int.from_bytes(frame[38:42], "big") for frame in frames]
    for tag in range(4):
        of_tag = [number for number in numbers if number % 4 == tag]
        assert of_tag == sorted(of_tag), "packets of one cycle are reordered"
    # The hosts' own multicast reports come in, too.
    assert account["interfaces"]["ge0"]["received"] >= sent, account
    allowed = {"cycle-overrun", "outside-window", "arrival-unknown"}
    assert set(account["dropped"]) <= allowed, account
    assert frames and len(frames) + sum(account["dropped"].values()) == sent, (len(frames), account)


def the_host_behind_the_router_is_reached(bench):
    daemon = bench.start()
    assert pings(bench.host0, "10.9.0.1")
    account = daemon.stop()
    assert_balances(account)
    assert account["interfaces"]["ge0"]["received"] > 0, account


def ping_to_the_router_is_answered_through_the_worker(bench):
    daemon = bench.start()
    assert pings(bench.host0, "10.0.1.1")
    assert pings(bench.host0, "2001:db8:1::1")
    account = daemon.stop()
    assert_balances(account)
    # The filter passed the requests past the worker (what it got are multicast reports with a router
    # alert option, for the kernel); the answers are the kernel's, sent by the worker.
    interfaces = account["interfaces"]
    received = interfaces["ge0"]["received"] + interfaces["ge1"]["received"]
    assert received == account["to-kernel"], account
    assert interfaces["ge0"]["sent"] >= 2, account
    assert interfaces["kernel"]["received"] >= 2, account
    assert sum(each["received"] for each in interfaces.values()) == account["received"], account


def what_carries_the_option_reaches_the_kernel_through_the_worker(bench):
    daemon = bench.start()
    answers = bench.host0.packet_socket("eth0", IPV6)
    for _ in range(5):
        answers.send(echo_with_option())
        time.sleep(0.05)
    kinds = [frame[54] for frame in received_frames(answers)
             if frame[:6] == octets(HOST_MAC[0]) and frame[20] == 58]
    account = daemon.stop()
    assert_balances(account)
    assert account["to-kernel"] >= 5, account
    assert kinds.count(129) == 5, f"no echo replies but ICMPv6 types {kinds}"
    assert 4 not in kinds, "the kernel complains about the option (parameter problem)"


def a_reload_under_traffic_loses_nothing_of_what_did_not_change(bench):
    config = bench.write(configuration(bench.name))
    daemon = Daemon(bench, config)
    receiver = bench.host1.packet_socket("eth0", MPLS)
    send_tagged(bench, 100)
    extra = "  # another route comes\n"
    changed = configuration(bench.name, label_out=300).replace(
        "routes:\n", "routes:\n  - {prefix: 10.8.0.0/16, next-hops: [{interface: ge1, address: 10.0.2.2}]}\n")
    bench.write(changed + extra)
    daemon.process.send_signal(signal.SIGHUP)
    send_tagged(bench, 300)
    assert daemon.wait_for("tcqfd: reloaded"), daemon.errors()
    send_tagged(bench, 100)
    frames = received_frames(receiver)
    account = daemon.stop()
    assert_balances(account)
    labels = collections.Counter(int.from_bytes(frame[14:18], "big") >> 12 for frame in frames)
    assert set(labels) <= {200, 300} and labels[300] > 0, labels
    assert set(account["dropped"]) <= {"cycle-overrun", "outside-window", "arrival-unknown"}, account
    assert len(frames) + sum(account["dropped"].values()) == 500, (labels, account)


def a_reload_that_cannot_be_used_changes_nothing(bench):
    right = configuration(bench.name)
    config = bench.write(right)
    daemon = Daemon(bench, config)
    for text in ("", "name: [", right.replace("cycles: 4", "cycles: 1"),
                 right.replace("out-labels: [200]", "out-labels: [2000000]")):
        config.write_text(text)
        assert daemon.reload("reload: nothing is changed"), (text[:40], daemon.errors())
    config.unlink()
    assert daemon.reload("reload: nothing is changed"), daemon.errors()
    config.mkdir()
    assert daemon.reload("reload: nothing is changed"), daemon.errors()
    config.rmdir()
    config.write_text(right.replace("iface=ge1", "iface=ge7"))
    assert daemon.reload("takes effect only at a restart"), daemon.errors()
    receiver = bench.host1.packet_socket("eth0", MPLS)
    send_tagged(bench, 40)
    frames = received_frames(receiver)
    assert frames and all(int.from_bytes(frame[14:18], "big") >> 12 == 200 for frame in frames)
    assert_balances(daemon.stop())


def a_stop_sends_what_is_queued_and_leaves_the_host_as_it_was(bench):
    daemon = bench.start()
    receiver = bench.host1.packet_socket("eth0", MPLS)
    packets = bench.host0.packet_socket("eth0", MPLS)
    for number in range(20):
        packets.send(mpls_frame(number % 4 + 1, number))
    account = daemon.stop()
    frames = received_frames(receiver)
    assert_balances(account)
    # Only what a worker had received by then counts, and all of it ended somewhere.
    assert account["interfaces"]["ge1"]["sent"] >= len(frames), (len(frames), account)
    links = bench.router.run("ip link show").stdout
    assert "xdp" not in links and "tcqf-" not in links, links
    assert "clsact" not in bench.router.run("tc qdisc show").stdout
    assert pings(bench.host0, "10.0.1.1"), "the host alone no longer answers"


def a_killed_router_leaves_the_host_reachable_and_can_be_started_again(bench):
    daemon = bench.start()
    daemon.kill()
    assert pings(bench.host0, "10.0.1.1"), "the host does not answer behind a killed router"
    again = bench.start()
    assert pings(bench.host0, "10.9.0.1") and pings(bench.host0, "10.0.1.1")
    assert_balances(again.stop())


def refusal(bench, config, *arguments):
    """Exit code and stderr of a tcqfd that does not start."""
    daemon = Daemon(bench, config, *arguments, expect_ready=False)
    daemon.process.communicate(timeout=READY_SECONDS)
    lines = [line for line in daemon.errors().splitlines() if line.startswith("tcqfd: error")]
    return daemon.process.returncode, lines


def a_missing_device_is_one_sentence_and_exit_3(bench):
    config = bench.write(configuration(bench.name).replace("iface=ge1", "iface=ge7"))
    code, errors = refusal(bench, config)
    assert code == 3 and len(errors) == 1 and "the host has no interface ge7" in errors[0], errors


def a_busy_device_is_one_sentence_and_exit_3(bench):
    bench.start()
    other = bench.write(configuration(bench.name + "b"), "other.yaml")
    code, errors = refusal(bench, other)
    assert code == 3 and len(errors) == 1 and "ge0 is busy: another tcqfd" in errors[0], errors


def two_routers_of_one_name_are_one_sentence_and_exit_3(bench):
    memory = ("--", "--no-huge", "-m", "512")
    bench.start(*memory)
    code, errors = refusal(bench, bench.directory / "router.yaml", *memory)
    assert code == 3 and len(errors) == 1 and "--file-prefix" in errors[0], errors


def missing_huge_pages_are_one_sentence_and_exit_3(bench):
    config = bench.write(configuration(bench.name))
    code, errors = refusal(bench, config, "--", "--in-memory", "-m", "1000000")
    assert code == 3 and len(errors) == 1 and "huge pages" in errors[0], errors


def missing_permission_is_one_sentence_and_exit_3(bench):
    config = bench.write(configuration(bench.name))
    process = bench.router.start(
        ["setpriv", "--bounding-set=-all", "--inh-caps=-all", bench.binary, "--config", str(config),
         "--yield"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    _, errors = process.communicate(timeout=READY_SECONDS)
    lines = [line for line in errors.splitlines() if line.startswith("tcqfd: error")]
    assert process.returncode == 3 and len(lines) == 1 and "run as root" in lines[0], errors


def wrong_usage_and_wrong_configurations_have_their_codes(bench):
    def code(*arguments):
        return bench.router.run(" ".join([bench.binary, *arguments]), check=False).returncode

    right = bench.write(configuration(bench.name))
    wrong = bench.write(configuration(bench.name).replace("cycles: 4", "cycles: 1"), "wrong.yaml")
    assert code("--config", str(right), "--check") == 0
    assert code("--config", str(wrong), "--check") == 1
    assert code("--config", str(bench.directory / "absent.yaml"), "--check") == 1
    assert code() == 2 and code("--config", str(right), "--nonsense") == 2
    assert code("--help") == 0


def a_tai_offset_of_zero_is_named_at_start(bench):
    offset = subprocess.run(
        [sys.executable, "-c",
         "import time; print(round(time.clock_gettime(11) - time.clock_gettime(0)))"],
        capture_output=True, text=True, check=True).stdout.strip()
    daemon = bench.start()
    warned = "the kernel's TAI offset is 0" in daemon.errors()
    assert warned == (offset == "0"), (offset, daemon.errors())
    daemon.stop()


CASES = [
    labelled_packets_cross_with_the_tag_of_their_cycle,
    the_host_behind_the_router_is_reached,
    ping_to_the_router_is_answered_through_the_worker,
    what_carries_the_option_reaches_the_kernel_through_the_worker,
    a_reload_under_traffic_loses_nothing_of_what_did_not_change,
    a_reload_that_cannot_be_used_changes_nothing,
    a_stop_sends_what_is_queued_and_leaves_the_host_as_it_was,
    a_killed_router_leaves_the_host_reachable_and_can_be_started_again,
    a_missing_device_is_one_sentence_and_exit_3,
    a_busy_device_is_one_sentence_and_exit_3,
    two_routers_of_one_name_are_one_sentence_and_exit_3,
    missing_huge_pages_are_one_sentence_and_exit_3,
    missing_permission_is_one_sentence_and_exit_3,
    wrong_usage_and_wrong_configurations_have_their_codes,
    a_tai_offset_of_zero_is_named_at_start,
]


def obstacle():
    """Why this machine cannot run the cases, or nothing."""
    try:
        namespaces.Namespace().close()
    except OSError as error:
        return str(error)
    return ""


def run_case(case, binary):
    bench = Bench(binary)
    try:
        case(bench)
        return ""
    except Exception:  # whatever a case meets is its failure
        errors = "\n".join(daemon.errors() for daemon in bench.daemons)
        return f"{traceback.format_exc()}\n{errors}"
    finally:
        bench.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", help="tcqfd")
    parser.add_argument("filter", nargs="?", default="", help="part of a case's name")
    arguments = parser.parse_args()
    why_not = obstacle()
    cases = [case for case in CASES if arguments.filter in case.__name__]
    print(f"1..{len(cases)}")
    failed = False
    for number, case in enumerate(cases, 1):
        title = case.__name__.replace("_", " ")
        if why_not:
            print(f"ok {number} - {title} # SKIP {why_not}")
            continue
        problem = run_case(case, arguments.binary)
        failed |= bool(problem)
        print(f"{'not ok' if problem else 'ok'} {number} - {title}", flush=True)
        for line in problem.splitlines():
            print(f"# {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
