"""SRv6 endpoints: what must leave is written out here, frame by frame (RFC 8754, RFC 8986)."""

import wire
from case import (BASE, INTERFACES, IDENTITY_PLUS_ONE, Case, add_route, at, base_config, drops,
                  explicit, hop, onto, own_mac, peer_mac, tagged, v4, v6, with_domain)

END, ENDX, END_PSP, DT6, DT4, DT46, DX6 = (f"fc00:1::{x}" for x in
                                           ("1", "e1", "5", "d6", "d4", "46", "a6"))
OUTER = "2001:db8:3::9"


def srv6_config():
    config = base_config()
    add_route(config, "fc00:2::/48", 1)
    add_route(config, "fc00:3::/48", 2)
    config["srv6"] = {"locators": ["fc00:1::/48"], "local-sids": [
        {"sid": f"{END}/128", "behavior": "End"},
        {"sid": f"{ENDX}/128", "behavior": "End.X", "next-hops": [hop(2, 6)]},
        {"sid": f"{END_PSP}/128", "behavior": "End", "flavors": ["PSP"]},
        {"sid": f"{DT6}/128", "behavior": "End.DT6"},
        {"sid": f"{DT4}/128", "behavior": "End.DT4"},
        {"sid": f"{DT46}/128", "behavior": "End.DT46"},
        {"sid": f"{DX6}/128", "behavior": "End.DX6", "next-hops": [hop(0, 6)]},
    ]}
    return config


def out(i, packet):
    ethertype = wire.ETHER_IPV4 if packet[0] >> 4 == 4 else wire.ETHER_IPV6
    return wire.ethernet(peer_mac(i), own_mac(i), ethertype, packet)


def exactly(dropped=None, generated=0, kernel=0, **interfaces):
    """A check that these frames leave, in this order, and that the account says so."""
    def check(outcome):
        account = outcome.account()
        problems = []
        for name in INTERFACES:
            frames = [frame for _, frame in outcome.sent(name)]
            wanted = interfaces.get(name, [])
            if generated:
                frames = [f for f in frames if f[20] != wire.ICMPV6]
            if frames != wanted:
                problems.append(f"{name}: got {[f.hex() for f in frames]}\n"
                                f"expected {[f.hex() for f in wanted]}")
        for key, value in (("dropped", dropped or {}), ("generated", generated),
                           ("to-kernel", kernel)):
            if account[key] != value:
                problems.append(f"{key}: {account[key]}, expected {value}")
        return problems

    return check


def outer(destination, segments, left, inner, *, hop_limit=64, kind=None, reduced=False,
          traffic_class=0):
    """IPv6 with a segment routing header; segments as in the header, the last one first."""
    kind = kind or (41 if inner[0] >> 4 == 6 else 4)
    srh = b"" if reduced else wire.routing_header(kind, segments, left)
    return wire.ipv6(OUTER, destination, srh + inner, next_header=kind if reduced else
                     wire.ROUTING, hop_limit=hop_limit, traffic_class=traffic_class)


def one(frame, *more):
    return {"ge3": [at(1000 + 30_000 * k, f) for k, f in enumerate((frame, *more))]}


def transit_cases():
    inner = v6(1, size=80)
    lists = ["fc00:3::1", "fc00:2::1", END]
    came = outer(END, lists, 2, inner)
    goes = outer("fc00:2::1", lists, 1, inner, hop_limit=63)
    through_x = outer(ENDX, ["fc00:2::1", ENDX], 1, inner)
    psp_came = outer(END_PSP, ["fc00:2::1", END_PSP], 1, inner)
    psp_goes = outer("fc00:2::1", [], 0, inner, hop_limit=63, reduced=True)
    not_last = outer(END_PSP, lists, 2, inner)
    plain = outer("fc00:2::1", lists, 1, inner)
    return [
        Case("srv6-end", "End: the next segment becomes the destination", srv6_config(),
             one(onto(3, came)), check=exactly(ge1=[out(1, goes)])),
        Case("srv6-end-x", "End.X: to the adjacency, whatever the routes say", srv6_config(),
             one(onto(3, through_x)), check=exactly(ge2=[out(2, outer(
                 "fc00:2::1", ["fc00:2::1", ENDX], 0, inner, hop_limit=63))])),
        Case("srv6-psp", "PSP removes the header where no segment is left", srv6_config(),
             one(onto(3, psp_came)), check=exactly(ge1=[out(1, psp_goes)])),
        Case("srv6-psp-not-yet", "PSP keeps it while segments are left", srv6_config(),
             one(onto(3, not_last)), check=exactly(ge1=[out(1, goes)])),
        Case("srv6-transit", "No SID of ours: plain IPv6, the header untouched", srv6_config(),
             one(onto(3, plain)), check=exactly(ge1=[out(1, goes)])),
    ]


