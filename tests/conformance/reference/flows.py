"""Ingress: policing and the cursor of a DetNet flow."""

from collections import deque
import ipaddress

from wire import TCP, UDP


class Policer:
    """RFC 9016, 5.5: at most so many packets of so much payload in any interval."""

    def __init__(self, specification):
        self.interval = specification["interval-ns"]
        self.largest = specification["max-payload-size"]
        self.conforming = deque(maxlen=specification["max-packets-per-interval"])

    def conforms(self, now, payload):
        if payload > self.largest:
            return False
        full = len(self.conforming) == self.conforming.maxlen
        if full and now - self.conforming[0] < self.interval:
            return False
        self.conforming.append(now)
        return True


class Flow:
    """One entry of detnet.flows; cursors are per outgoing interface."""

    def __init__(self, entry):
        self.match = entry["match"]
        self.csize = entry["cycle-size-bits"]
        self.backlog = entry.get("max-backlog-cycles", 64)
        self.excess_best_effort = entry.get("excess-action", "drop") == "best-effort"
        interleaving = entry.get("interleaving")
        self.period = interleaving["period-cycles"] if interleaving else 1
        self.allowed = set(interleaving["cycles"]) if interleaving else {0}
        specification = entry.get("traffic-specification")
        self.policer = Policer(specification) if specification else None
        self._cursors = {}
        policy = entry.get("sr-policy")
        self.policy = (policy["color"], policy["endpoint"]) if policy else None
        self.service = entry.get("mpls-service")
        self._number = 0

    def control_word(self):
        """The d-CW of the next packet (RFC 8964, 4.2.1)."""
        number, self._number = self._number, self._number + 1
        return (number & (1 << self.service["sequence-bits"]) - 1).to_bytes(4, "big")

    def _next_allowed(self, cycle):
        while cycle % self.period not in self.allowed:
            cycle += 1
        return cycle

    def place(self, oif, now_cycle, bits):
        """The cycle for a packet of that size and the bits then used in it."""
        cycle, used = self._cursors.get(oif, (None, 0))
        if cycle is None or cycle <= now_cycle:
            cycle, used = self._next_allowed(now_cycle + 1), 0
        if used + bits > self.csize:
            cycle, used = self._next_allowed(cycle + 1), 0
        return cycle, used + bits

    def commit(self, oif, cycle, used):
        self._cursors[oif] = (cycle, used)

    def matches(self, packet):
        """Whether a parsed packet (see packet.Packet) belongs to this flow."""
        return all(_field_matches(name, wanted, packet) for name, wanted in self.match.items())


def _in_range(text, value):
    low, _, high = str(text).partition("-")
    return value is not None and int(low) <= value <= int(high or low)


def _field_matches(name, wanted, packet):
    if name == "interface":
        return packet.iif == wanted
    if name == "mpls-label":
        return bool(packet.received_labels) and packet.received_labels[0][0] == wanted
    if packet.received_labels:
        return False
    if name in ("source", "destination"):
        address = ipaddress.ip_address(bytes(packet.addresses[name == "destination"]))
        network = ipaddress.ip_network(wanted)
        return address.version == network.version and address in network
    if name == "protocol":
        return packet.upper_protocol == wanted
    if name in ("source-port", "destination-port"):
        port = packet.ports[name == "destination-port"] if packet.ports else None
        return packet.upper_protocol in (UDP, TCP) and _in_range(wanted, port)
    if name == "dscp":
        return packet.dscp in (wanted if isinstance(wanted, list) else [wanted])
    if name == "flow-label":
        return packet.version == 6 and packet.flow_label == wanted
    if name == "spi":
        return packet.spi == wanted
    raise KeyError(name)
