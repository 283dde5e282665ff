"""NRP selectors in label stacks (RFC 9994): pushed, read, removed; and DetNet services over MPLS
(RFC 8964)."""

import struct

import wire
from case import (IDENTITY_PLUS_ONE, Case, add_route, at, base_config, drops, explicit, flow,
                  labelled, leaves, onto, own_label, pop, specification, swap, tagged, v4, v6,
                  with_domain, with_flow, with_labels)
from cases.sr_policy import VIA_1, one, path, policy, sr_config, to_policy
from reference import actions


def gold(bits=None, **more):
    entry = {"id": 5, "name": "gold", "encapsulation": "mpls-mna",
             "interfaces": [{"name": name, "cycle-bits": bits or 0} for name in ("ge1", "ge2")]}
    entry.update(more)
    return entry


def neighbors(config, **more):
    """Gives all neighbours mna and readable-label-depth."""
    for neighbor in config["neighbors"]:
        neighbor.update({key.replace("_", "-"): value for key, value in more.items()})
    return config


def head_end(*labels, mna=True, depth=None, nrp=None, **more):
    config = sr_config(policy(path(*labels, nrp=5), **more))
    config["nrps"] = [nrp or gold()]
    if depth is not None:
        neighbors(config, readable_label_depth=depth)
    return neighbors(config, mna=mna)


def nas(selector, *, scope=1, opcode=115, unknown=0, top=(0, 64), b_opcode=2, b_unknown=0, nasl=1,
        nal=0, b_nal=0, reserved=0):
    """A sub-stack as entries for labelled_stack: format A, B and C."""
    a = actions.LABEL << 12 | top[0] << 9 | top[1]
    b = b_opcode << 25 | reserved << 11 | scope << 9 | nasl << 4 | b_unknown << 3 | b_nal
    c = opcode << 25 | (selector >> 4) << 9 | (selector & 15) << 4 | unknown << 3 | nal
    return [tuple(actions.entry_of(word)) for word in ((a, b, c) if nasl else (a, b))]


def pushed_cases():
    rx = one(to_policy(1), to_policy(2, 4))
    ten = [16001, *range(16101, 16110)]
    made = [
        Case("mna-pushed-one-label", "The selector beneath the only label", head_end(16001), rx,
             by_hand=leaves(ge1=2)),
        Case("mna-pushed-three-labels", "At the bottom where all of it can be read",
             head_end(16001, 16101, 16102), rx, by_hand=leaves(ge1=2)),
        Case("mna-neighbor-without-mna", "Beneath a label also where the neighbour does not read it",
             head_end(16001, 16101, mna=False), rx, by_hand=leaves(ge1=2)),
        Case("mna-no-label-left", "No label is left: the sub-stack alone for a neighbour that reads "
             "it", head_end(16010), rx, by_hand=leaves(ge1=2)),
        Case("mna-no-label-left-unread", "No label is left and the neighbour cannot read it: never "
             "on top", head_end(16010, mna=False), rx, by_hand=leaves(ge1=2)),
        Case("mna-20-bit-selector", "A selector of 20 bits",
             head_end(16001, nrp=gold(selector=0xFEDCB)), rx, by_hand=leaves(ge1=2)),
        Case("mna-short-pipe", "TTL and TC of the label above", short_pipe(head_end(16001, 16101)),
             rx, by_hand=leaves(ge1=2)),
        Case("mna-mtu", "The selector counts for the MTU", head_end(16001, 16101),
             one(to_policy(1, size=1480), to_policy(2, size=1481)), by_hand=drops(mtu_exceeded=1)),
        Case("mna-code-point", "mna-nrp-opcode", dict(
            head_end(16001), **{"code-points": {"mna-nrp-opcode": 112}}), rx),
        Case("mna-binding-label", "A binding label and a selector", head_end(
            16001, 16101, binding_sid=20000),
            {"ge3": [at(1000, labelled(3, [(20000, 5, 40)], v4(1))),
                     at(30_000, labelled(3, [(20000, 5, 40), (999, 1, 9)], v4(2)))]},
            by_hand=leaves(ge1=2)),
        Case("mna-binding-label-no-label-left", "A binding label is all that goes: the selector is on "
             "top of what is left, for a neighbour that reads it", head_end(
                 16010, binding_sid=20000),
             {"ge3": [at(1000, labelled(3, [(20000, 5, 40)], v4(1))),
                      at(30_000, labelled(3, [(20000, 5, 40), (999, 1, 9)], v4(2))),
                      at(60_000, labelled(3, [(20000, 5, 40), *nas(9), (999, 1, 9)], v4(3)))]},
             by_hand=sent_stacks(3, 4, 4)),
        Case("mna-none", "encapsulation: none carries nothing",
             head_end(16001, nrp=gold(encapsulation="none")), rx, by_hand=leaves(ge1=2)),
        Case("mna-option-nrp-on-labels", "An NRP carried by option has no place in labels",
             head_end(16001, nrp=gold(encapsulation="ipv6-option")), rx, by_hand=leaves(ge1=2)),
    ]
    for depth in (4, 5, 6, 8, 16):
        made.append(Case(f"mna-depth-{depth}", f"Copies so that all lies within {depth} entries",
                         head_end(*ten, depth=depth), rx, by_hand=leaves(ge1=2)))
    return made


