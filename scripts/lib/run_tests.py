"""The body of scripts/test: which builds, which tests, in which order."""

import sys

import meson_suite
from meson_suite import Build
from report import Report

DEFAULT = Build("build")


def parse(arguments):
    """(run everything?, filter)"""
    words = [argument for argument in arguments if argument != "--all"]
    if len(words) > 1:
        print("usage: scripts/test [--all] [FILTER]", file=sys.stderr)
        sys.exit(2)
    return "--all" in arguments, words[0] if words else ""


def announce(text):
    print(f"--- {text}", flush=True)


def build(report, what, targets=()):
    """Builds, as a case of its own; says whether it went well."""
    announce(f"building {what.directory} with {what.cxx_compiler} {' '.join(what.options)}")
    problem = meson_suite.build(what, targets)
    report.add(f"{what.directory} builds", "failed" if problem else "passed", problem or "")
    return not problem


def default_suite(report, pattern):
    """The g++ build and its tests, those that fit the filter."""
    if not build(report, DEFAULT):
        return
    tests = meson_suite.tests_of(DEFAULT)
    names = [test["name"] for test in tests if pattern in test["name"]]
    environment = {}
    if not names:
        names = [test["name"] for test in tests if test["protocol"] == "gtest"]
        environment["GTEST_FILTER"] = f"*{pattern}*"
    announce(f"running {len(names)} test programs")
    cases = meson_suite.run(DEFAULT, names, environment)
    if pattern and not any(": " in case.name or pattern in case.name for case in cases):
        report.add(f"tests that fit '{pattern}'", "failed", "there are none")
        return
    report.extend(cases)


def main():
    everything, pattern = parse(sys.argv[1:])
    report = Report()
    default_suite(report, pattern)
    if everything and not pattern:
        pass
    report.print_summary()
    sys.exit(report.exit_status())


if __name__ == "__main__":
    main()
