"""Counts single test cases and prints what a person wants to know at the end."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Case:
    """One test case: `outcome` is passed, failed or skipped; `detail` says why it did not pass."""

    name: str
    outcome: str
    detail: str = ""


class Report:
    """All cases of one run of scripts/test."""

    def __init__(self):
        self.cases = []

    def add(self, name, outcome, detail=""):
        self.cases.append(Case(name, outcome, detail))

    def extend(self, cases):
        self.cases.extend(cases)

    def having(self, outcome):
        return [case for case in self.cases if case.outcome == outcome]

    def print_summary(self):
        """Failures with their output, what was skipped and why, and the line of counts last."""
        failed = self.having("failed")
        skipped = self.having("skipped")
        for case in failed:
            print(f"\nFAILED {case.name}")
            for line in case.detail.splitlines()[-60:]:
                print(f"    {line}")
        if skipped:
            print("\nThis machine cannot run:")
            for case in skipped:
                print(f"    {case.name}: {case.detail or 'no reason given'}")
        counts = f"{len(self.having('passed'))} passed, {len(failed)} failed"
        if skipped:
            counts += f", {len(skipped)} skipped"
        print(f"\n{counts}", flush=True)

    def exit_status(self):
        """Nothing executed is a failure too."""
        return 0 if self.having("passed") and not self.having("failed") else 1
