"""Linux's own SRv6 and tcqfd on the same wire: each encapsulates, passes on and decapsulates what the
other sent. tshark looks at every frame that a router sent. Prints TAP.

One router: host0 (Linux) - ge0 tcqfd ge1 - host1 (Linux). Two: host0 - tcqfd - Linux - tcqfd - host1.
2001:db8:a::1 and 10.1.0.1 live on host0, 2001:db8:b::1 and 10.9.0.1 on host1.
"""

import ipaddress
import sys

import bench as test_bench
from bench import (Daemon, OneRouter, TwoRouters, assert_balances, assert_tshark_content, hops,
                   interfaces, pings, tcp_carries, udp_echoes)

SITE = {"a": ("2001:db8:a::1", "10.1.0.1"), "b": ("2001:db8:b::1", "10.9.0.1")}
A, B = SITE["a"][0], SITE["b"][0]
ROUTING, ICMPV6, TIME_EXCEEDED = 43, 58, 3


# What routers are told.


def routes(*prefixes_and_ways):
    return "\n".join(f'  - {{prefix: "{prefix}", {way}}}' for prefix, way in prefixes_and_ways)


def via(port, link, family=6):
    address = f"2001:db8:{link}::2" if family == 6 else f"10.0.{link}.2"
    return f'next-hops: [{{interface: ge{port}, address: "{address}"}}]'


def into(color):
    return f'sr-policy: {{color: {color}, endpoint: "2001:db8:ee::1"}}'


def policies(*lists):
    """One policy for each list of segments; the first has color 1."""
    return "sr-policies:\n" + "\n".join(f"""  - color: {color}
    endpoint: 2001:db8:ee::1
    candidate-paths:
      - {{preference: 100, discriminator: 1, segment-lists: [{{segments: {list(segments)}}}]}}"""
                                        for color, segments in enumerate(lists, 1))


SITE_A = (("2001:db8:a::/48", via(0, 1)), ("10.1.0.0/16", via(0, 1, 4)))
SITE_B = (("2001:db8:b::/48", via(1, 2)), ("10.9.0.0/16", via(1, 2, 4)))


def between_hosts(name, to_site_b=SITE_B, more=""):
    """A router between two Linux hosts, with one SID of each kind that the cases use."""
    return f"""
{interfaces(name)}
srv6-source: "2001:db8:ffff::1"
routes:
{routes(("fc00:a::/48", via(0, 1)), ("fc00:b::/48", via(1, 2)), ("fc00:1:d6b::/48", via(1, 2)),
        ("fc00:b0::/32", via(1, 2)), *SITE_A, *to_site_b)}
srv6:
  locators: ["fc00:1::/48", "fc00:1:c::/48"]
  local-sids:
    - {{sid: "fc00:1::1/128", behavior: End}}
    - {{sid: "fc00:1::11/128", behavior: End, flavors: [PSP]}}
    - {{sid: "fc00:1::e1/128", behavior: End.X, {via(1, 2)}}}
    - {{sid: "fc00:1::71/128", behavior: End.T}}
    - {{sid: "fc00:1::d6/128", behavior: End.DT6}}
    - {{sid: "fc00:1::46/128", behavior: End.DT46}}
    - {{sid: "fc00:1::c4/128", behavior: End.DX4, {via(1, 2, 4)}}}
    - {{sid: "fc00:1::c6/128", behavior: End.DX6, {via(1, 2)}}}
    - {{sid: "fc00:1:c::/48", behavior: End, flavors: [NEXT-CSID]}}
{more}"""


def steered(*segments):
    """Both families towards site b go into a policy."""
    return {"to_site_b": (("2001:db8:b::/48", into(1)), ("10.9.0.0/16", into(1))),
            "more": policies(segments)}


# What Linux is told.


def srv6_node(host, *names):
    for knob in ("forwarding", "seg6_enabled"):
        host.run(f"sysctl -qw net.ipv6.conf.all.{knob}=1")
    for name in names:
        host.run(f"sysctl -qw net.ipv6.conf.{name}.seg6_enabled=1")
    host.run("sysctl -qw net.ipv4.ip_forward=1")


