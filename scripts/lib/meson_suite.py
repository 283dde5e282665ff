"""One build directory: configures, builds, runs its tests and splits the result into cases."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import xml.etree.ElementTree

from report import Case

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Build:
    """A build directory below the root, with its compilers and meson options."""

    directory: str
    c_compiler: str = "gcc"
    cxx_compiler: str = "g++"
    options: tuple = ()

    @property
    def path(self):
        return ROOT / self.directory


def jobs():
    """Compilers at a time: as many as cores, as long as each has about 1 GiB."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 30
    return max(1, min(len(os.sched_getaffinity(0)), memory_gib))


def _run(command, log, environment):
    """Runs a command; returns None, or the end of what it printed if it failed."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        done = subprocess.run(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                              stdout=output, stderr=subprocess.STDOUT, check=False)
    if done.returncode == 0:
        return None
    return log.read_text(errors="replace")[-8000:]


def build(what, targets=()):
    """Configures and builds; returns None, or the end of the log if it failed."""
    environment = dict(os.environ)
    cache = ["ccache"] if shutil.which("ccache") else []
    environment["CC"] = " ".join([*cache, what.c_compiler])
    environment["CXX"] = " ".join([*cache, what.cxx_compiler])
    logs = what.path / "meson-logs"
    if not (what.path / "build.ninja").exists():
        # A directory that an interrupted configuration left behind is configured afresh.
        wipe = ["--wipe"] if (what.path / "meson-private").exists() else []
        problem = _run(["meson", "setup", *wipe, what.directory, *what.options],
                       ROOT / f"{what.directory}.setup.log", environment)
        if problem:
            return problem
        (ROOT / f"{what.directory}.setup.log").unlink()
    return _run(["ninja", "-C", what.directory, f"-j{jobs()}", *targets],
                logs / "ninja.log", environment)


def tests_of(what):
    """What meson knows about each test: name, suite, protocol."""
    listing = subprocess.run(["meson", "introspect", "--tests", what.directory], cwd=ROOT,
                             stdout=subprocess.PIPE, check=True)
    return json.loads(listing.stdout)


def in_suite(test, suite):
    """Whether a test from tests_of belongs to a suite."""
    return any(name.split(":")[-1] == suite for name in test["suite"])


def _targets(what):
    listing = subprocess.run(["meson", "introspect", "--targets", what.directory], cwd=ROOT,
                             stdout=subprocess.PIPE, check=True)
    return json.loads(listing.stdout)


def _path_of(what, target):
    return str(pathlib.Path(target["filename"][0]).relative_to(what.path))


def program(what, name):
    """The path of a program below the build directory, or None if there is none of that name."""
    return next((_path_of(what, target) for target in _targets(what)
                 if target["name"] == name and target["type"] == "executable"), None)


def programs_of(what, tests):
    """What has to be built for these tests, as paths below the build directory."""
    needed = {identifier for test in tests for identifier in test["depends"]}
    return sorted(_path_of(what, target) for target in _targets(what) if target["id"] in needed)


def run(what, names, environment=None, timeout_multiplier=3):
    """Runs the named tests and returns their cases."""
    if not names:
        return []
    protocols = {test["name"]: test["protocol"] for test in tests_of(what)}
    logs = what.path / "meson-logs"
    # What the last run left must not pass for results of this one, if a program crashes.
    for stale in [*what.path.glob("*.xml"), *logs.glob("testlog.*")]:
        stale.unlink()
    subprocess.run(["meson", "test", "-C", what.directory, "--no-rebuild", "--setup=all",
                    f"--timeout-multiplier={timeout_multiplier}", *names],
                   cwd=ROOT, env={**os.environ, **(environment or {})},
                   stdin=subprocess.DEVNULL, check=False)
    if not (logs / "testlog-all.json").exists():
        return [Case(f"tests in {what.directory}", "failed", "meson could not run them")]
    return cases_of(logs, names, protocols)


def cases_of(logs, names, protocols):
    """The cases of the named tests, from the logs that meson wrote into a directory."""
    junit = _cases_of_junit(logs / "testlog-all.junit.xml", protocols)
    cases = []
    seen = set()
    for line in (logs / "testlog-all.json").read_text().splitlines():
        entry = json.loads(line)
        name = entry["name"].split(" / ")[-1]
        seen.add(name)
        cases.extend(_cases_of_test(name, entry, junit.get(name, [])))
    cases.extend(Case(name, "failed", "meson did not run it") for name in names if name not in seen)
    return cases


def _cases_of_test(name, entry, cases):
    """The cases of one test; a verdict that they do not explain is a case of its own."""
    output = (entry.get("stdout") or "") + (entry.get("stderr") or "")
    if entry["result"] == "SKIP" and not cases:
        return [Case(name, "skipped", _last_line(output))]
    if entry["result"] in ("OK", "SKIP", "EXPECTEDFAIL"):
        return cases or [Case(name, "passed")]
    if any(case.outcome == "failed" for case in cases):
        return [Case(case.name, case.outcome, case.detail or output)
                if case.outcome == "failed" else case for case in cases]
    return [*cases, Case(name, "failed", f"{entry['result']}\n{output}")]


def _last_line(text):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def _cases_of_junit(path, protocols):
    """Cases by test, for the tests that consist of cases (GoogleTest and TAP)."""
    result = {}
    for suite in xml.etree.ElementTree.parse(path).getroot().iter("testsuite"):
        owner = _owner(suite.get("name"), protocols)
        if owner is None:
            continue
        for element in suite.findall("testcase"):
            case = _case(owner, element)
            if case:
                result.setdefault(owner, []).append(case)
    return result


def _owner(suite, protocols):
    """The test that a JUnit suite PROJECT.[PROJECT:SUITE / ]TEST[.SUITE] stands for."""
    inner = suite.split(".", 1)[-1].split(" / ")[-1]
    fitting = [name for name, protocol in protocols.items()
               if protocol in ("gtest", "tap") and (inner + ".").startswith(name + ".")]
    return max(fitting, key=len, default=None)


def _case(owner, element):
    kind = element.get("classname").split(" / ")[-1]
    title = element.get("name") if kind.endswith(owner) else f"{kind}.{element.get('name')}"
    name = f"{owner}: {title}"
    if element.get("status") == "notrun":
        disabled = "DISABLED_" in title
        return Case(name, "skipped", "disabled in its source") if disabled else None
    skipped = element.find("skipped")
    if skipped is not None:
        reason = skipped.get("message") or element.findtext("system-out") or ""
        return Case(name, "skipped", _skip_reason(reason))
    failures = element.findall("failure") + element.findall("error")
    if failures:
        text = "\n".join((failure.get("message") or failure.text or "") for failure in failures)
        return Case(name, "failed", text)
    return Case(name, "passed")


def _skip_reason(message):
    """GoogleTest puts FILE:LINE in front of the reason."""
    lines = [line for line in message.splitlines() if line.strip()]
    return " ".join(lines[1:] if len(lines) > 1 else lines)
