"""The shape of a month: how each day and each hour multiplies a slot's quantity, and which spans of time get a line."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import cache

import numpy as np
import pyarrow as pa

from emulator.organisation.fleet import BUSY, FIRST_NOISE, FLAT, GROWING, NOISES, OFFICE, STEADY
from emulator.organisation.growth import growth

HOUR = 3600
# The work of a day by the hour, in UTC: offices, and customers who also come in the evening.
OFFICE_HOURS = [0.0] * 7 + [1.0] * 12 + [0.0] * 5
BUSY_HOURS = [3, 2, 2, 2, 2, 3, 4, 5, 6, 7, 7, 6, 6, 7, 7, 7, 8, 9, 10, 10, 9, 7, 5, 4]
WEEK = (1.04, 1.07, 1.08, 1.07, 1.05, 0.84, 0.85)  # Monday to Sunday


def month_start(month: date) -> datetime:
    """The first moment of the month that `month` is in."""
    return datetime(month.year, month.month, 1, tzinfo=UTC)


def month_end(month: date) -> datetime:
    """The first moment after the month that `month` is in."""
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def hour_number(moment: datetime) -> int:
    """Full hours since 1970."""
    return int(moment.timestamp()) // HOUR


def factors(seed: int, month: date) -> pa.Table:
    """What each day multiplies a slot's quantity with: growth that levels off, the weekly rhythm, and chance."""
    starts, ends = month_start(month), month_end(month)
    random = np.random.default_rng((seed, starts.year, starts.month))
    rows = []
    for day in (starts + timedelta(days=number) for number in range((ends - starts).days)):
        size = growth(day)
        rhythm = WEEK[day.weekday()] * size
        chance = random.normal(1, 0.12, NOISES).clip(0.5, 1.6)
        values = {STEADY: 1.0, GROWING: size} | {
            FIRST_NOISE + number: rhythm * float(each) for number, each in enumerate(chance)
        }
        first_hour = hour_number(day)
        for factor, value in values.items():
            rows.append((factor, day.replace(tzinfo=None), first_hour // 24, day.weekday() > 4, first_hour, value))
    names = ["factor", "day", "day_number", "weekend", "first_hour", "value"]
    return pa.table([list(column) for column in zip(*rows, strict=True)], names=names)


@cache
def shapes() -> pa.Table:
    """The part of a day's quantity that has passed before each hour, per profile."""
    rows = []
    for profile, hours in ((FLAT, [1.0] * 24), (OFFICE, OFFICE_HOURS), (BUSY, BUSY_HOURS)):
        passed = [sum(hours[:hour]) / sum(hours) for hour in range(25)]
        rows += [{"profile": profile, "hour": hour, "passed": each} for hour, each in enumerate(passed)]
    return pa.Table.from_pylist(rows)


def hours(granularity: str) -> pa.Table:
    """The spans of a day that get a line each."""
    step = 1 if granularity == "HOURLY" else 24
    return pa.table({"hour": range(0, 24, step), "next_hour": range(step, 25, step)})
