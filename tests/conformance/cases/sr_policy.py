"""SR policies (RFC 9256): steering, the active path, validity, what an invalid policy does."""

import wire
from case import (BASE, DSCP_TAGS, IDENTITY_PLUS_ONE, SOURCE6, Case, add_route, at, base_config,
                  drops, explicit, flow, hop, labelled, leaves, onto, own_label, pop, silent_v4,
                  silent_v6, starts, swap, tagged, v4, v6, with_domain, with_flow, with_labels)

COLOR, ENDPOINT = 100, "2001:db8:9::9"
VIA_1, VIA_2, FAR = "fc00:2::1", "fc00:3::1", "fc00:9::d6"
BENEATH_LABELS = "fc00:4::1"


def sr_config(*policies, **more):
    """SIDs of others behind ge1 (fc00:2::/48) and ge2 (fc00:3::/48), labels 16001 and 16002 towards
    the same; 10.7.0.0/16 and 2001:db8:7::/48 are steered, 10.10/16 as ever."""
    config = base_config(**more)
    add_route(config, "fc00:2::/48", 1)
    add_route(config, "fc00:3::/48", 2)
    config["srv6"] = {"locators": ["fc00:1::/48"], "local-sids": []}
    with_labels(config, swap(16001, 17001, 1), swap(16002, 17002, 2), pop(16010, 1),
                own_label(16000))
    config["sr-policies"] = list(policies)
    if policies:
        for prefix in ("10.7.0.0/16", "2001:db8:7::/48"):
            config["routes"].append({"prefix": prefix, "sr-policy": {
                "color": COLOR, "endpoint": ENDPOINT}})
    return config


def steered_too(config, *prefixes):
    """Routes into the policy beside the usual ones."""
    config["routes"] += [{"prefix": prefix, "sr-policy": {"color": COLOR, "endpoint": ENDPOINT}}
                         for prefix in prefixes]
    return config


def path(*segments, preference=None, weight=None, lists=None, **more):
    """A candidate path of one list, or of several given as [(segments, weight)]."""
    made = {"segment-lists": []}
    if preference is not None:
        made["preference"] = preference
    made.update({key.replace("_", "-"): value for key, value in more.items()})
    for chosen, share in lists or [(segments, weight)]:
        entry = {"segments": list(chosen)}
        if share is not None:
            entry["weight"] = share
        made["segment-lists"].append(entry)
    return made


def policy(*paths, **more):
    made = {"color": COLOR, "endpoint": ENDPOINT, "candidate-paths": list(paths)}
    made.update({key.replace("_", "-"): value for key, value in more.items()})
    return made


def to_policy(sequence=0, version=6, **more):
    """A packet that the route steers."""
    if version == 4:
        return v4(sequence, destination="10.7.0.1", **more)
    return v6(sequence, destination="2001:db8:7::1", **more)


def one(*packets, to=3):
    return {f"ge{to}": [at(1000 + 30_000 * k, onto(to, packet)) for k, packet in enumerate(packets)]}


def beneath_labels(config):
    """Packets to the SID BENEATH_LABELS leave ge1 with two labels."""
    add_route(config, "fc00:4::/48", 1, labels=[700, 701])
    return config


