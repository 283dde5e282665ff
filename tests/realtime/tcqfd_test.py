"""tcqfd on AF_XDP interfaces in network namespaces: real packets, the real kernel, real signals.

Nothing here depends on how fast the machine is: what a stall drops is counted by the router and must
add up. Prints TAP.
"""

import collections
import json
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import sys
import time

import bench as test_bench
import namespaces
from bench import (HOST_MAC, READY_SECONDS, ROUTER_MAC, STALLS, Daemon, OneRouter, assert_balances,
                   interfaces, octets, pings, received_frames)
from tap import CannotRun

MPLS = 0x8847
IPV6 = 0x86DD
TAGS = {1: 3, 2: 4, 3: 1, 4: 2}  # as the cycle map says


def configuration(name, label_out=200, extra=""):
    """One domain of two interfaces, labels swapped, an IPv4 route."""
    return f"""
{interfaces(name)}
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


def start(bench, *arguments, **options):
    return Daemon(bench, bench.write(configuration(bench.name)), *arguments, **options)


def send_tagged(bench, count, pause=0.0005):
    packets = bench.host0.packet_socket("eth0", MPLS)
    for number in range(count):
        packets.send(mpls_frame(number % 4 + 1, number))
        time.sleep(pause)


def labelled_packets_cross_with_the_tag_of_their_cycle(bench):
    daemon = start(bench)
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
    assert set(account["dropped"]) <= STALLS, account
    assert frames and len(frames) + sum(account["dropped"].values()) == sent, (len(frames), account)


def the_host_behind_the_router_is_reached(bench):
    daemon = start(bench)
    assert pings(bench.host0, "10.9.0.1")
    account = daemon.stop()
    assert_balances(account)
    assert account["interfaces"]["ge0"]["received"] > 0, account


def ping_to_the_router_is_answered_through_the_worker(bench):
    daemon = start(bench)
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
    for name in ("ge0", "ge1"):
        told = re.search(f"interface {name}: the filter gave (\\d+) frames to the router and (\\d+) to "
                         "the host", daemon.errors())
        assert told and int(told.group(1)) >= interfaces[name]["received"], (account, daemon.errors())
        # Echo and address resolution of either family, from this side alone.
        assert name == "ge1" or int(told.group(2)) >= 4, daemon.errors()


def what_carries_the_option_reaches_the_kernel_through_the_worker(bench):
    daemon = start(bench)
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
    assert set(account["dropped"]) <= STALLS, account
    assert len(frames) + sum(account["dropped"].values()) == 500, (labels, account)


def a_reload_with_other_cycles_tells_what_it_cost(bench):
    config = bench.write(configuration(bench.name))
    daemon = Daemon(bench, config)
    send_tagged(bench, 20)
    config.write_text(configuration(bench.name).replace("cycle-time-us: 20000", "cycle-time-us: 15000"))
    daemon.process.send_signal(signal.SIGHUP)
    send_tagged(bench, 300)
    cost = re.compile(r"tcqfd: interface ge1: what was queued before the reload left within \d+ us; "
                      r"(\d+) packets missed their cycle behind it \(cycle-overrun\)")
    assert daemon.wait_for("tcqfd: interface ge1: what was queued"), daemon.errors()
    missed = [int(number) for number in cost.findall(daemon.errors())]
    account = daemon.stop()
    assert_balances(account)
    assert len(missed) == 1 and missed[0] <= account["dropped"].get("cycle-overrun", 0), (missed, account)


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


def a_reload_that_finds_no_memory_changes_nothing(bench):
    if b"__asan_init" in pathlib.Path(bench.binary).read_bytes():
        raise CannotRun("the address sanitizer ends a program that finds no memory")
    right = configuration(bench.name)
    config = bench.write(right)
    daemon = Daemon(bench, config)
    limits = resource.prlimit(daemon.process.pid, resource.RLIMIT_AS)
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, (1 << 20, limits[1]))
    config.write_text(right.replace("[200]", "[300]") + "# " + 64 * 1024 * 1024 * "x" + "\n")
    assert daemon.reload("reload: nothing is changed: "), daemon.errors()
    resource.prlimit(daemon.process.pid, resource.RLIMIT_AS, limits)
    receiver = bench.host1.packet_socket("eth0", MPLS)
    send_tagged(bench, 40)
    frames = received_frames(receiver)
    assert frames and all(int.from_bytes(frame[14:18], "big") >> 12 == 200 for frame in frames)
    assert daemon.reload("tcqfd: reloaded"), daemon.errors()
    assert_balances(daemon.stop())


def a_reload_asked_for_while_the_configuration_is_read_comes_after_it(bench):
    file = bench.directory / "slowly-written.yaml"
    os.mkfifo(file)
    daemon = Daemon(bench, file, expect_ready=False)
    with open(file, "w", encoding="ascii") as pipe:  # waits until tcqfd reads
        daemon.process.send_signal(signal.SIGHUP)
        pipe.write(configuration(bench.name))
        bench.write(configuration(bench.name, label_out=300)).replace(file)
    assert daemon.wait_for("ready"), daemon.errors()
    assert daemon.wait_for("tcqfd: reloaded"), daemon.errors()
    assert_balances(daemon.stop())


def a_configuration_from_a_pipe_is_read_once_and_holds_up_no_stop(bench):
    pipe = bench.directory / "pipe.yaml"
    os.mkfifo(pipe)
    daemon = Daemon(bench, pipe, expect_ready=False)
    pipe.write_text(configuration(bench.name), encoding="ascii")
    assert daemon.wait_for("ready"), daemon.errors()
    assert daemon.reload(f"reload: nothing is changed: {pipe}: is no file"), daemon.errors()
    assert_balances(daemon.stop())


def a_stop_goes_before_a_reload(bench):
    daemon = start(bench)
    for each in (signal.SIGSTOP, signal.SIGHUP, signal.SIGTERM, signal.SIGCONT):
        daemon.process.send_signal(each)
    assert_balances(daemon.stop())
    assert "tcqfd: reloaded" not in daemon.errors(), daemon.errors()


def a_link_is_watched_between_reloads_without_end(bench):
    daemon = start(bench)
    with subprocess.Popen(["sh", "-c", f"while kill -HUP {daemon.process.pid}; do :; done"]) as asking:
        try:
            assert daemon.wait_for("tcqfd: reloaded"), daemon.errors()
            bench.host1.run("ip link set eth0 down")
            assert daemon.wait_for("tcqfd: interface ge1: the link is down", 10), daemon.errors()
        finally:
            asking.kill()
    assert_balances(daemon.stop())


def a_service_manager_is_told_of_start_reload_and_stop(bench):
    path = bench.directory / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(path))
        manager.settimeout(READY_SECONDS)
        daemon = start(bench, environment={"NOTIFY_SOCKET": str(path)})
        assert manager.recv(4096) == b"READY=1"
        before_us = time.monotonic_ns() // 1000
        daemon.process.send_signal(signal.SIGHUP)
        told = re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=(\d+)", manager.recv(4096))
        assert before_us <= int(told[1]) <= time.monotonic_ns() // 1000, told
        assert manager.recv(4096) == b"READY=1"
        daemon.stop()
        assert manager.recv(4096) == b"STOPPING=1"


def a_stop_sends_what_is_queued_and_leaves_the_host_as_it_was(bench):
    daemon = start(bench)
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
    daemon = start(bench)
    daemon.kill()
    assert pings(bench.host0, "10.0.1.1"), "the host does not answer behind a killed router"
    again = start(bench)
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
    start(bench)
    other = bench.write(configuration(bench.name + "b"), "other.yaml")
    code, errors = refusal(bench, other)
    assert code == 3 and len(errors) == 1 and "ge0 is busy: another tcqfd" in errors[0], errors


def a_device_with_generic_xdp_alone_is_one_sentence_and_exit_3(bench):
    on_loopback = configuration(bench.name).replace("iface=ge1", "iface=lo")
    config = bench.write(on_loopback.replace(f"    mac: {ROUTER_MAC[1]}\n", ""))
    code, errors = refusal(bench, config)
    assert code == 3 and len(errors) == 1 and "interface ge1: " in errors[0], errors
    assert "use another driver for it, for example net_af_packet0,iface=lo" in errors[0], errors
    assert "xdp" not in bench.router.run("ip link show").stdout
    config = bench.write(on_loopback.replace(
        "net_af_xdp1,iface=lo,force_copy=1,busy_budget=0", "net_af_packet1,iface=lo"))
    assert_balances(Daemon(bench, config).stop())


def two_routers_of_one_name_are_one_sentence_and_exit_3(bench):
    memory = ("--", "--no-huge", "-m", "512")
    start(bench, *memory)
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


def an_mtu_that_af_xdp_has_no_room_for_is_one_sentence_and_exit_3(bench):
    def with_mtu(octets):
        return bench.write(configuration(bench.name).replace(
            f"    mac: {ROUTER_MAC[1]}", f"    mac: {ROUTER_MAC[1]}\n    mtu: {octets}"))

    code, errors = refusal(bench, with_mtu(9000))
    assert code == 3 and len(errors) == 1 and "mtu of 9000" in errors[0], errors
    largest = int(re.search(r"(\d+) would do", errors[0]).group(1))
    assert_balances(Daemon(bench, with_mtu(largest)).stop())


def a_device_that_its_driver_refuses_to_root_is_one_sentence_and_exit_3(bench):
    captures = "net_pcap1,rx_pcap=/absent.pcap,tx_pcap=/proc/absent.pcap"
    config = bench.write(configuration(bench.name).replace(
        "net_af_xdp1,iface=ge1,force_copy=1,busy_budget=0", captures))
    code, errors = refusal(bench, config)
    assert code == 3 and len(errors) == 1 and "interface ge1: " in errors[0], errors
    assert "check the driver's name and its arguments" in errors[0], errors


def a_read_only_run_is_one_sentence_and_exit_3(bench):
    config = bench.write(configuration(bench.name))
    for arguments in ((), ("--no-telemetry",)):
        process = bench.router.start(
            ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o ro tmpfs /run && exec "$@"', "sh",
             bench.binary, "--config", str(config), "--", "--no-huge", "-m", "512", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        _, told = process.communicate(timeout=READY_SECONDS)
        errors = [line for line in told.splitlines() if line.startswith("tcqfd: error")]
        assert process.returncode == 3 and len(errors) == 1, told
        assert "/var/run cannot be written: Read-only file system" in errors[0], errors


def wrong_usage_and_wrong_configurations_have_their_codes(bench):
    def code(*arguments):
        return bench.router.run(" ".join([bench.binary, *arguments]), check=False).returncode

    right = bench.write(configuration(bench.name))
    wrong = bench.write(configuration(bench.name).replace("cycles: 4", "cycles: 1"), "wrong.yaml")
    assert code("--config", str(right), "--check") == 0
    assert code("--config", str(wrong), "--check") == 1
    assert code("--config", str(bench.directory / "absent.yaml"), "--check") == 1
    assert code() == 2 and code("--config", str(right), "--nonsense") == 2
    assert code("--help") == 0 and code("--version") == 0


def an_argument_that_dpdk_does_not_know_is_one_sentence_and_exit_2(bench):
    code, errors = refusal(bench, bench.write(configuration(bench.name)), "--", "--nonsense", "-n1")
    assert code == 2 and len(errors) == 1, errors
    assert "does not take the arguments behind --: --nonsense -n1" in errors[0], errors


def dpdks_usage_is_on_stdout_where_it_is_asked_for_alone(bench):
    config = bench.write(configuration(bench.name))
    for argument, is_told in (("--nonsense", False), ("--help", True)):
        daemon = Daemon(bench, config, "--", argument, expect_ready=False)
        output, _ = daemon.process.communicate(timeout=READY_SECONDS)
        assert (b"EAL common options" in output) == is_told and bool(output) == is_told, output
        assert daemon.process.returncode == (0 if is_told else 2), daemon.errors()


def a_core_that_is_not_there_is_one_sentence_and_exit_3(bench):
    text = configuration(bench.name).replace("interfaces:\n", "workers: [1000]\ninterfaces:\n", 1)
    code, errors = refusal(bench, bench.write(text))
    assert code == 3 and len(errors) == 1, errors
    assert "workers: this process may not run on core 1000; name others of 0" in errors[0], errors


def a_router_whose_messages_nobody_reads_goes_on(bench):
    command = [bench.binary, "--config", str(bench.write(configuration(bench.name))), "--yield"]
    reader, nobody = os.pipe()
    os.close(reader)
    full = os.open("/dev/full", os.O_WRONLY)
    for kind, words, errors in (("nobody", command, nobody), ("full", command, full),
                                ("closed", ["sh", "-c", 'exec "$@" 2>&-', "sh", *command], None)):
        process = bench.router.start(words, stdout=subprocess.PIPE, stderr=errors)
        assert forwards(bench, process), kind
        process.send_signal(signal.SIGHUP)
        time.sleep(0.5)  # the router has said that it reloaded
        assert forwards(bench, process), kind
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=READY_SECONDS)
        assert process.returncode == 0, (kind, process.returncode)
        assert_balances(json.loads(output))
    os.close(nobody)
    os.close(full)


def forwards(bench, process):
    """True once a ping crosses the router, false where it ends before."""
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if pings(bench.host0, "10.9.0.1", count=1):
            return True
    return False


def an_account_that_cannot_be_written_is_one_sentence_and_exit_3(bench):
    with open("/dev/full", "wb") as full:
        daemon = start(bench, stdout=full)
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(timeout=READY_SECONDS) == 3, daemon.errors()
    assert "error: stdout cannot be written: No space left on device" in daemon.errors()


def a_socket_is_taken_with_a_warning_as_long_as_there_is_no_api(bench):
    path = bench.directory / "api.sock"
    daemon = start(bench, "--socket", str(path))
    assert "warning: --socket changes nothing" in daemon.errors(), daemon.errors()
    assert not path.exists()
    daemon.stop()


def a_tai_offset_of_zero_is_named_at_start(bench):
    offset = subprocess.run(
        [sys.executable, "-c",
         "import time; print(round(time.clock_gettime(11) - time.clock_gettime(0)))"],
        capture_output=True, text=True, check=True).stdout.strip()
    daemon = start(bench)
    warned = "the kernel's TAI offset is 0" in daemon.errors()
    assert warned == (offset == "0"), (offset, daemon.errors())
    daemon.stop()


def the_guard_that_was_measured_is_told_until_one_is_configured(bench):
    right = configuration(bench.name)
    config = bench.write(right)
    daemon = Daemon(bench, config)
    told = [line for line in daemon.errors().splitlines() if line.startswith("tcqfd: tx-guard-ns of")]
    assert len(told) == 1 and "ge0, ge1" in told[0] and "measured" in told[0], daemon.errors()
    config.write_text(right.replace(
        f"    mac: {ROUTER_MAC[1]}", f"    mac: {ROUTER_MAC[1]}\n    tx-guard-ns: 0"))
    assert daemon.reload("tx-guard-ns of ge0 is"), daemon.errors()
    assert_balances(daemon.stop())


def a_device_that_goes_away_is_told_and_one_of_its_name_is_another(bench):
    daemon = start(bench)
    bench.router.run("ip link del ge1")
    assert daemon.wait_for("tcqfd: interface ge1: the device is gone"), daemon.errors()
    namespaces.join(bench.router, "ge1", ROUTER_MAC[1], bench.host1, "eth0", HOST_MAC[1])
    time.sleep(0.5)
    send_tagged(bench, 40)
    account = daemon.stop()
    assert_balances(account)
    assert "the link is up" not in daemon.errors(), daemon.errors()
    assert account["dropped"]["interface-down"] == 40, account


def on_rings(name, addresses, mac="02:00:00:00:05:00"):
    """A router with one port that is no interface of the host."""
    return (f"name: {name}\ninterfaces:\n  - {{name: ge9, device: net_ring0, "
            f"addresses: [{addresses}]" + (f", mac: {mac}" if mac else "") + "}\n")


def global_addresses(namespace, interface):
    text = namespace.run(f"ip -o addr show dev {interface} scope global").stdout
    return {line.split()[3] for line in text.splitlines()}


def the_host_has_an_interfaces_addresses_from_start_and_from_each_reload(bench):
    tap = f"{bench.name}-ge9"
    first = ["10.5.0.1/24", "10.5.0.2/24", "10.55.0.1/16", "2001:db8:5::1/64", "2001:db8:55::1/48"]
    config = bench.write(on_rings(bench.name, ", ".join(f'"{each}"' for each in first)))
    daemon = Daemon(bench, config)
    assert global_addresses(bench.router, tap) == set(first)
    second = ["10.5.0.2/24", "10.56.0.1/16", "2001:db8:5::1/64", "2001:db8:56::1/48"]
    config.write_text(on_rings(bench.name, ", ".join(f'"{each}"' for each in second)))
    assert daemon.reload("tcqfd: reloaded"), daemon.errors()
    assert global_addresses(bench.router, tap) == set(second)
    bench.router.run(f"ip link del {tap}")
    config.write_text(on_rings(bench.name, '"10.5.0.1/24"'))
    assert daemon.reload("tcqfd: reloaded"), daemon.errors()
    assert f"warning: {tap}: cannot remove the address 10.5.0.2/24: " in daemon.errors()
    assert_balances(daemon.stop())


def an_address_that_the_host_refuses_at_a_reload_keeps_no_other_back(bench):
    def configured(first, second):
        return (on_rings(bench.name, first) + "  - {name: ge8, device: net_ring1, mac: 02:00:00:00:04:00, "
                f"addresses: [{second}]}}\n")

    tap = f"{bench.name}-ge9"
    config = bench.write(configured("10.5.0.1/24", "10.4.0.1/24"))
    daemon = Daemon(bench, config)
    bench.router.run(f"sysctl -qw net.ipv6.conf.{tap}.disable_ipv6=1")
    config.write_text(configured('"2001:db8:5::1/64", 10.55.0.1/24', "10.44.0.1/24"))
    assert daemon.reload("tcqfd: reloaded"), daemon.errors()
    assert (f"warning: {tap}: cannot add the address 2001:db8:5::1/64: the host has IPv6 off"
            in daemon.errors()), daemon.errors()
    assert global_addresses(bench.router, tap) == {"10.55.0.1/24"}
    assert global_addresses(bench.router, f"{bench.name}-ge8") == {"10.44.0.1/24"}
    bench.router.run(f"sysctl -qw net.ipv6.conf.{tap}.disable_ipv6=0")
    assert daemon.reload("tcqfd: reloaded"), daemon.errors()
    assert global_addresses(bench.router, tap) == {"10.55.0.1/24", "2001:db8:5::1/64"}
    assert_balances(daemon.stop())


def processor_ticks(daemon):
    """Of all of its threads but the workers'."""
    ticks = 0
    for path in pathlib.Path(f"/proc/{daemon.process.pid}/task").glob("*/stat"):
        name, _, rest = path.read_text().rpartition(")")
        ticks += 0 if "rte-worker" in name else sum(map(int, rest.split()[11:13]))
    return ticks


