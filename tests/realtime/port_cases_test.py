"""tcqfd on interfaces of the kernel's, AF_XDP on veth or TAP, does with the packets of conformance cases
what tcqf-lab does: the same octets out of the same interfaces, the same counters. What the XDP filter
leaves to the host reaches the host as it came, and is no packet of the router's. Cases of routers
without a TCQF domain: cycle_cases_test.py has the others. Prints TAP.

    port_cases_test.py TCQFD TCQF-LAB OUT --ports af_xdp|tap [--workers N] [--every N] [--only PATTERN ...]
"""

import collections
import copy
import dataclasses
import sys

import bench
import conformance_cases_test as cases
from captures import pcap_bytes
from filter_model import goes_to_worker
from wires import LARGEST_MTU, TapWires, VethWires

ETHERNET_HEADER = 14
KINDS = {"af_xdp": VethWires, "tap": TapWires}


def may_be_compared(case):
    """True without cycles, and where a socket may send each frame."""
    return cases.may_be_compared(case) and not case.config.get("tcqf") and fits(case)


def fits(case):
    return (all(each.get("mtu", 1500) <= LARGEST_MTU for each in case.config["interfaces"])
            and all(ETHERNET_HEADER <= len(frame) <= LARGEST_MTU + ETHERNET_HEADER
                    for packets in case.rx.values() for _, frame, *_ in packets))


def for_worker(case):
    """The case with those packets alone that the filter of AF_XDP ports gives to a worker."""
    entries = {each["name"]: each for each in case.config["interfaces"]}
    return dataclasses.replace(case, rx={
        name: [packet for packet in packets if goes_to_worker(case.config, entries[name], packet[1])]
        for name, packets in case.rx.items()})


def without_ipv6_addresses(case):
    """The router gives its TAPs the interfaces' addresses; a quiet host has no IPv6."""
    config = copy.deepcopy(case.config)
    for interface in config["interfaces"]:
        interface["addresses"] = [each for each in interface.get("addresses", []) if ":" not in each]
    return dataclasses.replace(case, config=config)


def on_ports(config, wires, workers):
    """The configuration on the ports of these wires."""
    config = copy.deepcopy(config)
    config["workers"] = workers
    for i, interface in enumerate(config["interfaces"]):
        interface["device"] = wires.device(i, interface["name"])
    return config


class Ports(cases.Captures):
    """Interfaces of the kernel's, with sockets at their other ends."""

    def __init__(self, programs):
        super().__init__(programs)
        self.kind = KINDS[programs.ports]

    def may_be_compared(self, case):
        return may_be_compared(case)

    def version_of(self, case):
        return case if self.kind is VethWires else without_ipv6_addresses(case)

    def share_of_router(self, case):
        return for_worker(case) if self.kind is VethWires else case

    def send(self, wires, case, expected, daemon):
        """All packets, as fast as they go. What it returns is for check()."""
        for name, packets in case.rx.items():
            for _, frame, *_ in packets:
                wires.ends[name].send(frame)

    def run(self, case, expected, folder):
        with self.kind(case.config) as wires:
            config = on_ports(case.config, wires, self.programs.workers)
            with cases.Daemon(self.programs.tcqfd, case.name, config, folder, wires) as daemon:
                wires.connect()
                sent = self.send(wires, case, expected, daemon)
                daemon.wait_for(cases.packets_of(expected.case))
                for_host = {name: frames_for_host(case, expected.case, name, folder)
                            for name in wires.received_by_host()}
                wait_for_host(wires, for_host, daemon)
                account = daemon.stop()
            received = wires.received()
            self.check(expected, sent, received, daemon.said())
            for name, packets in received.items():
                (folder / f"{name}.out.pcap").write_bytes(pcap_bytes(packets))
            check_host(wires, for_host)
        return account

    def obstacle(self):
        return bench.obstacle()

    def check(self, expected, sent, received, said):
        """Raises where more is wrong than octets and counters."""


def frames_for_host(case, share, name, folder):
    """How often each frame that the filter leaves to the host or the worker hands over."""
    left = collections.Counter(frame for _, frame, *_ in case.rx.get(name, []))
    left -= collections.Counter(frame for _, frame, *_ in share.rx.get(name, []))
    return left + cases.frames(folder / "got" / f"{name}.kernel.pcap")


def wait_for_host(wires, wanted, daemon):
    cases.wait_for(lambda: all(len(wires.received_by_host()[name]) >= frames.total()
                               for name, frames in wanted.items()),
                   daemon.process, "the host does not receive every frame of its own")


def check_host(wires, wanted):
    """The host received those and nothing else."""
    got = {name: frames_of(packets) for name, packets in wires.received_by_host().items()}
    problems = [f"host's {name}: {what} {frame.hex()}" for name, frames in wanted.items()
                for what, some in (("misses", frames - got[name]), ("has besides", got[name] - frames))
                for frame in some]
    if problems:
        raise RuntimeError("\n".join(problems))


def frames_of(packets):
    return collections.Counter(frame for _, frame in packets)


def argument_parser():
    parser = cases.argument_parser()
    parser.add_argument("--ports", choices=KINDS, required=True)
    return parser


if __name__ == "__main__":
    sys.exit(cases.compare(Ports(argument_parser().parse_args())))
