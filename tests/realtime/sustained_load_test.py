"""Thousands of packets of every kind, one right behind the other on two AF_XDP interfaces: tcqfd sends the
octets that tcqf-lab sends, those of each interface in the lab's order, and its account is the lab's. What
the device loses where the router is late must be told to the frame. Prints TAP.

    sustained_load_test.py TCQFD TCQF-LAB OUT
"""

import collections
import pathlib
import random
import re
import sys

import bench
import conformance_cases_test as cases
import port_cases_test as ports
from captures import read_pcap
from case import (BASE, Case, base_config, labelled, onto, own_label, pop, silent_v4, swap, v4, v6,
                  with_labels)
from cycle_cases_test import urgent
from tap import Tap
from wires import VethWires

PACKETS = 5000  # of each interface
SOURCES = {"ge0": 0, "ge3": 3}
SIZES = (60, 100, 200, 576, 1300)
SEED = 20
QUEUE_PACKETS = 30000  # all of them


def packet(chance, i, number):
    """Of interface i; no two of the same octets."""
    to = chance.choice([each for each in range(4) if each != i])
    size = chance.choice(SIZES)
    own = {"sport": 1024 + number, "dport": 5000 + i}
    kinds = (lambda: onto(i, v4(number, to=to, size=size, ttl=chance.choice((2, 64, 255)), **own)),
             lambda: onto(i, v6(number, to=to, size=max(size, 100), **own)),
             lambda: labelled(i, [(chance.choice((100, 101, 102)), chance.randrange(8), 64)],
                              v4(number, to=to, size=size, **own)),
             lambda: onto(i, v4(number, to=to, size=size, header_checksum=1, **own)),
             lambda: onto(i, silent_v4(number, to=to, size=100, ttl=1)),
             lambda: onto(i, v4(number, size=size, destination="10.0.1.1", **own)))
    return chance.choices(kinds, (6, 6, 6, 1, 1, 1))[0]()


def drawn_case():
    chance = random.Random(SEED)
    config = with_labels(base_config(rate_mbps=100000, queue=QUEUE_PACKETS), swap(100, 200, 1), pop(101, 2),
                         own_label(102))
    rx = {name: [(BASE + 1000 * number, packet(chance, i, number)) for number in range(PACKETS)]
          for name, i in SOURCES.items()}
    return Case("sustained", "one right behind the other", config, rx)


def of_one_interface(case, name):
    return Case(case.name, case.rule, case.config, {name: case.rx[name]})


class Lab:
    """What it does with all packets, and {(from, to): its frames in order}."""

    def __init__(self, lab, case, folder):
        self.order = {}
        for source in SOURCES:
            alone = cases.what_the_lab_does(lab, of_one_interface(case, source), folder)
            for name in alone.sent:
                self.order[source, name] = [frame for _, frame in
                                            read_pcap(folder / "got" / f"{name}.pcap")]
        self.expected = cases.what_the_lab_does(lab, case, folder)


def run(tcqfd, case, workers, folder):
    """(account, {interface: frames}, how many the devices lost)"""
    with VethWires(case.config) as wires:
        config = ports.on_ports(case.config, wires, workers)
        with cases.Daemon(tcqfd, f"{case.name}-{workers}", config, folder, wires) as daemon:
            with urgent(daemon.process):
                for _, name, frame in sorted((time_ns, name, frame) for name, packets in case.rx.items()
                                             for time_ns, frame in packets):
                    wires.ends[name].send(frame)
            daemon.wait_for(cases.packets_of(case))
            account = daemon.stop()
        lost = re.findall(r"interface \S+: (\d+) frames were lost before", "\n".join(daemon.said()))
        sent = {name: [frame for _, frame in packets] for name, packets in wires.received().items()}
        return account, sent, sum(map(int, lost))


def order_problems(lab, sent):
    problems = []
    for (source, name), wanted in lab.order.items():
        places = {frame: place for place, frame in enumerate(wanted)}
        got = [places[frame] for frame in sent[name] if frame in places]
        if got != sorted(got):
            problems.append(f"{source} to {name}: not in order")
    return problems


def problems_of(lab, account, sent, lost, given):
    problems = order_problems(lab, sent)
    for name, wanted in lab.expected.sent.items():
        got = collections.Counter(sent[name])
        problems += [f"{name}: tcqfd alone sent {frame.hex()}" for frame in got - wanted]
        if not lost:
            problems += [f"{name}: the lab alone sent {frame.hex()}" for frame in wanted - got]
    if account["received"] + lost != given:
        problems.append(f"{given} packets came, {lost} were lost by devices: {account}")
    if not lost:
        problems += cases.account_differences(lab.expected, account)
    return problems[:10]


def main():
    tcqfd, lab_program, out = sys.argv[1], pathlib.Path(sys.argv[2]).resolve(), pathlib.Path(sys.argv[3])
    tap = Tap()
    if why_not := bench.obstacle():
        tap.skip("sustained load", why_not)
        return tap.end()
    case = ports.for_worker(drawn_case())
    given = cases.packets_of(case)
    folder = out.resolve()
    lab = Lab(lab_program, case, folder)
    for workers in (1, 3):
        account, sent, lost = run(tcqfd, case, workers, folder)
        print(f"# {given} packets, {lost} of them lost by devices; {account['sent']} sent")
        tap.case(f"by {workers} of its threads tcqfd does what the lab does", problems_of(lab, account, sent, lost, given))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