def behaves(host, sid, action, device="eth0"):
    """Gives Linux a SID; {sid: why} where this kernel does not know the behavior or flavor."""
    done = host.run(f"ip -6 route add {sid} encap seg6local action {action} dev {device}", check=False)
    return {} if done.returncode == 0 else {sid: f"Linux refuses {action}: {done.stdout.strip()}"}


def refusal_of(refused, segments):
    """Why Linux has not one of these segments, or nothing."""
    return next((why for sid, why in refused.items() for segment in segments
                 if ipaddress.ip_address(segment) in ipaddress.ip_network(sid)), "")


def end_host(host, site, link):
    """A host with the addresses and SIDs of its site behind a router."""
    srv6_node(host, "eth0")
    host.run(f"ip addr add {SITE[site][0]}/128 dev lo nodad")
    host.run(f"ip addr add {SITE[site][1]}/32 dev lo", check=False)
    host.run(f"ip -6 route add fc00::/16 via 2001:db8:{link}::1 dev eth0")
    behaves(host, f"fc00:{site}::d6/128", "End.DT6 table local")
    behaves(host, f"fc00:{site}::1/128", "End")
    behaves(host, f"fc00:{site}::c4/128", "End.DX4 nh4 0.0.0.0")


def start(bench, to_site_b=SITE_B, more=""):
    for host, site, link in ((bench.host0, "a", 1), (bench.host1, "b", 2)):
        end_host(host, site, link)
    return Daemon(bench, bench.write(between_hosts(bench.name, to_site_b, more)))


def plain(host, there, link):
    """Routes of a host to the other site, without a tunnel."""
    v6, v4 = SITE[there]
    host.run(f"ip -6 route replace {v6[:-1]}/48 via 2001:db8:{link}::1 dev eth0")
    host.run(f"ip route replace {v4[:-4]}.0.0/16 via 10.0.{link}.1")


def plain_back(bench):
    plain(bench.host1, "a", 2)


def encapsulated_by_linux(host, there, link, segments, mode="encap"):
    v6, v4 = SITE[there]
    for family, prefix in (("-6", f"{v6[:-1]}/48"), ("-4", f"{v4[:-4]}.0.0/16")):
        gateway = f" via 2001:db8:{link}::1" if family == "-6" else ""
        host.run(f"ip {family} route replace {prefix} encap seg6 mode {mode} segs {segments} "
                 f"dev eth0{gateway}")


def ping_b(bench, family=6):
    source, address = (SITE[site][family == 4] for site in "ab")
    return pings(bench.host0, f"-I {source} {address}", 4)


# How a case ends.


def finish(bench, *daemons):
    """Accounts that balance, nothing dropped, and no complaint of tshark."""
    for daemon in daemons:
        account = daemon.stop()
        assert_balances(account)
        for interface in ("ge0", "ge1"):
            assert account["interfaces"][interface]["sent"] >= 1, account
        assert not account["dropped"], account
    frames = bench.frames(of_routers=True)
    assert frames, "nothing was seen of what routers sent"
    assert_tshark_content(frames)


def routing_header(frame):
    """(entries, segments left, last entry) of the header right behind IPv6, or None."""
    if frame[14] >> 4 != 6 or frame[20] != ROUTING:
        return None
    return frame[55] // 2, frame[57], frame[58]


def destination(frame):
    return str(ipaddress.IPv6Address(frame[38:54])) if frame[14] >> 4 == 6 else ""


# Linux at both ends, tcqfd between.


def end_between_two_linux_routers_both_ways(bench):
    daemon = start(bench)
    encapsulated_by_linux(bench.host0, "b", 1, "fc00:1::1,fc00:b::d6")
    encapsulated_by_linux(bench.host1, "a", 2, "fc00:1::1,fc00:a::d6")
    assert ping_b(bench)
    finish(bench, daemon)


def udp_and_tcp_cross_with_reduced_headers_both_ways(bench):
    daemon = start(bench)
    encapsulated_by_linux(bench.host0, "b", 1, "fc00:1::1,fc00:b::d6", "encap.red")
    encapsulated_by_linux(bench.host1, "a", 2, "fc00:1::1,fc00:a::d6", "encap.red")
    assert udp_echoes(bench.host0, A, bench.host1, B) > 0
    assert tcp_carries(bench.host0, A, bench.host1, B)
    finish(bench, daemon)


