"""A task's log for a person at a terminal."""

from __future__ import annotations

from typing import Any

WIDTH = 100


def lines(events: list[dict[str, Any]], last: int) -> list[str]:
    """The `last` lines of a task's log: time, level and message, and a stack trace where there is one."""
    found: list[str] = []
    for event in _messages(events):
        time = str(event.get("timestamp") or "")[11:19]
        level = str(event.get("level") or "").upper()
        found += f"{time} {level:<8}{event['event']}".strip().splitlines()
        for error in event.get("error_detail") or ():
            found += _trace(error)
    return found[-last:]


def waiting_for(events: list[dict[str, Any]]) -> str:
    """The newest message of the log, one line of at most `WIDTH` characters: what the task is waiting for."""
    messages = [str(event["event"]).strip() for event in _messages(events)]
    line = next((text.splitlines()[0] for text in reversed(messages) if text), "")
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"


def _messages(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The log without its `::group::` of sources, which names files and servers only."""
    kept, inside = [], False
    for event in events:
        text = str(event.get("event", ""))
        if text.startswith("::group::Log message source"):
            inside = True
        elif inside and text.startswith("::endgroup::"):
            inside = False
        elif not inside:
            kept.append(event)
    return kept


def _trace(error: dict[str, Any]) -> list[str]:
    frames = [f"  {at['filename']}:{at['lineno']} in {at['name']}" for at in error.get("frames") or ()]
    return [*frames, f"  {error.get('exc_type')}: {error.get('exc_value')}"]
