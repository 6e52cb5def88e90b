"""What every DAG of this repository keeps to. Each message says how to mend it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.sdk.definitions.param import Param
from airflow.serialization.serialized_objects import DagSerialization
from tests.dags.conftest import DAGS, INCLUDE

from bcm.operators.base import BcmBaseOperator
from bcm.sensors.base import BcmBaseSensor
from finops.definitions import load_exports, load_scenarios

FILES = sorted(DAGS.glob("*.py"))
EVERY_FILE = pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
LONGEST = 200


def params(dags: list[DAG]) -> list[tuple[str, str, Param]]:
    """Every Param as DAG id, name and Param."""
    return [(dag.dag_id, name, dag.params.get_param(name)) for dag in dags for name in dag.params]


def test_every_dag_file_is_imported(bag: DagBag) -> None:
    errors = "\n".join(f"{path}:\n{error}" for path, error in bag.import_errors.items())
    assert not errors, f"mend these import errors (python <file> shows each alone):\n{errors}"


def test_there_is_exactly_one_dag_for_each_definition_file(dags: list[DAG]) -> None:
    exports = load_exports(INCLUDE / "exports").definitions
    scenarios = load_scenarios(INCLUDE / "scenarios").definitions
    files = [*(INCLUDE / "exports").glob("*.yaml"), *(INCLUDE / "scenarios").glob("*.yaml")]
    wanted = [f"export_lifecycle__{one.name}" for one in exports]
    wanted += [f"estimate_lifecycle__{one.name}" for one in scenarios]
    assert len(wanted) == len(files), "a definition file gives no DAG: the DAG definition_errors names the mistake"
    assert sorted(dag.dag_id for dag in dags) == sorted(wanted), "give each definition file its own DAG, named after it"


def test_every_dag_explains_itself(dags: list[DAG]) -> None:
    for dag in dags:
        docstring = ast.get_docstring(ast.parse(Path(dag.fileloc).read_text()), clean=False)
        assert dag.doc_md, f"{dag.dag_id}: write what it does into the file's docstring and set doc_md=__doc__"
        assert dag.doc_md.strip() == (docstring or "").strip(), f"{dag.dag_id}: set doc_md=__doc__"
        assert dag.description, f"{dag.dag_id}: give it a description; the list of DAGs shows it"


def test_every_dag_has_tags(dags: list[DAG]) -> None:
    for dag in dags:
        assert dag.tags, f"{dag.dag_id}: give it tags; the list of DAGs is filtered by them"


def test_every_task_has_an_owner(dags: list[DAG]) -> None:
    for dag in dags:
        for task in dag.tasks:
            assert task.owner != "airflow", f"{dag.dag_id}.{task.task_id}: set owner in default_args to your team"


def test_no_dag_catches_up(dags: list[DAG]) -> None:
    for dag in dags:
        assert dag.catchup is False, f"{dag.dag_id}: set catchup=False; each run of a missed month would cost money"


def test_every_task_is_retried(dags: list[DAG]) -> None:
    for dag in dags:
        for task in dag.tasks:
            assert task.retries > 0, f"{dag.dag_id}.{task.task_id}: set retries in default_args"
            assert task.retry_policy is not None, (
                f"{dag.dag_id}.{task.task_id}: set retry_policy, so that nothing is retried that a retry cannot mend"
            )


def test_every_task_has_a_name_for_people(dags: list[DAG]) -> None:
    for dag in dags:
        for task in dag.tasks:
            assert task.task_display_name != task.task_id, f"{dag.dag_id}.{task.task_id}: set task_display_name"


def test_every_task_of_aws_checks_its_account(dags: list[DAG]) -> None:
    for dag in dags:
        for task in dag.tasks:
            if isinstance(task, BcmBaseOperator | BcmBaseSensor):
                assert re.fullmatch(r"\d{12}", task.expected_account_id or ""), (
                    f"{dag.dag_id}.{task.task_id}: set expected_account_id to the definition's account_id"
                )


def test_every_wait_is_deferred(dags: list[DAG]) -> None:
    waits = [task for dag in dags for task in dag.tasks if isinstance(task, BcmBaseSensor)]
    assert len(waits) == len(dags), "each lifecycle waits once"
    for task in waits:
        assert task.deferrable, f"{task.dag_id}.{task.task_id}: leave deferrable on; it waits for hours"


def test_every_param_is_a_labelled_field_of_the_form(dags: list[DAG]) -> None:
    for dag_id, name, param in params(dags):
        for key in ("type", "title"):
            assert param.schema.get(key), f"{dag_id}: give Param {name!r} a {key}"
        described = param.description or param.schema.get("description_md")
        assert described, f"{dag_id}: give Param {name!r} a description"


def test_no_param_blocks_a_scheduled_run(dags: list[DAG]) -> None:
    for dag_id, name, param in params(dags):
        try:
            param.resolve()
        except Exception as error:
            pytest.fail(f"{dag_id}: give Param {name!r} a valid default; without one no scheduled run starts: {error}")


def test_every_param_is_used(dags: list[DAG]) -> None:
    for dag in dags:
        text = Path(dag.fileloc).read_text()
        for name in dag.params:
            used = re.search(rf"""params\.{name}\b|params( or \{{\}}\))?\[["']{name}["']\]""", text)
            assert used, f"{dag.dag_id}: Param {name!r} changes nothing: use it, or take it out of the form"


def test_every_dag_survives_its_serialization(dags: list[DAG]) -> None:
    for dag in dags:
        stored = DagSerialization.to_dict(dag)
        again = DagSerialization.from_dict(stored)
        assert again.dag_id == dag.dag_id
        assert sorted(again.task_ids) == sorted(dag.task_ids)
        assert dict(again.params) == dag.params.dump(), f"{dag.dag_id}: a Param's default is not plain JSON"
        assert {task.task_id: task.downstream_task_ids for task in again.tasks} == {
            task.task_id: task.downstream_task_ids for task in dag.tasks
        }


def test_every_scheduled_run_of_a_dag_comes_once(dags: list[DAG]) -> None:
    for dag in dags:
        start = dag.start_date
        assert start is not None, f"{dag.dag_id}: set start_date"
        assert start.tzinfo is not None, f"{dag.dag_id}: give start_date a time zone"


@EVERY_FILE
def test_a_dag_file_is_read_in_one_sitting(path: Path) -> None:
    length = len(path.read_text().splitlines())
    assert length < LONGEST, f"{path.name} has {length} lines: move logic to plugins/bcm or include/finops"


@EVERY_FILE
def test_a_dag_file_imports_heavy_libraries_nowhere_at_its_top(path: Path) -> None:
    heavy = {"boto3", "botocore", "aiobotocore", "duckdb", "pyarrow", "sqlglot", "matplotlib", "pandas"}
    for statement in ast.parse(path.read_text()).body:
        names = [alias.name for alias in getattr(statement, "names", [])] if isinstance(statement, ast.Import) else []
        names += [statement.module or ""] if isinstance(statement, ast.ImportFrom) else []
        found = heavy & {name.split(".")[0] for name in names}
        assert not found, f"{path.name}: import {found} inside the task that uses it"