# Title, SIDs, family of what is inside, mode.
ENCAPSULATED_BY_LINUX = (
    ("for End, reduced", "fc00:1::1,fc00:b::d6", 6, "encap.red"),
    ("for End with PSP", "fc00:1::11,fc00:b::d6", 6, "encap"),
    ("for End.X", "fc00:1::e1,fc00:b::d6", 6, "encap"),
    ("for End.T", "fc00:1::71,fc00:b::d6", 6, "encap"),
    ("for End.DT6", "fc00:1::d6", 6, "encap"),
    ("for End.DT6, reduced to no header", "fc00:1::d6", 6, "encap.red"),
    ("for End.DX6", "fc00:1::c6", 6, "encap"),
    ("IPv4 for End.DT46", "fc00:1::46", 4, "encap"),
    ("IPv4 for End.DX4", "fc00:1::c4", 4, "encap"),
    ("IPv4 for End and End.DX4, reduced", "fc00:1::1,fc00:1::c4", 4, "encap.red"),
    ("a container of End and its own End.DT6", "fc00:1:c:d6b::", 6, "encap"),
)


def step(title, bench, family, refusal=""):
    """A step that pings, where Linux can do what is asked."""
    if refusal:
        return title, [], refusal
    return title, [] if ping_b(bench, family) else ["no ping was answered"], ""


def linux_encapsulates(bench):
    """Answers come back plain."""
    daemon = start(bench)
    behaves(bench.host1, "fc00:1:d6b::/48", "End.DT6 table local")
    plain_back(bench)
    for title, sids, family, mode in ENCAPSULATED_BY_LINUX:
        encapsulated_by_linux(bench.host0, "b", 1, sids, mode)
        yield step(f"linux encapsulates {title}", bench, family)
    finish(bench, daemon)


TAKEN_OFF_BY_LINUX = (
    ("for End.DT6", ("fc00:b::d6",), 6),
    ("for End and End.DT6", ("fc00:b::1", "fc00:b::d6"), 6),
    ("for End.DX4", ("fc00:b::c4",), 4),
    ("for End and End.DX4", ("fc00:b::1", "fc00:b::c4"), 4),
    ("for a container of End and End.DT6", ("fc00:b0:1:2::",), 6),
)


def linux_takes_off_what_a_policy_put_on(bench):
    """Each policy takes the place of the one before, while the router runs."""
    daemon = start(bench)
    refused = behaves(bench.host1, "fc00:b0:1::/48", "End flavors next-csid lblen 32 nflen 16")
    behaves(bench.host1, "fc00:b0:2::/48", "End.DT6 table local")
    plain(bench.host0, "b", 1)
    plain_back(bench)
    for title, segments, family in TAKEN_OFF_BY_LINUX:
        bench.write(between_hosts(bench.name, **steered(*segments)))
        assert daemon.reload("tcqfd: reloaded"), daemon.errors()
        yield step(f"linux takes off what a policy put on {title}", bench, family,
                   refusal_of(refused, segments))
    finish(bench, daemon)


def a_policy_writes_reduced_headers_as_linux_does(bench):
    """RFC 8986, 5.2: the first segment is in the destination alone. Nobody has that SID: Linux leaves
    what it sees as it is."""
    first = "fc00:b::ff"
    daemon = start(bench, **steered(first, "fc00:b::d6"))
    plain(bench.host0, "b", 1)
    ping_b(bench)
    ours = {routing_header(frame) for frame in bench.frames(of_routers=True)
            if destination(frame) == first}
    encapsulated_by_linux(bench.host0, "b", 1, f"{first},fc00:b::d6", "encap.red")
    ping_b(bench)
    linux = {routing_header(frame) for frame in bench.frames(of_routers=False)
             if destination(frame) == first}
    assert ours == linux == {(1, 1, 0)}, (ours, linux)
    assert_balances(daemon.stop())


