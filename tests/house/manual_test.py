"""Each program's --help and its manual page name the same options. Prints TAP.

usage: manual_test.py PAGE PROGRAM [SUBCOMMAND]... [PAGE PROGRAM ...], groups separated by "/"
"""

import pathlib
import subprocess
import sys

import rules


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
    number = 0
    failed = False
    for page, program, *subcommands in groups(sys.argv[1:]):
        number += 1
        found = problems(page, program, subcommands)
        failed |= bool(found)
        print(f"{'not ok' if found else 'ok'} {number} - {pathlib.Path(page).name} and --help agree")
        for problem in found:
            print(f"# {problem}")
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
