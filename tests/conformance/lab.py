"""tcqf-lab as a command, in folders of its own, for the tests that look at it as one."""

import argparse
import shutil
import subprocess
from pathlib import Path

from captures import pcap_bytes
from configuration import yaml_of
from tap import CannotRun, Tap

TIME_LIMIT_S = 120


class Lab:
    """Runs tcqf-lab; every folder is a new one."""

    def __init__(self, lab, root):
        self.lab = lab
        self.root = root
        self.count = 0

    def folder(self, config):
        """A new folder that holds config.yaml."""
        self.count += 1
        path = self.root / str(self.count)
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        (path / "config.yaml").write_text(yaml_of(config))
        return path

    def command(self, *words):
        return [str(self.lab), *map(str, words)]

    def run(self, folder, *words, **more):
        """The completed process, with text, of tcqf-lab in a folder."""
        options = {"text": True, "timeout": TIME_LIMIT_S, **more}
        return subprocess.run(self.command(*words), capture_output=True, check=False, cwd=folder,
                              **options)

    def replay_in(self, folder, *words, **more):
        """The same of a replay of the folder's configuration."""
        return self.run(folder, "replay", "--config", "config.yaml", *words, **more)

    def replay(self, config, arrivals, *more):
        """(completed process, output folder) of a usual replay; arrivals: {interface: packets}."""
        folder = self.folder(config)
        words = []
        for name, packets in arrivals.items():
            (folder / f"{name}.pcap").write_bytes(pcap_bytes(packets))
            words += ["--rx", f"{name}={name}.pcap"]
        return self.replay_in(folder, *words, "--out", "out", *more), folder / "out"


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def failure(done):
    """What went wrong with a process, as problems; none where nothing did."""
    return [f"exit code {done.returncode}: {done.stderr}"] if done.returncode else []


def main(description, tests):
    """Runs test(lab) of each; `tests`: {title: function that returns problems}."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("--lab", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    lab = Lab(options.lab.resolve(), options.out.resolve())
    tap = Tap()
    for title, test in tests.items():
        try:
            tap.case(title, test(lab))
        except CannotRun as reason:
            tap.skip(title, str(reason))
    return tap.end()


def titled(*functions):
    """Tests named for what they show."""
    return {function.__name__.replace("_", " "): function for function in functions}
