"""Which error of this package is worth another try."""

from __future__ import annotations

import inspect
from datetime import timedelta

import pytest
from airflow.sdk import ExceptionRetryPolicy, RetryAction

from bcm import exceptions
from bcm.exceptions import AwsUnavailableError, BcmError, BcmPermanentError, ScenarioLockedError
from bcm.retry_policy import BCM_RETRY_POLICY

CLASSES = [one for _, one in inspect.getmembers(exceptions, inspect.isclass) if issubclass(one, BcmError)]
PERMANENT = [one for one in CLASSES if issubclass(one, BcmPermanentError)]


@pytest.mark.parametrize("error", PERMANENT)
def test_what_no_retry_can_mend_fails_at_once(error: type[BcmError]) -> None:
    assert BCM_RETRY_POLICY.evaluate(error("x"), 1, 3).action is RetryAction.FAIL


def test_aws_being_unavailable_is_retried_after_a_minute() -> None:
    decision = BCM_RETRY_POLICY.evaluate(AwsUnavailableError("x"), 1, 3)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(minutes=1))


def test_a_locked_scenario_is_tried_again_each_quarter_of_an_hour() -> None:
    decision = BCM_RETRY_POLICY.evaluate(ScenarioLockedError("x"), 1, 50)
    assert (decision.action, decision.retry_delay) == (RetryAction.RETRY, timedelta(minutes=15))


@pytest.mark.parametrize("error", [RuntimeError("x"), MemoryError()])
def test_everything_else_is_left_to_the_task(error: BaseException) -> None:
    assert BCM_RETRY_POLICY.evaluate(error, 1, 3).action is RetryAction.DEFAULT


def test_the_policy_says_the_same_after_its_dag_was_serialized() -> None:
    again = ExceptionRetryPolicy.deserialize(BCM_RETRY_POLICY.serialize())
    for error in PERMANENT:
        assert again.evaluate(error("x"), 1, 3) == BCM_RETRY_POLICY.evaluate(error("x"), 1, 3)


def test_no_error_of_the_package_is_forgotten() -> None:
    left = set(CLASSES) - set(PERMANENT) - {BcmError, AwsUnavailableError, ScenarioLockedError}
    assert not left, f"{left}: say here and in plugins/bcm/retry_policy.py whether a retry can mend them"
