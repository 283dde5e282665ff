"""Puts the draft's wrong formulas in, one at a time, and demands that exactly the named test fails.

Prints TAP: first that nothing fails without a mutation, then one case a mutation. The rest of the
command line is the compiler.
"""

import argparse
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

import mutations

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCES = ("tcqf/cycle_map.cc", "tcqf/ingress.cc", "tcqf/tag_table.cc")
# A mutation may narrow a type on purpose, and overflow.
FLAGS = ("-std=c++20", "-O0", "-w", "-Wno-narrowing", "-fwrapv")
# What takes longest to read, and no mutation changes: compiled once, where the compiler can use that.
COMMON_HEADER = "common.h"
FAILED_TEST = re.compile(r"^\[  FAILED  \] ([\w.]+) \(\d+ ms\)$", re.MULTILINE)


def mutate(mutation, tree):
    """Writes the mutated file into `tree`, which stands before the project in include paths."""
    text = (ROOT / mutation.path).read_text(encoding="utf-8")
    occurrences = text.count(mutation.right)
    if occurrences != 1:
        raise ValueError(f"{mutation.path} has {occurrences} times: {mutation.right}")
    target = tree / mutation.path
    target.parent.mkdir(parents=True)
    target.write_text(text.replace(mutation.right, mutation.wrong), encoding="utf-8")


def build(compiler, program, tree):
    """Builds the test program with what `tree` has in place of the project's own files."""
    # One unit of it all: the headers are read once.
    unit = tree / "unit.cc"
    unit.write_text("".join(f'#include "{name}"\n' for name in
                            (COMMON_HEADER, f"tests/tcqf/{program}_test.cc", *SOURCES)),
                    encoding="utf-8")
    run([*compiler, *FLAGS, f"-I{tree.parent}", f"-I{tree}", f"-I{ROOT}", "-c", unit,
         "-o", tree / "unit.o"])
    run([*compiler, tree / "unit.o", "-o", tree / "test", "-lgtest_main", "-lgtest", "-pthread"])
    return tree / "test"


def precompile(compiler, directory):
    header = directory / COMMON_HEADER
    directory.mkdir(parents=True, exist_ok=True)
    header.write_text("#include <gtest/gtest.h>\n\n#include <map>\n#include <optional>\n"
                      "#include <variant>\n#include <vector>\n", encoding="utf-8")
    run([*compiler, *FLAGS, "-x", "c++-header", header, "-o", f"{header}.gch"])


def run(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}")


def failing_tests(program):
    done = subprocess.run([program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=60, check=False)
    failing = FAILED_TEST.findall(done.stdout)
    if bool(failing) != (done.returncode != 0):
        raise RuntimeError(f"exit status {done.returncode}\n{done.stdout}")
    return failing


def problem_of(compiler, program, mutation, wanted, tree):
    """What is wrong, or nothing: the tests in `wanted` fail and no others."""
    try:
        tree.mkdir()
        if mutation:
            mutate(mutation, tree)
        failing = failing_tests(build(compiler, program, tree))
    except (ValueError, RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if failing == wanted else f"fail: {failing or 'none'}; should fail: {wanted or 'none'}"


def cases():
    for program in sorted({mutation.program for mutation in mutations.MUTATIONS}):
        yield f"{program} passes as it is", program, None, []
    for mutation in mutations.MUTATIONS:
        yield mutation.title, mutation.program, mutation, [mutation.test]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", type=pathlib.Path, help="for what is built")
    parser.add_argument("compiler", nargs="+")
    arguments = parser.parse_args()
    shutil.rmtree(arguments.directory, ignore_errors=True)
    precompile(arguments.compiler, arguments.directory)
    work = list(cases())
    print(f"1..{len(work)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        problems = pool.map(
            lambda numbered: problem_of(arguments.compiler, numbered[1][1], numbered[1][2],
                                        numbered[1][3], arguments.directory / str(numbered[0])),
            enumerate(work))
        failed = False
        for number, (case, problem) in enumerate(zip(work, problems), start=1):
            print(f"{'not ok' if problem else 'ok'} {number} - {case[0]}", flush=True)
            for line in problem.splitlines()[-30:]:
                print(f"# {line}")
            failed |= bool(problem)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
