"""A received frame, taken apart: labels, IP header, options, and where the tag is."""

import struct

import wire


class Malformed(Exception):
    """The frame ends early or contradicts itself."""


class BadChecksum(Exception):
    """The IPv4 header checksum is wrong."""


class Option:
    """A TLV of an IPv6 extension header: position in the packet, header it is in."""

    def __init__(self, kind, at, length, header):
        self.kind = kind
        self.at = at
        self.length = length
        self.header = header


class Packet:
    """labels are [label, tc, ttl], the first is the top; l3 is the IP packet beneath, mutable."""

    def __init__(self, iif, frame):
        self.iif = iif
        self.frame = frame
        self.labels = []
        self.received_labels = []
        self.l3 = bytearray()
        self.l3_as_received = b""
        self.options = []
        self.version = 0
        self.carrier = None
        self.carrier_label = None
        self.upper_protocol = None
        self.ports = None
        self.spi = None
        self.pushed = []
        self.addresses = None
        self.upper_layer = b""
        self.billed_octets = None
        self.payload_octets = 0
        self.identifier = None
        self.tag_header_removed = False
        self.flow = None
        self.flow_is_known = False
        self.nrp = None
        self.steered = False
        self.hop_limit_done = False
        self.removed_octets = 0
        self.own_option = False
        self.written_ip = False
        self.table = None
        self.service = b""

    @property
    def destination(self):
        return bytes(self.addresses[1])

    @property
    def dscp(self):
        return wire.dscp_of(self.l3)

    @property
    def flow_label(self):
        return struct.unpack(">I", self.l3[:4])[0] & 0xFFFFF

    @property
    def received_bits(self):
        """Bits of the layer 3 packet as received, whatever was taken off since."""
        return 8 * self.billed_octets

    def bill(self):
        if self.billed_octets is None:
            self.billed_octets = 4 * len(self.received_labels) + len(self.l3_as_received)
            self.received_payload = self.payload_octets

    def parse_mpls(self, data):
        at = 0
        while True:
            if at + 4 > len(data):
                raise Malformed
            entry = struct.unpack(">I", data[at:at + 4])[0]
            self.labels.append([entry >> 12, entry >> 9 & 7, entry & 255])
            at += 4
            if entry >> 8 & 1:
                break
        self.received_labels = [list(entry) for entry in self.labels]
        self.l3 = bytearray(data[at:])
        self.l3_as_received = bytes(data[at:])
        self.payload_octets = self.payload_behind(self.l3)
        self.bill()

    @staticmethod
    def payload_behind(data):
        """Octets behind the IP header that stands first; all of them where none does."""
        version = data[0] >> 4 if data else 0
        header = {4: 4 * (data[0] & 15), 6: 40}.get(version, 0) if version else 0
        return max(len(data) - header, 0)

    def parse_ip(self, version, data):
        self.options = []
        self.ports = self.spi = None
        if version == 4:
            self._parse_ipv4(data)
        else:
            self._parse_ipv6(data)
        self.version = version
        self.bill()

    def replace_ip(self, data):
        """Another IP packet instead: with an edited, a new or one header less."""
        as_received = self.l3_as_received
        self.parse_ip(data[0] >> 4, data)
        self.l3_as_received = as_received

    def _parse_ipv4(self, data):
        if len(data) < 20 or data[0] >> 4 != 4:
            raise Malformed
        header = 4 * (data[0] & 15)
        total = data[2] << 8 | data[3]
        if header < 20 or total < header or total > len(data):
            raise Malformed
        if wire.checksum(bytes(data[:header])) != 0:
            raise BadChecksum
        self.l3 = bytearray(data[:total])
        self.l3_as_received = bytes(data[:total])
        self.addresses = (data[12:16], data[16:20])
        self.upper_protocol = data[9]
        self.payload_octets = total - header
        if (data[6] << 8 | data[7]) & 0x1FFF == 0:
            self._parse_upper(self.l3[header:])

    def _parse_ipv6(self, data):
        if len(data) < 40 or data[0] >> 4 != 6:
            raise Malformed
        length = data[4] << 8 | data[5]
        if 40 + length > len(data):
            raise Malformed
        self.l3 = bytearray(data[:40 + length])
        self.l3_as_received = bytes(self.l3)
        self.addresses = (data[8:24], data[24:40])
        self.payload_octets = length
        self._parse_extensions()

    def _parse_extensions(self):
        kind, at, seen_routing, named_at = self.l3[6], 40, False, 6
        self.routing_at = None
        self.is_fragment = False
        self.destination_options_end = 0  # of those in front of every routing header
        destinations = []
        while kind in (wire.HOP_BY_HOP, wire.DESTINATION, wire.ROUTING):
            if at + 8 > len(self.l3) or at + 8 * (self.l3[at + 1] + 1) > len(self.l3):
                raise Malformed
            length = 8 * (self.l3[at + 1] + 1)
            if kind == wire.HOP_BY_HOP and at == 40:
                self._parse_options(at + 2, at + length, "hop-by-hop")
            elif kind == wire.DESTINATION:
                destinations.append("destination-last" if seen_routing else "destination")
                self._parse_options(at + 2, at + length, destinations[-1])
                if not seen_routing:
                    self.destination_options_end = at + length
            if kind == wire.ROUTING:
                # The first with segments left, else the first (RFC 8986, 4.1, S02).
                if not seen_routing or (self.l3[self.routing_at + 3] == 0 and self.l3[at + 3]):
                    self.routing_at, self.routing_named_at = at, named_at
                seen_routing = True
            named_at = at
            kind, at = self.l3[at], at + length
        self._count_only_destination_header(destinations)
        self.upper_protocol = kind
        self.upper_at = at
        if kind == wire.FRAGMENT and at + 8 <= len(self.l3):
            self.is_fragment = struct.unpack(">H", self.l3[at + 2:at + 4])[0] & 0xFFF9 != 0
            self.upper_protocol = self.l3[at]
            self.upper_at = at + 8
            if struct.unpack(">H", self.l3[at + 2:at + 4])[0] >> 3:
                return
            at += 8
        self._parse_upper(self.l3[at:])

    def _count_only_destination_header(self, destinations):
        """The one before the routing header counts, else the only one (docs/departures.md)."""
        if destinations == ["destination-last"]:
            for option in self.options:
                if option.header == "destination-last":
                    option.header = "destination"

    def _parse_options(self, at, end, header):
        while at < end:
            kind = self.l3[at]
            if kind == 0:
                at += 1
                continue
            if at + 2 > end or at + 2 + self.l3[at + 1] > end:
                raise Malformed
            self.options.append(Option(kind, at, self.l3[at + 1], header))
            at += 2 + self.l3[at + 1]

    def _parse_upper(self, data):
        self.upper_layer = bytes(data)
        if self.upper_protocol in (wire.UDP, wire.TCP) and len(data) >= 4:
            self.ports = struct.unpack(">HH", data[:4])
        spi_at = {wire.ESP: 0, wire.AH: 4}.get(self.upper_protocol)
        if spi_at is not None and len(data) >= spi_at + 4:
            self.spi = struct.unpack(">I", data[spi_at:spi_at + 4])[0]

    def tcqf_options(self, kind, header=None):
        """The options of that type; header restricts them to the one that an interface names."""
        found = [o for o in self.options if o.kind == kind and o.header != "destination-last"]
        if header == "hop-by-hop":
            return [o for o in found if o.header == "hop-by-hop"]
        if header == "destination":
            return [o for o in found if o.header == "destination"]
        return [o for o in self.options if o.kind == kind]

    def retire(self, kind, retired):
        """Old options (docs/departures.md): other type, zero data, same length; all of them."""
        for option in self.tcqf_options(kind):
            self.retire_one(option, retired)

    def retire_one(self, option, retired):
        self.l3[option.at] = retired
        self.l3[option.at + 2:option.at + 2 + option.length] = bytes(option.length)
        option.kind = retired

    def number(self):
        """The packet is accepted: a control word that this router pushed gets its number."""
        if self.service:
            self.service = self.flow.control_word()

    def layer3(self):
        """What follows the Ethernet header now, and its Ethertype."""
        if self.labels:
            return wire.label_stack(self.labels) + self.service + bytes(self.l3), wire.ETHER_MPLS
        return bytes(self.l3), (wire.ETHER_IPV4 if self.l3[0] >> 4 == 4 else wire.ETHER_IPV6)
