"""Checks the tree against the rules of the house (rules.py), and the rules against planted offences.

Prints TAP: one case a rule, one a planted offence.
"""

import argparse
import fnmatch
import glob
import pathlib
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

import rules  # noqa: E402
from tap import Tap  # noqa: E402

SOURCES = (".cc", ".h", ".c")
# Code that is a pure function of (packets, now).
TIMELESS_ROOMS = ("tcqf", "dataplane")
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/README.md")
ROOMS = {"tcqf", "config", "dataplane", "control", "tests", "perf", "scripts", "docs", ".ci", "bpf"}


class Tree:
    """The files of the project: what git tracks, or in an unpacked archive everything but builds."""

    def __init__(self, root):
        self.root = root
        names = self._tracked() or [
            str(path.relative_to(root)) for path in root.rglob("*")
            if not path.relative_to(root).parts[0].startswith(("build", ".git"))
            and "__pycache__" not in path.parts]
        self.files = sorted(name for name in names if (root / name).is_file())

    def _tracked(self):
        if not shutil.which("git"):
            return []
        listing = subprocess.run(["git", "-C", self.root, "ls-files", "-co", "--exclude-standard"],
                                 capture_output=True, text=True, check=False)
        return listing.stdout.splitlines()

    def makes(self, path):
        """Whether a path appears only when the project is used: .gitignore names it."""
        made = [line.strip("/") for line in self.text(".gitignore").splitlines()
                if line.startswith("/")]
        steps = path.rstrip("/").split("/")
        return any(fnmatch.fnmatch("/".join(steps[:count]), pattern)
                   for pattern in made for count in range(1, len(steps) + 1))

    def sources(self, *rooms):
        return [name for name in self.files if name.endswith(SOURCES)
                and (not rooms or name.split("/", 1)[0] in rooms)]

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")


def problems_in(tree, names, rule):
    return [problem for name in names for problem in rule(name, tree.text(name))]


def check_tree(tap, tree):
    """The rules on the tree as it is."""
    tap.case("includes point downwards", problems_in(tree, tree.sources(), rules.include_problems))
    tap.case("no clock is read where time is an argument",
             problems_in(tree, tree.sources(*TIMELESS_ROOMS), rules.clock_problems))
    finished = [name for name in tree.files if name.endswith((*SOURCES, ".py", ".yang", ".build"))
                or name.startswith("scripts/")]
    tap.case("nothing is left unfinished", problems_in(tree, finished, rules.unfinished_problems))
    tap.case("documents name files that exist", missing_documented_files(tree))
    tap.case("each drop reason is explained", unexplained_drop_reasons(tree))
    tap.case("each package has a reason", unexplained_packages(tree))
    tap.case("clang-tidy judges every source", sources_that_tidy_passes_over(tree))
    external(tap, tree, "sources are formatted", ["clang-format", "--dry-run", "-Werror"],
             tree.sources())
    external(tap, tree, "shell scripts are clean", ["shellcheck", "-x"], shell_scripts(tree))


def missing_documented_files(tree):
    problems = []
    for document in sorted({*DOCUMENTS, *(name for name in tree.files if name.endswith(".md"))}):
        if document not in tree.files:
            problems.append(f"{document}: is not there")
            continue
        base = (tree.root / document).parent
        for number, path in rules.documented_paths(tree.text(document), ROOMS):
            candidates = (tree.root / path, base / path)
            if not tree.makes(path) and not any(map(glob.glob, map(str, candidates))):
                problems.append(f"{document}:{number}: {path} does not exist")
    return problems


def unexplained_drop_reasons(tree):
    page = "docs/account.md"
    names = re.search(r"kDropReasonNames = \{(.*?)\}", tree.text("dataplane/account.h"), re.DOTALL)
    reasons = re.findall(r'"([a-z-]+)"', names.group(1))
    rows = re.findall(r"^\| `([a-z-]+)` \|", tree.text(page).split("## Why")[1],
                      re.MULTILINE)
    return ([f"{page} lacks {reason}" for reason in reasons if reason not in rows]
            + [f"{page}: there is no {row}" for row in rows if row not in reasons])


