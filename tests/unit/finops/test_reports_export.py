"""Export reports: sums, files, and what users get wrong."""

from __future__ import annotations

import csv
import dataclasses
import math
from collections import defaultdict
from datetime import UTC, datetime
from fractions import Fraction

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.finops.report_data import FOCUS_SAMPLE, META, REPORTS, charge, csv_file, month, parquet_file, run_cur

from finops.report_catalogue import load_reports
from finops.report_files import ReportError, read_report
from finops.reports import run_export_reports


def exact_by(rows, key) -> dict[str, float]:
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for row in rows:
        sums[row[key]] += Fraction(row["line_item_unblended_cost"])
    return {name: float(value) for name, value in sums.items()}


def table_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


@pytest.mark.parametrize("fmt", ["PARQUET", "TEXT_OR_CSV"])
def test_sums_equal_the_delivered_files(tmp_path, fmt):
    write, suffix = (parquet_file, "parquet") if fmt == "PARQUET" else (csv_file, "csv.gz")
    rows = month()
    files = [write(tmp_path / f"1.{suffix}", rows[:40]), write(tmp_path / f"2.{suffix}", rows[40:])]
    result = run_cur(tmp_path / "out", files, fmt=fmt)

    assert result.rows == len(rows)
    assert result.billed_cost == pytest.approx(math.fsum(row["line_item_unblended_cost"] for row in rows), abs=1e-9)
    by_service = {
        row["service_name"]: float(row["billed_cost"]) for row in table_of(tmp_path / "out/cost_by_service.csv")
    }
    assert by_service == pytest.approx(exact_by(rows, "line_item_product_code"), abs=1e-9)
    by_account = {
        row["account_id"]: float(row["billed_cost"]) for row in table_of(tmp_path / "out/cost_by_account.csv")
    }
    assert by_account == pytest.approx(exact_by(rows, "line_item_usage_account_id"), abs=1e-9)
    by_day = {row["charge_date"]: float(row["billed_cost"]) for row in table_of(tmp_path / "out/daily_trend.csv")}
    days = [row | {"day": f"{row['line_item_usage_start_date']:%Y-%m-%d}"} for row in rows]
    assert by_day == pytest.approx(exact_by(days, "day"), abs=1e-9)


def test_parquet_and_csv_deliveries_give_the_same_bytes(tmp_path):
    run_cur(tmp_path / "a", [parquet_file(tmp_path / "1.parquet", month())])
    run_cur(tmp_path / "b", [csv_file(tmp_path / "1.csv.gz", month()[::-1])], fmt="TEXT_OR_CSV")
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert "index.html" in names
    assert [
        name for name in names if (tmp_path / "a" / name).read_bytes() != (tmp_path / "b" / name).read_bytes()
    ] == []


def test_each_report_is_written_as_csv_and_parquet_and_all_make_one_page(tmp_path):
    result = run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", month())])
    assert sorted(path.name for path in result.files) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert result.files[-1].name == "index.html"
    for name in ("cost_by_service", "cost_by_account", "daily_trend"):
        parquet = pq.read_table(tmp_path / "out" / f"{name}.parquet").to_pylist()
        assert len(parquet) == len(table_of(tmp_path / "out" / f"{name}.csv")) > 0
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".engine")] == []


def test_a_file_without_rows_makes_an_empty_page(tmp_path):
    result = run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", [])])
    assert (result.rows, result.billed_cost, result.effective_cost, result.currency) == (0, 0.0, 0.0, "")
    assert "No charges to report." in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert table_of(tmp_path / "out" / "cost_by_service.csv") == []


@pytest.mark.skipif(not FOCUS_SAMPLE.exists(), reason="the FOCUS 1.0 sample is not on this machine")
def test_the_published_focus_sample_adds_up(tmp_path):
    with FOCUS_SAMPLE.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    times = {"ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"}
    numbers = {"BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ListUnitPrice", "ConsumedQuantity"}
    kind = {**dict.fromkeys(times, "timestamp"), **dict.fromkeys(numbers, "double"), "Tags": "map"}
    result = run_export_reports(
        files=[FOCUS_SAMPLE],
        fmt="TEXT_OR_CSV",
        columns=[{"name": name, "type": kind.get(name, "string")} for name in rows[0]],
        table="FOCUS_1_0_AWS",
        reports=[report for report in load_reports(REPORTS).reports.values() if report.for_export],
        meta=dataclasses.replace(META, billing_period="2024-09"),
        folder=tmp_path / "out",
    )
    assert result.rows == 1000
    assert result.currency == "USD"
    assert result.billed_cost == pytest.approx(20.52022672899003, abs=1e-12)
    services: dict[str, float] = defaultdict(float)
    for row in rows:
        services[row["ServiceName"]] += float(row["BilledCost"])
    found = {row["service_name"]: float(row["billed_cost"]) for row in table_of(tmp_path / "out/cost_by_service.csv")}
    assert found == pytest.approx(services, abs=1e-9)
    assert sum(found.values()) == pytest.approx(20.52022672899003, abs=1e-9)


