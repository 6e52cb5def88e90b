"""What a look asks AWS, and what it makes of the answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.session import get_session

from bcm.looks import ANY_MOMENT, LOOK_BACK, Call, EstimateLook, ExecutionLook, Seen, look_now

ARN = "arn:aws:bcm-data-exports:us-east-1:111122223333:export/cur2-daily-1"
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def execution(number: int, code: str = "DELIVERY_SUCCESS", **export: Any) -> dict[str, Any]:
    """Execution ``e-<number>``, created that many hours after noon."""
    status = {"StatusCode": code, "CreatedAt": NOON + timedelta(hours=number)}
    return {"ExecutionId": f"e-{number}", "ExecutionStatus": status, "Export": export}


class Aws:
    """Answers calls from lists, and remembers them."""

    def __init__(self, *executions: dict[str, Any], page: int = 100) -> None:
        self.executions = executions
        self.page = page
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> dict[str, Any]:
        self.calls.append(call)
        if call.method == "get_execution":
            return next(one for one in self.executions if one["ExecutionId"] == call.kwargs["ExecutionId"])
        start = int(call.kwargs.get("NextToken", 0))
        listed = [{k: v for k, v in one.items() if k != "Export"} for one in self.executions]
        answer: dict[str, Any] = {"Executions": listed[start : start + self.page]}
        return answer | ({"NextToken": str(start + self.page)} if start + self.page < len(listed) else {})

    def methods(self) -> list[str]:
        return [call.method for call in self.calls]


def shared(look: ExecutionLook | EstimateLook, answer: Any) -> Seen:
    """Look as the triggerer does: a survey for all, then the look's own steps."""
    return drive(look.steps(drive(look.survey(), answer)), answer)


def drive(steps: Any, answer: Any) -> Any:
    try:
        call = next(steps)
        while True:
            call = steps.send(answer(call))
    except StopIteration as end:
        return end.value


def test_no_execution_yet_waits_on() -> None:
    assert look_now(ExecutionLook(ARN), Aws()) == Seen("no execution yet", None)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_the_newest_execution_counts_in_whatever_order_aws_lists_them(order: tuple[int, ...]) -> None:
    seen = look_now(ExecutionLook(ARN), Aws(*map(execution, order)))
    assert seen.verdict["execution_id"] == "e-3"


def test_every_page_of_the_list_is_read() -> None:
    aws = Aws(*map(execution, range(7)), page=2)
    assert look_now(ExecutionLook(ARN), aws).verdict["execution_id"] == "e-6"
    assert aws.methods() == ["list_executions"] * 4


def test_pages_are_as_large_as_aws_allows() -> None:
    aws = Aws(execution(1))
    look_now(ExecutionLook(ARN), aws)
    shape = get_session().get_service_model("bcm-data-exports").operation_model("ListExecutions").input_shape
    assert aws.calls[0].kwargs["MaxResults"] == shape.members["MaxResults"].metadata["max"]


def test_a_newer_execution_in_progress_is_awaited_and_its_answer_is_due() -> None:
    seen = look_now(ExecutionLook(ARN), Aws(execution(1), execution(2, "QUERY_IN_PROCESS")))
    assert seen == Seen("execution e-2 is QUERY_IN_PROCESS", None, ANY_MOMENT)


@pytest.mark.parametrize(("hours", "found"), [(1, "e-2"), (2, "e-2"), (3, None)])
def test_since_leaves_out_what_was_created_before(hours: int, found: str | None) -> None:
    look = ExecutionLook(ARN, since=NOON + timedelta(hours=hours))
    verdict = look_now(look, Aws(execution(1), execution(2))).verdict
    assert (verdict or {}).get("execution_id") == found


def test_a_known_execution_is_fetched_alone() -> None:
    aws = Aws(execution(1), execution(2))
    assert look_now(ExecutionLook(ARN, "e-1"), aws).verdict["execution_id"] == "e-1"
    assert aws.methods() == ["get_execution"]


def test_a_known_execution_is_found_in_the_list_that_many_waits_share() -> None:
    aws = Aws(execution(1), execution(2))
    assert shared(ExecutionLook(ARN, "e-1"), aws).verdict["execution_id"] == "e-1"
    assert aws.methods() == ["list_executions"]


