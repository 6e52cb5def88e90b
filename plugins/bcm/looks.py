"""How to look at what is awaited, once: which calls to make and what their answers mean.

A look is a generator that yields calls and is sent their answers, so that the worker (boto3) and the triggerer
(aiobotocore, one answer for many waits) run the very same steps.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from bcm.hooks.data_exports import created_at, differences, newest_first
from bcm.statuses import ESTIMATE_IN_PROGRESS, Verdict, judge_estimate, judge_execution

#: How many executions a look goes back for one that matches; AWS makes up to three a day and billing period.
LOOK_BACK = 20
#: When a bill estimate is due: AWS names 8 to 12 hours in its API reference.
ESTIMATE_DUE = (timedelta(hours=8), timedelta(hours=12))


class Call(NamedTuple):
    """One call of a boto3 client's method."""

    method: str
    kwargs: dict[str, Any]

    def on(self, client: Any) -> Any:
        """Make the call on a boto3 client, or return the awaitable of an aiobotocore one."""
        return getattr(client, self.method)(**self.kwargs)


class Seen(NamedTuple):
    """What a look saw.

    :param status: for a person, e.g. ``QUERY_IN_PROCESS`` or ``no execution yet``
    :param verdict: None while the wait goes on
    :param soon: whether the answer is due, so that the next look should come quickly
    """

    status: str
    verdict: Verdict | None
    soon: bool = False


Steps = Generator[Call, dict[str, Any], Seen]


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

    @property
    def target(self) -> str:
        """Say what is awaited."""
        export = export_name(self.export_arn)
        if self.execution_id:
            return f"execution {self.execution_id} of export {export}"
        after = f" created since {self.since:%Y-%m-%d %H:%M} UTC" if self.since else ""
        return f"an execution of export {export}{after}"

    def steps(self, *, shared: bool = False) -> Steps:
        """Yield the calls of one look. Executions keep their snapshot, so that each is fetched once."""
        if self.execution_id and not shared:
            call = Call("get_execution", {"ExportArn": self.export_arn, "ExecutionId": self.execution_id})
            return self._seen((yield call))
        executions = yield from _pages("list_executions", "Executions", ExportArn=self.export_arn)
        if self.execution_id:
            listed = [execution for execution in executions if execution["ExecutionId"] == self.execution_id]
            return self._seen(listed[0]) if listed else (yield from self.steps())
        for execution in newest_first(executions)[:LOOK_BACK]:
            if self.since and created_at(execution) < self.since:
                break
            if (yield from self._matching(execution["ExecutionId"])):
                return self._seen(execution)
        return Seen("no execution yet", None)

    def _matching(self, execution_id: str) -> Generator[Call, dict[str, Any], bool]:
        if self.export is None:
            return True
        if execution_id not in self._matches:
            answer = yield Call("get_execution", {"ExportArn": self.export_arn, "ExecutionId": execution_id})
            self._matches[execution_id] = not differences(self.export, answer.get("Export"))
        return self._matches[execution_id]

    def _seen(self, execution: Mapping[str, Any]) -> Seen:
        code = execution["ExecutionStatus"].get("StatusCode")
        return Seen(
            f"execution {execution['ExecutionId']} is {code}", judge_execution(self.export_arn, execution), True
        )


@dataclass
class EstimateLook:
    """Looks for the end of a bill estimate.

    :param bill_estimate_id: the bill estimate
    """

    bill_estimate_id: str

    @property
    def target(self) -> str:
        """Say what is awaited."""
        return f"bill estimate {self.bill_estimate_id}"

    def steps(self, *, shared: bool = False) -> Steps:
        """Yield the calls of one look. Many waits share the list of what is in progress; one wait needs no list."""
        if shared:
            filters = [{"name": "STATUS", "values": [ESTIMATE_IN_PROGRESS], "matchOption": "EQUALS"}]
            running = yield from _pages("list_bill_estimates", "items", filters=filters, maxResults=25)
            for summary in running:
                if summary["id"] == self.bill_estimate_id:
                    return self._in_progress(summary.get("createdAt"))
        answer = yield Call("get_bill_estimate", {"identifier": self.bill_estimate_id})
        verdict = judge_estimate(answer)
        return self._in_progress(answer.get("createdAt")) if verdict is None else Seen(answer["status"], verdict)

    def _in_progress(self, started: datetime | None) -> Seen:
        age = datetime.now(UTC) - started if started else timedelta()
        return Seen(ESTIMATE_IN_PROGRESS, None, ESTIMATE_DUE[0] <= age <= ESTIMATE_DUE[1])


Look = ExecutionLook | EstimateLook


def export_name(export_arn: str) -> str:
    """Return the name in an export's ARN, which ends in ``export/<name>-<UUID>``; any other ARN as it is."""
    match = re.fullmatch(r".*:export/(.+)-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", export_arn)
    return match[1] if match else export_arn


def _pages(method: str, items: str, **kwargs: Any) -> Generator[Call, dict[str, Any], list[dict[str, Any]]]:
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
