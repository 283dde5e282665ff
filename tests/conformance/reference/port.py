"""Emission of one interface: cycles, classes, the guard band and the wire, in exact fractions."""

from collections import deque
from dataclasses import dataclass
from fractions import Fraction
from math import inf

LEFT_DOMAIN, CONTROL, BEST_EFFORT = 0, 1, 2

OVERHEAD_OCTETS = 24
SMALLEST_FRAME = 60


@dataclass
class Sent:
    start: Fraction
    frame: object
    cycle: object = None


class Port:
    """Queues and wire of an interface; clock is its CycleClock, or None outside every domain."""

    def __init__(self, name, rate_mbps, queue_limit, clock=None, dead_time_ns=0, stalls=()):
        self.name = name
        self.rate_mbps = rate_mbps
        self.queue_limit = queue_limit
        self.clock = clock
        self.dead_time_ns = dead_time_ns
        self.stalls = stalls
        self.slots = {}
        self.shares = {}
        self.used_bits = {}
        self.classes = [deque(), deque(), deque()]
        self.sent = []
        self.overruns = 0
        self._now = Fraction(0)
        self._wire_free = Fraction(0)

    def occupancy_bits(self, length):
        return (max(length, SMALLEST_FRAME) + OVERHEAD_OCTETS) * 8

    def duration(self, length):
        return Fraction(self.occupancy_bits(length) * 1000, self.rate_mbps)

    def fits_a_cycle(self, length):
        return self.duration(length) <= self.clock.cycle_ns - self.dead_time_ns

    def can_ever_go(self, length):
        """Whether a frame that is not TCQF finds room between two boundaries."""
        return self.clock is None or self.duration(length) <= self.clock.cycle_ns

    def refusal(self, cycle, length, nrp=None):
        """Why a cycle does not take a frame: for lack of room in all of it, then in an NRP's share
        or, nrp None, in what the shares leave; None where it does."""
        more = self.occupancy_bits(length)
        used = sum(self.used_bits.get((cycle, share), 0) for share in (None, *self.shares))
        if (used + more) * 1000 > self.capacity:
            return "cycle-full"
        bits = self.used_bits.get((cycle, nrp), 0) + more
        if nrp is not None:
            return "nrp-quota" if bits > self.shares[nrp] else None
        taken = bits + sum(self.shares.values())
        return "cycle-full" if taken * 1000 > self.capacity else None

    @property
    def capacity(self):
        """Thousandths of bits that a cycle holds."""
        return self.rate_mbps * (self.clock.cycle_ns - self.dead_time_ns)

    def append_to_cycle(self, cycle, frame, nrp=None):
        self.slots.setdefault(cycle, deque()).append(frame)
        self.used_bits[cycle, nrp] = (self.used_bits.get((cycle, nrp), 0) +
                                      self.occupancy_bits(len(frame)))

    def append_to_class(self, index, frame):
        """Whether there was room in the queue of that class."""
        if len(self.classes[index]) >= self.queue_limit:
            return False
        self.classes[index].append(frame)
        return True

    def queued(self):
        return sum(map(len, self.slots.values())) + sum(map(len, self.classes))

    def advance(self, limit):
        """Sends all that can start before limit."""
        while self._step(limit):
            pass
        if limit != inf:
            self._now = max(self._now, Fraction(limit))

    def _step(self, limit):
        at = max(self._now, self._wire_free)
        for begin, length in self.stalls:
            if begin <= at < begin + length:
                at = Fraction(begin + length)
        if at >= limit:
            return False
        frame, cycle = self._pick(at)
        if frame is not None:
            self.sent.append(Sent(at, frame, cycle))
            self._now = at
            self._wire_free = at + self.duration(len(frame))
            return True
        later = self._next_chance(at)
        if later is None or later >= limit:
            return False
        self._now = Fraction(later)
        return True

    def _pick(self, at):
        if self.clock is None:
            for queue in self.classes:
                if queue:
                    return queue.popleft(), None
            return None, None
        now_cycle = self.clock.number(at)
        for cycle in [c for c in self.slots if c < now_cycle]:
            self.overruns += len(self.slots.pop(cycle))
        slot = self.slots.get(now_cycle)
        while slot:
            frame = slot.popleft()
            end = at + self.duration(len(frame))
            if end <= self.clock.start(now_cycle + 1):
                return frame, now_cycle
            self.overruns += 1
        for queue in self.classes:
            if not queue:
                continue
            if at + self.duration(len(queue[0])) <= self.clock.start(now_cycle + 1):
                return queue.popleft(), None
            break
        return None, None

    def _next_chance(self, at):
        """The next instant at which something that waits could start, without new arrivals."""
        if self.clock is None:
            return None
        chances = [self.clock.start(c) for c, q in self.slots.items() if q]
        if any(self.classes):
            chances.append(self.clock.start(self.clock.number(at) + 1))
        return min((c for c in chances if c > at), default=None)
