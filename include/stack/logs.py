"""A task's log for a person at a terminal, read from Airflow's log files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from stack.rest import Run

WIDTH = 200


def read(folder: Path, run: Run, task_id: str, try_number: int = 1, map_index: int = -1) -> list[dict[str, Any]]:
    """The events of one try of a task, the worker's and the triggerer's, in the order of their time.

    Args:
        folder: Airflow's base log folder.
        run: the DAG run.
        task_id: the task.
        try_number: the try, from 1.
        map_index: the index of a mapped task, -1 for any other.
    """
    place = folder / f"dag_id={run.dag_id}" / f"run_id={run.run_id}" / f"task_id={task_id}"
    if map_index >= 0:
        place /= f"map_index={map_index}"
    events = [
        event
        for file in sorted(place.glob(f"attempt={try_number}.log*"))
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines()
        if (event := _event(line))
    ]
    return sorted(events, key=lambda event: str(event.get("timestamp", "")))


def _event(line: str) -> dict[str, Any] | None:
    """The event that a line holds, or None if the line is being written just now."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


def lines(events: list[dict[str, Any]], last: int) -> list[str]:
    """The `last` lines of a task's log: time, level and message, and a stack trace where there is one."""
    found: list[str] = []
    for event in events:
        text = str(event.get("event", ""))
        if text.startswith(("::group::", "::endgroup::")):
            continue
        time = str(event.get("timestamp", ""))[11:19]
        level = str(event.get("level", "")).upper()
        found += f"{time} {level:<8}{text}".strip().splitlines()
        for error in event.get("error_detail") or ():
            found += _trace(error)
    return found[-last:]


def waiting_for(events: list[dict[str, Any]]) -> str:
    """What the task is waiting for: its newest message, in one line of at most `WIDTH` characters.

    Left out is what Airflow and its providers say of themselves: that stands in a group, or has the logger
    `task`, one below `airflow` that is no operator's of ours, or, the triggerer's, none.
    """
    for event in reversed(_outside_groups(events)):
        text = str(event.get("event", "")).strip()
        if text and _of_the_task(str(event.get("logger") or "task")):
            line = text.splitlines()[0]
            return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
    return ""


def _of_the_task(logger: str) -> bool:
    return not logger.removeprefix("airflow.task.operators.").startswith(("airflow.", "task"))


def _outside_groups(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kept, inside = [], False
    for event in events:
        text = str(event.get("event", ""))
        if text.startswith("::group::"):
            inside = True
        elif inside:
            inside = not text.startswith("::endgroup::")
        else:
            kept.append(event)
    return kept


def _trace(error: dict[str, Any]) -> list[str]:
    """One exception as lines, without the frames in which Airflow calls the task."""
    frames = [
        f"  {at['filename']}:{at['lineno']} in {at['name']}"
        for at in error.get("frames") or ()
        if "/airflow/sdk/" not in at["filename"]
    ]
    return [*frames, f"  {error.get('exc_type')}: {error.get('exc_value')}"]
