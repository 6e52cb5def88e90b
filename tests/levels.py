"""Runs levels of the tests, one pytest process each, and says how many tests ran: `python -m tests.levels unit dags`.

It stops at the first level that fails. A level of which no test passed has failed, be it that all were skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.chaos import programs

REPO = Path(__file__).parents[1]
REPORTS = REPO / "var" / "test"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True)
class Outcome:
    """How many tests of one level passed, failed and were skipped, in how many seconds."""

    level: str
    passed: int
    failed: int
    skipped: int
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether at least one test passed and none failed."""
        return self.failed == 0 and self.passed > 0

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        failed = f", {self.failed} failed" if self.failed else ""
        return f"{self.level:<8} {self.passed:>5} passed{failed}{skipped}  ({self.seconds:.0f} s)"


def run(level: str) -> Outcome:
    """Run one level in its own pytest process."""
    report = REPORTS / f"{level}.xml"
    report.unlink(missing_ok=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "pytest", f"tests/{level}", "-q", f"--junitxml={report}"]
    code = subprocess.run(command, cwd=REPO, check=False).returncode
    passed, failed, skipped = counts(report)
    # pytest may fail without a failed test: nothing collected, a broken conftest, a Ctrl-C
    return Outcome(level, passed, failed or int(code != 0), skipped, time.monotonic() - began)


def counts(report: Path) -> tuple[int, int, int]:
    """Passed, failed (errors included) and skipped tests of a JUnit report; zeros if there is none."""
    if not report.exists():
        return 0, 0, 0
    suites = ElementTree.parse(report).getroot().iter("testsuite")
    total = failed = skipped = 0
    for suite in suites:
        total += int(suite.get("tests", 0))
        failed += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped += int(suite.get("skipped", 0))
    return total - failed - skipped, failed, skipped


def missing(level: str) -> str:
    """What this machine lacks for a level, with the remedy; empty if nothing. CI may lack nothing."""
    if os.environ.get("CI"):
        return ""
    if level == "ui" and not any(shutil.which(name) for name in BROWSERS):
        return "no chromium on this machine (Debian: apt-get install chromium)"
    return programs.missing() if level == "chaos" else ""


def main(levels: list[str]) -> int:
    """Run the levels in order and return the exit code."""
    REPORTS.mkdir(parents=True, exist_ok=True)
    done: list[Outcome] = []
    notes: list[str] = []
    not_run: list[str] = []
    for level in levels:
        if reason := missing(level):
            notes.append(f"{level:<8}   NOT RUN: {reason}")
            not_run.append(level)
            continue
        print(f"== {level}", flush=True)
        done.append(run(level))
        if not done[-1].ok:
            notes.append(f"{level} failed; the levels after it were not run")
            break
    print()
    for line in (*map(str, done), *notes):
        print(line)
    passed, failed, skipped = (sum(getattr(one, name) for one in done) for name in ("passed", "failed", "skipped"))
    total = f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    print(total + (f"; NOT RUN: {', '.join(not_run)}" if not_run else ""))
    return 0 if all(one.ok for one in done) and done else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
