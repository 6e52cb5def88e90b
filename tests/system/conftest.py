"""A stack of real processes for the tests of this level."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system import definitions
from tests.system.statsd import Statsd
from tests.system.support import Aws

from stack.deployment import Options, Stack
from stack.layout import REPO, Layout

QUICK_TO_NOTICE = {
    # how soon a lost worker and a lost triggerer are noticed: minutes in a deployment, seconds here
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "15",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "12",
}
POLICIES = '''"""Cluster policies: what is retried is retried at once; deliveries start DAGs, time does not."""

from datetime import timedelta

from airflow.sdk.definitions.timetables.assets import AssetTriggeredTimetable
from airflow.sdk.definitions.timetables.simple import NullTimetable


def task_policy(task):
    task.retry_delay = timedelta(seconds=1)


def dag_policy(dag):
    if not isinstance(dag.timetable, AssetTriggeredTimetable):
        dag.timetable = NullTimetable()
'''


@pytest.fixture(scope="session")
def statsd() -> Iterator[Statsd]:
    """What takes this project's metrics from the stack's processes."""
    with Statsd() as server:
        yield server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, statsd: Statsd) -> Iterator[Stack]:
    """The project's DAGs, and the tests' own DAG and definitions, on a stack that all tests share.

    Its emulated time stands almost still: a test lets hours pass with `Aws.advance`. What a test changes (faults,
    a killed process, exports, which have a quota) it puts right again. `.airflow` is the REST client, `.layout.logs`
    has all logs.
    """
    folder = tmp_path_factory.mktemp("system")
    layout = Layout(folder / "stack", dags=folder / "dags", include=folder / "include")
    without_caches = shutil.ignore_patterns("__pycache__")
    for source, target in ((REPO / "dags", layout.dags), (REPO / "include", layout.include)):
        shutil.copytree(source, target, ignore=without_caches)
    for dag in Path(__file__).parent.glob("dags/*.py"):
        shutil.copy(dag, layout.dags)
    definitions.write(layout.include / "exports", *definitions.ALL)
    (layout.include / "airflow_local_settings.py").write_text(POLICIES)
    with Stack(layout, Options(speed=1, schedules=True, settings=QUICK_TO_NOTICE | statsd.settings)) as stack:
        stack.wait_healthy()
        stack.wait_for_dags("many_waits", "export_lifecycle__crash", "estimate_lifecycle__savings-plan")
        yield stack


@pytest.fixture(scope="session")
def aws(stack: Stack) -> Aws:
    """The emulator of the shared stack."""
    return Aws(stack.emulator_url)
