"""Deliveries of an export, one after the other: how to look for new ones, and which ones are over."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from bcm.hooks.data_exports import created_at
from bcm.looks import ANY_MOMENT, PAGE, Calls, ExecutionLook, Executions, Forecast, Seen, Steps, export_name, pages
from bcm.statuses import EXECUTION_FAILED, EXECUTION_IN_PROGRESS, EXECUTION_SUCCEEDED

Execution = Mapping[str, Any]

#: While nothing is in process an answer is never due: AWS starts executions when it likes.
IDLE = Forecast(earliest=math.inf)
#: Executions that are this much older than the newest are over: AWS promises no order, and shows new things late.
KEPT = timedelta(days=2)
#: One that is in process keeps the younger ones remembered, but no longer than this: what is remembered has a bound.
HELD = timedelta(days=30)


def code(execution: Execution) -> str:
    """Return an execution's status code."""
    return str(execution["ExecutionStatus"].get("StatusCode"))


def ended(execution: Execution) -> bool:
    """Tell whether an execution will not change any more. One whose status is not known may."""
    return code(execution) == EXECUTION_SUCCEEDED or code(execution) in EXECUTION_FAILED


@dataclass
class DeliveriesLook(ExecutionLook):
    """Looks for executions of an export that have ended since the last news, in the survey that sensors share.

    The verdict of a look with news is ``outcome`` "news" and ``executions``: all that AWS lists.
    """

    known: frozenset[str] | None = None

    @property
    def target(self) -> str:
        """Say what is awaited."""
        return f"deliveries of export {export_name(self.export_arn)}"

    def steps(self, survey: Executions | None = None) -> Steps:
        """Yield the calls of one look and return what it saw.

        :param survey: a fresh one; None when nobody shares it
        """
        if survey is None:
            survey = yield from self.survey()
        going_on = [one for one in survey.newest if not ended(one)]
        told = [f"execution {one['ExecutionId']} is {code(one)}" for one in going_on or survey.newest[:1]]
        running = any(code(one) in EXECUTION_IN_PROGRESS for one in going_on)
        over = frozenset(one["ExecutionId"] for one in survey.newest if ended(one))
        verdict: dict[str, Any] | None = None
        if self.known is None or not over <= self.known:
            self.known = over
            verdict = {"outcome": "news", "executions": survey.newest}
        return Seen(", ".join(told) or "no execution yet", verdict, ANY_MOMENT if running else IDLE)


@dataclass
class ExportLook:
    """Looks for an export by its name; the verdict's ``export_arn`` is None while there is none.

    :param name: the export's name, unique in its account
    """

    name: str

    @property
    def subject(self) -> str:
        """Return what a survey is of: one list names every export of the account."""
        return "exports"

    @property
    def target(self) -> str:
        """Say what is awaited."""
        return f"an export named {self.name}"

    def survey(self) -> Calls:
        """Yield the calls whose answers all looks share, and return the ARN of each export by name."""
        exports = yield from pages("list_exports", "Exports", MaxResults=PAGE)
        return {one["ExportName"]: one["ExportArn"] for one in exports}

    def steps(self, survey: Mapping[str, str] | None = None) -> Steps:
        """Return what the survey says of this export."""
        if survey is None:
            survey = yield from self.survey()
        arn = survey.get(self.name)
        status = "it exists" if arn else "there is none"
        return Seen(status, {"outcome": "success", "export_arn": arn}, IDLE)


@dataclass(frozen=True)
class Memory:
    """Which executions of an export are over: delivered and told, or failed. Times are AWS's own.

    :param after: executions created before are over; None if none is
    :param over: of the others, when each that is over was created, by id
    """

    after: datetime | None = None
    over: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def first(cls, executions: Iterable[Execution], since: datetime | None) -> Memory:
        """Return what to begin with: with ``since`` what was created before is over, else all that has ended."""
        return cls(after=since) if since else cls().grown(executions)

    @classmethod
    def loaded(cls, kept: Mapping[str, Any]) -> Memory:
        """Return what :meth:`dumped` made plain."""
        after = datetime.fromisoformat(kept["after"]) if kept["after"] else None
        return cls(after, {name: datetime.fromisoformat(created) for name, created in kept["over"].items()})

    def dumped(self) -> dict[str, Any]:
        """Return it as plain JSON, of 100 bytes an execution at most."""
        over = {name: _text(created) for name, created in sorted(self.over.items())}
        return {"after": _text(self.after) if self.after else None, "over": over}

    def merged(self, other: Memory) -> Memory:
        """Return what is over by either."""
        after = max((one.after for one in (self, other) if one.after), default=None)
        return Memory(after, {**self.over, **other.over})

    def news(self, executions: Iterable[Execution]) -> list[Execution]:
        """Return those that have ended but are not over yet, the oldest first."""
        found = [one for one in executions if ended(one) and self._is_news(one)]
        return sorted(found, key=created_at)

    def grown(self, executions: Iterable[Execution]) -> Memory:
        """Return the memory in which all that has ended is over, without what need not be remembered any more."""
        executions = list(executions)
        if not executions:
            return self
        over = {**self.over, **{one["ExecutionId"]: created_at(one) for one in self.news(executions)}}
        newest = max(map(created_at, executions))
        going_on = (created_at(one) for one in executions if not ended(one))
        after = max(min([newest - KEPT, *going_on]), newest - HELD, self.after or newest - HELD)
        return Memory(after, {name: created for name, created in over.items() if created >= after})

    def _is_news(self, execution: Execution) -> bool:
        recent = self.after is None or created_at(execution) >= self.after
        return recent and execution["ExecutionId"] not in self.over


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()
