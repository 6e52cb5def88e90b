"""When the demonstration fetches what, and how fast the emulated time runs meanwhile."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from stack import follow, run
from stack.deployment import Options
from stack.errors import StackError
from stack.interrupts import Interrupts
from stack.layout import Layout
from stack.progress import Progress
from stack.rest import Run
from stack.run import ESTIMATE, EXPORT, Demonstration


class Airflow:
    """Two runs of one task each, whose states change from look to look."""

    def __init__(self, export: list[tuple[str, str, str]], estimate: list[tuple[str, str, str]]) -> None:
        self.looks = {EXPORT: export, ESTIMATE: estimate}
        self.periods = ["2026-11", "2026-10"]

    def trigger(self, dag_id: str) -> Run:
        return Run(dag_id, "manual__1")

    def state(self, run: Run) -> str:
        return self.looks[run.dag_id][0][0]

    def tasks(self, run: Run) -> list[dict[str, Any]]:
        looks = self.looks[run.dag_id]
        _, task_id, state = looks.pop(0) if len(looks) > 1 else looks[0]
        return [{"task_id": task_id, "map_index": -1, "try_number": 1, "state": state}]

    def results(self, run: Run, task_id: str) -> list[dict[str, Any]]:
        assert task_id == "run_reports"
        entry = {"name": run.dag_id, "reports": ["s3://b/index.html"]}
        return [{**entry, "billing_period": period} for period in self.periods] if run.dag_id == EXPORT else [entry]


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    happened: list[str] = []
    monkeypatch.setattr(follow, "PAUSE", 0)
    monkeypatch.setattr(run, "set_speed", lambda url, speed: happened.append(f"speed {speed:g}"))
    fetched = SimpleNamespace(
        fetch_delivery=lambda entry, *_: not happened.append(f"delivery {entry['billing_period']}"),
        fetch_estimate=lambda *_: happened.append("estimate"),
        fetch=lambda *_: [Path("reports/index.html")],
    )
    monkeypatch.setattr(run, "reports", fetched)
    return happened


def demonstrate(airflow: Airflow, tmp_path: Path) -> Any:
    stack: Any = SimpleNamespace(
        airflow=airflow,
        emulator_url="http://emulator",
        log=lambda *_: [],
        processes=SimpleNamespace(check=lambda: None),
        interrupts=Interrupts(),
    )
    layout = Layout(tmp_path / "run")
    return Demonstration(layout, Options(speed=1200), 20, Interrupts(), Progress())._follow(stack)


EXPORTED = [
    ("running", "await_execution", "deferred"),
    ("running", "await_execution", "success"),
    ("success", "run_reports", "success"),
]
ESTIMATED = [("running", "await_estimate", "deferred")] * 5 + [("success", "run_reports", "success")]


def test_a_delivery_cannot_be_replaced_before_it_is_fetched(happened: list[str], tmp_path: Path) -> None:
    demonstrate(Airflow(list(EXPORTED), list(ESTIMATED)), tmp_path)
    assert happened == ["speed 1", "delivery 2026-11", "delivery 2026-10", "speed 1200", "estimate"]


def test_every_period_has_its_entry_with_reports_of_this_machine(happened: list[str], tmp_path: Path) -> None:
    summary = demonstrate(Airflow(list(EXPORTED), list(ESTIMATED)), tmp_path)
    assert [entry["billing_period"] for entry in summary.exports] == ["2026-11", "2026-10"]
    assert [entry["reports"] for entry in summary.entries()] == [["reports/index.html"]] * 3


def test_a_run_without_any_report_is_no_success(happened: list[str], tmp_path: Path) -> None:
    airflow = Airflow(list(EXPORTED), list(ESTIMATED))
    airflow.periods = []
    with pytest.raises(StackError, match=f"{EXPORT} succeeded without any report"):
        demonstrate(airflow, tmp_path)
