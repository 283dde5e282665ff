#!/usr/bin/env python3
"""tcqf-lab replay as a command: exit codes, files, the same bytes on every run."""

import argparse
import copy
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))

from captures import pcap_bytes, read_pcap  # noqa: E402
from case import (BASE, INTERFACES, at, dscp_transit, flow, onto, v4, v6,  # noqa: E402
                  with_flow)
from tap import Tap  # noqa: E402


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


class Command:
    """Runs tcqf-lab replay in a folder of its own."""

    def __init__(self, lab, root):
        self.lab = lab
        self.root = root
        self.count = 0

    def folder(self):
        self.count += 1
        path = self.root / str(self.count)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def run(self, *words, cwd=None):
        return subprocess.run([str(self.lab), *map(str, words)], capture_output=True, text=True,
                              check=False, timeout=60, cwd=cwd)

    def replay(self, config, arrivals, *more):
        """(completed process, output folder) of a usual run."""
        folder = self.folder()
        (folder / "config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        words = ["replay", "--config", folder / "config.yaml"]
        for name, packets in arrivals.items():
            (folder / f"{name}.pcap").write_bytes(pcap_bytes(packets))
            words += ["--rx", f"{name}={folder / name}.pcap"]
        return self.run(*words, "--out", folder / "out", *more), folder / "out"


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def same_bytes(command):
    first = contents(command.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    second = contents(command.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    problems = [f"{name} differs" for name in first if first[name] != second.get(name)]
    if set(first) < {"account.json"} | {f"{name}.pcap" for name in INTERFACES}:
        problems.append(f"files: {sorted(first)}")
    return problems


def workers_change_nothing(command):
    problems = []
    first = contents(command.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    for workers in (2, 3, [2, 3]):
        config = copy.deepcopy(mixed_config())
        config["workers"] = workers
        done, out = command.replay(config, mixed_arrivals(), "--until-drained")
        if done.returncode:
            problems.append(f"workers {workers}: exit code {done.returncode}: {done.stderr}")
        elif contents(out) != first:
            problems.append(f"workers {workers}: other output")
    return problems


def order_of_rx_changes_nothing(command):
    first = contents(command.replay(mixed_config(), mixed_arrivals(), "--until-drained")[1])
    turned = dict(reversed(mixed_arrivals().items()))
    second = contents(command.replay(mixed_config(), turned, "--until-drained")[1])
    return [] if first == second else ["the order of --rx changes the output"]


def writes_into_a_new_folder(command):
    folder = command.folder()
    (folder / "config.yaml").write_text(yaml.safe_dump(mixed_config(), sort_keys=False))
    (folder / "ge0.pcap").write_bytes(pcap_bytes([(BASE, onto(0, v4(1, to=2)))]))
    done = command.run("replay", "--config", "config.yaml", "--rx", "ge0=ge0.pcap", "--out",
                       "deep/er", "--until-drained", cwd=folder)
    if done.returncode or not (folder / "deep" / "er" / "account.json").exists():
        return [f"exit code {done.returncode}: {done.stderr}"]
    sent = read_pcap(folder / "deep" / "er" / "ge2.pcap")
    return [] if [time for time, _ in sent] == [BASE] else [f"sent: {sent}"]


def pcap_header(command):
    """Nanosecond pcap, version 2.4, Ethernet."""
    _, out = command.replay(mixed_config(), {"ge0": []}, "--until-drained")
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
}


def usage_problems(command, words):
    folder = command.folder()
    (folder / "config.yaml").write_text(yaml.safe_dump(mixed_config(), sort_keys=False))
    (folder / "ge0.pcap").write_bytes(pcap_bytes([]))
    done = command.run(*words, cwd=folder)
    problems = [] if done.returncode == 2 else [f"exit code {done.returncode}, expected 2"]
    if not done.stderr.strip():
        problems.append("nothing on stderr")
    if (folder / "out").exists():
        problems.append("something was written")
    return problems


def wrong_things(command):
    """The thing asked for is wrong: exit code 1."""
    folder = command.folder()
    (folder / "config.yaml").write_text(yaml.safe_dump(mixed_config(), sort_keys=False))
    (folder / "ge0.pcap").write_bytes(pcap_bytes([]))
    table = {
        "no such configuration": ["--config", "absent.yaml", "--rx", "ge0=ge0.pcap"],
        "no such capture": ["--config", "config.yaml", "--rx", "ge0=absent.pcap"],
    }
    problems = []
    for name, words in table.items():
        done = command.run("replay", *words, "--out", "out", cwd=folder)
        if done.returncode != 1 or "absent" not in done.stderr:
            problems.append(f"{name}: exit code {done.returncode}: {done.stderr}")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    command = Command(options.lab.resolve(), options.out.resolve())
    tap = Tap()
    for test in (same_bytes, workers_change_nothing, order_of_rx_changes_nothing,
                 writes_into_a_new_folder, pcap_header, wrong_things):
        tap.case(test.__name__.replace("_", " "), test(command))
    for name, words in USAGE.items():
        tap.case(f"wrong usage: {name}", usage_problems(command, words))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
