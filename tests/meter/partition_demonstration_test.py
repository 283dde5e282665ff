#!/usr/bin/env python3
"""scripts/run --srv6-nrp: its judge sees every broken promise, and in virtual time it keeps them."""

import copy
import subprocess
import sys

import demonstration_test
from demonstration_test import DEMO, account, demonstration, expect_shown

import dissect
import judge
import partitions
import topology
from captures import read_pcap
from real import Run

QUOTA = "nrp-quota"


def flow_report(largest_ns):
    return {"sent": 1000, "received": 1000, "lost": 0, "duplicates": 0, "reordered": 0,
            "spread-ns": 90_000, "delay-max-ns": largest_ns,
            "cycles": {"inside": 1000, "within-allowance": 0, "outside": 0, "untagged": 0}}


def good_run(flooded):
    """1000 packets of the flow; beside them 500 of a flood, of which 300 are refused."""
    flood = {"r1": 300, "r2": 200} if flooded else {}
    run = Run(partitions.Partitions(partitions.SRV6), topology.VIRTUAL_TIMES)
    run.accounts = {"r1": account(1000, flood.get("r1", 0), {QUOTA: 180} if flooded else {}),
                    "r2": account(1120 if flooded else 1000, flood.get("r2", 0),
                                  {QUOTA: 120} if flooded else {}),
                    "r3": account(1200 if flooded else 1000, 0)}
    run.accounts["r3"]["interfaces"]["ge2"]["sent"] = 200 if flooded else 0
    run.sent = {topology.FLOW_STREAM: {"sent": 1000},
                **{topology.LOAD_STREAMS[name]: {"sent": count} for name, count in flood.items()}}
    run.flows = {topology.FLOW_STREAM: flow_report(500_000)}
    return run


def problems_of(alone, beside):
    return (judge.partition_problems(alone) + judge.partition_problems(beside)
            + judge.isolation_problems(alone, beside))


def judge_cases(tap):
    tap.case("a flow that does not feel the flood is no problem",
             problems_of(good_run(False), good_run(True)))

    def broken(title, expected, change):
        alone, beside = good_run(False), copy.deepcopy(good_run(True))
        change(beside, judge.flow(beside))
        found = problems_of(alone, beside)
        tap.case(title, [] if any(expected in problem for problem in found)
                 else [f"expected '{expected}', found {found}"])

    broken("a largest delay that the flood changed by more than 1 ns is a problem", "by 2 ns",
           lambda run, flow: flow.update({"delay-max-ns": 500_002}))
    broken("so is one that is less", "by 2 ns",
           lambda run, flow: flow.update({"delay-max-ns": 499_998}))
    broken("a loss of the flow is a problem, counted or not", "1 packets of the flow were lost",
           lambda run, flow: flow.update(lost=1, received=999))
    broken("a flood that is not refused is a problem", "r2 refused nothing",
           lambda run, flow: run.accounts["r2"].update(dropped={"cycle-full": 120}))
    broken("a packet of the flood that no router counted is a problem", "301 packets are missing",
           lambda run, flow: run.sent[topology.LOAD_STREAMS["r1"]].update(sent=301))
    broken("a packet of the flow outside its cycle is a problem", "1 packets left outside",
           lambda run, flow: flow["cycles"].update(outside=1))

    run = good_run(True)
    judge.flow(run)["delay-max-ns"] += 1
    tap.case("a largest delay within 1 ns is none", problems_of(good_run(False), run))
    run.pauses_us = {"r2": 20}
    run.accounts["r2"]["dropped"] = {QUOTA: 119, "cycle-overrun": 1}
    judge.flow(run).update(lost=1, received=999)
    run.accounts["r3"]["interfaces"]["ge2"]["sent"] += 1
    short = judge.partition_problems(run)
    run.pauses_us = {"r2": 26}
    tap.case("over real interfaces a stall explains what it is long enough for",
             judge.partition_problems(run) + ([] if short else ["so does a short one"]))


def config_cases(tap, build, folder):
    """The flood's entry lets it fill cycles: that is the warning, and the only one."""
    problems = []
    for plane in partitions.PLANES:
        for partitioned in (True, False):
            scenario = partitions.Partitions(plane, partitioned)
            for name in topology.ROUTERS:
                path = folder / "checked.yaml"
                path.write_text(scenario.config(name, partitions.REAL_TRAFFIC,
                                                topology.real_times(20_000)))
                done = subprocess.run([build / "control/tcqfd/tcqfd", "--check", "--config", path],
                                      capture_output=True, text=True, check=False, timeout=60)
                others = [line for line in done.stderr.splitlines() if "could fill a cycle" not in line]
                if done.returncode != 0 or others:
                    problems.append(f"{scenario.name} {name}: {done.stderr}")
    tap.case("every configuration passes the check", problems)


def tshark_problems(folder):
    """What tshark says of the first frames that each router sent with tag and selector."""
    captures = sorted(folder.glob("nrp-*-virtual-beside-flood/r*/ge1.pcap"))
    frames = [frame for path in captures for _, frame in read_pcap(path)[:100]]
    return dissect.disliked(frames) + ([] if len(captures) == 6 else [f"captures: {captures}"])


def run_cases(tap, build):
    complaints = []
    done = demonstration(build, "--virtual", "--srv6-nrp",
                         look=lambda folder: complaints.extend(tshark_problems(folder)))
    expect_shown(tap, "in virtual time the flow does not feel the flood, in both planes", done,
                 ["partitions in SRv6, in virtual time: beside the flood the flow lost 0 of",
                  "partitions in SR-MPLS, in virtual time: beside the flood the flow lost 0 of",
                  "alone (+0 ns); without partitions it lost ", "r2: nrp-quota",
                  "nrp-srv6-virtual.png", "nrp-sr-mpls-virtual.png", "Kept:"])
    tap.case("tshark has no complaint about what the routers sent", complaints)
    tap.case("without partitions it does",
             [line for line in done.stdout.splitlines() if "without partitions it lost 0." in line])
    # A share of 1 % has no room for the flow: the same demonstration has to say so.
    start = f"import sys; sys.path.insert(0, {str(DEMO)!r}); import main, partitions; "
    start += "partitions.SHARE_PERCENT[partitions.FLOW_NRP] = 1; sys.exit(main.main())"
    done = demonstration(build, "--virtual", "--srv6-nrp", start=("-c", start))
    expect_shown(tap, "a partition that is too small for the flow is a broken promise", done,
                 ["NOT KEPT:", "packets of the flow were lost beside the flood"], status=1)


if __name__ == "__main__":
    sys.exit(demonstration_test.main(judge_cases, config_cases, run_cases))