def test_a_known_execution_that_the_list_lacks_is_fetched() -> None:
    aws = Aws(execution(1))

    def hide(call: Call) -> dict[str, Any]:
        return {"Executions": aws(call) and []} if call.method == "list_executions" else aws(call)

    assert shared(ExecutionLook(ARN, "e-1"), hide).verdict["execution_id"] == "e-1"


def test_only_an_execution_whose_snapshot_has_the_wanted_definition_counts() -> None:
    aws = Aws(execution(1, Name="a", Query="new"), execution(2, Name="a", Query="old"))
    look = ExecutionLook(ARN, export={"Query": "new"})
    assert look_now(look, aws).verdict["execution_id"] == "e-1"


def test_a_snapshot_is_fetched_once_however_often_one_looks() -> None:
    aws = Aws(execution(1, Query="old"))
    look = ExecutionLook(ARN, export={"Query": "new"})
    for _ in range(5):
        assert look_now(look, aws).verdict is None
    assert aws.methods().count("get_execution") == 1


def test_a_look_goes_back_a_bounded_number_of_executions() -> None:
    aws = Aws(*(execution(number, Query="old") for number in range(LOOK_BACK * 2)))
    assert look_now(ExecutionLook(ARN, export={"Query": "new"}), aws).verdict is None
    assert aws.methods().count("get_execution") == LOOK_BACK


class Estimates:
    """Two estimates in progress on two pages, and whatever ``get`` says of the awaited one."""

    def __init__(self, get: dict[str, Any], running: tuple[str, ...] = ("b-1", "b-2"), age: float = 0) -> None:
        self.get = get
        self.running = running
        self.started = datetime.now(UTC) - timedelta(hours=age)
        self.calls: list[Call] = []

    def __call__(self, call: Call) -> dict[str, Any]:
        self.calls.append(call)
        if call.method == "get_bill_estimate":
            return {"id": call.kwargs["identifier"], "createdAt": self.started, **self.get}
        if "nextToken" not in call.kwargs:
            return {"items": [{"id": self.running[0], "createdAt": self.started}], "nextToken": "2"}
        return {"items": [{"id": one, "createdAt": self.started} for one in self.running[1:]]}


def test_an_estimate_among_those_in_progress_needs_no_call_of_its_own() -> None:
    aws = Estimates({})
    assert shared(EstimateLook("b-2"), aws).status == "IN_PROGRESS"
    assert {call.method for call in aws.calls} == {"list_bill_estimates"}


def test_an_estimate_that_is_no_longer_in_progress_is_fetched() -> None:
    aws = Estimates({"status": "COMPLETE"})
    assert shared(EstimateLook("b-9"), aws).verdict["outcome"] == "success"


def test_one_wait_alone_needs_no_list() -> None:
    aws = Estimates({"status": "COMPLETE"})
    assert look_now(EstimateLook("b-9"), aws).verdict["outcome"] == "success"
    assert [call.method for call in aws.calls] == ["get_bill_estimate"]


@pytest.mark.parametrize(
    ("hours", "earliest", "due", "overdue"),
    [(0, True, True, True), (7.9, False, True, True), (11.9, False, False, True)],
)
@pytest.mark.parametrize("way", [look_now, shared])
def test_an_estimate_is_due_when_aws_says(way: Any, hours: float, earliest: bool, due: bool, overdue: bool) -> None:
    forecast = way(EstimateLook("b-1"), Estimates({"status": "IN_PROGRESS"}, ("b-1",), age=hours)).forecast
    assert [seconds > 0 for seconds in forecast] == [earliest, due, overdue]
    assert forecast.due == pytest.approx((8 - hours) * 3600, abs=5)


def test_what_is_awaited_is_said_in_words() -> None:
    arn = f"{ARN[:-2]}-c9d50486-12d3-4d13-811c-2a28260322c9"
    assert ExecutionLook(arn).target == "an execution of export cur2-daily"
    since = ExecutionLook(arn, since=NOON)
    assert since.target == "an execution of export cur2-daily created since 2026-11-20 12:00 UTC"
    assert ExecutionLook(arn, "e-1").target == "execution e-1 of export cur2-daily"
    assert ExecutionLook("arn:of:another:form").target == "an execution of export arn:of:another:form"
    assert EstimateLook("b-1").target == "bill estimate b-1"
