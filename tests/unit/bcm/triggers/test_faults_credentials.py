"""Credentials and connections that change during a wait of hours, on virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import botocore.exceptions
import pytest
from tests.unit.bcm.triggers.conftest import HOUR, Make, Triggerer
from tests.unit.bcm.triggers.fake_aws import FakeAws, client_error

from bcm.exceptions import AwsConnectionMissingError
from bcm.hooks.base import REJECTED_CODES
from bcm.triggers.client import CLIENT_LIFETIME
from bcm.triggers.stream import StatusStream

REJECTED = pytest.mark.parametrize("code", sorted(REJECTED_CODES))


def after(moment: float, error: Callable[[], Exception], times: float = 9e9) -> Any:
    """A fault of so many calls from a moment on."""
    left = [times]

    def fault(aws: FakeAws) -> Exception | None:
        if aws.clock.monotonic() < moment or left[0] <= 0:
            return None
        left[0] -= 1
        return error()

    return fault


@REJECTED
def test_rotated_credentials_cost_one_look(triggerer: Triggerer, make: Make, aws: FakeAws, code: str) -> None:
    aws.ends = {"x-1": 1000.0, "x-2": 1000.0}
    fault = after(500, lambda: client_error(code), times=1)
    aws.fault = lambda method, number: fault(aws)
    triggerer.run(make.execution("x-1"), make.execution("x-2"))
    assert triggerer.outcomes() == ["success"] * 2
    assert aws.opened == 2, "the connection must be read again"


@REJECTED
def test_credentials_that_stay_rejected_end_the_wait_at_the_next_look(
    triggerer: Triggerer, make: Make, aws: FakeAws, code: str
) -> None:
    fault = after(500, lambda: client_error(code, message="No, thanks"))
    aws.fault = lambda method, number: fault(aws)
    triggerer.run(make.execution())
    moment, event = triggerer.event()
    assert (event["outcome"], event["code"]) == ("refused", code)
    assert event["message"] == f"Looking for an execution of export x-1: AWS answered {code}: No, thanks"
    assert moment <= 540 + 180
    assert aws.opened == 2


def test_sessions_that_expire_all_the_time_cost_a_client_each(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    """A session of an hour, as a role or a federated user has it."""
    aws.ends = {"x-1": 10 * HOUR}
    session = {"opened": 0.0}

    def fault(method: str, number: int) -> Exception | None:
        now = aws.clock.monotonic()
        if now - session["opened"] > 1800:
            session["opened"] = now
            return client_error("ExpiredTokenException")
        return None

    aws.fault = fault
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["success"]
    assert triggerer.event()[0] <= 10 * HOUR + 180


@pytest.mark.parametrize(
    "error",
    [
        lambda: client_error("AccessDenied", message="not authorized to perform: sts:AssumeRole"),
        lambda: client_error("InvalidClientTokenId", message="The security token included in the request is invalid"),
    ],
    ids=["role", "key"],
)
def test_a_role_that_is_denied_for_a_moment_is_weathered(
    triggerer: Triggerer, make: Make, aws: FakeAws, error: Callable[[], Exception]
) -> None:
    aws.ends = {"x-1": 100.0}
    aws.open_fault = lambda number: error() if number == 1 else None
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["success"]


def test_a_role_that_stays_denied_ends_the_wait(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    """The triggerer runs as somebody else than the worker, who may not assume it: no waiting helps."""
    said = "User: triggerer is not authorized to perform: sts:AssumeRole"
    aws.open_fault = lambda number: client_error("AccessDenied", message=said)
    triggerer.run(make.execution("x-1"), make.execution("x-2"))
    assert triggerer.outcomes() == ["refused"] * 2
    assert said in triggerer.event()[1]["message"]
    assert aws.attempts == 2


@pytest.mark.parametrize(
    "error",
    [lambda: botocore.exceptions.ProfileNotFound(profile="x"), lambda: client_error("ValidationError")],
    ids=["profile", "role ARN"],
)
def test_a_connection_that_cannot_work_ends_the_wait_at_once(
    triggerer: Triggerer, make: Make, aws: FakeAws, error: Callable[[], Exception]
) -> None:
    aws.open_fault = lambda number: error()
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["refused"]
    assert aws.attempts == 1


@pytest.mark.parametrize(
    "error",
    [lambda: client_error("Throttling"), lambda: botocore.exceptions.ConnectTimeoutError(endpoint_url="https://sts")],
    ids=["throttled", "no answer"],
)
def test_sts_may_be_away_for_hours(
    triggerer: Triggerer, make: Make, aws: FakeAws, error: Callable[[], Exception]
) -> None:
    aws.ends = {"x-1": 100.0}
    aws.open_fault = lambda number: error() if aws.clock.monotonic() < 5 * HOUR else None
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["success"]


def test_an_edited_connection_is_noticed_within_the_lifetime_of_a_client(
    triggerer: Triggerer, make: Make, aws: FakeAws
) -> None:
    aws.ends = {"x-1": 9 * HOUR}
    opened: list[float] = []
    aws.open_fault = lambda number: opened.append(aws.clock.monotonic())
    triggerer.run(make.execution())
    pauses = [later - earlier for earlier, later in pairwise(opened)]
    assert len(opened) > 10
    assert max(pauses) <= CLIENT_LIFETIME + 90


def test_a_deleted_connection_ends_the_wait_with_the_sentence(triggerer: Triggerer, make: Make, aws: FakeAws) -> None:
    sentence = "aws_conn_id: there is no Airflow connection 'aws_billing'. Create it."
    aws.open_fault = lambda number: AwsConnectionMissingError(sentence) if aws.clock.monotonic() > HOUR else None
    triggerer.run(make.execution("x-1"), make.execution("x-2"))
    assert triggerer.outcomes() == ["refused"] * 2
    moment, event = triggerer.event()
    assert event["message"] == f"Looking for an execution of export x-1: {sentence}"
    assert moment <= HOUR + CLIENT_LIFETIME + 90 + 180 + 300


def test_a_client_that_cannot_be_closed_ends_no_wait(
    triggerer: Triggerer, make: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: FakeAws, *exc: object) -> None:
        self.closed += 1
        raise RuntimeError("Session is closed")

    monkeypatch.setattr(FakeAws, "__aexit__", broken)
    aws.ends = {"x-1": 3 * HOUR}
    triggerer.run(make.execution())
    assert triggerer.outcomes() == ["success"]
    assert aws.closed >= 4


def test_a_poll_that_breaks_fails_its_triggers_instead_of_leaving_them_waiting(
    triggerer: Triggerer, make: Make, aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(self: StatusStream) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(StatusStream, "_round", broken)

    async def both() -> list[Any]:
        waits = (triggerer.wait(number, make.execution()) for number in range(2))
        return await asyncio.gather(*waits, return_exceptions=True)

    failed = triggerer.clock.run(both())
    assert [type(one) for one in failed] == [RuntimeError] * 2, "Airflow then retries the task, as `retries` says"
    assert triggerer.clock.monotonic() == 90