def steering_cases():
    both = one(to_policy(1), to_policy(2, 4), v6(3, to=0), v4(4, to=0))
    return [
        Case("policy-srv6-one-segment", "H.Encaps.Red of one segment has no routing header",
             sr_config(policy(path(VIA_1))), both, by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-srv6-two-segments", "H.Encaps.Red: the first segment is in the address alone",
             sr_config(policy(path(VIA_1, FAR))), both, by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-srv6-sixteen-segments", "A list of 16 SIDs",
             sr_config(policy(path(VIA_1, *[f"fc00:9::{k:x}" for k in range(1, 16)]))), both,
             by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-srv6-not-reduced", "H.Encaps: all segments are in the routing header",
             sr_config(policy(path(VIA_1, FAR), headend_behavior="H.Encaps")), both,
             by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-srv6-not-reduced-one-segment", "H.Encaps of one segment has a routing header",
             sr_config(policy(path(VIA_1), headend_behavior="H.Encaps")), both,
             by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-srv6-beneath-labels", "The route to the first segment pushes labels",
             beneath_labels(sr_config(policy(path(BENEATH_LABELS, FAR)))),
             one(to_policy(1), to_policy(2, 4), to_policy(3, size=1500 - 40 - 24 - 8),
                 to_policy(4, size=1500 - 40 - 24 - 7)), by_hand=drops(mtu_exceeded=1)),
        Case("policy-mpls-swapped", "The top label of a list goes through the label table",
             sr_config(policy(path(16001, 16009))), both, by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-mpls-adjacency", "An adjacency SID at the top is popped here",
             sr_config(policy(path(16010, 16009))), both, by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-mpls-adjacency-alone", "A list that is its adjacency alone pushes nothing",
             sr_config(policy(path(16010))), both, by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-mpls-own-first", "A label of this router at the top is looked through",
             sr_config(policy(path(16000, 16002, 16009))), both, by_hand=leaves(ge0=2, ge2=2)),
        Case("policy-mpls-ten-labels", "Ten labels",
             sr_config(policy(path(16001, *range(16101, 16110)))), both,
             by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-mpls-short-pipe", "Pushed TTL of the short pipe model", short_pipe(
            sr_config(policy(path(16001, 16009)))), both, by_hand=leaves(ge0=2, ge1=2)),
        Case("policy-mpls-explicit-null", "Label 2 at the end of a list for IPv6",
             sr_config(policy(path(16001, 2))), one(to_policy(1)), by_hand=leaves(ge1=1)),
        Case("policy-longest-prefix", "A more specific route is not steered",
             with_route(sr_config(policy(path(VIA_1))), "2001:db8:7::/64", 0), one(to_policy(1)),
             by_hand=leaves(ge0=1)),
        Case("policy-route-to-an-own-address", "An address of the router stays one where it is steered",
             steered_too(sr_config(policy(path(VIA_1))), "10.0.2.1/32", "2001:db8:102::1/128",
                         "10.0.3.0/30"),
             one(v4(1, destination="10.0.2.1"), v6(2, destination="2001:db8:102::1"),
                 v4(3, destination="10.0.3.1"), v4(4, destination="10.0.3.3")),
             by_hand=leaves(ge1=1)),
        Case("policy-ttl", "The inner TTL is lowered, the outer one is new",
             sr_config(policy(path(VIA_1, FAR))),
             one(to_policy(1, hop_limit=2), to_policy(2, 4, ttl=2), to_policy(3, hop_limit=1),
                 to_policy(4, 4, ttl=1)), by_hand=drops(ttl_expired=2)),
        Case("policy-traffic-class", "Traffic class and ECN are copied out",
             sr_config(policy(path(VIA_1, FAR))),
             one(*[to_policy(k, version, dscp=46, ecn=k) for k in range(4) for version in (4, 6)]),
             by_hand=leaves(ge1=8)),
        Case("policy-own-srh-stays-inside", "A routing header that the packet brings stays inside",
             sr_config(policy(path(VIA_1, FAR))),
             one(wire.ipv6(SOURCE6, "2001:db8:7::1", wire.routing_header(
                 17, ["2001:db8:7::2", "2001:db8:7::1"], 1) + wire.udp(
                     SOURCE6, "2001:db8:7::2", 4000, 5000, b"1234"),
                 next_header=wire.ROUTING)), by_hand=leaves(ge1=1)),
        Case("policy-vrf-route", "A policy's route in another table", in_table(
            sr_config(policy(path(VIA_1)))), one(to_policy(1), v6(2, to=0)),
            by_hand=drops(no_route=1)),
    ]


def with_route(config, prefix, i):
    add_route(config, prefix, i)
    return config


def short_pipe(config):
    config["mpls"]["ttl-model"] = "short-pipe"
    return config


def in_table(config):
    """ge3 and the steered routes are in the table red; the list is resolved in main."""
    config["interfaces"][3]["table"] = "red"
    for route in config["routes"]:
        if "sr-policy" in route or route["prefix"] == "2001:db8:3::/48":
            route["table"] = "red"
    return config


def mtu_cases():
    """An encapsulation of 40 + 8 + 16 octets leaves 1436 of 1500."""
    srv6 = sr_config(policy(path(VIA_1, FAR)))
    mpls = sr_config(policy(path(16001, 16009)))
    return [
        Case("policy-mtu-srv6", "Packet Too Big tells what the encapsulation leaves", srv6,
             one(to_policy(1, size=1436), to_policy(2, size=1437), to_policy(3, 4, size=1436),
                 to_policy(4, 4, size=1437)), by_hand=drops(mtu_exceeded=2)),
        Case("policy-mtu-mpls", "Packet Too Big tells what the labels leave", mpls,
             one(to_policy(1, size=1492), to_policy(2, size=1493), to_policy(3, 4, size=1492),
                 to_policy(4, 4, size=1493)), by_hand=drops(mtu_exceeded=2)),
        Case("policy-mtu-fragments", "Without DF the inner IPv4 packet is fragmented, and each "
             "fragment encapsulated", srv6, one(to_policy(1, 4, size=1437, flags=0)),
             check=two_encapsulated_fragments),
    ]


