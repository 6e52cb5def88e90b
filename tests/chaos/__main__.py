"""`make chaos`: one campaign, its table, and var/chaos/<seed>.json; exit code 1 if anything was lost or doubled."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter

from tests.chaos.campaign import Campaign, Order, Report
from tests.chaos.launcher import MOST

from stack.errors import StackError, StoppedError
from stack.interrupts import Interrupts
from stack.layout import VAR
from stack.progress import Progress

INTERRUPTED = 130


def main() -> int:
    """Carry out the campaign and return the exit code: 0, 1 if something is wrong, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description="Real processes, killed at random.")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 100_000, help="what the kills are drawn from")
    parser.add_argument("--minutes", type=float, default=5, help="for how long processes are killed (5)")
    parser.add_argument("--runs", type=int, default=40, help=f"how many DAG runs, 2 to {MOST} (40)")
    given = parser.parse_args()
    if not 2 <= given.runs <= MOST or given.minutes <= 0:
        parser.error(f"--runs must be 2 to {MOST}, --minutes above 0")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]  # boto3 in this process must not meet the user's profile
    progress = Progress()
    folder = VAR / "chaos"
    progress.say(f"seed {given.seed}: {given.runs} runs, {given.minutes:g} minutes of kills")
    with Interrupts(lambda: progress.say("stopping everything"), to_the_end=True) as interrupts:
        try:
            order = Order(given.seed, given.minutes, given.runs)
            report = Campaign(order, folder / str(given.seed), interrupts, progress).run()
        except StoppedError as stopped:
            progress.say(f"{stopped}; nothing is left running")
            return INTERRUPTED
        except StackError as error:
            print(f"\n{error}", file=sys.stderr)
            return 1
    path = folder / f"{given.seed}.json"
    path.write_text(json.dumps(report.to_dict(), indent=2) + "\n", encoding="utf-8")
    for line in table(report):
        print(line)
    print(f"report: {path}")
    return 1 if report.faults else 0


def table(report: Report) -> list[str]:
    """The report for a person."""
    struck: Counter[str] = Counter(kill["victim"] for kill in report.kills)
    lines = ["", "component       killed  started again  of these after an end of its own"]
    for name in sorted({*struck, *report.restarts}):
        again, by_itself = report.restarts.get(name, 0), report.own_ends.get(name, 0)
        lines.append(f"{name:<14}  {struck[name]:>6}  {again:>13}  {by_itself:>6}")
    lines += ["", "runs        state     number  task instances  tries"]
    groups = Counter((run.launch.kind, run.state) for run in report.runs)
    for (kind, state), number in sorted(groups.items()):
        runs = [run for run in report.runs if (run.launch.kind, run.state) == (kind, state)]
        instances, tries = sum(run.instances for run in runs), sum(run.tries for run in runs)
        lines.append(f"{kind:<10}  {state or 'unknown':<8}  {number:>6}  {instances:>14}  {tries:>5}")
    calls = sum(count["calls"] for count in report.calls.values())
    errors = sum(count["errors"] for count in report.calls.values())
    lines += [
        "",
        f"{len(report.kills)} kills; {calls} calls to AWS, {errors} of them answered with an error; all ended "
        f"{report.settled_after:.0f} s after the last kill, {report.seconds:.0f} s in all",
    ]
    if report.faults:
        return [*lines, "", f"NOT as it must be (seed {report.order.seed}):", *(f"  {each}" for each in report.faults)]
    return [*lines, f"seed {report.order.seed}: nothing lost, nothing doubled"]


if __name__ == "__main__":
    sys.exit(main())
