"""Which cases a document names as the test of something."""

import fnmatch
import re

IN_BACKTICKS = re.compile(r"`([^`]+)`")


def names_without_case(text, cases):
    """Problems: names or patterns below the heading "test" of a table that no case has.

    Names with a slash are files, which other tests look for.
    """
    problems, is_test = [], False
    for number, line in enumerate(text.splitlines(), start=1):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|"):
            is_test = False
        elif cells[-1] == "test":
            is_test = True
        elif is_test:
            problems += [f"line {number}: no case is named {name}"
                         for name in IN_BACKTICKS.findall(cells[-1])
                         if "/" not in name and not fnmatch.filter(cases, name)]
    return problems