def two_encapsulated_fragments(outcome):
    frames = [frame[14:] for _, frame in outcome.sent("ge1")]
    account = outcome.account()
    if len(frames) != 2 or account["generated"] != 1 or account["dropped"]:
        return [f"{len(frames)} frames, account {account}"]
    problems = []
    total = 0
    for packet in frames:
        inner = packet[64:]
        if packet[6] != wire.ROUTING or packet[40] != 4 or wire.checksum(inner[:20]) or \
                int.from_bytes(packet[4:6], "big") != len(packet) - 40 or len(packet) > 1500:
            problems.append("not an encapsulated fragment: " + packet.hex())
        total += len(inner) - 20
    return problems if total == 1437 - 20 else problems + [f"{total} octets arrive"]


def binding_cases():
    sid = "fc00:1::b100"
    srv6 = sr_config(policy(path(VIA_1, FAR), binding_sid=sid))
    mpls = sr_config(policy(path(16002, 16009), binding_sid=sid))
    labels = sr_config(policy(path(16001, 16009), binding_sid=20000))
    around = sr_config(policy(path(VIA_1, FAR), binding_sid=20000))
    nothing = sr_config(policy(path(16010), binding_sid=20000))
    came = wire.ipv6(SOURCE6, sid, wire.routing_header(41, [FAR, sid], 1) + v6(1, size=80),
                     next_header=wire.ROUTING)
    no_header = wire.ipv6(SOURCE6, sid, v6(1, size=80), next_header=41)

    def stacks(*entries):
        return {"ge3": [at(1000 + 30_000 * k, labelled(3, stack, packet))
                        for k, (stack, packet) in enumerate(entries)]}

    return [
        Case("binding-sid-srv6", "An IPv6 binding SID: End, then the policy's header", srv6,
             one(came), by_hand=leaves(ge1=1)),
        Case("binding-sid-srv6-not-reduced", "A binding SID encapsulates as its policy does",
             sr_config(policy(path(VIA_1, FAR), binding_sid=sid, headend_behavior="H.Encaps")),
             one(came), by_hand=leaves(ge1=1)),
        Case("binding-sid-srv6-hop-limit", "Hop limit 1 ends at the binding SID", srv6,
             one(came[:7] + b"\1" + came[8:]), by_hand=drops(ttl_expired=1)),
        Case("binding-sid-srv6-upper-layer", "A binding SID without a segment left encapsulates "
             "nothing: RFC 8986, 4.13 and 4.1.1", srv6, one(no_header),
             by_hand=drops(malformed=1)),
        Case("binding-sid-srv6-to-labels", "An IPv6 binding SID of an SR-MPLS policy (End.BM)",
             mpls, one(came), by_hand=leaves(ge2=1)),
        Case("binding-label", "A binding label is replaced by the policy's labels", labels,
             stacks(([(20000, 5, 40)], v6(1, size=80)), ([(20000, 5, 40), (999, 1, 9)], v4(2)),
                    ([(20000, 0, 1)], v6(3))), by_hand=drops(ttl_expired=1)),
        Case("binding-label-own-first", "A binding label beneath a label of this router", labels,
             stacks(([(16000, 0, 64), (20000, 0, 70)], v6(1, size=80))), by_hand=leaves(ge1=1)),
        Case("binding-label-to-srv6", "A binding label of an SRv6 policy", around,
             stacks(([(20000, 0, 40)], v6(1, size=80)), ([(20000, 0, 40)], v4(2)),
                    ([(20000, 0, 40), (16001, 0, 40)], v4(2))), by_hand=drops(no_label=1)),
        Case("binding-label-martian-source", "What no router may forward goes into no policy either",
             around, stacks(([(20000, 0, 40)], v6(1, size=80, source="::1")),
                            ([(20000, 0, 40)], v4(2, source="127.0.0.1"))),
             by_hand=drops(malformed=2)),
        Case("binding-label-popped", "A binding label whose list pushes nothing", nothing,
             stacks(([(20000, 0, 40)], v6(1, size=80)), ([(20000, 0, 40), (16009, 0, 64)], v4(2))),
             by_hand=leaves(ge1=2)),
        Case("binding-label-short-pipe", "A binding label in the short pipe model",
             short_pipe(sr_config(policy(path(16001, 16009), binding_sid=20000))),
             stacks(([(20000, 5, 40)], v6(1, size=80))), by_hand=leaves(ge1=1)),
    ]


