"""The kinds of traffic: which packets, which tables of our router, which of its configuration.

Every kind enters at ge0 and leaves at ge1. The first SID, policy or partition stands in the
configuration; the entries add others like it (perf/rate/entries.h).
"""

import ipaddress
import random

import packets as build

FIRST_LABEL = 16
SOURCE_IPV4 = ipaddress.IPv4Address("10.3.0.1")
SOURCE_IPV6 = ipaddress.IPv6Address("2001:db8:3::1")
ONE_IPV4 = ipaddress.IPv4Network("20.0.0.0/8")
ONE_IPV6 = ipaddress.IPv6Network("3fff::/20")
IPV4, IPV6, MPLS = 0x0800, 0x86DD, 0x8847

# (tagging, tag of cycle 1, of cycle 2); what comes in never has the tags of what goes out.
DSCP_IN, DSCP_OUT = ("dscp", 3, 7), ("dscp", 11, 15)
TC_IN, TC_OUT = ("mpls-tc", 1, 2), ("mpls-tc", 3, 4)
OPTION_IN, OPTION_OUT = ("ipv6-option", 1, 2), ("ipv6-option", 3, 4)


def random_for(traffic, what):
    return random.Random(f"{traffic.kind} {traffic.entries} {what}")


def ipv4_networks(traffic):
    """Distinct /24 outside 0/8, 10/8, 127/8 and the groups; a single route is a /8."""
    if traffic.entries == 1:
        return [ONE_IPV4]
    # 11.0.0.0 to 126.255.255.0 and 128.0.0.0 to 223.255.255.0, numbered through.
    low, high = 116 << 16, 96 << 16
    chosen = random_for(traffic, "networks").sample(range(low + high), traffic.entries)
    bases = ((11 << 16) + n if n < low else (128 << 16) + n - low for n in chosen)
    return [ipaddress.IPv4Network((base << 8, 24)) for base in bases]


def ipv6_networks(traffic):
    """Distinct /48 below 3fff::/20; a single route is all of it."""
    if traffic.entries == 1:
        return [ONE_IPV6]
    base = int(ONE_IPV6.network_address)
    chosen = random_for(traffic, "networks").sample(range(1 << 28), traffic.entries)
    return [ipaddress.IPv6Network((base | n << 80, 48)) for n in chosen]


def _host_in(network, generator):
    return network[generator.randrange(1, network.num_addresses - 1)]


class Kind:
    """What the kinds have in common: packets with random tags to random targets."""

    tags_in, tags_out = DSCP_IN, DSCP_OUT  # None: the interface is outside the domain
    ethertype = IPV4

    def marks(self):
        """What packets carry in place of a tag, at random."""
        return self.tags_in[1:]

    def targets(self, traffic):
        """What each packet goes to one of."""
        return ipv4_networks(traffic)

    def packet(self, octets, target, tag, generator):
        """A layer 3 packet of this many octets."""
        return build.ipv4_packet(octets, SOURCE_IPV4, _host_in(target, generator), tag)

    def packets(self, traffic, octets, generator):
        targets = self.targets(traffic)
        for _ in range(traffic.packets):
            target, mark = generator.choice(targets), generator.choice(self.marks())
            yield self.packet(octets, target, mark, generator)

    def entries(self, traffic):
        """Lines as in perf/rate/entries.h."""
        return [f"route {network}" for network in self.targets(traffic)]

    def peer_routes(self, traffic):
        """Routes for l3fwd with the same capture."""
        return [ONE_IPV4]

    def config(self, traffic, cycle_bits):
        """What the configuration has beyond interfaces and cycles."""
        return ""


class Ipv4(Kind):
    """IPv4 with a DSCP to random destinations over the routes."""

    def peer_routes(self, traffic):
        return self.targets(traffic)


class Ipv6(Ipv4):
    """IPv6 with the TCQF option to random destinations over the routes."""

    tags_in, tags_out = OPTION_IN, OPTION_OUT
    ethertype = IPV6

    def targets(self, traffic):
        return ipv6_networks(traffic)

    def packet(self, octets, network, tag, generator):
        return build.ipv6_packet(octets, SOURCE_IPV6, _host_in(network, generator),
                                 [build.option_header(tag)])


class Mpls(Kind):
    """Labels that are swapped."""

    tags_in, tags_out = TC_IN, TC_OUT
    ethertype = MPLS

    def targets(self, traffic):
        return range(FIRST_LABEL, FIRST_LABEL + traffic.entries)

    def packet(self, octets, label, tag, generator):
        return build.mpls_packet(octets, label, tag)

    def entries(self, traffic):
        return [f"label {label} {100_000 + label}" for label in self.targets(traffic)]


