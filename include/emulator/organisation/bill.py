"""One month's bill as DuckDB tables, slice by slice: what month.sql, usage.sql and closing.sql make of the fleet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa

from emulator.organisation import calendar
from emulator.organisation.calendar import hour_number, month_end, month_start
from emulator.organisation.catalogue import PRIVATE_DISCOUNTS, REGIONS, list_rate, rate, skus
from emulator.organisation.fleet import ENVIRONMENTS, PROJECTS, TEAMS, Fleet

SPANS = {"HOURLY": "hour", "DAILY": "day", "MONTHLY": "month"}
# A month that is over is restated: usage comes late (fleet.LAGS), then counts are put right. After the invoice, on the
# eleventh to thirteenth day, money is given back for it: a refund in each third month, a credit in the others.
CORRECTED_AFTER = timedelta(days=4)
GIVEN_BACK_AFTER = timedelta(days=10)
GIVEN_BACK_WITHIN = 72  # hours
SETTLED_AFTER = timedelta(days=14)  # from a month's end until nothing in its bill changes any more
OVERCOUNT = 1.05
FINEST = 1e10  # parts of a unit that quantities are whole numbers of, unless the unit is counted


@dataclass(frozen=True)
class Detail:
    """How finely a bill is shown.

    :param granularity: HOURLY, DAILY or MONTHLY.
    :param resources: a line per resource, or one for all of the same usage, place and tags.
    :param containers: further lines that split machines' costs over the containers on them (needs `resources`).
    :param slice_lines: about how many lines a slice has at most.
    :param whole: a slice has all days of some resources, instead of all resources of some days.
    """

    granularity: str = "HOURLY"
    resources: bool = True
    containers: bool = False
    slice_lines: int = 500_000
    whole: bool = False


def bill_slices(
    connection: duckdb.DuckDBPyConnection,
    fleet: Fleet,
    accounts: Sequence[tuple[str, str]],
    month: date,
    now: datetime,
    detail: Detail,
) -> Iterator[None]:
    """Make the month's bill as known at `now`: after each step the tables `meters` and `lines` hold the next slice.

    The tables skus, regions, accounts and commitments are there from the first step on. Fees, tax and all else that
    needs the month's totals is in the last slice. `accounts` are ids and names.
    """
    starts, ends = month_start(month), month_end(month)
    first_hour = hour_number(starts)
    until_hour = max(first_hour, hour_number(min(now, ends)))
    settings = {
        "seed": fleet.seed,
        "span": SPANS[detail.granularity],
        "resources": detail.resources,
        "month_starts": starts.replace(tzinfo=None),
        "month_ends": ends.replace(tzinfo=None),
        "first_month_hour": first_hour,
        "end_month_hour": hour_number(ends),
        "now_hour": hour_number(now),
        "until_hour": until_hour,
        "overcount": OVERCOUNT if now < ends + CORRECTED_AFTER else 1.0,
        "given_back": _given_back(fleet.seed, month, now - ends),
    }
    for name, value in settings.items():
        connection.execute(f"SET VARIABLE {name} = $1", [value])
    tables = {
        "skus": _skus(),
        "rates": _rates(),
        "regions": _regions(),
        "accounts": _accounts(accounts),
        "commitments": _commitments(fleet, month),
        "tags": _tags(),
        "factors": calendar.factors(fleet.seed, month),
        "shapes": calendar.shapes(),
        "hours": calendar.hours(detail.granularity),
    }
    for name, table in tables.items():
        _load(connection, name, table)
    connection.execute(_script("month"))
    parts = _parts(fleet, max(1, -(-(until_hour - first_hour) // 24)), detail)
    for place, (first_day, days, block) in enumerate(parts, 1):
        hours = first_hour + 24 * first_day, first_hour + 24 * (first_day + days)
        for name, value in (("slice", place), ("first_hour", hours[0]), ("end_hour", hours[1])):
            connection.execute(f"SET VARIABLE {name} = $1", [value])
        _load(connection, "living", fleet.living(*hours, block, detail.resources))
        connection.execute(_script("usage"))
        if detail.containers and detail.resources:
            connection.execute(_script("containers"))
        if place == len(parts):
            connection.execute(_script("closing"))
        connection.execute(_script("lines"))
        yield


def _given_back(seed: int, month: date, passed: timedelta) -> str:
    """The kind of line that gives money back for a month, or '' if so much time after its end it is not yet there."""
    drawn = (seed * 31 + month.year * 12 + month.month) * 29 % GIVEN_BACK_WITHIN
    if passed < GIVEN_BACK_AFTER + timedelta(hours=drawn):
        return ""
    return "credit" if (month.month + seed) % 3 else "refund"


def _parts(fleet: Fleet, all_days: int, detail: Detail) -> list[tuple[int, int, slice]]:
    """First day, number of days and slots of each slice: some days of all slots, or one day of a part of them.

    `all_days` of the month have begun. A month's lines are sums over its days, so they take all days of a part of
    the slots.
    """
    everything = slice(0, len(fleet))
    a_day = 24 if detail.granularity == "HOURLY" else 1
    whole = detail.whole or detail.granularity == "MONTHLY"
    days = all_days if whole else min(all_days, max(1, detail.slice_lines // (len(fleet) * a_day)))
    size = max(1, detail.slice_lines // (a_day * (days if whole else 1)))
    blocks = [everything] if len(fleet) <= size else fleet.blocks(size, detail.resources)
    return [(day, min(days, all_days - day), block) for day in range(0, all_days, days) for block in blocks]


@cache
def _script(name: str) -> str:
    return Path(__file__).with_name(f"{name}.sql").read_text(encoding="utf-8")


def _load(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Copy an Arrow table into the connection, so that the bill does not depend on Python's objects."""
    connection.register("loaded", table)
    connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS FROM loaded")
    connection.unregister("loaded")


