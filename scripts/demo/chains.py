"""The demonstration's three chains: a flow that the first router tags, in three kinds of tag."""

from dataclasses import dataclass

from topology import (Load, Scenario, Traffic, ROUTERS, base, cycle_size_bits, domain, flow_entry,
                      next_hop, tagging_of)

# On average more than the last link carries; the queues of plain routers run full.
REAL_TRAFFIC = Traffic(link_mbps=200, flow_interval_ns=483_127, queue_packets=4096,
                       loads={"r1": Load(140, 200, 160), "r2": Load(60, 150, 250),
                              "r3": Load(50, 150, 350)})
VIRTUAL_TRAFFIC = Traffic(link_mbps=1000, flow_interval_ns=96_731, queue_packets=1024,
                          loads={"r1": Load(140, 10, 8), "r2": Load(60, 6, 10),
                                 "r3": Load(50, 6, 14)})


@dataclass(frozen=True)
class Chain(Scenario):
    """Routers that tag in one way."""
    name: str
    title: str
    tagging: str
    tags: tuple
    destination: str
    source: str
    labels: bool = False
    option: bool = False

    def flow_arguments(self, traffic):
        # The option comes empty-handed: Cycle Id 0 is no cycle, r1 writes the tag.
        empty = ["--option", "hop-by-hop", "--cycle-id", 0] if self.option else []
        return super().flow_arguments(traffic) + empty

    def config(self, router, traffic, times=None):
        """YAML of one router; without times a plain router: no domain, no flow."""
        lines = base(router, traffic, times) + self._routes(router)
        if times:
            members = ("ge1",) if router == "r1" else ("ge0", "ge1")
            kind = tagging_of(self.tagging, self.tags)
            lines += domain(times, {name: kind for name in members},
                            [] if router == "r1" else [("ge0", "ge1")])
        if times and router == "r1":
            prefix = f"{self.destination}/{128 if self.option else 32}"
            lines += ["detnet:", "  flows:",
                      *flow_entry(1, "ge0", prefix, cycle_size_bits(times, traffic))]
        return "\n".join(lines) + "\n"

    def _routes(self, router):
        """YAML of routes and labels: 10.8.0.0/16 is best effort, the rest the flow."""
        number = ROUTERS.index(router) + 1
        out = next_hop(router)
        lines = ["routes:", f"  - {{prefix: 10.8.0.0/16, next-hops: [{out}}}]}}"]
        if self.labels and number == 1:
            lines.append(f"  - {{prefix: 10.9.0.0/16, next-hops: [{out}, labels: [100]}}]}}")
        elif self.labels:
            lines += ["mpls:", "  labels:",
                      f"    - {{label: {100 * (number - 1)}, operation: swap, "
                      f"out-labels: [{100 * number}], next-hops: [{out}}}]}}"]
        elif self.option:
            lines.append(f"  - {{prefix: 2001:db8:9::/48, next-hops: [{next_hop(router, 6)}}}]}}")
        else:
            lines.append(f"  - {{prefix: 10.9.0.0/16, next-hops: [{out}}}]}}")
        return lines


CHAINS = (
    Chain("mpls-tc", "MPLS traffic class", "mpls-tc", (1, 2, 3, 4),
          "10.9.0.2", "10.0.1.2", labels=True),
    Chain("dscp", "IPv4 DSCP", "dscp", (3, 7, 11, 15), "10.9.0.2", "10.0.1.2"),
    Chain("ipv6-option", "IPv6 hop-by-hop option", "ipv6-option", (1, 2, 3, 4),
          "2001:db8:9::2", "2001:db8:1::2", option=True),
)
