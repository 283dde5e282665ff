#!/usr/bin/env python3
"""tcqf-lab replay as a process: memory, users, many at once, pipes, disorder, bad captures."""

import functools
import os
import resource
import subprocess
import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "conformance"))

import lab as lab_command  # noqa: E402
from captures import NANO, pcap_bytes, read_pcap  # noqa: E402
from case import BASE, at, dscp_transit, onto, v4  # noqa: E402
from lab import contents, failure  # noqa: E402
from tap import CannotRun  # noqa: E402

NOBODY = 65534
CONFIG = dscp_transit(1000)


def best_effort(count, gap_ns=1_000):
    """Frames that leave at once."""
    return [at(gap_ns * k, onto(0, v4(k, to=3))) for k in range(count)]


# A process counts what the one that started it held at that time: a small one stands between.
MEASURE = """
import os, sys
# Meson lets the allocator write into every octet that it hands out, used or not.
os.environ.pop("MALLOC_PERTURB_", None)
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss if status == 0 else 0)
"""


def peak_kib(lab, capture):
    """Largest memory of a replay in KiB; 0 where it failed."""
    command = lab.command("replay", "--config", capture.parent / "config.yaml", "--rx",
                          f"ge0={capture}", "--out", capture.parent / "out", "--until-drained")
    done = subprocess.run([sys.executable, "-c", MEASURE, *command], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=True)
    return int(done.stdout)


def memory_is_bounded_by_what_is_queued(lab):
    """A capture a hundred times as long needs no more memory where nothing waits."""
    folder = lab.folder(CONFIG)
    peaks = []
    for count in (2_000, 200_000):
        path = folder / f"{count}.pcap"
        with open(path, "wb") as file:
            file.write(pcap_bytes([]))
            for k in range(count):
                file.write(pcap_bytes([at(2_000 * k, onto(0, v4(k, to=3)))])[24:])
        peaks.append(peak_kib(lab, path))
    if 0 in peaks:
        return ["does not run"]
    grown = peaks[1] - peaks[0]
    return [f"{grown} KiB more for 198,000 packets more: {peaks}"] if grown > 8 * 1024 else []


def disorder_is_sorted_with_a_warning(lab):
    packets = best_effort(50)
    turned = packets[20:] + packets[:20]
    folder = lab.folder(CONFIG)
    (folder / "sorted.pcap").write_bytes(pcap_bytes(packets))
    (folder / "turned.pcap").write_bytes(pcap_bytes(turned))
    problems = []
    for name in ("sorted", "turned"):
        done = lab.replay_in(folder, "--rx", f"ge0={name}.pcap", "--out", name, "--until-drained")
        warned = "turned.pcap: warning" in done.stderr
        if done.returncode or warned != (name == "turned"):
            problems.append(f"{name}: exit code {done.returncode}: {done.stderr}")
    if not problems and contents(folder / "sorted") != contents(folder / "turned"):
        problems.append("the outputs differ")
    return problems


def bad_captures_are_named(lab):
    """Exit code 1, the file and the packet on stderr, and nothing written."""
    packets = best_effort(3)
    cut = packets[:2] + [(packets[2][0], packets[2][1], 1514)]
    whole = pcap_bytes(packets)
    table = {
        "cut packet": (pcap_bytes(cut), "bad.pcap: packet 3: cut short"),
        "cut file": (whole[:-1], "bad.pcap: packet 3: "),
        "text": (b"interface,time\nge0,1\n", "bad.pcap: is no capture"),
        "empty file": (b"", "bad.pcap: is no capture"),
        "not Ethernet": (pcap_bytes(packets, link_type=101), "bad.pcap: has link type RAW"),
    }
    problems = []
    for name, (capture, expected) in table.items():
        folder = lab.folder(CONFIG)
        (folder / "bad.pcap").write_bytes(capture)
        done = lab.replay_in(folder, "--rx", "ge0=bad.pcap", "--out", "out")
        if done.returncode != 1 or expected not in done.stderr or (folder / "out").exists():
            problems.append(f"{name}: exit code {done.returncode}: {done.stderr}")
    return problems


