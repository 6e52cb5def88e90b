"""The files of an export: types, totals, granularities, chunks, and what has happened until now."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emulator.charges import VIEWS
from emulator.organisation import Organisation
from emulator.query import parse
from emulator.tables import TABLES
from emulator.writer import CHUNK_BYTES, Content, Form, render

CUR, FOCUS, FOCUS_1_0 = "COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS", "FOCUS_1_0_AWS"
ORGANISATION = Organisation(7, "111122223333", ["444455556666"], 500)
APRIL, NOVEMBER = date(2026, 4, 1), date(2026, 11, 1)
LATER = datetime(2027, 1, 15, tzinfo=UTC)
ARROW_TYPES = {
    "string": pa.string(),
    "double": pa.float64(),
    "int": pa.int32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("ms"),
    "timestamp_milliseconds": pa.timestamp("ms"),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "map<string,double>": pa.map_(pa.string(), pa.float64()),
}
CUR_COST = """line_item_line_item_type, line_item_unblended_cost, savings_plan_savings_plan_effective_cost,
    savings_plan_total_commitment_to_date, savings_plan_used_commitment"""


def chunks(
    table: str,
    columns: str | None = None,
    *,
    rest: str = "",
    properties: dict[str, str] | None = None,
    month: date = NOVEMBER,
    now: datetime = LATER,
    suffix: str = ".snappy.parquet",
    chunk_lines: int = 1_000_000,
    chunk_bytes: int = CHUNK_BYTES,
    viewer: str | None = None,
) -> list[bytes]:
    if properties is None:
        properties = {} if table not in (CUR, FOCUS) else {"TIME_GRANULARITY": "DAILY"}
    columns = columns or ", ".join(column.name for column in TABLES[table].columns(properties))
    query = parse(f"SELECT {columns} FROM {table} {rest}", {table: properties})
    content = Content(ORGANISATION, query, month, now, viewer)
    with tempfile.TemporaryDirectory() as folder:
        return [
            path.read_bytes() for path in render(content, Form("daily", suffix, chunk_lines, chunk_bytes), Path(folder))
        ]


def rows(table: str, columns: str | None = None, **how: Any) -> list[dict[str, Any]]:
    files = chunks(table, columns, **how)
    return [row for file in files for row in pq.read_table(io.BytesIO(file)).to_pylist()]


def csv_rows(table: str, columns: str | None = None, **how: Any) -> list[dict[str, str]]:
    files = chunks(table, columns, suffix=".csv.gz", **how)
    return [row for file in files for row in csv.DictReader(io.StringIO(gzip.decompress(file).decode()))]


def amortised(row: dict[str, Any]) -> float:
    """The effective cost of a CUR line, as AWS's guidance computes it."""
    match row["line_item_line_item_type"]:
        case "SavingsPlanCoveredUsage":
            return row["savings_plan_savings_plan_effective_cost"]
        case "SavingsPlanRecurringFee":
            return row["savings_plan_total_commitment_to_date"] - row["savings_plan_used_commitment"]
        case "SavingsPlanNegation" | "SavingsPlanUpfrontFee":
            return 0.0
    return row["line_item_unblended_cost"]


def cents(values: Any) -> int:
    return round(sum(values) * 100)


@pytest.mark.parametrize("table", TABLES)
def test_parquet_has_the_documented_types(table: str) -> None:
    everything = {each.name: "TRUE" for each in TABLES[table].properties if each.name.startswith("INCLUDE_S")}
    files = chunks(table, properties=everything, rest="LIMIT 10")
    schema = pq.read_schema(io.BytesIO(files[0]))
    expected = {column.name: ARROW_TYPES[column.type] for column in TABLES[table].columns(everything)}
    assert dict(zip(schema.names, schema.types, strict=True)) == expected


def test_parquet_is_compressed_with_snappy() -> None:
    metadata = pq.read_metadata(io.BytesIO(chunks(FOCUS)[0]))
    assert metadata.row_group(0).column(0).compression == "SNAPPY"


