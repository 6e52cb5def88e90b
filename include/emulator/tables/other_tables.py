"""The tables beside the charges, all worked out from CUR 2.0, so that every table shows the same organisation.

https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur-dashboard.html
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cor.html
https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-carbon-emissions.html
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache, partial
from pathlib import Path

import duckdb

from emulator.organisation import Organisation, month_end
from emulator.tables.catalog import TABLES
from emulator.tables.charges import create_charges
from emulator.tables.query import Query
from emulator.tables.recommendation_filter import filter_sql

CARBON_LAG = timedelta(days=14)  # from the end of a month to its emissions; AWS says up to 21 days
# What a slice of the bill comes down to for emissions. What sellers on the Marketplace run is not AWS's to account for.
_SPENT = """SELECT bill_payer_account_id AS payer_id, line_item_usage_account_id AS account_id,
        line_item_product_code AS product_code, product_region_code AS region, product_location AS region_name,
        bill_billing_period_start_date AS month_starts, bill_billing_period_end_date AS month_ends,
        sum(pricing_public_on_demand_cost) AS list_cost
    FROM export
    WHERE line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage')
        AND bill_billing_entity = 'AWS'
    GROUP BY ALL"""
# The dashboard's slices (dashboard.sql) as one.
_SUMMED = """CREATE TABLE main.shown AS SELECT * FROM (
    SELECT * REPLACE (sum(amortized_cost) AS amortized_cost, sum(public_cost) AS public_cost,
        sum(resource_id_count)::INTEGER AS resource_id_count, sum(ri_sp_trueup) AS ri_sp_trueup,
        sum(ri_sp_upfront_fees) AS ri_sp_upfront_fees, sum(unblended_cost) AS unblended_cost,
        sum(usage_quantity) AS usage_quantity)
    FROM parts
    GROUP BY ALL
) ORDER BY usage_date, COLUMNS(*)"""
# With `whole` slices it is their lines that take memory; with fewer of them the rest weighs more.
_SLICE_LINES = 100_000


def create_other(
    connection: duckdb.DuckDBPyConnection,
    organisation: Organisation,
    query: Query,
    period: date,
    now: datetime,
    viewer: str | None = None,
) -> Iterator[None]:
    """Show the queried table, as known at `now`, slice by slice as the view `export`: its columns and `line_number`.

    `viewer` is the id of the only account that is shown (None: every account).
    """
    source = connection.cursor()  # the bill is made on a connection of its own, as it has a view `export` as well
    bill = partial(_bill, source, organisation, viewer)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight - timedelta(days=1)
    connection.execute(
        "CREATE TABLE moment AS SELECT $1::TIMESTAMP AS refreshed, $2::TIMESTAMP AS yesterday, $3 AS for_payer",
        [now.astimezone(UTC).replace(tzinfo=None), yesterday.replace(tzinfo=None), viewer is None],
    )
    match query.table.name:
        case "COST_AND_USAGE_DASHBOARD":
            yield from _dashboard(connection, bill(period, now))
        case "COST_OPTIMIZATION_RECOMMENDATIONS":
            yield from _recommendations(connection, bill(yesterday.date(), midnight), query)
        case "CARBON_EMISSIONS" if now >= month_end(period) + CARBON_LAG:
            yield from _carbon(connection, bill(period, now, "MONTHLY", resources="FALSE"))


def _dashboard(connection: duckdb.DuckDBPyConnection, bill: Iterator[duckdb.DuckDBPyConnection]) -> Iterator[None]:
    if _collect(bill, _script("dashboard.sql")):
        connection.execute(_SUMMED)
        _show(connection)
        yield


def _carbon(connection: duckdb.DuckDBPyConnection, bill: Iterator[duckdb.DuckDBPyConnection]) -> Iterator[None]:
    if _collect(bill, _SPENT):
        connection.execute(_script("carbon.sql"))
        _show(connection)
        yield


def _recommendations(
    connection: duckdb.DuckDBPyConnection, bill: Iterator[duckdb.DuckDBPyConnection], query: Query
) -> Iterator[None]:
    best_first = "estimated_monthly_savings_after_discount DESC, recommendation_id"
    best = f"row_number() OVER (PARTITION BY one_of ORDER BY {best_first}) = 1"
    select = (
        f"SELECT * FROM recommended WHERE {filter_sql(query.properties['FILTER'])}"  # noqa: S608
        + ("" if query.properties["INCLUDE_ALL_RECOMMENDATIONS"] == "TRUE" else f" QUALIFY {best}")
        + f" ORDER BY {best_first}"
    )
    done = 0
    for _ in _found(connection, bill):
        connection.execute(_script("recommendations.sql"))
        connection.execute(f"CREATE OR REPLACE TABLE main.shown AS {select}")
        done += _show(connection, done)
        yield


def _found(connection: duckdb.DuckDBPyConnection, bill: Iterator[duckdb.DuckDBPyConnection]) -> Iterator[None]:
    """Make the table `found`: of the resources in each slice of the bill, and at last of what to commit to."""
    for cur in bill:
        cur.execute(_script("resources.sql"))
        yield
    connection.execute(_script("commitments.sql"))
    yield


def _bill(
    connection: duckdb.DuckDBPyConnection,
    organisation: Organisation,
    viewer: str | None,
    period: date,
    now: datetime,
    granularity: str = "DAILY",
    resources: str = "TRUE",
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The connection, slice by slice with CUR 2.0 as its view `export`: all of the month for some of the resources."""
    table = TABLES["COST_AND_USAGE_REPORT"]
    properties = table.effective_properties({"TIME_GRANULARITY": granularity, "INCLUDE_RESOURCES": resources})
    query = Query(table, properties, [])
    for _ in create_charges(connection, organisation, query, period, now, viewer, _SLICE_LINES, whole=True):
        yield connection


def _collect(bill: Iterator[duckdb.DuckDBPyConnection], select: str) -> bool:
    """Keep what `select` makes of the bill's slices as the table `parts`; False if there is no slice."""
    cur = None
    for cur in bill:
        cur.execute(f"CREATE TABLE IF NOT EXISTS main.parts AS {select} LIMIT 0")
        cur.execute(f"INSERT INTO main.parts {select}")
    return cur is not None


def _show(connection: duckdb.DuckDBPyConnection, first: int = 0) -> int:
    """Show the table `shown` as the view `export`, line numbers from `first`; give the number of lines."""
    connection.execute(
        f"CREATE OR REPLACE TEMP VIEW export AS SELECT rowid + {first} AS line_number, * FROM main.shown"  # noqa: S608
    )
    return int(connection.execute("SELECT count(*) FROM export").fetchall()[0][0])


@cache
def _script(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")
