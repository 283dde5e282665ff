"""Two network resource partitions (NRPs) on the routers' shared links, in SRv6 and in SR-MPLS.

The flow belongs to one, a flood that enters at r1 and at r2 to the other. Both are steered into SR
policies whose paths are bound to their partition; r2 reads the selector on the way, r3 takes the
encapsulation off and sends the flow through ge1, what is left of the flood through ge2. There packets
carry their cycle in the DSCP.
"""

from dataclasses import dataclass

from topology import (Load, Scenario, Traffic, ROUTERS, base, cycle_size_bits, domain, flow_entry,
                      load_mac, next_hop, tagging_of)

REAL_TRAFFIC = Traffic(link_mbps=200, flow_interval_ns=483_127, queue_packets=4096, load_octets=1000,
                       loads={"r1": Load(140, 200, 160), "r2": Load(80, 150, 250)})
VIRTUAL_TRAFFIC = Traffic(link_mbps=1000, flow_interval_ns=96_731, queue_packets=1024,
                          load_octets=300,
                          loads={"r1": Load(140, 10, 8), "r2": Load(80, 6, 10)})

FLOW_NRP, FLOOD_NRP = 5, 6
SHARE_PERCENT = {FLOW_NRP: 20, FLOOD_NRP: 40}   # of a cycle
FLOW_COLOR, FLOOD_COLOR = 100, 200
FLOOD_PREFIX = "10.8.0.0/16"
DSCPS = (3, 7, 11, 15)


@dataclass(frozen=True)
class Plane:
    """How segments, selector and tag are carried."""
    name: str
    title: str
    encapsulation: str      # of the selector
    tagging: str
    endpoint: str
    segments: dict          # of the policies, by their headend
    neighbor: str = ""      # what else a neighbor can do


SRV6 = Plane("srv6", "SRv6", "ipv6-option", "ipv6-option", "2001:db8:ff::3",
             {"r1": ("fc00:2::1", "fc00:3::d4"), "r2": ("fc00:3::d4",)})
SR_MPLS = Plane("sr-mpls", "SR-MPLS", "mpls-mna", "mpls-tc", "10.255.0.3",
                {"r1": (16002, 16003), "r2": (16003,)},
                ", mna: true, readable-label-depth: 10")
PLANES = (SRV6, SR_MPLS)


@dataclass(frozen=True)
class Partitions(Scenario):
    """One plane, with partitions or without."""
    plane: Plane
    partitioned: bool = True

    destination = "10.9.0.2"
    source = "10.0.1.2"
    loads_are_measured = False

    @property
    def name(self):
        return f"nrp-{self.plane.name}"

    @property
    def title(self):
        return f"partitions in {self.plane.title}"

    def config(self, router, traffic, times):
        """YAML of one router."""
        lines = base(router, traffic, times, self.plane.neighbor)
        if router == "r3":
            lines.append(f"  - {{interface: ge2, address: 10.1.3.2, mac: {load_mac('r3')}}}")
        lines += self._routes(router) + self._segments(router) + self._domain(router, times)
        lines += self._flows(router, traffic, times)
        if self.partitioned:
            lines += self._partitions(router, traffic, times)
        return "\n".join(lines + self._policies(router)) + "\n"

    def _outputs(self, router):
        return ("ge1", "ge2") if router == "r3" else ("ge1",)

    def _routes(self, router):
        lines = ["routes:"]
        if router == "r3":
            lines += [f"  - {{prefix: 10.9.0.0/16, next-hops: [{next_hop(router)}}}]}}",
                      f"  - {{prefix: {FLOOD_PREFIX}, "
                      "next-hops: [{interface: ge2, address: 10.1.3.2}]}"]
        else:
            lines.append(f"  - {{prefix: {FLOOD_PREFIX}, sr-policy: {self._policy(FLOOD_COLOR)}}}")
            lines += [f"  - {{prefix: 'fc00:{number}::/48', next-hops: [{next_hop(router, 6)}}}]}}"
                      for number in (2, 3)[ROUTERS.index(router):] if self.plane is SRV6]
        return lines

    def _segments(self, router):
        """What the router does with the segments that name it, and with those beyond."""
        number = ROUTERS.index(router) + 1
        if self.plane is SRV6:
            source = [f"srv6-source: '2001:db8:ff::{number}'"]
            own = {"r2": ("fc00:2::1", "End"), "r3": ("fc00:3::d4", "End.DT4")}.get(router)
            if not own:
                return source
            sid, behavior = own
            return source + ["srv6:", f"  locators: ['fc00:{number}::/48']", "  local-sids:",
                             f"    - {{sid: '{sid}/128', behavior: {behavior}}}"]
        lines = ["mpls:", "  ttl-model: short-pipe", "  labels:"]
        if number > 1:
            lines.append(f"    - {{label: {16000 + number}, operation: pop-and-lookup}}")
        return lines + [f"    - {{label: {16000 + beyond}, operation: swap, "
                        f"out-labels: [{16000 + beyond}], next-hops: [{next_hop(router)}}}]}}"
                        for beyond in range(number + 1, len(ROUTERS) + 1)]

    def _domain(self, router, times):
        inside = tagging_of(self.plane.tagging, (1, 2, 3, 4))
        taggings = {} if router == "r1" else {"ge0": inside}
        taggings |= {name: tagging_of("dscp", DSCPS) if router == "r3" else inside
                     for name in self._outputs(router)}
        maps = [("ge0", oif) for oif in self._outputs(router) if router != "r1"]
        return domain(times, taggings, maps)

    def _flows(self, router, traffic, times):
        """The flow is steered by its entry, the flood, which may fill whole cycles, by its route."""
        lines = [] if router == "r3" else ["detnet:", "  flows:"]
        if router == "r1":
            lines += flow_entry(1, "ge0", f"{self.destination}/32", cycle_size_bits(times, traffic))
            lines.append(f"      sr-policy: {self._policy(FLOW_COLOR)}")
        if router != "r3":
            lines += flow_entry(2, "ge2", FLOOD_PREFIX, times.cycle_us * traffic.link_mbps)
        return lines

    def _partitions(self, router, traffic, times):
        cycle_bits = times.cycle_us * traffic.link_mbps
        lines = ["nrps:"]
        for number, title in ((FLOW_NRP, "flow"), (FLOOD_NRP, "flood")):
            shares = ", ".join(
                f"{{name: {name}, cycle-bits: {cycle_bits * SHARE_PERCENT[number] // 100}}}"
                for name in self._outputs(router))
            lines.append(f"  - {{id: {number}, name: {title}, "
                         f"encapsulation: {self.plane.encapsulation}, interfaces: [{shares}]}}")
        return lines

    def _policies(self, router):
        segments = self.plane.segments.get(router)
        if not segments:
            return []
        lines = ["sr-policies:"]
        wanted = [(FLOOD_COLOR, FLOOD_NRP)] + ([(FLOW_COLOR, FLOW_NRP)] if router == "r1" else [])
        quoted = ", ".join(f"'{each}'" if self.plane is SRV6 else str(each) for each in segments)
        for color, number in wanted:
            nrp = f"nrp: {number}, " if self.partitioned else ""
            lines += [f"  - color: {color}", f"    endpoint: '{self.plane.endpoint}'",
                      "    candidate-paths:",
                      f"      - {{preference: 100, discriminator: 1, {nrp}"
                      f"segment-lists: [{{segments: [{quoted}]}}]}}"]
        return lines

    def _policy(self, color):
        return f"{{color: {color}, endpoint: '{self.plane.endpoint}'}}"