class SpreadIpv4(Ipv4):
    """The same over two next hops each."""

    def entries(self, traffic):
        return [f"spread {network}" for network in self.targets(traffic)]


class LeavingIpv4(Ipv4):
    """IPv4 with a DSCP that leaves the domain here, as best effort."""

    tags_out = None


class BestEffort:
    """Mixed into a kind: packets without a tag, between interfaces of a domain."""

    def marks(self):
        return (0,)


class BestEffortIpv4(BestEffort, Ipv4):
    pass


class BestEffortMpls(BestEffort, Mpls):
    pass


class BestEffortIpv6(BestEffort, Ipv6):
    def packet(self, octets, network, mark, generator):
        return build.ipv6_packet(octets, SOURCE_IPV6, _host_in(network, generator), [])


_PUSHING_ROUTE = """\
routes:
  - {prefix: 20.0.0.0/8, next-hops: [{interface: ge1, address: 10.0.2.2, labels: [17001]}]}
"""


class PushLabel(Ipv4):
    """IPv4 with a DSCP that gets a label, and its tag there."""

    tags_out = TC_OUT

    def targets(self, traffic):
        return [ONE_IPV4]

    def entries(self, traffic):
        return []

    def config(self, traffic, cycle_bits):
        return _PUSHING_ROUTE


class PopLabel(Ipv4):
    """A label of ours on top of IPv4 to random destinations over the routes."""

    tags_in = TC_IN
    ethertype = MPLS
    _CONFIG = """\
mpls:
  labels:
    - {label: 16, operation: pop-and-lookup}
"""

    def packet(self, octets, target, tag, generator):
        return build.mpls_packet(octets, FIRST_LABEL, tag, _host_in(target, generator))

    def config(self, traffic, cycle_bits):
        return self._CONFIG


class PopLast(PopLabel):
    """A last label that is popped for the neighbour (PHP), IPv4 below it."""

    _CONFIG = """\
mpls:
  labels:
    - {label: 16, operation: pop, next-hops: [{interface: ge1, address: 10.0.2.2}]}
"""

    def targets(self, traffic):
        return [ONE_IPV4]

    def entries(self, traffic):
        return []


class ExplicitNull(PopLabel):
    """The IPv4 explicit null label, which has the tag, on top of IPv4."""

    def packet(self, octets, target, tag, generator):
        return build.mpls_packet(octets, 0, tag, _host_in(target, generator))

    def config(self, traffic, cycle_bits):
        return ""


class EndOfService(PopLabel):
    """A label of ours, the S-label of a DetNet service and its control word on top of IPv4."""

    _S_LABEL = 500
    _CONFIG = """\
mpls:
  labels:
    - {label: 16, operation: pop-and-lookup}
    - {label: 500, operation: detnet-pop, sequence-bits: 16}
"""

    def packet(self, octets, target, tag, generator):
        word = build.control_word(generator.randrange(1 << 16))
        return build.mpls_packet(octets, FIRST_LABEL, tag, _host_in(target, generator),
                                 (self._S_LABEL,), word)


class Decapsulate(Ipv4):
    """IPv4 in IPv6 with the TCQF option to a SID of ours, to random destinations over the routes."""

    tags_in = OPTION_IN
    ethertype = IPV6
    _SID = ipaddress.IPv6Address("fc00:1::d4")
    _CONFIG = """\
srv6:
  locators: ["fc00:1::/48"]
  local-sids:
    - {{sid: "fc00:1::d4/128", behavior: {behavior}}}
"""

    def __init__(self, behavior, has_routing_header=False):
        self._behavior = behavior
        self._routing = [build.routing_header([self._SID], 0)] if has_routing_header else []

    def packet(self, octets, target, tag, generator):
        headers = [build.option_header(tag), *self._routing]
        inner_octets = octets - 40 - sum(1 + len(content) for _, content in headers)
        inner = build.ipv4_packet(inner_octets, SOURCE_IPV4, _host_in(target, generator), 0)
        return build.ipv6_packet(octets, SOURCE_IPV6, self._SID, headers, build.IPV4_INSIDE, inner)

    def config(self, traffic, cycle_bits):
        return self._CONFIG.format(behavior=self._behavior)