def active_path_cases():
    """Of each pair the first has to win: it leads through ge1, the other through ge2."""
    pairs = {
        "preference": (dict(preference=200, protocol_origin="pcep"),
                       dict(preference=199, protocol_origin="configuration")),
        "preference-default": (dict(), dict(preference=99, discriminator=1)),
        "origin": (dict(protocol_origin="configuration", originator={"asn": 9}),
                   dict(protocol_origin="bgp", originator={"asn": 1})),
        "origin-number": (dict(protocol_origin=31), dict(protocol_origin="configuration")),
        "originator-asn": (dict(originator={"asn": 1, "address": "2001:db8::9"}),
                           dict(originator={"asn": 2, "address": "2001:db8::1"},
                                discriminator=9)),
        "originator-address": (dict(originator={"asn": 1, "address": "192.0.2.9"}),
                               dict(originator={"asn": 1, "address": "2001:db8::1"},
                                    discriminator=9)),
        "discriminator": (dict(discriminator=2), dict(discriminator=1)),
    }
    made = []
    for name, (wins, loses) in pairs.items():
        for order in (0, 1):
            paths = [path(VIA_1, **wins), path(VIA_2, **loses)]
            made.append(Case(f"active-path-{name}-{order}", f"The active path: {name}",
                             sr_config(policy(*paths[::1 - 2 * order])), one(to_policy(1)),
                             by_hand=leaves(ge1=1)))
    made.append(Case("active-path-prefer-installed-at-start", "Nothing is installed at the start: "
                     "prefer-installed-path changes nothing",
                     sr_config(policy(path(VIA_2, discriminator=1), path(VIA_1, discriminator=2),
                                      prefer_installed_path=True)), one(to_policy(1)),
                     by_hand=leaves(ge1=1)))
    made.append(Case("active-path-planes", "Paths of one policy may be of different planes",
                     sr_config(policy(path(16002, preference=50), path(VIA_1, discriminator=1))),
                     one(to_policy(1)), by_hand=leaves(ge1=1)))
    return made


SECOND = path(VIA_2, discriminator=1)


def validity_cases():
    """The first path is not valid: the second, through ge2, is used."""
    invalid = {
        "empty": path(preference=200),
        "weight-0": path(VIA_1, weight=0, preference=200),
        "sid-without-route": path("fc00:7::1", preference=200),
        "sid-of-ours": path("fc00:1::77", preference=200),
        "label-unknown": path(16099, preference=200),
        "label-of-ours-alone": path(16000, preference=200),
    }
    made = []
    for name, bad in invalid.items():
        made.append(Case(f"list-invalid-{name}", f"An invalid list makes its path invalid: {name}",
                         sr_config(policy(bad, SECOND)), one(to_policy(1)), by_hand=leaves(ge2=1)))
    no_neighbor = sr_config(policy(path(VIA_1, preference=200), SECOND))
    no_neighbor["neighbors"] = [n for n in no_neighbor["neighbors"]
                                if n["address"] != "2001:db8:102::2"]
    made.append(Case("list-invalid-no-neighbor", "The first segment has to be resolvable to the "
                     "next hop's MAC", no_neighbor, one(to_policy(1)), by_hand=leaves(ge2=1)))
    # Headers and the least packet, 68 octets, against the mtu: the last one that fits, the first that
    # does not.
    for name, needed, bad in (
            ("one-sid", 40, path(VIA_1, preference=200)),
            ("three-sids", 40 + 8 + 2 * 16, path(VIA_1, FAR, FAR, preference=200)),
            ("nrp", 40 + 16, path(VIA_1, preference=200, nrp=5)),
            ("sid-beneath-labels", 40 + 2 * 4, path(BENEATH_LABELS, preference=200)),
            ("labels", 3 * 4, path(16001, 16101, 16102, preference=200))):
        for mtu, oif in ((needed + 68, 1), (needed + 67, 2)):
            config = beneath_labels(with_nrp(sr_config(policy(bad, SECOND)), "ge1"))
            config["interfaces"][1]["mtu"] = mtu
            made.append(Case(f"list-mtu-{name}-{mtu}", "A list that leaves no room for a packet in "
                             "the mtu is invalid", config, one(to_policy(1, 4, size=60)),
                             by_hand=leaves(**{f"ge{oif}": 1})))
    made.append(Case("list-invalid-others-stay", "Only valid lists of a path are used",
                     sr_config(policy(path(lists=[(["fc00:7::1"], 9), ([VIA_2], 1)]))),
                     one(*[to_policy(k, sport=k) for k in range(9)]), by_hand=leaves(ge2=9)))
    made.append(Case("list-invalid-nrp", "A list out of an interface without resources of the "
                     "path's NRP is invalid", with_nrp(sr_config(
                         policy(path(VIA_1, preference=200, nrp=5),
                                path(VIA_2, discriminator=1, nrp=5))), "ge2"),
                     one(to_policy(1)), by_hand=leaves(ge2=1)))
    return made


