"""What is offered to the routers under test: captures, tables and configurations, the same on every run."""

import dataclasses
import ipaddress
import random
import struct

CYCLES = 2
IN_MAC = "02:00:00:00:01:01"
HOST_MAC = "02:00:00:00:01:02"
OUT_MAC = "02:00:00:00:02:01"
NEIGHBOR_MAC = "02:00:00:00:02:02"
ETHERNET_OCTETS = 14
FIRST_LABEL = 16
TCQF_OPTION = 0xB1


@dataclasses.dataclass(frozen=True)
class Traffic:
    """`kind`: ipv4, mpls, ipv6 (with the option) or ingress; `entries`: routes, labels or flows."""

    kind: str
    octets: int
    entries: int
    packets: int

    @property
    def stem(self):
        return f"{self.kind}-{self.octets}-{self.entries}-{self.packets}"


@dataclasses.dataclass(frozen=True)
class Timing:
    """Cycle time, and how many cycles ahead packets are queued at most (a window of all C distances)."""

    cycle_time_us: int
    backlog_cycles: int


# The values that the tags of cycle 1, 2 have on the incoming and on the outgoing interface.
TAGS = {"ipv4": ("dscp", (3, 7), (11, 15)),
        "mpls": ("mpls-tc", (1, 2), (3, 4)),
        "ipv6": ("ipv6-option", (1, 2), (3, 4)),
        "ingress": ("dscp", (3, 7), (11, 15))}


def _random(traffic, what):
    return random.Random(f"{traffic.kind} {traffic.entries} {what}")


def ipv4_networks(traffic):
    """Distinct /24 outside 0/8, 10/8, 127/8 and the groups; a single route is a /8."""
    if traffic.entries == 1:
        return [ipaddress.IPv4Network("20.0.0.0/8")]
    # 11.0.0.0 to 126.255.255.0 and 128.0.0.0 to 223.255.255.0, numbered through.
    low, high = 116 << 16, 96 << 16
    chosen = _random(traffic, "networks").sample(range(low + high), traffic.entries)
    bases = ((11 << 16) + n if n < low else (128 << 16) + n - low for n in chosen)
    return [ipaddress.IPv4Network((base << 8, 24)) for base in bases]


def ipv6_networks(traffic):
    """Distinct /48 below 2001:db8::/32's neighbour 3fff::/20; a single route is all of it."""
    if traffic.entries == 1:
        return [ipaddress.IPv6Network("3fff::/20")]
    base = int(ipaddress.IPv6Address("3fff::"))
    chosen = _random(traffic, "networks").sample(range(1 << 28), traffic.entries)
    return [ipaddress.IPv6Network((base | n << 80, 48)) for n in chosen]


def flows(traffic):
    """Five-tuples (source, destination, protocol, ports) towards one network."""
    source, destination = (10 << 24) + (3 << 16), 20 << 24
    generator = _random(traffic, "flows")
    return [(ipaddress.IPv4Address(source + generator.randrange(1 << 16)),
             ipaddress.IPv4Address(destination + number), 17,
             generator.randrange(1024, 65536), generator.randrange(1024, 65536))
            for number in range(traffic.entries)]