class DecapsulateIntoTable(Decapsulate):
    """The same where the address is looked up in a table of its own."""

    _ROUTE = """routes:
  - {prefix: 20.0.0.0/8, table: blue, next-hops: [{interface: ge1, address: 10.0.2.2}]}
"""

    def targets(self, traffic):
        return [ONE_IPV4]

    def entries(self, traffic):
        return []

    def config(self, traffic, cycle_bits):
        return self._ROUTE + super().config(traffic, cycle_bits)


class Ingress(Kind):
    """Flows that get their tag here."""

    tags_in = None
    packets_an_interval = 1  # as a sender has that sends in every interval
    _CONFIG = """\
detnet:
  flows:      # what every flow of the entries is like; its match is replaced
    - id: 1
      match: {{interface: ge0, destination: "{network}"}}
      cycle-size-bits: {cycle_bits}
      traffic-specification: {{interval-ns: 1000, max-packets-per-interval: {packets}, max-payload-size: {payload}}}
{more}"""

    def targets(self, traffic):
        """Five-tuples (source, destination, protocol, ports) towards one network."""
        source, destination = (10 << 24) + (3 << 16), int(ONE_IPV4.network_address)
        generator = random_for(traffic, "flows")
        return [(ipaddress.IPv4Address(source + generator.randrange(1 << 16)),
                 ipaddress.IPv4Address(destination + number), 17,
                 generator.randrange(1024, 65536), generator.randrange(1024, 65536))
                for number in range(traffic.entries)]

    def packets(self, traffic, octets, generator):
        # Each flow as often as any other, in an order without pattern.
        flows = self.targets(traffic)
        order = [number % traffic.entries for number in range(traffic.packets)]
        generator.shuffle(order)
        for number in order:
            yield self.packet_of(octets, flows[number])

    def packet_of(self, octets, flow):
        source, destination, _, *ports = flow
        return build.ipv4_packet(octets, source, destination, 0, ports)

    def network(self):
        return ONE_IPV4

    def entries(self, traffic):
        return [f"route {self.network()}", *(" ".join(map(str, ("flow", *flow)))
                                       for flow in self.targets(traffic))]

    def config(self, traffic, cycle_bits, more=""):
        # One flow alone has the whole cycle to itself, and sends all that the worker can take.
        packets = 256 if traffic.entries == 1 else self.packets_an_interval
        return self._CONFIG.format(cycle_bits=cycle_bits, packets=packets,
                                   payload=traffic.layer3_octets - 20, network=self.network(),
                                   more=more)


class IngressBursts(Ingress):
    """The same of flows that may send 16 packets at once, so that 16 arrivals are remembered."""

    packets_an_interval = 16


class IngressIpv6(Ingress):
    """The same of IPv6."""

    ethertype = IPV6

    def targets(self, traffic):
        generator = random_for(traffic, "flows")
        return [(SOURCE_IPV6, ONE_IPV6[number + 1], 17, *(generator.randrange(1024, 65536)
                                                          for _ in range(2)))
                for number in range(traffic.entries)]

    def packet_of(self, octets, flow):
        source, destination, protocol, *ports = flow
        return build.ipv6_packet(octets, source, destination, [], protocol,
                                 build.udp_header(ports, octets - 40))

    def network(self):
        return ONE_IPV6


class IngressService(Ingress):
    """Flows that get the S-label and control word of a DetNet service, a label and a tag on it."""

    tags_out = TC_OUT

    def entries(self, traffic):
        return super().entries(traffic)[1:]

    def config(self, traffic, cycle_bits, more=""):
        service = "      mpls-service: {s-label: 500, sequence-bits: 16}\n"
        return _PUSHING_ROUTE + super().config(traffic, cycle_bits, more + service)


class IngressLabel(Mpls):
    """Labelled packets without a tag that are a flow by their label, and get their tag here."""

    tags_in = None

    def packet(self, octets, label, tag, generator):
        return build.mpls_packet(octets, label, 0)

    def marks(self):
        return (0,)

    def config(self, traffic, cycle_bits):
        return f"""\
detnet:
  flows:
    - {{id: 1, match: {{interface: ge0, mpls-label: {FIRST_LABEL}}}, cycle-size-bits: {cycle_bits}}}
"""


