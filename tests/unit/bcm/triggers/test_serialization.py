"""Every trigger survives Airflow's own encodings, with all of its arguments and no secret."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.models.trigger import Trigger
from airflow.sdk.module_loading import import_string
from airflow.serialization.decoders import smart_decode_trigger_kwargs
from airflow.serialization.encoders import encode_trigger
from airflow.triggers.base import BaseEventTrigger
from tests.unit.bcm.support import an_export, connection

import bcm.triggers.data_exports
import bcm.triggers.delivered
import bcm.triggers.pricing_calculator  # noqa: F401 - defines a class that the table must name
from bcm.triggers.base import BcmBaseTrigger, StreamTrigger

#: The arguments that every trigger takes: how often, and with which connection.
STREAM = {
    "poke_interval": 90.0,
    "max_wait": 600.0,
    "aws_conn_id": "aws_billing",
    "region_name": "us-east-1",
    "verify": "/etc/ssl/bundle.pem",
    "botocore_config": {"retries": {"mode": "standard"}, "read_timeout": 20},
}
#: What the trigger of a deferred task takes besides.
TASK = {
    "deadline": 1795342442.96,
    "started": 1795292042.96,
    "timeout": None,
    "first_look": 1795292642.96,
    "status": "IN_PROGRESS",
    **STREAM,
}
WATCHER = "bcm.triggers.delivered.BcmExportDeliveredTrigger"
#: Class path and arguments of each trigger. These are in the databases of deployments that upgrade: keep what is here
#: buildable, and add to it.
TRIGGERS: dict[str, dict[str, Any]] = {
    "bcm.triggers.data_exports.BcmExportExecutionTrigger": {
        "export_arn": "arn:aws:bcm-data-exports:us-east-1:111122223333:export/cur2-daily-1",
        "execution_id": "e-1",
        "since": "2026-11-20T06:00:00+00:00",
        "export": an_export(),
        **TASK,
    },
    "bcm.triggers.pricing_calculator.BcmBillEstimateTrigger": {"bill_estimate_id": "b-1", **TASK},
    WATCHER: {"export_name": "cur2-daily", "export_arn": None, "since": "2026-11-20", **STREAM},
}
#: What is given at least.
LEAST = ("export_arn", "export_name", "bill_estimate_id", "poke_interval", "max_wait")
EVERY = pytest.mark.parametrize("path", TRIGGERS)
EVERY_TASKS = pytest.mark.parametrize("path", TRIGGERS.keys() - {WATCHER})


def subclasses(of: type) -> Iterator[type]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def build(path: str, **changes: Any) -> Any:
    return import_string(path)(**{**TRIGGERS[path], **changes})


def test_the_table_names_every_trigger() -> None:
    known = {f"{one.__module__}.{one.__qualname__}" for one in subclasses(StreamTrigger) if one is not BcmBaseTrigger}
    known = {path for path in known if path.startswith("bcm.")}
    assert known == set(TRIGGERS), "add the trigger's class path and arguments to TRIGGERS"


@EVERY
def test_the_table_gives_every_argument_of_the_trigger(path: str) -> None:
    names = set()
    for one in import_string(path).__mro__:
        if one is not object and one.__module__.startswith("bcm."):
            names |= set(inspect.signature(one.__init__).parameters) - {"self", "kwargs"}
    assert names == TRIGGERS[path].keys(), "give the argument a value in TRIGGERS, TASK or STREAM"


@EVERY
def test_a_trigger_is_the_same_after_the_encoding_of_the_database(path: str) -> None:
    stored_path, kwargs = build(path).serialize()
    row = Trigger(classpath=stored_path, kwargs=kwargs)
    rebuilt = import_string(row.classpath)(**row.kwargs)
    assert rebuilt.serialize() == (path, TRIGGERS[path]), (
        "an argument was lost between operator and triggerer: name it in serialize() or arguments()"
    )


@EVERY
def test_a_trigger_is_the_same_after_the_encoding_of_a_dag(path: str) -> None:
    encoded = json.loads(json.dumps(encode_trigger(build(path))))
    rebuilt = import_string(encoded["classpath"])(**smart_decode_trigger_kwargs(encoded["kwargs"]))
    assert rebuilt.serialize() == build(path).serialize()


@EVERY
def test_a_trigger_with_its_defaults_is_the_same_too(path: str) -> None:
    trigger = import_string(path)(**{name: value for name, value in TRIGGERS[path].items() if name in LEAST})
    row = Trigger(*trigger.serialize())
    assert import_string(row.classpath)(**row.kwargs).serialize() == trigger.serialize()


#: What the versions so far have written into databases; it never changes. A wait lasts a day, an upgrade minutes.
WRITTEN_BY = {
    "0.1.0": {
        "bcm.triggers.data_exports.BcmExportExecutionTrigger": {
            "export_arn": "arn:aws:bcm-data-exports:us-east-1:111122223333:export/cur2-daily-1",
            "execution_id": None,
            "since": "2026-11-20T06:00:00+00:00",
            "export": {"Name": "cur2-daily"},
        },
        "bcm.triggers.pricing_calculator.BcmBillEstimateTrigger": {"bill_estimate_id": "b-1"},
    }
}
WRITTEN_BY_EACH = {
    "deadline": 1795342442.96,
    "started": 1795292042.96,
    "poke_interval": 90.0,
    "max_wait": 600.0,
    "aws_conn_id": "aws_default",
    "region_name": "us-east-1",
    "verify": None,
    "botocore_config": None,
}


@pytest.mark.parametrize(("version", "path"), [(version, path) for version, old in WRITTEN_BY.items() for path in old])
def test_a_wait_that_an_older_version_began_goes_on_after_the_upgrade(version: str, path: str) -> None:
    row = Trigger(path, {**WRITTEN_BY[version][path], **WRITTEN_BY_EACH})
    trigger = import_string(row.classpath)(**row.kwargs)
    assert trigger.span() == (1795292042.96, 1795342442.96)
    assert trigger.look().target


def test_a_watcher_is_the_same_trigger_each_time_that_its_dag_is_parsed() -> None:
    """Airflow compares what it parsed with its database; where the two differ, the watcher begins anew."""
    encoded = encode_trigger(build(WATCHER))
    row = Trigger(encoded["classpath"], encoded["kwargs"])
    parsed = json.loads(json.dumps(encode_trigger(build(WATCHER))))
    hashes = {BaseEventTrigger.hash(*each) for each in (build(WATCHER).serialize(), (row.classpath, row.kwargs))}
    assert hashes == {BaseEventTrigger.hash(parsed["classpath"], parsed["kwargs"])}


@EVERY
def test_a_trigger_carries_no_secret(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_BILLING", connection("http://127.0.0.1:9"))
    trigger = build(path)
    for text in (json.dumps(trigger.serialize()), repr(trigger), repr(trigger.shared_stream_key())):
        assert "top-secret" not in text
        assert "AKIA" not in text


@EVERY_TASKS
def test_a_deferred_task_keeps_its_triggerer_queue(path: str) -> None:
    assert build(path).supports_triggerer_queue is True


@EVERY_TASKS
@pytest.mark.parametrize("argument", ["aws_conn_id", "region_name", "verify", "botocore_config"])
def test_tasks_with_another_connection_have_another_group(path: str, argument: str) -> None:
    other = build(path, **{argument: None})
    assert other.shared_stream_key() != build(path).shared_stream_key()
    hash(other.shared_stream_key())


@EVERY_TASKS
def test_tasks_that_wait_for_different_things_share_a_group(path: str) -> None:
    own = {name: "another" for name in TRIGGERS[path].keys() - TASK.keys() if name not in ("since", "export")}
    assert build(path, **own, deadline=1.0, started=0.0).shared_stream_key() == build(path).shared_stream_key()


def test_no_two_classes_share_a_group() -> None:
    """Airflow asks the class of the first in a group to run its poll."""
    assert len({build(path).shared_stream_key()[0] for path in TRIGGERS}) == len(TRIGGERS)


def streams(*triggers: StreamTrigger) -> int:
    """How many streams these triggers have together."""

    async def count() -> int:
        return len({id(stream) for stream in [trigger.stream() for trigger in triggers]})

    return asyncio.run(count())


@EVERY
@pytest.mark.parametrize(
    ("argument", "value"),
    [("aws_conn_id", None), ("region_name", "cn-northwest-1"), ("verify", None), ("botocore_config", None)],
)
def test_another_connection_has_another_stream(path: str, argument: str, value: str | None) -> None:
    assert streams(build(path), build(path, **{argument: value})) == 2


def test_each_service_has_one_stream_whatever_waits_for_it() -> None:
    exports = [build(path) for path in TRIGGERS if "Export" in path]
    assert len(exports) == 2
    assert streams(*exports) == streams(*exports, build(WATCHER, region_name=None)) == 1
    assert streams(*map(build, TRIGGERS)) == 2
