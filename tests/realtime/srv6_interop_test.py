"""Linux's own SRv6 and tcqfd on the same wire: each encapsulates, passes on and decapsulates what the
other sent. Prints TAP.

host0 (Linux) - ge0 tcqfd ge1 - host1 (Linux); 2001:db8:a::1 and 10.1.0.1 live behind host0,
2001:db8:b::1 and 10.9.0.1 behind host1.
"""

import sys

import tcqfd_test
from tcqfd_test import HOST_MAC, ROUTER_MAC, Daemon, assert_balances, pings


def configuration(name, routes, policies=""):
    """A router with one SID of each kind that the cases use."""
    return f"""
name: {name}
srv6-source: "2001:db8:ffff::1"
interfaces:
  - name: ge0
    device: "net_af_xdp0,iface=ge0,force_copy=1,busy_budget=0"
    mac: {ROUTER_MAC[0]}
    link-rate-mbps: 500
    addresses: [10.0.1.1/24, "2001:db8:1::1/64"]
  - name: ge1
    device: "net_af_xdp1,iface=ge1,force_copy=1,busy_budget=0"
    mac: {ROUTER_MAC[1]}
    link-rate-mbps: 500
    addresses: [10.0.2.1/24, "2001:db8:2::1/64"]
neighbors:
  - {{interface: ge0, address: 10.0.1.2, mac: {HOST_MAC[0]}}}
  - {{interface: ge0, address: "2001:db8:1::2", mac: {HOST_MAC[0]}}}
  - {{interface: ge1, address: 10.0.2.2, mac: {HOST_MAC[1]}}}
  - {{interface: ge1, address: "2001:db8:2::2", mac: {HOST_MAC[1]}}}
routes:
  - {{prefix: "fc00:a::/48", next-hops: [{{interface: ge0, address: "2001:db8:1::2"}}]}}
  - {{prefix: "fc00:b::/48", next-hops: [{{interface: ge1, address: "2001:db8:2::2"}}]}}
  - {{prefix: "fc00:1:d6b::/48", next-hops: [{{interface: ge1, address: "2001:db8:2::2"}}]}}
{routes}
srv6:
  locators: ["fc00:1::/48", "fc00:1:c::/48"]
  local-sids:
    - {{sid: "fc00:1::1/128", behavior: End}}
    - {{sid: "fc00:1::11/128", behavior: End, flavors: [PSP]}}
    - {{sid: "fc00:1::e1/128", behavior: End.X, next-hops: [{{interface: ge1, address: "2001:db8:2::2"}}]}}
    - {{sid: "fc00:1::d6/128", behavior: End.DT6}}
    - {{sid: "fc00:1::46/128", behavior: End.DT46}}
    - {{sid: "fc00:1:c::/48", behavior: End, flavors: [NEXT-CSID]}}
{policies}"""


PLAIN = """  - {prefix: "2001:db8:a::/48", next-hops: [{interface: ge0, address: "2001:db8:1::2"}]}
  - {prefix: "2001:db8:b::/48", next-hops: [{interface: ge1, address: "2001:db8:2::2"}]}
  - {prefix: 10.1.0.0/16, next-hops: [{interface: ge0, address: 10.0.1.2}]}
  - {prefix: 10.9.0.0/16, next-hops: [{interface: ge1, address: 10.0.2.2}]}
"""


def prepare(bench):
    """Addresses, neighbours and routes of the Linux hosts, which are SRv6 nodes."""
    bench.router.run("ip addr add 2001:db8:2::1/64 dev ge1 nodad")
    sides = ((bench.host0, "1", "a", "10.1.0.1", 0), (bench.host1, "2", "b", "10.9.0.1", 1))
    for host, link, site, ipv4, port in sides:
        for knob in ("conf.all.forwarding=1", "conf.all.seg6_enabled=1", "conf.eth0.seg6_enabled=1"):
            host.run(f"sysctl -qw net.ipv6.{knob}")
        host.run("sysctl -qw net.ipv4.ip_forward=1")
        host.run(f"ip addr add 2001:db8:{link}::2/64 dev eth0 nodad", check=False)
        host.run(f"ip addr add 2001:db8:{site}::1/128 dev lo nodad")
        host.run(f"ip addr add {ipv4}/32 dev lo", check=False)
        host.run(f"ip neigh replace 2001:db8:{link}::1 lladdr {ROUTER_MAC[port]} dev eth0")
        host.run(f"ip neigh replace 10.0.{link}.1 lladdr {ROUTER_MAC[port]} dev eth0")
        host.run(f"ip -6 route add fc00::/16 via 2001:db8:{link}::1 dev eth0")
        host.run(f"ip -6 route add fc00:{site}::d6/128 encap seg6local action End.DT6 table local dev eth0")
        host.run(f"ip -6 route add fc00:{site}::1/128 encap seg6local action End dev eth0")


def start(bench, routes=PLAIN, policies=""):
    prepare(bench)
    return Daemon(bench, bench.write(configuration(bench.name, routes, policies)))



def ping_site_b(bench, count=4):
    return pings(bench.host0, "-I 2001:db8:a::1 2001:db8:b::1", count)


