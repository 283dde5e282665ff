"""tcqfd on interfaces of the kernel's does in real time with the packets of cycles what tcqf-lab does in
virtual time: the same octets in the same cycles, the same counters.

Conformance cases of TCQF domains, their time stretched until the shortest cycle takes 50 ms. What comes
within a cycle comes at one phase of it. Compared are those cases in which the lab does the same however
much each packet is late, up to 40% of a cycle: then a sender and a router that are no later must do the
same as well. Both tell how late they were; a run in which they were later shows nothing and is done
again. Prints TAP.

    cycle_cases_test.py TCQFD TCQF-LAB OUT --ports af_xdp|tap [--workers N] [--every N] [--only PATTERN ...]
"""

import collections
import contextlib
import dataclasses
import math
import os
import pathlib
import random
import re
import sys
import threading
import time

import conformance_cases_test as cases
import port_cases_test as ports
from captures import read_pcap
from case import BASE
from wires import now_ns

SHORTEST_CYCLE_NS = 50_000_000
LONGEST_CYCLE_US = 65535
LONGEST_RUN_NS = 3_000_000_000
MOST_PACKETS = 500
PHASES = (0.05, 0.3, 0.55)  # of a cycle
LATE = 0.4
DRAWN_DELAYS = 3
ATTEMPTS = 3
BETWEEN_NS = 5_000_000  # the kernel's share, which nobody tells
THIS_THREAD = 0
START_IN_NS = 100_000_000
AFTERWARDS_NS = 20_000_000
CLOCK_ERROR_NS = 100_000  # of tcqfd's reading of the kernel's clock, on a machine that stalls
STRETCHED = {"cycle-time-us", "cycle-clock-offset-ns", "dead-time-ns", "latency-min-ns", "latency-max-ns",
             "upstream-clock-offset-ns", "upstream-dead-time-ns", "max-time-interval-error-ns",
             "interval-ns", "tx-guard-ns"}


def domains_of(config):
    return config.get("tcqf", {}).get("domains", [])


def cycles_ns(config):
    return [1000 * domain["cycle-time-us"] for domain in domains_of(config)]


def factor_of(case):
    return math.ceil(SHORTEST_CYCLE_NS / min(cycles_ns(case.config)))


def round_ns(config):
    """What identifiers and interleaving repeat themselves after."""
    periods = [flow["interleaving"]["period-cycles"]
               for flow in config.get("detnet", {}).get("flows", []) if "interleaving" in flow]
    return math.lcm(*(time_ns * count for time_ns, domain in zip(cycles_ns(config), domains_of(config))
                      for count in (domain["cycles"], *periods)))


def may_be_compared(case):
    """True where it does not take too long, and a sender is in time with all that may come at once."""
    if (case.refused is not None or case.stalls or case.captures or case.config_text
            or not domains_of(case.config) or not 0 < cases.packets_of(case) <= MOST_PACKETS
            or not ports.fits(case)):
        return False
    factor = factor_of(case)
    last_ns = max(time_ns for packets in case.rx.values() for time_ns, *_ in packets)
    return (factor * max(cycles_ns(case.config)) <= 1000 * LONGEST_CYCLE_US
            and factor * round_ns(case.config) <= LONGEST_RUN_NS
            and factor * (last_ns - first_arrival_ns(case)) <= LONGEST_RUN_NS)


def first_arrival_ns(case):
    return min(time_ns for packets in case.rx.values() for time_ns, *_ in packets)


def stretched_values(node, factor):
    if isinstance(node, dict):
        return {key: value * factor if key in STRETCHED else stretched_values(value, factor)
                for key, value in node.items()}
    return [stretched_values(each, factor) for each in node] if isinstance(node, list) else node


def with_a_cycle_to_spare(config):
    """Windows of every distance lose the longest: without receive timestamps the age of a tag would be
    unknown."""
    for domain in domains_of(config):
        for entry in domain.get("cycle-maps", []):
            if cases.is_full(entry, domain) and domain["cycles"] > 1:
                window = entry["window"]
                window["max"] = window["min"] + domain["cycles"] - 2
    return config