def a_tap_that_goes_away_is_told_and_costs_no_processor(bench):
    daemon = Daemon(bench, bench.write(on_rings(bench.name, "10.5.0.1/24")))
    tap = f"{bench.name}-ge9"
    bench.router.run(f"ip link del {tap}")
    assert daemon.wait_for(f"tcqfd: interface ge9: the TAP {tap} is gone"), daemon.errors()
    before = processor_ticks(daemon)
    time.sleep(2)
    spent = processor_ticks(daemon) - before
    assert spent < os.sysconf("SC_CLK_TCK") / 2, f"{spent} ticks in two seconds"
    assert daemon.errors().count("is gone") == 1, daemon.errors()
    assert_balances(daemon.stop())


def a_filter_that_somebody_takes_off_is_told(bench):
    daemon = start(bench)
    bench.router.run("ip link set dev ge0 xdp off")
    assert daemon.wait_for("tcqfd: interface ge0: somebody has taken the XDP program"), daemon.errors()
    time.sleep(0.5)
    assert daemon.errors().count("taken the XDP program") == 1, daemon.errors()
    account = daemon.stop()
    assert_balances(account)


def what_is_lost_between_worker_and_host_is_told(bench):
    daemon = start(bench)
    index = bench.router.run("ip -o link show ge0").stdout.split(":")[0]
    bench.router.run(f"ip link del tcqf-{index}")
    packets = bench.host0.packet_socket("eth0", IPV6)
    for _ in range(5):
        packets.send(echo_with_option())
    time.sleep(0.5)
    account = daemon.stop()
    assert_balances(account)
    lost = re.search(r"warning: (\d+) frames for the host's kernel and 0 from it were lost",
                     daemon.errors())
    assert lost and 5 <= int(lost.group(1)) <= account["to-kernel"], (account, daemon.errors())


