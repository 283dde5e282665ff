"""The rows of the table: what is measured."""

import dataclasses

from traffic import Timing, Traffic

CYCLE_TIME_US = 10
NEAR, FAR = Timing(CYCLE_TIME_US, 1), Timing(CYCLE_TIME_US, 256)

# As many different packets as entries where that is what costs: in tables larger than a cache.
SHORT = 1024
LONG = 65536


@dataclasses.dataclass(frozen=True)
class Row:
    """One traffic at one backlog; `goal`: the least share of l3fwd's rate that the project wants."""

    name: str
    traffic: Traffic
    timing: Timing
    goal: float = 0.0


def _row(name, kind, octets, entries, timing=NEAR, packets=SHORT, goal=0.0):
    return Row(f"{name}, {octets} B", Traffic(kind, octets, entries, packets), timing, goal)


ROWS = [
    _row("IPv4 DSCP to DSCP, 1 route", "ipv4", 64, 1),
    _row("IPv4 DSCP to DSCP, 1,000 routes", "ipv4", 64, 1000, goal=0.5),
    _row("IPv4 DSCP to DSCP, 1,000 routes, 256 cycles", "ipv4", 64, 1000, FAR),
    _row("IPv4 DSCP to DSCP, 1,000,000 routes", "ipv4", 64, 1_000_000, NEAR, LONG),
    _row("IPv4 DSCP to DSCP, 1,000 routes", "ipv4", 1500, 1000),
    _row("IPv4 DSCP to DSCP, 1,000 routes, 256 cycles", "ipv4", 1500, 1000, FAR),
    _row("MPLS swap TC to TC, 1 label", "mpls", 64, 1),
    _row("MPLS swap TC to TC, 1,000 labels", "mpls", 64, 1000, goal=0.6),
    _row("MPLS swap TC to TC, 1,000 labels, 256 cycles", "mpls", 64, 1000, FAR),
    _row("MPLS swap TC to TC, 1,000 labels", "mpls", 1500, 1000),
    _row("IPv6 option to option, 1 route", "ipv6", 64, 1),
    _row("IPv6 option to option, 1,000 routes", "ipv6", 64, 1000),
    _row("IPv6 option to option, 1,000 routes, 256 cycles", "ipv6", 64, 1000, FAR),
    _row("IPv6 option to option, 1,000 routes", "ipv6", 1500, 1000),
    _row("IPv4 DSCP to DSCP, 1,000 routes of 2 next hops", "spread", 64, 1000),
    _row("IPv4 best effort, 1,000 routes", "best-effort-ipv4", 64, 1000),
    _row("IPv6 best effort, 1,000 routes", "best-effort-ipv6", 64, 1000),
    _row("MPLS best effort, 1,000 labels", "best-effort-mpls", 64, 1000),
    _row("IPv4 DSCP leaving the domain, 1,000 routes", "leaving", 64, 1000),
    _row("IPv4 DSCP to a label's TC, 1 route", "push-label", 64, 1),
    _row("Label popped, IPv4 below it, TC to DSCP, 1,000 routes", "pop-label", 64, 1000),
    _row("Last label popped (PHP), IPv4 below it, TC to DSCP", "pop-last", 64, 1),
    _row("Explicit null, IPv4 below it, TC to DSCP, 1,000 routes", "explicit-null", 64, 1000),
    _row("DetNet service ends: label, S-label, d-CW, TC to DSCP, 1,000 routes", "end-of-service",
         64, 1000),
    _row("SRv6 End.DT4, option to DSCP, 1,000 routes", "decapsulate", 128, 1000),
    _row("SRv6 End.DT4 with routing header, option to DSCP, 1,000 routes", "decapsulate-routing",
         128, 1000),
    _row("SRv6 End.DT4 into a table, option to DSCP", "decapsulate-table", 128, 1),
    _row("SRv6 End.DX4, option to DSCP", "decapsulate-dx4", 128, 1),
    _row("Ingress to DSCP, 1 flow", "ingress", 64, 1),
    _row("Ingress to DSCP, 1,000 flows", "ingress", 64, 1000, packets=1000),
    _row("Ingress to DSCP, 100,000 flows", "ingress", 64, 100_000, packets=100_000, goal=0.35),
    _row("Ingress to DSCP, 100,000 flows of 16 packets an interval", "ingress-bursts", 64, 100_000,
         packets=100_000),
    _row("Ingress to DSCP, 1,000 flows", "ingress", 1500, 1000, packets=1000),
    _row("MPLS swap TC to TC, 100,000 labels", "mpls", 64, 100_000, packets=LONG),
    _row("SRv6 End, option to option, 1 SID", "end", 128, 1),
    _row("SRv6 End, option to option, 1,000 SIDs", "end", 128, 1000, goal=0.4),
    _row("SRv6 End, option to option, 100,000 SIDs", "end", 128, 100_000, packets=LONG),
    _row("SRv6 End.X, option to option, 1,000 SIDs", "end.x", 128, 1000, goal=0.4),
    _row("H.Encaps.Red with NRP, DSCP to option, 1 policy", "encaps", 64, 1),
    _row("H.Encaps.Red with NRP, DSCP to option, 1,000 policies", "encaps", 64, 1000, goal=0.3),
    _row("H.Encaps.Red with NRP, DSCP to option, 10,000 policies", "encaps", 64, 10_000,
         packets=LONG),
    _row("Push of 3 labels with NRP, DSCP to TC, 1 policy", "push", 64, 1),
    _row("Push of 3 labels with NRP, DSCP to TC, 1,000 policies", "push", 64, 1000, goal=0.35),
    _row("Push of 3 labels with NRP, DSCP to TC, 10,000 policies", "push", 64, 10_000,
         packets=LONG),
    _row("Ingress of IPv6 to DSCP, 1,000 flows", "ingress-ipv6", 64, 1000, packets=1000),
    _row("Ingress of a DetNet service: S-label, d-CW, label, 1,000 flows", "ingress-service", 64,
         1000, packets=1000),
    _row("Ingress by label, swap to TC", "ingress-label", 64, 1),
    _row("Ingress into H.Encaps.Red with NRP, 1,000 flows", "ingress-encaps", 64, 1000,
         packets=1000),
    _row("Ingress into push of 3 labels with NRP, 1,000 flows", "ingress-push", 64, 1000,
         packets=1000),
    _row("H.Encaps.Red with NRP, 2 lists, 1,000 policies", "encaps-lists", 64, 1000),
    _row("Push of 3 labels with NRP, 2 lists, 1,000 policies", "push-lists", 64, 1000),
    _row("H.Encaps.Red with NRP, best effort, 1,000 policies", "best-effort-encaps", 64, 1000),
    _row("Push of 3 labels with NRP, best effort, 1,000 policies", "best-effort-push", 64, 1000),
    _row("Binding SID into H.Encaps.Red with NRP, option to option", "binding-sid", 128, 1),
    _row("Binding label to 3 labels with NRP, TC to TC", "binding-label", 64, 1),
    _row("Binding label to 3 labels with NRP, best effort", "best-effort-binding-label", 64, 1),
    _row("SRv6 End with PSP, option to option, 1,000 SIDs", "end-psp", 128, 1000),
    _row("SRv6 End with NEXT-CSID, option to option", "end-csid", 64, 1),
    _row("SRv6 End.T, option to option", "end.t", 128, 1),
    _row("IPv6 option with NRP option, no NRP configured", "no-nrp", 80, 1),
    _row("IPv6 option with NRP option, 1 NRP", "nrp", 80, 1),
    _row("IPv6 option with NRP option, 1,000 NRPs", "nrp", 80, 1000),
]


def peer_traffic(traffic):
    """What l3fwd forwards beside it: the same capture where it can, else IPv4 of the same length."""
    if traffic.kind in ("ipv4", "ipv6", "ingress", "ingress-encaps", "ingress-push",
                        "ingress-service", "leaving", "spread", "best-effort-ipv4",
                        "best-effort-ipv6"):
        return traffic
    return Traffic("ipv4", traffic.octets, 1000, traffic.packets)