class Segment(Kind):
    """IPv6 with the TCQF option and a routing header of two segments, the first one a SID of ours."""

    tags_in, tags_out = OPTION_IN, OPTION_OUT
    ethertype = IPV6
    _MOST_ROUTES = 1000
    _CONFIG = """\
srv6:
  locators: ["fc00:1::/48"]
  local-sids:
    - {{sid: "fc00:1::1/128", behavior: {behavior}}}
"""

    def __init__(self, behavior):
        self._behavior = behavior

    def targets(self, traffic):
        base = int(ipaddress.IPv6Address("fc00:1::"))
        return [ipaddress.IPv6Address(base + number + 1) for number in range(traffic.entries)]

    def _networks(self, traffic):
        return ipv6_networks(traffic)[:self._MOST_ROUTES]

    def packets(self, traffic, octets, generator):
        networks, sids = self._networks(traffic), self.targets(traffic)
        for _ in range(traffic.packets):
            sid = generator.choice(sids)
            last = _host_in(generator.choice(networks), generator)
            headers = [build.option_header(generator.choice(self.tags_in[1:])),
                       build.routing_header([sid, last], 1)]
            yield build.ipv6_packet(octets, SOURCE_IPV6, sid, headers)

    def entries(self, traffic):
        return [*(f"route {network}" for network in self._networks(traffic)),
                *(f"sid {sid}" for sid in self.targets(traffic)[1:])]

    def config(self, traffic, cycle_bits):
        return self._CONFIG.format(behavior=self._behavior)


_PARTITION = """\
nrps:       # each may fill a cycle alone: nothing is refused
  - id: 1
    name: gold
    encapsulation: {encapsulation}
    interfaces: [{{name: ge1, cycle-bits: {cycle_bits}}}]
"""


class Partition(Kind):
    """IPv6 with TCQF and NRP option in one header; the router knows the partitions, or has none."""

    tags_in, tags_out = OPTION_IN, OPTION_OUT
    ethertype = IPV6

    def __init__(self, is_known):
        self._is_known = is_known

    def targets(self, traffic):
        return range(1, 1 + traffic.entries)

    def packet(self, octets, selector, tag, generator):
        return build.ipv6_packet(octets, SOURCE_IPV6, _host_in(ONE_IPV6, generator),
                                 [build.option_header(tag, selector)])

    def entries(self, traffic):
        others = self.targets(traffic)[1:] if self._is_known else ()
        return [f"route {ONE_IPV6}", *(f"nrp {identifier}" for identifier in others)]

    def config(self, traffic, cycle_bits):
        return (_PARTITION.format(encapsulation="ipv6-option", cycle_bits=cycle_bits)
                if self._is_known else "")


class Policy(Kind):
    """IPv4 with a DSCP, each route into a policy of its own, all policies into one partition."""

    _CONFIG = """\
routes:
  - {{prefix: "fc00:2::/32", next-hops: [{{interface: ge1, address: "2001:db8:102::2"}}]}}
mpls:
  labels:
    - {{label: 16001, operation: swap, out-labels: [17001], next-hops: [{{interface: ge1, address: 10.0.2.2}}]}}
sr-policies:
  - color: 1
    endpoint: "2001:db8:9::9"
    binding-sid: {binding_sid}
    candidate-paths:
      - {{preference: 100, discriminator: 1, nrp: 1, segment-lists: [{lists}]}}
"""

    def __init__(self, tags_out, encapsulation, binding_sid, *lists):
        self.tags_out = tags_out
        self._encapsulation = encapsulation
        self._binding_sid = binding_sid
        self._lists = lists

    def entries(self, traffic):
        colors = range(1, 1 + traffic.entries)
        return [*(f"policy {color}" for color in colors[1:]),
                *(f"route {network} {color}"
                  for network, color in zip(self.targets(traffic), colors))]

    def config(self, traffic, cycle_bits):
        lists = ", ".join(f"{{segments: [{segments}]}}" for segments in self._lists)
        return (_PARTITION.format(encapsulation=self._encapsulation, cycle_bits=cycle_bits)
                + self._CONFIG.format(binding_sid=self._binding_sid, lists=lists))


class IngressPolicy(Ingress):
    """Flows that are steered into a policy with a partition, and get their tag in its headers."""

    def __init__(self, policy):
        self._policy = policy
        self.tags_out = policy.tags_out

    def config(self, traffic, cycle_bits):
        steered = '      sr-policy: {color: 1, endpoint: "2001:db8:9::9"}\n'
        return (super().config(traffic, cycle_bits, steered)
                + self._policy.config(traffic, cycle_bits))


class BestEffortPolicy(BestEffort, Policy):
    pass


BINDING_SID = ipaddress.IPv6Address("fc00:1::b1")
BINDING_LABEL = 15001
SIDS = '"fc00:2::1", "fc00:9::d6"'
LABELS = "16001, 16002, 16003"
ENCAPSULATED = Policy(OPTION_OUT, "ipv6-option", BINDING_SID, SIDS)
PUSHED = Policy(TC_OUT, "mpls-mna", BINDING_LABEL, LABELS)


