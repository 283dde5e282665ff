"""The reference router: what the documents say, for one packet at a time, in virtual time."""

import ipaddress
from math import inf

import wire
from reference import actions
from reference import port as ports
from reference.endpoint import Endpoint
from reference.errors import Drop, ToKernel
from reference.flows import Flow
from reference.fragments import fragment
from reference.icmp import ERRORS, IcmpError, is_silent
from reference.packet import BadChecksum, Malformed, Packet
from reference.policies import InvalidPolicy, Policies, Policy
from reference.steering import Steering
from reference.tables import NO_SID, Sid, Tables
from reference.tagging import Tagging, UntrustedTag, Untaggable

CONTROL_DSCPS = (48, 56)


class WrittenHeader(bytes):
    """A frame whose outer IPv6 header this router wrote: its flow label and the order of options
    are the router's choice."""


class Router(Endpoint, Steering):
    def __init__(self, config, processing_ns=0, stalls=()):
        self.tables = Tables(config)
        self.policies = Policies(config, self.tables)
        self.srv6_source = config.get("srv6-source")
        self.srv6_domain = config.get("srv6-domain", [])
        self.mna_opcode = config.get("code-points", {}).get("mna-nrp-opcode", 115)
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
        self.strict_labels = any(entry.get("strict") and entry.get("encapsulation") == "mpls-mna"
                                 for entry in config.get("nrps", []))
        for entry in config.get("nrps", []):
            self.nrps[entry.get("selector", entry["id"])] = entry["id"]
            for share in entry.get("interfaces", []):
                self.ports[share["name"]].shares[entry["id"]] = share.get("cycle-bits", 0)
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
        packet.identifier = self.tagging.read(packet)
        if packet.labels:
            self._read_selector(packet)
            mac, oif = self._forward_labels(packet)
        else:
            mac, oif = self._forward_ip(packet)
        self._leave_by(now, packet, packet.identifier, mac, oif)

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
            ethertype = wire.ETHER_IPV4 if packet.version == 4 else wire.ETHER_IPV6
            frame = (frame[:12] + ethertype.to_bytes(2, "big") + bytes(packet.l3) +
                     frame[14 + packet.billed_octets:])
        elif packet.version and not packet.labels:
            # Labels of this router were removed above it.
            packet.retire(self.tagging.option, self.tagging.retired)
            ethertype = wire.ETHER_IPV4 if packet.version == 4 else wire.ETHER_IPV6
            frame = frame[:12] + ethertype.to_bytes(2, "big") + bytes(packet.l3)
        elif packet.received_labels:
            frame = self._labelled_for_kernel(packet)
        self.kernel[packet.iif].append(frame)

    def _labelled_for_kernel(self, packet):
        """As it came, but for the tag of the top label and options beneath."""
        frame = bytearray(packet.frame)
        if packet.carrier == "label":
            domain = self.tagging.interfaces[packet.iif].domain
            frame[16] = frame[16] & 0xF1 | domain.egress_tc << 1
        at = 14 + 4 * len(packet.received_labels)
        if at < len(frame) and frame[at] >> 4 == 6:
            self._parse_for_kernel(packet, bytes(frame[at:]))
            packet.retire(self.tagging.option, self.tagging.retired)
            frame[at:at + len(packet.l3)] = packet.l3
        return bytes(frame)

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
            if label == actions.LABEL:
                del packet.labels[:self._actions(packet, packet.labels, 0)[0]]
                if not self.tables.short_pipe:  # A is an entry like others (RFC 9994, 4)
                    ttl = entry_ttl if ttl is None else min(ttl, entry_ttl)
                continue
            if label in self.policies.binding_labels:
                return self._binding_label(packet, self.policies.binding_labels[label], ttl)
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
            if entry["operation"] == "detnet-pop":
                self._end_service(packet, entry)
                break
            if entry["operation"] == "pop":
                return self._pop(packet, entry, ttl - 1)
        self._take_ip_beneath(packet)
        if not self.tables.short_pipe:
            wire.set_ttl(packet.l3, min(ttl, wire.ttl_of(packet.l3)))
        return self._forward_ip(packet)

    def _actions(self, packet, stack, at):
        """(entries, selector) of the sub-stack at stack[at]."""
        try:
            return actions.read(stack, at, self.mna_opcode, on_top=at == 0)
        except actions.BadActions:
            raise Malformed
        except actions.UnknownAction:
            raise Drop("unknown-option", answer=False)

    def _read_selector(self, packet):
        """The NRP that the topmost selector in the stack names. Labels carry no strict flag: unknown
        ones are default, unless a partition that labels carry here is strict."""
        at = 0
        while at < len(packet.labels) and self.nrps:
            if packet.labels[at][0] != actions.LABEL:
                at += 1
                continue
            entries, selector = self._actions(packet, packet.labels, at)
            if selector is not None:
                packet.nrp = self.nrps.get(selector)
                if packet.nrp is None and self.strict_labels:
                    raise Drop("nrp-unknown", answer=False)
                return
            at += entries

    def _subnets(self, packet):
        table = packet.table or self.tables.interfaces[packet.iif].get("table", "main")
        return [ipaddress.ip_network(address, strict=False)
                for interface in self.tables.interfaces.values()
                if interface.get("table", "main") == table
                for address in interface["addresses"] if ":" not in address]

    def _end_service(self, packet, entry):
        """RFC 8964, 4.2: the S-label is the last one, but for an entropy label with its indicator;
        its control word is checked and removed."""
        if len(packet.labels) == 2 and packet.labels[0][0] == 7:
            packet.labels.clear()
        word = int.from_bytes(packet.l3[:4], "big")
        if packet.labels or len(packet.l3) < 4 or word >> entry.get("sequence-bits", 0):
            raise Malformed
        del packet.l3[:4]
        packet.received_payload = packet.payload_behind(packet.l3)

    def _binding_label(self, packet, policy, ttl):
        """The policy's labels instead of the binding label, or its header around what is beneath."""
        popped = packet.labels[0][2]
        ttl = popped if ttl is None or self.tables.short_pipe else min(ttl, popped)
        if isinstance(policy, InvalidPolicy):
            raise Drop("policy-invalid", answer=False)
        if ttl <= 1:
            raise Drop("ttl-expired")
        (chosen,) = policy.lists
        if chosen.is_srv6:
            if len(packet.labels) > 1:
                raise Drop("no-label", answer=False)
            del packet.labels[0]
            self._take_ip_beneath(packet)
            if not self.tables.short_pipe:
                wire.set_ttl(packet.l3, min(ttl, wire.ttl_of(packet.l3)))
            if self._is_martian(packet):
                raise Malformed
            return self._steer(packet, (policy, policy.reduced))
        if policy.nrp:
            packet.nrp = policy.nrp["id"]
        packet.steered = True
        if not chosen.labels:
            tc = self._pushed_tc(packet)
            del packet.labels[0]
            found = self._pop(packet, None, ttl - 1, chosen.hop)
            self._push_selector_alone(packet, policy.nrp, chosen.hop, tc, ttl - 1)
            return found
        self._replace_top(packet, chosen.labels, ttl - 1, chosen.hop, policy.nrp)
        return self._resolve(packet, chosen.hop)

    def _replace_top(self, packet, labels, ttl, hop, nrp=None):
        """Labels instead of the top one, whose TC the last of them inherits: with the selector of
        a policy's partition among them, else with copies of a sub-stack that came along."""
        below = packet.labels[0]
        below[0], below[2] = labels[-1], ttl
        above = [[label, self._pushed_tc(packet), 255 if self.tables.short_pipe else ttl]
                 for label in labels[:-1]]
        packet.pushed = list(above)
        # What copies its marks copies no tag: that is in one place only.
        tc = self._pushed_tc(packet) if below is packet.carrier_label else below[1]
        copied = [below[0], tc, below[2]]
        stack, beneath = above + [copied], packet.labels[1:]
        depth = self.tables.neighbor(hop.interface, hop.address).get("readable-label-depth", 16)
        if nrp and nrp.get("encapsulation", "ipv6-option") == "mpls-mna":
            packet.labels = actions.with_selector(
                stack, nrp.get("selector", nrp["id"]), self.mna_opcode, depth) + beneath
        elif self.nrps and above:
            packet.labels = actions.kept_in_reach(stack, beneath, self.mna_opcode, depth)
        else:
            packet.labels = stack + beneath
        packet.labels = [below if entry is copied else entry for entry in packet.labels]

    def _pushed_tc(self, packet):
        """TC of a label pushed on a label: copied (RFC 3270), but a tag is in one place only."""
        if packet.identifier is None:
            return packet.labels[0][1]
        return self.tagging.interfaces[packet.iif].domain.egress_tc

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
        hop = self.tables.label_hop(entry)
        self._replace_top(packet, entry["out-labels"], ttl, hop)
        return self._resolve(packet, hop)

    def _push_selector_alone(self, packet, nrp, hop, tc, ttl):
        """No label is left above the selector: on top, for a neighbour that reads it."""
        reads = self.tables.neighbor(hop.interface, hop.address).get("mna", False)
        if reads and nrp and nrp.get("encapsulation", "ipv6-option") == "mpls-mna":
            above = [0, tc, 255 if self.tables.short_pipe else ttl]
            packet.labels[:0] = actions.sub_stack(nrp.get("selector", nrp["id"]), self.mna_opcode,
                                                  above)

    def _pop(self, packet, entry, ttl, hop=None):
        hop = hop or self.tables.label_hop(entry)
        if packet.labels and packet.labels[0][0] == 7:
            if len(packet.labels) == 1:
                raise Malformed
            del packet.labels[:2]
        if packet.labels and packet.labels[0][0] == actions.LABEL:
            self._expose_actions(packet, hop)
        if packet.labels:
            if not self.tables.short_pipe:
                packet.labels[0][2] = min(ttl, packet.labels[0][2])
        else:
            self._take_ip_beneath(packet)
            if not self.tables.short_pipe:
                wire.set_ttl(packet.l3, min(ttl, wire.ttl_of(packet.l3)))
        return self._resolve(packet, hop)

    def _expose_actions(self, packet, hop):
        """Network actions that a pop brings to the top stay there only at the end of the stack, and
        only for a router that reads them; those of select scope are for who pops (RFC 9994, 7 and
        9)."""
        entries = selected = 0
        while entries < len(packet.labels) and packet.labels[entries][0] == actions.LABEL:
            begin, is_select = entries, False
            try:
                is_select = actions.scope_of(packet.labels, begin) == actions.SELECT
                entries += actions.read(packet.labels, begin, self.mna_opcode, is_select)[0]
            except (actions.BadActions, IndexError):
                raise Malformed
            except actions.UnknownAction:
                if is_select:
                    raise Drop("unknown-option", answer=False)
                entries += 2 + (actions.word_of(packet.labels[begin + 1]) >> 4 & 15)
            if is_select and selected == begin:
                selected = entries
        reads = self.tables.neighbor(hop.interface, hop.address).get("mna", False)
        del packet.labels[:entries if entries < len(packet.labels) or not reads else selected]

    def _deliver(self, packet):
        """RFC 8754, 4.3.2: an address that is no SID forwards nothing."""
        if packet.version == 6 and packet.routing_at and packet.l3[packet.routing_at + 3]:
            raise Drop("malformed", pointer=packet.routing_at + 2, icmp=(4, 0))
        raise ToKernel

    def _forward_ip(self, packet, table=None):
        address = ipaddress.ip_address(packet.destination)
        if address.is_multicast:
            raise ToKernel
        self._refuse_unknown_options(packet)
        if address in self.tables.local:
            self._deliver(packet)
        table = table or self.tables.interfaces[packet.iif].get("table", "main")
        target = self.tables.route(table, address)
        if target == NO_SID:
            raise Drop("no-sid")
        if isinstance(target, Sid):
            return self._endpoint(packet, target)
        self._read_nrp_option(packet)
        if wire.ttl_of(packet.l3) <= 1 and not packet.hop_limit_done:
            raise Drop("ttl-expired")
        self._match_flow(packet)
        policy = self._policy_of(packet, target)
        if target is None and policy is None:
            raise Drop("no-route")
        if not isinstance(policy, InvalidPolicy):
            self._match_flow_into(packet, (policy.lists[0].hop if policy else target[0]).interface)
            policy = self._policy_of(packet, target)
        if self._is_martian(packet):
            raise Malformed
        if isinstance(policy, InvalidPolicy):
            raise Drop("policy-invalid", answer=False)
        if policy:
            return self._steer(packet, (policy, policy.reduced))
        hop = target[0]
        if hop.address is None:
            hop = hop._replace(address=address)
        if not packet.hop_limit_done:
            wire.set_ttl(packet.l3, wire.ttl_of(packet.l3) - 1)
        self._push(packet, hop.labels, hop)
        return self._resolve(packet, hop)

    @staticmethod
    def _is_martian(packet):
        """A source that no host can send with on a wire (RFC 1812, 5.3.7; RFC 4291, 2.5)."""
        source = ipaddress.ip_address(bytes(packet.addresses[0]))
        if packet.version == 6:
            return (source.is_unspecified or source.is_loopback or source.is_multicast or
                    source.is_link_local)
        return packet.addresses[0][0] in (0, 127) or packet.addresses[0][0] >= 224

    def _match_flow(self, packet):
        """A packet without a tag; one with a tag is matched where it enters another domain."""
        if packet.identifier is None and not packet.flow_is_known:
            packet.flow = next((f for f in self.flows if f.matches(packet)), None)
            packet.flow_is_known = True

    def _match_flow_into(self, packet, oif):
        """Into another domain: first it leaves its own, then it is an ingress packet."""
        here = self.tagging.interfaces.get(packet.iif)
        there = self.tagging.interfaces.get(oif)
        if packet.identifier is not None and there is not None and \
                there.domain is not here.domain and not packet.flow_is_known:
            self.tagging.leave(packet, here.domain)
            packet.flow = next((f for f in self.flows if f.matches(packet)), None)
            packet.flow_is_known = True

    def _policy_of(self, packet, target):
        if packet.flow and packet.flow.policy:
            policy = self.policies.by_key[packet.flow.policy]
            if policy is not None:
                return policy
        return target if isinstance(target, (Policy, InvalidPolicy)) else None

    def _refuse_unknown_options(self, packet, header="hop-by-hop"):
        known = (0, 1, 5, 0x1E, self.tagging.option, self.tagging.retired)
        if packet.version != 6 or not self.discard_unknown:
            return
        for option in packet.options:
            if option.header != header or option.kind in known or option.kind >> 6 == 0:
                continue
            if header == "destination" and option.at >= packet.destination_options_end:
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
            self._drop_own_option(packet)
            self.tagging.clean(packet, there)
            self._append_other(packet, mac, oif, ports.LEFT_DOMAIN)
            return
        if was_tcqf:
            self.tagging.leave(packet, here.domain)
        if there is None:
            self._append_other(packet, mac, oif,
                               ports.LEFT_DOMAIN if was_tcqf else self._class_of(packet))
            return
        flow = packet.flow if packet.flow_is_known else next(
            (f for f in self.flows if f.matches(packet)), None)
        if flow is None or not self._ingress(now, packet, mac, there, flow):
            self._drop_own_option(packet)
            self.tagging.clean(packet, there)
            self._append_other(packet, mac, oif,
                               ports.LEFT_DOMAIN if was_tcqf else self._class_of(packet))

    def _ingress(self, now, packet, mac, there, flow):
        """Whether the packet was taken; False sends it as best effort."""
        if flow.policer and not flow.policer.conforms(now, packet.received_payload):
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

    def _drop_own_option(self, packet):
        """One that was put in front for a cycle that the packet does not get: nobody else's header
        is in the way, so nothing is left of it."""
        if packet.own_option:
            packet.replace_ip(packet.without_option)

    def _class_of(self, packet):
        is_control = not packet.labels and packet.dscp in CONTROL_DSCPS
        return ports.CONTROL if is_control else ports.BEST_EFFORT

    def _frame(self, packet, mac, oif):
        payload, ethertype = packet.layer3()
        frame = wire.ethernet(mac, self.tables.interfaces[oif]["mac"], ethertype, payload)
        return WrittenHeader(frame) if packet.written_ip else frame

    def _mtu_left(self, packet, oif, overhead=0):
        taken = 4 * len(packet.labels) + len(packet.service) + overhead
        return max(self.tables.interfaces[oif]["mtu"] - taken, 0)

    def _check_room(self, packet, oif, overhead):
        """MTU of an encapsulation: what is told is what is left for the inner packet."""
        left = self._mtu_left(packet, oif, overhead)
        if len(packet.l3) > left:
            raise Drop("mtu-exceeded", mtu=left)

    def _append_tcqf(self, packet, mac, oif, cycle):
        frame = self._frame(packet, mac, oif)
        if len(frame) - 14 > self.tables.interfaces[oif]["mtu"]:
            raise Drop("mtu-exceeded", mtu=self._mtu_left(packet, oif))
        each = self.ports[oif]
        if not each.fits_a_cycle(len(frame)):
            raise Drop("mtu-exceeded", answer=False)
        nrp = self._nrp_of(packet, oif)
        refusal = each.refusal(cycle, len(frame), nrp)
        if refusal:
            raise Drop(refusal, answer=False)
        packet.number()
        each.append_to_cycle(cycle, self._frame(packet, mac, oif), nrp)

    def _nrp_of(self, packet, oif):
        """The NRP whose share pays for the packet on oif; None: default resources."""
        return packet.nrp if packet.nrp in self.ports[oif].shares else None

    def _read_nrp_option(self, packet):
        """Notes the NRP that the packet's own selector names."""
        if packet.steered or packet.version != 6:
            return
        found = [o for o in packet.options if o.kind == self.nrp_option and
                 o.header == "hop-by-hop"]
        if not found:
            return
        at = found[0].at
        if found[0].length != 8 or packet.l3[at + 3]:
            return
        packet.nrp = self.nrps.get(int.from_bytes(packet.l3[at + 6:at + 10], "big"))
        if packet.nrp is None and packet.l3[at + 2] & 0x80:
            raise Drop("nrp-unknown", answer=False)

    def _append_other(self, packet, mac, oif, index):
        frame = self._frame(packet, mac, oif)
        frames = []
        if len(frame) - 14 > self.tables.interfaces[oif]["mtu"]:
            may_fragment = (packet.version == 4 and not packet.received_labels and
                            not packet.l3[6] & 0x40 and index != ports.LEFT_DOMAIN)
            if not may_fragment:
                raise Drop("mtu-exceeded", mtu=self._mtu_left(packet, oif))
            stack = frame[14:len(frame) - len(packet.l3)]
            frames = [frame[:14] + stack + piece
                      for piece in fragment(packet.l3, self._mtu_left(packet, oif))]
            self.generated += len(frames) - 1
        else:
            packet.number()
            frames = [self._frame(packet, mac, oif)]
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
        rule = drop.icmp or ERRORS.get((packet.version, drop.reason))
        if rule is None or is_silent(packet, self.link_multicast,
                                     self._subnets(packet)):
            return
        if packet.version == 4 and rule == (3, 4) and not packet.l3_as_received[6] & 0x40:
            return  # RFC 792: fragmentation needed and DF set
        source = ipaddress.ip_address(bytes(packet.addresses[0]))
        table = packet.table or self.tables.interfaces[packet.iif].get("table", "main")
        hops = self.tables.route(table, source)
        if not isinstance(hops, list):
            return
        hop = hops[0] if hops[0].address else hops[0]._replace(address=source)
        mac = self.tables.mac(hop.interface, hop.address)
        if mac is None:
            return
        # What is pointed at stands behind the routing headers that were removed.
        pointer = None if drop.pointer is None else drop.pointer + packet.removed_octets
        error = IcmpError(packet.version, *rule, str(source), packet.l3_as_received,
                          tuple(map(tuple, packet.received_labels)), drop.mtu, pointer,
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