@pytest.mark.parametrize("table", [FOCUS, FOCUS_1_0])
def test_columns_that_may_not_be_null_are_not(table: str) -> None:
    required = [column.name for column in TABLES[table].all_columns if not column.nullable]
    for row in rows(table, ", ".join(required), month=APRIL):
        assert None not in row.values()


@pytest.mark.parametrize("month", [APRIL, NOVEMBER])
@pytest.mark.parametrize("now", [datetime(2027, 1, 15, tzinfo=UTC), datetime(2026, 11, 20, 6, 30, tzinfo=UTC)])
def test_cur_and_focus_add_up_to_the_same_bill(month: date, now: datetime) -> None:
    cur = rows(CUR, CUR_COST, month=month, now=now)
    focus = rows(FOCUS, "BilledCost, EffectiveCost", month=month, now=now)
    assert cents(row["line_item_unblended_cost"] for row in cur) == cents(row["BilledCost"] for row in focus)
    assert cents(map(amortised, cur)) == cents(row["EffectiveCost"] for row in focus)


@pytest.mark.parametrize("now", [LATER, datetime(2026, 11, 20, 6, 30, tzinfo=UTC)])
def test_every_granularity_adds_up_to_the_same_bill(now: datetime) -> None:
    totals = set()
    for granularity in ("HOURLY", "DAILY", "MONTHLY"):
        bill = rows(FOCUS, "BilledCost, EffectiveCost", properties={"TIME_GRANULARITY": granularity}, now=now)
        totals.add((cents(row["BilledCost"] for row in bill), cents(row["EffectiveCost"] for row in bill)))
    assert len(totals) == 1


def test_csv_and_parquet_hold_the_same_lines() -> None:
    columns = "identity_line_item_id, line_item_unblended_cost"
    parquet = [(row["identity_line_item_id"], row["line_item_unblended_cost"]) for row in rows(CUR, columns)]
    text = [(row["identity_line_item_id"], float(row["line_item_unblended_cost"])) for row in csv_rows(CUR, columns)]
    assert text == parquet


def test_the_same_question_gives_the_same_bytes() -> None:
    assert chunks(FOCUS) == chunks(FOCUS)


def test_line_item_ids_are_unique_in_a_partition() -> None:
    ids = [row["identity_line_item_id"] for row in rows(CUR, "identity_line_item_id", month=APRIL)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("granularity", "newest"),
    [("HOURLY", datetime(2026, 11, 20, 5)), ("DAILY", datetime(2026, 11, 20)), ("MONTHLY", datetime(2026, 11, 1))],
)
def test_nothing_starts_after_now(granularity: str, newest: datetime) -> None:
    now = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
    lines = rows(FOCUS, "ChargePeriodStart", properties={"TIME_GRANULARITY": granularity}, now=now)
    assert max(row["ChargePeriodStart"] for row in lines) == newest


@pytest.mark.parametrize("now", [datetime(2026, 11, 1, 0, 20, tzinfo=UTC), datetime(2026, 10, 1, tzinfo=UTC)])
def test_a_month_that_has_not_begun_has_no_file(now: datetime) -> None:
    assert chunks(CUR, now=now) == []


def test_the_bill_grows_with_time() -> None:
    start = datetime(2026, 11, 10, tzinfo=UTC)
    totals = [
        cents(row["BilledCost"] for row in rows(FOCUS, "BilledCost", now=start + timedelta(days=days)))
        for days in (0, 1, 2)
    ]
    assert totals == sorted(set(totals))


@pytest.mark.parametrize(("now", "is_final"), [(datetime(2026, 12, 6, tzinfo=UTC), False), (LATER, True)])
def test_the_invoice_id_is_blank_until_the_month_is_final(now: datetime, is_final: bool) -> None:
    cur = {row["bill_invoice_id"] for row in rows(CUR, "bill_invoice_id", now=now)}
    focus = {row["InvoiceId"] for row in rows(FOCUS, "InvoiceId", now=now)}
    assert (cur, focus) == (({""}, {None}) if not is_final else (focus, cur))
    assert all(invoice for invoice in cur) is is_final


