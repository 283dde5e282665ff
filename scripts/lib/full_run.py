"""What scripts/test --all does beside building and running the tests."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import shutil
import subprocess
import tempfile

import meson_suite
from meson_suite import ROOT
from report import Case

UNOPTIMISED = ("-Dbuildtype=plain", "-Doptimization=0")
CHECKED = ("-Dbuildtype=debug", "-Doptimization=1")
# What the sanitizers find ends the run anyhow: checks that need not come back, and traces without
# variables, spare a seventh of the compiler's time and half of the size.
ADDRESS_AND_UNDEFINED = (
    *CHECKED, "-Db_sanitize=address,undefined", "-Db_lundef=false",
    "-Dlibfuzzer=true", "-Dcpp_args=-fsanitize=fuzzer-no-link -fno-sanitize-recover=all -g1")
THREAD = (*CHECKED, "-Db_sanitize=thread", "-Db_lundef=false")

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "halt_on_error=1:abort_on_error=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={ROOT / 'tests/suppressions/leak.txt'}:print_suppressions=0",
    "TSAN_OPTIONS": f"suppressions={ROOT / 'tests/suppressions/thread.txt'}:second_deadlock_stack=1",
}

FUZZ_SECONDS = 30


def _in_parallel(function, items, per_core=1):
    jobs = per_core * len(os.sched_getaffinity(0))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(function, items))


def _execute(command, timeout, environment=None, directory=ROOT):
    """(exit status, everything printed)"""
    try:
        done = subprocess.run(command, cwd=directory, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False, text=True,
                              errors="replace", env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        return 1, f"did not end within {timeout} s"
    return done.returncode, done.stdout


def _libraries(what, pattern):
    """(folder of its objects, [source below ROOT], arguments of the compiler) of each library and program.

    Tests are left out: with GoogleTest's macros they take more than half of the time.
    """
    libraries = {}
    for entry in json.loads((what.path / "compile_commands.json").read_text()):
        source = (pathlib.Path(entry["directory"]) / entry["file"]).resolve()
        if source.suffix != ".cc" or what.path in source.parents:
            continue
        name = str(source.relative_to(ROOT))
        if pattern in name and not name.startswith("tests/"):
            # Meson puts what concerns the object alone behind -MD.
            words = shlex.split(entry["command"].partition(" -MD ")[0])
            arguments = words[words.index(what.cxx_compiler) + 1:]
            folder = pathlib.Path(entry["output"]).parent
            libraries.setdefault(folder, ([], arguments))[0].append(name)
    return [(folder, *library) for folder, library in sorted(libraries.items())]


def tidy(what, pattern):
    """clang-tidy on the C++ files of the programs that the build compiles.

    The files of a library are read as one: nearly all of the time goes into the headers, the
    system's and DPDK's, that each of them includes. So names are unique in a whole library.
    """
    sources = what.path / "tidy"
    sources.mkdir(exist_ok=True)

    def check(library):
        folder, names, arguments = library
        source = sources / f"{'_'.join(folder.parts)}.cc"
        source.write_text("".join(f'#include "{name}"\n' for name in names))
        status, output = _execute(["clang-tidy", "--quiet", str(source), "--", *arguments], 1200,
                                  directory=what.path)
        return Case(f"clang-tidy: {folder.with_suffix('')} ({len(names)} files)",
                    "failed" if status else "passed", "\n".join(output.splitlines()[:40]))

    return _in_parallel(check, _libraries(what, pattern))


def replays(what):
    """(folder, arguments of tcqf-lab) of every case that the conformance tests of a build left."""
    for readme in sorted((what.path / "tests" / "conformance" / "cases").glob("*/README.md")):
        words = shlex.split(readme.read_text().splitlines()[-1])
        yield readme.parent, words[words.index("replay"):]


def same_bytes(builds, lab):
    """The lab of every build writes the same files for every conformance case."""

    def digest(what, folder, arguments):
        with tempfile.TemporaryDirectory() as out:
            words = [out if word == "OUT" else word for word in arguments]
            status, output = _execute([str(what.path / lab), *words], 300, directory=folder)
            digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                       for path in sorted(pathlib.Path(out).iterdir())}
        return {"exit status": status, "what is printed": output.replace(out, "OUT"), **digests}

    def compare(replay):
        folder, arguments = replay
        reference = digest(builds[0], folder, arguments)
        different = [f"{what.directory}: {file} differs from {builds[0].directory}'s"
                     for what in builds[1:]
                     for file, value in digest(what, folder, arguments).items()
                     if reference.get(file) != value]
        return Case(f"same bytes: {folder.name}", "failed" if different else "passed",
                    "\n".join(different))

    # A short replay waits most of its time, while DPDK measures the processor's counter.
    cases = _in_parallel(compare, replays(builds[0]), per_core=4)
    return cases or [Case("same bytes", "failed", "the conformance tests left no cases")]


def fuzz(what, pattern):
    """Each libFuzzer target for a while, starting from its kept corpus."""
    programs = sorted((what.path / "tests" / "fuzz").glob("libfuzzer_*"))

    def run(program):
        name = program.name.removeprefix("libfuzzer_")
        found = what.path / "fuzz" / name
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir(parents=True)
        # Entropic scheduling visits every known feature after each run: of a whole router it has so
        # many that this took more than half of the time.
        status, output = _execute(
            [str(program), f"-max_total_time={FUZZ_SECONDS}", "-timeout=20", "-rss_limit_mb=4096",
             "-entropic=0", "-print_final_stats=1", f"-artifact_prefix={found}/", str(found),
             str(ROOT / "tests" / "fuzz" / "corpus" / name)],
            FUZZ_SECONDS + 120, SANITIZER_ENVIRONMENT)
        return Case(f"fuzzing {name}", "failed" if status else "passed", output)

    return _in_parallel(run, [program for program in programs
                              if program.is_file() and os.access(program, os.X_OK)
                              and pattern in f"fuzz_{program.name}"])
