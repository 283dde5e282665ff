"""tcqf/ as a library of its own: installs it, builds a program against it, looks at what it needs.

Prints TAP. The rest of the command line is the compiler.
"""

import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOM = ROOT / "tcqf"
WARNINGS = ("-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
EXPECTED_OUTPUT = "sent 7 at 1700000000000200000\n"

INEXACT = re.compile(r"\b(float|double|long double|std::chrono|cmath|math\.h)\b")
UNORDERED = re.compile(r"\bunordered_(map|set|multimap|multiset)\b")
# What a library without clock, device, thread and system call leaves to others.
FOREIGN_SYMBOL = re.compile(r"rte_|clock|time|pthread|socket|open|ioctl|getenv|printf|rand")


def run(command, **options):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return done.stdout


class Library:
    """The library as installed below a directory of its own."""

    def __init__(self, build, directory, compiler):
        self.directory = directory
        self.compiler = compiler
        shutil.rmtree(directory, ignore_errors=True)
        # Builds nothing: the tests run on what is there.
        run(["meson", "install", "-C", build, "--destdir", directory, "--no-rebuild", "--quiet",
             "--tags", "devel"])
        description = next(directory.rglob("tcqf.pc"))
        self.environment = {**os.environ, "PKG_CONFIG_SYSROOT_DIR": str(directory),
                            "PKG_CONFIG_PATH": str(description.parent)}

    def flags(self, *kinds):
        return run(["pkg-config", *kinds, "tcqf"], env=self.environment).split()

    def headers(self):
        return sorted(path.name for path in next(self.directory.rglob("include/tcqf")).iterdir())


def all_headers_are_installed(library):
    missing = {path.name for path in ROOM.glob("*.h")} - set(library.headers())
    return [f"{name} is not installed" for name in sorted(missing)]


def each_header_stands_alone(library):
    unit = library.directory / "alone.cc"
    problems = []
    for name in library.headers():
        unit.write_text(f"#include <tcqf/{name}>\n#include <tcqf/{name}>\n", encoding="utf-8")
        try:
            run([*library.compiler, *WARNINGS, "-fsyntax-only", unit, *library.flags("--cflags")])
        except RuntimeError as error:
            problems.append(str(error))
    return problems


def a_program_builds_and_runs(library):
    program = library.directory / "program"
    run([*library.compiler, *WARNINGS, ROOT / "tests/tcqf/external_program.cc", "-o", program,
         *library.flags("--cflags", "--libs")])
    output = run([program])
    return [] if output == EXPECTED_OUTPUT else [f"printed: {output}"]


def only_the_standard_library_is_needed(library):
    archive = next(library.directory.rglob("libtcqf.a"))
    problems = []
    for line in run(["nm", "--undefined-only", archive]).splitlines():
        symbol = line.split()[-1] if line.split() else ""
        if FOREIGN_SYMBOL.search(symbol):
            problems.append(f"libtcqf.a wants {symbol}")
    return problems


def code_lines():
    for path in sorted(ROOM.iterdir()):
        if path.suffix in (".h", ".cc"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                yield f"tcqf/{path.name}:{number}", line.split("//", 1)[0]


def arithmetic_is_exact(_):
    return [f"{place}: {code.strip()}" for place, code in code_lines() if INEXACT.search(code)]


def iteration_is_ordered(_):
    return [f"{place}: {code.strip()}" for place, code in code_lines() if UNORDERED.search(code)]


CASES = (
    all_headers_are_installed,
    each_header_stands_alone,
    a_program_builds_and_runs,
    only_the_standard_library_is_needed,
    arithmetic_is_exact,
    iteration_is_ordered,
)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("directory", type=pathlib.Path, help="for what is installed")
    parser.add_argument("compiler", nargs="+")
    arguments = parser.parse_args()
    library = Library(arguments.build, arguments.directory, arguments.compiler)
    print(f"1..{len(CASES)}")
    failed = False
    for number, case in enumerate(CASES, start=1):
        try:
            problems = case(library)
        except (RuntimeError, StopIteration) as error:
            problems = [str(error) or "something is not installed"]
        print(f"{'not ok' if problems else 'ok'} {number} - {case.__name__.replace('_', ' ')}")
        for problem in problems:
            for line in problem.splitlines()[-30:]:
                print(f"# {line}")
        failed |= bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
