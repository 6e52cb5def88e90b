"""Follows DAG runs to their end and tells what changes on the way."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stack import logs
from stack.errors import StackError
from stack.rest import ApiError

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
        changed: called with the run, the task and its state at each change of a task's state.
        ended: called with each run as soon as it has succeeded; again, if Airflow's API lets it down meanwhile.
    """

    stack: Stack
    runs: list[Run]
    limit: float
    say: Callable[[str], None]
    changed: Callable[[Run, str, str], None] = lambda run, task_id, state: None
    ended: Callable[[Run], None] = lambda run: None
    _trouble: str = ""
    _told: dict[tuple[str, str, int], tuple[str, str]] = field(default_factory=dict)

    def to_the_end(self) -> None:
        """Return when all runs have succeeded; raises `StackError` with a failed task's log, or at the limit.

        An answer that Airflow's API owes, or a fault of its own that it answers with, costs one look at a run.
        """
        deadline = time.monotonic() + self.limit
        open_runs = list(self.runs)
        while open_runs:
            self.stack.processes.check()
            open_runs = [run for run in open_runs if not self._has_ended(run)]
            if open_runs and time.monotonic() > deadline:
                waiting = ", ".join(run.dag_id for run in open_runs)
                trouble = f"{self._trouble}. " if self._trouble else ""
                raise StackError(
                    f"{waiting} did not end within {self.limit:.0f} s. {trouble}"
                    f"The logs are in {self.stack.layout.logs}."
                )
            self.stack.interrupts.pause(PAUSE if open_runs else 0)

    def _has_ended(self, run: Run) -> bool:
        try:
            return self._look(run)
        except ApiError as error:
            if not error.passing:
                raise
            if str(error) != self._trouble:
                self.say(f"{error}; asking again")
            self._trouble = str(error)
            return False

    def _look(self, run: Run) -> bool:
        """Tell what is new of a run; return whether it has succeeded."""
        state = self.stack.airflow.state(run)
        tasks = self.stack.airflow.tasks(run)
        for task in tasks:
            self._tell(run, task)
        if state == "failed":
            raise StackError(self._failure(run, tasks))
        if state == "success":
            self.ended(run)
        self._trouble = ""
        return state == "success"

    def _tell(self, run: Run, task: dict[str, Any]) -> None:
        key = (run.dag_id, str(task["task_id"]), int(task["map_index"]))
        state = str(task["state"] or "")
        old_state, old_wait = self._told.get(key, ("", ""))
        wait = logs.waiting_for(self._log(run, task)) if state in ("running", "deferred") else ""
        name = _name(task)
        if state and state != old_state:
            self.say(f"{run.dag_id:<36} {name:<20} {state}")
            self.changed(run, key[1], state)
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
            texts.append(f"The end of the log of {_name(task)}:")
            texts += logs.lines(self._log(run, task), LOG_LINES)
        return "\n".join(texts)


def _name(task: dict[str, Any]) -> str:
    """The task's id; of a mapped task with what Airflow shows for the instance, at least its index."""
    if task["map_index"] < 0:
        return str(task["task_id"])
    return f"{task['task_id']} [{task.get('rendered_map_index') or task['map_index']}]"
