"""A task's log for a person at a terminal."""

from __future__ import annotations

from typing import Any

from stack import logs


def event(text: str, logger: str | None = "bcm.sensors", **more: Any) -> dict[str, Any]:
    return {"event": text, "logger": logger, "level": "info", "timestamp": "2026-11-20T06:00:01.5Z", **more}


SOURCES = [{"event": "::group::Log message source details"}, {"event": "/var/x.log"}, {"event": "::endgroup::"}]
PRE = [event("::group::Pre Execute", "task"), event("Filling up", "airflow.dag"), event("::endgroup::", "task")]


def test_waits_for_the_newest_message_of_the_task_itself() -> None:
    trigger = event("trigger x (ID 1) starting", None)
    assert logs.waiting_for([*SOURCES, *PRE, event("QUERY_QUEUED"), event("paused", "task"), trigger]) == "QUERY_QUEUED"


def test_waits_for_nothing_known_before_the_task_says_anything() -> None:
    assert logs.waiting_for([*SOURCES, *PRE]) == ""


def test_waits_in_one_line_of_bounded_width() -> None:
    line = logs.waiting_for([event("x" * 500 + "\nsecond")])
    assert len(line) == logs.WIDTH
    assert line.endswith("…")


def test_lines_name_time_level_and_message_without_sources_and_markers() -> None:
    assert logs.lines([*SOURCES, *PRE, event("hello")], 10) == ["06:00:01 INFO    Filling up", "06:00:01 INFO    hello"]


def test_lines_end_with_the_trace_of_the_task_not_of_airflow() -> None:
    frames = [
        {"filename": "/venv/airflow/sdk/x.py", "lineno": 1, "name": "call"},
        {"filename": "/dags/a.py", "lineno": 7, "name": "execute"},
    ]
    failed = event(
        "Task failed", "task", error_detail=[{"exc_type": "ValueError", "exc_value": "no", "frames": frames}]
    )
    assert logs.lines([failed], 10)[1:] == ["  /dags/a.py:7 in execute", "  ValueError: no"]


def test_lines_are_the_last_ones() -> None:
    assert logs.lines([event(str(number)) for number in range(9)], 1) == ["06:00:01 INFO    8"]
