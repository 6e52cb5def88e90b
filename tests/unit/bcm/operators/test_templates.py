"""Every operator and sensor: template fields, mapping, links, account and connection, in one table."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from airflow.providers.amazon.aws.operators.base_aws import AwsBaseOperator
from airflow.providers.amazon.aws.sensors.base_aws import AwsBaseSensor
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from tests.unit.bcm.support import MEMBER, PAYER, StateStore, a_context, a_usage, an_export

import bcm.operators
import bcm.sensors
from bcm.exceptions import AwsConnectionMissingError, WrongAccountError
from bcm.sensors.base import BcmBaseSensor
from emulator.server import Emulator

ARN = f"arn:aws:bcm-data-exports:us-east-1:{PAYER}:export/cur2-daily-00000000-0000-0000-0000-000000000000"
ID = "11111111-2222-3333-4444-555555555555"
#: Own arguments of every operator and sensor.
TASKS: dict[str, dict[str, Any]] = {
    "BcmCreateExportOperator": {"export": an_export(), "resource_tags": [], "if_exists": "adopt"},
    "BcmUpdateExportOperator": {"export": an_export(), "export_arn": ARN},
    "BcmDeleteExportOperator": {"export_arn": ARN},
    "BcmCreateBillScenarioOperator": {"name": "growth", "tags": {}},
    "BcmModifyBillScenarioOperator": {
        "bill_scenario_id": ID,
        "usage_modifications": [a_usage()],
        "commitment_modifications": [],
    },
    "BcmCreateBillEstimateOperator": {"bill_scenario_id": ID, "name": "growth", "tags": {}},
    "BcmDeleteBillScenarioOperator": {"bill_scenario_id": ID},
    "BcmDeleteBillEstimateOperator": {"bill_estimate_id": ID},
    "BcmExportExecutionSensor": {"export_arn": ARN, "execution_id": "e-1", "since": "", "export": an_export()},
    "BcmBillEstimateSensor": {"bill_estimate_id": ID},
}
EVERY = pytest.mark.parametrize("name", TASKS)
SHARED = {"aws_conn_id", "region_name", "verify", "expected_account_id"}


def classes() -> Iterator[type]:
    """Every operator and sensor of the package that a DAG can use: those with a hook and a link."""
    for package in (bcm.operators, bcm.sensors):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for _, one in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
                if one.__module__ == module.name and issubclass(one, AwsBaseOperator | AwsBaseSensor):
                    yield one


CLASSES = {one.__name__: one for one in classes()}


def build(name: str, /, **kwargs: Any) -> Any:
    return CLASSES[name](task_id="t", **{**TASKS[name], **kwargs})


def test_the_table_names_every_public_operator_and_sensor() -> None:
    bases = {base.__name__ for one in CLASSES.values() for base in one.__mro__[1:]}
    assert set(TASKS) == set(CLASSES) - bases, "add the class and its arguments to TASKS"


@EVERY
def test_every_template_field_is_set_as_it_came_from_the_argument_of_that_name(name: str) -> None:
    sent = {field: f"{{{{ params.{field} }}}}" for field in CLASSES[name].template_fields}
    operator = build(name, **sent)
    for field, value in sent.items():
        assert getattr(operator, field) == value, (
            f"{name}.{field} must be set untouched in __init__: templates are rendered after it"
        )


@EVERY
def test_every_own_argument_is_a_template_field(name: str) -> None:
    missing = (TASKS[name].keys() | SHARED) - set(CLASSES[name].template_fields)
    assert not missing, f"name {missing} in template_fields, so that a DAG can compute it"


@EVERY
def test_every_template_field_is_rendered(name: str) -> None:
    field = next(iter(TASKS[name]))
    operator = build(name, **{field: "{{ params.what }}"})
    operator.render_template_fields({"params": {"what": "rendered"}})
    assert getattr(operator, field) == "rendered"


@EVERY
def test_it_can_be_mapped(name: str) -> None:
    field, *others = TASKS[name]
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        partial = CLASSES[name].partial(task_id="t", **{one: TASKS[name][one] for one in others})
        mapped = partial.expand(**{field: [TASKS[name][field]] * 2})
    assert mapped.operator_class is CLASSES[name]
    assert list(DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_ids) == ["t"]


@EVERY
def test_its_console_link_is_registered_and_persisted_first(name: str, emu: Emulator) -> None:
    context = a_context(StateStore())
    operator = build(name)
    assert CLASSES[name].link in {type(link) for link in operator.operator_extra_links}
    emu.faults.add({"operation": "*", "error": {"code": "AccessDeniedException"}})
    with pytest.raises(Exception, match="AccessDenied"):
        operator.execute(context)
    assert CLASSES[name].link.key in context["ti"].pushed, "a task that fails is the one whose link is wanted"


@EVERY
def test_the_wrong_account_is_refused_before_the_service_is_called(name: str, emu: Emulator) -> None:
    with pytest.raises(WrongAccountError, match=rf"'aws_default' belong to account {PAYER}, but account {MEMBER}"):
        build(name, expected_account_id=MEMBER).execute(a_context(StateStore()))
    assert {one["service"] for one in emu.requests()} == {"sts"}


@EVERY
def test_a_missing_connection_is_one_sentence_and_never_the_default_credentials(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOFTHEMACHINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    with pytest.raises(AwsConnectionMissingError, match=r"aws_conn_id: there is no Airflow connection 'typo'. Create"):
        build(name, aws_conn_id="typo").execute(a_context(StateStore()))


@EVERY
def test_the_region_is_the_one_that_both_services_have(name: str, emu: Emulator) -> None:
    assert build(name).hook.conn_region_name == "us-east-1"


@EVERY
def test_its_docstring_names_the_page_of_aws_and_every_argument(name: str) -> None:
    text = inspect.getdoc(CLASSES[name]) or ""
    assert "https://docs.aws.amazon.com/" in text, "add a seealso with the page of AWS"
    for argument in TASKS[name]:
        assert f":param {argument}:" in text, f"describe {argument}"


def test_every_sensor_is_deferrable_by_default() -> None:
    assert all(build(name).deferrable for name in TASKS if issubclass(CLASSES[name], BcmBaseSensor))
