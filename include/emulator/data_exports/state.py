"""What the emulator remembers of exports and executions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from emulator.protocol.errors import not_found


@dataclass
class Execution:
    """One run of an export for one partition.

    :param id: a UUID.
    :param period: the first day of the billing period that it covers (the day itself for daily tables).
    :param snapshot: the export as it was defined when the run began.
    :param status: one of AWS's ExecutionStatusCode values; ``reason`` is set when it ends in failure.
    """

    id: str
    period: date
    snapshot: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    status: str = "INITIATION_IN_PROCESS"
    reason: str | None = None
    completed_at: datetime | None = None

    def move(self, status: str, at: datetime, reason: str | None = None) -> None:
        """Enter a status."""
        self.status, self.reason, self.updated_at = status, reason, at

    def describe(self) -> dict[str, Any]:
        """Give AWS's ExecutionStatus."""
        return {
            "StatusCode": self.status,
            "StatusReason": self.reason,
            "CreatedAt": self.created_at,
            "CompletedAt": self.completed_at,
            "LastUpdatedAt": self.updated_at,
        }


@dataclass
class ExportRecord:
    """One export.

    :param table: the name of the table that it queries, which never changes.
    :param definition: AWS's Export as it is echoed, with its ARN and with the properties that nobody sent. An update
        puts another in its place: executions keep theirs as their snapshot.
    :param tags: value by key.
    :param judged_at: when the delivery was due that ``health`` and ``reason`` speak of.
    :param runs: how many runs there have been; durations are drawn by this number.
    :param number: its place among all exports that ever were, from 1; :meth:`ExportBook.add` gives it.
    :param next_run_at: when the next run begins. AWS has no word for it; the status page shows it.
    :param chunks: per data path, how many chunks the last delivery left there (overwrite mode blanks the surplus).
    """

    account: str
    arn: str
    table: str
    definition: dict[str, Any]
    tags: dict[str, str]
    created_at: datetime
    updated_at: datetime
    refreshed_at: datetime | None = None
    health: str = "HEALTHY"
    reason: str | None = None
    judged_at: datetime | None = None
    runs: int = 0
    next_run_at: datetime | None = None
    number: int = 0
    executions: list[Execution] = field(default_factory=list)
    chunks: dict[str, int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The export's name, which never changes."""
        return str(self.definition["Name"])

    def judge(self, at: datetime, reason: str | None = None) -> None:
        """Take over the result of the delivery that was due at ``at``: healthy without a ``reason``.

        A delivery that was written late says nothing any more of the export's health.
        """
        if reason is None:
            self.refreshed_at = max(at, self.refreshed_at or at)
        if self.judged_at is None or at >= self.judged_at:
            self.health, self.reason, self.judged_at = ("UNHEALTHY" if reason else "HEALTHY"), reason, at
            self.updated_at = max(at, self.updated_at)

    def describe(self) -> dict[str, Any]:
        """Give AWS's ExportStatus."""
        return {
            "StatusCode": self.health,
            "StatusReason": self.reason,
            "CreatedAt": self.created_at,
            "LastUpdatedAt": self.updated_at,
            "LastRefreshedAt": self.refreshed_at,
        }

    def execution(self, execution_id: str) -> Execution:
        """Find an execution.

        :raises ServiceError: ResourceNotFoundException.
        """
        for execution in self.executions:
            if execution.id == execution_id:
                return execution
        raise not_found("Execution", execution_id)


class ExportBook:
    """All exports of all accounts. ``made`` counts those that ever were."""

    def __init__(self) -> None:
        self._records: dict[str, ExportRecord] = {}
        self.made = 0

    def add(self, record: ExportRecord) -> None:
        """Enter an export."""
        self.made += 1
        record.number = self.made
        self._records[record.arn] = record

    def remove(self, record: ExportRecord) -> None:
        """Strike an export out; its executions under way come to nothing."""
        del self._records[record.arn]

    def holds(self, record: ExportRecord) -> bool:
        """Say whether the export still exists."""
        return self._records.get(record.arn) is record

    def all(self) -> list[ExportRecord]:
        """Give every account's exports in the order of their creation."""
        return list(self._records.values())

    def of(self, account: str) -> Iterator[ExportRecord]:
        """Give an account's exports in the order of their creation."""
        return (record for record in self._records.values() if record.account == account)

    def after(self, account: str, number: int) -> Iterator[tuple[int, ExportRecord]]:
        """Give an account's exports that were made after the one of that number, each with its own."""
        return ((record.number, record) for record in self.of(account) if record.number > number)

    def find(self, account: str, arn: str) -> ExportRecord:
        """Find an export of the account's.

        :raises ServiceError: ResourceNotFoundException, also for another account's export.
        """
        record = self._records.get(arn)
        if record is None or record.account != account:
            raise not_found("Export", arn)
        return record
