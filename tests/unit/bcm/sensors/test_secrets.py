"""What of a sensor is stored and shown: no password."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from tests.unit.bcm.sensors.support import deferral, of_estimate, of_execution
from tests.unit.bcm.support import StateStore, a_context, an_export

from emulator.server import Emulator

WITH_PASSWORD: list[dict[str, Any]] = [
    {"proxies": {"https": "http://user:top-secret@proxy:3128"}},
    {"proxies": {"http": "http://:top-secret@proxy"}},
    {"proxies_config": {"proxy_ca_bundle": "https://user:top-secret@host/ca.pem"}},
    {"anything": ["new", "socks5://u:top-secret@proxy"]},
]
WITHOUT: list[dict[str, Any] | None] = [
    None,
    {"read_timeout": 20, "retries": {"mode": "standard"}},
    {"proxies": {"https": "http://proxy:3128", "http": "http://user@proxy:3128"}},
    {"proxies_config": {"proxy_ca_bundle": "/etc/ssl/proxy@work:ca.pem"}},
]


@pytest.mark.parametrize("config", WITH_PASSWORD)
def test_a_password_in_the_configuration_is_refused(config: dict[str, Any]) -> None:
    said = r"botocore_config: has a URL with a password.*connection's extra"
    for build in (of_estimate, of_execution):
        with pytest.raises(ValueError, match=said) as caught:
            build("x", botocore_config=config)
        assert "top-secret" not in str(caught.value)


@pytest.mark.parametrize("config", WITHOUT)
def test_any_other_configuration_is_taken(config: dict[str, Any] | None) -> None:
    assert of_estimate("b-1", botocore_config=config).botocore_config == config


def test_nothing_of_the_connection_is_in_the_deferral_the_store_or_the_dag(emu: Emulator, arn: str) -> None:
    """The connection has the password ``top-secret``; the sensor knows its name only."""
    context = a_context(StateStore())
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        sensor = of_execution(arn, export=an_export())
    deferred = deferral(sensor, context)
    stored = {
        "trigger": deferred.trigger.serialize(),
        "shown": repr(deferred.trigger),
        "kwargs": deferred.kwargs,
        "state": dict(context["task_state_store"]),
        "xcom": context["ti"].pushed,
        "dag": DagSerialization.to_dict(dag),
        "rendered": {name: getattr(sensor, name) for name in sensor.template_fields},
    }
    text = json.dumps(stored, default=str)
    assert "aws_default" in text, "the name of the connection must be among what is searched"
    assert "top-secret" not in text
    assert "AKIA" not in text
