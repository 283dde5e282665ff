#!/usr/bin/env python3
"""Worked examples that are no part of the project, where a folder of them lies beside it.

Each is run through tcqf-lab replay and through the reference model of tests/conformance: both must
give its captures and its account.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))

import compare  # noqa: E402
from captures import read_pcap  # noqa: E402
from reference.port import Sent  # noqa: E402
from reference.router import Router  # noqa: E402
from tap import Tap  # noqa: E402


def expected_of(example):
    account = compare.load_account(example / "expect" / "account.json")
    frames = {path.stem: [Sent(time, frame) for time, frame in read_pcap(path)]
              for path in sorted((example / "expect").glob("*.pcap"))}
    return account, frames


def model_problems(example):
    """Where the reference model departs from the example."""
    config = yaml.safe_load((example / "config.yaml").read_text())
    arrivals = {path.stem: read_pcap(path) for path in sorted((example / "rx").glob("*.pcap"))}
    router = Router(config).run(arrivals, until_drained=True)
    problems = compare.compare_account(router.account(), expected_of(example)[0])
    for name, port in router.ports.items():
        problems += compare.compare_interface(name, port.sent,
                                              example / "expect" / f"{name}.pcap")
    return problems


def lab_problems(lab, example, out):
    """Where tcqf-lab replay departs from the example."""
    shutil.rmtree(out, ignore_errors=True)
    words = [str(lab), "replay", "--config", str(example / "config.yaml")]
    for path in sorted((example / "rx").glob("*.pcap")):
        words += ["--rx", f"{path.stem}={path}"]
    done = subprocess.run(words + ["--out", str(out), "--until-drained"], capture_output=True,
                          text=True, check=False, timeout=60)
    if done.returncode:
        return [f"exit code {done.returncode}: {done.stderr}"]
    account, frames = expected_of(example)
    problems = compare.compare_account(account, compare.load_account(out / "account.json"))
    for name, sent in frames.items():
        problems += compare.compare_interface(name, sent, out / f"{name}.pcap")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--examples", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    tap = Tap()
    examples = sorted(path.parent for path in options.examples.glob("*/config.yaml"))
    if not examples:
        tap.skip("worked examples", f"there is no folder {options.examples}")
    for example in examples:
        tap.case(f"{example.name}, tcqf-lab", lab_problems(options.lab.resolve(), example,
                                                           options.out.resolve() / example.name))
        tap.case(f"{example.name}, reference model", model_problems(example))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
