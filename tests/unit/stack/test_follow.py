"""What is told of DAG runs on their way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from stack import follow
from stack.errors import StackError
from stack.follow import Follower
from stack.interrupts import Interrupts
from stack.rest import ApiError, Run

RUN = Run("export_lifecycle__x", "manual__1")
LOCKED = ApiError("Airflow answered GET /x with 500: database is locked", 500)
NO_ANSWER = ApiError("Airflow did not answer GET /x: timed out")


class Airflow:
    """Plays a list of looks at the run: its state, its one task's state, the task's newest message; or an error."""

    def __init__(self, *looks: tuple[str, str | None, str] | ApiError, **instance: Any) -> None:
        self.looks = list(looks)
        self.instance = {"task_id": "await_execution", "map_index": -1, "try_number": 1, **instance}

    def state(self, run: Run) -> str:
        look = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(look, ApiError):
            raise look
        self.now = look
        return self.now[0]

    def tasks(self, run: Run) -> list[dict[str, Any]]:
        return [{**self.instance, "state": self.now[1]}]

    def log(self, *_: object) -> list[dict[str, Any]]:
        return [{"event": self.now[2], "logger": "bcm", "level": "info", "timestamp": "2026-11-20T06:00:00Z"}]


def follow_it(airflow: Airflow, monkeypatch: pytest.MonkeyPatch, limit: float = 20, **callbacks: Any) -> list[str]:
    monkeypatch.setattr(follow, "PAUSE", 0)
    stack: Any = SimpleNamespace(
        airflow=airflow,
        log=airflow.log,
        processes=SimpleNamespace(check=lambda: None),
        interrupts=Interrupts(),
        layout=SimpleNamespace(logs="var/run/logs"),
    )
    said: list[str] = []
    Follower(stack, [RUN], limit, said.append, **callbacks).to_the_end()
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


def test_an_answer_that_fails_or_stays_away_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow(LOCKED, LOCKED, NO_ANSWER, ("success", "success", "done"))
    assert follow_it(airflow, monkeypatch) == [
        f"{LOCKED}; asking again",
        f"{NO_ANSWER}; asking again",
        "export_lifecycle__x await_execution success",
    ]


def test_answers_that_never_come_end_it_at_the_limit_with_the_last_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StackError, match=r"did not end within 0 s\. .*database is locked\. The logs are"):
        follow_it(Airflow(LOCKED), monkeypatch, limit=0)


def test_a_refusal_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ApiError, match="404"):
        follow_it(Airflow(ApiError("with 404", 404), ("success", "success", "")), monkeypatch)


@pytest.mark.parametrize(("shown", "name"), [("2026-11", "[2026-11]"), (None, "[3]")])
def test_an_instance_of_a_mapped_task_is_told_apart(
    shown: str | None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    airflow = Airflow(("success", "success", ""), task_id="run_reports", map_index=3, rendered_map_index=shown)
    assert follow_it(airflow, monkeypatch) == [f"export_lifecycle__x run_reports {name} success"]


def test_each_change_and_the_end_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[object, ...]] = []
    looks = [("running", "deferred", "a"), ("running", "deferred", "b"), ("success", "success", "c")]
    follow_it(
        Airflow(*looks), monkeypatch, changed=lambda *call: calls.append(call), ended=lambda run: calls.append((run,))
    )
    assert calls == [(RUN, "await_execution", "deferred"), (RUN, "await_execution", "success"), (RUN,)]


def test_a_run_whose_end_could_not_be_dealt_with_is_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    answers: list[ApiError | None] = [NO_ANSWER, None]

    def ended(run: Run) -> None:
        if answer := answers.pop(0):
            raise answer

    said = follow_it(Airflow(("success", "success", "")), monkeypatch, ended=ended)
    assert said[-1] == f"{NO_ANSWER}; asking again"
    assert answers == []