def what_a_device_loses_is_told(bench):
    daemon = start(bench)
    sent = 5000  # more than the device has room for
    daemon.process.send_signal(signal.SIGSTOP)
    send_tagged(bench, sent, pause=0)
    daemon.process.send_signal(signal.SIGCONT)
    assert daemon.wait_for("tcqfd: warning: interface ge0: frames are lost before"), daemon.errors()
    # The control thread may be the first of the two to wake up; what waits in the device while the router
    # stops is neither received nor lost. A ping waits behind all of it.
    assert any(pings(bench.host0, "10.9.0.1") for _ in range(10)), daemon.errors()
    account = daemon.stop()
    assert_balances(account)
    lost = re.search(r"warning: interface ge0: (\d+) frames were lost before", daemon.errors())
    # The hosts' own multicast reports come in, too.
    assert lost and int(lost.group(1)) + account["interfaces"]["ge0"]["received"] >= sent, (account,
                                                                                           daemon.errors())
    assert "warning: interface ge1" not in daemon.errors(), daemon.errors()


def a_reload_that_would_need_more_buffers_says_so(bench):
    small = on_rings(bench.name, "10.5.0.1/24")
    config = bench.write(small)
    daemon = Daemon(bench, config)
    config.write_text(small.replace("mac:", "best-effort-queue-packets: 30000, mac:"))
    assert daemon.reload("tcqfd: reloaded"), daemon.errors()
    assert ("warning: 66144 packets could wait and there are buffers for 16384, made at start; restart"
            in daemon.errors()), daemon.errors()
    assert_balances(daemon.stop())


