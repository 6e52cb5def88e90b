"""What a deferral carries, and which deadline it keeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.unit.bcm.sensors.support import HOUR, deferral, of_estimate, of_execution
from tests.unit.bcm.support import StateStore, a_context, an_export

from bcm.looks import ExecutionLook
from bcm.sensors.memory import WAIT_KEY
from bcm.triggers.base import GRACE
from emulator.server import Emulator


def test_a_deferral_carries_everything_the_wait_needs(emu: Emulator, estimate: str) -> None:
    before = time.time()
    sensor = of_estimate(
        estimate, poke_interval=30, max_wait=timedelta(minutes=5), verify=False, botocore_config={"read_timeout": 20}
    )
    deferred = deferral(sensor)
    path, kwargs = deferred.trigger.serialize()
    assert path == "bcm.triggers.pricing_calculator.BcmBillEstimateTrigger"
    started, deadline, first_look = (kwargs.pop(name) for name in ("started", "deadline", "first_look"))
    assert kwargs == {
        "bill_estimate_id": estimate,
        "poke_interval": 30.0,
        "max_wait": 300.0,
        "aws_conn_id": "aws_default",
        "region_name": "us-east-1",
        "verify": False,
        "botocore_config": {"read_timeout": 20},
        "timeout": None,
        "status": "IN_PROGRESS",
    }
    assert first_look - started == pytest.approx(300, abs=5), "no estimate ends within its first 20 minutes"
    assert before <= started <= time.time()
    assert deadline - started == pytest.approx(14 * HOUR)
    assert deferred.method_name == "execute_complete"
    assert deferred.timeout.total_seconds() == pytest.approx(14 * HOUR + GRACE.total_seconds(), abs=10)


def test_the_wait_for_an_execution_carries_what_it_is_about(emu: Emulator, arn: str) -> None:
    sensor = of_execution(arn, since="2026-11-20T06:00:00", export=an_export())
    trigger = deferral(sensor).trigger
    since = datetime(2026, 11, 20, 6, tzinfo=UTC)
    assert trigger.look() == ExecutionLook(arn, since=since, export=an_export()), "a time without a zone is UTC"
    kwargs = trigger.serialize()[1]
    assert kwargs["deadline"] - kwargs["started"] == pytest.approx(36 * HOUR)


@pytest.mark.parametrize("nothing", ["", None, "None"])
def test_a_template_that_renders_to_nothing_is_no_limit(emu: Emulator, arn: str, nothing: str | None) -> None:
    trigger = deferral(of_execution(arn, since=nothing, execution_id=nothing)).trigger
    assert trigger.look() == ExecutionLook(arn)


def test_a_since_that_is_no_time_is_one_sentence(emu: Emulator, arn: str) -> None:
    with pytest.raises(ValueError, match=r"since: 'yesterday' is not ISO 8601, such as 2026-11-20T06:00:00Z"):
        of_execution(arn, since="yesterday").execute(a_context(StateStore()))


def test_since_leaves_out_a_delivery_that_was_there_before(emu: Emulator, arn: str) -> None:
    emu.clock.advance(30 * HOUR)
    emu.settle()
    since = (datetime.now(UTC) + timedelta(hours=31)).isoformat()
    deferral(of_execution(arn, since=since))


def test_only_an_execution_of_the_wanted_definition_counts(emu: Emulator, arn: str) -> None:
    emu.clock.advance(30 * HOUR)
    emu.settle()
    other = an_export(S3Prefix="elsewhere")
    deferral(of_execution(arn, export=other))


def test_a_retry_goes_on_with_the_first_deadline(emu: Emulator, estimate: str) -> None:
    store = StateStore()
    first = deferral(of_estimate(estimate, timeout=HOUR), a_context(store, try_number=1))
    time.sleep(0.01)
    second = deferral(of_estimate(estimate, timeout=HOUR), a_context(store, try_number=2))
    assert second.trigger.deadline == first.trigger.deadline
    assert second.trigger.started == first.trigger.started
    assert second.timeout < first.timeout


def test_a_wait_for_something_else_has_a_deadline_of_its_own(emu: Emulator, estimate: str) -> None:
    store = StateStore()
    deferral(of_estimate(estimate, timeout=HOUR), a_context(store, try_number=1))
    emu.faults.add({"operation": "GetBillEstimate", "error": {"code": "ThrottlingException"}})
    renewed = "11111111-2222-3333-4444-555555555555"
    second = deferral(of_estimate(renewed, timeout=14 * HOUR), a_context(store, try_number=2))
    assert second.trigger.deadline > time.time() + 13 * HOUR, "the run was cleared: a new estimate is awaited"


@pytest.mark.parametrize(
    ("change", "kept"),
    [({}, True), ({"since": "2026-11-21T00:00:00"}, False), ({"export": an_export()}, False)],
    ids=["same", "since", "definition"],
)
def test_only_the_same_execution_keeps_its_deadline(
    emu: Emulator, arn: str, change: dict[str, Any], kept: bool
) -> None:
    store = StateStore()
    first = deferral(of_execution(arn, since="2026-11-20T06:00:00"), a_context(store))
    second = deferral(of_execution(arn, **{"since": "2026-11-20T06:00:00", **change}), a_context(store))
    assert (second.trigger.deadline == first.trigger.deadline) is kept


def test_a_deadline_that_has_passed_does_not_count(emu: Emulator, estimate: str) -> None:
    store = StateStore()
    deferral(of_estimate(estimate, timeout=HOUR), a_context(store))
    store[WAIT_KEY]["deadline"] = time.time() - 60
    deferred = deferral(of_estimate(estimate, timeout=HOUR), a_context(store, try_number=2))
    assert deferred.trigger.deadline > time.time() + HOUR - 10, "a task cleared after its time-out waits anew"


def test_without_a_state_store_the_wait_works_too(emu: Emulator, estimate: str) -> None:
    assert deferral(of_estimate(estimate), a_context()).trigger.deadline > time.time()


@pytest.mark.parametrize("code", ["ThrottlingException", "InternalServerException", "ExpiredTokenException"])
def test_a_first_look_that_aws_does_not_answer_defers_all_the_same(emu: Emulator, estimate: str, code: str) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "error": {"code": code}})
    deferral(of_estimate(estimate))


def test_what_the_first_look_does_not_find_may_be_too_new_to_be_seen(emu: Emulator, estimate: str) -> None:
    emu.faults.add({"operation": "GetBillEstimate", "times": 1, "error": {"code": "ResourceNotFoundException"}})
    deferral(of_estimate(estimate))


def test_the_link_is_there_while_the_task_is_deferred(emu: Emulator, estimate: str) -> None:
    context = a_context(StateStore())
    deferral(of_estimate(estimate), context)
    assert context["ti"].pushed["bcm_pricing_calculator"]["region_name"] == "us-east-1"
