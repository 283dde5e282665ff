"""What runs that are drawn by chance have in common."""

import os

from case import INTERFACES, Case, at

SEEDS = int(os.environ.get("CONFORMANCE_SEEDS", "20"))
PACKETS = 40  # at each interface


def drawn_arrivals(chance, frame, span_ns):
    """Packets at every interface, at times within span_ns; frame(interface, sequence) makes them."""
    rx = {}
    for i, name in enumerate(INTERFACES):
        times = sorted(chance.randrange(span_ns) for _ in range(PACKETS))
        rx[name] = [at(time, frame(i, 100 * i + k)) for k, time in enumerate(times)]
    return rx


def drawn_cases(draw, name, title):
    """A case for each seed; draw(seed) has `config` and `arrivals()`. A third is not drained."""
    made = []
    for seed in range(SEEDS):
        drawn = draw(seed)
        made.append(Case(f"{name}-{seed}", title, drawn.config, drawn.arrivals(),
                         until_drained=seed % 3 != 0))
    return made