def _checksum(header):
    total = sum(struct.unpack(f">{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return ~(total + (total >> 16)) & 0xFFFF


def ipv4_packet(octets, source, destination, dscp, ports):
    """An IPv4 packet with UDP, `octets` long."""
    header = struct.pack(">BBHHHBBH4s4s", 0x45, dscp << 2, octets, 0, 0, 64, 17, 0,
                         source.packed, destination.packed)
    header = header[:10] + struct.pack(">H", _checksum(header)) + header[12:]
    udp = struct.pack(">HHHH", *ports, octets - 20, 0)
    return (header + udp).ljust(octets, b"\0")


def ipv6_packet(octets, source, destination, cycle_id):
    """An IPv6 packet whose hop-by-hop header carries the TCQF option; nothing follows but octets."""
    option = struct.pack(">BBBB", TCQF_OPTION, 2, 0, cycle_id)
    extension = struct.pack(">BB", 59, 0) + option + b"\1\0"  # padded by PadN of no octets
    header = struct.pack(">IHBB", 6 << 28, octets - 40, 0, 64) + source.packed + destination.packed
    return (header + extension).ljust(octets, b"\0")


def mpls_packet(octets, label, traffic_class):
    entry = struct.pack(">I", label << 12 | traffic_class << 9 | 0x100 | 64)
    inner = ipv4_packet(octets - 4, ipaddress.IPv4Address("10.3.0.1"),
                        ipaddress.IPv4Address("20.0.0.1"), 0, (1000, 2000))
    return entry + inner


def _host_in(network, generator):
    hosts = network.num_addresses
    return network[generator.randrange(1, hosts - 1)]


def packets(traffic):
    """The layer 3 packets of the capture, with their ethertype."""
    generator = _random(traffic, "packets")
    octets = traffic.octets - ETHERNET_OCTETS
    _, tags_in, _ = TAGS[traffic.kind]
    if traffic.kind == "ipv4":
        networks = ipv4_networks(traffic)
        for _ in range(traffic.packets):
            destination = _host_in(generator.choice(networks), generator)
            source = ipaddress.IPv4Address("10.3.0.1")
            yield 0x0800, ipv4_packet(octets, source, destination, generator.choice(tags_in),
                                      (1000, 2000))
    elif traffic.kind == "ipv6":
        networks = ipv6_networks(traffic)
        source = ipaddress.IPv6Address("2001:db8:3::1")
        for _ in range(traffic.packets):
            destination = _host_in(generator.choice(networks), generator)
            yield 0x86DD, ipv6_packet(octets, source, destination, generator.choice(tags_in))
    elif traffic.kind == "mpls":
        for _ in range(traffic.packets):
            label = FIRST_LABEL + generator.randrange(traffic.entries)
            yield 0x8847, mpls_packet(octets, label, generator.choice(tags_in))
    else:
        # Each flow as often as any other, in an order without pattern.
        all_flows = flows(traffic)
        order = [number % traffic.entries for number in range(traffic.packets)]
        generator.shuffle(order)
        for number in order:
            source, destination, _, source_port, destination_port = all_flows[number]
            yield 0x0800, ipv4_packet(octets, source, destination, 0,
                                      (source_port, destination_port))


def write_capture(traffic, path):
    ethernet = bytes.fromhex((IN_MAC + HOST_MAC).replace(":", ""))
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for number, (ethertype, packet) in enumerate(packets(traffic)):
            frame = ethernet + struct.pack(">H", ethertype) + packet
            file.write(struct.pack("<IIII", 0, number, len(frame), len(frame)) + frame)


def write_entries(traffic, path):
    """The tables for our router: see perf/rate/entries.h."""
    with open(path, "w", encoding="ascii") as file:
        if traffic.kind == "ipv4":
            file.writelines(f"route {network}\n" for network in ipv4_networks(traffic))
        elif traffic.kind == "ipv6":
            file.writelines(f"route {network}\n" for network in ipv6_networks(traffic))
        elif traffic.kind == "mpls":
            file.writelines(f"label {FIRST_LABEL + n} {100000 + n}\n" for n in range(traffic.entries))
        else:
            file.write("route 20.0.0.0/8\n")
            for source, destination, protocol, *ports in flows(traffic):
                file.write(f"flow {source} {destination} {protocol} {ports[0]} {ports[1]}\n")


def write_rules(traffic, directory):
    """The same routes as l3fwd reads them; it wants a file for each family."""
    networks = {"ipv4": ["203.0.113.0/24"], "ipv6": ["2001:db8:ffff::/48"]}
    if traffic.kind == "ipv4":
        networks["ipv4"] = ipv4_networks(traffic)
    elif traffic.kind == "ipv6":
        networks["ipv6"] = ipv6_networks(traffic)
    else:
        networks["ipv4"] = ["20.0.0.0/8"]
    files = []
    for family, prefixes in networks.items():
        path = directory / f"{traffic.stem}.{family}.rules"
        path.write_text("".join(f"R{prefix} 1\n" for prefix in prefixes), encoding="ascii")
        files.append(path)
    return files


FLOWS = """
detnet:
  flows:      # what every flow of the entries is like; its match is replaced
    - id: 1
      match: {{interface: ge0, destination: 20.0.0.0/8}}
      cycle-size-bits: {cycle_size_bits}
      traffic-specification: {{interval-ns: 1000, max-packets-per-interval: {packets_per_interval}, max-payload-size: 1480}}
"""

CONFIG = """\
# Rate rig: {kind}, packets are queued up to {backlog} cycles ahead.
name: rate
interfaces:
  - name: ge0
    device: "net_pcap0,rx_pcap={capture},infinite_rx=1"
    mac: {in_mac}
    mtu: 1500
    link-rate-mbps: 800000
    addresses: [10.0.1.1/24, "2001:db8:101::1/64"]
  - name: ge1
    device: "net_null0,no-rx=1"
    mac: {out_mac}
    mtu: 1500
    link-rate-mbps: 800000
    addresses: [10.0.2.1/24, "2001:db8:102::1/64"]
neighbors:
  - {{interface: ge1, address: 10.0.2.2, mac: {neighbor_mac}}}
  - {{interface: ge1, address: "2001:db8:102::2", mac: {neighbor_mac}}}
tcqf:
  domains:
    - name: core
      cycles: {cycles}
      cycle-time-us: {cycle_time_us}
      interfaces:
{members}
      cycle-maps:
        - {{iif: ge0, oif: ge1, map: [2, 1], window: {{min: {window_min}, max: {window_max}}}}}
        - {{iif: ge1, oif: ge0, map: [2, 1], window: {{min: 1, max: 2}}}}
"""


def config_text(traffic, timing, capture):
    """The configuration of our router, but for its entries."""
    tagging, tags_in, tags_out = TAGS[traffic.kind]
    option = ", option-header: hop-by-hop" if traffic.kind == "ipv6" else ""
    member = "        - {{name: {}, tagging: {}, tags: [{}, {}]{}}}"
    members = [member.format("ge1", tagging, *tags_out, option)]
    maps = True
    if traffic.kind != "ingress":
        members.insert(0, member.format("ge0", tagging, *tags_in, option))
    else:
        maps = False
    text = CONFIG.format(kind=traffic.stem, backlog=timing.backlog_cycles, capture=capture,
                         in_mac=IN_MAC, out_mac=OUT_MAC, neighbor_mac=NEIGHBOR_MAC,
                         cycles=CYCLES, cycle_time_us=timing.cycle_time_us,
                         members="\n".join(members),
                         window_min=max(1, timing.backlog_cycles - CYCLES + 1),
                         window_max=max(CYCLES, timing.backlog_cycles))
    if maps:
        return text
    text = text[:text.index("      cycle-maps:")]
    # One flow alone has the whole cycle to itself.
    capacity = 800_000 * timing.cycle_time_us
    return text + FLOWS.format(cycle_size_bits=capacity,
                               packets_per_interval=256 if traffic.entries < 1000 else 16)
