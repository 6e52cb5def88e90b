"""A cluster policy of the campaign: a task is tried as often as it takes, and soon.

Two retries are enough for a task whose worker is lost now and then, not for one that is killed every minute: without
this a run could fail rightly, by bad luck. What the DAGs do not retry (their retry policy) is not retried here either.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from airflow.sdk import ExceptionRetryPolicy
from airflow.sdk.bases.operator import BaseOperator

ENOUGH = 1000
SOON = timedelta(seconds=2)


def task_policy(task: BaseOperator) -> None:
    """Airflow calls this for every task of every DAG."""
    task.retries = ENOUGH
    task.retry_delay = SOON
    policy = task.retry_policy
    if isinstance(policy, ExceptionRetryPolicy):
        rules = [replace(rule, retry_delay=SOON) if rule.retry_delay else rule for rule in policy.rules]
        task.retry_policy = ExceptionRetryPolicy(rules=rules)
