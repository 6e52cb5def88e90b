"""What a sensor refuses when its DAG is parsed: arguments that could not work, or would show a secret."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from airflow.sdk.bases.sensor import BaseSensorOperator
from airflow.triggers.base import StartTriggerArgs

from bcm.triggers.base import GRACE, BcmBaseTrigger

#: A URL that carries a password, as a proxy's may.
URL_WITH_PASSWORD = re.compile(r"//[^/@\s]*:[^/@\s]+@")


def refuse_passwords(botocore_config: dict[str, Any] | None) -> None:
    """Refuse a configuration with a password in it: a sensor's goes into the serialized DAG and into its trigger.

    :raises ValueError: when there is one
    """
    if any(URL_WITH_PASSWORD.search(text) for text in _texts(botocore_config)):
        raise ValueError(
            "botocore_config: has a URL with a password, which would be readable in the serialized DAG. Put it into "
            "config_kwargs of the connection's extra, which Airflow encrypts."
        )


def start_trigger_args(sensor: BaseSensorOperator, trigger: BcmBaseTrigger, timeout: float) -> StartTriggerArgs:
    """Return what Airflow needs to start a sensor in the triggerer.

    :param trigger: the trigger, its arguments not rendered yet
    :param timeout: seconds that the wait lasts
    :raises ValueError: when Airflow 3.3 could not start it so
    """
    path, kwargs = trigger.serialize()
    whole = timedelta(seconds=timeout) + GRACE
    for problem, found in {
        "deferrable: must be True with start_from_trigger, which waits in the triggerer": not getattr(
            sensor, "deferrable", True
        ),
        "expected_account_id: with start_from_trigger no worker looks first, so nothing can compare the account. "
        "Leave one of the two out": getattr(sensor, "expected_account_id", None) is not None,
        "execution_timeout: with start_from_trigger Airflow would end the wait by it, without saying what was "
        "awaited. Set it to None and use timeout": bool(sensor.execution_timeout and sensor.execution_timeout < whole),
        "start_from_trigger: not inside a mapped task group, where Airflow 3.3 has no map index for the templates of "
        "a trigger. Leave it out": sensor.get_closest_mapped_task_group() is not None,
        "start_from_trigger: a template with xcom_pull needs map_indexes=-1 in it, or the triggerer of Airflow 3.3 "
        "waits for ever for the value": any(
            "xcom_pull" in text and "map_indexes" not in text for text in _texts(kwargs)
        ),
    }.items():
        if found:
            raise ValueError(f"{sensor.task_id}: {problem}.")
    return StartTriggerArgs(trigger_cls=path, next_method="execute_complete", trigger_kwargs=kwargs, timeout=whole)


def _texts(value: Any) -> Iterator[str]:
    """Yield every text in a nested value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, (list, tuple)):
        for each in value:
            yield from _texts(each)
