"""SRv6 endpoint behaviors (RFC 8986, RFC 8754, RFC 9800) and the end of a tunnel (RFC 6040)."""

import wire
from reference.errors import Drop, ToKernel
from reference.packet import Malformed

SEGMENT_ROUTING = 4
OAM_FLAG = 0x20
PARAMETER_PROBLEM = 4
NOT_ECT, ECT1, CE = 0, 1, 3
INNER = {"End.DT4": (4,), "End.DX4": (4,), "End.DT6": (41,), "End.DX6": (41,),
         "End.DT46": (4, 41)}
ENDING = tuple(INNER)


def bad_field(at):
    return Drop("malformed", pointer=at, icmp=(PARAMETER_PROBLEM, 0))


class Endpoint:
    """The part of the router that handles packets to its SIDs."""

    def _endpoint(self, packet, sid):
        """Returns what forwarding returns: (MAC, outgoing interface)."""
        if self.srv6_domain and packet.iif not in self.srv6_domain:
            raise Drop("untrusted-source", answer=False)
        self._read_nrp_option(packet)
        self._refuse_unknown_options(packet, "destination")  # RFC 8200, 4.6
        routing = packet.routing_at
        if routing and packet.l3[routing + 2] == SEGMENT_ROUTING and \
                packet.l3[routing + 5] & OAM_FLAG:
            self._copy_for_oam(packet)
        if "NEXT-CSID" in sid.flavors and self._next_csid(packet, sid):
            return self._go_on(packet, sid)
        if routing is None or packet.l3[routing + 3] == 0:
            return self._upper_layer(packet, sid)
        if packet.l3[routing + 2] != SEGMENT_ROUTING:
            raise bad_field(routing + 2)
        if sid.behavior in ENDING:
            raise bad_field(routing + 3)
        self._next_segment(packet, routing, "PSP" in sid.flavors)
        return self._go_on(packet, sid)

    def _count_hop(self, packet):
        if packet.l3[7] <= 1:
            raise Drop("ttl-expired")
        packet.l3[7] -= 1
        packet.hop_limit_done = True

    def _next_csid(self, packet, sid):
        """RFC 9800, 4.1: whether the argument held another compressed SID."""
        address = int.from_bytes(packet.l3[24:40], "big")
        argument_bits = 128 - sid.block_bits - sid.node_bits
        argument = address & (1 << argument_bits) - 1
        if not argument:
            return False
        self._count_hop(packet)
        block = address >> 128 - sid.block_bits << 128 - sid.block_bits
        self._set_destination(packet, (block | argument << sid.node_bits).to_bytes(16, "big"))
        return True

    def _set_destination(self, packet, octets):
        packet.l3[24:40] = octets
        packet.replace_ip(bytes(packet.l3))

    def _next_segment(self, packet, routing, penultimate_pop):
        """RFC 8986, 4.1: the order of the checks is the document's."""
        octets, _, left, last = packet.l3[routing + 1:routing + 5]
        if packet.l3[7] <= 1:
            raise Drop("ttl-expired")
        if last > octets // 2 - 1 or left > last + 1:
            raise bad_field(routing + 3)
        self._count_hop(packet)
        packet.l3[routing + 3] = left - 1
        at = routing + 8 + 16 * (left - 1)
        packet.l3[24:40] = packet.l3[at:at + 16]
        if penultimate_pop and left == 1:
            self._remove_routing_header(packet)
        else:
            packet.replace_ip(bytes(packet.l3))

    def _remove_routing_header(self, packet):
        at = packet.routing_at
        length = 8 * (packet.l3[at + 1] + 1)
        packet.l3[packet.routing_named_at] = packet.l3[at]
        del packet.l3[at:at + length]
        packet.removed_octets += length
        packet.l3[4:6] = (len(packet.l3) - 40).to_bytes(2, "big")
        packet.replace_ip(bytes(packet.l3))

    def _go_on(self, packet, sid):
        if sid.behavior == "End.X":
            return self._to_adjacency(packet, sid)
        if sid.policy:
            if self._is_martian(packet):
                raise Malformed
            return self._steer(packet, self._policy(sid.policy, sid.behavior))
        return self._forward_ip(packet, sid.table)

    def _policy(self, key, behavior):
        policy = self.policies.by_key[key]
        if not hasattr(policy, "lists"):
            raise Drop("policy-invalid", answer=False)
        return policy, behavior.endswith("Red")

    def _to_adjacency(self, packet, sid):
        self._read_nrp_option(packet)
        ttl = wire.ttl_of(packet.l3)
        if not packet.hop_limit_done:
            if ttl <= 1:
                raise Drop("ttl-expired")
            wire.set_ttl(packet.l3, ttl - 1)
        if self._is_martian(packet):
            raise Malformed
        return self._resolve(packet, sid.hops[0])

    def _upper_layer(self, packet, sid):
        """RFC 8986, 4.1.1 and 4.4 to 4.8: no segment is left."""
        protocol = packet.upper_protocol
        taken = INNER.get(sid.behavior, (4, 41) if "USD" in sid.flavors else ())
        if protocol in taken and not packet.is_fragment:
            return self._decapsulate(packet, sid)
        if protocol == wire.ICMPV6:
            if "USP" in sid.flavors and packet.routing_at:
                self._remove_routing_header(packet)
            raise ToKernel
        raise Drop("malformed", pointer=packet.upper_at, icmp=(PARAMETER_PROBLEM, 4))

    def _decapsulate(self, packet, sid):
        outer = (packet.l3[0] & 15) << 4 | packet.l3[1] >> 4
        inner = bytearray(packet.l3[packet.upper_at:])
        if packet.carrier in ("ip", "option"):
            packet.carrier, packet.tag_header_removed = None, True
        packet.hop_limit_done = False
        packet.removed_octets = 0
        packet.nrp = None
        kind = 4 if packet.upper_protocol == 4 else 6
        packet.parse_ip(kind, bytes(inner))
        self._combine_ecn(outer & 3, packet.l3)
        if sid.behavior in ("End.DX4", "End.DX6", "End.X"):
            return self._to_adjacency(packet, sid)
        packet.table = "main" if sid.behavior == "End" else sid.table
        return self._forward_ip(packet, packet.table)

    def _combine_ecn(self, outer, inner):
        """RFC 6040, 4.2."""
        own = inner[1] & 3 if inner[0] >> 4 == 4 else inner[1] >> 4 & 3
        if own == NOT_ECT:
            if outer == CE:
                raise Drop("malformed", answer=False)
            return
        if own == CE or outer not in (ECT1, CE):
            return
        if inner[0] >> 4 == 4:
            inner[1] = inner[1] & 0xFC | outer
            wire.set_ipv4_checksum(inner)
        else:
            inner[1] = inner[1] & 0xCF | outer << 4

    def _copy_for_oam(self, packet):
        """RFC 9259, 2.1.1."""
        self.generated += 1
        self.to_kernel += 1
        self.kernel[packet.iif].append(packet.frame[:14] + bytes(packet.l3))