def wrong_interfaces_are_named(lab):
    folder = lab.folder(CONFIG)
    (folder / "in.pcap").write_bytes(pcap_bytes([]))
    problems = []
    for code, words, told in (
            (1, ["--rx", "ge9=in.pcap"], "--rx ge9: the configuration has no interface of this name; "
                                         "it has ge0, ge1"),
            (2, ["--rx", "ge0=in.pcap", "--rx", "ge0=in.pcap"], "--rx: 'ge0' is given twice")):
        done = lab.replay_in(folder, *words, "--out", "out")
        if done.returncode != code or told not in done.stderr:
            problems.append(f"{words}: exit code {done.returncode}: {done.stderr}")
    return problems


def refused_output_is_exit_code_3(lab):
    folder = lab.folder(CONFIG)
    (folder / "in.pcap").write_bytes(pcap_bytes(best_effort(1)))
    (folder / "file").write_text("in the way")
    done = lab.replay_in(folder, "--rx", "ge0=in.pcap", "--out", "file/out")
    return [] if done.returncode == 3 and "file" in done.stderr else [
        f"exit code {done.returncode}: {done.stderr}"]


def a_directory_that_cannot_be_made_is_told(lab):
    folder = lab.folder(CONFIG)
    (folder / "in.pcap").write_bytes(pcap_bytes(best_effort(1)))
    (folder / "file").write_text("in the way")
    done = lab.replay_in(folder, "--rx", "ge0=in.pcap", "--out", "file")
    told = "file: the directory cannot be made: Not a directory; choose another --out"
    return [] if done.returncode == 3 and told in done.stderr else [f"exit code {done.returncode}: {done.stderr}"]


def captures_that_arrive_are_not_overwritten(lab):
    """Exit code 1, and they are as they were."""
    problems = []
    capture = pcap_bytes(best_effort(3))
    for name in ("ge0.pcap", "ge1.kernel.pcap"):
        folder = lab.folder(CONFIG)
        (folder / name).write_bytes(capture)
        done = lab.replay_in(folder, "--rx", f"ge0=./{name}", "--out", ".")
        if done.returncode != 1 or f"{name}: would be overwritten" not in done.stderr:
            problems.append(f"{name}: exit code {done.returncode}: {done.stderr}")
        if (folder / name).read_bytes() != capture or (folder / "account.json").exists():
            problems.append(f"{name}: something was written")
    return problems


def times_that_no_capture_can_hold_are_told(lab):
    """A packet that would leave after 2105 does not leave decades earlier."""
    folder = lab.folder(CONFIG)
    (folder / "in.pcap").write_bytes(pcap_bytes(best_effort(1)))
    latest = 4_294_967_295_999_999_999
    done = lab.replay_in(folder, "--rx", "ge0=in.pcap", "--out", "out", "--until-drained",
                         "--processing-ns", str(latest))
    right = done.returncode == 1 and "ge3.pcap: a packet leaves after the year 2105" in done.stderr
    return [] if right else [f"exit code {done.returncode}: {done.stderr}"]


def errors_that_nobody_can_read_keep_their_code(lab):
    folder = lab.folder(CONFIG)
    problems = []
    for redirection in ("2>&-", "2>/dev/full"):
        line = f"'{lab.lab}' replay --config absent --rx ge0=absent --out out {redirection}"
        code = subprocess.run(line, shell=True, cwd=folder, check=False).returncode
        problems += [] if code == 1 else [f"{redirection}: exit code {code}"]
    return problems


def runs_as_any_user_and_many_at_once(lab):
    """Without privileges, without huge pages, four at a time, all with the same outputs."""
    folder = lab.folder(CONFIG)
    (folder / "in.pcap").write_bytes(pcap_bytes(best_effort(500)))
    user = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    if user:
        os.chown(folder, NOBODY, NOBODY)
    runs = [subprocess.Popen(lab.command("replay", "--config", "config.yaml", "--rx", "ge0=in.pcap",
                                         "--out", f"out{k}", "--until-drained"),
                             cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **user)
            for k in range(4)]
    problems = []
    for run in runs:
        out, err = run.communicate(timeout=120)
        if run.returncode or b"EAL" in out + err:
            problems.append(f"exit code {run.returncode}: {err.decode()}")
    if not problems:
        first = contents(folder / "out0")
        problems = [f"out{k} differs" for k in range(1, 4) if contents(folder / f"out{k}") != first]
    return problems


def captures_may_come_through_a_pipe(lab):
    folder = lab.folder(CONFIG)
    capture = pcap_bytes(best_effort(300))
    done = lab.replay_in(folder, "--rx", "ge0=/dev/stdin", "--out", "out", "--until-drained",
                         input=capture, text=False)
    if done.returncode:
        return failure(done)
    sent = len(read_pcap(folder / "out" / "ge3.pcap"))
    return [] if sent == 300 else [f"{sent} of 300 sent"]


