"""Each program's --help and its manual page name the same options. Prints TAP.

usage: manual_test.py PAGE PROGRAM [SUBCOMMAND]... [PAGE PROGRAM ...], groups separated by "/"
"""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

import rules  # noqa: E402
from tap import Tap  # noqa: E402


def help_of(command):
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def problems(page, program, subcommands):
    helps = [help_of([program]), *(help_of([program, name]) for name in subcommands)]
    if None in helps:
        return [f"{program} --help fails"]
    offered = rules.options_in("\n".join(helps))
    documented = rules.options_in(pathlib.Path(page).read_text(encoding="utf-8").replace("\\-", "-"))
    return ([f"{page} lacks {option}" for option in sorted(offered - documented)]
            + [f"{program} has no {option}" for option in sorted(documented - offered)])


def groups(arguments):
    group = []
    for word in [*arguments, "/"]:
        if word != "/":
            group.append(word)
        elif group:
            yield group
            group = []


def main():
    tap = Tap()
    for page, program, *subcommands in groups(sys.argv[1:]):
        tap.case(f"{pathlib.Path(page).name} and --help agree", problems(page, program, subcommands))
    return tap.end()


if __name__ == "__main__":
    sys.exit(main())
