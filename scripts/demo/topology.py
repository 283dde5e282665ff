"""What every run of the demonstration has: three routers in a row, a flow, and loads beside it.

    sender -- r1 -- r2 -- r3 -- receiver

ge0 of a router looks towards the sender, ge1 towards the receiver, and through ge2 a load enters
that shares every link from there on.
"""

from dataclasses import dataclass

ROUTERS = ("r1", "r2", "r3")
FLOW_STREAM = 1
LOAD_STREAMS = {"r1": 11, "r2": 12, "r3": 13}

RECEIVER_MAC = "02:00:00:00:09:00"
SENDER_MAC = "02:00:00:00:00:01"


@dataclass(frozen=True)
class Times:
    """What the cycles of a run look like."""
    cycle_us: int
    cycles: int = 4
    latency_max_ns: int = 0     # from a router's release to the next one's queue, at worst
    clock_error_ns: int = 0     # between two routers


VIRTUAL_TIMES = Times(100, latency_max_ns=30_000)


def real_times(cycle_us):
    """Each router adds its own clock, disciplined to some microseconds; a late packet may use what
    remains of a cycle."""
    clock_error_ns = 100_000
    return Times(cycle_us, latency_max_ns=cycle_us * 1000 - 2 * clock_error_ns,
                 clock_error_ns=clock_error_ns)


@dataclass(frozen=True)
class Load:
    """Packets in bursts: so much of the link for so long, then nothing for so long."""
    percent: int
    on_ms: int
    off_ms: int


@dataclass(frozen=True)
class Traffic:
    """What the sender offers. No distance of packets that divides a cycle: every phase occurs."""
    link_mbps: int
    flow_interval_ns: int
    loads: dict                 # the Load that enters at a router, by its name
    queue_packets: int          # of best effort, in each router
    flow_octets: int = 300
    load_octets: int = 1500


class Scenario:
    """What crosses the routers, and how they are configured for it. A subclass has `name`, `title`,
    `destination` and `source` of the flow, and config(router, traffic, times): the YAML of a router."""

    loads_are_measured = True   # they leave with the flow, through ge1 of the last router

    def flow_arguments(self, traffic):
        """What tcqf-meter send needs for the flow, but where to and how long."""
        return ["--stream", FLOW_STREAM, "--to", mac("r1", 0), "--source", self.source,
                "--destination", self.destination, "--size", traffic.flow_octets,
                "--interval-ns", traffic.flow_interval_ns]

    def measured_streams(self, traffic):
        """Streams that the receiver sees."""
        loads = traffic.loads if self.loads_are_measured else ()
        return [FLOW_STREAM] + [LOAD_STREAMS[name] for name in loads]


def load_arguments(router, traffic):
    """What tcqf-meter send needs for the load that enters at a router."""
    number = ROUTERS.index(router) + 1
    load = traffic.loads[router]
    return ["--stream", LOAD_STREAMS[router], "--to", mac(router, 2), "--source",
            f"10.1.{number}.2", "--destination", "10.8.0.2", "--size", traffic.load_octets,
            "--mbps", traffic.link_mbps * load.percent // 100,
            "--on-ms", load.on_ms, "--off-ms", load.off_ms]


def mac(router, port):
    """Of port 0, 1 or 2 of a router."""
    return f"02:00:00:00:{ROUTERS.index(router) + 1:02x}:{port:02x}"


def load_mac(router):
    """Of whoever sends the load that enters there."""
    return f"02:00:00:00:08:{ROUTERS.index(router) + 1:02x}"


def next_mac(router):
    """Of whoever is at the other end of ge1."""
    following = ROUTERS[ROUTERS.index(router) + 1:]
    return mac(following[0], 0) if following else RECEIVER_MAC


def next_hop(router, family=4):
    """YAML of the next hop behind ge1, but its last brace: labels may follow."""
    number = ROUTERS.index(router) + 2
    address = f"10.0.{number}.2" if family == 4 else f"'2001:db8:{number}::2'"
    return f"{{interface: ge1, address: {address}"


def cycle_size_bits(times, traffic):
    """Room of the flow in a cycle: its packets of one and a half cycles, and two more."""
    packets = times.cycle_us * 1500 // traffic.flow_interval_ns + 2
    return packets * traffic.flow_octets * 8


def base(router, traffic, times, neighbor_extra=""):
    """YAML of what a router has whatever it forwards: interfaces and the neighbor behind ge1."""
    number = ROUTERS.index(router) + 1
    addresses = (f"[10.0.{number}.1/24, '2001:db8:{number}::1/64']",
                 f"[10.0.{number + 1}.3/24, '2001:db8:{number + 1}::3/64']",
                 f"[10.1.{number}.1/24]")
    lines = [f"name: {router}", "workers: 1"]
    if times:
        lines += [f"clock: {{source: system, max-time-interval-error-ns: {times.clock_error_ns}}}"]
    lines += ["interfaces:"]
    for port, own in enumerate(addresses):
        lines += [f"  - name: ge{port}",
                  f"    device: \"net_af_xdp{port},iface=ge{port},busy_budget=0\"",
                  f"    mac: {mac(router, port)}",
                  f"    link-rate-mbps: {traffic.link_mbps}",
                  f"    best-effort-queue-packets: {traffic.queue_packets}",
                  f"    addresses: {own}"]
    lines += ["neighbors:"]
    lines += [f"  - {next_hop(router, family)}, mac: {next_mac(router)}{neighbor_extra}}}"
              for family in (4, 6)]
    return lines


def domain(times, tagging_of, maps):
    """YAML of the TCQF domain: the tagging of each of its interfaces, and the (iif, oif) mapped."""
    lines = ["tcqf:", "  domains:", "    - name: core", f"      cycles: {times.cycles}",
             f"      cycle-time-us: {times.cycle_us}", "      interfaces:"]
    lines += [f"        - {{name: {name}, {tagging}}}" for name, tagging in tagging_of.items()]
    if maps:
        lines += ["      cycle-maps:"]
    lines += [f"        - {{iif: {iif}, oif: {oif}, latency-min-ns: 0, "
              f"latency-max-ns: {times.latency_max_ns}, upstream-clock-offset-ns: 0}}"
              for iif, oif in maps]
    return lines


def tagging_of(kind, tags):
    """YAML of an interface's kind of tag and its tags."""
    text = f"tagging: {kind}, tags: [{', '.join(map(str, tags))}]"
    return text + (", option-header: hop-by-hop" if kind == "ipv6-option" else "")


def flow_entry(number, interface, destination, size_bits):
    """YAML of a DetNet flow of probes, which the router tags."""
    return [f"    - id: {number}",
            f"      match: {{interface: {interface}, destination: '{destination}', protocol: 17, "
            "destination-port: '7000'}",
            f"      cycle-size-bits: {size_bits}"]
