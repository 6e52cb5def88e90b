"""The files of an export: a query over the simulated organisation's bill, as Parquet or as gzipped CSV."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import duckdb

from emulator.charges import VIEWS, create_charges
from emulator.organisation import Organisation
from emulator.other_tables import create_other
from emulator.query import OutputColumn, Query
from emulator.sql_conditions import identifier

COPY_OPTIONS = {
    "PARQUET": "FORMAT parquet, COMPRESSION snappy",
    "TEXT_OR_CSV": "FORMAT csv, HEADER, COMPRESSION gzip",
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
        create = create_charges if query.table.name in VIEWS else create_other
        for _ in create(connection, organisation, query, period, now):
            for first, last in _chunks(connection, query, chunk_rows):
                path = Path(folder) / "chunk"
                connection.execute(
                    f"COPY (SELECT {', '.join(_output(each, output) for each in query.columns)} FROM export"  # noqa: S608
                    f" WHERE line_number BETWEEN {first} AND {last} AND {query.where_sql()})"
                    f" TO '{path}' ({COPY_OPTIONS[output]})"
                )
                yield path.read_bytes()
                path.unlink()


def _chunks(connection: duckdb.DuckDBPyConnection, query: Query, rows: int | None) -> list[tuple[int, int]]:
    """The first and last line number of each file. LIMIT cuts the last one: lines are in a fixed order."""
    limit = "" if query.limit is None else f"LIMIT {min(query.limit, 2**62)}"
    return connection.execute(
        f"SELECT min(line_number), max(line_number) FROM ("  # noqa: S608
        f" SELECT line_number, (row_number() OVER (ORDER BY line_number) - 1) // {rows or 2**62} AS chunk"
        f" FROM export WHERE {query.where_sql()} ORDER BY line_number {limit})"
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
