"""Cycles, maps and windows (draft 4.2, 6.3, as docs/departures.md corrects it), in plain integers.

An absolute cycle n of an interface covers [offset + n*T, offset + (n+1)*T); its identifier is
n mod C + 1. Python's // and % are those of mathematics, also below zero.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor


@dataclass(frozen=True)
class CycleClock:
    offset_ns: int
    cycle_ns: int
    cycles: int

    def number(self, time):
        """The absolute cycle that contains time (an integer or a fraction of ns)."""
        return floor((time - self.offset_ns) / Fraction(self.cycle_ns))

    def start(self, number):
        return self.offset_ns + number * self.cycle_ns

    def identifier(self, number):
        return number % self.cycles + 1


@dataclass(frozen=True)
class CycleMap:
    """map[i - 1] is the outgoing identifier of the incoming identifier i."""

    map: tuple
    window_min: int
    window_max: int

    def target(self, now_cycle, identifier, clock):
        """The absolute cycle for a packet tagged identifier, or None: outside the window."""
        wanted = self.map[identifier - 1]
        hits = [now_cycle + d for d in range(self.window_min, self.window_max + 1)
                if clock.identifier(now_cycle + d) == wanted]
        if len(hits) > 1:
            raise ValueError("a window of more than C distances")
        return hits[0] if hits else None


def computed_map(cycles, cycle_ns, upstream_offset, own_offset, latency_min, latency_max,
                 clock_error=0, upstream_dead_time=0):
    """The map and window from latencies (draft 6.3; docs/departures.md, 15 and 16)."""

    def phase(latency):
        return Fraction(upstream_offset + latency - own_offset, cycle_ns)

    latest = latency_max - upstream_dead_time + clock_error
    earliest = latency_min - clock_error
    advance = ceil(phase(latest)) + 1
    return CycleMap(tuple((i - 1 + advance) % cycles + 1 for i in range(1, cycles + 1)), 1,
                    advance - floor(phase(earliest)))
