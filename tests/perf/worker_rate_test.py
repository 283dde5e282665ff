"""The measured side of the rate rig: it forwards every packet of each kind, and says so if it did not."""

import argparse
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "perf" / "lib"))

import rig  # noqa: E402
import traffic  # noqa: E402
from kinds import KINDS  # noqa: E402

PACKETS = 3000
NEAR = traffic.Timing(cycle_time_us=10, backlog_cycles=1)
FAR = traffic.Timing(cycle_time_us=10, backlog_cycles=256)


def run(worker, out, offered, timing, config=None, step_ns=1000):
    """What the program prints for a capture, in paced time: nothing depends on the machine."""
    capture, entries = out / f"{offered.stem}.pcap", out / f"{offered.stem}.entries"
    path = out / f"{offered.stem}-{timing.backlog_cycles}.yaml"
    traffic.write_capture(offered, capture)
    traffic.write_entries(offered, entries)
    path.write_text(config or traffic.config_text(offered, timing, capture), encoding="ascii")
    done = subprocess.run(
        [worker, f"--config={path}", f"--entries={entries}", f"--packets={PACKETS}",
         f"--paced-step-ns={step_ns}", "--buffers=8191", "--", "--no-huge", "-m", "512", "--no-pci",
         "--no-telemetry", "--no-shconf", "-l", "0"],
        capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def forwards_all(worker, out, offered, timing=NEAR, step_ns=1000):
    result = run(worker, out, offered, timing, step_ns=step_ns)
    assert result["balances"] and result["dropped"] == {} and result["to-kernel"] == 0, result
    assert result["received"] >= PACKETS, result
    assert result["sent"] + result["queued"] == result["received"], result
    return result


FORWARDED = {
    "forwards_ipv4": [("ipv4", 64, 1000, 256)],
    "forwards_labels": [("mpls", 64, 100, 256)],
    "forwards_ipv6_with_the_option": [("ipv6", 1500, 1000, 256)],
    "forwards_flows": [("ingress", 64, 1000, 1000)],
    "forwards_one_flow": [("ingress", 64, 1, 256)],
    "forwards_long_packets_of_flows": [("ingress", 1500, 1000, 1000)],
    "forwards_segments": [("end", 128, 100, 256), ("end.x", 128, 1, 256)],
    "forwards_into_policies": [("encaps", 64, 100, 256), ("push", 64, 100, 256)],
    "forwards_in_partitions": [("nrp", 80, 100, 256), ("no-nrp", 80, 1, 256)],
}


def forwards(offered):
    """A test that all packets of each of some traffics are forwarded."""
    def test(worker, out):
        for kind in offered:
            forwards_all(worker, out, traffic.Traffic(*kind))
    return test


def loses_nothing_where_each_step_is_the_longest(worker, out):
    # Not a whole number of steps a cycle: they come at each phase of a boundary.
    longest_ns = NEAR.cycle_time_us * 1000 // rig.STEPS_A_CYCLE - 100
    forwards_all(worker, out, traffic.Traffic("mpls", 1500, 1000, 1024), step_ns=longest_ns)


def queues_far_ahead(worker, out):
    result = forwards_all(worker, out, traffic.Traffic("ipv4", 64, 1, 256), FAR)
    assert result["sent"] == 0, "3,000 packets last 100 us, the first cycle comes after 2.5 ms"


def counts_what_it_drops(worker, out):
    offered = traffic.Traffic("ipv4", 64, 1, 256)
    config = traffic.config_text(offered, NEAR, out / f"{offered.stem}.pcap")
    narrow = config.replace("window: {min: 1, max: 2}", "window: {min: 1, max: 1}", 1)
    assert narrow != config
    result = run(worker, out, offered, NEAR, narrow)
    assert result["dropped"].get("outside-window", 0) > 0 and result["balances"], result


def captures_are_the_same_each_time(worker, out):
    del worker
    for kind in KINDS:
        offered = traffic.Traffic(kind, 128, 10, 100)
        first, second = out / "first.pcap", out / "second.pcap"
        traffic.write_capture(offered, first)
        traffic.write_capture(offered, second)
        assert first.read_bytes() == second.read_bytes()
        assert len(first.read_bytes()) == 24 + 100 * (16 + 128), kind


TESTS = {name: forwards(offered) for name, offered in FORWARDED.items()}
TESTS.update({test.__name__: test for test in (
    loses_nothing_where_each_step_is_the_longest, queues_far_ahead, counts_what_it_drops,
    captures_are_the_same_each_time)})


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--worker", required=True)
    parser.add_argument("--out", type=pathlib.Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print(f"1..{len(TESTS)}")
    failed = 0
    for number, (name, test) in enumerate(TESTS.items(), start=1):
        try:
            test(options.worker, options.out)
            print(f"ok {number} - {name}")
        except AssertionError as problem:
            failed += 1
            print(f"not ok {number} - {name}")
            print("\n".join(f"# {line}" for line in str(problem).splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
