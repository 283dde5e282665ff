"""What is offered to the routers under test: captures, tables and configurations, the same on every run."""

import dataclasses
import struct

from kinds import KINDS, random_for

CYCLES = 2
IN_MAC = "02:00:00:00:01:01"
HOST_MAC = "02:00:00:00:01:02"
OUT_MAC = "02:00:00:00:02:01"
NEIGHBOR_MAC = "02:00:00:00:02:02"
ETHERNET_OCTETS = 14
LINK_RATE_MBPS = 800_000


@dataclasses.dataclass(frozen=True)
class Traffic:
    """`kind`: one of KINDS; `entries`: its routes, labels, flows, SIDs, partitions or policies."""

    kind: str
    octets: int
    entries: int
    packets: int

    @property
    def stem(self):
        return f"{self.kind}-{self.octets}-{self.entries}-{self.packets}"

    @property
    def layer3_octets(self):
        return self.octets - ETHERNET_OCTETS


@dataclasses.dataclass(frozen=True)
class Timing:
    """Cycle time, and how many cycles ahead packets are queued at most (a window of all C distances)."""

    cycle_time_us: int
    backlog_cycles: int


def write_capture(traffic, path):
    kind = KINDS[traffic.kind]
    ethernet = bytes.fromhex((IN_MAC + HOST_MAC).replace(":", ""))
    packets = kind.packets(traffic, traffic.layer3_octets, random_for(traffic, "packets"))
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, packet in enumerate(packets):
            frame = ethernet + struct.pack(">H", kind.ethertype) + packet
            file.write(struct.pack("<IIII", 0, number, len(frame), len(frame)) + frame)


def write_entries(traffic, path):
    """The tables for our router: see perf/rate/entries.h."""
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{entry}\n" for entry in KINDS[traffic.kind].entries(traffic))


def write_rules(traffic, directory):
    """The same routes as l3fwd reads them; it wants a file for each family."""
    networks = {4: ["203.0.113.0/24"], 6: ["2001:db8:ffff::/48"]}
    routes = KINDS[traffic.kind].peer_routes(traffic)
    networks[routes[0].version] = routes
    files = []
    for version, prefixes in networks.items():
        path = directory / f"{traffic.stem}.ipv{version}.rules"
        path.write_text("".join(f"R{prefix} 1\n" for prefix in prefixes), encoding="ascii")
        files.append(path)
    return files


CONFIG = """\
# Rate rig: {kind}, packets are queued up to {backlog} cycles ahead.
name: rate
srv6-source: "2001:db8:1::1"
interfaces:
  - name: ge0
    device: "net_pcap0,rx_pcap={capture},infinite_rx=1"
    mac: {in_mac}
    mtu: 1500
    link-rate-mbps: {link_rate_mbps}
    addresses: [10.0.1.1/24, "2001:db8:101::1/64"]
  - name: ge1
    device: "net_null0,no-rx=1"
    mac: {out_mac}
    mtu: 1500
    link-rate-mbps: {link_rate_mbps}
    addresses: [10.0.2.1/24, "2001:db8:102::1/64"]
neighbors:
  - {{interface: ge1, address: 10.0.2.2, mac: {neighbor_mac}, mna: true}}
  - {{interface: ge1, address: 10.0.2.3, mac: {neighbor_mac}}}
  - {{interface: ge1, address: "2001:db8:102::2", mac: {neighbor_mac}}}
tcqf:
  domains:
    - name: core
      cycles: {cycles}
      cycle-time-us: {cycle_time_us}
      interfaces:
"""

CYCLE_MAPS = """\
      cycle-maps:
        - {{iif: ge0, oif: ge1, map: [2, 1], window: {{min: {window_min}, max: {window_max}}}}}
        - {{iif: ge1, oif: ge0, map: [2, 1], window: {{min: 1, max: 2}}}}
"""


def _member(interface, tagging, *tags):
    option = ", option-header: hop-by-hop" if tagging == "ipv6-option" else ""
    return f"        - {{name: {interface}, tagging: {tagging}, tags: {list(tags)}{option}}}\n"


def config_text(traffic, timing, capture):
    """The configuration of our router, but for its entries."""
    kind = KINDS[traffic.kind]
    text = CONFIG.format(kind=traffic.stem, backlog=timing.backlog_cycles, capture=capture,
                         in_mac=IN_MAC, out_mac=OUT_MAC, neighbor_mac=NEIGHBOR_MAC,
                         link_rate_mbps=LINK_RATE_MBPS, cycles=CYCLES,
                         cycle_time_us=timing.cycle_time_us)
    if kind.tags_in:
        text += _member("ge0", *kind.tags_in)
    if kind.tags_out:
        text += _member("ge1", *kind.tags_out)
    if kind.tags_in and kind.tags_out:
        text += CYCLE_MAPS.format(window_min=max(1, timing.backlog_cycles - CYCLES + 1),
                                  window_max=max(CYCLES, timing.backlog_cycles))
    return text + kind.config(traffic, LINK_RATE_MBPS * timing.cycle_time_us)