def a_pipe_that_cannot_be_copied_is_exit_code_3(lab):
    """Where files end at 4096 octets."""
    folder = lab.folder(CONFIG)
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_FSIZE, (4096, 4096))
    done = lab.replay_in(folder, "--rx", "ge0=/dev/stdin", "--out", "out", text=False,
                         input=pcap_bytes(best_effort(300)), preexec_fn=limit, restore_signals=False)
    told = b"/dev/stdin: no place for a copy in /tmp: File too large" in done.stderr
    return [] if done.returncode == 3 and told else [f"exit code {done.returncode}: {done.stderr}"]


def a_configuration_that_finds_no_memory_is_exit_code_3(lab):
    if b"__asan_init" in lab.lab.read_bytes():
        raise CannotRun("the address sanitizer ends a program that finds no memory")
    folder = lab.folder(CONFIG)
    (folder / "in.pcap").write_bytes(pcap_bytes([]))
    with open(folder / "config.yaml", "a", encoding="ascii") as file:
        file.write("# " + 128 * 1024 * 1024 * "x" + "\n")
    most = 300 * 1024 * 1024
    limit = functools.partial(resource.setrlimit, resource.RLIMIT_AS, (most, most))
    done = lab.replay_in(folder, "--rx", "ge0=in.pcap", "--out", "out", preexec_fn=limit)
    told = done.stderr == "there is not enough memory\n"
    return [] if done.returncode == 3 and told else [f"exit code {done.returncode}: {done.stderr}"]


def a_stall_delays_what_arrives_in_it(lab):
    """Workers wake when it ends; what they send before and after keeps its time."""
    folder = lab.folder(CONFIG)
    times = [0, 10_000, 20_000, 40_000]
    (folder / "in.pcap").write_bytes(
        pcap_bytes([at(time, onto(0, v4(k, to=3))) for k, time in enumerate(times)]))
    done = lab.replay_in(folder, "--rx", "ge0=in.pcap", "--out", "out", "--until-drained", "--stall",
                   f"{BASE + 5_000}:25000")
    if done.returncode:
        return failure(done)
    sent = [time - BASE for time, _ in read_pcap(folder / "out" / "ge3.pcap")]
    # 114 octets and 24 of overhead last 1104 ns at 1 Gbit/s.
    return [] if sent == [0, 30_000, 31_104, 40_000] else [f"sent at {sent}"]


def frames_of_every_length_are_accounted_for(lab):
    folder = lab.folder(CONFIG)
    lengths = [0, 1, 13, 14, 60, 1514, 2049, 9000, 65_535, 65_536, 262_144]
    frames = [at(1_000 * k, (onto(0, v4(k, to=3)) + bytes(length))[:length])
              for k, length in enumerate(lengths)]
    (folder / "in.pcap").write_bytes(pcap_bytes(frames, snap_length=262_144, magic=NANO))
    done = lab.replay_in(folder, "--rx", "ge0=in.pcap", "--out", "out", "--until-drained")
    if done.returncode:
        return failure(done)
    account = yaml.safe_load((folder / "out" / "account.json").read_text())
    right = (account["received"] == len(lengths) and account["received"] + account["generated"] ==
             account["sent"] + account["to-kernel"] + account["queued"] +
             sum(account["dropped"].values()))
    return [] if right else [str(account)]


TESTS = lab_command.titled(
    memory_is_bounded_by_what_is_queued, disorder_is_sorted_with_a_warning, bad_captures_are_named,
    wrong_interfaces_are_named, refused_output_is_exit_code_3,
    a_directory_that_cannot_be_made_is_told, captures_that_arrive_are_not_overwritten,
    times_that_no_capture_can_hold_are_told, errors_that_nobody_can_read_keep_their_code, runs_as_any_user_and_many_at_once,
    captures_may_come_through_a_pipe,
    a_pipe_that_cannot_be_copied_is_exit_code_3, a_configuration_that_finds_no_memory_is_exit_code_3,
    a_stall_delays_what_arrives_in_it,
    frames_of_every_length_are_accounted_for)

if __name__ == "__main__":
    sys.exit(lab_command.main(__doc__, TESTS))