def a_device_without_a_mac_is_one_sentence_and_exit_3(bench):
    code, errors = refusal(bench, bench.write(on_rings(bench.name, "10.5.0.1/24", mac="")))
    assert code == 3 and len(errors) == 1, errors
    assert "interface ge9: device net_ring0: has no MAC address of its own; give it one" in errors[0]


def a_memif_client_without_its_server_is_one_sentence_and_exit_3(bench):
    device = f"net_memif0,role=client,socket={bench.directory}/memif,socket-abstract=no"
    text = on_rings(bench.name, "10.5.0.1/24").replace("net_ring0", f'"{device}"')
    code, errors = refusal(bench, bench.write(text))
    assert code == 3 and len(errors) == 1 and "interface ge9: " in errors[0], errors
    assert "start the router at the other end, which has role=server, before this one" in errors[0], errors


def an_address_of_a_family_that_the_host_has_off_is_one_sentence_and_exit_3(bench):
    bench.router.run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1")
    config = bench.write(on_rings(bench.name, '"2001:db8:5::1/64"'))
    code, errors = refusal(bench, config)
    assert code == 3 and len(errors) == 1 and "2001:db8:5::1/64: the host has IPv6 off" in errors[0], errors
    assert "--no-kernel-ports" in errors[0], errors
    assert_balances(Daemon(bench, config, "--no-kernel-ports").stop())
    assert_balances(Daemon(bench, bench.write(on_rings(bench.name, "10.5.0.1/24"))).stop())