def with_nrp(config, *interfaces, **more):
    entry = {"id": 5, "name": "gold",
             "interfaces": [{"name": name, "best-effort-rate-mbps": 100} for name in interfaces]}
    entry.update(more)
    config["nrps"] = [entry]
    return config


def invalid_cases():
    bad = path("fc00:7::1")
    sid, label = "fc00:1::b100", 20000
    came = wire.ipv6(SOURCE6, sid, wire.routing_header(41, [VIA_1, sid], 1) + v6(1, size=80),
                     next_header=wire.ROUTING)

    def with_default(config):
        add_route(config, "2001:db8::/32", 0)
        add_route(config, "10.0.0.0/8", 0)
        return config

    def to_label():
        return {"ge3": [at(1000, labelled(3, [(label, 0, 64)], silent_v6(1, to=2)))]}

    return [
        Case("policy-invalid-routed", "An invalid policy: routing as usual",
             with_default(sr_config(policy(bad))), one(to_policy(1), to_policy(2, 4)),
             by_hand=leaves(ge0=2)),
        Case("policy-invalid-no-other-route", "Routing as usual may know no route",
             sr_config(policy(bad)), one(to_policy(1)), by_hand=drops(no_route=1)),
        Case("policy-invalid-dropped", "drop-upon-invalid", with_default(
            sr_config(policy(bad, drop_upon_invalid=True))), one(to_policy(1), to_policy(2, 4)),
            by_hand=drops(policy_invalid=2)),
        Case("policy-without-paths-dropped", "A policy without a path is invalid", with_default(
            sr_config(policy(drop_upon_invalid=True))), one(to_policy(1)),
            by_hand=drops(policy_invalid=1)),
        Case("binding-sid-invalid-gone", "Without drop-upon-invalid the binding SID is gone",
             sr_config(policy(bad, binding_sid=sid)), one(came), by_hand=drops(no_sid=1)),
        Case("binding-sid-invalid-kept", "With drop-upon-invalid the binding SID is kept",
             sr_config(policy(bad, binding_sid=sid, drop_upon_invalid=True)), one(came),
             by_hand=drops(policy_invalid=1)),
        Case("binding-label-invalid-gone", "Without drop-upon-invalid the binding label is gone",
             sr_config(policy(bad, binding_sid=label)), to_label(), by_hand=drops(no_label=1)),
        Case("binding-label-invalid-kept", "With drop-upon-invalid the binding label is kept",
             sr_config(policy(bad, binding_sid=label, drop_upon_invalid=True)), to_label(),
             by_hand=drops(policy_invalid=1)),
    ]


def steered_flow(config, **more):
    with_flow(config, flow(17, 20_000, {"interface": "ge3", "protocol": 17},
                           sr_policy={"color": COLOR, "endpoint": ENDPOINT}, **more))
    return config


def in_domain(config, kind="dscp", oif=1, **more):
    return with_domain(config, [tagged(0, kind, **more), tagged(oif, kind, **more)],
                       [explicit(0, oif, IDENTITY_PLUS_ONE, (1, 4))])