def plain_back(bench):
    bench.host1.run("ip -6 route add 2001:db8:a::/48 via 2001:db8:2::1 dev eth0")
    bench.host1.run("ip route add 10.1.0.0/16 via 10.0.2.1")


def finish(daemon, least):
    account = daemon.stop()
    assert_balances(account)
    for interface in ("ge0", "ge1"):
        assert account["interfaces"][interface]["sent"] >= least, account
    assert not set(account["dropped"]) - {"cycle-overrun"}, account


def encapsulated_by_linux(bench, segments, mode="encap"):
    bench.host0.run(f"ip -6 route add 2001:db8:b::/48 encap seg6 mode {mode} segs {segments} dev eth0 "
                    "via 2001:db8:1::1")


def end_between_two_linux_routers_both_ways(bench):
    daemon = start(bench)
    encapsulated_by_linux(bench, "fc00:1::1,fc00:b::d6")
    bench.host1.run("ip -6 route add 2001:db8:a::/48 encap seg6 mode encap segs fc00:1::1,fc00:a::d6 "
                    "dev eth0 via 2001:db8:2::1")
    assert ping_site_b(bench)
    finish(daemon, 1)


def end_takes_reduced_headers(bench):
    daemon = start(bench)
    encapsulated_by_linux(bench, "fc00:1::1,fc00:b::d6", "encap.red")
    plain_back(bench)
    assert ping_site_b(bench)
    finish(daemon, 1)


def end_with_psp(bench):
    daemon = start(bench)
    encapsulated_by_linux(bench, "fc00:1::11,fc00:b::d6")
    plain_back(bench)
    assert ping_site_b(bench)
    finish(daemon, 1)


def end_x(bench):
    daemon = start(bench)
    encapsulated_by_linux(bench, "fc00:1::e1,fc00:b::d6")
    plain_back(bench)
    assert ping_site_b(bench)
    finish(daemon, 1)


def end_dt6_takes_off_what_linux_put_on(bench):
    daemon = start(bench)
    encapsulated_by_linux(bench, "fc00:1::d6")
    plain_back(bench)
    assert ping_site_b(bench)
    finish(daemon, 1)


def end_dt46_takes_off_ipv4(bench):
    daemon = start(bench)
    bench.host0.run("ip route replace 10.9.0.0/16 encap seg6 mode encap segs fc00:1::46 dev eth0")
    plain_back(bench)
    assert pings(bench.host0, "-I 10.1.0.1 10.9.0.1", 4)
    finish(daemon, 1)


def a_compressed_container_ends_at_linux(bench):
    daemon = start(bench)
    bench.host1.run("ip -6 route add fc00:1:d6b::/48 encap seg6local action End.DT6 table local dev eth0")
    encapsulated_by_linux(bench, "fc00:1:c:d6b::")
    plain_back(bench)
    assert ping_site_b(bench)
    finish(daemon, 1)


POLICY = """sr-policies:
  - color: 1
    endpoint: 2001:db8:b::1
    candidate-paths:
      - {preference: 100, discriminator: 1, segment-lists: [{segments: [SEGMENTS]}]}
"""


def policy(segments):
    return POLICY.replace("SEGMENTS", ", ".join(f'"{segment}"' for segment in segments))


STEERED = PLAIN.replace('{prefix: "2001:db8:b::/48", next-hops: [{interface: ge1, address: "2001:db8:2::2"}]}',
                        '{prefix: "2001:db8:b::/48", sr-policy: {color: 1, endpoint: "2001:db8:b::1"}}')


def linux_takes_off_what_a_policy_put_on(bench):
    daemon = start(bench, STEERED, policy(["fc00:b::d6"]))
    bench.host0.run("ip -6 route add 2001:db8:b::/48 via 2001:db8:1::1 dev eth0")
    plain_back(bench)
    assert ping_site_b(bench)
    finish(daemon, 1)


def a_policy_of_two_segments_through_linux(bench):
    daemon = start(bench, STEERED, policy(["fc00:b::1", "fc00:b::d6"]))
    bench.host0.run("ip -6 route add 2001:db8:b::/48 via 2001:db8:1::1 dev eth0")
    plain_back(bench)
    assert ping_site_b(bench)
    finish(daemon, 1)


def ping_to_a_sid_is_answered_by_an_error_or_the_host(bench):
    daemon = start(bench)
    bench.host0.run("ping -n -c 2 -i 0.2 -W 1 fc00:1::1", check=False)
    account = daemon.stop()
    assert_balances(account)
    assert account["to-kernel"] >= 2, account


CASES = [
    end_between_two_linux_routers_both_ways,
    end_takes_reduced_headers,
    end_with_psp,
    end_x,
    end_dt6_takes_off_what_linux_put_on,
    end_dt46_takes_off_ipv4,
    a_compressed_container_ends_at_linux,
    linux_takes_off_what_a_policy_put_on,
    a_policy_of_two_segments_through_linux,
    ping_to_a_sid_is_answered_by_an_error_or_the_host,
]


if __name__ == "__main__":
    tcqfd_test.CASES = CASES
    sys.exit(tcqfd_test.main())