def traceroute_shows_the_router_plain_and_behind_what_linux_put_on(bench):
    """In the middle of a tunnel the error is its source's, who does not tell traceroute."""
    daemon = start(bench)
    plain_back(bench)
    plain(bench.host0, "b", 1)
    seen = {"plain": hops(bench.host0, A, B)}
    encapsulated_by_linux(bench.host0, "b", 1, "fc00:1::d6")
    seen["End.DT6"] = hops(bench.host0, A, B)
    assert set(map(tuple, seen.values())) == {("2001:db8:ffff::1", B)}, seen
    bench.frames(of_routers=True)
    encapsulated_by_linux(bench.host0, "b", 1, "fc00:1::1,fc00:b::d6")
    assert hops(bench.host0, A, B) == ["*", B]
    frames = bench.frames(of_routers=True)
    exceeded = [frame for frame in frames if destination(frame) == "2001:db8:1::2"
                and frame[20] == ICMPV6 and frame[54] == TIME_EXCEEDED]
    assert exceeded, "the tunnel's source got no error"
    account = daemon.stop()
    assert_balances(account)
    assert set(account["dropped"]) == {"ttl-expired"}, account
    assert_tshark_content(frames)


def ping_to_a_sid_is_answered_by_an_error_or_the_host(bench):
    daemon = start(bench)
    bench.host0.run("ping -n -c 2 -i 0.2 -W 1 fc00:1::1", check=False)
    account = daemon.stop()
    assert_balances(account)
    assert account["to-kernel"] >= 2, account
    assert_tshark_content(bench.frames(of_routers=True))


# tcqfd at both ends, Linux between.

FORTH, BACK = ("fc00:2::1", "fc00:3::46"), ("fc00:2::1", "fc00:1::46")


def at_the_edge(name, side, segments):
    """The router of side 0 or 1: policies towards the other site, decapsulation for its own."""
    near, far = (0, 1) if side == 0 else (1, 0)         # ports
    links = (1, 2) if side == 0 else (3, 4)
    here, there = ("a", "b") if side == 0 else ("b", "a")
    own, other = ("fc00:1", "fc00:3") if side == 0 else ("fc00:3", "fc00:1")
    host, middle = (links[near], links[far])
    prefixes = {site: (f"{SITE[site][0][:-1]}/48", f"{SITE[site][1][:-4]}.0.0/16") for site in "ab"}
    return f"""
{interfaces(name, links)}
srv6-source: "2001:db8:ffff::{side + 1}"
routes:
{routes(("fc00:2::/32", via(far, middle)), (f"{other}::/48", via(far, middle)),
        ("fc00:c5::/32", via(far, middle)),
        (prefixes[here][0], via(near, host)), (prefixes[here][1], via(near, host, 4)),
        (prefixes[there][0], into(1)), (prefixes[there][1], into(1)))}
srv6:
  locators: ["{own}::/48", "fc00:c5:{side + 1}::/48"]
  local-sids:
    - {{sid: "{own}::46/128", behavior: End.DT46}}
    - {{sid: "fc00:c5:{side + 1}::/128", behavior: End.DT46}}
{policies(segments)}"""


# Of Linux between the routers: SID, device, behavior.
SIDS_BETWEEN = (
    ("fc00:2::1/128", "left", "End"),
    ("fc00:2::11/128", "left", "End flavors psp"),
    ("fc00:2::e1/128", "left", "End.X nh6 2001:db8:2::1"),
    ("fc00:2::e3/128", "right", "End.X nh6 2001:db8:3::1"),
    ("fc00:2::71/128", "left", "End.T table main"),
    ("fc00:c5:5::/48", "left", "End flavors next-csid lblen 32 nflen 16"),
    ("fc00:c5:6::/48", "right", "End.X nh6 2001:db8:3::1 flavors next-csid lblen 32 nflen 16"),
)


def start_edges(bench):
    """Both routers, and Linux between them; what of its SIDs Linux refused."""
    end_host(bench.host0, "a", 1)
    end_host(bench.host1, "b", 4)
    plain(bench.host0, "b", 1)
    plain(bench.host1, "a", 4)
    for host, link in ((bench.host0, 1), (bench.host1, 4)):
        host.run(f"ip -6 route add 2001:db8:ffff::/48 via 2001:db8:{link}::1 dev eth0")
    middle = bench.middle
    srv6_node(middle, "left", "right")
    for router, link, name in ((1, 2, "left"), (2, 3, "right")):
        for prefix in (f"fc00:{2 * router - 1}::/48", f"fc00:c5:{router}::/48",
                       f"2001:db8:ffff::{router}/128"):
            middle.run(f"ip -6 route add {prefix} via 2001:db8:{link}::1 dev {name}")
    refused = {}
    for sid, device, action in SIDS_BETWEEN:
        refused |= behaves(middle, sid, action, device)
    return [Daemon(bench, bench.write(at_the_edge(f"{bench.name}{side}", side, segments),
                                      f"router{side}.yaml"), "--", "--no-huge", "-m", "512",
                   router=bench.routers[side])
            for side, segments in enumerate((FORTH, BACK))], refused