def test_charges_of_one_date_are_no_trend(tmp_path):
    run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", [charge(1, 1.0), charge(1, 2.0)])])
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "All charges bear one date, 2026-10-01" in html
    assert html.count("<svg") == 2


def test_a_users_report_may_read_the_exports_own_columns(tmp_path):
    path = tmp_path / "by_type.sql"
    path.write_text(
        "-- title: By type\n-- inputs: delivery\n"
        "SELECT line_item_line_item_type AS type, sum(line_item_unblended_cost) AS cost "
        "FROM delivery GROUP BY 1 ORDER BY 1",
        encoding="utf-8",
    )
    run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", month())], reports=[read_report(path)])
    assert [row["type"] for row in table_of(tmp_path / "out" / "by_type.csv")] == ["Credit", "Usage"]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("SELECT nope FROM charges", r'^mine\.sql: .*"nope" not found'),
        (
            "SELECT service_name, billed_cost AS b FROM charges",
            r"^mine\.sql: its chart wants number column billed_cost",
        ),
        ("SELECT billed_cost FROM charges", r"^mine\.sql: its chart wants column service_name"),
    ],
)
def test_a_users_mistake_is_one_sentence_that_names_the_report(tmp_path, sql, message):
    path = tmp_path / "mine.sql"
    path.write_text(
        f"-- title: Mine\n-- inputs: charges\n-- chart: bar x=service_name y=billed_cost\n{sql}", encoding="utf-8"
    )
    with pytest.raises(ReportError, match=message):
        run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", month())], reports=[read_report(path)])


def test_a_report_on_estimates_does_not_fit_an_export(tmp_path):
    report = load_reports(REPORTS).reports["estimate_drivers"]
    with pytest.raises(ReportError, match=r"estimate_drivers\.sql: does not fit export cur2-daily"):
        run_cur(tmp_path / "out", [], reports=[report])


def test_the_top_mover_compares_whole_weeks_of_usage(tmp_path):
    rows = [charge(day, 1.0) for day in range(1, 15)]
    rows += [charge(day, 5.0 if day > 7 else 2.0, line_item_product_code="AmazonS3") for day in range(1, 15)]
    rows += [charge(14, 900.0, line_item_line_item_type="Fee", line_item_product_code="AWSSupport")]
    meta = dataclasses.replace(META, delivered_at=datetime(2026, 10, 20, tzinfo=UTC))
    run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", rows)], meta=meta)
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "AmazonS3</p>" in html
    assert "+3.00 (+150.0\u202f%) a day, last 7 days to the 7 days before" in html


@pytest.mark.parametrize(
    ("delivered", "marked"),
    [(datetime(2026, 10, 14, 9, tzinfo=UTC), True), (datetime(2026, 10, 16, tzinfo=UTC), False), (None, True)],
)
def test_the_last_day_is_marked_until_a_day_after_its_end(tmp_path, delivered, marked):
    rows = [charge(day, 1.0) for day in range(1, 15)]
    meta = dataclasses.replace(META, delivered_at=delivered)
    run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", rows)], meta=meta)
    assert ("incomplete day" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")) is marked


def test_the_time_of_delivery_is_read_in_utc_wherever_the_machine_is(tmp_path, los_angeles):
    rows = [charge(day, 1.0) for day in range(1, 15)]
    meta = dataclasses.replace(META, delivered_at=los_angeles("2026-10-16T00:00:00Z"))
    run_cur(tmp_path / "out", [parquet_file(tmp_path / "1.parquet", rows)], meta=meta)
    html = (tmp_path / "out" / "index.html").read_text(encoding="utf-8")
    assert "2026-10-16 00:00 UTC" in html
    assert "incomplete day" not in html


@pytest.mark.parametrize("kind", ["CSV", "Parquet", "Parquet with a zone"])
def test_charges_keep_their_days_wherever_the_machine_is(tmp_path, los_angeles, kind):
    rows = [charge(1, 1.0), charge(2, 2.0)]
    file = (csv_file if kind == "CSV" else parquet_file)(tmp_path / f"1.{'csv.gz' if kind == 'CSV' else kind}", rows)
    if kind == "Parquet with a zone":
        table = pq.read_table(file)
        column = "line_item_usage_start_date"
        place = table.schema.get_field_index(column)
        pq.write_table(table.set_column(place, column, table[column].cast(pa.timestamp("ms", tz="UTC"))), file)
    run_cur(tmp_path / "out", [file], fmt="TEXT_OR_CSV" if kind == "CSV" else "PARQUET")
    days = pq.read_table(tmp_path / "out" / "daily_trend.parquet").column(0).to_pylist()
    assert [str(day) for day in days] == ["2026-10-01", "2026-10-02"]