def decapsulation_cases():
    inner6, inner4 = v6(1, size=80, to=0, hop_limit=50), v4(1, size=80, to=0, ttl=50)
    goes6, goes4 = v6(1, size=80, to=0, hop_limit=49), v4(1, size=80, to=0, ttl=49)
    made = []
    for name, sid, inner, goes, kind in (("dt6", DT6, inner6, goes6, 41),
                                         ("dt4", DT4, inner4, goes4, 4),
                                         ("dt46-v6", DT46, inner6, goes6, 41),
                                         ("dt46-v4", DT46, inner4, goes4, 4)):
        for reduced in (True, False):
            packet = outer(sid, [sid, END], 0, inner, kind=kind, reduced=reduced)
            made.append(Case(f"srv6-{name}-{'without' if reduced else 'with'}-srh",
                             "The outer header goes, the inner packet is routed", srv6_config(),
                             one(onto(3, packet)), check=exactly(ge0=[out(0, goes)])))
    marked = v6(1, size=80, to=0, hop_limit=50, dscp=46, ecn=2)
    kept = v6(1, size=80, to=0, hop_limit=49, dscp=46, ecn=3)
    made.append(Case("srv6-dt6-ecn", "RFC 6040: congestion marked outside is marked inside; the "
                     "inner DSCP stays", srv6_config(),
                     one(onto(3, outer(DT6, [], 0, marked, reduced=True, traffic_class=3))),
                     check=exactly(ge0=[out(0, kept)])))
    return made


def error_cases():
    inner = v6(1, size=80)
    bad_last = bytearray(outer(END, ["fc00:2::1", END], 1, inner))
    bad_last[44] = 5
    too_many = bytearray(outer(END, ["fc00:2::1", END], 1, inner))
    too_many[43] = 3
    made = []
    for name, packet in (("last-entry", bytes(bad_last)), ("segments-left", bytes(too_many)),
                         ("dt6-segments-left", outer(DT6, ["fc00:2::1", DT6], 1, inner)),
                         ("end-upper-layer", wire.ipv6(OUTER, END, wire.udp(
                             OUTER, END, 1, 2, bytes(20)))),
                         ("dt4-of-ipv6", outer(DT4, [], 0, inner, reduced=True))):
        made.append(Case(f"srv6-malformed-{name}", "A header or upper layer that the SID cannot "
                         "take: malformed, with an ICMPv6 parameter problem", srv6_config(),
                         one(onto(3, packet)), check=_parameter_problem))
    made.append(Case("srv6-no-sid", "In a locator, no SID of ours: no-sid, answered with 1/0",
                     srv6_config(), one(onto(3, v6(1, destination="fc00:1::9999"))),
                     check=exactly({"no-sid": 1}, generated=1)))
    around = srv6_config()
    around["routes"] += [{"prefix": prefix, "next-hops": [
        {"interface": "ge1", "address": "2001:db8:102::2"}]}
        for prefix in ("fc00::/16", "fc00:1:0:7::/64")]
    made.append(Case("srv6-routes-around-locator", "A locator is a prefix among those of the routes: "
                     "a wider one does not lead past it, a longer one goes before it", around,
                     one(*[onto(3, v6(k, destination=destination)) for k, destination in
                           enumerate(("fc00:1:0:8::1", "fc00:1:0:7::1"))]),
                     by_hand=drops(no_sid=1)))
    guarded = srv6_config()
    guarded["srv6-domain"] = ["ge0"]
    made.append(Case("srv6-untrusted-source", "srv6-domain: other interfaces bring nothing to "
                     "local SIDs", guarded,
                     one(onto(3, outer(END, ["fc00:2::1", END], 1, inner)), onto(3, v6(2))),
                     check=exactly({"untrusted-source": 1},
                                   ge1=[out(1, v6(2, hop_limit=63))])))
    return made


def _parameter_problem(outcome):
    account = outcome.account()
    problems = []
    if account["dropped"] != {"malformed": 1} or account["generated"] != 1:
        problems.append(f"account: {account}")
    sent = [frame for _, frame in outcome.sent("ge3")]
    if len(sent) != 1 or sent[0][20] != wire.ICMPV6 or sent[0][54] != 4:
        problems.append(f"no parameter problem on ge3: {[f.hex() for f in sent]}")
    return problems


def tagged_case():
    """TCQF and End: the tag in the destination header before the routing header is rewritten."""
    config = srv6_config()
    with_domain(config, [tagged(0, "ipv6-option", header="destination"),
                         tagged(1, "ipv6-option", header="destination")],
                [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    inner = v6(1, size=80)

    def packet(destination, left, hop_limit, tag):
        srh = wire.routing_header(41, ["fc00:2::1", END], left)
        options = wire.option_header(wire.ROUTING, wire.tcqf_option(tag))
        return wire.ipv6(OUTER, destination, options + srh + inner,
                         next_header=wire.DESTINATION, hop_limit=hop_limit)

    goes = out(1, packet("fc00:2::1", 0, 63, 2))

    def check(outcome):
        problems = exactly(ge1=[goes])(outcome)
        times = [time - BASE for time, _ in outcome.sent("ge1")]
        return problems if times == [100_000] else problems + [f"sent at {times}"]

    return Case("srv6-end-tcqf", "End with a TCQF option before the routing header", config,
                {"ge0": [at(5000, onto(0, packet(END, 1, 64, 1)))]}, check=check)


def cases():
    return transit_cases() + decapsulation_cases() + error_cases() + [tagged_case()]
