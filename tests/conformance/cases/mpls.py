"""MPLS: label operations, TTL models, special labels, broken stacks."""

import wire
from case import (SOURCE4, SOURCE6, Case, add_route, at, base_config, labelled, onto, own_label,
                  own_mac, peer_mac, pop, silent_v4, silent_v6, swap, v4, v6, with_labels)

ENTRIES = (swap(100, 200, 1), pop(101, 1), own_label(102), swap(103, 1048575, 2),
           swap(104, [300, 301], 1), swap(105, [300, 301, 302, 303], 1), swap(16, 17, 1),
           swap(1048575, 16, 1), swap(106, 0, 1), swap(107, 2, 1), pop(108, 2))


def config_of(model="uniform"):
    return with_labels(base_config(), *ENTRIES, model=model)


def spaced(frames, step=3000):
    return {"ge3": [at(1000 + step * k, frame) for k, frame in enumerate(frames)]}


def swap_cases():
    inner = [(900, 3, 77), (901, 5, 66)]
    return [
        Case("mpls-swap", "Swap keeps TC and what lies beneath", config_of(),
             spaced([labelled(3, [(100, tc, 64)] + inner[:n], v4(n))
                     for n in range(3) for tc in (0, 5)])),
        Case("mpls-swap-extremes", "Labels 16 and 1048575", config_of(),
             spaced([labelled(3, [(16, 0, 64)], v4(1)), labelled(3, [(1048575, 0, 64)], v4(2)),
                     labelled(3, [(103, 0, 64)], v4(3))])),
        Case("mpls-swap-several", "Several out-labels: the first is the top", config_of(),
             spaced([labelled(3, [(104, 0, 64)], v4(1)), labelled(3, [(105, 0, 64)], v4(2)),
                     labelled(3, [(104, 0, 64)] + [(900, 0, 9)], v4(3))])),
        Case("mpls-swap-explicit-null", "Swap to explicit null", config_of(),
             spaced([labelled(3, [(106, 0, 64)], v4(1)), labelled(3, [(107, 0, 64)], v6(2))])),
        Case("mpls-swap-any-payload", "Whatever lies beneath the label", config_of(),
             spaced([labelled(3, [(100, 0, 64)], bytes(range(60))),
                     labelled(3, [(100, 0, 64)], b"\x10\x00" + bytes(44)),
                     labelled(3, [(100, 0, 64)], v4(3, size=40)[:30]),
                     labelled(3, [(100, 0, 64)], v6(4))]), dissect=False),
        Case("mpls-deep-stack", "Deep stacks", config_of(),
             spaced([labelled(3, [(100, 0, 64)] + [(500 + k, k % 8, 5 + k) for k in range(depth)],
                              v4(depth, size=60)) for depth in (1, 8, 16, 32, 64)])),
    ]


