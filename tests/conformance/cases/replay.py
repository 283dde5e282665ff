"""The replay command itself: capture formats, order, cut packets, exit codes."""

import captures
from case import (INTERFACES, US, Case, at, base_config, dscp_transit, explicit, hop,
                  identifications, onto, starts, tagged, v4, v6, with_domain)

T = 100 * US


def burst(count=4, step=7_000, first=1000):
    """Packets at whole microseconds, so that captures with microseconds hold their times."""
    return [at(first + step * k, onto(0, v4(k, size=60 + k, dscp=(3, 7, 11, 0)[k % 4])))
            for k in range(count)]


def format_cases():
    packets = burst(9)
    fine = [(time + 321 * k % 1000, frame) for k, (time, frame) in enumerate(packets)]
    made = []
    for name, magic, order in (("ns-little", captures.NANO, "<"), ("ns-big", captures.NANO, ">"),
                               ("us-little", captures.MICRO, "<"),
                               ("us-big", captures.MICRO, ">")):
        chosen = fine if magic == captures.NANO else packets
        made.append(Case(f"replay-pcap-{name}", f"pcap, {name}", dscp_transit(1000),
                         {"ge0": chosen},
                         captures={"ge0": captures.pcap_bytes(chosen, magic=magic, order=order)}))
    for name, chosen, options in (
            ("ns-little", fine, dict(order="<", ticks_exponent=9)),
            ("ns-big", fine, dict(order=">", ticks_exponent=9)),
            ("us-little", packets, dict(order="<", ticks_exponent=6)),
            ("us-big", packets, dict(order=">", ticks_exponent=6)),
            ("offset", fine, dict(ticks_exponent=9, offset_seconds=1_000_000_000)),
            ("snap-length", fine, dict(ticks_exponent=9, snap_length=262_144))):
        made.append(Case(f"replay-pcapng-{name}", f"pcapng, {name}", dscp_transit(1000),
                         {"ge0": chosen},
                         captures={"ge0": captures.pcapng_bytes(chosen, **options)}))
    eighths = [at(125_000_000 * k, onto(0, v4(k, dscp=3))) for k in range(9)]
    made.append(Case("replay-pcapng-binary", "pcapng, units of 2^-10 s", dscp_transit(1000),
                     {"ge0": eighths}, captures={"ge0": captures.pcapng_bytes(
                         eighths, ticks_exponent=10, binary=True)}))
    made.append(Case("replay-empty-capture", "A capture without packets",
                     dscp_transit(1000), {"ge0": [], "ge3": [at(5, onto(3, v4(1)))]}))
    made.append(Case("replay-no-packets", "Nothing arrives", dscp_transit(1000), {"ge0": []}))
    return made


def order_cases():
    packets = burst(9)
    swapped = [packets[k] for k in (3, 0, 1, 2, 5, 4, 8, 6, 7)]
    same = [at(1000, onto(0, v4(k, to=2))) for k in range(5)]
    mixed = [at(2000, onto(0, v4(9, to=2)))] + same

    def stable(router):
        assert identifications(router, "ge2") == [0, 1, 2, 3, 4, 9]

    return [
        Case("replay-out-of-order", "A capture out of order is sorted, with a warning",
             dscp_transit(1000), {"ge0": swapped}, stderr_has=("warning",)),
        Case("replay-out-of-order-stable", "Sorting is stable", base_config(1000),
             {"ge0": mixed}, by_hand=stable),
    ]


def cut_cases():
    """A packet that the capture cut short is an error that names its number."""
    packets = burst(5)
    made = []
    for number in (1, 3, 5):
        cut = [(t, f) if k + 1 != number else (t, f[:40], len(f))
               for k, (t, f) in enumerate(packets)]
        made.append(Case(f"replay-cut-packet-{number}", "A cut packet is an error with its number",
                         dscp_transit(1000), {"ge0": packets}, refused=1,
                         captures={"ge0": captures.pcap_bytes(cut)},
                         stderr_has=("ge0.pcap", str(number))))
    cut = [(t, f[:40], len(f)) for t, f in packets]
    made.append(Case("replay-cut-packet-pcapng", "The same in pcapng", dscp_transit(1000),
                     {"ge0": packets}, refused=1,
                     captures={"ge0": captures.pcapng_bytes(cut)}, stderr_has=("1",)))
    whole = captures.pcap_bytes(packets)
    for name, contents in (("text", b"no capture at all\n" * 10), ("empty-file", b""),
                           ("half-header", whole[:12]), ("file-ends-in-packet", whole[:-10]),
                           ("file-ends-in-record", whole[:24 + 7]),
                           ("link-type", captures.pcap_bytes(packets, link_type=101)),
                           ("magic", b"\x4d\x3c\xb2\xa2" + whole[4:])):
        made.append(Case(f"replay-not-a-capture-{name}", "What is no whole Ethernet capture is "
                         "refused, with its name", dscp_transit(1000), {"ge0": packets},
                         refused=1, captures={"ge0": contents}, stderr_has=("ge0.pcap",)))
    return made


