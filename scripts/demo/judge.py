"""Whether a run kept what TCQF promises, from the numbers of everyone who took part."""

from topology import FLOW_STREAM, LOAD_STREAMS, ROUTERS

# What a router drops of a flow when it, or the one before it, was not given a core in time.
STALL_REASONS = ("cycle-overrun", "arrival-unknown", "outside-window")


def flow(run):
    return run.flows[FLOW_STREAM]


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
    for near, far in zip(ROUTERS, ROUTERS[1:]):
        sent = run.accounts[near]["interfaces"]["ge1"]["sent"]
        received = run.accounts[far]["interfaces"]["ge0"]["received"]
        if sent != received:
            problems.append(f"{near} sent {sent} packets, {far} received {received}")
    return problems


def loss_problems(run):
    """Losses that no stall explains: not counted as such, or no stall was long enough for them."""
    lost, counted = flow(run)["lost"], stall_drops(run)
    if lost != counted:
        return [f"{lost} packets of the flow were lost, routers counted {counted} as lost to stalls"]
    if lost and not needs_longer_cycles(run):
        return [f"{lost} packets of the flow were lost, but the longest stall of a router was only "
                f"{run.stall_us()} us, with cycles of {run.times.cycle_us} us"]
    return []


def flow_problems(run):
    """What of the flow arrived otherwise than TCQF promises."""
    found = []
    measured = flow(run)
    if measured["received"] == 0:
        found.append("nothing of the flow arrived")
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


def problems(run):
    """What of the promise a run with TCQF did not keep; empty where it kept it."""
    return balance_problems(run) + loss_problems(run) + flow_problems(run)


def needs_longer_cycles(run):
    """Whether the host stalled for more than a quarter of the cycle while it ran: only then may a
    packet miss its cycle."""
    return run.times.cycle_us < 4 * run.stall_us()


def flood_sent(run):
    return sum(result["sent"] for stream, result in run.sent.items() if stream != FLOW_STREAM)


def flood_received(run):
    """What the last router sent on of it, through ge2."""
    return run.accounts["r3"]["interfaces"]["ge2"]["sent"]


def flooded_routers(run):
    return [name for name, stream in LOAD_STREAMS.items() if stream in run.sent]


def dropped(run):
    """By all routers, for whatever reason."""
    return sum(sum(account["dropped"].values()) for account in run.accounts.values())


def partition_problems(run):
    """What a flow beside a flood, each in a partition of its own, suffered, or what of the flood is
    missing without a counter."""
    found = balance_problems(run) + flow_problems(run)
    lost = flow(run)["lost"]
    if lost and (lost > stall_drops(run) or not needs_longer_cycles(run)):
        found.append(f"{lost} packets of the flow were lost beside the flood")
    missing = lost + flood_sent(run) - flood_received(run)
    if missing != dropped(run):
        found.append(f"{missing} packets are missing, routers counted {dropped(run)} as dropped")
    for name in flooded_routers(run):
        if not run.accounts[name]["dropped"].get("nrp-quota"):
            found.append(f"{name} refused nothing of the flood as nrp-quota")
    return found


def isolation_problems(alone, beside):
    """How a flow beside a flood, in virtual time, differs from the same flow alone."""
    found = []
    difference_ns = abs(flow(beside)["delay-max-ns"] - flow(alone)["delay-max-ns"])
    if difference_ns > 1:
        found.append(f"the flood changed the largest delay of the flow by {difference_ns} ns")
    if flow(alone)["lost"] or flow(beside)["lost"]:
        found.append(f"the flow lost {flow(alone)['lost']} packets alone, {flow(beside)['lost']} "
                     "beside the flood")
    return found