def flow_cases():
    def config(*paths, **more):
        return steered_flow(sr_config(policy(*paths, **more)))

    packets = one(v6(1, to=0), v4(2, to=0), silent_v6(3, to=0))
    gone = path("fc00:7::1")
    return [
        Case("flow-steered-srv6", "A DetNet flow is steered whatever its route",
             config(path(VIA_1, FAR)), packets, by_hand=leaves(ge0=1, ge1=2)),
        Case("flow-steered-no-neighbor", "Nor does it need a neighbor where its destination would be "
             "one", config(path(VIA_1, FAR)), one(v4(1, destination="10.0.2.77"),
                                                  v6(2, destination="2001:db8:102::77")),
             by_hand=leaves(ge1=2)),
        Case("flow-steered-mpls", "A DetNet flow is steered into labels",
             config(path(16002, 16009)), packets, by_hand=leaves(ge0=1, ge2=2)),
        Case("flow-steered-dscp", "The outer header carries the tag", in_domain(
            config(path(VIA_1, FAR))), packets, by_hand=leaves(ge0=1, ge1=2)),
        Case("flow-steered-option", "The outer header brings the option", in_domain(
            config(path(VIA_1, FAR)), "ipv6-option"), packets, by_hand=leaves(ge0=1, ge1=2)),
        Case("flow-steered-option-destination", "The option in the destination header before the "
             "routing header", in_domain(config(path(VIA_1, FAR)), "ipv6-option",
                                         header="destination"), packets,
             by_hand=leaves(ge0=1, ge1=2)),
        Case("flow-steered-mpls-tc", "The top label carries the tag", in_domain(
            config(path(16001, 16009)), "mpls-tc"), packets, by_hand=leaves(ge0=1, ge1=2)),
        Case("flow-steered-untaggable", "Labels have no place for an option", in_domain(
            config(path(16001, 16009)), "ipv6-option"), packets, by_hand=drops(untaggable=2)),
        Case("flow-steered-invalid-routed", "A flow of an invalid policy is routed as usual",
             config(gone), packets, by_hand=leaves(ge0=3)),
        Case("flow-steered-invalid-dropped", "A flow of an invalid policy with drop-upon-invalid "
             "is dropped", config(gone, drop_upon_invalid=True), packets,
             by_hand=drops(policy_invalid=2)),
        Case("flow-steered-csize", "csize counts the packet as received, not what is put in front",
             in_domain(steered_flow(sr_config(policy(path(VIA_1, FAR))))),
             {"ge3": [at(1000 + k, onto(3, v6(k, size=1250))) for k in range(4)]},
             by_hand=leaves(ge1=4)),
        Case("flow-steered-policed", "max-payload-size counts what is behind the IP header as it "
             "was received", in_domain(steered_flow(sr_config(policy(path(VIA_1, FAR))),
                                                    traffic_specification={
                                                        "interval-ns": 1_000_000,
                                                        "max-packets-per-interval": 8,
                                                        "max-payload-size": 480})),
             one(v4(1, size=500), v4(2, size=501), v6(3, size=520), v6(4, size=521)),
             by_hand=drops(policed=2)),
        Case("flow-steered-mpls-policed", "max-payload-size and pushed labels", in_domain(
            steered_flow(sr_config(policy(path(16001, 16009))), traffic_specification={
                "interval-ns": 1_000_000, "max-packets-per-interval": 8,
                "max-payload-size": 480}), "mpls-tc"),
            one(v4(1, size=500), v4(2, size=501), v6(3, size=520), v6(4, size=521)),
            by_hand=drops(policed=2)),
    ]


def transit_tcqf_cases():
    """TCQF packets of a domain that are steered on their way through it."""
    def config(kind, *segments, **more):
        return in_domain(sr_config(policy(path(*segments))), kind, **more)

    def tagged_packet(k, version=6):
        return to_policy(k, version, dscp=DSCP_TAGS[k % 4])

    optional = [v6(k, destination="2001:db8:7::1", hop_by_hop=wire.tcqf_option(1 + k % 4))
                for k in range(4)]
    rx = {"ge0": [at(1000 + 10 * k, onto(0, tagged_packet(k, 4 + 2 * (k % 2))))
                  for k in range(8)]}
    return [
        Case("tcqf-steered-dscp", "The tag moves to the outer header", config(
            "dscp", VIA_1, FAR), rx, by_hand=leaves(ge1=8)),
        Case("tcqf-steered-out-of-domain", "Steered out of the domain: the old tag is cleared, "
             "also beneath", config("dscp", VIA_2, FAR), rx, by_hand=leaves(ge2=8)),
        Case("tcqf-steered-option", "The option moves to the outer header", config(
            "ipv6-option", VIA_1, FAR),
            {"ge0": [at(1000 + 10 * k, onto(0, p)) for k, p in enumerate(optional)]},
            by_hand=leaves(ge1=4)),
        Case("tcqf-steered-labels-on-dscp", "Labels have no place for a DSCP tag", config(
            "dscp", 16001, 16009), rx, by_hand=drops(untaggable=8)),
    ]


