"""SR policies (RFC 9256): which lists are valid, which path is active, what steers into a policy."""

import ipaddress
from dataclasses import dataclass

from reference import actions
from reference.tables import NextHop, Sid

ORIGINS = {"pcep": 10, "bgp": 20, "configuration": 30}
LEAST_PACKET = 68  # RFC 791, 3.2: every link carries it whole


@dataclass
class SegmentList:
    """A valid list: the next hop towards its first segment and, SR-MPLS, the labels to push."""

    hop: NextHop
    weight: int
    segments: list
    labels: tuple = ()

    @property
    def is_srv6(self):
        return isinstance(self.segments[0], str)


@dataclass
class Policy:
    """The active path of a policy; reduced False is H.Encaps."""

    lists: list
    nrp: object
    reduced: bool = True


def _is_reduced(entry):
    return entry.get("headend-behavior", "H.Encaps.Red") == "H.Encaps.Red"


class InvalidPolicy:
    """What an invalid policy with drop-upon-invalid leaves behind."""


class Policies:
    """by_key: {(color, endpoint): Policy, InvalidPolicy or None}."""

    def __init__(self, config, tables):
        self.tables = tables
        self.nrps = {nrp["id"]: nrp for nrp in config.get("nrps", [])}
        self.by_key = {(p["color"], p["endpoint"]): self._installed(p)
                       for p in config.get("sr-policies", [])}
        self.binding_labels = {}
        self._steer(config)

    def _steer(self, config):
        for route in config.get("routes", []):
            reference = route.get("sr-policy")
            target = reference and self.by_key[reference["color"], reference["endpoint"]]
            if target:
                self.tables.add(route.get("table", "main"), route["prefix"], target)
        for entry in config.get("sr-policies", []):
            key = entry["color"], entry["endpoint"]
            sid = entry.get("binding-sid")
            if sid is None or self.by_key[key] is None:
                continue
            if isinstance(sid, int):
                self.binding_labels[sid] = self.by_key[key]
            else:
                self.tables.add("main", sid + "/128", Sid(
                    {"behavior": "End.B6.Encaps" + (".Red" if _is_reduced(entry) else ""),
                     "policy": {"color": key[0], "endpoint": key[1]}}))

    def _installed(self, entry):
        """RFC 9256, 2.9: among the valid paths by preference, then the tie-breaks."""
        valid = []
        for path in entry.get("candidate-paths", []):
            lists = [made for made in (self._list(path, each) for each in path["segment-lists"])
                     if made]
            if lists:
                valid.append((self._rank(path), lists, path.get("nrp")))
        if valid:
            _, lists, nrp = max(valid, key=lambda each: each[0])
            return Policy(lists, self.nrps.get(nrp), _is_reduced(entry))
        return InvalidPolicy() if entry.get("drop-upon-invalid", False) else None

    def _rank(self, path):
        originator = path.get("originator", {})
        address = ipaddress.ip_address(originator.get("address", "::"))
        origin = path.get("protocol-origin", "configuration")
        return (path.get("preference", 100), ORIGINS.get(origin, origin),
                (-originator.get("asn", 0), -int(address)), path.get("discriminator", 0))

    def _list(self, path, entry):
        """RFC 9256, 5.1, and an NRP without resources where the list leads to."""
        segments, weight = entry.get("segments", []), entry.get("weight", 1)
        if not segments or not weight or len({type(each) for each in segments}) != 1:
            return None
        labels = ()
        if isinstance(segments[0], str):
            hops = self.tables.route("main", ipaddress.ip_address(segments[0]))
            hop = hops[0] if isinstance(hops, list) else None
            if hop and hop.address is None:
                hop = hop._replace(address=ipaddress.ip_address(segments[0]))
        else:
            hop, labels = self._through_labels(list(segments))
        if hop is None or self.tables.mac(hop.interface, hop.address) is None:
            return None
        if not self._has_resources(path.get("nrp"), hop.interface):
            return None
        if self._least_octets(path.get("nrp"), segments, labels, hop) + LEAST_PACKET > \
                self.tables.interfaces[hop.interface]["mtu"]:
            return None
        return SegmentList(hop, weight, segments, labels)

    def _least_octets(self, nrp, segments, labels, hop):
        """What goes in front of a packet at least: labels and selector, or
        H.Encaps.Red beneath the labels of the next hop."""
        kind = self.nrps[nrp].get("encapsulation", "ipv6-option") if nrp is not None else "none"
        if not isinstance(segments[0], str):
            neighbor = self.tables.neighbor(hop.interface, hop.address)
            if kind != "mpls-mna":
                return 4 * len(labels)
            if not labels:
                return 4 * actions.ENTRIES if neighbor.get("mna", False) else 0
            return 4 * len(actions.with_selector([[0, 0, 0]] * len(labels), 0, 115,
                                                 neighbor.get("readable-label-depth", 16)))
        routing = 8 + 16 * (len(segments) - 1) if len(segments) > 1 else 0
        return 40 + (16 if kind == "ipv6-option" else 0) + routing + 4 * len(hop.labels)

    def _through_labels(self, labels):
        """The labels of an SR-MPLS list go through the label table."""
        while labels:
            entry = self.tables.labels.get(labels[0])
            if entry is None:
                return None, ()
            if entry["operation"] == "pop-and-lookup":
                del labels[0]
                continue
            if entry["operation"] not in ("swap", "pop"):
                return None, ()
            out = entry.get("out-labels", []) if entry["operation"] == "swap" else []
            pushed = [label for label in out + labels[1:] if label != 3]
            return self.tables.label_hop(entry), tuple(pushed)
        return None, ()

    def _has_resources(self, nrp, interface):
        return nrp is None or any(share["name"] == interface
                                  for share in self.nrps[nrp].get("interfaces", []))
