#!/usr/bin/env python3
"""tcqf-meter over a veth pair in a network namespace of the test's own, and its exit codes."""

import argparse
import ctypes
import functools
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))

from tap import Tap  # noqa: E402

CLONE_NEWNET = 0x40000000
ADDRESSES = ["--source", "10.0.0.1", "--destination", "10.0.0.2"]


def enter_private_network():
    """Why not, or nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET) != 0:
        return f"network namespaces are forbidden here: {os.strerror(ctypes.get_errno())}"
    subprocess.run(["ip", "link", "add", "ea", "type", "veth", "peer", "name", "eb"], check=True)
    for name in ("ea", "eb"):
        subprocess.run(["ip", "link", "set", name, "up"], check=True)
    return ""



def run(*words, **more):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True,
                          check=False, timeout=60, **more)


def expect(tap, title, passed, shown=""):
    tap.case(title, [] if passed else [f"it is not so {shown}".rstrip()])


def usage_cases(tap, meter, folder):
    send = [meter, "send", "--capture", folder / "x.pcap", "--to", "02:00:00:00:00:01", *ADDRESSES]
    expect(tap, "no rate is wrong usage", run(*send).returncode == 2)
    expect(tap, "an impossible size is wrong usage", run(*send, "--pps", 1, "--size", 50).returncode == 2)
    told(tap, "what is no MAC address is told beside one that is",
         run(meter, "send", "--capture", folder / "x.pcap", "--to", "r1", *ADDRESSES, "--pps", 1), 2,
         "'r1' is no MAC address such as 02:")
    expect(tap, "an unknown interface is refused",
              run(meter, "receive", "--interface", "absent0", "--capture",
                  folder / "x.pcap").returncode == 3)
    expect(tap, "an absent capture is an error of its own",
              run(meter, "report", "--capture", folder / "absent.pcap").returncode == 1)


def told(tap, title, done, code, *words):
    """An exit code, and a sentence on stderr that has these words."""
    expect(tap, title, done.returncode == code and all(word in done.stderr for word in words),
           f"but {done.returncode}: {done.stderr}")


def range_cases(tap, meter, folder):
    """Numbers that cannot be meant are wrong usage, and the message says what could be."""
    send = [meter, "send", "--capture", folder / "x.pcap", "--to", "02:00:00:00:00:01", *ADDRESSES]
    for option, number, most in (
            ("--count", 0, 1 << 32), ("--interval-ns", 1 << 63, 3_600_000_000_000),
            ("--start-ns", 4_200_000_000_000_000_001, 4_200_000_000_000_000_000),
            ("--stream", 1 << 32, (1 << 32) - 1), ("--source-port", 65536, 65535),
            ("--destination-port", -1, 65535)):
        rate = [] if option == "--interval-ns" else ["--pps", 10]
        told(tap, f"{option} {number} is wrong usage", run(*send, *rate, option, number), 2,
             option, f"to {most}\n")
    for option in ("--late-ns", "--early-ns"):
        told(tap, f"{option} below zero is wrong usage",
             run(meter, "report", "--capture", folder / "x.pcap", option, -1), 2, option, "0 to ")
    told(tap, "a single bin is wrong usage: a delay may be below zero",
         run(meter, "report", "--capture", folder / "x.pcap", "--bins", 1), 2, "--bins", "2 to ")
    told(tap, "a duration of aeons is wrong usage",
         run(meter, "receive", "--interface", "lo", "--capture", folder / "x.pcap",
             "--duration-ms", 1 << 60), 2, "--duration-ms", f"to {1 << 30}\n")
    told(tap, "an unknown sub-command is named", run(meter, "sned"), 2, "sned")
    for name in ("send", "receive", "report"):
        expect(tap, f"{name} knows its version", run(meter, name, "--version").returncode == 0)


def file_cases(tap, meter, folder):
    send = [meter, "send", "--to", "02:00:00:00:00:01", *ADDRESSES, "--pps", 1000, "--count", 100]
    for path, why in (("/dev/full", "No space left"), (folder, "Is a directory"),
                      ("/proc/absent", "No such file")):
        told(tap, f"a capture that cannot be written is refused: {path}",
             run(*send, "--capture", path), 3, str(path), why)
    full = subprocess.run(f"{' '.join(map(str, send))} --capture {folder}/x.pcap >/dev/full",
                          shell=True, capture_output=True, text=True, check=False)
    told(tap, "a result that cannot be written is refused", full, 3, "No space left")
    capture = folder / "x.pcap"
    told(tap, "an absent capture is named once",
         run(meter, "report", "--capture", folder / "absent"), 1, f"meter: {folder}/absent: ")
    told(tap, "an absent result is named",
         run(meter, "report", "--capture", capture, "--sent", folder / "absent"), 1,
         "absent: cannot be read")
    told(tap, "a directory is no result",
         run(meter, "report", "--capture", capture, "--sent", folder), 1, "is a directory")
    (folder / "text.json").write_text('{"stream": "one", "sent": 1}')
    told(tap, "a result with text for a number is named",
         run(meter, "report", "--capture", capture, "--sent", folder / "text.json"), 1,
         "text.json: is not what")
    named = run(meter, "report", "--capture", capture, "--name", f"{(1 << 32) - 1}=last")
    expect(tap, "every stream can have a name", named.returncode == 0, named.stderr)


def memory_case(tap, meter, folder):
    """A sentence and an exit code, as of the other programs; not what the runtime does by itself."""
    title = "a configuration that finds no memory is refused in words"
    if b"__asan_init" in meter.read_bytes():
        tap.skip(title, "the address sanitizer ends a program that finds no memory")
        return
    large = folder / "large.yaml"
    large.write_text("# " + 128 * 1024 * 1024 * "x" + "\n")
    most = 300 * 1024 * 1024
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_AS, (most, most))
    told(tap, title, run(meter, "report", "--capture", folder / "x.pcap", "--router", large,
                         "--interface", "ge0", preexec_fn=limit),
         3, "tcqf-meter: there is not enough memory")
    large.unlink()


def wire_cases(tap, meter, folder):
    run("ip", "link", "set", "ea", "down")
    told(tap, "an interface that is down is named",
         run(meter, "send", "--interface", "ea", "--to", "02:00:00:00:00:01", *ADDRESSES, "--pps", 10,
             "--count", 1), 3, "interface ea: cannot send: Network is down")
    run("ip", "link", "set", "ea", "up")
    receiver = subprocess.Popen(
        [str(meter), "receive", "--interface", "eb", "--capture", str(folder / "got.pcap"),
         "--json", str(folder / "got.json")], stderr=subprocess.PIPE, text=True)
    expect(tap, "the receiver says when it is ready", receiver.stderr.readline() == "ready\n")
    mac = json.loads(run("ip", "-j", "link", "show", "eb").stdout)[0]["address"]
    sent = run(meter, "send", "--interface", "ea", "--to", mac, *ADDRESSES, "--pps", 2000,
               "--count", 200, "--json", folder / "sent.json")
    time.sleep(0.1)
    receiver.send_signal(signal.SIGTERM)
    expect(tap, "sender and receiver end well", sent.returncode == 0 and receiver.wait() == 0)
    report = run(meter, "report", "--capture", folder / "got.pcap", "--sent", folder / "sent.json",
                 "--json", folder / "report.json")
    flow = json.loads((folder / "report.json").read_text())["flows"][0]
    expect(tap, "every packet crosses a quiet wire",
              report.returncode == 0 and flow["sent"] == 200 and flow["received"] == 200
              and flow["lost"] == 0 and flow["duplicates"] == 0 and flow["reordered"] == 0)
    expect(tap, "no packet arrives before it is sent", flow["delay-min-ns"] > 0)
    expect(tap, "the histogram holds every packet", sum(flow["histogram"]["counts"]) == 200)
    expect(tap, "the receiver lost nothing", json.loads((folder / "got.json").read_text())["lost"] == 0)
    removed_case(tap, meter, folder, mac)


def removed_case(tap, meter, folder, mac):
    """A receiver whose interface goes away must not look like one that waited to the end."""
    receiver = subprocess.Popen(
        [str(meter), "receive", "--interface", "eb", "--capture", str(folder / "cut.pcap"),
         "--duration-ms", "60000", "--json", str(folder / "cut.json")], stderr=subprocess.PIPE, text=True)
    receiver.stderr.readline()
    run("ip", "link", "set", "eb", "down")
    run("ip", "link", "set", "eb", "up")
    run(meter, "send", "--interface", "ea", "--to", mac, *ADDRESSES, "--pps", 2000, "--count", 20)
    time.sleep(0.1)
    run("ip", "link", "del", "ea")
    try:
        _, stderr = receiver.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        receiver.kill()
        _, stderr = receiver.communicate()
    expect(tap, "a receiver whose interface is removed says so",
           receiver.returncode == 3 and "interface eb has been removed" in stderr,
           f"but {receiver.returncode}: {stderr}")
    expect(tap, "it keeps what arrived before, also across a time when the interface was down",
           json.loads((folder / "cut.json").read_text())["probes"] == 20)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--meter", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    shutil.rmtree(arguments.out, ignore_errors=True)
    arguments.out.mkdir(parents=True)
    tap = Tap()
    usage_cases(tap, arguments.meter, arguments.out)
    range_cases(tap, arguments.meter, arguments.out)
    file_cases(tap, arguments.meter, arguments.out)
    memory_case(tap, arguments.meter, arguments.out)
    obstacle = enter_private_network()
    if obstacle:
        tap.skip("probes over a veth pair", obstacle)
    else:
        wire_cases(tap, arguments.meter, arguments.out)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
