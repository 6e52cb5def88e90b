"""A task's log for a person at a terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stack import logs
from stack.rest import Run


def event(text: str, logger: str | None = "bcm.sensors", **more: Any) -> dict[str, Any]:
    return {"event": text, "logger": logger, "level": "info", "timestamp": "2026-11-20T06:00:01.5Z", **more}


RUN = Run("export_lifecycle__x", "manual__1")
PRE = [event("::group::Pre Execute", "task"), event("Filling up", "airflow.dag"), event("::endgroup::", "task")]


def test_waits_for_the_newest_message_of_the_task_itself() -> None:
    trigger = event("trigger x (ID 1) starting", None)
    airflows = [event("paused", "task"), event("credentials found", "airflow.providers.amazon"), trigger]
    assert logs.waiting_for([*PRE, event("QUERY_QUEUED"), *airflows]) == "QUERY_QUEUED"


def test_waits_for_nothing_known_before_the_task_says_anything() -> None:
    assert logs.waiting_for([*PRE]) == ""


def test_waits_in_one_line_of_bounded_width() -> None:
    line = logs.waiting_for([event("x" * 500 + "\nsecond")])
    assert len(line) == logs.WIDTH
    assert line.endswith("…")


def test_lines_name_time_level_and_message_without_the_markers_of_groups() -> None:
    assert logs.lines([*PRE, event("hello")], 10) == ["06:00:01 INFO    Filling up", "06:00:01 INFO    hello"]


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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "dag_id=export_lifecycle__x" / "run_id=manual__1" / "task_id=await"
    (place / "map_index=3").mkdir(parents=True)
    written = {
        "attempt=1.log": [(1, "worker"), (3, "worker again")],
        "attempt=1.log.trigger.7.log": [(2, "triggerer")],
        "attempt=2.log": [(9, "second try")],
        "map_index=3/attempt=1.log": [(1, "mapped")],
    }
    for name, events in written.items():
        texts = [json.dumps({"event": text, "timestamp": f"2026-11-20T06:00:0{second}Z"}) for second, text in events]
        (place / name).write_text("\n".join([*texts, '{"event": "half wri']))
    return tmp_path


def test_worker_and_triggerer_are_read_in_the_order_of_time(folder: Path) -> None:
    assert [event["event"] for event in logs.read(folder, RUN, "await")] == ["worker", "triggerer", "worker again"]


def test_each_try_has_its_own_log(folder: Path) -> None:
    assert [event["event"] for event in logs.read(folder, RUN, "await", 2)] == ["second try"]


def test_each_mapped_task_has_its_own_log(folder: Path) -> None:
    assert [event["event"] for event in logs.read(folder, RUN, "await", map_index=3)] == ["mapped"]


def test_a_task_that_has_not_begun_has_no_log(folder: Path) -> None:
    assert logs.read(folder, RUN, "other") == []