def an_ipv6_address_on_too_small_an_mtu_is_one_sentence_and_exit_3(bench):
    text = on_rings(bench.name, '"2001:db8:5::1/64"')
    code, errors = refusal(bench, bench.write(text.replace("mac:", "mtu: 1279, mac:")))
    assert code == 3 and len(errors) == 1 and "IPv6 needs an mtu of 1280" in errors[0], errors
    assert_balances(Daemon(bench, bench.write(text.replace("mac:", "mtu: 1280, mac:"))).stop())


def a_link_that_goes_down_or_comes_up_is_told(bench):
    daemon = start(bench)
    assert "the link is" not in daemon.errors(), daemon.errors()
    for state in ("down", "up"):
        bench.host1.run(f"ip link set eth0 {state}")
        assert daemon.wait_for(f"tcqfd: interface ge1: the link is {state}"), daemon.errors()
    assert "interface ge0: the link" not in daemon.errors(), daemon.errors()
    daemon.stop()


CASES = [
    labelled_packets_cross_with_the_tag_of_their_cycle,
    the_host_behind_the_router_is_reached,
    ping_to_the_router_is_answered_through_the_worker,
    what_carries_the_option_reaches_the_kernel_through_the_worker,
    a_reload_under_traffic_loses_nothing_of_what_did_not_change,
    a_reload_with_other_cycles_tells_what_it_cost,
    a_reload_that_cannot_be_used_changes_nothing,
    a_reload_that_finds_no_memory_changes_nothing,
    a_reload_asked_for_while_the_configuration_is_read_comes_after_it,
    a_configuration_from_a_pipe_is_read_once_and_holds_up_no_stop,
    a_stop_goes_before_a_reload,
    a_link_is_watched_between_reloads_without_end,
    a_service_manager_is_told_of_start_reload_and_stop,
    a_stop_sends_what_is_queued_and_leaves_the_host_as_it_was,
    a_killed_router_leaves_the_host_reachable_and_can_be_started_again,
    a_missing_device_is_one_sentence_and_exit_3,
    a_busy_device_is_one_sentence_and_exit_3,
    a_device_with_generic_xdp_alone_is_one_sentence_and_exit_3,
    two_routers_of_one_name_are_one_sentence_and_exit_3,
    missing_huge_pages_are_one_sentence_and_exit_3,
    missing_permission_is_one_sentence_and_exit_3,
    an_mtu_that_af_xdp_has_no_room_for_is_one_sentence_and_exit_3,
    a_device_that_its_driver_refuses_to_root_is_one_sentence_and_exit_3,
    a_read_only_run_is_one_sentence_and_exit_3,
    wrong_usage_and_wrong_configurations_have_their_codes,
    an_argument_that_dpdk_does_not_know_is_one_sentence_and_exit_2,
    dpdks_usage_is_on_stdout_where_it_is_asked_for_alone,
    a_core_that_is_not_there_is_one_sentence_and_exit_3,
    a_router_whose_messages_nobody_reads_goes_on,
    an_account_that_cannot_be_written_is_one_sentence_and_exit_3,
    a_socket_is_taken_with_a_warning_as_long_as_there_is_no_api,
    a_tai_offset_of_zero_is_named_at_start,
    the_guard_that_was_measured_is_told_until_one_is_configured,
    a_device_that_goes_away_is_told_and_one_of_its_name_is_another,
    the_host_has_an_interfaces_addresses_from_start_and_from_each_reload,
    an_address_that_the_host_refuses_at_a_reload_keeps_no_other_back,
    a_tap_that_goes_away_is_told_and_costs_no_processor,
    a_filter_that_somebody_takes_off_is_told,
    what_is_lost_between_worker_and_host_is_told,
    what_a_device_loses_is_told,
    a_reload_that_would_need_more_buffers_says_so,
    a_device_without_a_mac_is_one_sentence_and_exit_3,
    a_memif_client_without_its_server_is_one_sentence_and_exit_3,
    an_address_of_a_family_that_the_host_has_off_is_one_sentence_and_exit_3,
    an_ipv6_address_on_too_small_an_mtu_is_one_sentence_and_exit_3,
    a_link_that_goes_down_or_comes_up_is_told,
]


if __name__ == "__main__":
    sys.exit(test_bench.main({OneRouter: CASES}))
