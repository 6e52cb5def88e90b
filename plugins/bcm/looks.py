"""How to look at what is awaited, once: which calls to make and what their answers mean.

A look is made of generators that yield calls and are sent their answers, so that the worker (boto3) and the
triggerer (aiobotocore, one survey for many waits) run the very same steps.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol

from bcm.hooks.data_exports import created_at, differences, newest_first
from bcm.statuses import ESTIMATE_IN_PROGRESS, Verdict, judge_estimate, judge_execution

#: Items of a page of Data Exports, the most that AWS allows: an export's executions become thousands in a few years.
PAGE = 300
#: How many executions a look goes back for one that matches; AWS makes up to three a day and billing period.
LOOK_BACK = 20
#: No bill estimate ends before this age; AWS's user guide names 20 minutes as the shortest.
ESTIMATE_EARLIEST = timedelta(minutes=20)
#: When a bill estimate is due: AWS's API reference names 8 to 12 hours.
ESTIMATE_DUE = (timedelta(hours=8), timedelta(hours=12))


class Call(NamedTuple):
    """One call of a boto3 client's method."""

    method: str
    kwargs: dict[str, Any]

    def on(self, client: Any) -> Any:
        """Make the call on a boto3 client, or return the awaitable of an aiobotocore one."""
        return getattr(client, self.method)(**self.kwargs)


class Forecast(NamedTuple):
    """When the answer may come, in seconds from now; negative numbers lie in the past.

    :param earliest: not before
    :param due: from then on at any time
    :param overdue: from then on nobody knows
    """

    earliest: float = 0.0
    due: float = math.inf
    overdue: float = math.inf


UNKNOWN = Forecast()
ANY_MOMENT = Forecast(due=0.0)


class Seen(NamedTuple):
    """What a look saw.

    :param status: for a person, e.g. ``QUERY_IN_PROCESS`` or ``no execution yet``
    :param verdict: None while the wait goes on
    :param forecast: when to look again
    """

    status: str
    verdict: Verdict | None
    forecast: Forecast = UNKNOWN


Calls = Generator[Call, dict[str, Any], Any]
Steps = Generator[Call, dict[str, Any], Seen]


class Executions(NamedTuple):
    """The survey of one export: its executions, the newest first, and by id."""

    newest: list[dict[str, Any]]
    by_id: dict[str, dict[str, Any]]


@dataclass
class ExecutionLook:
    """Looks for an execution of an export.

    :param export_arn: the export
    :param execution_id: the execution, when it is known; else the newest one that the other two allow
    :param since: only executions created at or after this time
    :param export: only executions whose snapshot of the export has what this ``Export`` names
    """

    export_arn: str
    execution_id: str | None = None
    since: datetime | None = None
    export: Mapping[str, Any] | None = None
    _matches: dict[str, bool] = field(default_factory=dict, repr=False)

    @classmethod
    def rendered(
        cls, export_arn: str, execution_id: str | None, since: str | None, export: Mapping[str, Any] | None
    ) -> ExecutionLook:
        """Return a look from what templates rendered to: what came to nothing is no limit.

        :param since: ISO 8601; without a zone it is UTC
        :raises ValueError: when ``since`` is no time
        """
        since, moment = _given(since), None
        if since:
            try:
                moment = datetime.fromisoformat(since)
            except ValueError as error:
                raise ValueError(f"since: {since!r} is not ISO 8601, such as 2026-11-20T06:00:00Z.") from error
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return cls(export_arn, _given(execution_id), moment, export or None)

    @property
    def subject(self) -> str:
        """Return what a survey is of: looks with one subject share it."""
        return self.export_arn

    @property
    def target(self) -> str:
        """Say what is awaited."""
        export = export_name(self.export_arn)
        if self.execution_id:
            return f"execution {self.execution_id} of export {export}"
        after = f" created since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        return f"an execution of export {export}{after}"

    def survey(self) -> Calls:
        """Yield the calls whose answers all looks with this subject share, and return :class:`Executions`."""
        executions = yield from pages("list_executions", "Executions", ExportArn=self.export_arn, MaxResults=PAGE)
        return Executions(newest_first(executions), {one["ExecutionId"]: one for one in executions})

    def steps(self, survey: Executions | None = None) -> Steps:
        """Yield the calls of one look and return what it saw.

        :param survey: a fresh one; None when nobody shares it
        """
        if self.execution_id:
            known = survey.by_id.get(self.execution_id) if survey else None
            return self._seen(known or (yield self._get(self.execution_id)))
        if survey is None:
            survey = yield from self.survey()
        for execution in survey.newest[:LOOK_BACK]:
            if self.since and created_at(execution) < self.since:
                break
            if (yield from self._matching(execution["ExecutionId"])):
                return self._seen(execution)
        return Seen("no execution yet", None)

    def _matching(self, execution_id: str) -> Generator[Call, dict[str, Any], bool]:
        """Compare an execution's snapshot, which never changes: it is fetched once."""
        if self.export is None:
            return True
        if execution_id not in self._matches:
            answer = yield self._get(execution_id)
            self._matches[execution_id] = not differences(self.export, answer.get("Export"))
        return self._matches[execution_id]

    def _get(self, execution_id: str) -> Call:
        return Call("get_execution", {"ExportArn": self.export_arn, "ExecutionId": execution_id})

    def _seen(self, execution: Mapping[str, Any]) -> Seen:
        code = execution["ExecutionStatus"].get("StatusCode")
        verdict = judge_execution(self.export_arn, execution)
        return Seen(f"execution {execution['ExecutionId']} is {code}", verdict, ANY_MOMENT)