def unused_option_cases():
    """The outer header would bring an option for the tag, but the packet gets no cycle."""
    def outside_window(kind, header, segment, nrp):
        """Tags are DSCPs on the way in; one of the four distances is in the window."""
        made = sr_config(policy(path(segment, FAR, **({"nrp": 5} if nrp else {}))))
        if segment == BENEATH_LABELS:
            beneath_labels(made)
        return with_domain(made, [tagged(0, "dscp"), tagged(1, kind, header=header)],
                           [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 1))],
                           outside_window_action="best-effort")

    def excess(header, nrp):
        return in_domain(steered_flow(
            sr_config(policy(path(VIA_1, FAR, **({"nrp": 5} if nrp else {})))),
            excess_action="best-effort", traffic_specification={
                "interval-ns": 1_000_000, "max-packets-per-interval": 1,
                "max-payload-size": 1000}), "ipv6-option", header=header)

    def with_nrp(config, nrp):
        if nrp:
            config["nrps"] = [{"id": 5, "name": "gold", "encapsulation": "ipv6-option",
                               "interfaces": [{"name": "ge1", "cycle-bits": 100_000}]}]
        return config

    def nothing_left(in_cycle):
        """Outer headers with a TCQF option, and that nothing of one is left in the others."""
        def by_hand(router):
            heads = [bytes(sent.frame[14:14 + 64]) for sent in router.ports["ge1"].sent]
            tagged_heads = [head for head in heads if b"\xb1\x02" in head[40:]]
            assert len(tagged_heads) == in_cycle, heads
            assert len(heads) == 4 and not any(b"\x3e\x02" in head[40:] for head in heads), heads

        return by_hand

    tcqf = {"ge0": [at(1000 + 10 * k, onto(0, to_policy(k, 4 + 2 * (k % 2), dscp=DSCP_TAGS[k])))
                    for k in range(4)]}
    flows = {"ge3": [at(1000 + 10 * k, onto(3, v6(k, to=0) if k % 2 else v4(k, to=0)))
                     for k in range(4)]}
    made = []
    for header in ("hop-by-hop", "destination"):
        for nrp in (False, True):
            name = f"{header}{'-nrp' if nrp else ''}"
            made += [
                Case(f"unused-option-outside-window-{name}", "Outside the window as best effort: "
                     "without an option that the tag would have needed",
                     with_nrp(outside_window("ipv6-option", header, VIA_1, nrp), nrp), tcqf,
                     by_hand=nothing_left(1)),
                Case(f"unused-option-excess-{name}", "Excess of a flow as best effort: without an "
                     "option that the tag would have needed", with_nrp(excess(header, nrp), nrp),
                     flows, by_hand=nothing_left(1)),
            ]
    made.append(Case("unused-option-beneath-labels", "Beneath labels no option is brought: it could "
                     "not carry the tag", outside_window("ipv6-option", "hop-by-hop",
                                                         BENEATH_LABELS, False), tcqf,
                     by_hand=drops(untaggable=1)))
    return made


