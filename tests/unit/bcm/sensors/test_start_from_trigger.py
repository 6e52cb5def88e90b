"""Beginning in the triggerer, without a worker that looks first: what Airflow is given, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from airflow.models.trigger import Trigger
from airflow.sdk import DAG, TaskGroup, task, task_group
from airflow.sdk.module_loading import import_string
from airflow.serialization.decoders import smart_decode_trigger_kwargs
from airflow.serialization.serialized_objects import DagSerialization
from tests.unit.bcm.sensors.support import HOUR, deferral, of_estimate, of_execution
from tests.unit.bcm.support import an_export

from bcm.looks import EstimateLook, ExecutionLook
from bcm.sensors.pricing_calculator import BcmBillEstimateSensor
from bcm.triggers.base import GRACE, BcmBaseTrigger
from emulator.server import Emulator


@pytest.fixture
def dag() -> Iterator[DAG]:
    """A DAG to put tasks into."""
    with DAG("d", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=UTC)) as dag:
        yield dag


def scheduled(dag: DAG, task_id: str) -> Any:
    """A task as the scheduler and the triggerer know it."""
    return DagSerialization.from_dict(DagSerialization.to_dict(dag)).get_task(task_id)


def triggered(dag: DAG, task_id: str = "t") -> BcmBaseTrigger:
    """The trigger that the scheduler writes into the database, as the triggerer makes it from there."""
    args = scheduled(dag, task_id).start_trigger_args
    row = Trigger(classpath=args.trigger_cls, kwargs=args.trigger_kwargs)
    kwargs = {name: smart_decode_trigger_kwargs(value) for name, value in row.kwargs.items()}
    trigger: BcmBaseTrigger = import_string(row.classpath)(**kwargs)
    trigger.template_fields = tuple(name for name in scheduled(dag, task_id).template_fields if hasattr(trigger, name))
    return trigger


def test_the_scheduler_is_given_the_trigger_its_timeout_and_where_to_go_on(dag: DAG) -> None:
    of_estimate("b-1", start_from_trigger=True, timeout=3 * HOUR, poke_interval=60, max_wait=300)
    task = scheduled(dag, "t")
    assert task.start_from_trigger is True
    args = task.start_trigger_args
    assert args.trigger_cls == "bcm.triggers.pricing_calculator.BcmBillEstimateTrigger"
    assert args.next_method == "execute_complete"
    assert args.timeout == timedelta(hours=3) + GRACE, "the framework's time-out comes after ours"
    trigger = triggered(dag)
    assert (trigger.timeout, trigger.poke_interval, trigger.max_wait) == (3 * HOUR, 60.0, 300.0)
    assert (trigger.deadline, trigger.started, trigger.first_look) == (None, None, None), "a DAG has no now"
    assert trigger.look() == EstimateLook("b-1")


def test_a_sensor_does_not_start_from_its_trigger_by_itself(dag: DAG) -> None:
    of_estimate("b-1")
    assert (scheduled(dag, "t").start_from_trigger, scheduled(dag, "t").start_trigger_args) == (False, None)


def test_templates_are_rendered_in_the_triggerer(dag: DAG) -> None:
    of_execution(
        "{{ params.arn }}",
        since="{{ dag_run.run_after.isoformat() }}",
        execution_id="{{ params.none }}",
        export=an_export("{{ params.name }}"),
        start_from_trigger=True,
    )
    trigger = triggered(dag)
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    params = {"arn": "x-1", "name": "cur2", "none": None}
    trigger.render_template_fields({"params": params, "dag_run": type("Run", (), {"run_after": noon})})  # type: ignore[typeddict-item]
    assert trigger.look() == ExecutionLook("x-1", None, noon, an_export("cur2"))


def test_the_output_of_a_task_becomes_a_template_that_the_triggerer_can_render(dag: DAG) -> None:
    @task
    def estimate() -> str:
        return "b-1"

    @task(multiple_outputs=True)
    def more() -> dict[str, str]:
        return {"id": "b-2"}

    of_estimate(estimate(), start_from_trigger=True)
    trigger = triggered(dag)
    assert trigger.awaited() == {
        "bill_estimate_id": "{{ ti.xcom_pull(task_ids='estimate', key='return_value', map_indexes=-1) }}"
    }
    assert scheduled(dag, "t").upstream_task_ids == {"estimate"}
    BcmBillEstimateSensor(task_id="u", bill_estimate_id=more()["id"], start_from_trigger=True)
    assert "key='id'" in triggered(dag, "u").awaited()["bill_estimate_id"]


def test_a_mapped_sensor_begins_in_a_worker_all_the_same(dag: DAG) -> None:
    BcmBillEstimateSensor.partial(task_id="t", start_from_trigger=True).expand(bill_estimate_id=["b-1", "b-2"])
    assert scheduled(dag, "t").start_trigger_args is None, "Airflow 3.3 defers by these; without them it takes a worker"


def test_in_a_worker_it_looks_and_defers_as_usual(emu: Emulator, estimate: str) -> None:
    """A mapped task, or ``dag.test()``."""
    trigger = deferral(of_estimate(estimate, start_from_trigger=True)).trigger
    assert trigger.deadline is not None


@task
def number(x: int) -> str:
    return str(x)


def output() -> Any:
    return number(1)


def mapped_output() -> Any:
    return number.expand(x=[1, 2])


def in_a_mapped_group() -> Any:
    @task_group
    def group(x: str) -> None:
        of_estimate("b-1", start_from_trigger=True)

    return group.expand(x=["1", "2"])


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (
            lambda: of_estimate("b-1", start_from_trigger=True, deferrable=False),
            r"t: deferrable: must be True with start_from_trigger, which waits in the triggerer\.",
        ),
        (
            lambda: of_estimate("b-1", start_from_trigger=True, mode="reschedule"),
            r"t: deferrable: must be True with start_from_trigger",
        ),
        (
            lambda: of_estimate("b-1", start_from_trigger=True, expected_account_id="111122223333"),
            r"t: expected_account_id: .* nobody compares the account\. Leave one of the two out\.",
        ),
        (
            lambda: of_estimate("b-1", start_from_trigger=True, execution_timeout=timedelta(hours=1)),
            r"t: execution_timeout: .* Set it to None, and use timeout\.",
        ),
        (
            lambda: of_estimate('{{ ti.xcom_pull(task_ids="x") }}', start_from_trigger=True),
            r"t: start_from_trigger: a template with xcom_pull needs map_indexes=-1 in it",
        ),
        (
            lambda: of_execution("x-1", export=an_export('{{ ti.xcom_pull("x") }}'), start_from_trigger=True),
            r"t: start_from_trigger: a template with xcom_pull needs map_indexes=-1 in it",
        ),
        (
            lambda: of_estimate(mapped_output(), start_from_trigger=True),
            r"t: start_from_trigger: .* only of a task that is not mapped",
        ),
        (
            lambda: of_execution("x-1", export={"Name": mapped_output()}, start_from_trigger=True),
            r"t: start_from_trigger: takes the output of a task only for a whole argument that is text",
        ),
        (
            lambda: of_execution("x-1", export=output(), start_from_trigger=True),
            r"t: start_from_trigger: takes the output of a task only for a whole argument that is text",
        ),
        (in_a_mapped_group, r"group\.t: start_from_trigger: not inside a mapped task group"),
    ],
    ids=[
        "poke",
        "reschedule",
        "account",
        "execution_timeout",
        "xcom_pull",
        "nested",
        "mapped",
        "inside",
        "export",
        "group",
    ],
)
def test_what_cannot_work_is_refused_when_the_dag_is_parsed(dag: DAG, build: Callable[[], Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        build()


def test_an_execution_timeout_after_the_end_does_no_harm(dag: DAG) -> None:
    of_estimate("b-1", start_from_trigger=True, timeout=HOUR, execution_timeout=timedelta(hours=2))


def test_an_ordinary_task_group_does_no_harm(dag: DAG) -> None:
    with TaskGroup("group"):
        of_estimate("b-1", start_from_trigger=True)