def short_pipe(config):
    config["mpls"]["ttl-model"] = "short-pipe"
    return config


def transit_config(nrp=None, mna=True, kind="mpls-tc", **more):
    """ge0 -> ge1 in a domain of TC tags, at 1000 Mbit/s; an NRP with room for two frames."""
    config = base_config(1000)
    with_labels(config, swap(16001, 17001, 1), pop(16010, 1), own_label(16000),
                swap(16005, [17002, 17001], 1))
    with_domain(config, [tagged(0, kind), tagged(1, kind)],
                [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    config["nrps"] = [nrp or {"id": 5, "name": "gold", "encapsulation": "mpls-mna", **more,
                              "interfaces": [{"name": "ge1", "cycle-bits": 2 * frame_bits(16)}]}]
    return neighbors(config, mna=mna)


def frame_bits(stack_octets, size=1000):
    return (14 + stack_octets + size + 24) * 8


def arriving(*stacks, size=1000, each_ns=10):
    return {"ge0": [at(1000 + each_ns * k, labelled(0, stack, v4(k, size=size)))
                    for k, stack in enumerate(stacks)]}


def sent_stacks(*entries):
    """By hand: as many entries of the label stack leave ge1 with each packet."""
    def by_hand(router):
        found = []
        for sent in router.ports["ge1"].sent:
            found.append(wire.stack_octets(sent.frame[14:]) // 4)
        assert found == list(entries), found

    return by_hand


def sent_tcs(*expected):
    """By hand: the TCs of the topmost entries of what leaves ge1."""
    def by_hand(router):
        for sent in router.ports["ge1"].sent:
            found = [sent.frame[16 + 4 * k] >> 1 & 7 for k in range(len(expected))]
            assert found == list(expected), found

    return by_hand


def sent_ttls(*expected):
    """By hand: the TTLs of the topmost headers, labels or IPv4, of what leaves ge1."""
    def by_hand(router):
        found = [sent.frame[17 if sent.frame[12:14] == b"\x88\x47" else 22]
                 for sent in router.ports["ge1"].sent]
        assert found == list(expected), found

    return by_hand


def transit_ttls(model):
    """Shares for all."""
    config = transit_config()
    config["mpls"]["ttl-model"] = model
    config["nrps"][0]["interfaces"][0]["cycle-bits"] = 50_000
    return config


def strict_option_beside(config):
    config["nrps"].append({"id": 9, "name": "other", "encapsulation": "ipv6-option", "strict": True})
    return config


def transit_cases():
    top = (16001, 1, 64)
    made = [
        Case("mna-transit-quota", "Every router accounts what the selector says",
             transit_config(), arriving(*[[top, *nas(5)]] * 3), by_hand=drops(nrp_quota=1)),
        Case("mna-transit-unknown", "An unknown selector means default resources",
             transit_config(), arriving(*[[top, *nas(6)]] * 3), by_hand=leaves(ge1=3)),
        Case("mna-transit-unknown-strict", "Labels carry no strict flag: the router's own counts",
             transit_config(strict=True), arriving([top, *nas(6)], [top, *nas(5)], [top]),
             by_hand=drops(nrp_unknown=1)),
        Case("mna-transit-unknown-strict-option", "The flag of a partition that is carried "
             "otherwise says nothing of labels", strict_option_beside(transit_config()),
             arriving([top, *nas(6)], [top, *nas(5)]), by_hand=leaves(ge1=2)),
        Case("mna-transit-selector-not-id", "The selector, not the id", transit_config(selector=77),
             arriving(*[[top, *nas(77)]] * 3, *[[top, *nas(5)]] * 2), by_hand=drops(nrp_quota=1)),
        Case("mna-transit-deep", "A selector beneath more labels", transit_config(),
             arriving(*[[top, (500, 0, 1), (501, 0, 1), *nas(5)]] * 3),
             by_hand=drops(nrp_quota=2)),
        Case("mna-transit-topmost", "The topmost of two copies counts", transit_config(),
             arriving(*[[top, *nas(5), (500, 0, 1), *nas(6)]] * 2), by_hand=drops(nrp_quota=1)),
        Case("mna-transit-other-scopes", "What is not hop-by-hop is not for transit",
             transit_config(), arriving(*[[top, *nas(5, scope=scope)] for scope in (0, 2)] * 3),
             by_hand=leaves(ge1=6)),
        Case("mna-transit-after-others", "A selector behind a sub-stack for others",
             transit_config(), arriving(*[[top, *nas(0, scope=0, opcode=120, unknown=1), *nas(5)]]
                                        * 3), by_hand=drops(nrp_quota=2)),
        Case("mna-unknown-action-skipped", "An unknown action is skipped", transit_config(),
             arriving([top, *nas(0, opcode=120)], [top, *nas(0, b_opcode=99)]),
             by_hand=leaves(ge1=2)),
        Case("mna-unknown-action-dropped", "An unknown action that asks for it is dropped",
             transit_config(), arriving([top, *nas(0, opcode=120, unknown=1)],
                                        [top, *nas(5, b_opcode=99, b_unknown=1)]),
             by_hand=drops(unknown_option=2)),
        Case("mna-reserved-scope", "In the scope that is reserved every action is unknown: dropped "
             "where it asks for it, on top or beneath labels, else skipped", transit_config(),
             arriving([top, *nas(5, scope=3, b_unknown=1)], [top, *nas(5, scope=3, unknown=1)],
                      [*nas(5, scope=3, unknown=1, top=(1, 64)), top],
                      *[[top, *nas(5, scope=3)], [top, *nas(5, scope=3), (500, 0, 1), *nas(5)]] * 2),
             by_hand=drops(unknown_option=3, nrp_quota=1)),
        Case("mna-reserved-bit", "The reserved bit of the first action, with which post-stack actions "
             "are announced, changes nothing", transit_config(),
             arriving(*[[top, *nas(5, reserved=1)]] * 3), by_hand=drops(nrp_quota=1)),
        Case("mna-extension-opcode", "Opcode 127, which this router has no extension of, is dropped "
             "whatever its U bit says; in another scope it is not read", transit_config(),
             arriving([top, *nas(0, opcode=127)], [top, *nas(5, b_opcode=127)],
                      [top, *nas(0, opcode=127, scope=0)]), by_hand=drops(unknown_option=2)),
        Case("mna-malformed", "A sub-stack that contradicts itself", transit_config(),
             arriving([top, *nas(5, nasl=2)], [top, *nas(5, nal=1)], [top, *nas(5, b_nal=2)],
                      [top, *nas(5, b_opcode=0)], [top, *nas(5, opcode=0)], [top, *nas(5)[:1]],
                      [top, *nas(5)[:2]]), by_hand=drops(malformed=7)),
        Case("mna-ancillary-data", "Entries of format D are jumped over", transit_config(),
             arriving(*[[top, *_with_data(5)]] * 3), by_hand=drops(nrp_quota=2)),
        Case("mna-on-top", "On top it is processed and removed", transit_config(),
             arriving(*[[*nas(5, top=(1, 64)), top]] * 3), by_hand=lambda router: None),
        *[Case(f"mna-on-top-ttl-{model}", "The TTL of its first entry is that of the packet, where "
               "TTLs are uniform: copied down, and at its end", transit_ttls(model),
               arriving([*nas(5, top=(1, 9)), (16001, 1, 64)], [*nas(5, top=(1, 64)), (16001, 1, 9)],
                        [*nas(5, top=(1, 9))], [*nas(5, top=(1, 1)), (16001, 1, 64)],
                        [*nas(5, top=(1, 1))], size=100, each_ns=10_000), by_hand=by_hand)
          for model, by_hand in (("uniform", sent_ttls(8, 8, 8)),
                                 ("short-pipe", sent_ttls(63, 8, 63, 63, 63)))],
        Case("mna-own-label-above", "Beneath a label of this router it is processed and removed",
             transit_config(), arriving(*[[(16000, 1, 64), *nas(5), top]] * 3)),
        Case("mna-own-label-last", "At the end it is removed, its NRP accounted",
             transit_config(), arriving(*[[(16000, 1, 64), *nas(5)]] * 3)),
        Case("mna-swap-pushes", "A swap that pushes leaves it in its place", transit_config(),
             arriving([(16005, 1, 64), *nas(5)]), by_hand=leaves(ge1=1)),
    ]
    made += [Case(f"mna-swap-pushes-{n}-depth-{depth}", "Labels pushed above a selector: copies so that "
                  f"all lies within {depth} entries",
                  neighbors(with_labels(transit_config(), swap(16005, list(range(17001, 17001 + n)),
                                                               1)), readable_label_depth=depth),
                  arriving([(16005, 1, 64), *nas(5)], [(16005, 1, 64), (500, 0, 60), *nas(5)],
                           [(16005, 1, 64), (500, 0, 60), *_with_data(5)],
                           [(16005, 1, 64), *nas(0, scope=0, opcode=2), (500, 0, 60), *nas(5)],
                           [(16005, 1, 64), (500, 0, 60)], size=100), by_hand=by_hand)
             for depth, n, by_hand in (
                 (3, 2, sent_stacks(5, 6, 9, 9, 3)), (4, 2, sent_stacks(8, 12, 9, 15, 3)),
                 (5, 2, sent_stacks(5, 9, 9, 12, 3)), (6, 3, sent_stacks(6, 10, 10, 13, 4)),
                 (16, 10, sent_stacks(13, 14, 23, 20, 11)),
                 (5, 10, sent_stacks(25, 29, 17, 32, 11)))]
    made.append(Case("mna-swap-pushes-mtu", "Copies count for the MTU", neighbors(with_labels(
        transit_config(), swap(16005, [17001, 17002], 1)), readable_label_depth=4),
        # Two labels, the selector, a copy of it.
        {"ge0": [at(1000 + k, labelled(0, [(16005, 1, 64), *nas(5)], v4(k, size=size)))
                 for k, size in enumerate((1500 - 32, 1500 - 31))]},
        by_hand=drops(mtu_exceeded=1)))
    for mna in (True, False):
        config = transit_config(mna=mna)
        made += [
            Case(f"mna-php-{'read' if mna else 'unread'}", "The penultimate router leaves the last "
                 "copy for a neighbour that reads it", config,
                 arriving([(16010, 1, 64), *nas(5)], [(16010, 1, 64), *nas(5)],
                          [(16010, 1, 64), *nas(5)])),
            Case(f"mna-pop-exposes-{'read' if mna else 'unread'}", "A copy that a pop brings to the "
                 "top above labels is removed", config,
                 arriving([(16010, 1, 64), *nas(5), (500, 0, 60), *nas(5)],
                          [(16010, 1, 64), *nas(5), (500, 0, 60)]), by_hand=leaves(ge1=2)),
        ]
        made.append(Case(
            f"mna-pop-exposes-select-{'read' if mna else 'unread'}", "Who brings a sub-stack of "
            "select scope to the top processes it", config,
            arriving([(16010, 1, 64), *unknown_select(), (500, 0, 60)],
                     [(16010, 1, 64), *unknown_select()],
                     [(16010, 1, 64), *nas(0, scope=2), (500, 0, 60)],
                     [(16010, 1, 64), *nas(0, scope=2), *nas(5)],
                     [(16010, 1, 64), *nas(0, scope=0, opcode=120, unknown=1), (500, 0, 60)],
                     [(16010, 1, 64), (500, 0, 60), *unknown_select()]),
            by_hand=drops(unknown_option=2)))
    unpartitioned = transit_config()
    del unpartitioned["nrps"]
    made.append(Case("mna-pop-exposes-unpartitioned", "The same where the router has no partitions",
                     unpartitioned, arriving([(16010, 1, 64), *nas(5), (500, 0, 60)],
                                             [(16010, 1, 64), (500, 0, 60)]), by_hand=leaves(ge1=2)))
    made.append(Case("mna-best-effort", "Without a cycle a selector changes nothing in a packet",
                     neighbors(with_labels(base_config(), swap(16001, 17001, 1))),
                     arriving([top, *nas(5)], [top, *nas(0, opcode=120, unknown=1)]),
                     by_hand=leaves(ge1=2)))
    return made


def unknown_select():
    """Of select scope, with an action that nobody knows and that asks to be dropped."""
    return nas(0, scope=2, opcode=120, unknown=1)


def bound_config(*labels, depth=16, own_nrp=None):
    """Label 20000 stands for a policy of these labels; its path has a partition of its own, or none."""
    config = transit_config()
    config["sr-policies"] = [policy(path(*labels, **({"nrp": own_nrp["id"]} if own_nrp else {})),
                                    binding_sid=20000)]
    config["nrps"] += [own_nrp] if own_nrp else []
    return neighbors(config, readable_label_depth=depth)


def binding_cases():
    """Network actions beneath a binding label, whose policy pushes labels on them."""
    binding = (20000, 1, 64)
    stacks = ([binding, *nas(5)], [binding, (500, 0, 60), *nas(5)],
              [binding, (500, 0, 60), *_with_data(5)], [binding, (500, 0, 60)])
    made = [Case(f"mna-binding-label-{n}-depth-{depth}", "A policy without a selector of its own: "
                 f"copies of what came along, so that all lies within {depth} entries",
                 bound_config(16001, *range(17002, 17001 + n), depth=depth),
                 arriving(*stacks, size=100), by_hand=by_hand)
            for depth, n, by_hand in ((4, 2, sent_stacks(8, 12, 9, 3)),
                                      (5, 2, sent_stacks(5, 9, 9, 3)),
                                      (16, 10, sent_stacks(13, 14, 23, 11)))]
    tagged_once = bound_config(16001, 17002, depth=5)
    tagged_once["tcqf"]["domains"][0]["egress-tc"] = 6
    made.append(Case("mna-binding-label-tag-once", "The copy of what came along carries no tag: it "
                     "gets egress-tc as the label above it", tagged_once,
                     arriving([binding, (500, 0, 60), *nas(5)], size=100),
                     by_hand=sent_tcs(2, 6, 6)))
    other = {"id": 6, "name": "silver", "interfaces": [
        {"name": "ge1", "cycle-bits": frame_bits(48)}]}
    made += [
        Case("mna-binding-label-quota", "A policy without a partition: the selector beneath counts, "
             "here as at the next router", bound_config(16001, 17002),
             arriving(*[[binding, *nas(5)]] * 3), by_hand=drops(nrp_quota=2)),
        Case("mna-binding-label-own-selector", "The policy's partition counts, and its selector "
             "alone is put in reach", bound_config(
                 16001, 17002, depth=4, own_nrp={**other, "encapsulation": "mpls-mna"}),
             arriving(*[[binding, (500, 0, 60), *nas(5)]] * 2), by_hand=drops(nrp_quota=1)),
        Case("mna-binding-label-silent-partition", "A policy's partition that labels do not carry "
             "counts here; what came along is kept in reach", bound_config(
                 16001, 17002, depth=5, own_nrp={**other, "encapsulation": "none"}),
             arriving(*[[binding, (500, 0, 60), *nas(5)]] * 2), by_hand=drops(nrp_quota=1)),
    ]
    return made


def _with_data(selector):
    """C (no operation, two D entries of data), then the selector."""
    c = 2 << 25 | 2
    d = 1 << 31 | 0x123 << 9 | 5
    entries = nas(selector, nasl=4)
    return [*entries[:2], *[tuple(actions.entry_of(word)) for word in (c, d, d)], entries[2]]


def service_config(bits, kind="mpls-tc", **more):
    """A DetNet flow that enters TCQF in an LSP; its service ends at the other end."""
    config = base_config()
    add_route(config, "10.11.0.0/16", 1, labels=[700])
    add_route(config, "2001:db8:b::/48", 1, labels=[700, 701])
    with_labels(config, {"label": 500, "operation": "detnet-pop", "sequence-bits": bits},
                own_label(16000), pop(16010, 1), model=more.pop("model", "uniform"))
    with_domain(config, [tagged(0, kind), tagged(1, kind)],
                [explicit(0, 1, IDENTITY_PLUS_ONE, (1, 4))])
    return with_flow(config, flow(17, 20_000, {"interface": "ge3"}, mpls_service={
        "s-label": 600, "sequence-bits": bits}, **more))


def service_into_sids():
    return with_flow(sr_config(policy(path(VIA_1))), flow(
        17, 20_000, {"interface": "ge3"}, mpls_service={"s-label": 600, "sequence-bits": 16}))


def refusing_service():
    """One packet of 1000 octets a cycle, at most two cycles ahead."""
    config = service_config(16)
    config["detnet"]["flows"][0].update({"cycle-size-bits": 8000, "max-backlog-cycles": 2})
    return config


def numbers_by_hand(router):
    assert router.dropped == {"flow-packet-too-big": 1, "flow-backlog": 3}, router.dropped
    behind_two_labels = slice(22, 26)
    words = [each.frame[behind_two_labels] for each in router.ports["ge1"].sent]
    assert words == [b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\2"], words


def service_cases():
    """dissect False: tshark has no dissector for the d-CW and guesses at the payload."""
    made = []
    for bits in (0, 16, 28):
        packets = [v4(1, destination="10.11.0.1"), v6(2, destination="2001:db8:b::1"),
                   v4(3, destination="10.11.0.1", size=200)]
        made.append(Case(f"detnet-push-{bits}", f"S-label and d-CW of {bits} bits are pushed",
                         service_config(bits), one(*packets), by_hand=leaves(ge1=3), dissect=False))

        def service(number, packet, stack=((500, 0, 60),)):
            return labelled(0, list(stack), struct.pack(">I", number) + packet)

        inner4, inner6 = v4(1, to=2), v6(2, to=2)
        most = (1 << bits) - 1
        made.append(Case(
            f"detnet-pop-{bits}", "The d-CW is checked and removed with the S-label",
            service_config(bits),
            {"ge0": [at(1000, service(0, inner4)), at(30_000, service(most, inner6)),
                     at(60_000, service(most, inner4, ((16000, 0, 64), (500, 0, 60)))),
                     at(90_000, service(most + 1, inner4)), at(120_000, service(1 << 28, inner4)),
                     at(150_000, labelled(0, [(500, 0, 60)], b"\0\0\0")),
                     at(180_000, service(0, inner4, ((500, 0, 60), (700, 0, 60)))),
                     at(210_000, service(most, inner4, ((500, 0, 60), (7, 0, 0), (99, 0, 0)))),
                     at(240_000, service(0, inner4, ((500, 0, 60), (7, 0, 0)))),
                     at(270_000, service(0, inner4, ((500, 0, 60), (7, 0, 0), (99, 0, 0),
                                                     (700, 0, 60))))]},
            by_hand=drops(malformed=6)))
    made += [
        Case("detnet-push-wraps", "Numbers of 16 bits", service_config(16),
             {"ge3": [at(1000 + 900 * k, onto(3, v4(k, destination="10.11.0.1", size=60)))
                      for k in range(40)]}, by_hand=leaves(ge1=40)),
        Case("detnet-push-short-pipe", "S-label in the short pipe model",
             service_config(16, model="short-pipe"), one(v4(1, destination="10.11.0.1")),
             by_hand=leaves(ge1=1)),
        Case("detnet-push-no-f-label", "An S-label without a label above", service_config(16),
             one(v4(1, to=1), v6(2, to=1)), by_hand=leaves(ge1=2), dissect=False),
        Case("detnet-push-out-of-domain", "The service also without a cycle", service_config(16),
             one(v4(1, to=2), v6(2, to=0)), by_hand=leaves(ge0=1, ge2=1),
             dissect=False),
        Case("detnet-push-mtu", "S-label and d-CW count for the MTU", service_config(16),
             one(v6(1, destination="2001:db8:b::1", size=1484),
                 v6(2, destination="2001:db8:b::1", size=1485)), by_hand=drops(mtu_exceeded=1),
             dissect=False),
        Case("detnet-push-into-sids", "A route steers a flow with a service into SIDs: it has no "
             "place there", service_into_sids(), one(v4(1, destination="10.7.0.1"), v4(2)),
             by_hand=drops(policy_invalid=1), dissect=False),
        Case("detnet-push-policed", "A refused packet", service_config(
            16, traffic_specification=specification(1_000_000, 2, 1000)),
            one(*[v4(k, destination="10.11.0.1", size=60) for k in range(3)]),
            by_hand=drops(policed=1)),
        Case("detnet-push-refused", "What a flow's limits refuse takes no number",
             refusing_service(),
             {"ge3": [at(1000 + 10 * k, onto(3, v4(k, destination="10.11.0.1", size=size)))
                      for k, size in enumerate((60, 1000, 1001, 1000, 1000, 60))] +
              [at(5_000_000, onto(3, v4(9, destination="10.11.0.1", size=60)))]},
             by_hand=numbers_by_hand),
        Case("detnet-transit", "In transit the control word is payload", service_config(16),
             {"ge0": [at(1000, labelled(0, [(16010, 1, 64), (500, 0, 60)],
                                        struct.pack(">I", 7) + v4(1)))]}, by_hand=leaves(ge1=1)),
    ]
    return made


def cases():
    return pushed_cases() + transit_cases() + binding_cases() + service_cases()