def into_domain_cases():
    """From one domain into another: an ingress packet there, once it has left its own."""
    def config(*segments, match, steered=False, kind="ipv6-option"):
        two = with_domain(sr_config(policy(path(*segments))), [tagged(0, "dscp")], [],
                          egress_dscp=9)
        with_domain(two, [tagged(1, kind), tagged(2, "ipv6-option")], [], cycle_time_us=200)
        more = {"sr_policy": {"color": COLOR, "endpoint": ENDPOINT}} if steered else {}
        return with_flow(two, flow(17, 20_000, {"interface": "ge0", **match}, **more))

    def rx(**more):
        return {"ge0": [at(1000 + 10 * k, onto(0, v6(k, dscp=DSCP_TAGS[k], **more)))
                        for k in range(4)]}

    def in_cycle(interface, start):
        def by_hand(router):
            sent = starts(router, interface)
            assert len(sent) == 4 and sent[0] == start, sent

        return by_hand

    def two_policies():
        """The route's first segment is behind ge2, the flow's behind ge1."""
        made = config(VIA_2, FAR, match=udp)
        made["sr-policies"].append(dict(policy(path(VIA_1)), color=101))
        made["detnet"]["flows"][0]["sr-policy"] = {"color": 101, "endpoint": ENDPOINT}
        return made

    steered, routed = rx(destination="2001:db8:7::1"), rx(to=2)
    udp = {"protocol": 17, "dscp": [9]}
    return [
        Case("into-domain-steered", "What the route steers is matched as it was without the outer "
             "header", config(VIA_1, FAR, match=udp), steered, by_hand=in_cycle("ge1", 200_000)),
        Case("into-domain-outer-header", "The outer header that this router writes makes no flow",
             config(VIA_1, FAR, match={"source": "2001:db8:1::1/128"}), steered,
             by_hand=in_cycle("ge1", 1000)),
        Case("into-domain-flow-policy", "The flow's policy takes it, whatever its route",
             config(VIA_1, FAR, match=udp, steered=True), routed,
             by_hand=in_cycle("ge1", 200_000)),
        Case("into-domain-two-policies", "The flow's policy goes before the route's",
             two_policies(), steered, by_hand=in_cycle("ge1", 200_000)),
        Case("into-domain-flow-policy-mpls", "The flow's policy pushes labels",
             config(16001, 16009, match=udp, steered=True, kind="mpls-tc"), routed,
             by_hand=in_cycle("ge1", 200_000)),
    ]


def share_cases():
    """Weighted load-share, per flow (RFC 9256, 2.11)."""
    config = sr_config(policy(path(lists=[([VIA_1], 3), ([VIA_2], 1)])))
    packets = [to_policy(k, sport=1000 + k % 400) for k in range(800)]

    def check(outcome):
        by_flow, counts = {}, {}
        for name in ("ge1", "ge2"):
            frames = [frame for _, frame in outcome.sent(name)]
            counts[name] = len(frames)
            for frame in frames:
                by_flow.setdefault(frame[14 + 80:14 + 82], set()).add(name)
        problems = [f"flow {flow.hex()} takes several lists" for flow, names in by_flow.items()
                    if len(names) > 1]
        if sum(counts.values()) != 800 or not 540 <= counts["ge1"] <= 660:
            problems.append(f"shares {counts}, expected about 600 and 200")
        return problems

    return [Case("policy-weights", "Flows are shared by weight, each stays with one list", config,
                 {"ge3": [at(1000 + 2000 * k, onto(3, p)) for k, p in enumerate(packets)]},
                 check=check)]


def refused_cases():
    made = []
    binding = policy(path(VIA_1), binding_sid=20000)
    other = dict(policy(path(VIA_1), binding_sid=20000), color=101)
    for name, config in {
            "mixed-planes": sr_config(policy(path(VIA_1, 16001))),
            "eleven-labels": sr_config(policy(path(16001, *range(16101, 16111)))),
            "binding-sid-twice": sr_config(binding, other),
            "binding-sid-is-a-label": sr_config(policy(path(VIA_1), binding_sid=16001)),
            "binding-sid-is-an-address": sr_config(policy(path(VIA_1),
                                                          binding_sid="2001:db8:101::1")),
            "policy-unknown": dict(sr_config(policy(path(VIA_1))), **{"sr-policies": []}),
            "nrp-unknown": sr_config(policy(path(VIA_1, nrp=77))),
            "color-0": sr_config(dict(policy(path(VIA_1)), color=0)),
            "paths-alike": sr_config(policy(path(VIA_1), path(VIA_2))),
            "no-source": {k: v for k, v in sr_config(policy(path(VIA_1))).items()
                          if k != "srv6-source"}}.items():
        made.append(Case(f"config-refused-policy-{name}", f"Refused: {name}", config,
                         one(to_policy(1)), refused=1, stderr_has=("config.yaml:",)))
    b6 = sr_config(policy(path(16001)))
    b6["srv6"]["local-sids"] = [{"sid": "fc00:1::b6/128", "behavior": "End.B6.Encaps",
                                 "policy": {"color": COLOR, "endpoint": ENDPOINT}}]
    made.append(Case("config-refused-b6-of-labels", "End.B6.Encaps needs a policy of SIDs", b6,
                     one(to_policy(1)), refused=1, stderr_has=("config.yaml:",)))
    return made


def cases():
    return (steering_cases() + mtu_cases() + binding_cases() + active_path_cases() +
            validity_cases() + invalid_cases() + flow_cases() + transit_tcqf_cases() +
            unused_option_cases() + into_domain_cases() + share_cases() + refused_cases())
