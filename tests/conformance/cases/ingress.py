"""DetNet flows that enter TCQF here."""

import copy
import random

import wire
from case import (DSCP_TAGS, IDENTITY_PLUS_ONE, SOURCE4, SOURCE6, US, Case, add_route, at,
                  base_config, drops, dscps, explicit, flow, hop, identifications, labelled, leaves,
                  onto, own_label, silent_v4, silent_v6, specification, starts, swap, tagged, v4, v6,
                  with_domain, with_flow, with_labels)

T = 100 * US


def router_config(kind="dscp", rate_mbps=10000, **more):
    """ge0 and ge1 in a domain; flows come in at ge3."""
    extra = {"header": more.pop("header")} if "header" in more else {}
    return with_domain(base_config(rate_mbps), [tagged(0, kind), tagged(1, kind, **extra)],
                       [explicit(0, 1, IDENTITY_PLUS_ONE)], **more)


def arrivals(sizes, *, time=5000, step=10, **more):
    return {"ge3": [at(time + step * k, onto(3, v4(k, size=size, **more)))
                    for k, size in enumerate(sizes)]}


def cycles_of(router, name="ge1"):
    """[(cycle after the start, identification)] of what was sent."""
    return [(start // T, ident) for start, ident in
            zip(starts(router, name), identifications(router, name))]


def csize_cases():
    """size = bits of the layer 3 packet as received."""
    made = []
    # (name, csize, sizes, by hand: cycle of each packet or None where it is refused)
    table = [
        ("exact", 8000, [1000, 1000, 1000], [1, 2, 3]),
        ("one-bit-short", 7999, [1000, 999, 999], [None, 1, 2]),
        ("two-fit", 8000, [500, 500, 500, 500, 1000], [1, 1, 2, 2, 3]),
        ("one-octet-over", 8000, [500, 501, 499, 500], [1, 2, 2, 3]),
        ("never-skip", 12000, [1000, 1000, 100, 400, 1500, 46, 46], [1, 2, 2, 2, 3, 4, 4]),
        ("small", 368, [46, 46, 47, 46], [1, 2, None, 3]),
        ("too-big-leaves-state", 8000, [600, 1001, 400, 200], [1, None, 1, 2]),
        ("fill-many", 4000, [100] * 17, [1] * 5 + [2] * 5 + [3] * 5 + [4] * 2),
        ("three-of-8000", 12000, [1000] * 3, [1, 2, 3]),
    ]
    for name, csize, sizes, wanted in table:
        def by_hand(router, wanted=wanted):
            assert sorted((i, c) for c, i in cycles_of(router)) == [
                (i, c) for i, c in enumerate(wanted) if c is not None], cycles_of(router)

        made.append(Case(f"ingress-csize-{name}", f"csize {csize}, packets of {sizes[:7]}",
                         with_flow(router_config(), flow(csize=csize)), arrivals(sizes),
                         by_hand=by_hand))
    return made


def first_cycle_cases():
    """The first cycle later than now, also exactly at a boundary."""
    config = with_flow(router_config(), flow())
    times = [T - 1, T, T + 1, 3 * T - 1, 3 * T, 10 * T + 50_000, 10 * T + 60_000, 12 * T]
    rx = {"ge3": [at(time, onto(3, v4(k))) for k, time in enumerate(times)]}

    def by_hand(router):
        assert [c for c, _ in cycles_of(router)] == [1, 2, 2, 3, 4, 11, 11, 13]
        assert dscps(router, "ge1") == [DSCP_TAGS[c % 4] for c in (1, 2, 2, 3, 4, 11, 11, 13)]

    made = [Case("ingress-first-cycle", "The first cycle after now", config, rx, by_hand=by_hand)]
    config = with_domain(base_config(), [tagged(0, "dscp"),
                                         tagged(1, "dscp", cycle_clock_offset_ns=37_123)],
                         [explicit(0, 1, [2, 3, 1])], cycle_time_us=333, cycles=3)
    for interface in config["tcqf"]["domains"][0]["interfaces"]:
        interface["tags"] = [3, 7, 11]
    made.append(Case("ingress-own-clock", "The cycle is that of the outgoing interface",
                     with_flow(config, flow(csize=4000)), arrivals([400] * 6)))
    made.append(Case("ingress-processing", "The cycle is that of the classification",
                     with_flow(router_config(), flow(csize=4000)), arrivals([400] * 6),
                     processing_ns=95_000))
    return made


def backlog_cases():
    """max-backlog-cycles itself is allowed, one more is not."""
    made = []
    for limit in (1, 2, 63, 64, 65, 1024):
        count = min(limit, 70) + 2 if limit < 1024 else 1026
        config = with_flow(router_config(), flow(csize=800, max_backlog_cycles=limit))
        rx = arrivals([100] * count, time=5000, step=1)

        def by_hand(router, limit=limit, count=count):
            assert len(starts(router, "ge1")) == limit
            assert router.dropped == {"flow-backlog": count - limit}

        made.append(Case(f"ingress-backlog-{limit}", f"At most {limit} cycles ahead", config, rx,
                         by_hand=by_hand))
    config = with_flow(router_config(), flow(csize=800))
    rx = arrivals([100] * 66, step=1)
    rx["ge3"].append(at(T, onto(3, v4(100, size=100))))
    rx["ge3"].append(at(T + 1, onto(3, v4(101, size=100))))

    # By hand: 64 packets fill cycles 1..64, two are refused; in cycle 1 cycle 65 is 64 ahead.
    def by_hand(router):
        assert router.dropped == {"flow-backlog": 3}
        assert cycles_of(router)[-1] == (65, 100)

    made.append(Case("ingress-backlog-default-64", "The default is 64; a refusal changes nothing",
                     config, rx, by_hand=by_hand))
    config = with_flow(router_config(), flow(csize=800, max_backlog_cycles=3))
    rx = arrivals([100, 100, 60, 100, 40], step=1)

    # By hand: cycles 1, 2, 3 (480 bits); the fourth would need cycle 4; the fifth fits into 3.
    def after_refusal(router):
        assert cycles_of(router) == [(1, 0), (2, 1), (3, 2), (3, 4)]

    made.append(Case("ingress-backlog-then-smaller", "After a refusal a smaller packet still fits",
                     config, rx, by_hand=after_refusal))
    return made


def interleaving_cases():
    made = []
    for name, period, allowed in (("8-0-4", 8, [0, 4]), ("2-1", 2, [1]), ("3-2", 3, [2]),
                                  ("5-0-1-3", 5, [0, 1, 3]), ("7-all", 7, list(range(7))),
                                  ("1", 1, [0]), ("64-63", 64, [63])):
        config = with_flow(router_config(), flow(
            csize=800, interleaving={"period-cycles": period, "cycles": allowed},
            max_backlog_cycles=640))
        rx = arrivals([100] * 7, step=40_000)

        def by_hand(router, period=period, allowed=allowed):
            base_cycle = 17_000_000_000_000
            assert all((base_cycle + c) % period in allowed for c, _ in cycles_of(router))
            assert len(cycles_of(router)) == 7

        made.append(Case(f"ingress-interleaving-{name}",
                         f"Only cycles n with n mod {period} in {allowed}", config, rx,
                         by_hand=by_hand))
    config = with_flow(router_config(), flow(
        csize=800, interleaving={"period-cycles": 8, "cycles": [0]}, max_backlog_cycles=16))
    made.append(Case("ingress-interleaving-backlog", "The backlog counts all cycles between",
                     config, arrivals([100] * 4, step=10)))
    return made


def policing_cases():
    """RFC 9016, 5.5."""
    made = []
    wide = dict(csize=12000, max_backlog_cycles=64)
    config = with_flow(router_config(), flow(traffic_specification=specification(), **wide))
    # By hand: payload behind the IP header at most 1200: IP packets of 1220.
    made.append(Case("ingress-policing-payload", "Payload behind the IP header counts", config,
                     arrivals([1220, 1221, 1220, 1500, 1220], step=10),
                     by_hand=drops(policed=2)))
    for packets in (1, 2, 256):
        config = with_flow(router_config(), flow(
            csize=80_000, traffic_specification=specification(packets=packets, payload=100)))
        rx = arrivals([100] * (packets + 2), step=10)
        rx["ge3"] += [at(time, onto(3, v4(500 + k, size=100))) for k, time in
                      enumerate((1_004_999, 1_005_000, 1_005_009, 1_005_010))]
        made.append(Case(f"ingress-policing-packets-{packets}",
                         f"At most {packets} packets an interval", config, rx))
    config = with_flow(router_config(), flow(
        csize=8000, excess_action="best-effort",
        traffic_specification=specification(interval=500_000, packets=2, payload=500)))
    rx = arrivals([500, 500, 500, 600, 100], step=10, ecn=1)
    rx["ge3"] += [at(6000, onto(3, v4(9, size=100, dscp=7, ecn=2)))]

    # By hand: the third, fifth and sixth exceed the rate, the fourth the payload: best effort,
    # the DSCP that looks like a tag re-marked; they go at once.
    def excess(router):
        assert identifications(router, "ge1") == [2, 3, 4, 9, 0, 1]
        assert dscps(router, "ge1") == [0, 0, 0, 0, 7, 7]

    made.append(Case("ingress-excess-best-effort", "excess-action best-effort sends it as such",
                     config, rx, by_hand=excess))
    # Beneath labels, too: 100 octets behind either header.
    beneath = with_flow(with_labels(with_domain(base_config(), [tagged(1, "mpls-tc")], []),
                                    swap(101, 201, 1), swap(102, 202, 1)),
                        *[flow(label, 20_000, {"mpls-label": label}, traffic_specification=
                               specification(1_000_000, 9, largest))
                          for label, largest in ((101, 100), (102, 99))])
    made.append(Case("ingress-policing-payload-labelled", "Payload behind the IP header, also "
                     "beneath labels", beneath,
                     {"ge3": [at(1000 + 1000 * k, labelled(3, [(label, 0, 64), (999, 0, 9)][:n],
                                                           packet))
                              for k, (label, n, packet) in enumerate(
                                  (label, n, packet) for label in (101, 102) for n in (1, 2)
                                  for packet in (v4(1, size=120), v6(2, size=140),
                                                 v4(3, size=124, options=bytes([1] * 4))))]},
                     by_hand=drops(policed=6)))
    made += labelled_payload_cases()
    # What a later check refuses still counts for policing.
    config = with_flow(router_config(), flow(
        csize=10_000, max_backlog_cycles=1,
        traffic_specification=specification(packets=3, payload=1200)))
    rx = arrivals([1200, 1200, 1200, 50], step=10)

    def counted(router):
        assert router.dropped == {"flow-backlog": 2, "policed": 1}, router.dropped

    made.append(Case("ingress-policing-counts-refused", "A packet refused later counted for "
                     "policing", config, rx, by_hand=counted))
    # What policing refuses does not count.
    config = with_flow(router_config(), flow(
        csize=12_000, traffic_specification=specification(packets=2, payload=200)))
    made.append(Case("ingress-policing-refused-does-not-count", "Only what conforms counts",
                     config, arrivals([1000, 1000, 100, 100, 100], step=10)))
    # Two outgoing interfaces, one policer.
    config = with_flow(router_config(), flow(
        csize=8000, traffic_specification=specification(packets=2, payload=100)))
    rx = {"ge3": [at(5000 + k, onto(3, v4(k, to=k % 2))) for k in range(4)]}
    made.append(Case("ingress-policing-per-flow", "Policing is per flow, not per interface",
                     config, rx, by_hand=drops(policed=2)))
    config = with_flow(router_config(), flow(csize=800))
    rx = {"ge3": [at(5000 + k, onto(3, v4(k, to=k % 2))) for k in range(6)]}

    def cursors(router):
        assert [c for c, _ in cycles_of(router, "ge0")] == [1, 2, 3]
        assert [c for c, _ in cycles_of(router, "ge1")] == [1, 2, 3]

    made.append(Case("ingress-cursor-per-interface", "csize counts per flow and interface",
                     config, rx, by_hand=cursors))
    return made


def labelled_payload_cases():
    """What came labelled and gets other headers here: the headers that it came with count."""
    exact, short = [flow(17, 20_000, {"interface": "ge3"}, traffic_specification=
                         specification(1_000_000, 9, payload)) for payload in (100, 99)]
    packets = [v4(1, size=120), v4(2, size=124, options=bytes([1] * 4)), v6(3, size=140)]
    # DetNet service labels are pushed.
    service = {"mpls-service": {"s-label": 600, "sequence-bits": 16}}
    out = base_config()
    out["routes"] = [route for route in out["routes"]
                     if route["prefix"] not in ("10.10.1.0/24", "2001:db8:d1::/64")]
    for prefix, version in (("10.10.1.0/24", 4), ("2001:db8:d1::/64", 6)):
        out["routes"].append({"prefix": prefix, "next-hops": [hop(1, version, labels=[777])]})
    pushed = with_labels(with_domain(out, [tagged(1, "mpls-tc")], []), own_label(100))
    # They are put into SRv6.
    steered = base_config()
    add_route(steered, "fc00:2::/48", 1)
    for prefix in ("10.10.1.0/25", "2001:db8:d1::/65"):
        steered["routes"].append({"prefix": prefix, "sr-policy": {"color": 1, "endpoint": "::"}})
    steered["sr-policies"] = [{"color": 1, "endpoint": "::", "candidate-paths": [
        {"segment-lists": [{"segments": ["fc00:2::1", "fc00:2::2"]}]}]}]
    with_labels(with_domain(steered, [tagged(1, "dscp")], []), own_label(100))
    # They are decapsulated at a SID: the outer header counts.
    endpoint = base_config()
    endpoint["srv6"] = {"locators": ["fc00:1::/48"], "local-sids": [
        {"sid": "fc00:1::46/128", "behavior": "End.DT46"}]}
    with_labels(with_domain(endpoint, [tagged(1, "dscp")], []), own_label(100))
    outer = [wire.ipv6(SOURCE6, "fc00:1::46", packet, next_header=4 if packet[0] >> 4 == 4 else 41)
             for packet in (v4(1, size=100), v6(2, size=100))]
    # A DetNet service ends here: the header behind its control word counts.
    ended = with_labels(with_domain(base_config(), [tagged(1, "dscp")], []), own_label(100),
                        {"label": 500, "operation": "detnet-pop", "sequence-bits": 16})
    word = bytes([0, 0, 0, 9])

    def case(name, rule, config, limit, stack, inner, dropped):
        rx = {"ge3": [at(1000 + 1000 * k, labelled(3, stack, packet))
                      for k, packet in enumerate(inner)]}
        return Case(f"ingress-policing-payload-labelled-{name}", rule,
                    with_flow(copy.deepcopy(config), limit), rx,
                    by_hand=drops(**dropped),
                    dissect=config is not pushed)  # tshark guesses at what is behind a d-CW

    made = []
    for name, rule, config, more, stack, inner in (
            ("service", "with an S-label pushed", pushed, service, [(100, 0, 64)], packets),
            ("srv6", "put into SRv6", steered, {}, [(100, 0, 64)], packets),
            ("decapsulated", "decapsulated at a SID", endpoint, {}, [(100, 0, 64)], outer),
            ("ended", "with a DetNet service that ends here", ended, {},
             [(100, 0, 64), (500, 0, 64)], [word + packet for packet in packets])):
        for size, limit, dropped in (("exact", exact, {}),
                                     ("short", short, {"policed": len(inner)})):
            made.append(case(f"{name}-{size}", f"Payload of what came labelled, {rule}",
                             config, {**limit, **more}, stack, inner,
                             dropped))
    return made


def order_cases():
    """policing, csize, backlog, place for the tag, frame against cycle, capacity."""
    spec = specification(packets=1, payload=900)
    made = []
    config = with_flow(router_config(), flow(csize=8000, traffic_specification=spec))
    made.append(Case("ingress-order-policing-before-csize", "Too big for both: policed", config,
                     arrivals([1200]), by_hand=drops(policed=1)))
    config = with_flow(router_config(), flow(csize=8000, traffic_specification=spec))
    made.append(Case("ingress-order-policing-before-mtu", "Larger than the flow and the link may "
                     "send: policed", config, arrivals([1501]), by_hand=drops(policed=1)))
    config = with_flow(router_config(), flow(csize=12_000))
    made.append(Case("ingress-order-csize-before-mtu", "Larger than csize and the link: the flow is "
                     "the reason", config, arrivals([1501]), by_hand=drops(flow_packet_too_big=1)))
    config = with_flow(router_config(), flow(csize=12_000, excess_action="best-effort"))
    made.append(Case("ingress-order-csize-before-mtu-unpoliced", "Without a specification nothing is "
                     "excess", config, arrivals([1501]), by_hand=drops(flow_packet_too_big=1)))
    config = with_flow(router_config(), flow(csize=16_000))
    made.append(Case("ingress-mtu", "A flow's packet is not fragmented", config,
                     arrivals([1501], flags=0), by_hand=drops(mtu_exceeded=1)))
    config = with_flow(router_config(), flow(csize=8000, traffic_specification=spec,
                                             excess_action="best-effort"))
    made.append(Case("ingress-excess-fragmented", "Excess is best effort: fragmented like any other",
                     config, arrivals([1501], flags=0), by_hand=leaves(ge1=2)))
    made.append(Case("ingress-excess-too-big", "Excess is best effort: answered like any other",
                     config, arrivals([1501], flags=2), by_hand=drops(mtu_exceeded=1)))
    config = with_flow(router_config("mpls-tc"), flow(csize=12_000, match={"mpls-label": 100}))
    with_labels(config, swap(100, 200, 1))
    made.append(Case("ingress-order-csize-before-mtu-mpls", "The same of a packet with labels",
                     config, {"ge3": [at(5000, labelled(3, [(100, 0, 64)], v4(1, size=1497)))]},
                     by_hand=drops(flow_packet_too_big=1)))
    config = with_flow(router_config(), flow(csize=8000, max_backlog_cycles=1))
    made.append(Case("ingress-order-csize-before-backlog", "Too big and no backlog left", config,
                     arrivals([1000, 1001, 1000]),
                     by_hand=drops(flow_packet_too_big=1, flow_backlog=1)))
    config = with_flow(router_config("ipv6-option"), flow(csize=8000, max_backlog_cycles=1))
    made.append(Case("ingress-order-place-refused", "No place for a tag: untaggable, the flow's "
                     "bits stay", config, arrivals([1000, 1000]),
                     by_hand=drops(untaggable=2)))
    config = with_flow(router_config("mpls-tc"), flow(csize=8000, max_backlog_cycles=1))
    config["routes"].append({"prefix": "10.10.1.64/26", "next-hops": [
        {"interface": "ge1", "address": "10.0.2.2", "labels": [777]}]})
    with_labels(config)
    rx = {"ge3": [at(5000, onto(3, v4(1, size=1000))),
                  at(5010, onto(3, v4(2, size=1000, destination="10.10.1.65"))),
                  at(5020, onto(3, v4(3, size=1000))),
                  at(5030, onto(3, v4(4, size=1000, destination="10.10.1.65")))]}

    # By hand: 1 has no label: untaggable; 2 takes cycle 1; 3 and 4 find the backlog full first.
    made.append(Case("ingress-order-backlog-before-place", "Backlog is checked before the place",
                     config, rx,
                     by_hand=drops(untaggable=1, flow_backlog=2)))
    config = with_flow(router_config(rate_mbps=100), flow(csize=12_000))
    rx = {"ge3": [at(5000, onto(3, silent_v4(1, size=1213))),
                  at(5010, onto(3, silent_v4(2, size=1212)))]}
    config["detnet"]["flows"][0]["match"].pop("protocol")

    # By hand: 100 Mbit/s * 100 us = 10000 bits = 1250 octets: 1212 + 38 fits, 1213 does not.
    made.append(Case("ingress-frame-against-cycle", "A frame larger than its cycle: mtu-exceeded",
                     config, rx, by_hand=drops(mtu_exceeded=1)))
    config = with_flow(router_config(rate_mbps=100), flow(csize=12_000, max_backlog_cycles=2))
    rx = arrivals([700, 500, 600, 100], step=10)

    # By hand: wire bits 5904 + 4304 > 10000: the second is refused by capacity (cycle-full) and
    # takes no bits of the flow; 600 (5104) is refused as well, 100 (1104) fits.
    made.append(Case("ingress-capacity", "csize counts layer 3 bits, the cycle wire bits", config,
                     rx, by_hand=drops(cycle_full=2)))
    return made


def sharing_cases():
    """Flows and transit share the cycle's capacity; each flow has its own csize."""
    made = []
    one = flow(1, 4000, {"interface": "ge3", "destination-port": "5000"})
    two = flow(2, 4000, {"interface": "ge3", "destination-port": "5001-5003"})
    config = with_flow(router_config(), one, two)
    rx = {"ge3": [at(5000 + 10 * k, onto(3, v4(k, size=400, dport=5000 + k % 5)))
                  for k in range(20)]}
    made.append(Case("ingress-two-flows", "Two flows, one cursor each; the rest is best effort",
                     config, rx))
    config = with_flow(router_config(rate_mbps=1000), flow(csize=96_000))
    rx = {"ge0": [at(1000 + k, onto(0, v4(k, size=1500, dscp=3))) for k in range(6)],
          "ge3": [at(5000 + k, onto(3, v4(20 + k, size=1500))) for k in range(5)]}
    made.append(Case("ingress-shares-with-transit", "Transit and ingress share a cycle", config,
                     rx, by_hand=drops(cycle_full=3)))
    wide = flow(1, 800, {"interface": "ge3", "source": "10.3.0.0/16"})
    narrow = flow(2, 8000, {"interface": "ge3", "source": SOURCE4 + "/32"})
    for name, flows, cycles in (("wide-first", (wide, narrow), [1, 2, 3, 4]),
                                ("narrow-first", (narrow, wide), [1, 1, 1, 1])):
        def by_hand(router, cycles=cycles):
            assert [c for c, _ in cycles_of(router)] == cycles

        made.append(Case(f"ingress-first-match-{name}", "The first flow that matches takes it",
                         with_flow(router_config(), *flows), arrivals([100] * 4),
                         by_hand=by_hand))
    return made


def match_cases():
    """Every field of match, just inside and just outside."""
    far, far6 = "10.10.1.1", "2001:db8:d1::1"

    def frames4(*packets):
        return [onto(3, packet) for packet in packets]

    tcp = wire.ipv4(SOURCE4, far, wire.tcp(SOURCE4, far, 4000, 5000, bytes(60)), protocol=6)
    esp = [wire.ipv4(SOURCE4, far, spi.to_bytes(4, "big") + bytes(60), protocol=50)
           for spi in (0x1234, 0x1235)]
    esp6 = wire.ipv6(SOURCE6, far6, (0x1234).to_bytes(4, "big") + bytes(60),
                     next_header=50)
    fragment = v4(9, flags=0, offset=10)
    def authenticated(source, destination, spi):
        udp = wire.udp(source, destination, 4000, 5000, bytes(60))
        return wire.authentication_header(wire.UDP, spi) + udp

    ah = [wire.ipv4(SOURCE4, far, authenticated(SOURCE4, far, spi), protocol=wire.AH)
          for spi in (0x1234, 0x1235)]
    ah6 = [wire.ipv6(SOURCE6, far6, authenticated(SOURCE6, far6, spi), next_header=wire.AH)
           for spi in (0x1234, 0x1235)]
    tables = {
        "interface": ({"interface": "ge2"}, frames4(v4(1))),
        "source": ({"source": "10.3.0.8/31"}, frames4(v4(1), v4(2, source="10.3.0.8"),
                                                      v4(3, source="10.3.0.10"))),
        "destination": ({"destination": "10.10.1.1/32"},
                        frames4(v4(1), v4(2, destination="10.10.1.2"))),
        "protocol": ({"protocol": 6}, frames4(v4(1), tcp)),
        "source-port": ({"source-port": "4000", "protocol": 17},
                        frames4(v4(1), v4(2, sport=4001), v4(3, sport=3999))),
        "source-port-range": ({"source-port": "4000-4002", "protocol": 17},
                              frames4(*[v4(k, sport=3999 + k) for k in range(5)])),
        "destination-port-range": ({"destination-port": "5000-5003", "protocol": 17},
                                   frames4(*[v4(k, dport=4999 + k) for k in range(6)])),
        "port-extremes": ({"destination-port": "0-65535", "protocol": 17},
                          frames4(v4(1, dport=0), v4(2, dport=65535))),
        "port-of-fragment": ({"destination-port": "0-65535", "protocol": 17},
                             frames4(fragment, v4(10))),
        "dscp": ({"dscp": [0, 46, 63]},
                 frames4(*[v4(k, dscp=d) for k, d in enumerate((0, 1, 45, 46, 47, 63))])),
        "dscp-that-is-a-tag-elsewhere": ({"dscp": [3]},
                                         frames4(v4(1, dscp=3), v4(2, dscp=7))),
        "spi": ({"spi": 0x1234}, frames4(esp[0], esp[1])),
        "ipv6-source": ({"source": "2001:db8:3::/64"},
                        frames4(v6(1), v6(2, source="2001:db8:3:1::9"), v4(3))),
        "ipv6-destination": ({"destination": "2001:db8:d1::1/128"},
                             frames4(v6(1), v6(2, destination="2001:db8:d1::2"))),
        "ipv6-flow-label": ({"flow-label": 0x12345},
                            frames4(v6(1), v6(2, flow_label=0x12344), v4(3))),
        "ipv6-ports": ({"protocol": 17, "source-port": "4000", "destination-port": "5000"},
                       frames4(v6(1), v6(2, dport=5001),
                               v6(3, hop_by_hop=bytes([0x1F, 2, 0, 0])))),
        "ipv6-spi": ({"spi": 0x1234}, frames4(esp6)),
        "spi-of-ah": ({"protocol": 51, "spi": 0x1234}, frames4(*ah, *ah6)),
        "ports-behind-ah": ({"destination-port": "5000"}, frames4(*ah, *ah6, v4(1))),
        "all": ({"interface": "ge3", "source": "10.3.0.0/24", "destination": "10.10.1.0/24",
                 "protocol": 17, "source-port": "4000", "destination-port": "5000",
                 "dscp": [0]}, frames4(v4(1), v4(2, dscp=1), v4(3, sport=1), v4(4, dport=1))),
    }
    made = []
    for name, (match, frames) in tables.items():
        rx = {"ge3": [at(5000 + 10 * k, frame) for k, frame in enumerate(frames)]}
        made.append(Case(f"ingress-match-{name}", f"A flow by {name}",
                         with_flow(router_config(), flow(csize=12_000, match=match)), rx))
    config = with_labels(with_flow(router_config("mpls-tc"), flow(
        csize=1000, match={"mpls-label": 101})), swap(101, 201, 1), swap(103, 203, 1))
    rx = {"ge3": [at(5000 + 10 * k, labelled(3, [(label, 0, 64)], v4(k)))
                  for k, label in enumerate((101, 103, 101))]}

    # By hand: 104 octets with the label, 832 bits: one a cycle of 1000.
    def by_hand(router):
        assert starts(router, "ge1")[1:] == [T, 2 * T]

    made.append(Case("ingress-match-mpls-label", "A flow by MPLS label; its TC is written", config,
                     rx, by_hand=by_hand))
    return made


def place_cases():
    """A packet without a tag that brings a place for one."""
    flows = flow(csize=12_000, match={"interface": "ge3"})
    config = with_flow(router_config("ipv6-option"), flows)
    rx = {"ge3": [at(5000 + 10 * k, onto(3, packet)) for k, packet in enumerate((
        v6(1, hop_by_hop=wire.tcqf_option(0)), v6(2, hop_by_hop=wire.tcqf_option(4, extended=True)),
        v6(3), v4(4), v6(5, hop_by_hop=bytes([0x3E, 2, 0, 0]))))]}
    made = [Case("ingress-place-option", "An option that the packet brings serves", config, rx,
                 by_hand=drops(untaggable=3))]
    unknown = with_flow(router_config(), flow(csize=8000, match={"destination": "10.10.0.0/16"}))
    rx = {"ge0": [at(5000 + 10 * k, onto(0, v4(k, size=1000, dscp=d)))
                  for k, d in enumerate((0, 46, 4))]}
    made.append(Case("ingress-unknown-tag-matches", "An unknown tag on a domain's interface is no "
                     "tag: the flow takes it", unknown, rx))
    tagged_transit = with_flow(router_config(), flow(csize=8000,
                                                     match={"destination": "10.10.0.0/16"}))
    rx = {"ge0": [at(5000 + 10 * k, onto(0, v4(k, size=1000, dscp=3))) for k in range(3)]}

    def stays(router):
        assert [c for c, _ in cycles_of(router)] == [1, 1, 1]

    made.append(Case("ingress-not-for-transit", "What carries a tag matches no flow",
                     tagged_transit, rx, by_hand=stays))
    out = with_flow(router_config(), flow(csize=800, match={"interface": "ge3"}))
    rx = {"ge3": [at(5000 + k, onto(3, v4(k, to=2, size=1000, dscp=3))) for k in range(3)]}
    made.append(Case("ingress-not-to-outside", "Out of an interface of no domain: best effort",
                     out, rx))
    pushed = with_labels(with_flow(router_config("mpls-tc"), flow(csize=8000)))
    pushed["routes"].append({"prefix": "10.10.1.64/26", "next-hops": [
        {"interface": "ge1", "address": "10.0.2.2", "labels": [777]}]})
    rx = {"ge3": [at(5000 + 10 * k, onto(3, v4(k, size=1000, destination="10.10.1.65")))
                  for k in range(3)]}
    made.append(Case("ingress-pushed-label", "A pushed label carries the tag; csize counts the "
                     "packet as received", pushed, rx))
    v6_sizes = with_flow(router_config(), flow(csize=8000, match={"interface": "ge3"}))
    rx = {"ge3": [at(5000 + 10 * k, onto(3, v6(k, size=size)))
                  for k, size in enumerate((1000, 1001, 500, 500, 501))]}
    made.append(Case("ingress-ipv6-sizes", "The size of IPv6 includes its header", v6_sizes, rx))
    padded = with_flow(router_config(), flow(csize=448))
    rx = {"ge3": [at(5000 + 10 * k, onto(3, v4(k, size=28), pad_to=60)) for k in range(5)]}
    made.append(Case("ingress-padding", "Ethernet padding does not count", padded, rx))
    silent = with_flow(router_config(), flow(csize=12_000, match={"interface": "ge3"}))
    rx = {"ge3": [at(5000, onto(3, silent_v6(1, size=400)))]}
    made.append(Case("ingress-icmp", "Any protocol may be a flow", silent, rx))
    return made


def random_mixes():
    """Three flows and cross traffic, drawn by chance."""
    made = []
    for number in range(10):
        chance = random.Random(100 + number)
        config = router_config(rate_mbps=chance.choice((200, 1000, 10_000)))
        flows = []
        for k in range(3):
            more = {"max_backlog_cycles": chance.choice((1, 5, 64))}
            if chance.random() < 0.5:
                period = chance.randint(2, 6)
                more["interleaving"] = {"period-cycles": period, "cycles": sorted(
                    chance.sample(range(period), chance.randint(1, period - 1)))}
            csize = chance.choice((15_000, 24_000, 48_000))
            if chance.random() < 0.5:
                payload = chance.choice((400, 1000))
                a_cycle = csize // (8 * (payload + 40))
                rounds = chance.choice((1, 10))
                more["traffic_specification"] = specification(
                    interval=rounds * T, packets=min(5, rounds * a_cycle), payload=payload)
                more["excess_action"] = chance.choice(("drop", "best-effort"))
                more.pop("interleaving", None)
            flows.append(flow(k + 1, csize,
                              {"interface": "ge3", "destination-port": str(5000 + k)}, **more))
        with_flow(config, *flows)
        times = sorted(chance.randrange(2_000_000) for _ in range(200))
        rx = {"ge3": [at(time, onto(3, v4(s, size=chance.choice((46, 200, 700, 1400)),
                                          to=chance.choice((0, 1, 1, 2)),
                                          dport=5000 + chance.randrange(4))))
                      for s, time in enumerate(times)]}
        times = sorted(chance.randrange(2_000_000) for _ in range(60))
        rx["ge0"] = [at(time, onto(0, v4(s, size=chance.choice((100, 1212)), dscp=chance.choice(
            (3, 7, 11, 15, 0)), sport=1, dport=1))) for s, time in enumerate(times)]
        made.append(Case(f"ingress-random-{number}", "Flows drawn by chance", config, rx,
                         until_drained=number % 2 == 0))
    return made


def cases():
    return (csize_cases() + first_cycle_cases() + backlog_cases() + interleaving_cases() +
            policing_cases() + order_cases() + sharing_cases() + match_cases() + place_cases() +
            random_mixes())
