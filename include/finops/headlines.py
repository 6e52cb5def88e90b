"""The figures at the top of an export's page, computed by the engine over `charges`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from finops.engine import Engine
from finops.times import as_utc

_SETTLING = timedelta(days=1)
"""How long after a day ends its charges keep arriving: a day younger than this counts as incomplete."""


@dataclass(frozen=True)
class Mover:
    """The service whose usage cost per day changed most between two spans of `days` complete days each."""

    service_name: str
    before: float
    after: float
    days: int


@dataclass(frozen=True)
class Headlines:
    """Totals of one delivery. `currency` is empty if not delivered, and lists several with commas.

    `incomplete_day` is the last day of charges if AWS had not yet delivered all of it, else None.
    """

    rows: int
    billed_cost: float
    effective_cost: float
    currency: str
    services: int
    accounts: int
    first_day: date | None
    last_day: date | None
    incomplete_day: date | None
    mover: Mover | None


def read_headlines(engine: Engine, delivered_at: datetime | None) -> Headlines:
    """Compute the figures. `delivered_at` (UTC) decides whether the last day is complete."""
    (row,) = engine.query(
        "the totals",
        """SELECT count(*) AS rows, coalesce(sum(billed_cost), 0) AS billed_cost,
             coalesce(sum(effective_cost), 0) AS effective_cost,
             coalesce(string_agg(DISTINCT currency, ', ' ORDER BY currency), '') AS currency,
             count(DISTINCT service_name) AS services, count(DISTINCT account_id) AS accounts,
             min(charge_date) AS first_day, max(charge_date) AS last_day
           FROM charges""",
    ).to_pylist()
    incomplete = _incomplete(row["last_day"], delivered_at)
    return Headlines(
        **row, incomplete_day=incomplete, mover=_mover(engine, row["first_day"], row["last_day"], incomplete)
    )


def _incomplete(last: date | None, delivered_at: datetime | None) -> date | None:
    if last is None:
        return None
    following = last + timedelta(days=1)
    if delivered_at is None:
        return None if following.day == 1 else last
    return last if as_utc(delivered_at).date() < following + _SETTLING else None


def _mover(engine: Engine, first: date | None, last: date | None, incomplete: date | None) -> Mover | None:
    """Compare the last week of complete days with the one before, or the two halves of a shorter period."""
    if first is None or last is None:
        return None
    end = last if incomplete else last + timedelta(days=1)
    days = min(7, (end - first).days // 2)
    if days < 1:
        return None
    middle, start = end - timedelta(days=days), end - timedelta(days=2 * days)
    found = engine.query(
        "the top mover",
        f"""SELECT service_name,
              coalesce(sum(billed_cost) FILTER (charge_date < DATE '{middle}'), 0) / {days} AS before,
              coalesce(sum(billed_cost) FILTER (charge_date >= DATE '{middle}'), 0) / {days} AS after
            FROM charges
            WHERE charge_category = 'Usage' AND charge_date >= DATE '{start}' AND charge_date < DATE '{end}'
            GROUP BY service_name ORDER BY abs(after - before) DESC, service_name LIMIT 1""",  # noqa: S608 (dates)
    ).to_pylist()
    return Mover(days=days, **found[0]) if found and found[0]["before"] != found[0]["after"] else None
