"""Whole routers drawn by chance: all kinds of tags, labels, flows and packets in one run.

What the documents leave open is not drawn: two faults in one packet, inner TTLs below outer ones,
flows of what comes labelled (its inner source is another), how the kernel gets what was popped.
Packets are ICMP errors, so that no answer is due.
"""

import random

import wire
from case import (INTERFACES, SOURCE4, SOURCE6, US, add_route, base_config, explicit, flow, labelled,
                  onto, own_label, pop, specification, swap, tagged, with_domain, with_flow,
                  with_labels)
from drawn import drawn_arrivals, drawn_cases

T = 100 * US
KINDS = ("mpls-tc", "dscp", "ipv6-option")


class Drawn:
    """One router and its packets, from a seed."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.config = base_config(self.chance.choice((200, 1000, 2999, 10_000)),
                                  queue=self.chance.choice((4, 64, 1024)))
        self.cycles = self.chance.choice((3, 4, 5))
        self.kinds = {}
        self.headers = {}
        self.tables = {}
        self.add_domain((0, 1), list(range(1, 8)), [3, 7, 11, 15, 19, 23, 27])
        if self.chance.random() < 0.5:
            self.add_domain((2,), [7, 6, 5, 4, 3, 2, 1], [35, 39, 43, 47, 51, 55, 59])
        self.add_forwarding()
        self.add_flows()

    def add_domain(self, members, tcs, dscps):
        chance, interfaces = self.chance, []
        for i in members:
            kind = chance.choice(KINDS)
            values = {"mpls-tc": tcs, "dscp": dscps, "ipv6-option": list(range(40))}[kind]
            tags = chance.sample(values[:5], self.cycles)
            more = {"cycle_clock_offset_ns": chance.randrange(self.cycles * T)}
            if kind == "ipv6-option":
                more["header"] = chance.choice(("hop-by-hop", "destination"))
                self.headers[i] = more["header"]
            if chance.random() < 0.3:
                more["dead_time_ns"] = chance.randrange(20_000)
            self.kinds[i], self.tables[i] = kind, tags
            interfaces.append(tagged(i, kind, tags, **more))
        maps = []
        for iif in members:
            for oif in members:
                if iif != oif and chance.random() < 0.9:
                    low = chance.randint(1, 5)
                    maps.append(explicit(iif, oif,
                                         [chance.randint(1, self.cycles)
                                          for _ in range(self.cycles)],
                                         (low, low + chance.randrange(self.cycles))))
        with_domain(self.config, interfaces, maps, cycles=self.cycles,
                    egress_dscp=chance.choice((0, 10, 20)), egress_tc=0,
                    outside_window_action=chance.choice(("drop", "best-effort")))

    def add_forwarding(self):
        entries = []
        for i in range(4):
            entries += [swap(100 + i, 200 + i, i), pop(110 + i, i),
                        swap(120 + i, [300 + i, 310 + i], i)]
            add_route(self.config, f"10.11.{i}.0/24", i, labels=[700 + i])
            add_route(self.config, f"2001:db8:b{i}::/64", i, labels=[700 + i])
        with_labels(self.config, *entries, own_label(130),
                    model=self.chance.choice(("uniform", "short-pipe")))

    def add_flows(self):
        chance, flows = self.chance, []
        for number in range(chance.randrange(4)):
            match = {"interface": chance.choice(INTERFACES), "source": chance.choice(
                ("10.3.0.0/16", SOURCE4 + "/32", "2001:db8:3::/48"))}
            more = {"max_backlog_cycles": chance.choice((2, 64))}
            if chance.random() < 0.4:
                more["traffic_specification"] = specification(10 * T, chance.randint(1, 8), 900)
                more["excess_action"] = chance.choice(("drop", "best-effort"))
            flows.append(flow(number + 1, chance.choice((8000, 12_000)), match, **more))
        if flows:
            with_flow(self.config, *flows)

    def dscp(self):
        tags = [tag for i, table in self.tables.items() if self.kinds[i] == "dscp"
                for tag in table]
        return self.chance.choice(tags + [0, 1, 46, 48])

    def cycle_id(self):
        return self.chance.choice([tag for i, table in self.tables.items()
                                   if self.kinds[i] == "ipv6-option" for tag in table] + [99])

    def ip(self, sequence, ttl, beneath=False):
        chance = self.chance
        source4, source6 = ("10.4.0.9", "2001:db8:4::9") if beneath else (SOURCE4, SOURCE6)
        to = chance.randrange(4)
        size = chance.choice((20, 100, 300, 800, 1300))
        net = "10.10" if beneath else chance.choice(("10.10", "10.11"))
        local = not beneath and chance.random() < 0.03
        if chance.random() < 0.5:
            destination = "10.0.2.1" if local else f"{net}.{to}.1"
            body = wire.icmp(11, 0, sequence, wire.pattern(size, sequence))
            return wire.ipv4(source4, destination, body, protocol=1, ttl=ttl,
                             tos=self.dscp() << 2 | chance.randrange(4),
                             identification=sequence)
        prefix = "d" if net == "10.10" else "b"
        destination = "2001:db8:102::1" if local else f"2001:db8:{prefix}{to}::1"
        body = wire.icmpv6(source6, destination, 1, 0, sequence, wire.pattern(size, sequence))
        kind = wire.ICMPV6
        for header, name in ((wire.DESTINATION, "destination"), (wire.HOP_BY_HOP, "hop-by-hop")):
            if chance.random() < 0.4:
                options = wire.tcqf_option(self.cycle_id(), extended=chance.random() < 0.3)
                if chance.random() < 0.3:
                    options = bytes([0x1F, 3, 1, 2, 3]) + options
                body = wire.option_header(kind, options) + body
                kind = header
        return wire.ipv6(source6, destination, body, next_header=kind, hop_limit=ttl,
                         traffic_class=self.dscp() << 2 | chance.randrange(4))

    def frame(self, i, sequence):
        chance = self.chance
        if chance.random() < 0.55:
            return onto(i, self.ip(sequence, chance.choice((1, 64, 64, 64, 255))))
        tcs = self.tables[i] if self.kinds.get(i) == "mpls-tc" else [0]
        top = chance.choice((100, 110, 120, 130)) + chance.randrange(4)
        if 130 < top < 134:
            top = 130
        stack = [(top, chance.choice(tcs + [0]), chance.choice((1, 60, 60, 60)))]
        if stack[0][2] > 1 and chance.random() < 0.3:
            stack.append((chance.choice((100, 110, 101, 111, 999)), 0, 64))
        return labelled(i, stack, self.ip(sequence, 64, beneath=True))

    def arrivals(self):
        return drawn_arrivals(self.chance, self.frame, 1_200_000)


def cases():
    return drawn_cases(Drawn, "random", "A whole router drawn by chance")
