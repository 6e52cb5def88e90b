"""What is told of DAG runs on their way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stack import follow
from stack.errors import StackError
from stack.follow import Follower
from stack.interrupts import Interrupts
from stack.rest import Run

RUN = Run("export_lifecycle__x", "manual__1")


class Airflow:
    """Plays a list of looks at the run: its state, its one task's state, the task's newest message."""

    def __init__(self, *looks: tuple[str, str | None, str]) -> None:
        self.looks = list(looks)

    def state(self, run: Run) -> str:
        self.now = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        return self.now[0]

    def tasks(self, run: Run) -> list[dict[str, Any]]:
        return [{"task_id": "await_execution", "map_index": -1, "try_number": 1, "state": self.now[1]}]

    def log(self, *_: object) -> list[dict[str, Any]]:
        return [{"event": self.now[2], "logger": "bcm", "level": "info", "timestamp": "2026-11-20T06:00:00Z"}]


def follow_it(airflow: Airflow, monkeypatch: pytest.MonkeyPatch, limit: float = 20) -> list[str]:
    monkeypatch.setattr(follow, "PAUSE", 0)
    stack: Any = SimpleNamespace(
        airflow=airflow,
        log=airflow.log,
        processes=SimpleNamespace(check=lambda: None),
        interrupts=Interrupts(),
        layout=SimpleNamespace(logs="var/run/logs"),
    )
    said: list[str] = []
    Follower(stack, [RUN], limit, said.append).to_the_end()
    return [" ".join(line.split()) for line in said]


def test_each_change_is_told_once_with_what_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow(
        ("running", None, ""),
        ("running", "deferred", "QUERY_QUEUED, waited 1 s"),
        ("running", "deferred", "QUERY_QUEUED, waited 12 s"),
        ("running", "deferred", "DELIVERY_IN_PROCESS"),
        ("success", "success", "done"),
    )
    assert follow_it(airflow, monkeypatch) == [
        "export_lifecycle__x await_execution deferred",
        "await_execution: QUERY_QUEUED, waited 1 s",
        "await_execution: DELIVERY_IN_PROCESS",
        "export_lifecycle__x await_execution success",
    ]


def test_a_failed_run_raises_with_the_end_of_the_tasks_log(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StackError, match=r"(?s)await_execution.*AccessDenied: no"):
        follow_it(Airflow(("failed", "failed", "AccessDenied: no")), monkeypatch)


def test_a_run_that_takes_too_long_is_named_with_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StackError, match="export_lifecycle__x did not end within 0 s"):
        follow_it(Airflow(("running", "running", "still")), monkeypatch, limit=0)
