"""The steps after the wait for a bill estimate: store it whole, report on what was stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tests.unit.finops.conftest import SCENARIO
from tests.unit.finops.report_bucket import REPORTS_URI, read
from tests.unit.finops.report_data import REPORTS

from finops.definitions import ScenarioDefinition
from finops.lifecycle import report_on_estimate, store_estimate
from finops.report_catalogue import load_reports

DEFINITION = ScenarioDefinition(**SCENARIO)


def amount(value: float) -> dict[str, Any]:
    return {"amount": value, "currency": "USD"}


LINE_ITEMS = [
    {
        "id": "1",
        "serviceCode": "AmazonEC2",
        "usageType": "BoxUsage:m5.large",
        "operation": "RunInstances",
        "historicalCost": amount(70.0),
        "estimatedCost": amount(140.5),
    }
]
DIFFERENCE = {"historicalCost": amount(70.0), "estimatedCost": amount(140.5)}
ESTIMATE = {
    "id": "e-1",
    "name": "growth-20261102",
    "status": "COMPLETE",
    "billInterval": {"start": datetime(2026, 10, 1, tzinfo=UTC), "end": datetime(2026, 11, 1, tzinfo=UTC)},
    "createdAt": datetime(2026, 11, 2, 6, tzinfo=UTC),
    "costSummary": {"totalCostDifference": DIFFERENCE, "serviceCostDifferences": {"AmazonEC2": DIFFERENCE}},
    "ResponseMetadata": {"RequestId": "r"},
}


def test_an_estimate_is_stored_and_reported_on(s3: Any, published: Callable[[], list[str]]) -> None:
    collected = store_estimate(s3, DEFINITION, "s-1", ESTIMATE, LINE_ITEMS, REPORTS_URI)
    assert json.loads(json.dumps(collected)) == collected, "it goes through XCom"
    folder = f"{REPORTS_URI}/estimates/growth/e-1"
    stored = json.loads(read(s3, f"{folder}/estimate.json"))
    assert stored["createdAt"] == "2026-11-02T06:00:00+00:00"
    assert "ResponseMetadata" not in stored
    assert json.loads(read(s3, f"{folder}/line_items.json")) == LINE_ITEMS
    chosen = [report for report in load_reports(REPORTS).reports.values() if not report.for_export]
    summary = report_on_estimate(s3, DEFINITION, collected, chosen)
    assert f"{folder}/index.html" in summary.pop("reports")
    assert summary == {
        "name": "growth",
        "scenario_id": "s-1",
        "estimate_id": "e-1",
        "status": "COMPLETE",
        "historical_cost": 70.0,
        "estimated_cost": 140.5,
    }
