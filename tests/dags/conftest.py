"""The DAG files, parsed by Airflow's own DagBag: once as they are, and with other definitions where a test asks."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import boto3
import pytest
from airflow.dag_processing.dagbag import BundleDagBag, DagBag
from airflow.sdk import DAG, Connection, Variable

import finops

REPO = Path(__file__).parents[2]
DAGS = REPO / "dags"
INCLUDE = REPO / "include"


def parse() -> DagBag:
    """Parse the folder as a fresh DAG processor does: nothing of it is imported yet."""
    for name in [path.stem for path in DAGS.glob("*.py")]:
        sys.modules.pop(name, None)
    return BundleDagBag(dag_folder=str(DAGS), bundle_path=DAGS, bundle_name="dags")


def forbidden(what: str) -> Callable[..., NoReturn]:
    """Make something that fails whoever calls it while a DAG file is parsed."""

    def fail(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError(f"{what} while a DAG file is parsed: that is every 30 seconds. Move it into a task")

    return fail


@pytest.fixture(scope="session")
def bag() -> Iterator[DagBag]:
    """The DAGs of the repository; parsing them may read no Variable, no Connection and nothing of AWS."""
    path = list(sys.path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Variable, "get", forbidden("Variable.get"))
        patch.setattr(Connection, "get", forbidden("Connection.get"))
        patch.setattr("airflow.sdk.bases.hook.BaseHook.get_connection", forbidden("get_connection"))
        patch.setattr(boto3, "client", forbidden("boto3.client"))
        patch.setattr(boto3, "resource", forbidden("boto3.resource"))
        patch.setattr(boto3.session.Session, "__init__", forbidden("a boto3 session"))
        patch.setattr("socket.socket.connect", forbidden("a network connection"))
        parsed = parse()
    yield parsed
    sys.path[:] = path


@pytest.fixture(scope="session")
def dags(bag: DagBag) -> list[DAG]:
    """The DAGs; that there are any is what a test of an empty list would never notice."""
    assert bag.dags, (
        f"no DAG was found in {DAGS}: {bag.import_errors or 'no import error either; look at .airflowignore'}"
    )
    return list(bag.dags.values())


@pytest.fixture
def include(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the definition and report files that the DAG files read instead of the repository's."""
    for name in ("exports", "scenarios", "reports"):
        shutil.copytree(INCLUDE / name, tmp_path / name)
    # the DAG files find them beside the package
    monkeypatch.setattr(finops, "__file__", str(tmp_path / "finops" / "__init__.py"))
    monkeypatch.setattr(sys, "path", [*sys.path, str(DAGS)])
    return tmp_path