def ttl_cases():
    made = []
    for model in ("uniform", "short-pipe"):
        made.append(Case(f"mpls-ttl-swap-{model}", "Swap lowers the TTL, pushed labels as the "
                         "model says", config_of(model),
                         spaced([labelled(3, [(100, 0, ttl)], v4(ttl)) for ttl in (255, 64, 2)] +
                                [labelled(3, [(104, 0, ttl)], v4(ttl)) for ttl in (255, 64, 2)])))
        made.append(Case(f"mpls-ttl-pop-{model}", "What a pop exposes", config_of(model),
                         spaced([labelled(3, [(101, 0, 20)], v4(1, ttl=64)),
                                 labelled(3, [(101, 0, 2)], v6(2, hop_limit=64)),
                                 labelled(3, [(101, 0, 20), (500, 5, 64)], v4(3)),
                                 labelled(3, [(101, 0, 20), (500, 5, 64), (501, 1, 3)], v4(4)),
                                 labelled(3, [(101, 0, 64)], v4(5, ttl=64))])))
        made.append(Case(f"mpls-ttl-pop-and-lookup-{model}", "One decrement a router",
                         config_of(model),
                         spaced([labelled(3, [(102, 0, 20)], v4(1, ttl=64)),
                                 labelled(3, [(102, 0, 20)], v6(2, hop_limit=64)),
                                 labelled(3, [(102, 0, 50), (100, 0, 60)], v4(3)),
                                 labelled(3, [(102, 0, 50), (102, 0, 60), (100, 0, 70)], v4(4)),
                                 labelled(3, [(102, 0, 50), (101, 0, 60), (500, 0, 70)], v4(5)),
                                 labelled(3, [(102, 0, 50), (102, 0, 55)], v4(6, ttl=60))])))
        made.append(Case(f"mpls-ttl-expired-{model}", "TTL 1 and 0 of the top label",
                         config_of(model),
                         spaced([labelled(3, [(100, 0, ttl)], silent_v4(ttl))
                                 for ttl in (1, 0, 2)] +
                                [labelled(3, [(101, 0, 1)], silent_v4(5)),
                                 labelled(3, [(101, 0, 1), (500, 0, 64)], silent_v4(6))])))
        config = config_of(model)
        add_route(config, "10.11.0.0/16", 1, labels=[777])
        add_route(config, "10.12.0.0/16", 1, labels=[777, 778, 779])
        add_route(config, "2001:db8:b::/48", 2, labels=[777, 778])
        made.append(Case(f"mpls-push-{model}", "A route pushes labels", config,
                         spaced([onto(3, v4(1, destination="10.11.0.1", ttl=33)),
                                 onto(3, v4(2, destination="10.12.0.1", ttl=2)),
                                 onto(3, v6(3, destination="2001:db8:b::1", hop_limit=200)),
                                 onto(3, silent_v4(4, ttl=1))])))
    return made


def pop_cases():
    return [
        Case("mpls-php", "Penultimate hop popping: the Ethertype follows the packet", config_of(),
             spaced([labelled(3, [(101, 0, 64)], v4(1, dscp=46, ecn=1)),
                     labelled(3, [(101, 7, 64)], v6(2, dscp=46, ecn=1)),
                     labelled(3, [(108, 0, 64)], v4(3))])),
        Case("mpls-pop-and-lookup-ip", "Own SID at the bottom: the routes", config_of(),
             spaced([labelled(3, [(102, 0, 64)], v4(1, to=0)),
                     labelled(3, [(102, 0, 64)], v4(2, to=2)),
                     labelled(3, [(102, 0, 64)], v6(3, to=1)),
                     labelled(3, [(102, 0, 64), (102, 0, 64), (102, 0, 64)], v4(4, to=1))])),
        Case("mpls-pop-and-lookup-chain", "Own SIDs above others", config_of(),
             spaced([labelled(3, [(102, 0, 64), (100, 0, 64)], v4(1)),
                     labelled(3, [(102, 0, 64), (101, 0, 64), (500, 0, 64)], v4(2)),
                     labelled(3, [(102, 0, 64), (101, 0, 64)], v4(3)),
                     labelled(3, [(102, 0, 64), (999, 0, 64)], v4(4)),
                     labelled(3, [(102, 0, 64), (104, 0, 64), (500, 0, 64)], v4(5))])),
        Case("mpls-explicit-null", "Explicit null 0 and 2 at the bottom", config_of(),
             spaced([labelled(3, [(0, 0, 64)], v4(1, to=1)), labelled(3, [(2, 0, 64)], v6(2, to=2)),
                     labelled(3, [(102, 0, 64), (0, 0, 64)], v4(3))])),
        Case("mpls-pop-and-lookup-fragments", "What came labelled is not fragmented beneath",
             _small(), spaced([labelled(3, [(100, 0, 64)], silent_v4(1, size=573, flags=0)),
                               labelled(3, [(100, 0, 64)], v4(2, size=572, flags=0)),
                               labelled(3, [(104, 0, 64)], silent_v6(3, size=569)),
                               labelled(3, [(101, 0, 64)], v4(4, size=576, flags=0))])),
    ]


def _small():
    config = config_of()
    config["interfaces"][1]["mtu"] = 576
    return config


def entropy_by_hand(router):
    assert router.dropped == {"malformed": 1, "mtu-exceeded": 1}, router.dropped
    assert [len(packet.frame) for packet in router.ports["ge1"].sent].count(14 + 576) == 1


