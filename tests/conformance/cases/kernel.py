"""What goes to the kernel, and how it looks there."""

import wire
from case import (DSCP_TAGS, IDENTITY_PLUS_ONE, INTERFACES, SOURCE4, SOURCE6, Case, at, base_config,
                  explicit, labelled, onto, own_label, own_mac, peer_mac, tagged, v4, v6,
                  with_domain, with_labels)

option = wire.tcqf_option


def spaced(i, frames, step=3000):
    return {INTERFACES[i]: [at(1000 + step * k, frame) for k, frame in enumerate(frames)]}


def to_mac(mac, ethertype, payload, i=3):
    return wire.ethernet(mac, peer_mac(i), ethertype, payload)


ARP_REQUEST = bytes.fromhex("0001080006040001020000000402" "0a000402" "000000000000" "0a000401")


def other_traffic():
    frames = [
        to_mac("ff:ff:ff:ff:ff:ff", 0x0806, ARP_REQUEST + bytes(18)),
        to_mac(own_mac(3), 0x0806, ARP_REQUEST + bytes(18)),
        to_mac(own_mac(3), 0x8100, b"\x00\x05\x08\x00" + v4(1)),
        to_mac(own_mac(3), 0x88A8, b"\x00\x05\x81\x00\x00\x06\x08\x00" + v4(1)),
        to_mac("01:80:c2:00:00:0e", 0x88CC, bytes(46)),
        to_mac(own_mac(3), 0x88F7, bytes(46)),
        to_mac(own_mac(3), 0x0026, bytes(38)),
        to_mac(own_mac(3), 0x88B5, b""),
    ]
    return [Case("kernel-other-ethertypes", "ARP, VLANs and other Ethertypes go to the kernel",
                 base_config(), spaced(3, frames))]


def other_macs():
    frames = [
        to_mac("02:00:00:00:99:99", 0x0800, v4(1)),
        to_mac(own_mac(1), 0x0800, v4(2)),
        to_mac("ff:ff:ff:ff:ff:ff", 0x0800, v4(3)),
        to_mac("01:00:5e:00:00:05", 0x0800, v4(4, destination="224.0.0.5")),
        to_mac("33:33:00:00:00:01", 0x86DD, v6(5, destination="ff02::1")),
        to_mac("02:00:00:00:99:99", 0x8847, wire.label_stack([(100, 0, 64)]) + v4(6)),
        to_mac(own_mac(3), 0x0800, v4(7, destination="224.0.0.5")),
        to_mac(own_mac(3), 0x86DD, v6(8, destination="ff02::5")),
    ]
    return [Case("kernel-other-macs", "Other unicast MACs, broadcast and multicast go to the "
                 "kernel", base_config(), spaced(3, frames))]


def own_addresses():
    frames = [onto(3, v4(k, destination=f"10.0.{k}.1", ttl=ttl))
              for k, ttl in ((1, 64), (2, 1), (3, 255), (4, 2))]
    frames += [onto(3, v6(k, destination=f"2001:db8:10{k}::1", hop_limit=ttl))
               for k, ttl in ((1, 64), (2, 1), (3, 255), (4, 2))]
    echo = wire.ipv4(SOURCE4, "10.0.4.1", wire.icmp(8, 0, 1, bytes(56)), protocol=1)
    bgp = wire.ipv4("10.0.4.2", "10.0.4.1", wire.tcp("10.0.4.2", "10.0.4.1", 33333, 179, b"hello"),
                    protocol=6, tos=0xC0, ttl=1)
    return [Case("kernel-own-addresses", "Addresses of the router, on whatever interface and with "
                 "whatever TTL", base_config(), spaced(3, frames + [onto(3, echo), onto(3, bgp)]))]


