"""Follows DAG runs to their end and tells what changes on the way."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stack import logs
from stack.errors import StackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from stack.deployment import Stack
    from stack.rest import Run

PAUSE = 0.7
"""Seconds between two looks."""
DIGITS = re.compile(r"\d+")
LOG_LINES = 40


@dataclass
class Follower:
    """Prints every change of state of the runs' tasks, and for those in work what they are waiting for.

    Args:
        stack: where the runs are.
        runs: the runs.
        limit: seconds for all of them together.
        say: takes each line.
    """

    stack: Stack
    runs: list[Run]
    limit: float
    say: Callable[[str], None]
    _told: dict[tuple[str, str, int], tuple[str, str]] = field(default_factory=dict)

    def to_the_end(self) -> None:
        """Return when all runs have succeeded; raises `StackError` with a failed task's log, or at the limit."""
        deadline = time.monotonic() + self.limit
        open_runs = list(self.runs)
        while open_runs:
            self.stack.processes.check()
            for run in list(open_runs):
                state = self.stack.airflow.state(run)
                tasks = self.stack.airflow.tasks(run)
                for task in tasks:
                    self._tell(run, task)
                if state == "failed":
                    raise StackError(self._failure(run, tasks))
                if state == "success":
                    open_runs.remove(run)
            if open_runs and time.monotonic() > deadline:
                waiting = ", ".join(run.dag_id for run in open_runs)
                raise StackError(
                    f"{waiting} did not end within {self.limit:.0f} s. The logs are in {self.stack.layout.logs}."
                )
            self.stack.interrupts.pause(PAUSE if open_runs else 0)

    def _tell(self, run: Run, task: dict[str, Any]) -> None:
        key = (run.dag_id, str(task["task_id"]), int(task["map_index"]))
        state = str(task["state"] or "")
        old_state, old_wait = self._told.get(key, ("", ""))
        wait = logs.waiting_for(self._log(run, task)) if state in ("running", "deferred") else ""
        name = key[1] if key[2] < 0 else f"{key[1]}[{key[2]}]"
        if state and state != old_state:
            self.say(f"{run.dag_id:<36} {name:<20} {state}")
        # the same wait a little later says the same with other figures
        if wait and DIGITS.sub("", wait) != DIGITS.sub("", old_wait):
            self.say(f"    {name}: {wait}")
        self._told[key] = (state, wait or old_wait)

    def _log(self, run: Run, task: dict[str, Any]) -> list[dict[str, Any]]:
        return self.stack.log(run, task["task_id"], max(task["try_number"], 1), task["map_index"])

    def _failure(self, run: Run, tasks: list[dict[str, Any]]) -> str:
        failed = [task for task in tasks if task["state"] == "failed"]
        texts = [f"{run.dag_id} failed."]
        for task in failed:
            texts.append(f"The end of the log of {task['task_id']}:")
            texts += logs.lines(self._log(run, task), LOG_LINES)
        return "\n".join(texts)
