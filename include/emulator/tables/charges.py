"""The tables of charges, CUR 2.0 and FOCUS, as views of the organisation's bill."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb

from emulator.organisation import Detail, Organisation, month_end
from emulator.sql.conditions import identifier
from emulator.tables import cur2, focus
from emulator.tables.catalog import Column
from emulator.tables.query import Query

FINAL_AFTER = timedelta(days=6)  # from the end of a month until its invoices
BILLS = ("month", "marketplace", "purchase", "refund")  # what has an invoice of its own
SQL_TYPES = {
    "string": "VARCHAR",
    "double": "DOUBLE",
    "timestamp": "TIMESTAMP_MS",
    "timestamp_milliseconds": "TIMESTAMP_MS",
    "map<string,string>": "MAP(VARCHAR, VARCHAR)",
    "map<string,double>": "MAP(VARCHAR, DOUBLE)",
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


def create_charges(
    connection: duckdb.DuckDBPyConnection,
    organisation: Organisation,
    query: Query,
    period: date,
    now: datetime,
    viewer: str | None = None,
    slice_lines: int = 500_000,
    whole: bool = False,
) -> Iterator[None]:
    """Show the queried table, as known at `now`, slice by slice as the view `export`: its columns and `line_number`.

    After each step the view holds the next slice, of about `slice_lines` lines at most; line numbers ascend and are
    unique over all of them. `viewer` is the id of the only account whose lines are shown (None: every account's).
    With `whole` a slice has all days of some resources, instead of all resources of some days.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE facts AS"
        " SELECT $1 AS payer_id, $2 AS payer_name, $3::MAP(VARCHAR, VARCHAR) AS invoices, $4 AS refreshed",
        [*organisation.accounts[0], _invoices(organisation, period, now), now.astimezone(UTC).isoformat()],
    )
    first_line = 0
    for _ in organisation.bill(connection, period, now, _detail(query, slice_lines, whole)):
        connection.execute(_items())
        _show(connection, query, first_line, viewer)
        # Lines come in the order of their numbers as long as they are what is looked up, not what is looked up in.
        connection.execute("SET disabled_optimizers = 'join_order,build_side_probe_side'")
        yield
        connection.execute("RESET disabled_optimizers")
        first_line += connection.execute("SELECT count(*) FROM lines").fetchall()[0][0]


def _detail(query: Query, slice_lines: int, whole: bool) -> Detail:
    """How finely the query's properties ask to see the bill. Only CUR can do without resources or with containers."""
    properties = query.properties
    return Detail(
        granularity=properties.get("TIME_GRANULARITY", "HOURLY"),
        resources=properties.get("INCLUDE_RESOURCES") != "FALSE",
        containers=properties.get("INCLUDE_SPLIT_COST_ALLOCATION_DATA") == "TRUE",
        slice_lines=slice_lines,
        whole=whole,
    )


@cache
def _items() -> str:
    return Path(__file__).with_name("items.sql").read_text(encoding="utf-8")


def _show(connection: duckdb.DuckDBPyConnection, query: Query, first_line: int, viewer: str | None) -> None:
    """Create `export` from the slice that is in `lines` and `items`."""
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
    visible = f"kind NOT IN ({hidden})" + ("" if viewer is None else f" AND account_id = '{viewer}'")
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE described AS SELECT *, {', '.join(items)} FROM items WHERE {visible}"  # noqa: S608
    )
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW export AS SELECT {first_line} + lines.rowid AS line_number, {', '.join(lines)}"  # noqa: S608
        " FROM lines JOIN described USING (meter)"
    )


def _source(column: Column, view: View) -> str:
    """Where a column of the view comes from: its line's expression, its meter's value, or nowhere."""
    if column.name in view.line:
        return view.line[column.name]
    return identifier(column.name) if column.name in view.item else view.empty.get(column.type, "NULL")


def _typed(column: Column, expression: str, view: View) -> str:
    if column.type == "string" and "string" in view.empty:
        expression = f"coalesce({expression}, {view.empty['string']})"
    return f"CAST({expression} AS {SQL_TYPES[column.type]})"


def _invoices(organisation: Organisation, period: date, now: datetime) -> dict[str, str]:
    """The number of each bill's invoice, empty until the month is final."""
    is_final = now >= month_end(period) + FINAL_AFTER
    first = (organisation.seed * 7919 + period.year * 12 + period.month) * len(BILLS)
    numbers = (1_000_000_000 + (first + place) * 104_729 % 899_999_999 for place in range(len(BILLS)))
    return {bill: str(number) if is_final else "" for bill, number in zip(BILLS, numbers, strict=True)}
