"""The files of an export: types, totals, granularities, chunks, and what has happened until now."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emulator.files import writer
from emulator.files.csv_text import MACROS
from emulator.files.writer import CHUNK_BYTES, Content, Form, render
from emulator.organisation import Organisation
from emulator.tables.catalog import TABLES
from emulator.tables.query import parse

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


def test_csv_and_parquet_hold_the_same_lines() -> None:
    columns = "identity_line_item_id, line_item_unblended_cost"
    parquet = [(row["identity_line_item_id"], row["line_item_unblended_cost"]) for row in rows(CUR, columns)]
    text = [(row["identity_line_item_id"], float(row["line_item_unblended_cost"])) for row in csv_rows(CUR, columns)]
    assert text == parquet


def test_the_same_question_gives_the_same_bytes() -> None:
    assert chunks(FOCUS) == chunks(FOCUS)


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


def test_a_chunk_ends_when_it_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "_GROUP_LINES", 50)
    files = chunks(FOCUS, "ResourceId, BilledCost", chunk_bytes=4_000)
    assert len(files) > 3
    assert [len(file) >= 4_000 for file in files[:-1]] == [True] * (len(files) - 1)
    read = [row for file in files for row in pq.read_table(io.BytesIO(file)).to_pylist()]
    assert read == rows(FOCUS, "ResourceId, BilledCost")


@pytest.mark.parametrize(("limit", "count"), [("", 25), ("LIMIT 14", 14), ("LIMIT 3", 3), ("LIMIT 0", 0)])
@pytest.mark.parametrize("read", [rows, csv_rows])
def test_where_and_limit_reach_over_slices(
    monkeypatch: pytest.MonkeyPatch, read: Callable[..., list[dict[str, Any]]], limit: str, count: int
) -> None:
    def slices(connection: duckdb.DuckDBPyConnection, *_: object) -> Iterator[None]:
        for first in (0, 10, 20):
            connection.execute(
                "CREATE OR REPLACE TEMP VIEW export AS SELECT range AS line_number,"
                f" CAST(range AS DOUBLE) AS line_item_usage_amount FROM range({first}, {first + 10})"
            )
            yield

    monkeypatch.setattr(writer, "create_charges", slices)
    found = read(CUR, "line_item_usage_amount", rest=f"WHERE line_item_usage_amount > 4 {limit}", chunk_lines=4)
    assert [float(row["line_item_usage_amount"]) for row in found] == list(range(5, 30))[:count]


def test_lines_come_in_their_order() -> None:
    columns = "identity_line_item_id, line_item_usage_start_date"
    assert rows(CUR, columns) == rows(CUR, columns, chunk_lines=37)


def test_a_viewer_sees_its_own_lines_only() -> None:
    everything = rows(CUR, "line_item_usage_account_id, identity_line_item_id")
    for account in {row["line_item_usage_account_id"] for row in everything}:
        own = [row for row in everything if row["line_item_usage_account_id"] == account]
        assert rows(CUR, "line_item_usage_account_id, identity_line_item_id", viewer=account) == own
    assert chunks(CUR, "line_item_usage_account_id", viewer="999988887777") == []


def csv_text(table: str, columns: str, **how: Any) -> list[str]:
    """The lines of a CSV file as they stand there, the header first."""
    return gzip.decompress(chunks(table, columns, suffix=".csv.gz", **how)[0]).decode().splitlines()


def test_csv_of_cur_has_empty_text_and_empty_maps_where_there_is_nothing() -> None:
    columns = "line_item_currency_code, reservation_reservation_a_r_n, discount"
    lines = csv_text(CUR, columns, rest="WHERE line_item_line_item_type = 'Tax' LIMIT 1")
    assert lines == ["line_item_currency_code,reservation_reservation_a_r_n,discount", 'USD,"",{}']


def test_csv_of_focus_has_nothing_where_there_is_null() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    assert csv_text(FOCUS, "BillingCurrency, InvoiceId, ChargeClass", now=now, rest="LIMIT 1")[1] == "USD,,"


def test_csv_has_moments_in_iso_8601_and_maps_as_json() -> None:
    where = "WHERE Tags.environment = 'prod' LIMIT 1"
    line = csv_text(FOCUS, "ChargePeriodStart, Tags", rest=where)[1]
    moment, tags = next(csv.reader([line]))
    assert (len(moment), moment[-5:], moment[10]) == (24, ".000Z", "T")
    assert json.loads(tags)["environment"] == "prod"
    assert '"{""' in line


def test_csv_quotes_only_what_needs_it() -> None:
    line = csv_text(FOCUS, "InvoiceIssuerName, BillingCurrency", rest="LIMIT 1")[1]
    assert line == '"Amazon Web Services, Inc.",USD'


def test_csv_has_booleans_in_lower_case() -> None:
    column = "rollback_possible"
    assert {row[column] for row in csv_rows("COST_OPTIMIZATION_RECOMMENDATIONS", column)} <= {"true", "false"}


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *[(0.0, "0.0"), (-3.0, "-3.0"), (12.45, "12.45"), (0.001, "0.001"), (9999999.5, "9999999.5")],
        *[(0.0005, "5.0E-4"), (-0.00012345, "-1.2345E-4"), (6.123e-7, "6.123E-7"), (1e-10, "1.0E-10")],
        *[(1e7, "1.0E7"), (12345678.9, "1.23456789E7"), (1e16, "1.0E16"), (-1.5e100, "-1.5E100")],
        (None, None),
    ],
)
def test_csv_has_numbers_as_java_prints_them(number: float | None, text: str | None) -> None:
    with duckdb.connect() as connection:
        for macro in MACROS:
            connection.execute(macro)
        assert connection.execute("SELECT java_double($1::DOUBLE)", [number]).fetchall() == [(text,)]


def test_emissions_appear_when_the_month_is_over() -> None:
    assert chunks("CARBON_EMISSIONS", now=datetime(2026, 11, 30, tzinfo=UTC)) == []
    assert chunks("CARBON_EMISSIONS") != []


def test_tags_repeat_resource_tags_under_their_own_names() -> None:
    row = rows(CUR, "tags, resource_tags", rest="WHERE resource_tags.user_environment = 'prod' LIMIT 1")[0]
    assert dict(row["tags"])["resourceTags/environment"] == dict(row["resource_tags"])["user_environment"] == "prod"
