"""scripts/test counts right, from logs that meson wrote (runner/), and runs what it is asked for. Prints TAP."""

import contextlib
import io
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parents[1] / "scripts" / "lib"), str(HERE.parent / "conformance")]

import meson_suite  # noqa: E402
import run_tests  # noqa: E402
from report import Report  # noqa: E402
from tap import Tap  # noqa: E402

PROTOCOLS = {"unit_a": "gtest", "unit_crash": "gtest", "unit_exit": "gtest", "unit": "gtest",
             "script": "tap", "skip": "exitcode"}

EXPECTED = {
    "each GoogleTest case counts": ("unit_a: A.passes", "passed", ""),
    "a failed case says why": ("unit_a: A.fails", "failed", "Expected equality of these values"),
    "a skipped case says why": ("unit_a: A.skips", "skipped", "no namespaces here"),
    "a disabled case is not silent": ("unit_a: A.DISABLED_off", "skipped", "disabled"),
    "parameters are cases of their own": ("unit_a: All/P.even/1", "passed", ""),
    "a crash is a failure": ("unit_crash", "failed", "C.crashes"),
    "a bad end after good cases is a failure": ("unit_exit", "failed", "leak"),
    "a name that begins another's is told apart": ("unit: A.passes", "passed", ""),
    "each TAP case counts": ("script: 1 - one", "passed", ""),
    "a failed TAP case shows the output": ("script: 2 - two", "failed", "because"),
    "a skipped TAP case says why": ("script: 3 - three", "skipped", "no raw sockets"),
    "a script that ends with 77 is skipped": ("skip", "skipped", "no huge pages"),
    "what meson did not run is a failure": ("absent", "failed", "did not run"),
}


EVERYTHING = list(run_tests.STAGES)

ASKED_FOR = {
    "without options: no stage, every test": ([], ([], "")),
    "a word is a filter": (["cycle_map"], ([], "cycle_map")),
    "--all is every stage": (["--all"], (EVERYTHING, "")),
    "--only is one stage": (["--only", "tidy"], (["tidy"], "")),
    "--only takes several, and a filter": (["--only", "fuzz,tidy", "probe"], (["fuzz", "tidy"], "probe")),
    "a stage that is none is refused": (["--only", "asn"], "there is no stage 'asn', only suite, "),
    "no stage is none": (["--only", ""], "there is no stage ''"),
    "--all and --only exclude each other": (["--all", "--only", "tidy"], "not allowed with"),
    "two filters are refused": (["a", "b"], "unrecognized arguments: b"),
}


def asked_for(words):
    """What scripts/test makes of its arguments: (stages, filter), or the error when it ends with 2."""
    errors = io.StringIO()
    try:
        with contextlib.redirect_stderr(errors):
            return run_tests.parse(words)
    except SystemExit as end:
        return errors.getvalue() if end.code == 2 else f"status {end.code}"


def main():
    cases = meson_suite.cases_of(HERE / "runner", [*PROTOCOLS, "absent"], PROTOCOLS)
    found = {case.name: case for case in cases}
    verdicts = []
    for title, (name, outcome, detail) in EXPECTED.items():
        case = found.get(name)
        verdicts.append((title, bool(case) and case.outcome == outcome and detail in case.detail))
    counts = [sum(case.outcome == outcome for case in cases)
              for outcome in ("passed", "failed", "skipped")]
    verdicts.append((f"sums are right: {counts}", counts == [6, 5, 4]))

    report = Report()
    verdicts.append(("a run without a case fails", report.exit_status() == 1))
    report.add("x", "passed")
    verdicts.append(("a run that passed succeeds", report.exit_status() == 0))
    report.add("y", "failed")
    verdicts.append(("a run with a failure fails", report.exit_status() == 1))

    for title, (words, expected) in ASKED_FOR.items():
        found = asked_for(words)
        verdicts.append((title, expected in found if isinstance(expected, str) else found == expected))

    empty = Report()
    run_tests.run_stages(empty, ["bytes"], "a name that nothing has")
    verdicts.append(("a stage in which nothing fits the filter fails", empty.exit_status() == 1 and
                     "there are none" in empty.cases[-1].detail))

    tap = Tap()
    for title, good in verdicts:
        tap.case(title, [] if good else ["it is not so"])
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
