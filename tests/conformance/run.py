#!/usr/bin/env python3
"""Conformance of `tcqf-lab replay` with the draft and the RFCs, judged from outside.

Every case is a configuration and captures; an independent reference model and tables worked out by
hand say what must leave. The router runs on each; frames are compared octet for octet, times
within 1 ns, and the account exactly. tshark then dissects every frame, expected and sent, with all
checksums checked. Prints TAP and, last, `N passed, N failed`.

    run.py --lab build/control/lab/tcqf-lab --out build/tests/conformance/cases [--only PATTERN]
    run.py --model --out DIR        # the reference model against the tables by hand alone
"""

import argparse
import fnmatch
import importlib
import os
import pkgutil
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cases
import compare
import dissect
import named
from captures import pcap_bytes, read_pcap
from configuration import yaml_of
from reference.icmp import IcmpError
from reference.router import Router
from tap import Tap

TIME_LIMIT_S = 60


@dataclass
class Outcome:
    """What one run of the implementation left behind; directory holds IF.pcap and account.json."""

    directory: Path
    exit_code: int
    stdout: str
    stderr: str

    def sent(self, interface):
        return read_pcap(self.directory / f"{interface}.pcap")

    def account(self):
        return compare.load_account(self.directory / "account.json")


def all_cases():
    found = []
    for module in sorted(m.name for m in pkgutil.iter_modules(cases.__path__)):
        found += importlib.import_module(f"cases.{module}").cases()
    names = [case.name for case in found]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"cases with the same name: {sorted(twice)}")
    return found


def write_inputs(case, folder):
    """config.yaml, rx/ and README.md of a case, as a person would keep them."""
    (folder / "rx").mkdir(parents=True)
    text = case.config_text or yaml_of(case.config)
    (folder / "config.yaml").write_text(text)
    for name, packets in case.rx.items():
        contents = case.captures.get(name, pcap_bytes(packets))
        (folder / "rx" / f"{name}.pcap").write_bytes(contents)
    (folder / "README.md").write_text(case.rule + "\n\n    " + " ".join(command(
        case, "tcqf-lab", Path("."), Path("OUT"))) + "\n")


def write_expected(router, folder):
    """The model's captures, but for ICMP errors, whose body the RFCs leave free."""
    (folder / "expect").mkdir()
    for name, port in router.ports.items():
        packets = [(int(sent.start // 1), bytes(sent.frame)) for sent in port.sent
                   if not isinstance(sent.frame, IcmpError)]
        (folder / "expect" / f"{name}.pcap").write_bytes(pcap_bytes(packets))


def command(case, lab, folder, out):
    words = [str(lab), "replay", "--config", str(folder / "config.yaml")]
    for name in case.rx:
        words += ["--rx", f"{name}={folder / 'rx' / (name + '.pcap')}"]
    words += ["--out", str(out)]
    if case.until_drained:
        words.append("--until-drained")
    if case.processing_ns:
        words += ["--processing-ns", str(case.processing_ns)]
    for begin, length in case.stalls:
        words += ["--stall", f"{begin}:{length}"]
    return words


def run_lab(case, lab, folder):
    out = folder / "got"
    words = command(case, lab, folder, out)
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=TIME_LIMIT_S,
                              check=False)
    except subprocess.TimeoutExpired:
        return Outcome(out, -1, "", f"not done after {TIME_LIMIT_S} s")
    return Outcome(out, done.returncode, done.stdout, done.stderr)


def refusal_problems(case, outcome):
    problems = []
    if outcome.exit_code != case.refused:
        problems.append(f"exit code {outcome.exit_code}, expected {case.refused}")
    if (outcome.directory / "account.json").exists():
        problems.append("an account was written although the input was refused")
    return problems


def judge(case, router, outcome):
    """Differences between the outcome and the model, as text."""
    problems = [f"stderr lacks {text!r}: {outcome.stderr}" for text in case.stderr_has
                if text not in outcome.stderr]
    if case.refused is not None:
        return problems + refusal_problems(case, outcome)
    if outcome.exit_code != 0:
        return problems + [f"exit code {outcome.exit_code}: {outcome.stderr}"]
    try:
        account = outcome.account()
    except (OSError, ValueError) as error:
        return problems + [f"account.json: {error}"]
    problems += compare.equation_problems(account)
    if case.check:
        return problems + list(case.check(outcome) or [])
    problems += compare.compare_account(router.account(), account)
    for name, port in router.ports.items():
        problems += compare.compare_interface(name, port.sent, outcome.directory / f"{name}.pcap")
        problems += compare.compare_kernel(name, router.kernel[name],
                                           outcome.directory / f"{name}.kernel.pcap")
    return problems


def run_case(case, lab, root):
    """(problems, model's router) of one case; lab None asks the model alone."""
    folder = root / case.name
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    router = None
    if case.refused is None and not case.check:
        router = Router(case.config, case.processing_ns, case.stalls).run(
            case.rx, case.until_drained)
        problems = compare.equation_problems(router.account())
        if problems:
            return ["the reference model's own " + p for p in problems], router
        write_inputs(case, folder)
        write_expected(router, folder)
        if case.by_hand:
            try:
                case.by_hand(router)
            except AssertionError as error:
                return [f"the reference model contradicts the table by hand: {error!r}"], router
    else:
        write_inputs(case, folder)
    if lab is None:
        return [], router
    return judge(case, router, run_lab(case, lab, folder)), router


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--lab", type=Path, help="the tcqf-lab to judge")
    parser.add_argument("--model", action="store_true", help="run the reference model alone")
    parser.add_argument("--out", type=Path, required=True, help="folder for cases and results")
    parser.add_argument("--only", default="*", help="names of cases, a shell pattern")
    parser.add_argument("--document", type=Path, action="append", default=[],
                        help="whose names of cases must be right")
    # A short replay waits most of its time, while DPDK measures the processor's counter.
    parser.add_argument("--jobs", type=int, default=4 * len(os.sched_getaffinity(0)))
    parser.add_argument("--brief", action="store_true", help="one line a failure")
    options = parser.parse_args()
    if not options.model and not options.lab:
        parser.error("--lab or --model is needed")
    lab = None if options.model else options.lab.resolve()
    if lab and not lab.exists():
        print(f"{lab} is not built", file=sys.stderr)
        return 1
    known = all_cases()
    chosen = [case for case in known if fnmatch.fnmatch(case.name, options.only)]
    root = options.out.resolve()
    with ThreadPoolExecutor(options.jobs) as pool:
        results = list(pool.map(lambda case: run_case(case, lab, root)[0], chosen))
    complaints = dissect.complaints([root / case.name for case in chosen if case.dissect])
    tap = Tap(options.brief)
    for case, problems in zip(chosen, results):
        tap.case(f"{case.name}: {case.rule}", problems + complaints.get(case.name, []))
    for document in options.document:
        tap.case(f"{document.name} names cases that exist", named.names_without_case(
            document.read_text(encoding="utf-8"), [case.name for case in known]))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
