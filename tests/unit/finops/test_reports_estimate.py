"""Estimate reports: differences, drivers, and parts that do not add up."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.unit.finops.report_data import REPORTS

from finops.report_catalogue import load_reports
from finops.report_files import ReportError
from finops.reports import EstimateMeta, run_estimate_reports

META = EstimateMeta("compute-growth", "111122223333", "scenario-id", "estimate-id")


def cost(amount: float) -> dict[str, Any]:
    return {"amount": amount, "currency": "USD"}


def difference(historical: float, estimated: float) -> dict[str, Any]:
    return {"historicalCost": cost(historical), "estimatedCost": cost(estimated)}


def item(service: str, usage_type: str, historical: float | None, estimated: float) -> dict[str, Any]:
    """A line item as AWS returns it: usage that is new has no historical members."""
    known = {"historicalCost": cost(historical), "historicalUsageQuantity": {"amount": 730.0, "unit": "Hrs"}}
    return {
        "id": usage_type,
        "serviceCode": service,
        "usageType": usage_type,
        "operation": "RunInstances",
        "estimatedCost": cost(estimated),
        "estimatedUsageQuantity": {"amount": 1460.0, "unit": "Hrs"},
        **(known if historical is not None else {}),
    }


ITEMS = [
    item("AmazonEC2", "BoxUsage:m5.large", 70.0, 140.0),
    item("AmazonEC2", "BoxUsage:m6g.large", None, 50.0),
    item("AmazonS3", "TimedStorage-ByteHrs", 30.0, 10.0),
]


def estimate(**services: tuple[float, float]) -> dict[str, Any]:
    chosen = services or {"AmazonEC2": (70.0, 190.0), "AmazonS3": (30.0, 10.0)}
    return {
        "id": "estimate-id",
        "name": "compute-growth-20261102T0600",
        "status": "COMPLETE",
        "billInterval": {"start": datetime(2026, 10, 1, tzinfo=UTC), "end": datetime(2026, 11, 1, tzinfo=UTC)},
        "createdAt": "2026-11-02T06:00:00Z",
        "costSummary": {
            "totalCostDifference": difference(100.0, 200.0),
            "serviceCostDifferences": {code: difference(*pair) for code, pair in chosen.items()},
        },
    }


def run(folder, answer=None, items=ITEMS, reports=None):
    found = [report for report in load_reports(REPORTS).reports.values() if not report.for_export]
    return run_estimate_reports(
        estimate=answer or estimate(),
        line_items=items,
        reports=found if reports is None else reports,
        meta=META,
        folder=folder,
    )


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def text(folder) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_totals_are_awss(tmp_path):
    result = run(tmp_path)
    assert (result.historical_cost, result.estimated_cost) == (100.0, 200.0)
    assert {path.name for path in result.files} == {
        "estimate_by_service.csv", "estimate_by_service.parquet", "estimate_drivers.csv", "estimate_drivers.parquet",
        "index.html",
    }  # fmt: skip


def test_services_come_with_difference_and_percent(tmp_path):
    run(tmp_path, estimate(AmazonEC2=(70.0, 190.0), AmazonS3=(30.0, 10.0), New=(0.0, 0.0)))
    found = [
        (row["service_code"], row["difference"], row["difference_percent"])
        for row in rows_of(tmp_path / "estimate_by_service.csv")
    ]
    assert [(code, float(change)) for code, change, _ in found] == [
        ("AmazonEC2", 120.0),
        ("AmazonS3", -20.0),
        ("New", 0.0),
    ]
    assert float(found[0][2]) == pytest.approx(171.428571)
    assert found[2][2] == ""


def test_drivers_are_sorted_by_how_much_they_change_and_new_usage_has_no_past(tmp_path):
    run(tmp_path)
    drivers = rows_of(tmp_path / "estimate_drivers.csv")
    assert [row["usage_type"] for row in drivers] == ["BoxUsage:m5.large", "BoxUsage:m6g.large", "TimedStorage-ByteHrs"]
    assert (drivers[1]["historical_cost"], drivers[1]["historical_quantity"]) == ("", "")
    assert float(drivers[1]["difference"]) == 50.0


def test_an_estimate_that_adds_up_has_no_note(tmp_path):
    run(tmp_path)
    assert 'class="notes"' not in text(tmp_path)


@pytest.mark.parametrize(
    ("services", "note"),
    [
        (
            {"AmazonEC2": (70.0, 189.0), "AmazonS3": (30.0, 10.0)},
            "Line items of AmazonEC2 add up to 190.00 (estimated cost), but AWS&#39;s summary says 189.00.",
        ),
        ({"AmazonEC2": (70.0, 190.0)}, "Line items of AmazonS3 worth 10.00 (estimated cost) are missing"),
        ({"AmazonEC2": (70.0, 190.0), "AmazonS3": (40.0, 10.0)}, "The services add up to 110.00 (historical cost)"),
    ],
)
def test_what_does_not_add_up_is_said_on_the_page(tmp_path, services, note):
    run(tmp_path, estimate(**services))
    assert note in text(tmp_path)


def test_a_cent_of_rounding_is_not_worth_a_note(tmp_path):
    run(tmp_path, estimate(AmazonEC2=(70.0, 190.009), AmazonS3=(30.0, 9.995)))
    assert 'class="notes"' not in text(tmp_path)


@pytest.mark.parametrize(
    ("answer", "items", "sentence"),
    [
        (None, ITEMS, "estimate.json: is not where the bill estimate was stored. Collect the estimate again."),
        (estimate(), None, "line_items.json: is not where the bill estimate was stored. Collect the estimate again."),
        (
            estimate() | {"status": "IN_PROGRESS", "costSummary": None},
            [],
            "Bill estimate compute-growth-20261102T0600 is IN_PROGRESS, not COMPLETE, so it has no costs to report. "
            "Wait until it is, or make a new estimate if it failed.",
        ),
    ],
)
def test_an_estimate_that_is_gone_or_not_complete_is_a_sentence(tmp_path, answer, items, sentence):
    with pytest.raises(ReportError) as caught:
        run_estimate_reports(estimate=answer, line_items=items, reports=[], meta=META, folder=tmp_path)
    assert str(caught.value) == sentence


def test_an_estimate_without_costs_makes_an_empty_page(tmp_path):
    result = run(tmp_path, {"id": "x", "name": "n", "status": "COMPLETE"}, [])
    assert (result.historical_cost, result.estimated_cost) == (0.0, 0.0)
    assert "No charges to report." in text(tmp_path)


@pytest.mark.parametrize(
    ("start", "end", "words"),
    [
        ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "October 2026"),
        ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", "December 2026"),
        ("2026-10-05T00:00:00Z", "2026-11-05T00:00:00Z", "2026-10-05 to 2026-11-04"),
        ("2026-10-01T00:00:00Z", "2026-10-31T00:00:00Z", "2026-10-01 to 2026-10-30"),
    ],
)
def test_the_bill_compared_with_is_a_month_or_its_first_and_last_day(tmp_path, start, end, words):
    run(tmp_path, estimate() | {"billInterval": {"start": start, "end": end}})
    assert f"<dd>{words}</dd>" in text(tmp_path)


def test_times_may_be_datetimes_or_text(tmp_path):
    run(tmp_path)
    assert "<dd>October 2026</dd>" in text(tmp_path)
    assert "<dd>2026-11-02</dd>" in text(tmp_path)


@pytest.mark.parametrize("stored", [False, True])
def test_days_are_utcs_wherever_the_machine_is(tmp_path, los_angeles, stored):
    start, end, created = (los_angeles(f"{day}T00:00:00Z") for day in ("2026-10-01", "2026-11-01", "2026-11-02"))
    if stored:
        start, end, created = start.isoformat(), end.isoformat(), created.isoformat()
    run(tmp_path, estimate() | {"billInterval": {"start": start, "end": end}, "createdAt": created})
    assert "<dd>October 2026</dd>" in text(tmp_path)
    assert "<dd>2026-11-02</dd>" in text(tmp_path)


def test_a_report_on_an_export_is_refused(tmp_path):
    with pytest.raises(ReportError, match=r"daily_trend\.sql: is a report on an export"):
        run(tmp_path, reports=[load_reports(REPORTS).reports["daily_trend"]])
