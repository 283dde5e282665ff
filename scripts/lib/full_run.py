"""What scripts/test --all does beside building and running the tests."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import meson_suite
from meson_suite import ROOT
from report import Case

UNOPTIMISED = ("-Dbuildtype=plain", "-Doptimization=0")
ADDRESS_AND_UNDEFINED = (
    "-Dbuildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false",
    "-Dlibfuzzer=true", "-Dcpp_args=-fsanitize=fuzzer-no-link")
THREAD = ("-Dbuildtype=debugoptimized", "-Db_sanitize=thread", "-Db_lundef=false")

SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "halt_on_error=1:abort_on_error=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:abort_on_error=1:print_stacktrace=1",
    "LSAN_OPTIONS": f"suppressions={ROOT / 'tests/suppressions/leak.txt'}:print_suppressions=0",
    "TSAN_OPTIONS": f"suppressions={ROOT / 'tests/suppressions/thread.txt'}:second_deadlock_stack=1",
}

FUZZ_SECONDS = 30


def _in_parallel(function, items):
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return list(pool.map(function, items))


def _execute(command, timeout, environment=None):
    """(exit status, everything printed)"""
    try:
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False, text=True,
                              errors="replace", env={**os.environ, **(environment or {})})
    except subprocess.TimeoutExpired:
        return 1, f"did not end within {timeout} s"
    return done.returncode, done.stdout


def tidy(what, pattern):
    """clang-tidy on each C++ file that the build compiles."""
    commands = json.loads((what.path / "compile_commands.json").read_text())
    files = sorted({str((pathlib.Path(command["directory"]) / command["file"]).resolve()
                        .relative_to(ROOT)) for command in commands
                    if command["file"].endswith(".cc")})

    def check(name):
        status, output = _execute(["clang-tidy", "-p", what.directory, "--quiet", name], 600)
        return Case(f"clang-tidy: {name}", "failed" if status else "passed",
                    "\n".join(output.splitlines()[:40]))

    return _in_parallel(check, [name for name in files if pattern in name])


def replays():
    """(name, arguments of tcqf-lab) of every router that the tests replay captures through."""
    for configuration in sorted((ROOT / "tests" / "replay").rglob("config.yaml")):
        folder = configuration.parent
        captures = sorted((folder / "rx").glob("*.pcap*"))
        receive = [word for capture in captures
                   for word in ("--rx", f"{capture.stem}={capture}")]
        yield (str(folder.relative_to(ROOT)),
               ["replay", "--config", str(configuration), *receive, "--until-drained"])


def same_bytes(builds, lab):
    """The lab of every build writes the same files for every replay of the tests."""

    def digest(what, arguments):
        with tempfile.TemporaryDirectory() as out:
            status, output = _execute([str(what.path / lab), *arguments, "--out", out], 300)
            digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()
                       for path in sorted(pathlib.Path(out).iterdir())}
        return {"exit status": status, "printed": output, **digests}

    def compare(replay):
        name, arguments = replay
        reference = digest(builds[0], arguments)
        different = [f"{what.directory}: {file} differs from {builds[0].directory}"
                     for what in builds[1:]
                     for file, value in digest(what, arguments).items()
                     if reference.get(file) != value]
        return Case(f"same bytes: {name}", "failed" if different else "passed",
                    "\n".join(different))

    return _in_parallel(compare, replays())


def fuzz(what, pattern):
    """Each libFuzzer target for a while, starting from its kept corpus."""
    programs = sorted((what.path / "tests" / "fuzz").glob("libfuzzer_*"))

    def run(program):
        name = program.name.removeprefix("libfuzzer_")
        found = what.path / "fuzz" / name
        shutil.rmtree(found, ignore_errors=True)
        found.mkdir(parents=True)
        status, output = _execute(
            [str(program), f"-max_total_time={FUZZ_SECONDS}", "-timeout=20", "-rss_limit_mb=4096",
             "-print_final_stats=1", f"-artifact_prefix={found}/", str(found),
             str(ROOT / "tests" / "fuzz" / "corpus" / name)],
            FUZZ_SECONDS + 120, SANITIZER_ENVIRONMENT)
        return Case(f"fuzzing {name}", "failed" if status else "passed", output)

    return _in_parallel(run, [program for program in programs
                              if program.is_file() and os.access(program, os.X_OK)
                              and pattern in f"fuzz_{program.name}"])