def special_cases():
    return [
        Case("mpls-no-label", "Unknown labels", config_of(),
             spaced([labelled(3, [(label, 0, 64)], v4(1)) for label in (17, 99, 110, 1000000)] +
                    [labelled(3, [(3, 0, 64)], v4(2))])),
        Case("mpls-implicit-null-on-the-wire", "Label 3 on the wire is no-label", config_of(),
             spaced([labelled(3, [(3, 0, 64)], v4(1)),
                     labelled(3, [(3, 0, 64), (100, 0, 64)], v4(2))])),
        Case("mpls-router-alert", "Label 1 goes to the kernel", config_of(),
             spaced([labelled(3, [(1, 0, 64), (100, 0, 64)], v4(1))])),
        Case("mpls-entropy-below-swap", "ELI and EL beneath a swap stay", config_of(),
             spaced([labelled(3, [(100, 0, 64), (7, 0, 64), (70000, 0, 0)], v4(1))])),
        Case("mpls-entropy-below-own", "ELI and EL beneath an own SID are passed over",
             config_of(),
             spaced([labelled(3, [(102, 0, 64), (7, 0, 64), (70000, 0, 0), (100, 0, 64)], v4(1)),
                     labelled(3, [(102, 0, 64), (7, 0, 64), (70000, 0, 0)], v4(2))])),
        Case("mpls-entropy-below-popped", "ELI and EL go with the label that is popped above them",
             _small(),
             spaced([labelled(3, [(101, 0, 64), (7, 0, 9), (70000, 0, 0), (400, 3, 60)], v4(1)),
                     labelled(3, [(101, 0, 64), (7, 0, 9), (70000, 0, 0)], v4(2)),
                     labelled(3, [(101, 0, 64), (7, 0, 9)], v4(3)),
                     labelled(3, [(102, 0, 64), (101, 0, 64), (7, 0, 0), (70000, 0, 0)], v6(4)),
                     labelled(3, [(101, 0, 64), (7, 0, 9), (70000, 0, 0)], v4(5, size=576)),
                     labelled(3, [(101, 0, 64), (7, 0, 9), (70000, 0, 0)], silent_v4(6, size=577))]),
             by_hand=entropy_by_hand),
        Case("mpls-multicast-ethertype", "Ethertype 8848 goes to the kernel", config_of(),
             spaced([wire.ethernet(own_mac(3), peer_mac(3), 0x8848,
                                   wire.label_stack([(100, 0, 64)]) + v4(1))])),
    ]


def _raw(octets):
    return wire.ethernet(own_mac(3), peer_mac(3), wire.ETHER_MPLS, octets)


def broken_cases():
    good = labelled(3, [(100, 0, 64)], v4(9))
    own = wire.label_entry(102)
    bad_sum = wire.ipv4(SOURCE4, "10.10.1.1", bytes(40), header_checksum=0x1234)
    table = {
        "empty": ("malformed", b""), "three-octets": ("malformed", wire.label_entry(100, 0, 1)[:3]),
        "own-without-bottom": ("malformed", own * 10),
        "own-cut": ("malformed", own + b"\x00\x06"),
        "own-bottom-empty": ("malformed", wire.label_entry(102, 0, 1)),
        "own-bottom-cut-ip": ("malformed", wire.label_entry(102, 0, 1) + v4(1)[:15]),
        "own-bottom-cut-v6": ("malformed", wire.label_entry(102, 0, 1) + v6(1)[:39]),
        "own-bottom-bad-checksum": ("bad-checksum", wire.label_entry(102, 0, 1) + bad_sum),
        "own-bottom-total-length": ("malformed", wire.label_entry(102, 0, 1) + wire.ipv4(
            SOURCE4, "10.10.1.1", bytes(20), total_length=100)),
        "own-bottom-payload-length": ("malformed", wire.label_entry(102, 0, 1) + wire.ipv6(
            SOURCE6, "2001:db8:d1::1", bytes(20), payload_length=100)),
    }
    made = []
    for name, (reason, octets) in table.items():
        def by_hand(router, reason=reason):
            assert router.dropped == {reason: 1}, router.dropped

        made.append(Case(f"malformed-mpls-{name}", f"A label stack: {name}", config_of(),
                         spaced([_raw(octets), good]), by_hand=by_hand))
    return made


def cases():
    return (swap_cases() + ttl_cases() + pop_cases() + special_cases() + broken_cases())