def time_cases():
    early = [(10**9 + k * 1000, onto(0, v4(k, dscp=3))) for k in range(3)]
    late = [(4_000_000_000 * 10**9 + k * 1000, onto(0, v4(k, dscp=3))) for k in range(3)]
    hours = [at(k * 3_600 * 10**9, onto(0, v4(k, dscp=(3, 7, 11, 15)[k % 4]))) for k in range(24)]
    return [
        Case("replay-early", "Times near 1970", dscp_transit(1000), {"ge0": early}),
        Case("replay-late", "Times in 2096", dscp_transit(1000), {"ge0": late}),
        Case("replay-long-gaps", "Hours between packets", dscp_transit(1000), {"ge0": hours}),
    ]


def four_inputs():
    """Captures on every interface at once."""
    config = base_config(1000)
    rx = {name: [at(100 * k + 7 * i, onto(i, v4(k, to=(i + 1 + k % 3) % 4, size=100 + k)))
                 for k in range(40)] for i, name in enumerate(INTERFACES)}

    def by_hand(router):
        assert sum(len(starts(router, name)) for name in INTERFACES) == 160

    return Case("replay-four-inputs", "All interfaces at once", config, rx, by_hand=by_hand)


# -- refused configurations: exit 1, nothing written, a message with file and line ---------------

def _changed(change):
    config = dscp_transit()
    change(config)
    return config


def _domain(**fields):
    def change(config):
        config["tcqf"]["domains"][0].update(fields)
    return change


def _interface(index, **fields):
    def change(config):
        config["tcqf"]["domains"][0]["interfaces"][index].update(fields)
    return change


def _map(**fields):
    def change(config):
        config["tcqf"]["domains"][0]["cycle-maps"][0].update(fields)
    return change


def _top(**fields):
    def change(config):
        config.update(fields)
    return change


def _flow(**fields):
    def change(config):
        entry = {"id": 1, "match": {"interface": "ge3", "source": "10.3.0.0/24"},
                 "cycle-size-bits": 12000}
        entry.update(fields)
        config["detnet"] = {"flows": [entry]}
    return change


def _mpls(*labels):
    return _top(mpls={"labels": list(labels)})


def _append(key, value):
    def change(config):
        config[key].append(value)
    return change


