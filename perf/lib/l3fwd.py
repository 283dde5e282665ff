"""DPDK's l3fwd, the peer: no package has it, so it is built from Debian's source package."""

import os
import pathlib
import shutil
import subprocess

# What net_pcap needs (no checksum offload, no RSS), and room for larger tables and captures.
CHANGES = [
    ("main.c", ".mq_mode = RTE_ETH_MQ_RX_RSS", ".mq_mode = RTE_ETH_MQ_RX_NONE"),
    ("main.c", ".offloads = RTE_ETH_RX_OFFLOAD_CHECKSUM", ".offloads = 0"),
    ("main.c", "(unsigned)8192)", "(unsigned)atoi(getenv(\"L3FWD_BUFFERS\")))"),
    ("l3fwd_fib.c", "max_routes = (1 << 16);", "max_routes = (1 << 21);"),
]


class Unavailable(Exception):
    """Why there is no l3fwd here."""


def _run(command, directory, **arguments):
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False,
                          **arguments)
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: {(done.stderr or done.stdout).strip()[-500:]}")
    return done.stdout


def _apt_options(directory):
    """Package lists and a cache of their own, with the sources of the machine's binary packages."""
    targets = _run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
                    "Created-By: Packages"], directory)
    sources = sorted({line for line in targets.splitlines() if "/debian" in line})
    if not sources:
        raise Unavailable("apt-get knows no Debian archive")
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    for name in ("lists/partial", "cache/archives/partial"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    listing = directory / "sources.list"
    listing.write_text("".join(f"deb-src [signed-by={keyring}] {source}\n" for source in sources),
                       encoding="ascii")
    values = {"Dir::Etc::SourceList": listing, "Dir::Etc::SourceParts": "/dev/null",
              "Dir::State::Lists": directory / "lists", "Dir::Cache": directory / "cache",
              "APT::Sandbox::User": "root"}
    return [word for key, value in values.items() for word in ("-o", f"{key}={value}")]


def _fetch(directory):
    """The sources of the DPDK that is installed, or of the archive's newest."""
    options = _apt_options(directory)
    _run(["apt-get", "-qq", *options, "update"], directory)
    _run(["apt-get", "-qq", *options, "source", "--download-only", "dpdk"], directory)
    archives = sorted(directory.glob("dpdk_*.orig.tar.*"))
    if not archives:
        raise Unavailable("apt-get fetched no source of dpdk")
    _run(["tar", "xf", str(archives[-1]), "--wildcards", "*/examples/l3fwd", "*/examples/common"],
         directory)


def build(cache):
    """Path of the program; built at the first call. Raises Unavailable."""
    program = cache / "l3fwd"
    if program.exists():
        return program
    directory = cache / "l3fwd-build"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    _fetch(directory)
    sources = next(directory.glob("*/examples/l3fwd"))
    for name, old, new in CHANGES:
        path = sources / name
        text = path.read_text(encoding="utf-8")
        if old not in text:
            raise Unavailable(f"{name} of l3fwd does not have '{old}': another version of DPDK")
        path.write_text(text.replace(old, new), encoding="utf-8")
    _run(["make", "shared"], sources, env=dict(os.environ))
    shutil.copy(sources / "build" / "l3fwd-shared", program)
    shutil.rmtree(directory)
    return pathlib.Path(program)
