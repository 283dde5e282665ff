"""What the capture at the far end of a real port shows of the guard band: TCQF's packets leave in their
cycle, side by side, ahead of what waits beside them; a best effort frame is handed over so early that it
ends before the guard in front of a boundary, but for what the router itself paused meanwhile.

How near frames come to the boundary, and how far into their cycle TCQF's packets are captured, is
measured and told. Prints TAP.

    guard_band_test.py TCQFD OUT
"""

import dataclasses
import itertools
import pathlib
import sys

import bench
import conformance_cases_test as cases
import port_cases_test as ports
from case import base_config, explicit, labelled, onto, swap, tagged, v4, with_domain, with_labels
from cycle_cases_test import CLOCK_ERROR_NS, longest_pause_ns, sleep_until, urgent
from tap import Tap
from wires import VethWires, now_ns

RATE_MBPS = 10
CYCLE_NS = 25_000_000
CYCLES = 4
GUARD_NS = 10_000_000
FRAME_OCTETS = 1500
WIRE_OVERHEAD_OCTETS = 14 + 24  # Ethernet, FCS, preamble, gap
ON_WIRE_NS = (FRAME_OCTETS + WIRE_OVERHEAD_OCTETS) * 8 * 1000 // RATE_MBPS
BEST_EFFORT_A_CYCLE = 25  # five more than a cycle has room for
TCQF_A_CYCLE = 3
RUN_CYCLES = 30
ATTEMPTS = 3
MPLS = b"\x88\x47"


