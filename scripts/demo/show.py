"""Tables and pictures for a person."""

import subprocess

import judge
from topology import LOAD_STREAMS

BINS = 24
BARS = 60     # columns of text that the distributions share


def ms(nanoseconds):
    return f"{nanoseconds / 1e6:.3f}"


def duration(microseconds):
    return f"{microseconds / 1000:g} ms" if microseconds >= 1000 else f"{microseconds} us"


def loads(run):
    """(sent, lost, largest delay) of all best effort together."""
    flows = [run.flows[stream] for stream in LOAD_STREAMS.values()]
    return (sum(each["sent"] for each in flows), sum(each["lost"] for each in flows),
            max(each["delay-max-ns"] for each in flows))


def of_flow(key, text=str):
    """A cell with one of the flow's numbers."""
    return lambda run: text(judge.flow(run)[key])


def with_tcqf(function):
    """A cell that only a run with TCQF has."""
    return lambda run: function(run) if run.times else "-"


def time_rows():
    return [
        ("cycle time", with_tcqf(lambda run: duration(run.times.cycle_us))),
        ("longest stall of a router", lambda run: duration(run.stall_us())
         if run.pauses_us else "none"),
    ]


def delay_rows():
    return [
        ("packets out of order", of_flow("reordered")),
        ("delay, least (ms)", of_flow("delay-min-ns", ms)),
        ("delay, median (ms)", of_flow("delay-median-ns", ms)),
        ("delay, 99.9 % (ms)", of_flow("delay-p999-ns", ms)),
        ("delay, largest (ms)", of_flow("delay-max-ns", ms)),
        ("spread: largest - least (ms)", of_flow("spread-ns", ms)),
        ("  allowed: 2 cycles + stall", with_tcqf(lambda run: ms(judge.spread_bound_ns(run)))),
        ("outside their cycle",
         with_tcqf(lambda run: str(judge.flow(run)["cycles"]["outside"]))),
    ]


def chain_rows():
    """(title, function from a run to text); None starts a group."""
    return time_rows() + [
        (None, "the flow"),
        ("packets sent", of_flow("sent")),
        ("packets received", of_flow("received")),
        ("packets lost", of_flow("lost")),
        ("  of them to counted stalls", with_tcqf(lambda run: str(judge.stall_drops(run)))),
    ] + delay_rows() + [
        (None, "best effort beside it"),
        ("packets sent", lambda run: str(loads(run)[0])),
        ("packets lost", lambda run: str(loads(run)[1])),
        ("delay, largest (ms)", lambda run: ms(loads(run)[2])),
    ]


def partition_rows():
    """As chain_rows(), for a flow and a flood in partitions of their own."""
    def refused(router, reason):
        return lambda run: str(run.accounts[router]["dropped"].get(reason, 0))

    return time_rows() + [
        (None, "the flow"),
        ("packets sent", of_flow("sent")),
        ("packets received", of_flow("received")),
        ("packets lost", of_flow("lost")),
    ] + delay_rows() + [
        (None, "the flood"),
        ("packets sent", lambda run: str(judge.flood_sent(run))),
        ("packets through to its end", lambda run: str(judge.flood_received(run))),
    ] + [
        (None, "refused, of both"),
    ] + [(f"  {router}: {reason}", refused(router, reason))
         for reason in ("nrp-quota", "cycle-full") for router in ("r1", "r2")]


def table(titled_runs, rows):
    """Columns of (title, run)."""
    widths = [max(14, len(title)) for title, _ in titled_runs]
    lines = [f"  {'':30}" + "".join(f"  {title:>{width}}"
                                   for (title, _), width in zip(titled_runs, widths))]
    for title, text in rows:
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


def axis(runs, bins):
    """(first, width in ns) of bins that hold every delay of the flow; from 0 on, or from the least
    where that would leave half of them empty."""
    largest_ns = max(judge.flow(run)["delay-max-ns"] for run in runs)
    least_ns = min(judge.flow(run)["delay-min-ns"] for run in runs)
    first_ns = least_ns if 2 * least_ns > largest_ns else 0
    return first_ns, (largest_ns - first_ns) // bins + 1