@cache
def _skus() -> pa.Table:
    rows = [
        asdict(sku)
        | {"sku": number, "private_discount": PRIVATE_DISCOUNTS.get(sku.product_code, 0.0)}
        | {"grain": 1.0 if sku.counted else FINEST}
        for number, sku in enumerate(skus())
    ]
    return pa.Table.from_pylist(rows).drop(["rate", "kind", "lines", "share"])


@cache
def _rates() -> pa.Table:
    rows = [
        {"sku": number, "region": place, "rate": rate(sku, region), "list_rate": list_rate(sku, region)}
        for number, sku in enumerate(skus())
        for place, region in enumerate(REGIONS)
    ]
    return pa.Table.from_pylist(rows)


@cache
def _regions() -> pa.Table:
    return pa.Table.from_pylist([{"region": number, **asdict(each)} for number, each in enumerate(REGIONS)])


@cache
def _tags() -> pa.Table:
    rows = [
        {"tag": tag, "number": number, "text": text}
        for tag, values in (("team", TEAMS), ("environment", ENVIRONMENTS), ("project", PROJECTS))
        for number, text in enumerate(values, 1)
    ]
    return pa.Table.from_pylist(rows)


def _accounts(accounts: Sequence[tuple[str, str]]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"account": number, "account_id": each[0], "account_name": each[1]} for number, each in enumerate(accounts)]
    )


def _commitments(fleet: Fleet, month: date) -> pa.Table:
    rows = []
    for each in fleet.commitments:
        starts, ends = each.term(month)
        offer = asdict(each.offer) | {"reserves": each.offer.reserves, "commitment_sku": each.sku}
        rows.append(
            {name: offer[name] for name in ("offering", "discount", "upfront", "years", "reserves", "commitment_sku")}
            | {"commitment": each.number, "hourly": each.hourly, "units": each.units, "term_starts": starts}
            | {"term_ends": ends, "term_hours": int((ends - starts).total_seconds()) // calendar.HOUR}
            | {"commitment_id": each.id(fleet.seed, month)}
        )
    return pa.Table.from_pylist(rows)
