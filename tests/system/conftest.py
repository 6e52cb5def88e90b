"""A stack of real processes for the tests of this level."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from stack.deployment import Options, Stack
from stack.layout import REPO, Layout

StackFactory = Callable[..., Stack]


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The project's own DAGs on a stack that all tests share: leave its processes and its clock as they are.

    `.airflow` is the REST client, `.emulator_url` stands for AWS, `.layout.logs` has all logs.
    """
    with Stack(Layout(tmp_path_factory.mktemp("system") / "stack")) as stack:
        stack.wait_healthy()
        yield stack


@pytest.fixture
def new_stack(tmp_path: Path) -> Iterator[StackFactory]:
    """Start a stack of the test's own, which it may mistreat: `new_stack(dags=folder, speed=600)`.

    Args of the factory: `dags`, the folder of DAGs (the project's own by default), and the fields of `Options`.
    """
    with ExitStack() as started:

        def start(dags: Path = REPO / "dags", **options: Any) -> Stack:
            folder = tmp_path / f"stack-{len(list(tmp_path.glob('stack-*.lock')))}"
            stack = started.enter_context(Stack(Layout(folder, dags=dags), Options(**options)))
            stack.wait_healthy()
            return stack

        yield start
