"""The body of scripts/test: which builds, which tests, in which order."""

import argparse
import functools
import os
import sys
import time

import full_run
import meson_suite
from meson_suite import Build
from report import Report

DEFAULT = Build("build")
CHECKED = Build("build-asan", "clang", "clang++", full_run.ADDRESS_AND_UNDEFINED)
STARTED = time.monotonic()


def parse(words):
    """(names of the stages, filter); no stage: the tests that are not slow."""
    parser = argparse.ArgumentParser(prog="scripts/test", add_help=False, allow_abbrev=False)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--all", action="store_true")
    which.add_argument("--only", metavar="STAGE")
    parser.add_argument("filter", nargs="?", default="")
    arguments = parser.parse_args(words)
    chosen = [] if arguments.only is None else arguments.only.split(",")
    if arguments.all:
        chosen = list(STAGES)
    for name in chosen:
        if name not in STAGES:
            parser.error(f"there is no stage '{name}', only {', '.join(STAGES)}")
    return chosen, arguments.filter


def announce(text):
    """Where the run is, and what it has cost so far: elapsed and processor time."""
    times = os.times()
    wall, processor = (f"{int(seconds) // 60}:{int(seconds) % 60:02d}" for seconds in
                       (time.monotonic() - STARTED, sum(times[:4])))
    print(f"--- {wall} ({processor} of processors) {text}", flush=True)


@functools.cache
def build(report, what, targets=()):
    """Builds once, as a case of its own; says whether it went well."""
    announce(f"building {what.directory}/ with {what.cxx_compiler} {' '.join(what.options)}")
    problem = meson_suite.build(what, targets)
    report.add(f"{what.directory} builds", "failed" if problem else "passed", problem or "")
    return not problem


def run_suite(report, what, pattern, with_slow, environment=None, timeout_multiplier=3):
    """The tests of a build that fit the filter, by their own name or else by that of a case."""
    # The rules of the house and the rig for rates say the same whatever the build.
    left_out = (() if with_slow else ("slow",)) + (() if what is DEFAULT else ("house", "perf"))
    tests = [test for test in meson_suite.tests_of(what)
             if not any(meson_suite.in_suite(test, suite) for suite in left_out)]
    names = [test["name"] for test in tests if pattern in test["name"]]
    environment = dict(environment or {})
    if not names:
        names = [test["name"] for test in tests if test["protocol"] == "gtest"]
        environment["GTEST_FILTER"] = f"*{pattern}*"
    announce(f"running {len(names)} test programs of {what.directory}/")
    cases = meson_suite.run(what, names, environment, timeout_multiplier)
    if "GTEST_FILTER" in environment:
        cases = [case for case in cases if pattern in case.name or case.outcome != "passed"]
        if not cases:
            report.add(f"tests that fit '{pattern}'", "failed", "there are none")
    prefix = "" if what is DEFAULT else f"{what.directory}: "
    for case in cases:
        report.add(prefix + case.name, case.outcome, case.detail)


def suite(report, pattern):
    """The tests of the default build, the slow ones among them."""
    run_suite(report, DEFAULT, pattern, True)


def address(report, pattern):
    """The tests under the address and undefined-behaviour sanitizers."""
    if build(report, CHECKED):
        run_suite(report, CHECKED, pattern, False, full_run.SANITIZER_ENVIRONMENT, 10)


def fuzz(report, pattern):
    """Inputs that a fuzzer makes up, under the same sanitizers."""
    if build(report, CHECKED):
        announce("fuzzing")
        report.extend(full_run.fuzz(CHECKED, pattern))


def tidy(report, pattern):
    """clang-tidy, as the build with clang compiles."""
    if build(report, CHECKED):
        announce("clang-tidy")
        report.extend(full_run.tidy(CHECKED, pattern))


def same_bytes(report, pattern):
    """What tcqf-lab writes is the same for both compilers, without optimisation and with it."""
    if pattern:
        return
    lab = meson_suite.program(DEFAULT, "tcqf-lab")
    others = [Build("build-gcc-o0", options=full_run.UNOPTIMISED),
              Build("build-clang-o0", "clang", "clang++", full_run.UNOPTIMISED),
              Build("build-clang-o3", "clang", "clang++")]
    if all([build(report, what, (lab,)) for what in others]):
        announce("comparing what tcqf-lab writes, byte for byte")
        report.extend(full_run.same_bytes([DEFAULT, *others], lab))


def threads(report, pattern):
    """The tests of the suite "threads" under the thread sanitizer."""

    def chosen(what):
        return [test for test in meson_suite.tests_of(what)
                if meson_suite.in_suite(test, "threads") and pattern in test["name"]]

    what = Build("build-tsan", "clang", "clang++", full_run.THREAD)
    # The layout of the build directories is the same: what to build can be asked of the first.
    if chosen(DEFAULT) and build(report, what, tuple(meson_suite.programs_of(DEFAULT, chosen(DEFAULT)))):
        announce("running the tests with threads in build-tsan/")
        names = [test["name"] for test in chosen(what)]
        for case in meson_suite.run(what, names, full_run.SANITIZER_ENVIRONMENT, 20):
            report.add(f"build-tsan: {case.name}", case.outcome, case.detail)


STAGES = {"suite": suite, "address": address, "fuzz": fuzz, "tidy": tidy, "threads": threads,
          "bytes": same_bytes}


def run_stages(report, chosen, pattern):
    """One after the other: a stage whose build fails does not keep the others from running."""
    before = len(report.cases)
    for name in chosen:
        STAGES[name](report, pattern)
    found = report.cases[before:]
    if chosen and all(case.name.endswith(" builds") for case in found):
        report.add(f"cases of {', '.join(chosen)} that fit '{pattern}'", "failed", "there are none")


def main():
    chosen, pattern = parse(sys.argv[1:])
    # Tests write what they need into directories of their own and expect no terminal.
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    report = Report()
    if build(report, DEFAULT):
        if not chosen:
            run_suite(report, DEFAULT, pattern, False)
        run_stages(report, chosen, pattern)
    announce("done")
    report.print_summary()
    raise SystemExit(report.exit_status())


if __name__ == "__main__":
    main()
