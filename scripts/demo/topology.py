"""The demonstration's three chains: what the flow looks like, and the configuration of each router.

    sender -- r1 -- r2 -- r3 -- receiver

ge0 of a router looks towards the sender, ge1 towards the receiver, and through ge2 a load of best
effort enters that shares every link from there on.
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


@dataclass(frozen=True)
class Load:
    """Best effort in bursts: so much of the link for so long, then nothing for so long."""
    percent: int
    on_ms: int
    off_ms: int


@dataclass(frozen=True)
class Traffic:
    """What the sender offers. No distance of packets that divides a cycle: every phase occurs."""
    link_mbps: int
    flow_interval_ns: int
    loads: tuple                # a Load for each router
    queue_packets: int          # of best effort, in each router
    flow_octets: int = 300
    load_octets: int = 1500


# On average more than the last link carries; the queues of plain routers run full.
REAL_TRAFFIC = Traffic(link_mbps=200, flow_interval_ns=483_127, queue_packets=4096,
                       loads=(Load(140, 200, 160), Load(60, 150, 250), Load(50, 150, 350)))
VIRTUAL_TRAFFIC = Traffic(link_mbps=1000, flow_interval_ns=96_731, queue_packets=1024,
                          loads=(Load(140, 10, 8), Load(60, 6, 10), Load(50, 6, 14)))


def real_times(cycle_us):
    """Each router adds its own clock, disciplined to some microseconds; a late packet may use what
    remains of a cycle."""
    clock_error_ns = 100_000
    return Times(cycle_us, latency_max_ns=cycle_us * 1000 - 2 * clock_error_ns,
                 clock_error_ns=clock_error_ns)


VIRTUAL_TIMES = Times(100, latency_max_ns=30_000)


@dataclass(frozen=True)
class Chain:
    name: str
    title: str
    tagging: str
    tags: tuple
    destination: str
    source: str
    labels: bool = False
    option: bool = False


CHAINS = (
    Chain("mpls-tc", "MPLS traffic class", "mpls-tc", (1, 2, 3, 4),
          "10.9.0.2", "10.0.1.2", labels=True),
    Chain("dscp", "IPv4 DSCP", "dscp", (3, 7, 11, 15), "10.9.0.2", "10.0.1.2"),
    Chain("ipv6-option", "IPv6 hop-by-hop option", "ipv6-option", (1, 2, 3, 4),
          "2001:db8:9::2", "2001:db8:1::2", option=True),
)


def mac(router, port):
    """Of port 0, 1 or 2 of a router."""
    return f"02:00:00:00:{ROUTERS.index(router) + 1:02x}:{port:02x}"


def next_mac(router):
    """Of whoever is at the other end of ge1."""
    following = ROUTERS[ROUTERS.index(router) + 1:]
    return mac(following[0], 0) if following else RECEIVER_MAC


def cycle_size_bits(times, traffic):
    """Room of the flow in a cycle: its packets of one and a half cycles, and two more."""
    packets = times.cycle_us * 1500 // traffic.flow_interval_ns + 2
    return packets * traffic.flow_octets * 8


def routes(chain, router):
    """YAML of routes and labels: 10.8.0.0/16 is best effort, the rest the flow."""
    number = ROUTERS.index(router) + 1
    out = f"{{interface: ge1, address: 10.0.{number + 1}.2"
    lines = ["routes:", f"  - {{prefix: 10.8.0.0/16, next-hops: [{out}}}]}}"]
    if chain.labels and number == 1:
        lines.append(f"  - {{prefix: 10.9.0.0/16, next-hops: [{out}, labels: [100]}}]}}")
    elif chain.labels:
        lines += ["mpls:", "  labels:",
                  f"    - {{label: {100 * (number - 1)}, operation: swap, "
                  f"out-labels: [{100 * number}], next-hops: [{out}}}]}}"]
    elif chain.option:
        lines.append("  - {prefix: 2001:db8:9::/48, next-hops: "
                     f"[{{interface: ge1, address: 2001:db8:{number + 1}::2}}]}}")
    else:
        lines.append(f"  - {{prefix: 10.9.0.0/16, next-hops: [{out}}}]}}")
    return lines


def domain(chain, router, times):
    """YAML of the TCQF domain: r1 only sends into it."""
    tags = f"tagging: {chain.tagging}, tags: [{', '.join(map(str, chain.tags))}]"
    if chain.option:
        tags += ", option-header: hop-by-hop"
    members = ("ge1",) if router == "r1" else ("ge0", "ge1")
    lines = ["tcqf:", "  domains:", "    - name: core", f"      cycles: {times.cycles}",
             f"      cycle-time-us: {times.cycle_us}", "      interfaces:"]
    lines += [f"        - {{name: {name}, {tags}}}" for name in members]
    if router != "r1":
        lines += ["      cycle-maps:",
                  "        - {iif: ge0, oif: ge1, latency-min-ns: 0, "
                  f"latency-max-ns: {times.latency_max_ns}, upstream-clock-offset-ns: 0}}"]
    return lines


def flows(chain, times, traffic):
    """YAML of the flow, which r1 tags."""
    bits = 128 if chain.option else 32
    return ["detnet:", "  flows:", "    - id: 1",
            f"      match: {{interface: ge0, destination: '{chain.destination}/{bits}', protocol: 17, "
            "destination-port: '7000'}",
            f"      cycle-size-bits: {cycle_size_bits(times, traffic)}"]


def config(chain, router, traffic, times=None):
    """YAML of one router; without times a plain router: no domain, no flow."""
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
    lines += [f"  - {{interface: ge1, address: {address}, mac: {next_mac(router)}}}"
              for address in (f"10.0.{number + 1}.2", f"'2001:db8:{number + 1}::2'")]
    lines += routes(chain, router)
    if times:
        lines += domain(chain, router, times)
        if router == "r1":
            lines += flows(chain, times, traffic)
    return "\n".join(lines) + "\n"


def flow_arguments(chain, traffic):
    """What tcqf-meter send needs for the flow, but where to and how long."""
    words = ["--stream", FLOW_STREAM, "--to", mac("r1", 0), "--source", chain.source,
             "--destination", chain.destination, "--size", traffic.flow_octets,
             "--interval-ns", traffic.flow_interval_ns]
    # The option comes empty-handed: Cycle Id 0 is no cycle, r1 writes the tag.
    return words + (["--option", "hop-by-hop", "--cycle-id", 0] if chain.option else [])


def load_arguments(router, traffic):
    """The same for the load that enters at a router."""
    number = ROUTERS.index(router) + 1
    load = traffic.loads[number - 1]
    return ["--stream", LOAD_STREAMS[router], "--to", mac(router, 2), "--source",
            f"10.1.{number}.2", "--destination", "10.8.0.2", "--size", traffic.load_octets,
            "--mbps", traffic.link_mbps * load.percent // 100,
            "--on-ms", load.on_ms, "--off-ms", load.off_ms]
