"""The tables that are no bill: Cost Optimization Hub's recommendations and carbon emissions, from the same resources.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cor.html
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-carbon-emissions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb

from emulator.charges import create_items
from emulator.organisation import Organisation
from emulator.query import Query

SCRIPTS = {
    "COST_OPTIMIZATION_RECOMMENDATIONS": "recommendations.sql",
    "CARBON_EMISSIONS": "carbon.sql",
}


def create_other(
    connection: duckdb.DuckDBPyConnection, organisation: Organisation, query: Query, period: date, now: datetime
) -> Iterator[None]:
    """Show the queried table, as known at `now`, as the view `export`: its columns and `line_number`. One slice."""
    create_items(connection, organisation, period, now, "MONTHLY")
    refreshed = now.astimezone(UTC).replace(tzinfo=None)
    connection.execute("CREATE TEMP TABLE moment AS SELECT $1::TIMESTAMP AS refreshed", [refreshed])
    script = Path(__file__).with_name(SCRIPTS[query.table.name])
    connection.execute(script.read_text(encoding="utf-8"))
    yield
