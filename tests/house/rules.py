"""The rules of the house as functions from text to problems; a problem is "FILE:LINE: what is wrong"."""

import re

# Which rooms a room may include, beside itself. The root of an include path is the room.
MAY_INCLUDE = {
    "tcqf": set(),
    "config": {"tcqf"},
    "dataplane": {"tcqf", "config"},
    "control": {"tcqf", "config", "dataplane"},
    "tests": {"tcqf", "config", "dataplane", "control"},
    "perf": {"tcqf", "config", "dataplane", "control", "tests"},
}

# Libraries by header that a room does without: tcqf/ is for any data plane, and what is
# configured does not depend on how packets are moved.
FOREIGN_HEADERS = re.compile(r"rte_|bpf/|xdp/|sys/socket|linux/")
WITHOUT_FOREIGN_HEADERS = {"tcqf", "config"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

CLOCK_READ = re.compile(
    r"\b(rte_rdtsc\w*|__rdtscp?|_rdtsc|rte_get_(tsc|timer|hpet)_cycles|clock_gettime|gettimeofday"
    r"|timespec_get|steady_clock|system_clock|high_resolution_clock|tai_clock|utc_clock"
    r"|std::time\s*\(|::time\s*\(\s*(nullptr|NULL|0|&))")

UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]) + r")\b")


def include_problems(path, text):
    """Includes that point upwards, sideways, or out of the house."""
    room = path.split("/", 1)[0]
    if room not in MAY_INCLUDE:
        return []
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        match = INCLUDE.match(line)
        if not match:
            continue
        quoted, header = match.group(1) == '"', match.group(2)
        target = header.split("/", 1)[0]
        if target in MAY_INCLUDE and target != room and target not in MAY_INCLUDE[room]:
            problems.append(f"{path}:{number}: {room}/ must not include {header}: arrows point down")
        elif room in WITHOUT_FOREIGN_HEADERS and FOREIGN_HEADERS.match(header):
            problems.append(f"{path}:{number}: {room}/ does without {header}")
        elif quoted and "/" not in header and room != "tests" and not header.endswith(".skel.h"):
            problems.append(f"{path}:{number}: {header} wants its path from the root")
    return problems


def clock_problems(path, text):
    """Clock reads where time is an argument. Comments do not count."""
    problems = []
    for number, line in enumerate(text.splitlines(), start=1):
        code = line.split("//", 1)[0]
        match = CLOCK_READ.search(code)
        if match:
            problems.append(f"{path}:{number}: reads a clock ({match.group(0)}): time is an argument here")
    return problems


def unfinished_problems(path, text):
    """Marks of work left undone."""
    return [f"{path}:{number}: {match.group(0)} left behind"
            for number, line in enumerate(text.splitlines(), start=1)
            for match in [UNFINISHED.search(line)] if match]


# A path of ours in a document: in backticks or as the target of a link.
DOCUMENTED_PATH = re.compile(r"`(?:\./)?([\w.-]+(?:/[\w.*{},-]+)+/?)`|\]\((?!https?:|#)([^)#\s]+)")


def documented_paths(text, rooms):
    """Paths below one of `rooms`, or link targets, that a document names, with line numbers."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        for match in DOCUMENTED_PATH.finditer(line):
            path = match.group(1) or match.group(2)
            if match.group(2) or path.split("/", 1)[0] in rooms:
                found.append((number, path))
    return found


OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]*")


def options_in(text):
    """Long options that a text mentions."""
    return set(OPTION.findall(text))
