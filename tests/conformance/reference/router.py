"""The reference router: what the contract says, for one packet at a time, in virtual time."""

import ipaddress
from math import inf

import wire
from reference import port as ports
from reference.flows import Flow
from reference.fragments import fragment
from reference.icmp import ERRORS, IcmpError, is_silent
from reference.packet import BadChecksum, Malformed, Packet
from reference.tables import Tables
from reference.tagging import Tagging, UntrustedTag, Untaggable

CONTROL_DSCPS = (48, 56)


class Drop(Exception):
    """The packet ends here; mtu or pointer go into an ICMP error, where one is due."""

    def __init__(self, reason, mtu=None, pointer=None, answer=True):
        super().__init__(reason)
        self.reason = reason
        self.mtu = mtu
        self.pointer = pointer
        self.answer = answer


class ToKernel(Exception):
    """The packet is the host's."""


class Router:
    def __init__(self, config, processing_ns=0, stalls=()):
        self.tables = Tables(config)
        self.tagging = Tagging(config)
        self.flows = [Flow(entry) for entry in config.get("detnet", {}).get("flows", [])]
        self.discard_unknown = config.get("unknown-option-action", "skip") == "discard"
        self.processing_ns = processing_ns
        self.stalls = stalls
        self.ports = {}
        for name, entry in self.tables.interfaces.items():
            tagged = self.tagging.interfaces.get(name)
            self.ports[name] = ports.Port(
                name, entry["link-rate-mbps"], entry.get("best-effort-queue-packets", 1024),
                tagged.clock if tagged else None, tagged.dead_time_ns if tagged else 0, stalls)
        self.nrp_option = config.get("code-points", {}).get("nrp-option", 0x1E)
        self.nrps = {}
        for entry in config.get("nrps", []):
            self.nrps[entry.get("selector", entry["id"])] = entry["id"]
            for share in entry.get("interfaces", []):
                self.ports[share["name"]].shares[entry["id"]] = share["cycle-bits"]
        self.received = dict.fromkeys(self.ports, 0)
        self.generated = 0
        self.to_kernel = 0
        self.dropped = {}
        self.kernel = {name: [] for name in self.ports}

    # -- time -------------------------------------------------------------------------------

    def run(self, arrivals, until_drained):
        """arrivals: {interface: [(time, frame)]}. Returns self, its ports hold what was sent."""
        order = {name: i for i, name in enumerate(self.ports)}
        queue = sorted(((time + self.processing_ns, order[name], name, frame)
                        for name, packets in arrivals.items() for time, frame in packets),
                       key=lambda item: item[:2])
        for time, _, name, frame in queue:
            served = self._served_at(time)
            for each in self.ports.values():
                each.advance(served)
            self.receive(time, name, frame)
        if until_drained:
            for each in self.ports.values():
                each.advance(inf)
        return self

    def _served_at(self, time):
        for begin, length in self.stalls:
            if begin <= time < begin + length:
                return begin + length
        return time

    # -- one packet -------------------------------------------------------------------------

    def receive(self, now, name, frame):
        self.received[name] += 1
        packet = Packet(name, frame)
        self.link_multicast = len(frame) > 0 and bool(frame[0] & 1)
        try:
            self._dispatch(now, packet)
        except ToKernel:
            self._hand_over(packet)
        except Malformed:
            self._count("malformed")
        except BadChecksum:
            self._count("bad-checksum")
        except Untaggable:
            self._count("untaggable")
        except UntrustedTag:
            self._count("untrusted-tag")
        except Drop as drop:
            self._count(drop.reason)
            if drop.answer:
                self._answer(packet, drop)

    def _count(self, reason):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def _dispatch(self, now, packet):
        frame = packet.frame
        if len(frame) < 14:
            raise Malformed
        ethertype = frame[12] << 8 | frame[13]
        own = wire.mac_octets(self.tables.interfaces[packet.iif]["mac"])
        if frame[:6] != own:
            if ethertype == wire.ETHER_IPV6:
                self._parse_for_kernel(packet, frame[14:])
            raise ToKernel
        if ethertype == wire.ETHER_MPLS:
            packet.parse_mpls(frame[14:])
        elif ethertype == wire.ETHER_IPV4:
            packet.parse_ip(4, frame[14:])
        elif ethertype == wire.ETHER_IPV6:
            packet.parse_ip(6, frame[14:])
        else:
            raise ToKernel
        if self.tagging.option_is_wrong(packet):
            raise Malformed
        identifier = self.tagging.read(packet)
        mac, oif = self._forward_labels(packet) if packet.labels else self._forward_ip(packet)
        self._leave_by(now, packet, identifier, mac, oif)

    def _parse_for_kernel(self, packet, data):
        try:
            packet.parse_ip(6, data)
        except Malformed:
            packet.version = 0

    def _hand_over(self, packet):
        self.to_kernel += 1
        frame = packet.frame
        if packet.version and not packet.received_labels:
            if packet.carrier == "ip":
                domain = self.tagging.interfaces[packet.iif].domain
                wire.set_dscp(packet.l3, domain.egress_dscp)
            packet.retire(self.tagging.option, self.tagging.retired)
            frame = frame[:14] + bytes(packet.l3) + frame[14 + len(packet.l3):]
        self.kernel[packet.iif].append(frame)

    # -- forwarding: returns (MAC of the next hop, outgoing interface) -------------------------

    def _forward_labels(self, packet):
        """Label operations; ttl is the received TTL that counts, lowered once by this router."""
        ttl = None
        while packet.labels:
            label, _, entry_ttl = packet.labels[0]
            if label == 1:
                raise ToKernel
            if label == 7 and ttl is not None:
                del packet.labels[:2]
                continue
            entry = self._label_entry(label)
            if ttl is None or self.tables.short_pipe:
                ttl = entry_ttl
            else:
                ttl = min(ttl, entry_ttl)
            # RFC 3443: at the end of a short pipe the exposed TTL counts, the popped one does not.
            ends_pipe = self.tables.short_pipe and entry["operation"] == "pop-and-lookup"
            if ttl <= 1 and not ends_pipe:
                raise Drop("ttl-expired")
            if entry["operation"] == "swap":
                return self._swap(packet, entry, ttl - 1)
            del packet.labels[0]
            if entry["operation"] == "pop":
                return self._pop(packet, entry, ttl - 1)
        self._take_ip_beneath(packet)
        if not self.tables.short_pipe:
            wire.set_ttl(packet.l3, min(ttl, wire.ttl_of(packet.l3)))
        return self._forward_ip(packet)

    def _label_entry(self, label):
        if label in (0, 2):
            return {"operation": "pop-and-lookup"}
        if label not in self.tables.labels:
            raise Drop("no-label")
        return self.tables.labels[label]

    def _take_ip_beneath(self, packet):
        if not packet.l3:
            raise Malformed
        packet.parse_ip(packet.l3[0] >> 4, bytes(packet.l3))

    def _swap(self, packet, entry, ttl):
        below = packet.labels[0]
        below[0] = entry["out-labels"][-1]
        below[2] = ttl
        above = [[label, 0, 255 if self.tables.short_pipe else ttl]
                 for label in entry["out-labels"][:-1]]
        packet.labels[:0] = above
        packet.pushed = above
        return self._resolve(packet, self.tables.label_hop(entry))

    def _pop(self, packet, entry, ttl):
        if packet.labels:
            if not self.tables.short_pipe:
                packet.labels[0][2] = min(ttl, packet.labels[0][2])
        else:
            self._take_ip_beneath(packet)
            if not self.tables.short_pipe:
                wire.set_ttl(packet.l3, min(ttl, wire.ttl_of(packet.l3)))
        return self._resolve(packet, self.tables.label_hop(entry))

    def _forward_ip(self, packet):
        address = ipaddress.ip_address(packet.destination)
        if address in self.tables.local or address.is_multicast:
            raise ToKernel
        self._refuse_unknown_options(packet)
        if wire.ttl_of(packet.l3) <= 1:
            raise Drop("ttl-expired")
        table = self.tables.interfaces[packet.iif].get("table", "main")
        hops = self.tables.route(table, address)
        if hops is None:
            raise Drop("no-route")
        hop = hops[0]
        if hop.address is None:
            hop = hop._replace(address=address)
        ttl = wire.ttl_of(packet.l3) - 1
        wire.set_ttl(packet.l3, ttl)
        packet.pushed = [[label, 0, 255 if self.tables.short_pipe else ttl]
                         for label in hop.labels]
        packet.labels = list(packet.pushed)
        return self._resolve(packet, hop)

    def _refuse_unknown_options(self, packet):
        known = (0, 1, 5, 0x1E, self.tagging.option, self.tagging.retired)
        if packet.version != 6 or not self.discard_unknown:
            return
        for option in packet.options:
            if option.header != "hop-by-hop" or option.kind in known or option.kind >> 6 == 0:
                continue
            multicast = packet.destination[0] == 0xFF
            answer = option.kind >> 6 == 2 or option.kind >> 6 == 3 and not multicast
            raise Drop("unknown-option", pointer=option.at, answer=answer)

    def _resolve(self, packet, hop):
        mac = self.tables.mac(hop.interface, hop.address)
        if mac is None:
            raise Drop("no-neighbor")
        return mac, hop.interface

    # -- cycles and queues ---------------------------------------------------------------------

    def _leave_by(self, now, packet, identifier, mac, oif):
        there = self.tagging.interfaces.get(oif)
        here = self.tagging.interfaces.get(packet.iif)
        was_tcqf = identifier is not None
        if was_tcqf and there is not None and there.domain is here.domain:
            cycle_map = there.domain.maps.get((packet.iif, oif))
            if cycle_map is None:
                raise Drop("no-cycle-map", answer=False)
            cycle = cycle_map.target(there.clock.number(now), identifier, there.clock)
            if cycle is not None:
                self.tagging.write(packet, there, cycle)
                self._append_tcqf(packet, mac, oif, cycle)
                return
            if not there.domain.outside_best_effort:
                raise Drop("outside-window", answer=False)
            self.tagging.leave(packet, here.domain)
            self.tagging.clean(packet, there)
            self._append_other(packet, mac, oif, ports.LEFT_DOMAIN)
            return
        if was_tcqf:
            self.tagging.leave(packet, here.domain)
        if there is None:
            self._append_other(packet, mac, oif,
                               ports.LEFT_DOMAIN if was_tcqf else self._class_of(packet))
            return
        flow = next((f for f in self.flows if f.matches(packet)), None)
        if flow is None or not self._ingress(now, packet, mac, there, flow):
            self.tagging.clean(packet, there)
            self._append_other(packet, mac, oif,
                               ports.LEFT_DOMAIN if was_tcqf else self._class_of(packet))

    def _ingress(self, now, packet, mac, there, flow):
        """Whether the packet was taken; False sends it as best effort."""
        if flow.policer and not flow.policer.conforms(now, packet.payload_octets):
            if flow.excess_best_effort:
                return False
            raise Drop("policed", answer=False)
        bits = packet.received_bits
        if bits > flow.csize:
            raise Drop("flow-packet-too-big", answer=False)
        now_cycle = there.clock.number(now)
        cycle, used = flow.place(there.name, now_cycle, bits)
        if cycle - now_cycle > flow.backlog:
            raise Drop("flow-backlog", answer=False)
        self.tagging.write(packet, there, cycle)
        self._append_tcqf(packet, mac, there.name, cycle)
        flow.commit(there.name, cycle, used)
        return True

    def _class_of(self, packet):
        is_control = not packet.labels and packet.dscp in CONTROL_DSCPS
        return ports.CONTROL if is_control else ports.BEST_EFFORT

    def _frame(self, packet, mac, oif):
        payload, ethertype = packet.layer3()
        return wire.ethernet(mac, self.tables.interfaces[oif]["mac"], ethertype, payload)

    def _mtu_left(self, packet, oif):
        return self.tables.interfaces[oif]["mtu"] - 4 * len(packet.labels)

    def _append_tcqf(self, packet, mac, oif, cycle):
        frame = self._frame(packet, mac, oif)
        if len(frame) - 14 > self.tables.interfaces[oif]["mtu"]:
            raise Drop("mtu-exceeded", mtu=self._mtu_left(packet, oif))
        each = self.ports[oif]
        if not each.fits_a_cycle(len(frame)):
            raise Drop("mtu-exceeded", answer=False)
        nrp = self._nrp_of(packet, oif)
        if not each.has_room(cycle, len(frame), nrp):
            raise Drop("cycle-full" if nrp is None else "nrp-quota", answer=False)
        each.append_to_cycle(cycle, frame, nrp)

    def _nrp_of(self, packet, oif):
        """The NRP whose share pays for the packet on oif; None: default resources."""
        found = [o for o in packet.options if o.kind == self.nrp_option and
                 o.header == "hop-by-hop"]
        if not found:
            return None
        at = found[0].at
        selector = int.from_bytes(packet.l3[at + 6:at + 10], "big")
        nrp = self.nrps.get(selector)
        if nrp is None and packet.l3[at + 2] & 0x80:
            raise Drop("nrp-unknown", answer=False)
        return nrp if nrp in self.ports[oif].shares else None

    def _append_other(self, packet, mac, oif, index):
        frame = self._frame(packet, mac, oif)
        frames = [frame]
        if len(frame) - 14 > self.tables.interfaces[oif]["mtu"]:
            may_fragment = (packet.version == 4 and not packet.received_labels and
                            not packet.l3[6] & 0x40 and index != ports.LEFT_DOMAIN)
            if not may_fragment:
                raise Drop("mtu-exceeded", mtu=self._mtu_left(packet, oif))
            stack = frame[14:len(frame) - len(packet.l3)]
            frames = [frame[:14] + stack + piece
                      for piece in fragment(packet.l3, self._mtu_left(packet, oif))]
            self.generated += len(frames) - 1
        for each in frames:
            if not self.ports[oif].can_ever_go(len(each)):
                self._count("mtu-exceeded")
            elif not self.ports[oif].append_to_class(index, each):
                self._count("queue-full")

    # -- answers --------------------------------------------------------------------------------

    def _answer(self, packet, drop):
        """The ICMP error about a dropped packet, where one is due."""
        if not packet.version:
            try:
                self._take_ip_beneath(packet)
            except (Malformed, BadChecksum):
                return
        rule = ERRORS.get((packet.version, drop.reason))
        if rule is None or is_silent(packet, self.link_multicast):
            return
        source = ipaddress.ip_address(bytes(packet.addresses[0]))
        table = self.tables.interfaces[packet.iif].get("table", "main")
        hops = self.tables.route(table, source)
        if not hops:
            return
        hop = hops[0] if hops[0].address else hops[0]._replace(address=source)
        mac = self.tables.mac(hop.interface, hop.address)
        if mac is None:
            return
        error = IcmpError(packet.version, *rule, str(source), packet.l3_as_received,
                          tuple(map(tuple, packet.received_labels)), drop.mtu, drop.pointer,
                          hop.interface, mac)
        self.generated += 1
        self.ports[hop.interface].append_to_class(ports.BEST_EFFORT, error)

    # -- account --------------------------------------------------------------------------------

    def account(self):
        """What account.json must say."""
        overruns = sum(each.overruns for each in self.ports.values())
        dropped = dict(self.dropped)
        if overruns:
            dropped["cycle-overrun"] = overruns
        return {
            "received": sum(self.received.values()),
            "generated": self.generated,
            "sent": sum(len(each.sent) for each in self.ports.values()),
            "to-kernel": self.to_kernel,
            "queued": sum(each.queued() for each in self.ports.values()),
            "dropped": dropped,
            "interfaces": {name: {"received": self.received[name], "sent": len(each.sent),
                                  "cycle-overruns": each.overruns}
                           for name, each in self.ports.items()},
        }