def stretched(case):
    """The case with all of its times a factor longer; arrivals at the start of a cycle's time."""
    factor = factor_of(case)
    cycle_ns = min(cycles_ns(case.config))
    repeats_ns = round_ns(case.config)
    first_round_ns = first_arrival_ns(case) // repeats_ns * repeats_ns
    start_ns = BASE // (factor * repeats_ns) * factor * repeats_ns
    rx = {name: [(start_ns + (time_ns - first_round_ns) // cycle_ns * cycle_ns * factor, frame)
                 for time_ns, frame, *_ in packets] for name, packets in case.rx.items()}
    return dataclasses.replace(case, config=with_a_cycle_to_spare(stretched_values(case.config, factor)), rx=rx,
                               until_drained=True, processing_ns=0)


def delayed(case, delay):
    """The case with packets later; those of an interface stay in order."""
    rx = {}
    for name, packets in case.rx.items():
        latest = 0
        rx[name] = []
        for time_ns, frame in packets:
            latest = max(latest, time_ns + round(delay()))
            rx[name].append((latest, frame))
    return dataclasses.replace(case, rx=rx)


def delays(case, phase_ns, late_ns):
    """The case with every packet as early as may be, as late, and some in between."""
    yield delayed(case, lambda: phase_ns)
    yield delayed(case, lambda: phase_ns + late_ns)
    chance = random.Random(case.name)
    for _ in range(DRAWN_DELAYS):
        yield delayed(case, lambda: phase_ns + chance.random() * late_ns)


@dataclasses.dataclass
class InCycles(cases.Expected):
    """Of packets that are `phase_ns` later than in the case. `moments`: {interface: [(time, frame)]};
    `in_order`: the interfaces on which frames follow one another as there, whatever is late."""

    phase_ns: int
    moments: dict
    in_order: list = dataclasses.field(default_factory=list)

    def order_on(self, interface):
        return [frame for _, frame in self.moments[interface]]


class CycleStarts:
    """Of the interfaces of a configuration's domains."""

    def __init__(self, config):
        self._timings = {
            each["name"]: (1000 * domain["cycle-time-us"],
                           each.get("cycle-clock-offset-ns", domain.get("cycle-clock-offset-ns", 0)))
            for domain in domains_of(config) for each in domain["interfaces"]}

    def cycle_of(self, interface, time_ns):
        """(start, end); outside every domain nothing begins or ends."""
        if interface not in self._timings:
            return time_ns, math.inf
        cycle_ns, offset_ns = self._timings[interface]
        start_ns = (time_ns - offset_ns) // cycle_ns * cycle_ns + offset_ns
        return start_ns, start_ns + cycle_ns


@dataclasses.dataclass
class Sent:
    """How much later than in the lab everything was sent, and how much later than that at most."""

    shift_ns: int
    late_ns: int


def sleep_until(time_ns):
    time.sleep(max(0, time_ns - now_ns()) / 1e9)


def sent_at_their_times(wires, case):
    """In the first round that is not near."""
    packets = sorted(((time_ns, name, frame) for name, some in case.rx.items() for time_ns, frame in some),
                     key=lambda packet: packet[0])
    repeats_ns = round_ns(case.config)
    shift_ns = -((packets[0][0] - now_ns() - START_IN_NS) // repeats_ns) * repeats_ns
    late_ns = 0
    for time_ns, name, frame in packets:
        sleep_until(time_ns + shift_ns)
        wires.ends[name].send(frame)
        late_ns = max(late_ns, now_ns() - time_ns - shift_ns)
    return Sent(shift_ns, late_ns)


@contextlib.contextmanager
def urgent(process):
    """What this thread does, and a router that is ready, come before the rest of the machine where that
    is permitted. (A router that starts keeps a processor busy.)"""
    threads = [int(each.name) for each in pathlib.Path(f"/proc/{process.pid}/task").iterdir()]
    for thread in (THIS_THREAD, *threads):
        with contextlib.suppress(PermissionError, ProcessLookupError):
            os.sched_setscheduler(thread, os.SCHED_RR, os.sched_param(1))
    try:
        yield
    finally:
        os.sched_setscheduler(THIS_THREAD, os.SCHED_OTHER, os.sched_param(0))


def longest_pause_ns(said):
    """Of a router that has ended."""
    return 1000 * max(int(us) for us in re.findall(r"longest pause between two rounds (\d+) us", "\n".join(said)))


class Cycles(ports.Ports):
    """The packets come at their times."""

    def __init__(self, programs):
        super().__init__(programs)
        self.lock = threading.Lock()
        self.turn = threading.Lock()
        self.after_cycle_start_ns = []
        self.after_the_lab_ns = []
        self.outside = 0
        self.in_order = 0

    def may_be_compared(self, case):
        return may_be_compared(case)

    def version_of(self, case):
        return stretched(super().version_of(case))

    def outcome(self, case, phase_ns, folder):
        done = cases.what_the_lab_does(self.programs.lab, case, folder)
        moments = {name: read_pcap(folder / "got" / f"{name}.pcap") for name in done.sent}
        return InCycles(done.case, done.sent, done.account, phase_ns, moments)

    def expected(self, share, folder):
        cycle_ns = min(cycles_ns(share.config))
        for phase in PHASES:
            phase_ns = round(phase * cycle_ns)
            outcomes = []
            for version in delays(share, phase_ns, LATE * cycle_ns):
                outcomes.append(self.outcome(version, phase_ns, folder))
                if not cases.always_the_same(outcomes):
                    break
            else:
                first = outcomes[0]
                first.in_order = [name for name in first.moments if all(
                    first.order_on(name) == each.order_on(name) for each in outcomes)]
                return first
        return None

    def send(self, wires, case, expected, daemon):
        """Until all has left as well: a router that is to end keeps a processor busy while cycles last."""
        with urgent(daemon.process):
            sent = sent_at_their_times(wires, delayed(case, lambda: expected.phase_ns))
        last_ns = max((time_ns for packets in expected.moments.values() for time_ns, _ in packets), default=0)
        sleep_until(last_ns + sent.shift_ns + AFTERWARDS_NS)
        return sent

    def run(self, case, expected, folder):
        for attempt in range(ATTEMPTS):
            try:
                with self.turn:  # the lab's part of other cases goes on beside
                    return super().run(case, expected, folder)
            except cases.ShowsNothing:
                if attempt == ATTEMPTS - 1:
                    raise

    def check(self, expected, sent, received, said):
        allowed_ns = LATE * min(cycles_ns(expected.case.config))
        late_ns = sent.late_ns + longest_pause_ns(said)
        if late_ns > allowed_ns - BETWEEN_NS:
            raise cases.ShowsNothing(f"packets may have been {late_ns / 1e6:.0f} ms late")
        problems = [problem for name in expected.moments
                    for problem in self.early(name, expected, sent.shift_ns, received[name])]
        problems += [f"{name}: not in the lab's order" for name in expected.in_order
                     if ports.frames_of(received[name]) == expected.sent[name]
                     and [frame for _, frame in received[name]] != expected.order_on(name)]
        if problems:
            raise RuntimeError("\n".join(problems))
        with self.lock:
            self.in_order += sum(len(received[name]) for name in expected.in_order)

    def early(self, name, expected, shift_ns, received):
        """Frames that left before the cycle began in which they leave in the lab."""
        starts = CycleStarts(expected.case.config)
        problems = []
        wanted = moments_of_frames((time_ns + shift_ns, frame) for time_ns, frame in expected.moments[name])
        got = moments_of_frames(received)
        for frame, times in wanted.items():
            for lab_ns, time_ns in zip(times, got.get(frame, [])):
                start_ns, end_ns = starts.cycle_of(name, lab_ns)
                self.note(time_ns, lab_ns, start_ns, end_ns)
                if time_ns < start_ns - CLOCK_ERROR_NS:
                    problems.append(f"{name}: {start_ns - time_ns} ns before its cycle: {frame.hex()}")
        return problems

    def note(self, time_ns, lab_ns, start_ns, end_ns):
        with self.lock:
            self.after_the_lab_ns.append(time_ns - lab_ns)
            if end_ns != math.inf:
                self.after_cycle_start_ns.append(time_ns - start_ns)
                self.outside += time_ns >= end_ns

    def measured(self):
        if self.after_cycle_start_ns:
            yield (f"{len(self.after_cycle_start_ns)} frames on interfaces of domains, {self.outside} of them "
                   f"captured after their cycle; the earliest {min(self.after_cycle_start_ns) / 1e3:.1f} us "
                   f"after its cycle began; {self.in_order} of all frames in an order that is the lab's whatever "
                   "is late")
        if self.after_the_lab_ns:
            late = sorted(self.after_the_lab_ns)
            yield (f"captured later than in virtual time: {late[0] / 1e3:.1f} us, half of them "
                   f"{late[len(late) // 2] / 1e3:.1f} us, all within {late[-1] / 1e3:.1f} us")


def moments_of_frames(packets):
    """{frame: when, in order}"""
    moments = collections.defaultdict(list)
    for time_ns, frame in packets:
        moments[frame].append(time_ns)
    return {frame: sorted(times) for frame, times in moments.items()}


if __name__ == "__main__":
    sys.exit(cases.compare(Cycles(ports.argument_parser().parse_args())))