@dataclass
class EstimateLook:
    """Looks for the end of a bill estimate.

    :param bill_estimate_id: the bill estimate
    """

    bill_estimate_id: str

    @property
    def subject(self) -> str:
        """Return what a survey is of: one list names every estimate of the account that is in progress."""
        return "bill estimates"

    @property
    def target(self) -> str:
        """Say what is awaited."""
        return f"bill estimate {self.bill_estimate_id}"

    def forecast(self, age: timedelta) -> Forecast:
        """Return when an estimate of this age may end, by AWS's documentation."""
        return Forecast(*((moment - age).total_seconds() for moment in (ESTIMATE_EARLIEST, *ESTIMATE_DUE)))

    def survey(self) -> Calls:
        """Yield the calls whose answers all looks share, and return when each running estimate was created, by id."""
        filters = [{"name": "STATUS", "values": [ESTIMATE_IN_PROGRESS], "matchOption": "EQUALS"}]
        running = yield from pages("list_bill_estimates", "items", filters=filters, maxResults=25)
        return {summary["id"]: summary.get("createdAt") for summary in running}

    def steps(self, survey: Mapping[str, datetime | None] | None = None) -> Steps:
        """Yield the calls of one look and return what it saw: an estimate in the survey needs none.

        :param survey: a fresh one; None when nobody shares it
        """
        if survey is not None and self.bill_estimate_id in survey:
            return self._in_progress(survey[self.bill_estimate_id])
        answer = yield Call("get_bill_estimate", {"identifier": self.bill_estimate_id})
        verdict = judge_estimate(answer)
        return self._in_progress(answer.get("createdAt")) if verdict is None else Seen(answer["status"], verdict)

    def _in_progress(self, created: datetime | None) -> Seen:
        age = datetime.now(UTC) - created if created else timedelta()
        return Seen(ESTIMATE_IN_PROGRESS, None, self.forecast(age))


class Look(Protocol):
    """What to look at. Looks with one subject share a survey, and each takes from it what it needs."""

    @property
    def subject(self) -> str:
        """Return what a survey is of."""

    @property
    def target(self) -> str:
        """Say what is awaited."""

    def survey(self) -> Calls:
        """Yield the calls whose answers all looks with this subject share, and return what they say."""

    def steps(self, survey: Any = None) -> Steps:
        """Yield the calls of one look and return what it saw."""


def _given(rendered: str | None) -> str | None:
    return None if rendered in (None, "", "None") else rendered


def export_name(export_arn: str) -> str:
    """Return the name in an export's ARN, which ends in ``export/<name>-<UUID>``; any other ARN as it is."""
    match = re.fullmatch(r".*:export/(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", export_arn)
    return match[1] if match else export_arn


def pages(method: str, items: str, **kwargs: Any) -> Generator[Call, dict[str, Any], list[dict[str, Any]]]:
    """Fetch every page of a list operation; both services differ in their token's capital letter."""
    token_name = "nextToken" if items == "items" else "NextToken"
    found: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        page = yield Call(method, kwargs | ({token_name: token} if token else {}))
        found += page[items]
        token = page.get(token_name)
        if not token:
            return found


def look_now(look: Look, answer: Callable[[Call], dict[str, Any]]) -> Seen:
    """Look once, in the worker.

    :param answer: makes a call and returns its answer
    """
    steps = look.steps()
    try:
        call = next(steps)
        while True:
            call = steps.send(answer(call))
    except StopIteration as end:
        seen: Seen = end.value
        return seen
