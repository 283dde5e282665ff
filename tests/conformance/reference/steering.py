"""Headends: an outer IPv6 header (RFC 8986, 5) or labels in front of a packet, with the selector of
the path's partition and the DetNet service (RFC 8964)."""

import struct

import wire
from reference import actions
from reference.errors import Drop

HOP_LIMIT = 64  # of outer headers: the router's choice
IGNORED_FLOW_LABEL = 1


def nrp_option(kind, nrp):
    return bytes([kind, 8, 0x80 if nrp.get("strict") else 0, 0, 0, 0]) + \
        struct.pack(">I", nrp.get("selector", nrp["id"]))


class Steering:
    """The part of the router that puts packets into policies."""

    def _steer(self, packet, policy, ttl_is_due=True):
        """policy: (Policy, whether the encapsulation is reduced). Returns (MAC, interface)."""
        path, reduced = policy
        (chosen,) = path.lists
        self._match_flow(packet)
        if ttl_is_due and not packet.hop_limit_done:
            wire.set_ttl(packet.l3, wire.ttl_of(packet.l3) - 1)
        packet.nrp = path.nrp["id"] if path.nrp else None
        packet.steered = True
        mac, oif = self._resolve(packet, chosen.hop)
        self._match_flow_into(packet, oif)
        if chosen.is_srv6:
            self._encapsulate(packet, path, chosen, reduced, oif)
        else:
            self._push(packet, chosen.labels, chosen.hop, path.nrp)
        return mac, oif

    def _push(self, packet, labels, hop, nrp=None):
        """Labels, the selector among them, and beneath them the S-label of a DetNet service."""
        ttl = 255 if self.tables.short_pipe else wire.ttl_of(packet.l3)
        entries = [[label, 0, ttl] for label in labels]
        packet.pushed = list(entries)
        if nrp and nrp.get("encapsulation", "ipv6-option") == "mpls-mna":
            neighbor = self.tables.neighbor(hop.interface, hop.address)
            selector = nrp.get("selector", nrp["id"])
            depth = neighbor.get("readable-label-depth", 16)
            if entries:
                entries = actions.with_selector(entries, selector, self.mna_opcode, depth)
            elif neighbor.get("mna"):
                entries = actions.sub_stack(selector, self.mna_opcode, [0, 0, ttl])
        service = packet.flow.service if packet.flow else None
        if service:
            s_label = [service["s-label"], 0, ttl]
            entries.append(s_label)
            packet.pushed.append(s_label)
            packet.service = bytes(4)
        packet.labels = entries

    def _encapsulate(self, packet, path, chosen, reduced, oif):
        if packet.flow and packet.flow.service:
            # RFC 8964, 4.2: it goes beneath labels, for which an outer IPv6 header has no place.
            raise Drop("policy-invalid", answer=False)
        option_header = self._option_for(packet, oif, chosen.hop)
        if packet.carrier in ("ip", "option"):
            self.tagging.clear_old_place(packet, self.tagging.interfaces[packet.iif].domain)
            packet.carrier = None
        whole, octets = self._outer_packet(packet, path, chosen, reduced, option_header)
        self._check_room(packet, oif, octets + 4 * len(chosen.hop.labels))
        # Best effort after all: the same without the option.
        packet.without_option = self._outer_packet(packet, path, chosen, reduced, None)[0]
        packet.replace_ip(whole)
        packet.own_option = bool(option_header)
        packet.written_ip = True
        self._push(packet, chosen.hop.labels, chosen.hop)

    def _outer_packet(self, packet, path, chosen, reduced, option_header):
        """The encapsulated packet, and how much longer it is."""
        inner = bytes(packet.l3)
        traffic_class = inner[1] if inner[0] >> 4 == 4 else \
            (inner[0] & 15) << 4 | inner[1] >> 4
        body, kind = inner, 4 if inner[0] >> 4 == 4 else 41
        listed = chosen.segments[1:] if reduced else chosen.segments
        if listed:
            body = wire.routing_header(kind, listed[::-1], len(chosen.segments) - 1) + body
            kind = wire.ROUTING
        tag = wire.tcqf_option(0, kind=self.tagging.option)
        if option_header == "destination":
            body, kind = wire.option_header(kind, tag) + body, wire.DESTINATION
        options = tag if option_header == "hop-by-hop" else b""
        if path.nrp and path.nrp.get("encapsulation", "ipv6-option") == "ipv6-option":
            options += nrp_option(self.nrp_option, path.nrp)
        if options:
            body, kind = wire.option_header(kind, options) + body, wire.HOP_BY_HOP
        whole = wire.ipv6(self.srv6_source, chosen.segments[0], body, next_header=kind,
                          traffic_class=traffic_class, hop_limit=HOP_LIMIT,
                          flow_label=IGNORED_FLOW_LABEL)
        return whole, len(whole) - len(inner)

    def _option_for(self, packet, oif, hop):
        """The header in which this encapsulation brings a place for the tag; None for none."""
        there = self.tagging.interfaces.get(oif)
        if there is None or there.kind != "ipv6-option" or hop.labels:
            return None
        here = self.tagging.interfaces.get(packet.iif)
        in_cycle = packet.identifier is not None and here.domain is there.domain
        return there.header if in_cycle or packet.flow else None
