"""The files of an export: a query over the simulated organisation's bill, as Parquet or as gzipped CSV."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb

from emulator import cur2, focus
from emulator.organisation import Organisation, month_end
from emulator.query import OutputColumn, Query
from emulator.sql_conditions import identifier
from emulator.tables import Column

FINAL_AFTER = timedelta(days=6)  # from the end of a month until its invoice
SQL_TYPES = {
    "string": "VARCHAR",
    "double": "DOUBLE",
    "int": "INTEGER",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP_MS",
    "timestamp_milliseconds": "TIMESTAMP_MS",
    "map<string,string>": "MAP(VARCHAR, VARCHAR)",
    "map<string,double>": "MAP(VARCHAR, DOUBLE)",
}
COPY_OPTIONS = {
    "PARQUET": "FORMAT parquet, COMPRESSION snappy",
    "TEXT_OR_CSV": "FORMAT csv, HEADER, COMPRESSION gzip",
}


@dataclass(frozen=True)
class View:
    """How a table shows the bill: expressions per meter (`item`) and per line (`line`), and lines it leaves out.

    `empty` is what a text or map column without an expression holds: CUR has empty values, FOCUS has nulls.
    """

    item: Mapping[str, str]
    line: Mapping[str, str]
    hidden_kinds: tuple[str, ...]
    empty: Mapping[str, str]


FOCUS = View(focus.ITEM, focus.LINE, focus.HIDDEN_KINDS, {})
VIEWS = {
    "COST_AND_USAGE_REPORT": View(
        cur2.ITEM,
        cur2.LINE,
        cur2.HIDDEN_KINDS,
        {"string": "''", "map<string,string>": "MAP {}", "map<string,double>": "MAP {}"},
    ),
    "FOCUS_1_2_AWS": FOCUS,
    "FOCUS_1_0_AWS": FOCUS,
}


def render(
    organisation: Organisation,
    query: Query,
    period: date,
    now: datetime,
    output: str,
    chunk_rows: int | None,
) -> Iterator[bytes]:
    """The data files of one partition, each complete in itself, one after the other.

    `period` is any day of the month to show, `now` (with a time zone) the moment up to which it has happened,
    `output` PARQUET or TEXT_OR_CSV (gzipped), `chunk_rows` the most rows of a file (None: one file). Yields nothing
    if no row matches, as a manifest lists only files with data.
    """
    with duckdb.connect() as connection, tempfile.TemporaryDirectory(prefix="emulator-") as folder:
        relation = _prepare(connection, organisation, query, period, now)
        for first, last in _chunks(connection, relation, query, chunk_rows):
            path = Path(folder) / "chunk"
            connection.execute(
                f"COPY (SELECT {', '.join(_output(each, output) for each in query.columns)} FROM {relation}"  # noqa: S608
                f" WHERE line_number BETWEEN {first} AND {last} AND {query.where_sql()})"
                f" TO '{path}' ({COPY_OPTIONS[output]})"
            )
            yield path.read_bytes()
            path.unlink()


def _prepare(
    connection: duckdb.DuckDBPyConnection, organisation: Organisation, query: Query, period: date, now: datetime
) -> str:
    """Create the queried table as a view that has a `line_number` besides its columns; return the view's name."""
    organisation.bill(connection, period, now, query.properties.get("TIME_GRANULARITY", "HOURLY"))
    connection.execute(
        "CREATE TEMP TABLE facts AS SELECT $1 AS payer_id, $2 AS payer_name, $3 AS invoice_id, $4 AS plan_id,"
        " concat('arn:aws:savingsplans::', $1, ':savingsplan/', $4) AS plan_arn,"
        " $5::TIMESTAMP AS plan_starts, $6::TIMESTAMP AS plan_ends",
        [*organisation.accounts[0], _invoice(organisation, period, now), *organisation.savings_plan(period)],
    )
    connection.execute(Path(__file__).with_name("charges.sql").read_text(encoding="utf-8"))
    view = VIEWS[query.table.name]
    items = [
        f"{_typed(column, expression, view)} AS {identifier(column.name)}"
        for column in query.table.all_columns
        if (expression := view.item.get(column.name))
    ]
    lines = [
        f"{_typed(column, _source(column, view), view)} AS {identifier(column.name)}"
        for column in query.table.columns(query.properties)
    ]
    hidden = ", ".join(f"'{kind}'" for kind in view.hidden_kinds)
    connection.execute(f"CREATE TEMP TABLE described AS SELECT *, {', '.join(items)} FROM items")  # noqa: S608
    connection.execute(
        f"CREATE TEMP VIEW export AS SELECT lines.rowid AS line_number, {', '.join(lines)}"  # noqa: S608
        f" FROM lines JOIN described USING (meter) WHERE kind NOT IN ({hidden})"
    )
    return "export"


def _source(column: Column, view: View) -> str:
    """Where a column of the view comes from: its line's expression, its meter's value, or nowhere."""
    if column.name in view.line:
        return view.line[column.name]
    return identifier(column.name) if column.name in view.item else view.empty.get(column.type, "NULL")


def _typed(column: Column, expression: str, view: View) -> str:
    if column.type == "string" and "string" in view.empty:
        expression = f"coalesce({expression}, {view.empty['string']})"
    return f"CAST({expression} AS {SQL_TYPES[column.type]})"


def _chunks(
    connection: duckdb.DuckDBPyConnection, relation: str, query: Query, rows: int | None
) -> list[tuple[int, int]]:
    """The first and last line number of each file. LIMIT cuts the last one: lines are in a fixed order."""
    limit = "" if query.limit is None else f"LIMIT {min(query.limit, 2**62)}"
    return connection.execute(
        f"SELECT min(line_number), max(line_number) FROM ("  # noqa: S608
        f" SELECT line_number, (row_number() OVER (ORDER BY line_number) - 1) // {rows or 2**62} AS chunk"
        f" FROM {relation} WHERE {query.where_sql()} ORDER BY line_number {limit})"
        " GROUP BY chunk ORDER BY chunk"
    ).fetchall()


def _output(column: OutputColumn, output: str) -> str:
    """An output column as SQL. CSV has only text: maps as JSON, moments as ISO 8601, nothing at all for empty."""
    value = column.source.sql()
    if output == "TEXT_OR_CSV":
        if column.type.startswith("map<"):
            value = f"CAST(to_json({value}) AS VARCHAR)"
        elif column.type.startswith("timestamp"):
            value = f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%gZ')"
        elif column.type == "string":
            value = f"nullif({value}, '')"
    return f"{value} AS {identifier(column.name)}"


def _invoice(organisation: Organisation, period: date, now: datetime) -> str:
    """The invoice's number, empty until the month is final."""
    if now < month_end(period) + FINAL_AFTER:
        return ""
    return str(1_000_000_000 + (organisation.seed * 7919 + period.year * 12 + period.month) * 104_729 % 899_999_999)
