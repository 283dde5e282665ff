"""The numbers as a table for people."""

HEAD = (f"{'':56}{'Mpps':>7}{'clocks':>8}{'instr.':>8}{'l3fwd':>8}{'ports':>8}{'ratio':>7}{'goal':>6}")


def _number(value, form):
    return "-" if value is None else format(value, form)


def line(result):
    """One row; a row with drops is no result."""
    name = f"{result['row']:56}"
    if result["dropped"]:
        drops = ", ".join(f"{count} {reason}" for reason, count in result["dropped"].items())
        return f"{name} no result: dropped {drops}"
    hz = result["ticks-per-second"]
    peer = result.get("l3fwd-packets-per-second")
    floor = result["floor-packets-per-second"]
    goal = f"{result['goal']:6.2f}" if result["goal"] else "      "
    note = "" if result["core-share"] > 0.95 else f"  (had {result['core-share']:.0%} of its share)"
    return (f"{name}{result['packets-per-second'] / 1e6:7.2f}{result['clocks-per-packet']:8.1f}"
            f"{_number(result.get('instructions-per-packet'), '.0f'):>8}"
            f"{_number(hz / peer if peer else None, '.1f'):>8}{hz / floor:8.1f}"
            f"{_number(result.get('ratio'), '.2f'):>7}{goal}{note}")


def heading(run):
    pages = "2 MiB" if run["huge-pages"] else "4 KiB"
    return (f"{run['processor']}, TSC {run['ticks-per-second'] / 1e6:.3f} MHz, pages of {pages}, "
            f"median of {run['repeats']} x {run['seconds']} s, load {run['load']:.1f}\n"
            "clocks, l3fwd, ports: TSC clocks a packet on the core of the worker; ports: testpmd "
            f"io with the same capture,\nnull to null {run['null-clocks']:.1f}; ratio: our rate "
            "to l3fwd's\n")
