"""summary.json and the headlines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stack.summary import Summary

EXPORT = {
    "name": "cur2-daily",
    "export_arn": "arn",
    "execution_id": "e",
    "status": "DELIVERY_SUCCESS",
    "billing_period": "2026-11",
    "manifest": "s3://b/m.json",
    "rows": 20123,
    "cost": 1234.5,
    "reports": ["s3://b/a.html"],
}
ESTIMATE = {
    "name": "growth",
    "scenario_id": "s",
    "estimate_id": "i",
    "status": "COMPLETE",
    "historical_cost": 100.0,
    "estimated_cost": 112.0,
    "reports": ["s3://b/b.html"],
}


@pytest.fixture
def summary() -> Summary:
    return Summary([EXPORT], [ESTIMATE], 61.2)


def test_the_file_holds_the_entries_as_the_dags_returned_them(summary: Summary, tmp_path: Path) -> None:
    summary.write(tmp_path / "summary.json")
    written = json.loads((tmp_path / "summary.json").read_text())
    assert written == {"exports": [EXPORT], "estimates": [ESTIMATE], "seconds": 61.2}


def test_nothing_but_the_whole_file_stays(summary: Summary, tmp_path: Path) -> None:
    summary.write(tmp_path / "summary.json")
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_headlines_say_what_it_costs_in_no_currency_but_the_known_one(summary: Summary) -> None:
    assert summary.headlines() == [
        "export cur2-daily: DELIVERY_SUCCESS, 2026-11, 20,123 rows, cost 1,234.50",
        "estimate growth: COMPLETE, 100.00 USD -> 112.00 USD (+12.0%)",
    ]


def test_an_estimate_without_history_has_no_percentage() -> None:
    line = Summary([], [ESTIMATE | {"historical_cost": 0.0}]).headlines()[0]
    assert line == "estimate growth: COMPLETE, 0.00 USD -> 112.00 USD"
