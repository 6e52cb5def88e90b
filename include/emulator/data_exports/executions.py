"""When exports run and how a run goes.

AWS says: the first delivery within 24 hours; then cost tables at least daily and up to three times a day, and the
partition of a closed month for two weeks more; recommendations daily; carbon monthly, up to 21 days late, and the last
38 months when the export is new. There is no way to ask for a run. The times are drawn from the seed, the account and
the export's name, so a world with the same seed runs the same way.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import random
import uuid
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING

from emulator.data_exports.shipment import Delivery
from emulator.data_exports.state import Execution, ExportRecord

if TYPE_CHECKING:
    from emulator.world import World

_FIRST_RUN_HOURS = (1.0, 6.0)
_NEXT_RUN_HOURS = (8.0, 11.0)
_DAILY_RUN_HOURS = (2.0, 10.0)  # of the day
_CARBON_DAYS = (15, 21)  # of the month, when the emissions of the month before are published
_CARBON_BACKFILL_MONTHS = 38
_RUN_MINUTES = (5.0, 40.0)
_RESTATED_UNTIL_DAY = 14
# The share of a run's time after which it enters each status; delivery ends it.
_PHASES = (("QUERY_QUEUED", 0.05), ("QUERY_IN_PROCESS", 0.15), ("DELIVERY_IN_PROCESS", 0.7))


class Runner:
    """Runs exports on the world's timeline."""

    def __init__(self, world: World) -> None:
        self._world = world

    def start(self, record: ExportRecord) -> None:
        """Plan a new export's first run."""
        draw = self._draw("run", record)
        self._plan(record, record.created_at + timedelta(hours=draw.uniform(*_FIRST_RUN_HOURS)))

    def _plan(self, record: ExportRecord, at: datetime) -> None:
        record.next_run_at = at
        self._world.timeline.schedule(at, partial(self._run, record))

    def _draw(self, what: str, record: ExportRecord, *key: object) -> random.Random:
        return self._world.draw(what, record.account, record.name, record.runs, *key)

    def _run(self, record: ExportRecord, at: datetime) -> None:
        if not self._world.exports.holds(record):
            return
        record.runs += 1
        for period in periods(record.table, at, is_first=record.runs == 1):
            draw = self._world.draw("execution", record.arn, record.runs, period)
            execution_id = str(uuid.UUID(int=draw.getrandbits(128), version=4))
            execution = Execution(execution_id, period, record.definition, created_at=at, updated_at=at)
            record.executions.append(execution)
            self._plan_phases(record, execution)
        self._plan(record, next_run(record.table, at, self._draw("run", record)))

    def _plan_phases(self, record: ExportRecord, execution: Execution) -> None:
        draw = self._draw("execution", record, execution.period)
        lasts = timedelta(minutes=draw.uniform(*_RUN_MINUTES))
        says_when_completed = draw.random() < 0.5
        schedule = self._world.timeline.schedule
        for status, share in _PHASES:
            enter = partial(self._enter, record, execution, status)
            schedule(execution.created_at + lasts * share, enter)
        schedule(execution.created_at + lasts, partial(self._finish, record, execution, says_when_completed))

    def _enter(self, record: ExportRecord, execution: Execution, status: str, at: datetime) -> None:
        if not self._is_alive(record, execution):
            return
        if status == "DELIVERY_IN_PROCESS" and self._fails(record, execution, "QUERY_FAILURE", at):
            return
        execution.move(status, at)

    def _finish(self, record: ExportRecord, execution: Execution, says_when_completed: bool, at: datetime) -> None:
        if not self._is_alive(record, execution) or self._fails(record, execution, "DELIVERY_FAILURE", at):
            return
        self._world.deliveries.accept(Delivery(record, execution, at, says_when_completed))

    def _is_alive(self, record: ExportRecord, execution: Execution) -> bool:
        return self._world.exports.holds(record) and not execution.status.endswith("_FAILURE")

    def _fails(self, record: ExportRecord, execution: Execution, status: str, at: datetime) -> bool:
        reason = self._world.faults.for_execution(record.name, record.account, status)
        if reason is None:
            return False
        self._fail(record, execution, status, reason, at)
        return True

    def _fail(self, record: ExportRecord, execution: Execution, status: str, reason: str, at: datetime) -> None:
        execution.move(status, at, reason)
        record.judge(at, reason)


def periods(table: str, at: datetime, *, is_first: bool = False) -> list[date]:
    """Give the partitions that a run at ``at`` covers, the export's first or another.

    Cost tables: the month's, and in its first two weeks the previous month's before it. Recommendations: the day's.
    Carbon: the last month that is published, in the first run all 38.
    """
    month = at.date().replace(day=1)
    previous = _months_before(month, 1)
    if table == "COST_OPTIMIZATION_RECOMMENDATIONS":
        return [at.date()]
    if table == "CARBON_EMISSIONS":
        published = previous if at.day >= _CARBON_DAYS[0] else _months_before(previous, 1)
        return [_months_before(published, back) for back in reversed(range(_CARBON_BACKFILL_MONTHS if is_first else 1))]
    return [previous, month] if at.day <= _RESTATED_UNTIL_DAY else [month]


def next_run(table: str, at: datetime, draw: random.Random) -> datetime:
    """Give the time of the run that follows the one at ``at``."""
    if table == "COST_OPTIMIZATION_RECOMMENDATIONS":
        return _midnight(at, at.date() + timedelta(days=1)) + timedelta(hours=draw.uniform(*_DAILY_RUN_HOURS))
    if table == "CARBON_EMISSIONS":
        first, last = _CARBON_DAYS
        month = at.date().replace(day=1)
        due = month if at.day < first else (month + timedelta(days=31)).replace(day=1)
        return _midnight(at, due.replace(day=first)) + timedelta(days=draw.uniform(0, last - first))
    return at + timedelta(hours=draw.uniform(*_NEXT_RUN_HOURS))


def _months_before(month: date, count: int) -> date:
    year, months = divmod(month.year * 12 + month.month - 1 - count, 12)
    return date(year, months + 1, 1)


def _midnight(at: datetime, day: date) -> datetime:
    return datetime.combine(day, time(), at.tzinfo)
