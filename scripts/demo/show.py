"""Tables and pictures for a person."""

import subprocess

import chains
import judge

BINS = 24
BAR = 30


def ms(nanoseconds):
    return f"{nanoseconds / 1e6:.3f}"


def duration(microseconds):
    return f"{microseconds / 1000:g} ms" if microseconds >= 1000 else f"{microseconds} us"


def loads(run):
    """(sent, lost, largest delay) of all best effort together."""
    flows = [run.flows[stream] for stream in chains.LOAD_STREAMS.values()]
    return (sum(each["sent"] for each in flows), sum(each["lost"] for each in flows),
            max(each["delay-max-ns"] for each in flows))


def cell_rows():
    """(title, function from a run to text); None starts a group."""
    def flow(key, text=str):
        return lambda run: text(judge.flow(run)[key])

    def tcqf(function):
        return lambda run: function(run) if run.times else "-"

    return [
        ("cycle time", tcqf(lambda run: duration(run.times.cycle_us))),
        ("longest stall of a router", lambda run: duration(run.stall_us())
         if run.pauses_us else "none"),
        (None, "the flow"),
        ("packets sent", flow("sent")),
        ("packets received", flow("received")),
        ("packets lost", flow("lost")),
        ("  of them to counted stalls", tcqf(lambda run: str(judge.stall_drops(run)))),
        ("packets out of order", flow("reordered")),
        ("delay, least (ms)", flow("delay-min-ns", ms)),
        ("delay, median (ms)", flow("delay-median-ns", ms)),
        ("delay, 99.9 % (ms)", flow("delay-p999-ns", ms)),
        ("delay, largest (ms)", flow("delay-max-ns", ms)),
        ("spread: largest - least (ms)", flow("spread-ns", ms)),
        ("  allowed: 2 cycles + stall", tcqf(lambda run: ms(judge.spread_bound_ns(run)))),
        ("outside their cycle", tcqf(lambda run: str(judge.flow(run)["cycles"]["outside"]))),
        (None, "best effort beside it"),
        ("packets sent", lambda run: str(loads(run)[0])),
        ("packets lost", lambda run: str(loads(run)[1])),
        ("delay, largest (ms)", lambda run: ms(loads(run)[2])),
    ]


def table(titled_runs):
    """Columns of (title, run)."""
    widths = [max(14, len(title)) for title, _ in titled_runs]
    lines = [f"  {'':30}" + "".join(f"  {title:>{width}}"
                                   for (title, _), width in zip(titled_runs, widths))]
    for title, text in cell_rows():
        if title is None:
            lines.append(f"  {text}")
            continue
        lines.append(f"  {title:30}" + "".join(f"  {text(run):>{width}}"
                                              for (_, run), width in zip(titled_runs, widths)))
    return "\n".join(lines)


def account(run):
    """One line a router."""
    lines = []
    for name, numbers in run.accounts.items():
        dropped = ", ".join(f"{amount} {reason}" for reason, amount in numbers["dropped"].items())
        lines.append(f"    {name}: {numbers['received']} received = {numbers['sent']} sent + "
                     f"{sum(numbers['dropped'].values())} dropped ({dropped or 'none'})"
                     + (f" + {numbers['to-kernel']} to the host" if numbers["to-kernel"] else "")
                     + (f" + {numbers['queued']} queued" if numbers["queued"] else ""))
    return "\n".join(lines)


def joined(histogram, width_ns, bins):
    """Shares of all packets in `bins` bins of width_ns from 0 on."""
    counts = [0] * bins
    for index, count in enumerate(histogram["counts"]):
        low_ns = histogram["first-ns"] + index * histogram["bin-ns"]
        counts[min(bins - 1, max(0, low_ns // width_ns))] += count
    total = sum(counts) or 1
    return [count / total for count in counts]


def common_width(runs, bins):
    return max(judge.flow(run)["delay-max-ns"] for run in runs) // bins + 1


def drawing(titled_runs):
    """Distributions of the flow's delay, side by side on one axis."""
    runs = [run for _, run in titled_runs]
    width_ns = common_width(runs, BINS)
    shares = [joined(judge.flow(run)["histogram"], width_ns, BINS) for run in runs]
    lines = ["  delay of the flow (ms)"
             + "".join(f"  | {title:{BAR + 5}}" for title, _ in titled_runs).rstrip()]
    for row in range(BINS):
        line = f"  {row * width_ns / 1e6:9.3f} .. {(row + 1) * width_ns / 1e6:8.3f}"
        for share in shares:
            # Whatever occurs is seen.
            length = max(1, round(share[row] * BAR)) if share[row] else 0
            text = f"{'#' * length} {share[row]:.1%}" if share[row] else ""
            line += f"  | {text:{BAR + 5}}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def picture(path, title, titled_runs):
    """A PNG of the same by gnuplot; what went wrong, or nothing."""
    bins = 200
    runs = [run for _, run in titled_runs]
    width_ns = common_width(runs, bins)
    data = path.with_suffix(".dat")
    columns = [joined(judge.flow(run)["histogram"], width_ns, bins) for run in runs]
    with open(data, "w", encoding="utf-8") as file:
        for row in range(bins):
            shares = " ".join(f"{100 * column[row]:.4f}" for column in columns)
            file.write(f"{(row + 0.5) * width_ns / 1e6:.4f} {shares}\n")
    plots = ", ".join(f"'{data.name}' using 1:{index} with boxes fill solid 0.5 title '{name}'"
                      for index, (name, _) in enumerate(titled_runs, start=2))
    script = (f"set terminal pngcairo size 1000,500\nset output '{path.name}'\nset title '{title}'\n"
              "set xlabel 'delay from sender to receiver (ms)'\nset ylabel 'share of packets (%)'\n"
              "set boxwidth 1 relative\nset logscale y\nset yrange [0.005:110]\nset xrange [0:*]\n"
              f"set format y '%g'\nset grid\nplot {plots}\n")
    plan = path.with_suffix(".gnuplot")
    plan.write_text(script, encoding="utf-8")
    try:
        done = subprocess.run(["gnuplot", plan.name], cwd=path.parent, capture_output=True, text=True,
                              check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip()
