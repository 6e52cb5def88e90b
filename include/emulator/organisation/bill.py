"""One month's bill as DuckDB tables: what bill.sql makes of the fleet."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from emulator.organisation.catalogue import REGIONS, skus
from emulator.organisation.fleet import BUSY, FIRST_NOISE, FLAT, GROWING, NOISES, OFFICE, STEADY, Fleet

HOUR = 3600
# The work of a day by the hour, in UTC: offices, and customers who also come in the evening.
OFFICE_HOURS = [0.0] * 7 + [1.0] * 12 + [0.0] * 5
BUSY_HOURS = [3, 2, 2, 2, 2, 3, 4, 5, 6, 7, 7, 6, 6, 7, 7, 7, 8, 9, 10, 10, 9, 7, 5, 4]
WEEK = (1.04, 1.07, 1.08, 1.07, 1.05, 0.84, 0.85)  # Monday to Sunday
SPANS = {"HOURLY": "hour", "DAILY": "day", "MONTHLY": "month"}
GROWTH_CENTRE = datetime(2026, 7, 1, tzinfo=UTC)


def month_end(month: date) -> datetime:
    """The first moment after the month that `month` is in."""
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def make_bill(
    connection: duckdb.DuckDBPyConnection,
    fleet: Fleet,
    accounts: Sequence[tuple[str, str]],
    month: date,
    until: datetime,
    granularity: str,
) -> None:
    """Create the tables meters, lines, skus, regions and accounts of the month, up to the last full hour of `until`.

    `accounts` are ids and names, `granularity` is HOURLY, DAILY or MONTHLY.
    """
    starts = datetime(month.year, month.month, 1, tzinfo=UTC)
    ends = month_end(month)
    first_hour = int(starts.timestamp()) // HOUR
    until_hour = max(first_hour, int(min(until, ends).timestamp()) // HOUR)
    living = fleet.living(first_hour, int(ends.timestamp()) // HOUR)
    _load(connection, "living", living.append_column("meter", pa.array(range(living.num_rows))))
    _load(connection, "skus", _skus())
    _load(connection, "regions", _regions())
    _load(connection, "accounts", _accounts(accounts))
    _load(connection, "factors", _factors(fleet.seed, starts, ends))
    _load(connection, "shapes", _shapes())
    _load(connection, "hours", _hours(granularity))
    refund_due = (month.month + fleet.seed) % 3 == 0 and until >= starts + timedelta(days=12)
    settings = {
        "span": SPANS[granularity],
        "month_starts": starts.replace(tzinfo=None),
        "month_ends": ends.replace(tzinfo=None),
        "first_month_hour": first_hour,
        "until_hour": until_hour,
        "commitment": fleet.commitment,
        "refund_due": refund_due,
    }
    _load(connection, "settings", pa.Table.from_pylist([settings]))
    connection.execute(_script())


@cache
def _script() -> str:
    return Path(__file__).with_name("bill.sql").read_text(encoding="utf-8")


def _load(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Copy an Arrow table into the connection, so that the bill does not depend on Python's objects."""
    connection.register("loaded", table)
    connection.execute(f"CREATE TEMP TABLE {name} AS FROM loaded")
    connection.unregister("loaded")


@cache
def _skus() -> pa.Table:
    return pa.Table.from_pylist([{"sku": number, **asdict(sku)} for number, sku in enumerate(skus())]).drop(
        ["rate", "kind"]
    )


@cache
def _regions() -> pa.Table:
    return pa.Table.from_pylist([{"region": number, **asdict(each)} for number, each in enumerate(REGIONS)])


def _accounts(accounts: Sequence[tuple[str, str]]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"account": number, "account_id": each[0], "account_name": each[1]} for number, each in enumerate(accounts)]
    )


def _factors(seed: int, starts: datetime, ends: datetime) -> pa.Table:
    """What each day multiplies a slot's quantity with: growth that levels off, the weekly rhythm, and chance."""
    random = np.random.default_rng((seed, starts.year, starts.month))
    days = [starts + timedelta(days=number) for number in range((ends - starts).days)]
    rows = []
    for day in days:
        growth = 1 + 0.35 * math.tanh((day - GROWTH_CENTRE).days / 730)
        rhythm = WEEK[day.weekday()] * growth
        chance = random.normal(1, 0.12, NOISES).clip(0.5, 1.6)
        values = {STEADY: 1.0, GROWING: growth} | {
            FIRST_NOISE + number: rhythm * float(each) for number, each in enumerate(chance)
        }
        first_hour = int(day.timestamp()) // HOUR
        for factor, value in values.items():
            rows.append((factor, day.replace(tzinfo=None), first_hour // 24, day.weekday() > 4, first_hour, value))
    names = ["factor", "day", "day_number", "weekend", "first_hour", "value"]
    return pa.table([list(column) for column in zip(*rows, strict=True)], names=names)


@cache
def _shapes() -> pa.Table:
    rows = []
    for profile, hours in ((FLAT, [1.0] * 24), (OFFICE, OFFICE_HOURS), (BUSY, BUSY_HOURS)):
        passed = [sum(hours[:hour]) / sum(hours) for hour in range(25)]
        rows += [{"profile": profile, "hour": hour, "passed": each} for hour, each in enumerate(passed)]
    return pa.Table.from_pylist(rows)


def _hours(granularity: str) -> pa.Table:
    """The spans of a day that get a line each."""
    step = 1 if granularity == "HOURLY" else 24
    return pa.table({"hour": range(0, 24, step), "next_hour": range(step, 25, step)})
