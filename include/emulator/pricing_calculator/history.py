"""The bill that an estimate starts from: the month's charges before tax, as CUR 2.0 shows them at that time.

AWS: the anniversary bill's charges before tax, with credits and refunds as they were, and existing commitments.
https://docs.aws.amazon.com/cost-management/latest/userguide/pc-bill-estimate.html
Reading the same table that is exported keeps both reconcilable: the historical total is the sum of
line_item_unblended_cost over the lines of whatever type that history.sql keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from emulator.organisation import SETTLED_AFTER, Organisation, month_end
from emulator.pricing_calculator.bill_parts import Hours, Owned, Part, owned_of, part_of
from emulator.pricing_calculator.lines import SkuKey
from emulator.pricing_calculator.products import COVERABLE
from emulator.tables.charges import create_charges
from emulator.tables.query import parse

Proceed = Callable[[], None]

_TABLE = "COST_AND_USAGE_REPORT"
# Parts, some 4 kB each, and parts' hours, some 7 kB: 400 to 500 MB. A large organisation's month has 20,000 parts.
_KEPT_PARTS = 100_000
# Lines that are read at a time: between two such slices a reading can be given up: about a second.
_SLICE_LINES = 200_000
_PATIENCE_SECONDS = 0.1
_PARTS = """
    SELECT number, service, usage_type, operation, account, type, zone, plan, reservation, unit, location, region,
        instance_type, account_name, service_name, tags, categories, coalesce(sum(quantity), 0) AS quantity,
        coalesce(sum(cost), 0) AS cost, coalesce(sum(list_cost), 0) AS list_cost,
        coalesce(sum(effective_cost), 0) AS effective_cost
    FROM {} GROUP BY ALL"""
_OWNED = """
    SELECT plan, reservation, account, kind, payment, term, place, family, instance_type, type,
        sum(quantity) AS quantity, sum(cost) AS cost, sum(amortized_upfront) AS amortized_upfront
    FROM {} WHERE type IN ('SavingsPlanRecurringFee', 'RIFee') GROUP BY ALL"""
_HOURLY = """
    SELECT number, hour, type, sum(quantity) AS quantity FROM {}
    WHERE type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage') GROUP BY ALL"""


@dataclass
class History:
    """An organisation's month as known at a moment. ``parts`` are sorted, ``by_key`` has those that are usage."""

    organisation: Organisation
    month: date
    known_at: datetime
    parts: list[Part]
    owned: list[Owned]
    by_key: dict[SkuKey, list[Part]]
    _hourly: dict[int, Hours] | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    @property
    def hours(self) -> int:
        """How many hours the month has."""
        return (month_end(self.month).date() - self.month).days * 24

    @property
    def hourly(self) -> dict[int, Hours]:
        """The quantities of the parts that commitments can cover, by the part's number."""
        return self.read_hours()

    @property
    def size(self) -> int:
        """How many parts and parts' hours are in memory."""
        return len(self.parts) + len(self._hourly or ())

    def read_hours(self, proceed: Proceed = lambda: None) -> dict[int, Hours]:
        """Read :attr:`hourly`, once; that takes several times as long as the rest."""
        with _held(self._lock, proceed):
            if self._hourly is None:
                self._hourly = _read_hours(self, proceed)
            return self._hourly


def history_of(organisation: Organisation, month: date, now: datetime, proceed: Proceed = lambda: None) -> History:
    """Give an organisation's month as it was known at the last midnight; it follows from the organisation alone.

    It is read once: who asks meanwhile waits for it. That takes a second, and a minute in the largest organisation:
    ask before taking the world's lock, which is never taken here.

    :param month: its first day.
    :param now: the emulated time.
    :param proceed: called now and then, also while another reads; what it raises ends the reading or the wait.
    """
    known_at = min(datetime.combine(now.date(), time(), UTC), month_end(month) + SETTLED_AFTER)
    key = (organisation, month, known_at)
    with _lock:
        slot = _recent.pop(key, None) or _Slot()
        _recent[key] = slot
    with _held(slot.lock, proceed):
        if slot.history is None:
            slot.history = _read(organisation, month, known_at, proceed)
    with _lock:
        while len(_recent) > 1 and sum(each.size for each in _recent.values()) > _KEPT_PARTS:
            del _recent[next(iter(_recent))]
    return slot.history


@dataclass
class _Slot:
    """The place of a history; ``lock`` is held while it is read."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    history: History | None = None

    @property
    def size(self) -> int:
        return self.history.size if self.history else 0


_lock = threading.Lock()
_recent: dict[tuple[Organisation, date, datetime], _Slot] = {}
"""What was read, the latest used last; ``_lock`` is held no longer than one looks into it."""


@contextmanager
def _held(lock: threading.Lock, proceed: Proceed) -> Iterator[None]:
    """Hold a lock that another may hold for a minute, calling ``proceed`` until it is had."""
    while not lock.acquire(timeout=_PATIENCE_SECONDS):
        proceed()
    try:
        yield
    finally:
        lock.release()


def _read(organisation: Organisation, month: date, known_at: datetime, proceed: Proceed) -> History:
    selects = {"history_parts": _PARTS, "history_owned": _OWNED}
    with _reading(organisation, month, known_at, "MONTHLY", selects, proceed) as connection:
        parts = [part_of(row) for row in _rows(connection, _PARTS.format("history_parts"))]
        owned = [owned_of(row) for row in _rows(connection, _OWNED.format("history_owned"))]
    parts.sort(key=lambda part: (part.key, part.type, part.commitment, part.number))
    owned.sort(key=lambda one: one.arn)
    by_key: dict[SkuKey, list[Part]] = {}
    for part in parts:
        if part.is_usage:
            by_key.setdefault(part.key, []).append(part)
    return History(organisation, month, known_at, parts, owned, by_key)


def _read_hours(history: History, proceed: Proceed) -> dict[int, Hours]:
    selects = {"history_hours": _HOURLY}
    organisation = replace(history.organisation, usage_types=COVERABLE)
    with _reading(organisation, history.month, history.known_at, "HOURLY", selects, proceed) as connection:
        used = connection.execute(_HOURLY.format("history_hours") + " ORDER BY number, hour").fetchnumpy()
    numbers, rows = np.unique(used["number"], return_inverse=True)
    table = np.zeros((len(numbers), history.hours))
    table[rows, used["hour"] - (history.month - date(1970, 1, 1)).days * 24] = used["quantity"]
    return dict(zip(numbers.tolist(), table, strict=True))


@contextmanager
def _reading(
    organisation: Organisation,
    month: date,
    known_at: datetime,
    granularity: str,
    selects: Mapping[str, str],
    proceed: Proceed,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Read the month's CUR, slice by slice, and give what each of ``selects`` found as a table of that name."""
    query = parse(f"SELECT line_item_usage_amount FROM {_TABLE}", {_TABLE: {"TIME_GRANULARITY": granularity}})  # noqa: S608
    with duckdb.connect() as connection:
        slices = create_charges(connection, organisation, query, month, known_at, slice_lines=_SLICE_LINES)
        for place, _ in enumerate(slices):
            proceed()
            if not place:
                connection.execute(Path(__file__).with_name("history.sql").read_text(encoding="utf-8"))
            for name, select in selects.items():
                start = f"INSERT INTO {name}" if place else f"CREATE TEMP TABLE {name} AS"
                connection.execute(start + select.format("history_lines"))
        yield connection


def _rows(connection: duckdb.DuckDBPyConnection, select: str) -> list[dict[str, Any]]:
    result = connection.execute(select)
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
