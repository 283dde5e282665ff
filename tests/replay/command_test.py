#!/usr/bin/env python3
"""tcqf-lab replay as a command: exit codes, files, the same bytes on every run."""

import copy
import functools
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))

import lab as lab_command  # noqa: E402
from captures import pcap_bytes, read_pcap  # noqa: E402
from case import (BASE, INTERFACES, at, dscp_transit, flow, onto, v4, v6,  # noqa: E402
                  with_flow)
from lab import contents  # noqa: E402


def mixed_config():
    """Transit, two flows and best effort."""
    return with_flow(dscp_transit(1000),
                     flow(1, 12_000, {"interface": "ge3", "destination-port": "5000"}),
                     flow(2, 8_000, {"interface": "ge2", "destination-port": "5000"}))


def mixed_arrivals():
    return {
        "ge0": [at(1000 * k, onto(0, v4(k, dscp=(3, 7, 0, 46)[k % 4], size=60 + k)))
                for k in range(200)],
        "ge2": [at(1500 * k, onto(2, v4(k, size=400, to=1 + k % 3))) for k in range(100)],
        "ge3": [at(1100 * k + 13, onto(3, (v4 if k % 2 else v6)(k, size=900)))
                for k in range(150)],
    }


def same_bytes(lab):
    first = contents(lab.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    second = contents(lab.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    problems = [f"{name} differs" for name in first if first[name] != second.get(name)]
    if set(first) < {"account.json"} | {f"{name}.pcap" for name in INTERFACES}:
        problems.append(f"files: {sorted(first)}")
    return problems


def workers_change_nothing(lab):
    problems = []
    first = contents(lab.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    for workers in (2, 3, [2, 3]):
        config = copy.deepcopy(mixed_config())
        config["workers"] = workers
        done, out = lab.replay(config, mixed_arrivals(), "--until-drained")
        if done.returncode:
            problems.append(f"workers {workers}: exit code {done.returncode}: {done.stderr}")
        elif contents(out) != first:
            problems.append(f"workers {workers}: other output")
    return problems


def order_of_rx_changes_nothing(lab):
    first = contents(lab.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    turned = dict(reversed(mixed_arrivals().items()))
    second = contents(lab.replay(mixed_config(), turned, "--until-drained")[1])
    return [] if first == second else ["the order of --rx changes the output"]


def writes_into_a_new_folder(lab):
    folder = lab.folder(mixed_config())
    (folder / "ge0.pcap").write_bytes(pcap_bytes([(BASE, onto(0, v4(1, to=2)))]))
    done = lab.replay_in(folder, "--rx", "ge0=ge0.pcap", "--out", "deep/er", "--until-drained")
    if done.returncode or not (folder / "deep" / "er" / "account.json").exists():
        return [f"exit code {done.returncode}: {done.stderr}"]
    sent = read_pcap(folder / "deep" / "er" / "ge2.pcap")
    return [] if [time for time, _ in sent] == [BASE] else [f"sent: {sent}"]


def a_failed_replay_leaves_no_account(lab):
    """Beside captures that are cut short, an earlier account would look like theirs."""
    packets = [(BASE + 1000 * k, onto(0, v4(k, to=2, size=1400))) for k in range(100)]
    folder = lab.folder(mixed_config())
    (folder / "ge0.pcap").write_bytes(pcap_bytes(packets))
    words = ("--rx", "ge0=ge0.pcap", "--out", "out", "--until-drained")
    problems = lab_command.failure(lab.replay_in(folder, *words))
    most = len((folder / "out" / "ge2.pcap").read_bytes()) // 2

    def full_disk():
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    # Python ignores SIGXFSZ, and so does what it starts here: writing fails instead.
    done = lab.replay_in(folder, *words, preexec_fn=full_disk, restore_signals=False)
    if done.returncode != 3 or "ge2.pcap" not in done.stderr:
        problems.append(f"exit code {done.returncode}: {done.stderr}")
    if (folder / "out" / "account.json").exists():
        problems.append("the account of the replay before is there")
    return problems


def pcap_header(lab):
    """Nanosecond pcap, version 2.4, Ethernet."""
    _, out = lab.replay(mixed_config(), {"ge0": []}, "--until-drained")
    header = (out / "ge1.pcap").read_bytes()
    right = (header[:4] in (b"\x4d\x3c\xb2\xa1", b"\xa1\xb2\x3c\x4d") and len(header) == 24 and
             int.from_bytes(header[20:24], "little" if header[0] == 0x4D else "big") == 1)
    return [] if right else [f"header {header.hex()}"]


USAGE = {
    "no arguments": [],
    "unknown command": ["rewind"],
    "unknown option": ["replay", "--config", "config.yaml", "--out", "out", "--nonsense"],
    "no --out": ["replay", "--config", "config.yaml"],
    "no --config": ["replay", "--out", "out"],
    "--rx without =": ["replay", "--config", "config.yaml", "--rx", "ge0.pcap", "--out", "out"],
    "--processing-ns without a number": ["replay", "--config", "config.yaml", "--out", "out",
                                         "--processing-ns", "soon"],
    "--stall without a length": ["replay", "--config", "config.yaml", "--out", "out", "--stall",
                                 "1000"],
    "an empty --out": ["replay", "--config", "config.yaml", "--rx", "ge0=ge0.pcap", "--out", ""],
    "an empty --config": ["replay", "--config", "", "--rx", "ge0=ge0.pcap", "--out", "out"],
}


def usage_problems(words, lab):
    folder = lab.folder(mixed_config())
    (folder / "ge0.pcap").write_bytes(pcap_bytes([]))
    done = lab.run(folder, *words)
    problems = [] if done.returncode == 2 else [f"exit code {done.returncode}, expected 2"]
    if not done.stderr.strip():
        problems.append("nothing on stderr")
    if (folder / "out").exists():
        problems.append("something was written")
    return problems


def wrong_things(lab):
    """The thing asked for is wrong: exit code 1."""
    folder = lab.folder(mixed_config())
    (folder / "ge0.pcap").write_bytes(pcap_bytes([]))
    table = {
        "no such configuration": ["--config", "absent.yaml", "--rx", "ge0=ge0.pcap"],
        "no such capture": ["--config", "config.yaml", "--rx", "ge0=absent.pcap"],
    }
    problems = []
    for name, words in table.items():
        done = lab.run(folder, "replay", *words, "--out", "out")
        if done.returncode != 1 or "absent" not in done.stderr:
            problems.append(f"{name}: exit code {done.returncode}: {done.stderr}")
    return problems


def usage_is_told(lab):
    """What was not understood is in the message, and so is what would be."""
    folder = lab.folder(mixed_config())
    replay = ["replay", "--config", "config.yaml", "--rx", "ge0=ge0.pcap", "--out", "out"]
    table = {
        "rewind": ["rewind"],
        "less than 4294967296000000000": [*replay, "--processing-ns", "9223372036854775808"],
        "digits alone": [*replay, "--stall", "0:+1"],
    }
    problems = []
    for words, arguments in table.items():
        done = lab.run(folder, *arguments)
        if done.returncode != 2 or words not in done.stderr:
            problems.append(f"{words}: exit code {done.returncode}: {done.stderr}")
    if lab.run(folder, "replay", "--version").returncode:
        problems.append("replay --version fails")
    return problems


TESTS = lab_command.titled(same_bytes, workers_change_nothing, order_of_rx_changes_nothing,
                           writes_into_a_new_folder, a_failed_replay_leaves_no_account, pcap_header, wrong_things,
                           usage_is_told)
TESTS |= {f"wrong usage: {name}": functools.partial(usage_problems, words)
          for name, words in USAGE.items()}

if __name__ == "__main__":
    sys.exit(lab_command.main(__doc__, TESTS))
