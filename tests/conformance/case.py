"""What a conformance case is, and the router and packets that most cases use.

The router has four interfaces, ge0 to ge3, with the addresses 10.0.K.1/24 and 2001:db8:10K::1/64
(K = 1..4), one neighbour each (.2 and ::2), and routes 10.10.N.0/24 and 2001:db8:dN::/64 towards
interface geN. Senders are 10.3.0.9 and 2001:db8:3::9, behind ge3.
"""

import copy
from dataclasses import dataclass, field

import wire

BASE = 1_700_000_000 * 10**9
"""Start of every case, ns TAI: a whole number of cycles of 100 us and of rounds of 3 and 4."""

US = 1000
INTERFACES = ("ge0", "ge1", "ge2", "ge3")
IDENTITY_PLUS_ONE = [2, 3, 4, 1]
IDENTITY_PLUS_TWO = [3, 4, 1, 2]
DSCP_TAGS = [3, 7, 11, 15]
SMALL_TAGS = [1, 2, 3, 4]
SOURCE4 = "10.3.0.9"
SOURCE6 = "2001:db8:3::9"


@dataclass
class Case:
    """One run of `tcqf-lab replay`.

    rx: {interface: [(time, frame)]}; captures: {interface: file contents} replaces the written
    capture of that interface where its format is the subject. by_hand(router) asserts, on the
    reference model's result, what was worked out by hand; check(outcome) looks at the
    implementation's outcome where no single one is right (then nothing else is compared but the
    account's equation). refused: the exit code with which nothing may be written. dissect False:
    what is forwarded is broken on purpose, tshark would rightly complain.
    """

    name: str
    rule: str
    config: dict
    rx: dict
    until_drained: bool = True
    processing_ns: int = 0
    stalls: tuple = ()
    captures: dict = field(default_factory=dict)
    by_hand: object = None
    check: object = None
    refused: int = None
    stderr_has: tuple = ()
    config_text: str = None
    dissect: bool = True


def base_config(rate_mbps=10000, mtu=1500, queue=1024):
    """The router without TCQF."""
    config = {
        "name": "r1",
        "srv6-source": "2001:db8:1::1",
        "workers": 1,
        "clock": {"source": "system", "max-time-interval-error-ns": 0},
        "interfaces": [],
        "neighbors": [],
        "routes": [],
    }
    for i, name in enumerate(INTERFACES):
        k = i + 1
        config["interfaces"].append({
            "name": name, "device": f"net_af_xdp{i},iface={name}", "mac": own_mac(i),
            "mtu": mtu, "link-rate-mbps": rate_mbps,
            "addresses": [f"10.0.{k}.1/24", f"2001:db8:10{k}::1/64"],
            "best-effort-queue-packets": queue})
        for address in (f"10.0.{k}.2", f"2001:db8:10{k}::2"):
            config["neighbors"].append(
                {"interface": name, "address": address, "mac": peer_mac(i)})
        add_route(config, f"10.10.{i}.0/24", i)
        add_route(config, f"2001:db8:d{i}::/64", i)
    add_route(config, "10.3.0.0/16", 3)
    add_route(config, "2001:db8:3::/48", 3)
    return config


def own_mac(i):
    return f"02:00:00:00:{i + 1:02x}:01"


def peer_mac(i):
    return f"02:00:00:00:{i + 1:02x}:02"


def hop(i, version=4, **more):
    address = f"10.0.{i + 1}.2" if version == 4 else f"2001:db8:10{i + 1}::2"
    return {"interface": INTERFACES[i], "address": address, **more}


def add_route(config, prefix, *interfaces, table=None, **more):
    version = 6 if ":" in prefix else 4
    route = {"prefix": prefix, "next-hops": [hop(i, version, **more) for i in interfaces]}
    if table:
        route["table"] = table
    config["routes"].append(route)


def tagged(i, kind, tags=None, **more):
    """An interface entry of a domain."""
    chosen = tags or (DSCP_TAGS if kind == "dscp" else SMALL_TAGS)
    entry = {"name": INTERFACES[i], "tagging": kind, "tags": list(chosen)}
    if kind == "ipv6-option":
        entry["option-header"] = more.pop("header", "hop-by-hop")
    entry.update({key.replace("_", "-"): value for key, value in more.items()})
    return entry


def explicit(iif, oif, mapping, window=None):
    entry = {"iif": INTERFACES[iif], "oif": INTERFACES[oif], "map": list(mapping)}
    if window:
        entry["window"] = {"min": window[0], "max": window[1]}
    return entry


def with_domain(config, interfaces, maps, **more):
    """Adds a domain of 4 cycles of 100 us unless more says otherwise."""
    domains = config.setdefault("tcqf", {"domains": []})["domains"]
    domain = {"name": "core" if not domains else f"domain{len(domains)}", "cycles": 4,
              "cycle-time-us": 100}
    domain.update({key.replace("_", "-"): value for key, value in more.items()})
    domain["interfaces"] = interfaces
    domain["cycle-maps"] = maps
    domains.append(domain)
    return config


def dscp_transit(rate_mbps=10000, window=(1, 4), mapping=None, **more):
    """ge0 -> ge1, both tagged by DSCP; window of all four distances."""
    return with_domain(base_config(rate_mbps), [tagged(0, "dscp"), tagged(1, "dscp")],
                       [explicit(0, 1, mapping or IDENTITY_PLUS_ONE, window)], **more)


