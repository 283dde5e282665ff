"""The body of scripts/test: which builds, which tests, in which order."""

import os
import sys
import time

import full_run
import meson_suite
from meson_suite import Build
from report import Report

DEFAULT = Build("build")
STARTED = time.monotonic()


def parse(arguments):
    """(run everything?, filter)"""
    words = [argument for argument in arguments if argument != "--all"]
    if len(words) > 1:
        print("usage: scripts/test [--all] [FILTER]", file=sys.stderr)
        sys.exit(2)
    return "--all" in arguments, words[0] if words else ""


def announce(text):
    """Where the run is, and what it has cost so far: elapsed and processor time."""
    times = os.times()
    wall, processor = (f"{int(seconds) // 60}:{int(seconds) % 60:02d}" for seconds in
                       (time.monotonic() - STARTED, sum(times[:4])))
    print(f"--- {wall} ({processor} of processors) {text}", flush=True)


def build(report, what, targets=()):
    """Builds, as a case of its own; says whether it went well."""
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


def everything_else(report, pattern):
    """What --all adds; a stage whose build fails does not keep the others from running."""
    checked = Build("build-asan", "clang", "clang++", full_run.ADDRESS_AND_UNDEFINED)
    if build(report, checked):
        run_suite(report, checked, pattern, False, full_run.SANITIZER_ENVIRONMENT, 10)
        announce("fuzzing")
        report.extend(full_run.fuzz(checked, pattern))
        announce("clang-tidy")
        report.extend(full_run.tidy(checked, pattern))
    threads(report, pattern)
    if not pattern:
        same_bytes(report)


def same_bytes(report):
    """What tcqf-lab writes is the same for both compilers, without optimisation and with it."""
    lab = meson_suite.program(DEFAULT, "tcqf-lab")
    others = [Build("build-gcc-o0", options=full_run.UNOPTIMISED),
              Build("build-clang-o0", "clang", "clang++", full_run.UNOPTIMISED),
              Build("build-clang-o3", "clang", "clang++")]
    if all([build(report, what, [lab]) for what in others]):
        announce("comparing what tcqf-lab writes, byte for byte")
        report.extend(full_run.same_bytes([DEFAULT, *others], lab))


def threads(report, pattern):
    """The tests of the suite "threads" under the thread sanitizer."""

    def chosen(what):
        return [test for test in meson_suite.tests_of(what)
                if meson_suite.in_suite(test, "threads") and pattern in test["name"]]

    what = Build("build-tsan", "clang", "clang++", full_run.THREAD)
    # The layout of the build directories is the same: what to build can be asked of the first.
    if chosen(DEFAULT) and build(report, what, meson_suite.programs_of(DEFAULT, chosen(DEFAULT))):
        announce("running the tests with threads in build-tsan/")
        names = [test["name"] for test in chosen(what)]
        for case in meson_suite.run(what, names, full_run.SANITIZER_ENVIRONMENT, 20):
            report.add(f"build-tsan: {case.name}", case.outcome, case.detail)


def main():
    everything, pattern = parse(sys.argv[1:])
    # Tests write what they need into directories of their own and expect no terminal.
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    report = Report()
    if build(report, DEFAULT):
        run_suite(report, DEFAULT, pattern, everything)
        if everything:
            everything_else(report, pattern)
    announce("done")
    report.print_summary()
    sys.exit(report.exit_status())


if __name__ == "__main__":
    main()
