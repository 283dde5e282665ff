"""Whether a run kept what TCQF promises, from the numbers of everyone who took part."""

import chains

# What a router drops of a flow when it, or the one before it, was not given a core in time.
STALL_REASONS = ("cycle-overrun", "arrival-unknown", "outside-window")


def flow(run):
    return run.flows[chains.FLOW_STREAM]


def stall_drops(run):
    """Packets of the flow that routers counted as lost to stalls."""
    return sum(account["dropped"].get(reason, 0)
               for account in run.accounts.values() for reason in STALL_REASONS)


def spread_bound_ns(run):
    """Twice the cycle, and what the host adds to a timestamp."""
    return 2 * run.times.cycle_us * 1000 + run.stall_us() * 1000


def balance_problems(run):
    """Accounts that do not balance, links that ate a packet."""
    problems = []
    for name, account in run.accounts.items():
        into = account["received"] + account["generated"]
        out = (account["sent"] + account["to-kernel"] + account["queued"]
               + sum(account["dropped"].values()))
        if into != out:
            problems.append(f"the account of {name} does not balance: {into} in, {out} out")
    for near, far in zip(chains.ROUTERS, chains.ROUTERS[1:]):
        sent = run.accounts[near]["interfaces"]["ge1"]["sent"]
        received = run.accounts[far]["interfaces"]["ge0"]["received"]
        if sent != received:
            problems.append(f"{near} sent {sent} packets, {far} received {received}")
    return problems


def problems(run):
    """What of the promise a run with TCQF did not keep; empty where it kept it."""
    found = balance_problems(run)
    measured = flow(run)
    unexplained = measured["lost"] - stall_drops(run)
    if measured["received"] == 0:
        found.append("nothing of the flow arrived")
    if unexplained != 0:
        found.append(f"{measured['lost']} packets of the flow were lost, routers counted "
                     f"{stall_drops(run)} as lost to stalls")
    if measured["cycles"]["outside"] != 0:
        found.append(f"{measured['cycles']['outside']} packets left outside the cycle of their tag")
    if measured["cycles"]["untagged"] != 0:
        found.append(f"{measured['cycles']['untagged']} packets arrived without a valid tag")
    for fault in ("duplicates", "reordered"):
        if measured[fault]:
            found.append(f"{measured[fault]} packets of the flow arrived as {fault}")
    if measured["spread-ns"] > spread_bound_ns(run):
        found.append(f"the spread of {measured['spread-ns'] / 1e6:.2f} ms is above two cycles and "
                     f"the floor, {spread_bound_ns(run) / 1e6:.2f} ms")
    if run.receiver_lost:
        found.append(f"the receiver itself lost {run.receiver_lost} packets")
    return found


def needs_longer_cycles(run):
    """Whether the host stalled for more than a quarter of the cycle while it ran."""
    return run.times.cycle_us < 4 * run.stall_us()