def refused_cases():
    spec = {"interval-ns": 1_000_000, "max-packets-per-interval": 4, "max-payload-size": 1200}
    wrong = {
        "unknown-key": _top(nonsense=1),
        "unknown-key-in-domain": _domain(cycle=4),
        "cycles-1": _domain(cycles=1),
        "cycles-256": _domain(cycles=256),
        "cycles-17-with-dscp": _domain(cycles=17),
        "cycle-time-0": _domain(**{"cycle-time-us": 0}),
        "cycle-time-65536": _domain(**{"cycle-time-us": 65536}),
        "offset-of-a-round": _domain(**{"cycle-clock-offset-ns": 400_000}),
        "interface-offset-of-a-round": _interface(1, **{"cycle-clock-offset-ns": 400_000}),
        "tags-too-few": _interface(0, tags=[3, 7, 11]),
        "tags-too-many": _interface(0, tags=[3, 7, 11, 15, 19]),
        "tag-twice": _interface(0, tags=[3, 7, 11, 3]),
        "tag-64": _interface(0, tags=[3, 7, 11, 64]),
        "tagging-unknown": _interface(0, tagging="vlan"),
        "tc-8": _interface(0, tagging="mpls-tc", tags=[1, 2, 3, 8]),
        "interface-unknown": _interface(0, name="ge9"),
        "egress-dscp-in-table": _domain(**{"egress-dscp": 7}),
        "egress-dscp-64": _domain(**{"egress-dscp": 64}),
        "egress-tc-8": _domain(**{"egress-tc": 8}),
        "map-too-short": _map(map=[2, 3, 4]),
        "map-identifier-5": _map(map=[2, 3, 4, 5]),
        "map-identifier-0": _map(map=[0, 2, 3, 4]),
        "map-interface-unknown": _map(oif="ge9"),
        "window-min-0": _map(window={"min": 0, "max": 3}),
        "window-reversed": _map(window={"min": 3, "max": 2}),
        "window-of-five": _map(window={"min": 1, "max": 5}),
        "window-1025": _map(window={"min": 1022, "max": 1025}),
        "csize-below-largest": _flow(**{"cycle-size-bits": 9759, "traffic-specification": spec}),
        "rate-above-cycles": _flow(**{"cycle-size-bits": 12000, "traffic-specification": {
            **spec, "max-packets-per-interval": 11}}),
        "packets-0": _flow(**{"traffic-specification": {**spec, "max-packets-per-interval": 0}}),
        "packets-257": _flow(**{"cycle-size-bits": 96_000, "traffic-specification": {
            **spec, "max-packets-per-interval": 257, "max-payload-size": 10}}),
        "backlog-0": _flow(**{"max-backlog-cycles": 0}),
        "backlog-1025": _flow(**{"max-backlog-cycles": 1025}),
        "interleaving-outside-period": _flow(interleaving={"period-cycles": 4, "cycles": [4]}),
        "label-twice": _mpls({"label": 100, "operation": "pop-and-lookup"},
                             {"label": 100, "operation": "pop-and-lookup"}),
        "label-2-20": _mpls({"label": 1 << 20, "operation": "pop-and-lookup"}),
        "swap-without-out-labels": _mpls({"label": 100, "operation": "swap",
                                          "next-hops": [hop(1)]}),
        "mac-wrong": _append("neighbors", {"interface": "ge1", "address": "10.0.2.9",
                                           "mac": "02:00:00:00:02"}),
        "address-wrong": _append("neighbors", {"interface": "ge1", "address": "10.0.2.256",
                                               "mac": "02:00:00:00:02:09"}),
        "prefix-wrong": _append("routes", {"prefix": "10.0.0.0/33", "next-hops": [hop(1)]}),
        "route-interface-unknown": _append("routes", {"prefix": "10.99.0.0/16", "next-hops": [
            {"interface": "ge9", "address": "10.0.2.2"}]}),
        "processing-model-unknown": _top(**{"unknown-option-action": "maybe"}),
    }
    made = []
    for name, change in wrong.items():
        made.append(Case(f"config-refused-{name}", f"Refused: {name}", _changed(change),
                         {"ge0": burst(2)}, refused=1, stderr_has=("config.yaml:",)))
    two = _changed(_domain(cycles=1, **{"cycle-time-us": 0}))
    made.append(Case("config-refused-all-at-once", "All errors of a file in one go", two,
                     {"ge0": burst(1)}, refused=1,
                     stderr_has=("config.yaml:", "cycles", "cycle-time-us")))
    tc = with_domain(base_config(), [tagged(0, "mpls-tc", range(8)), tagged(1, "mpls-tc",
                                                                           range(8))],
                     [explicit(0, 1, [2, 3, 4, 5, 6, 7, 8, 1])], cycles=8)
    made.append(Case("config-refused-eight-cycles-with-tc", "At most 7 cycles with mpls-tc", tc,
                     {"ge0": burst(1)}, refused=1, stderr_has=("config.yaml:",)))
    twice = with_domain(dscp_transit(), [tagged(1, "dscp")], [])
    made.append(Case("config-refused-interface-in-two-domains", "Domains are disjoint", twice,
                     {"ge0": burst(1)}, refused=1, stderr_has=("config.yaml:",)))
    one_file = _changed(_append("interfaces", {"name": "ge1.kernel"}))
    made.append(Case("replay-refused-two-captures-in-one-file",
                     "An interface may not have the name of another's kernel capture", one_file,
                     {"ge0": burst(1)}, refused=1, stderr_has=("--out", "ge1.kernel.pcap")))
    for name, text in (("not-yaml", "name: [r1\n"), ("duplicate-key", "name: r1\nname: r2\n"),
                       ("empty", ""), ("list", "- a\n- b\n")):
        made.append(Case(f"config-refused-{name}", f"Refused: {name}", base_config(),
                         {"ge0": burst(1)}, refused=1, config_text=text or "\n"))
    return made


def accepted_cases():
    """At the edges of what is allowed."""
    table = {
        "window-at-c": _map(window={"min": 1, "max": 4}),
        "window-1024": _map(window={"min": 1021, "max": 1024}),
        "offset-largest": _interface(1, **{"cycle-clock-offset-ns": 399_999}),
        "csize-largest": _flow(**{"cycle-size-bits": 9760, "traffic-specification": spec_of()}),
        "rate-exactly": _flow(**{"cycle-size-bits": 12000, "traffic-specification": spec_of(10)}),
        "backlog-1024": _flow(**{"max-backlog-cycles": 1024}),
        "map-towards-no-domain": _append_map,
        "tags-outside-pool": _interface(1, tags=[1, 2, 4, 8]),
    }
    return [Case(f"config-accepted-{name}", f"Accepted: {name}", _changed(change),
                 {"ge0": burst(6), "ge3": [at(2000, onto(3, v6(1))), at(2100, onto(3, v4(
                     2, source="10.3.0.200")))]}) for name, change in table.items()]


def _append_map(config):
    config["tcqf"]["domains"][0]["cycle-maps"].append(explicit(0, 2, [2, 3, 4, 1], (1, 4)))


def spec_of(packets=4):
    return {"interval-ns": 1_000_000, "max-packets-per-interval": packets,
            "max-payload-size": 1200}


def cases():
    return (format_cases() + order_cases() + cut_cases() + time_cases() + [four_inputs()] +
            refused_cases() + accepted_cases())