PASSED_ON_BY_LINUX = (
    ("as End", FORTH, BACK),
    ("as End with PSP", ("fc00:2::11", "fc00:3::46"), ("fc00:2::11", "fc00:1::46")),
    ("as End.X", ("fc00:2::e3", "fc00:3::46"), ("fc00:2::e1", "fc00:1::46")),
    ("as End.T", ("fc00:2::71", "fc00:3::46"), ("fc00:2::71", "fc00:1::46")),
    ("as End of a container", ("fc00:c5:5:2::",), ("fc00:c5:5:1::",)),
    ("as End.X of a container", ("fc00:c5:6:2::",), ("fc00:c5:5:1::",)),
)


def linux_passes_on_between_two_routers(bench):
    """What one tcqfd puts on, the other takes off; policies change while both run."""
    daemons, refused = start_edges(bench)
    for title, *both in PASSED_ON_BY_LINUX:
        for side, segments in enumerate(both):
            bench.write(at_the_edge(f"{bench.name}{side}", side, segments), f"router{side}.yaml")
            assert daemons[side].reload("tcqfd: reloaded"), daemons[side].errors()
        for family in (6, 4):
            yield step(f"linux passes on IPv{family} in IPv6 {title}", bench, family,
                       refusal_of(refused, [segment for segments in both for segment in segments]))
    finish(bench, *daemons)


def traceroute_through_linux_shows_both_routers(bench):
    """Linux is inside the tunnel; its hop is the outer header's."""
    daemons, _ = start_edges(bench)
    assert ping_b(bench)
    shown = hops(bench.host0, A, B)
    assert shown == ["2001:db8:ffff::1", "2001:db8:ffff::2", B], shown
    shown = hops(bench.host0, SITE["a"][1], SITE["b"][1])
    assert len(shown) == 3 and shown[0] == "10.0.1.1" and shown[2] == SITE["b"][1], shown
    assert shown[1] in ("10.0.3.1", "10.0.4.1"), shown
    for daemon in daemons:
        account = daemon.stop()
        assert_balances(account)
        assert set(account["dropped"]) == {"ttl-expired"}, account
    assert_tshark_content(bench.frames(of_routers=True))


def udp_and_tcp_cross_linux_between_two_routers(bench):
    """TCP's first large segments do not fit into the tunnel: Packet Too Big makes them."""
    daemons, _ = start_edges(bench)
    for family in (0, 1):
        source, address = SITE["a"][family], SITE["b"][family]
        assert udp_echoes(bench.host0, source, bench.host1, address) > 0, address
        assert tcp_carries(bench.host0, source, bench.host1, address), address
    for daemon in daemons:
        account = daemon.stop()
        assert_balances(account)
        assert set(account["dropped"]) <= {"mtu-exceeded"}, account
    assert_tshark_content(bench.frames(of_routers=True))


BETWEEN_HOSTS = [
    end_between_two_linux_routers_both_ways,
    udp_and_tcp_cross_with_reduced_headers_both_ways,
    linux_encapsulates,
    linux_takes_off_what_a_policy_put_on,
    a_policy_writes_reduced_headers_as_linux_does,
    traceroute_shows_the_router_plain_and_behind_what_linux_put_on,
    ping_to_a_sid_is_answered_by_an_error_or_the_host,
]
BETWEEN_ROUTERS = [
    linux_passes_on_between_two_routers,
    traceroute_through_linux_shows_both_routers,
    udp_and_tcp_cross_linux_between_two_routers,
]


if __name__ == "__main__":
    sys.exit(test_bench.main(
        {OneRouter: BETWEEN_HOSTS, TwoRouters: BETWEEN_ROUTERS},
        needs="ip -6 route add fc00:1::1/128 encap seg6local action End dev lo"))