class BindingSid(Segment):
    """IPv6 with the TCQF option and a routing header, the first segment a policy's binding SID."""

    def __init__(self):
        super().__init__("")

    def targets(self, traffic):
        return [BINDING_SID]

    def config(self, traffic, cycle_bits):
        return ('srv6:\n  locators: ["fc00:1::/48"]\n' + ENCAPSULATED.config(traffic, cycle_bits))


class BindingLabel(Kind):
    """A policy's binding SID on top of a label."""

    tags_in, tags_out = TC_IN, TC_OUT
    ethertype = MPLS

    def targets(self, traffic):
        return [BINDING_LABEL]

    def packet(self, octets, label, tag, generator):
        return build.mpls_packet(octets, label, tag, beneath=(17_000,))

    def entries(self, traffic):
        return []

    def config(self, traffic, cycle_bits):
        return PUSHED.config(traffic, cycle_bits)


class BestEffortBindingLabel(BestEffort, BindingLabel):
    pass


class CompressedSegment(Segment):
    """The same with two compressed segments in the destination address (NEXT-CSID, RFC 9800)."""

    _CONFIG = """\
srv6:
  locators: ["fc00:1:1::/48"]
  local-sids:
    - {sid: "fc00:1:1::/48", behavior: End, flavors: [NEXT-CSID]}
routes:
  - {prefix: "fc00:1::/32", next-hops: [{interface: ge1, address: "2001:db8:102::2"}]}
"""

    def __init__(self):
        super().__init__("")

    def packets(self, traffic, octets, generator):
        for _ in range(traffic.packets):
            container = ipaddress.IPv6Address(f"fc00:1:1:{generator.randrange(2, 1 << 15):x}::")
            yield build.ipv6_packet(octets, SOURCE_IPV6, container,
                                    [build.option_header(generator.choice(self.tags_in[1:]))])

    def entries(self, traffic):
        return []

    def config(self, traffic, cycle_bits):
        return self._CONFIG


KINDS = {
    "ipv4": Ipv4(),
    "mpls": Mpls(),
    "ipv6": Ipv6(),
    "spread": SpreadIpv4(),
    "leaving": LeavingIpv4(),
    "push-label": PushLabel(),
    "pop-label": PopLabel(),
    "pop-last": PopLast(),
    "explicit-null": ExplicitNull(),
    "end-of-service": EndOfService(),
    "decapsulate": Decapsulate("End.DT4"),
    "decapsulate-routing": Decapsulate("End.DT4", has_routing_header=True),
    "decapsulate-table": DecapsulateIntoTable("End.DT4, table: blue"),
    "decapsulate-dx4": Decapsulate(
        "End.DX4, next-hops: [{interface: ge1, address: 10.0.2.2}]"),
    "best-effort-ipv4": BestEffortIpv4(),
    "best-effort-ipv6": BestEffortIpv6(),
    "best-effort-mpls": BestEffortMpls(),
    "ingress": Ingress(),
    "ingress-bursts": IngressBursts(),
    "ingress-ipv6": IngressIpv6(),
    "ingress-service": IngressService(),
    "ingress-label": IngressLabel(),
    "end": Segment("End"),
    "end-psp": Segment("End, flavors: [PSP]"),
    "end-csid": CompressedSegment(),
    "end.t": Segment("End.T, table: main"),
    "end.x": Segment('End.X, next-hops: [{interface: ge1, address: "2001:db8:102::2"}]'),
    "no-nrp": Partition(is_known=False),
    "nrp": Partition(is_known=True),
    "encaps": ENCAPSULATED,
    "push": PUSHED,
    "encaps-lists": Policy(OPTION_OUT, "ipv6-option", BINDING_SID, SIDS, '"fc00:2::2", "fc00:9::d6"'),
    "push-lists": Policy(TC_OUT, "mpls-mna", BINDING_LABEL, LABELS, "16001, 16004, 16003"),
    "best-effort-encaps": BestEffortPolicy(OPTION_OUT, "ipv6-option", BINDING_SID, SIDS),
    "best-effort-push": BestEffortPolicy(TC_OUT, "mpls-mna", BINDING_LABEL, LABELS),
    "best-effort-binding-label": BestEffortBindingLabel(),
    "binding-sid": BindingSid(),
    "binding-label": BindingLabel(),
    "ingress-encaps": IngressPolicy(ENCAPSULATED),
    "ingress-push": IngressPolicy(PUSHED),
}