def with_labels(config, *entries, model="uniform"):
    config["mpls"] = {"ttl-model": model, "labels": list(entries)}
    return config


def swap(label, out, i):
    outs = out if isinstance(out, list) else [out]
    return {"label": label, "operation": "swap", "out-labels": outs, "next-hops": [hop(i)]}


def pop(label, i):
    return {"label": label, "operation": "pop", "next-hops": [hop(i)]}


def own_label(label):
    return {"label": label, "operation": "pop-and-lookup"}


def with_flow(config, *flows):
    config["detnet"] = {"flows": [copy.deepcopy(flow) for flow in flows]}
    return config


def flow(number=17, csize=12000, match=None, **more):
    entry = {"id": number,
             "match": match or {"interface": "ge3", "source": "10.3.0.0/24",
                                "destination": "10.10.0.0/16", "protocol": 17},
             "cycle-size-bits": csize}
    entry.update({key.replace("_", "-"): value for key, value in more.items()})
    return entry


def specification(interval=1_000_000, packets=4, payload=1200):
    return {"interval-ns": interval, "max-packets-per-interval": packets,
            "max-payload-size": payload}


def v4(sequence=0, *, to=1, size=100, dscp=0, ecn=0, source=SOURCE4, destination=None,
       sport=4000, dport=5000, **more):
    """An IPv4/UDP packet of size octets for a host behind interface number to."""
    destination = destination or f"10.10.{to}.1"
    header = 20 + len(more.get("options", b""))
    payload = wire.udp(source, destination, sport, dport,
                       wire.pattern(size - header - 8, sequence))
    return wire.ipv4(source, destination, payload, tos=dscp << 2 | ecn,
                     identification=more.pop("identification", sequence & 0xFFFF), **more)


def v6(sequence=0, *, to=1, size=100, dscp=0, ecn=0, source=SOURCE6, destination=None,
       hop_by_hop=None, dest_options=None, sport=4000, dport=5000, **more):
    """An IPv6/UDP packet; hop_by_hop and dest_options are option octets of such a header."""
    destination = destination or f"2001:db8:d{to}::1"
    headers, first = [], wire.UDP
    if dest_options is not None:
        headers.insert(0, wire.option_header(first, dest_options))
        first = wire.DESTINATION
    if hop_by_hop is not None:
        headers.insert(0, wire.option_header(first, hop_by_hop))
        first = wire.HOP_BY_HOP
    length = size - 40 - sum(map(len, headers)) - 8
    body = wire.udp(source, destination, sport, dport, wire.pattern(length, sequence))
    return wire.ipv6(source, destination, b"".join(headers) + body, next_header=first,
                     traffic_class=dscp << 2 | ecn, **more)


def onto(i, packet, ethertype=None, pad_to=0):
    """The frame that brings a packet to interface number i."""
    if ethertype is None:
        ethertype = wire.ETHER_IPV4 if packet[0] >> 4 == 4 else wire.ETHER_IPV6
    return wire.ethernet(own_mac(i), peer_mac(i), ethertype, packet, pad_to)


def labelled(i, entries, packet):
    return wire.ethernet(own_mac(i), peer_mac(i), wire.ETHER_MPLS,
                         wire.label_stack(entries) + packet)


def silent_v4(sequence=0, *, size=100, to=1, **more):
    """An ICMP error message about something else: no error is ever sent about it."""
    destination = f"10.10.{to}.1"
    quoted = wire.ipv4(destination, SOURCE4, wire.pattern(size - 48, sequence))
    return wire.ipv4(SOURCE4, destination, wire.icmp(11, 0, 0, quoted), protocol=wire.ICMP,
                     identification=sequence, **more)


def silent_v6(sequence=0, *, size=100, to=1, **more):
    destination = f"2001:db8:d{to}::1"
    quoted = wire.ipv6(destination, SOURCE6, wire.pattern(size - 88, sequence), next_header=59)
    return wire.ipv6(SOURCE6, destination,
                     wire.icmpv6(SOURCE6, destination, 3, 0, 0, quoted), next_header=58, **more)


def at(offset_ns, frame):
    """An arrival offset_ns after the start of the case."""
    return (BASE + offset_ns, frame)


def starts(router, name):
    """Starts of the frames sent on an interface, ns after BASE, rounded down."""
    return [int(sent.start // 1) - BASE for sent in router.ports[name].sent]


def dscps(router, name):
    return [wire.dscp_of(sent.frame[14:]) for sent in router.ports[name].sent]


def identifications(router, name):
    """IPv4 identification of what was sent: the sequence numbers of the packets."""
    return [sent.frame[18] << 8 | sent.frame[19] for sent in router.ports[name].sent]


def leaves(**counts):
    """By hand: so many frames leave each interface, the rest nothing."""
    def by_hand(router):
        sent = {name: len(each.sent) for name, each in router.ports.items() if each.sent}
        assert sent == counts, sent

    return by_hand


def drops(**reasons):
    wanted = {name.replace("_", "-"): count for name, count in reasons.items()}

    def by_hand(router):
        assert router.dropped == wanted, router.dropped

    return by_hand