def configuration(guard_ns):
    """Identifiers stay what they are; what comes with that of the next but one cycle leaves in it."""
    config = with_domain(base_config(RATE_MBPS), [tagged(0, "mpls-tc"), tagged(1, "mpls-tc")],
                         [explicit(0, 1, [1, 2, 3, 4], (1, 3))], cycle_time_us=CYCLE_NS // 1000)
    with_labels(config, swap(100, 200, 1))
    config["interfaces"][1]["tx-guard-ns"] = guard_ns
    return config


def tcqf_frame(cycle, number):
    """For a cycle, by the tag of its identifier."""
    return labelled(0, [(100, cycle % CYCLES + 1, 64)], v4(number, size=200))


@dataclasses.dataclass
class Run:
    sent_for: list  # the cycle of each TCQF packet
    frames: list  # (time, frame) out of ge1
    account: dict
    pause_ns: int


def send(wires, best_effort):
    """For which cycle each of TCQF's packets is."""
    sent_for = []
    first = now_ns() // CYCLE_NS + 2
    for cycle in range(first, first + RUN_CYCLES):
        sleep_until(cycle * CYCLE_NS)
        for number in range(best_effort):
            wires.ends["ge3"].send(onto(3, v4(number, size=FRAME_OCTETS)))
        target = now_ns() // CYCLE_NS + 2
        for _ in range(TCQF_A_CYCLE):
            wires.ends["ge0"].send(tcqf_frame(target, len(sent_for)))
            sent_for.append(target)
    return sent_for


def run(tcqfd, folder, name, guard_ns, best_effort):
    folder.mkdir(parents=True, exist_ok=True)
    config = configuration(guard_ns)
    with VethWires(config) as wires:
        with cases.Daemon(tcqfd, name, ports.on_ports(config, wires, 1), folder, wires) as daemon:
            with urgent(daemon.process):
                sent_for = send(wires, best_effort)
            daemon.wait_for(RUN_CYCLES * (best_effort + TCQF_A_CYCLE))
            account = daemon.stop()
        frames = wires.received()["ge1"]
        return Run(sent_for, frames, account, longest_pause_ns(daemon.said()))


def is_tcqf(frame):
    return frame[12:14] == MPLS


def number_of(frame):
    """IPv4 identification behind one label."""
    return int.from_bytes(frame[22:24], "big")


def tcqf_problems(done):
    """Each in its cycle and none lost, but for what pauses made late and the router counted."""
    problems = []
    numbers = []
    for time_ns, frame in done.frames:
        if is_tcqf(frame):
            number = number_of(frame)
            numbers.append(number)
            cycle = done.sent_for[number]
            if frame[16] >> 1 & 7 != cycle % CYCLES + 1:
                problems.append(f"packet {number} for cycle {cycle}: {frame.hex()}")
            if time_ns < cycle * CYCLE_NS - CLOCK_ERROR_NS:
                problems.append(f"packet {number}: {cycle * CYCLE_NS - time_ns} ns before its cycle")
    late = sum(done.account["dropped"].get(reason, 0)
               for reason in ("cycle-overrun", "outside-window", "arrival-unknown"))
    if numbers != sorted(numbers) or len(numbers) + late != len(done.sent_for):
        problems.append(f"of {len(done.sent_for)} packets came {numbers}; {done.account}")
    return problems


def displaced(done):
    """TCQF packets of one cycle with another frame between them."""
    runs = [[done.sent_for[number_of(frame)] for _, frame in run] for of_tcqf, run
            in itertools.groupby(done.frames, lambda each: is_tcqf(each[1])) if of_tcqf]
    cycles = [cycle for run in runs for cycle, _ in itertools.groupby(run)]
    return [f"cycle {cycle} is in parts" for cycle in set(cycles) if cycles.count(cycle) > 1]


def before_boundary_ns(done):
    """How long before the next boundary each best effort frame was handed over, ascending."""
    return sorted(CYCLE_NS - time_ns % CYCLE_NS for time_ns, frame in done.frames if not is_tcqf(frame))


def too_near(done, guard_ns):
    """A pause between the decision to send and the device's turn is all that may bring a frame nearer."""
    nearest_ns = before_boundary_ns(done)[0]
    allowed_ns = guard_ns + ON_WIRE_NS - done.pause_ns - CLOCK_ERROR_NS
    return [] if nearest_ns >= allowed_ns else [
        f"a frame of {ON_WIRE_NS} ns was handed over {nearest_ns} ns before a boundary, where the guard is "
        f"{guard_ns} ns and the router paused for {done.pause_ns} ns at most"]


def told(title, done):
    """What was measured, in one line."""
    into_ns = sorted(time_ns - done.sent_for[number_of(frame)] * CYCLE_NS
                     for time_ns, frame in done.frames if is_tcqf(frame))
    line = (f"# {title}: {len(into_ns)} TCQF packets captured {into_ns[0] / 1e3:.0f} to "
            f"{into_ns[-1] / 1e3:.0f} us into their cycle, half within {into_ns[len(into_ns) // 2] / 1e3:.0f} us")
    if nearest := before_boundary_ns(done):
        line += (f"; {len(nearest)} best effort frames of {ON_WIRE_NS / 1e3:.0f} us on the wire, the nearest "
                 f"{nearest[0] / 1e3:.0f} us before a boundary")
    print(f"{line}; longest pause of the router {done.pause_ns / 1e3:.0f} us", flush=True)


def quiet_run(tcqfd, out, name, guard_ns, best_effort):
    """One in which the router paused for less than would hide a missing guard, if there is one."""
    for attempt in range(ATTEMPTS):
        done = run(tcqfd, out / name, f"{name}-{attempt}", guard_ns, best_effort)
        if done.pause_ns + CLOCK_ERROR_NS < guard_ns:
            break
    return done


def main():
    tcqfd, out = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    tap = Tap()
    if why_not := bench.obstacle():
        tap.skip("the guard band", why_not)
        return tap.end()
    for name, guard_ns, best_effort in (("alone", 0, 0), ("no guard", 0, BEST_EFFORT_A_CYCLE),
                                        ("guard", GUARD_NS, BEST_EFFORT_A_CYCLE)):
        done = quiet_run(tcqfd, out, name.replace(" ", "-"), guard_ns, best_effort)
        told(name, done)
        tap.case(f"{name}: TCQF's packets leave in their cycle", tcqf_problems(done))
        if best_effort:
            tap.case(f"{name}: no other frame is between TCQF's packets of a cycle", displaced(done))
        if guard_ns and done.pause_ns + CLOCK_ERROR_NS >= guard_ns:
            tap.skip("a best effort frame ends before the guard",
                     f"the router paused for {done.pause_ns / 1e3:.0f} us, longer than the guard")
        elif guard_ns:
            tap.case("a best effort frame ends before the guard", too_near(done, guard_ns))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
