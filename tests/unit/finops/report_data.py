"""Deliveries for the report tests, written with pyarrow and csv, without the code under test."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from finops.report_catalogue import load_reports
from finops.reports import ExportMeta, ExportResult, run_export_reports

REPOSITORY = Path(__file__).resolve().parents[3]
REPORTS = REPOSITORY / "include" / "reports"
FOCUS_SAMPLE = REPOSITORY.parent / "shared" / "data" / "focus-1.0-sample.csv"

CUR_TYPES = {
    "bill_billing_period_start_date": "timestamp",
    "line_item_usage_start_date": "timestamp",
    "line_item_usage_account_id": "string",
    "line_item_usage_account_name": "string",
    "line_item_product_code": "string",
    "product": "map<string,string>",
    "line_item_line_item_type": "string",
    "line_item_unblended_cost": "double",
    "line_item_currency_code": "string",
    "savings_plan_savings_plan_effective_cost": "double",
    "savings_plan_total_commitment_to_date": "double",
    "savings_plan_used_commitment": "double",
    "reservation_effective_cost": "double",
    "reservation_unused_amortized_upfront_fee_for_billing_period": "double",
    "reservation_unused_recurring_fee": "double",
    "reservation_reservation_a_r_n": "string",
}
_ARROW = {
    "timestamp": pa.timestamp("ms"),
    "string": pa.string(),
    "double": pa.float64(),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
}


def charge(day: int, cost: float, **more: Any) -> dict[str, Any]:
    """One CUR 2.0 line of October 2026: a day, an unblended cost, and whatever else matters."""
    row = {name: 0.0 if kind == "double" else None for name, kind in CUR_TYPES.items()}
    return row | {
        "bill_billing_period_start_date": datetime(2026, 10, 1),
        "line_item_usage_start_date": datetime(2026, 10, day),
        "line_item_usage_account_id": "222233334444",
        "line_item_usage_account_name": "production",
        "line_item_product_code": "AmazonEC2",
        "line_item_line_item_type": "Usage",
        "line_item_unblended_cost": cost,
        "line_item_currency_code": "USD",
        **more,
    }


def month() -> list[dict[str, Any]]:
    """A month of odd amounts: three services, two accounts, a credit and a charge without account name."""
    rows = []
    for day in range(1, 32):
        for number, service in enumerate(("AmazonEC2", "AmazonS3", "AWSLambda"), start=1):
            rows.append(charge(day, number * day / 7 + 1e-10, line_item_product_code=service))
    rows.append(charge(31, -12.3456789012, line_item_line_item_type="Credit"))
    rows.append(charge(3, 0.1, line_item_usage_account_id="111122223333", line_item_usage_account_name=None))
    return rows


def columns(names: Sequence[str] = tuple(CUR_TYPES)) -> list[dict[str, str]]:
    """The manifest's columns."""
    return [{"name": name, "type": CUR_TYPES[name]} for name in names]


def parquet_file(path: Path, rows: Sequence[dict[str, Any]], names: Sequence[str] = tuple(CUR_TYPES)) -> Path:
    schema = pa.schema([(name, _ARROW[CUR_TYPES[name]]) for name in names])
    pq.write_table(pa.Table.from_pylist([{name: row[name] for name in names} for row in rows], schema), path)
    return path


def csv_file(path: Path, rows: Sequence[dict[str, Any]], names: Sequence[str] = tuple(CUR_TYPES)) -> Path:
    """Write as AWS does: gzip, empty strings for what is absent, maps as JSON, times in ISO with a Z."""
    with gzip.open(path, "wt", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines, quoting=csv.QUOTE_ALL)
        writer.writerow(names)
        for row in rows:
            writer.writerow([_csv_text(row[name]) for name in names])
    return path


def _csv_text(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.000Z"
    if isinstance(value, dict | list):
        return json.dumps(dict(value))
    return "" if value is None else str(value)


META = ExportMeta(
    name="cur2-daily",
    account_id="111122223333",
    billing_period="2026-10",
    execution_id="6b1f0a2e-88d4-4f0e-b6a5-2b0b5f2c9d31",
    export_arn="arn:aws:bcm-data-exports:us-east-1:111122223333:export/cur2-daily-1b2c",
    manifest_uri="s3://exports/cur/cur2-daily/metadata/BILLING_PERIOD=2026-10/cur2-daily-Manifest.json",
    files=("s3://exports/cur/cur2-daily/data/BILLING_PERIOD=2026-10/cur2-daily-00001.snappy.parquet",),
    delivered_at=datetime(2026, 11, 5, 8, tzinfo=UTC),
)


def run_cur(
    folder: Path,
    files: Sequence[Path],
    *,
    fmt: str = "PARQUET",
    names: Sequence[str] = tuple(CUR_TYPES),
    reports: Sequence[Any] | None = None,
    meta: ExportMeta = META,
) -> ExportResult:
    """Run the repository's export reports, or `reports`, on a CUR 2.0 delivery."""
    chosen = [report for report in load_reports(REPORTS).reports.values() if report.for_export]
    return run_export_reports(
        files=files,
        fmt=fmt,
        columns=columns(names),
        table="COST_AND_USAGE_REPORT",
        reports=chosen if reports is None else reports,
        meta=meta,
        folder=folder,
    )