def joined(histogram, first_ns, width_ns, bins):
    """Shares of all packets in `bins` bins of width_ns from first_ns on."""
    counts = [0] * bins
    for index, count in enumerate(histogram["counts"]):
        low_ns = histogram["first-ns"] + index * histogram["bin-ns"]
        counts[min(bins - 1, max(0, (low_ns - first_ns) // width_ns))] += count
    total = sum(counts) or 1
    return [count / total for count in counts]


def drawing(titled_runs):
    """Distributions of the flow's delay, side by side on one axis."""
    bar = BARS // len(titled_runs)
    runs = [run for _, run in titled_runs]
    first_ns, width_ns = axis(runs, BINS)
    shares = [joined(judge.flow(run)["histogram"], first_ns, width_ns, BINS) for run in runs]
    lines = ["  delay of the flow (ms)"
             + "".join(f"  | {title:{bar + 7}}" for title, _ in titled_runs).rstrip()]
    for row in range(BINS):
        low_ns = first_ns + row * width_ns
        line = f"  {low_ns / 1e6:9.3f} .. {(low_ns + width_ns) / 1e6:8.3f}"
        for share in shares:
            # Whatever occurs is seen.
            length = max(1, round(share[row] * bar)) if share[row] else 0
            text = f"{'#' * length} {share[row]:.1%}" if share[row] else ""
            line += f"  | {text:{bar + 7}}"
        lines.append(line.rstrip())
    return "\n".join(lines)


def picture(path, title, titled_runs):
    """A PNG of the same by gnuplot, one distribution below the other; what went wrong, or nothing."""
    bins = 200
    runs = [run for _, run in titled_runs]
    first_ns, width_ns = axis(runs, bins)
    data = path.with_suffix(".dat")
    columns = [joined(judge.flow(run)["histogram"], first_ns, width_ns, bins) for run in runs]
    with open(data, "w", encoding="utf-8") as file:
        for row in range(bins):
            shares = " ".join(f"{100 * column[row]:.4f}" for column in columns)
            file.write(f"{(first_ns + (row + 0.5) * width_ns) / 1e6:.4f} {shares}\n")
    plots = "".join(f"plot '{data.name}' using 1:{index} with boxes fill solid 0.5 "
                    f"title '{name}: {judge.flow(run)['lost']} lost'\n"
                    for index, (name, run) in enumerate(titled_runs, start=2))
    script = (f"set terminal pngcairo size 1000,{100 + 250 * len(runs)}\n"
              f"set output '{path.name}'\n"
              f"set multiplot layout {len(runs)},1 title '{title}'\n"
              "set xlabel 'delay from sender to receiver (ms)'\nset ylabel 'share of packets (%)'\n"
              "set boxwidth 1 relative\nset logscale y\nset yrange [0.005:110]\n"
              f"set xrange [{first_ns / 1e6:.4f}:{(first_ns + bins * width_ns) / 1e6:.4f}]\nset format y '%g'\nset grid\n{plots}")
    plan = path.with_suffix(".gnuplot")
    plan.write_text(script, encoding="utf-8")
    try:
        done = subprocess.run(["gnuplot", plan.name], cwd=path.parent, capture_output=True, text=True,
                              check=False)
    except OSError as error:
        return str(error)
    return "" if done.returncode == 0 else done.stderr.strip()


def say(text=""):
    print(text, flush=True)


def distributions(path, title, titled_runs):
    """Both pictures; the table's columns as far as they are of one kind."""
    say()
    say(drawing(titled_runs))
    trouble = picture(path, title, titled_runs)
    say(f"  no picture: {trouble}" if trouble else f"  picture: {path}")


def accounts(titled_runs):
    for title, run in titled_runs:
        say(f"\n  accounts, {title}:")
        say(account(run))


def where(run):
    return "over real interfaces" if run.pauses_us else "in virtual time"


def verdict(problems, kept):
    """Whether the promise was kept; `kept` says what it is."""
    if not problems:
        say(f"\n  Kept: {kept}")
        return
    say("\n  NOT KEPT:")
    for problem in problems:
        say(f"    {problem}")