def unexplained_packages(tree):
    lines = [line for line in tree.text("scripts/packages").splitlines()
             if line and not line.startswith("#")]
    names = [line.split()[0] for line in lines]
    return ([f"scripts/packages: {line} says not why" for line in lines if "# " not in line]
            + [f"scripts/packages: {name} stands twice" for name in set(names)
               if names.count(name) > 1])


def sources_that_tidy_passes_over(tree):
    """It reads the files of a library as one, so each is a header to it, which it may be told to
    leave alone."""
    judged = re.search(r"^HeaderFilterRegex: '(.*)'$", tree.text(".clang-tidy"), re.MULTILINE)
    return [f".clang-tidy: its HeaderFilterRegex has no place for {name}"
            for name in tree.sources() if name.endswith((".cc", ".h"))
            and not name.startswith("dataplane/bpf/")  # C
            and not re.search(judged.group(1), f"/{name}")]


def shell_scripts(tree):
    return [name for name in tree.files if name.endswith(".sh")
            or (name.startswith(("scripts/", ".ci/", "tests/", "perf/"))
                and tree.text(name).split("\n", 1)[0].endswith(("/bash", " bash", "/sh", " sh")))]


def external(tap, tree, title, command, names):
    """A case that a tool of its own decides."""
    if not shutil.which(command[0]):
        tap.skip(title, f"{command[0]} is not installed")
        return
    done = subprocess.run([*command, *names], cwd=tree.root, capture_output=True, text=True,
                          check=False)
    output = (done.stdout + done.stderr).splitlines()
    tap.case(title, output[:40] or [f"{command[0]} failed"] if done.returncode else [])


def check_rules(tap):
    """Each rule finds an offence planted for it, and leaves what is allowed alone."""
    planted = [
        ("dataplane including control", rules.include_problems, "dataplane/a.h", '#include "control/b.h"'),
        ("config including dataplane", rules.include_problems, "config/a.h", '#include "dataplane/b.h"'),
        ("tcqf including config", rules.include_problems, "tcqf/a.h", '#include "config/b.h"'),
        ("tcqf including DPDK", rules.include_problems, "tcqf/a.h", "#include <rte_mbuf.h>"),
        ("an include without its room", rules.include_problems, "tcqf/a.cc", '#include "a.h"'),
        ("a TSC read", rules.clock_problems, "tcqf/a.h", "uint64_t t = rte_rdtsc();"),
        ("a steady clock", rules.clock_problems, "dataplane/a.cc", "std::chrono::steady_clock::now()"),
        ("clock_gettime", rules.clock_problems, "dataplane/a.cc", "clock_gettime(CLOCK_TAI, &t);"),
        ("unfinished work", rules.unfinished_problems, "tcqf/a.h", "// TO" + "DO: later"),
    ]
    for title, rule, path, text in planted:
        tap.case(f"the rules notice {title}", [] if rule(path, text) else [f"{text} passed"])
    allowed = [
        ("what points down", rules.include_problems, "control/a.cc",
         '#include "dataplane/b.h"\n#include "tcqf/c.h"\n#include <rte_eal.h>'),
        ("a clock in a comment", rules.clock_problems, "tcqf/a.h", "// never clock_gettime here"),
    ]
    for title, rule, path, text in allowed:
        tap.case(f"the rules allow {title}", rule(path, text))
    named = rules.documented_paths("see `tcqf/gone.h` and [a](docs/x.md), not `a/b`", ROOMS)
    tap.case("the rules notice paths in documents",
             [] if named == [(1, "tcqf/gone.h"), (1, "docs/x.md")] else [str(named)])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=pathlib.Path, required=True)
    tap = Tap()
    check_tree(tap, Tree(parser.parse_args().root))
    check_rules(tap)
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
