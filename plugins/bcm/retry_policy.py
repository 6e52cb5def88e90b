"""Which failures are worth another try.

``default_args={"retry_policy": BCM_RETRY_POLICY, "retries": 3}`` gives a whole DAG the policy.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

from bcm.exceptions import AwsUnavailableError, BcmPermanentError, ScenarioLockedError

#: Fails at once on what a retry cannot mend, waits a minute after a fault on AWS's side and 15 minutes for a locked
#: scenario, and leaves every other failure to the task's own ``retries`` and ``retry_delay``. A scenario can stay
#: locked for 12 hours: tasks that share one need ``retries=50``.
BCM_RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        RetryRule(exception=BcmPermanentError, action=RetryAction.FAIL, reason="a retry cannot mend this"),
        RetryRule(
            exception=AwsUnavailableError,
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=1),
            reason="AWS was unavailable",
        ),
        RetryRule(
            exception=ScenarioLockedError,
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=15),
            reason="an estimate is computed from the scenario",
        ),
    ]
)
