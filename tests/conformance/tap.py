"""Prints cases as TAP (Test Anything Protocol), with their counts in words at the end."""


class CannotRun(Exception):
    """Raised by a case that this host or this build cannot run, with the reason."""


class Tap:
    def __init__(self, brief=False):
        self.brief = brief
        self.number = 0
        self.failed = 0
        self.skipped = 0

    def case(self, title, problems):
        """One case; problems is empty where it passed."""
        self.number += 1
        self.failed += bool(problems)
        if problems or not self.brief:
            print(f"{'not ok' if problems else 'ok'} {self.number} - {title.replace('#', '')}")
        for problem in problems:
            text = problem.split("\n")[0][:300] if self.brief else problem
            print("# " + text.replace("\n", "\n# "))

    def skip(self, title, reason):
        self.number += 1
        self.skipped += 1
        print(f"ok {self.number} - {title} # SKIP {reason}")

    def end(self):
        """Prints the plan and the counts; returns the exit code."""
        print(f"1..{self.number}")
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        print(f"# {self.number - self.failed - self.skipped} passed, {self.failed} failed"
              f"{skipped}")
        return 1 if self.failed or not self.number else 0
