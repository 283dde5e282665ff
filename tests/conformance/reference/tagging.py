"""TCQF tags: reading, writing, clearing the old place, hygiene."""

from dataclasses import dataclass, field

import wire
from reference.cycles import CycleClock, CycleMap, computed_map


class Untaggable(Exception):
    """A TCQF packet that cannot carry the tag of its outgoing interface."""


class UntrustedTag(Exception):
    """An option of nobody's that would leave through an interface tagged by option."""


@dataclass
class TagInterface:
    """An interface of a domain."""

    domain: object
    name: str
    kind: str
    tags: list
    header: str
    clock: CycleClock
    dead_time_ns: int

    def identifier(self, tag):
        return self.tags.index(tag) + 1 if tag in self.tags else None

    def lowest_foreign(self):
        return min(value for value in range(64) if value not in self.tags)


@dataclass
class Domain:
    name: str
    egress_dscp: int
    egress_tc: int
    outside_best_effort: bool
    maps: dict = field(default_factory=dict)


class Tagging:
    def __init__(self, config):
        points = config.get("code-points", {})
        self.option = points.get("tcqf-option", wire.TCQF_OPTION)
        self.retired = points.get("retired-option", wire.RETIRED_OPTION)
        self.interfaces = {}
        clock_error = config.get("clock", {}).get("max-time-interval-error-ns", 0)
        for entry in config.get("tcqf", {}).get("domains", []):
            self._add_domain(entry, clock_error)

    def _add_domain(self, entry, clock_error):
        domain = Domain(entry["name"], entry.get("egress-dscp", 0), entry.get("egress-tc", 0),
                        entry.get("outside-window-action", "drop") == "best-effort")
        cycles, cycle_ns = entry["cycles"], entry["cycle-time-us"] * 1000
        default_offset = entry.get("cycle-clock-offset-ns", 0)
        for i in entry["interfaces"]:
            clock = CycleClock(i.get("cycle-clock-offset-ns", default_offset), cycle_ns, cycles)
            self.interfaces[i["name"]] = TagInterface(
                domain, i["name"], i["tagging"], i["tags"], i.get("option-header", "hop-by-hop"),
                clock, i.get("dead-time-ns", 0))
        for m in entry.get("cycle-maps", []):
            if "map" in m:
                window = m.get("window", {"min": 1, "max": cycles - 1})
                made = CycleMap(tuple(m["map"]), window["min"], window["max"])
            else:
                made = computed_map(cycles, cycle_ns, m.get("upstream-clock-offset-ns", 0),
                                    self.interfaces[m["oif"]].clock.offset_ns,
                                    m["latency-min-ns"], m["latency-max-ns"], clock_error,
                                    m.get("upstream-dead-time-ns", 0))
            domain.maps[m["iif"], m["oif"]] = made

    def read(self, packet):
        """The cycle identifier that the packet carries, or None; notes where it was."""
        here = self.interfaces.get(packet.iif)
        if here is None:
            return None
        tag = None
        if here.kind == "mpls-tc" and packet.labels:
            tag, packet.carrier = packet.labels[0][1], "label"
            packet.carrier_label = packet.labels[0]
        elif here.kind == "dscp" and packet.version:
            tag, packet.carrier = packet.dscp, "ip"
        elif here.kind == "ipv6-option" and packet.version == 6:
            found = packet.tcqf_options(self.option, here.header)
            if found:
                tag, packet.carrier = self._option_tag(packet, found[0]), "option"
        identifier = None if tag is None else here.identifier(tag)
        if identifier is None:
            packet.carrier = packet.carrier_label = None
        return identifier

    def option_is_wrong(self, packet):
        """Whether the option that counts contradicts its own E flag."""
        here = self.interfaces.get(packet.iif)
        if here is None or here.kind != "ipv6-option" or packet.version != 6:
            return False
        found = packet.tcqf_options(self.option, here.header)
        return bool(found) and self._contradicts_flag(packet, found[0])

    @staticmethod
    def _contradicts_flag(packet, option):
        return option.length < 2 or \
            option.length != (10 if packet.l3[option.at + 2] & 0x80 else 2)

    def _option_tag(self, packet, option):
        return packet.l3[option.at + 3]

    def _label_kept(self, packet):
        return any(entry is packet.carrier_label for entry in packet.labels)

    def clear_old_place(self, packet, domain):
        """The packet's tag is no longer where it was (docs/departures.md, "Old tags")."""
        if packet.carrier == "ip":
            wire.set_dscp(packet.l3, domain.egress_dscp)
        elif packet.carrier == "option":
            packet.retire(self.option, self.retired)
        elif packet.carrier == "label" and self._label_kept(packet):
            packet.carrier_label[1] = domain.egress_tc

    def leave(self, packet, domain):
        self.clear_old_place(packet, domain)
        for entry in packet.pushed:
            entry[1] = domain.egress_tc
        packet.carrier = packet.carrier_label = None

    def can_write(self, packet, there):
        """The place for the tag on interface there: label, ip, option or None."""
        if there.kind == "mpls-tc":
            return "label" if packet.labels else None
        if packet.labels or not packet.version:
            return None
        if there.kind == "dscp":
            return "ip"
        found = packet.tcqf_options(self.option, there.header)
        return "option" if found and not self._contradicts_flag(packet, found[0]) else None

    def write(self, packet, there, cycle):
        """Writes the tag of that absolute cycle, last of all edits."""
        place = self.can_write(packet, there)
        if place is None:
            if packet.tag_header_removed or (
                    packet.carrier == "label" and not self._label_kept(packet)):
                return
            raise Untaggable
        tag = there.tags[there.clock.identifier(cycle) - 1]
        if packet.carrier and (place != packet.carrier or place == "label"):
            self.clear_old_place(packet, there.domain)
        elif packet.carrier == "option":
            header = self.interfaces[packet.iif].header
            if header != there.header:
                packet.retire_one(packet.tcqf_options(self.option, header)[0], self.retired)
        if place == "label":
            packet.labels[0][1] = tag
        elif place == "ip":
            wire.set_dscp(packet.l3, tag)
        else:
            packet.l3[packet.tcqf_options(self.option, there.header)[0].at + 3] = tag

    def clean(self, packet, there):
        """Hygiene: what is not TCQF carries no TCQF tag out of interface there."""
        if there.kind == "mpls-tc" and packet.labels and packet.labels[0][1] in there.tags:
            packet.labels[0][1] = there.lowest_foreign()
        elif there.kind == "dscp" and not packet.labels and packet.dscp in there.tags:
            wire.set_dscp(packet.l3, there.lowest_foreign())
        elif there.kind == "ipv6-option" and packet.version == 6 and not packet.labels:
            if packet.tcqf_options(self.option):
                raise UntrustedTag