def test_every_kind_of_charge_occurs() -> None:
    types = {row["line_item_line_item_type"] for month in (APRIL, NOVEMBER) for row in rows(CUR, CUR_COST, month=month)}
    assert types == {
        *("Usage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "SavingsPlanRecurringFee"),
        *("SavingsPlanUpfrontFee", "Fee", "Tax", "Credit", "Refund"),
    }


def test_focus_purchases_and_commitments_are_consistent() -> None:
    columns = """ChargeCategory, CommitmentDiscountStatus, CommitmentDiscountId, BilledCost, EffectiveCost, ListCost,
        ListUnitPrice, PricingQuantity, ConsumedQuantity, ConsumedUnit"""
    for row in rows(FOCUS, columns, month=APRIL):
        if row["CommitmentDiscountStatus"]:
            assert row["ChargeCategory"] == "Usage"
            assert row["CommitmentDiscountId"]
            assert row["BilledCost"] == 0
        if row["ChargeCategory"] == "Purchase" and row["CommitmentDiscountId"]:
            assert row["EffectiveCost"] == 0
        if row["ListUnitPrice"] is not None:
            assert row["ListCost"] == pytest.approx(row["ListUnitPrice"] * row["PricingQuantity"])
        assert (row["ConsumedQuantity"] is None) == (row["ConsumedUnit"] is None)


def test_where_limit_and_map_keys() -> None:
    found = rows(
        CUR,
        "line_item_usage_type AS kind, resource_tags.user_team, product.product_name",
        rest="WHERE resource_tags.user_team NOT IN ('web') AND line_item_line_item_type = 'Usage' LIMIT 7",
    )
    assert len(found) == 7
    assert list(found[0]) == ["kind", "user_team", "product_name"]
    assert all(row["user_team"] and row["user_team"] != "web" for row in found)


@pytest.mark.parametrize("read", [rows, csv_rows])
def test_chunks_hold_all_rows_in_order(read: Callable[..., list[dict[str, Any]]]) -> None:
    how: dict[str, Any] = {"rest": "WHERE line_item_unblended_cost > 1 LIMIT 250"}
    suffix = ".snappy.parquet" if read is rows else ".csv.gz"
    assert len(chunks(CUR, "identity_line_item_id", suffix=suffix, chunk_lines=100, **how)) == 3
    assert read(CUR, "identity_line_item_id", chunk_lines=100, **how) == read(CUR, "identity_line_item_id", **how)


def test_csv_has_a_header_empty_text_for_nothing_and_maps_as_json() -> None:
    file = chunks(FOCUS, "InvoiceId, Tags, ChargePeriodStart", suffix=".csv.gz", rest="LIMIT 1")[0]
    now = datetime(2026, 11, 20, tzinfo=UTC)
    header, first = gzip.decompress(file).decode().splitlines()
    assert header == "InvoiceId,Tags,ChargePeriodStart"
    assert first.endswith(",2026-11-01T00:00:00.000Z")
    row = csv_rows(FOCUS, "InvoiceId, Tags", now=now, rest="WHERE Tags.environment = 'prod'")[0]
    assert row["InvoiceId"] == ""
    assert json.loads(row["Tags"])["environment"] == "prod"


def test_emissions_appear_when_the_month_is_over() -> None:
    assert chunks("CARBON_EMISSIONS", now=datetime(2026, 11, 30, tzinfo=UTC)) == []
    assert chunks("CARBON_EMISSIONS") != []


def test_tags_repeat_resource_tags_under_their_own_names() -> None:
    row = rows(CUR, "tags, resource_tags", rest="WHERE resource_tags.user_environment = 'prod' LIMIT 1")[0]
    assert dict(row["tags"])["resourceTags/environment"] == dict(row["resource_tags"])["user_environment"] == "prod"


@pytest.mark.parametrize("table", [CUR, FOCUS])
def test_every_expression_fills_a_documented_column(table: str) -> None:
    known = {column.name for name in (table, FOCUS_1_0) for column in TABLES[name].all_columns}
    assert {*VIEWS[table].item, *VIEWS[table].line} <= known
