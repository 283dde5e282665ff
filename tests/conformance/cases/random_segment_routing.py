"""Whole routers with policies, SIDs and partitions drawn by chance, in both data planes.

Not drawn: errors that are answered (their rate is limited), several lists of a path (which one a
flow takes is the router's choice), partitions with a best-effort rate (as is the order of turns),
tags of another domain on what is steered.
"""

import random

import wire
from case import (INTERFACES, SOURCE6, US, add_route, base_config, explicit, flow, hop, labelled,
                  onto, own_label, pop, swap, tagged, with_domain, with_flow, with_labels)
from cases.network_actions import nas
from cases.nrp import selector_option
from cases.srv6_endpoints import srh
from drawn import drawn_arrivals, drawn_cases

T = 100 * US
TAGS = {"mpls-tc": [1, 2, 3, 4], "dscp": [3, 7, 11, 15], "ipv6-option": [1, 2, 3, 4]}


class Drawn:
    def __init__(self, seed):
        self.chance = random.Random(1000 + seed)
        self.kind = self.chance.choice(list(TAGS))
        self.config = base_config(self.chance.choice((1000, 2999, 10_000)))
        self.header = self.chance.choice(("hop-by-hop", "destination"))
        more = {"header": self.header} if self.kind == "ipv6-option" else {}
        with_domain(self.config, [tagged(i, self.kind, **more) for i in (0, 1)],
                    [explicit(i, 1 - i, [self.chance.randint(1, 4) for _ in range(4)], (1, 4))
                     for i in (0, 1)], egress_dscp=self.chance.choice((0, 10)))
        self.add_forwarding()
        self.add_partitions()
        self.add_policies()
        self.add_sids()
        self.add_flows()

    def add_forwarding(self):
        for i in range(4):
            add_route(self.config, f"fc00:{i + 2}::/48", i)
        with_labels(self.config, *[swap(16000 + i, 17000 + i, i) for i in range(4)],
                    *[pop(16010 + i, i) for i in range(4)], own_label(16020),
                    model=self.chance.choice(("uniform", "short-pipe")))
        depth = self.chance.choice((4, 6, 16))
        for neighbor in self.config["neighbors"]:
            neighbor.update({"mna": self.chance.random() < 0.5, "readable-label-depth": depth})

    def add_partitions(self):
        self.config["nrps"] = [
            {"id": 5 + k, "name": f"nrp{k}", "selector": 50 + k, "strict": self.chance.random() < 0.3,
             "encapsulation": self.chance.choice(("ipv6-option", "mpls-mna", "none")),
             "interfaces": [{"name": name, "cycle-bits": self.chance.choice((9000, 20_000))}
                            for name in INTERFACES if self.chance.random() < 0.8]}
            for k in range(3)]

    def add_policies(self):
        self.config["sr-policies"] = []
        for k in range(5):
            paths = []
            for number in range(self.chance.randint(1, 3)):
                made = {"preference": self.chance.choice((100, 200)), "discriminator": number,
                        "segment-lists": [{"segments": self.segments()}]}
                if self.chance.random() < 0.6:
                    made["nrp"] = self.chance.choice((5, 6, 7))
                paths.append(made)
            entry = {"color": k + 1, "endpoint": "::", "candidate-paths": paths,
                     "drop-upon-invalid": k % 2 == 0 or self.chance.random() < 0.5}
            entry["binding-sid"] = 20_000 + k if k % 2 else f"fc00:1::b{k}"
            self.config["sr-policies"].append(entry)
            for prefix in (f"10.7.{k}.0/24", f"2001:db8:7:{k}::/64"):
                self.config["routes"].append({"prefix": prefix, "sr-policy": {
                    "color": k + 1, "endpoint": "::"}})
        add_route(self.config, "10.7.0.0/16", 2)
        add_route(self.config, "2001:db8:7::/48", 2)

    def segments(self):
        length = self.chance.randint(1, 4)
        if self.chance.random() < 0.5:
            first = f"fc00:{self.chance.choice((2, 3, 3, 4, 5, 99))}::1"
            return [first] + [f"fc00:9::{k}" for k in range(1, length)]
        first = self.chance.choice((16000, 16001, 16001, 16002, 16011, 16999))
        return [first] + [18_000 + k for k in range(1, length)]

    def add_sids(self):
        entries = [("1", {"behavior": "End"}), ("2", {"behavior": "End", "flavors": ["PSP"]}),
                   ("3", {"behavior": "End.X", "next-hops": [hop(1, 6)], "flavors": ["PSP"]}),
                   ("d6", {"behavior": "End.DT6"}), ("d4", {"behavior": "End.DT4"}),
                   ("46", {"behavior": "End.DT46"}),
                   ("c6", {"behavior": "End.DX6", "next-hops": [hop(1, 6)]}),
                   ("c4", {"behavior": "End.DX4", "next-hops": [hop(1)]})]
        self.config["srv6"] = {"locators": ["fc00:1::/48"], "local-sids": [
            {"sid": f"fc00:1::{name}/128", **entry} for name, entry in entries]}

    def add_flows(self):
        flows = []
        for number in range(self.chance.randrange(3)):
            match = self.chance.choice(({"interface": "ge3", "destination": "10.7.0.0/16"},
                                        {"interface": "ge2"}, {"destination": "2001:db8:7::/48"}))
            more = {}
            if self.chance.random() < 0.5:
                more["sr_policy"] = {"color": self.chance.randint(1, 5), "endpoint": "::"}
            flows.append(flow(number + 1, 12_000, match, **more))
        if flows:
            with_flow(self.config, *flows)

    # -- packets --------------------------------------------------------------------------------

    def traffic_class(self):
        dscp = self.chance.choice(TAGS["dscp"] + [0, 9]) if self.kind == "dscp" else 9
        return dscp << 2 | self.chance.choice((0, 1, 2))

    def destination(self, version):
        chance = self.chance
        if version == 4:
            return chance.choice((f"10.7.{chance.randrange(6)}.1", f"10.10.{chance.randrange(4)}.1"))
        return chance.choice((f"2001:db8:7:{chance.randrange(6)}::1",
                              f"2001:db8:d{chance.randrange(4)}::1"))

    def silent(self, sequence, version=None):
        """A packet about which no error is sent."""
        version = version or self.chance.choice((4, 6))
        destination = self.destination(version)
        body = wire.pattern(self.chance.choice((20, 300, 900)), sequence)
        if version == 4:
            return wire.ipv4("10.3.0.9", destination, wire.icmp(11, 0, sequence, body), protocol=1,
                             tos=self.traffic_class(), identification=sequence)
        return self.with_options(destination, wire.ICMPV6,
                                 wire.icmpv6(SOURCE6, destination, 1, 0, sequence, body))

    def with_options(self, destination, kind, body):
        chance = self.chance
        if chance.random() < 0.3 and self.header == "destination" and kind != wire.ROUTING:
            body = wire.option_header(kind, wire.tcqf_option(chance.randint(1, 5))) + body
            kind = wire.DESTINATION
        options = b""
        if chance.random() < 0.4:
            options += selector_option(chance.choice((50, 51, 52, 99)), chance.random() < 0.3)
        if chance.random() < 0.4 and self.kind == "ipv6-option":
            options += wire.tcqf_option(chance.randint(1, 5))
        if options:
            body, kind = wire.option_header(kind, options) + body, wire.HOP_BY_HOP
        return wire.ipv6(SOURCE6, destination, body, next_header=kind,
                         traffic_class=self.traffic_class())

    def to_sid(self, sequence):
        chance = self.chance
        name = chance.choice(("1", "2", "3", "d6", "d4", "46", "c6", "c4", "b0", "b2", "b4"))
        sid = f"fc00:1::{name}"
        if name in ("1", "2", "3", "b0", "b2", "b4"):
            after = f"fc00:{chance.choice((2, 3))}::7"
            inner = self.silent(sequence, 4)
            lists = [after, sid] if chance.random() < 0.6 else ["fc00:9::7", after, sid]
            return self.with_options(sid, wire.ROUTING,
                                     srh(4, lists, len(lists) - 1) + inner)
        version = 4 if name in ("d4", "c4") else 6 if name in ("d6", "c6") else chance.choice((4, 6))
        inner = self.silent(sequence, version)
        return self.with_options(sid, 4 if version == 4 else 41, inner)

    def stack(self):
        chance = self.chance
        tc = chance.choice((0, 1, 2, 3, 4))
        top = chance.choice((16000, 16001, 16002, 16011, 16020, 20001, 20003))
        stack = [(top, tc, chance.choice((40, 64)))]
        if chance.random() < 0.5:
            stack += nas(chance.choice((50, 51, 52, 99)), top=(0, 60))
        if chance.random() < 0.4:
            stack.append((chance.choice((16001, 16011, 500)), 0, 64))
        return stack

    def frame(self, i, sequence):
        kind = self.chance.random()
        if kind < 0.4:
            return onto(i, self.silent(sequence))
        if kind < 0.75:
            return onto(i, self.to_sid(sequence))
        destination = f"10.10.{self.chance.randrange(4)}.1"
        beneath = wire.ipv4("10.4.0.9", destination, wire.icmp(
            11, 0, sequence, wire.pattern(100, sequence)), protocol=1, identification=sequence)
        return labelled(i, self.stack(), beneath)

    def arrivals(self):
        return drawn_arrivals(self.chance, self.frame, 1_000_000)


def cases():
    return drawn_cases(Drawn, "random-sr", "A router with policies, SIDs and partitions drawn by chance")