def tag_cases():
    """Tags are cleared on the way to the kernel."""
    def domain(kind, header="hop-by-hop"):
        extra = {"header": header} if kind == "ipv6-option" else {}
        return with_domain(base_config(), [tagged(0, kind, **extra), tagged(1, kind, **extra)],
                           [explicit(0, 1, IDENTITY_PLUS_ONE)], egress_dscp=10)

    here6 = "2001:db8:101::1"
    return [
        Case("kernel-tag-dscp", "A DSCP tag becomes egress-dscp", domain("dscp"),
             spaced(0, [onto(0, v4(k, destination="10.0.1.1", dscp=d, ecn=k % 4))
                        for k, d in enumerate(DSCP_TAGS + [0, 46])] +
                    [onto(0, v6(k, destination=here6, dscp=d)) for k, d in enumerate((3, 0))])),
        Case("kernel-tag-option", "The option is retired", domain("ipv6-option"),
             spaced(0, [onto(0, v6(k, destination=here6, hop_by_hop=option(k + 1, extended=k > 1,
                                                                           flags=k)))
                        for k in range(4)])),
        Case("kernel-tag-option-unknown", "Also with an unknown Cycle Id", domain("ipv6-option"),
             spaced(0, [onto(0, v6(1, destination=here6, hop_by_hop=option(99)))])),
        Case("kernel-tag-option-two", "Also both of two", domain("ipv6-option"),
             spaced(0, [onto(0, v6(1, destination=here6, hop_by_hop=option(1) + option(9)))])),
        Case("kernel-tag-option-from-outside", "Also from outside every domain",
             domain("ipv6-option"),
             spaced(3, [onto(3, v6(1, destination=here6, hop_by_hop=option(1))),
                        onto(3, v6(2, destination=here6, dest_options=option(2, extended=True))),
                        onto(3, v6(3, destination=here6, hop_by_hop=option(1),
                                   dest_options=option(2)))])),
        Case("kernel-tag-option-without-domain", "Also without any domain", base_config(),
             spaced(3, [onto(3, v6(1, destination=here6, hop_by_hop=option(1)))])),
        Case("kernel-tag-option-multicast", "Also in multicast and for other MACs",
             domain("ipv6-option"),
             spaced(0, [wire.ethernet("33:33:00:00:00:01", peer_mac(0), 0x86DD, v6(
                 1, destination="ff02::1", hop_by_hop=option(1))),
                        wire.ethernet("02:00:00:00:99:99", peer_mac(0), 0x86DD, v6(
                            2, hop_by_hop=option(1)))])),
        Case("kernel-tag-destination", "Also in the destination header",
             domain("ipv6-option", "destination"),
             spaced(0, [onto(0, v6(1, destination=here6, dest_options=option(1)))])),
    ]


def labelled_cases():
    """What comes labelled: an alert as it came, what is for the router without its labels."""
    config = with_labels(with_domain(
        base_config(), [tagged(0, "mpls-tc"), tagged(1, "mpls-tc")],
        [explicit(0, 1, IDENTITY_PLUS_ONE)], egress_tc=6), own_label(102))
    here4, here6 = v4(1, destination="10.0.1.1"), v6(1, destination="2001:db8:101::1",
                                                     hop_by_hop=option(1))

    def by_hand(router):
        # TC 2 and 3 are tags, 6 is egress-tc; TC 0 is none.
        tcs = [frame[16] >> 1 & 7 for frame in router.kernel["ge0"][:4]]
        assert tcs == [6, 0, 6, 6], tcs
        assert [frame[12:14].hex() for frame in router.kernel["ge0"][4:]] == ["0800", "86dd"]

    return [Case("kernel-labelled", "The tag of a label is cleared, options beneath are retired",
                 config, spaced(0, [
                     labelled(0, [(1, 2, 64), (101, 3, 64)], v4(1)),
                     labelled(0, [(1, 0, 64), (101, 3, 64)], v4(1)),
                     labelled(0, [(102, 2, 64), (1, 5, 64), (101, 3, 64)], v4(1)),
                     labelled(0, [(1, 2, 64), (101, 3, 64)], here6),
                     labelled(0, [(102, 2, 64)], here4),
                     labelled(0, [(102, 2, 64)], here6)]), by_hand=by_hand)]


def account_case():
    """Every kind of end in one run."""
    config = with_domain(base_config(1000), [tagged(0, "dscp"), tagged(1, "dscp")],
                         [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 2))])
    frames = [
        onto(0, v4(1, dscp=3)), onto(0, v4(2, dscp=11)), onto(0, v4(3)),
        onto(0, v4(4, destination="10.0.1.1")), onto(0, v4(5))[:20], onto(0, v4(6, dscp=3)),
        to_mac("ff:ff:ff:ff:ff:ff", 0x0806, ARP_REQUEST, 0),
        wire.ethernet(own_mac(0), peer_mac(0), 0x8847, wire.label_stack([(5000, 0, 9)]) + v4(1)),
        onto(0, v4(9, dscp=7)), onto(0, wire.ipv4(SOURCE4, "10.10.1.1", bytes(30),
                                                  header_checksum=1)),
        onto(0, wire.ipv6(SOURCE6, "2001:db8:d2::1", bytes(30), next_header=59)),
    ]
    made = []
    for drained in (True, False):
        made.append(Case(f"account-every-end-{'drained' if drained else 'cut'}",
                         "Every packet ends in exactly one counter", config,
                         spaced(0, frames, step=2000), until_drained=drained))
    return made


def cases():
    return (other_traffic() + other_macs() + own_addresses() + tag_cases() + labelled_cases() +
            account_case())
