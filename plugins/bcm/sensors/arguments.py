"""What a sensor refuses when its DAG is parsed: arguments with which it could not start in the triggerer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from airflow.sdk import XComArg
from airflow.sdk.bases.sensor import BaseSensorOperator
from airflow.sdk.definitions.xcom_arg import PlainXComArg
from airflow.triggers.base import StartTriggerArgs

from bcm.hooks.base import leaves
from bcm.triggers.base import GRACE, BcmBaseTrigger


def start_trigger_args(sensor: BaseSensorOperator, trigger: BcmBaseTrigger, timeout: float) -> StartTriggerArgs:
    """Return what Airflow needs to start a sensor in the triggerer.

    :param trigger: the trigger, its arguments not rendered yet
    :param timeout: seconds that the wait lasts
    :raises ValueError: when Airflow 3.3 could not start it so
    """
    path, kwargs = trigger.serialize()
    kwargs = {name: value if name == "export" else _as_template(value) for name, value in kwargs.items()}
    whole = timedelta(seconds=timeout) + GRACE
    for problem in _problems(sensor, kwargs, whole):
        raise ValueError(f"{sensor.task_id}: {problem}.")
    return StartTriggerArgs(trigger_cls=path, next_method="execute_complete", trigger_kwargs=kwargs, timeout=whole)


def _as_template(value: Any) -> Any:
    """Return the output of a task as a template; as it is, the triggerer of Airflow 3.3 would not resolve it."""
    if type(value) is not PlainXComArg or value.operator.is_mapped:
        return value
    return f"{{{{ ti.xcom_pull(task_ids={value.operator.task_id!r}, key={value.key!r}, map_indexes=-1) }}}}"


def _problems(sensor: Any, kwargs: dict[str, Any], whole: timedelta) -> Iterator[str]:
    if not sensor.deferrable:
        yield "deferrable: must be True with start_from_trigger, which waits in the triggerer"
    if sensor.expected_account_id is not None:
        yield (
            "expected_account_id: with start_from_trigger no worker looks first, so nobody compares the account. "
            "Leave one of the two out"
        )
    if sensor.execution_timeout and sensor.execution_timeout < whole:
        yield (
            "execution_timeout: with start_from_trigger Airflow would end the wait by it, without saying what was "
            "awaited. Set it to None, and use timeout"
        )
    if sensor.get_closest_mapped_task_group() is not None:
        yield (
            "start_from_trigger: not inside a mapped task group, where the triggerer of Airflow 3.3 resolves no "
            "inputs. Leave it out"
        )
    for leaf in leaves(kwargs):
        if isinstance(leaf, XComArg):
            yield (
                "start_from_trigger: takes the output of a task only for a whole argument that is text, and only of a "
                "task that is not mapped. Leave it out"
            )
        if isinstance(leaf, str) and "xcom_pull" in leaf and "map_indexes" not in leaf:
            yield (
                "start_from_trigger: a template with xcom_pull needs map_indexes=-1 in it, or the triggerer of "
                "Airflow 3.3 waits for the value for ever"
            )
