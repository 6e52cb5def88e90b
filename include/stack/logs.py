"""A task's log for a person at a terminal."""

from __future__ import annotations

from typing import Any

WIDTH = 100


SOURCES = "::group::Log message source details"


def lines(events: list[dict[str, Any]], last: int) -> list[str]:
    """The `last` lines of a task's log: time, level and message, and a stack trace where there is one."""
    found: list[str] = []
    for event in _outside_groups(events, SOURCES):
        text = str(event.get("event", ""))
        if text.startswith(("::group::", "::endgroup::")):
            continue
        time = str(event.get("timestamp") or "")[11:19]
        level = str(event.get("level") or "").upper()
        found += f"{time} {level:<8}{text}".strip().splitlines()
        for error in event.get("error_detail") or ():
            found += _trace(error)
    return found[-last:]


def waiting_for(events: list[dict[str, Any]]) -> str:
    """What the task is waiting for: its newest message, in one line of at most `WIDTH` characters.

    The messages of Airflow's own machinery are left out: they stand in groups, or come from the logger
    `task`, or, the triggerer's, from none.
    """
    for event in reversed(_outside_groups(events, "::group::")):
        text = str(event.get("event", "")).strip()
        if text and event.get("logger") not in (None, "task"):
            line = text.splitlines()[0]
            return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
    return ""


def _outside_groups(events: list[dict[str, Any]], group: str) -> list[dict[str, Any]]:
    """The events that are not in a `::group::` whose first line begins with `group`."""
    kept, inside = [], False
    for event in events:
        text = str(event.get("event", ""))
        if text.startswith(group):
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
