"""A stack of real processes, and a browser in which a person has logged in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, StorageState
from tests.ui.airflow_ui import AirflowUi, chromium, find_chromium
from tests.ui.runs import DAY, advance, wait_deferred, wait_successful

from stack.deployment import Options, Stack
from stack.layout import REPO, Layout
from stack.rest import Run

EXPORT = "export_lifecycle__cur2-daily"
OTHER_EXPORT = "export_lifecycle__focus-monthly"
ESTIMATE = "estimate_lifecycle__compute-growth"


@dataclass(frozen=True)
class Runs:
    """Three runs for all tests to look at.

    Args:
        waiting: of an export; it waits for a delivery that never comes.
        exported: of the other export, successful.
        estimated: of an estimate, successful.
    """

    waiting: Run
    exported: Run
    estimated: Run


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    if path is None:
        lacking = "no chromium on this machine (Debian: apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(lacking)
        pytest.skip(lacking)
    with chromium(path) as browser:
        yield browser


@pytest.fixture(scope="session")
def stack(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The project's DAGs on a copy of include/, to which a test may add. Emulated time is months ago and stands
    nearly still.
    """
    folder = tmp_path_factory.mktemp("ui")
    include = shutil.copytree(REPO / "include", folder / "include", ignore=shutil.ignore_patterns("__pycache__"))
    start = (datetime.now(UTC) - timedelta(days=90)).replace(day=20)
    options = Options(speed=1, start=start.strftime("%Y-%m-%dT06:00:00Z"), rows=4000)
    with Stack(Layout(folder / "stack", include=include), options) as stack:
        stack.wait_for_dags(EXPORT, OTHER_EXPORT, ESTIMATE)
        stack.wait_healthy()
        yield stack


@pytest.fixture(scope="session")
def runs(stack: Stack) -> Runs:
    """The three runs, in their states. A day of emulated time passes."""
    # deliveries of the emulated past are none that AWS starts after this run
    waiting = stack.airflow.trigger(EXPORT, {"wait_for": "a delivery that AWS starts after this run"})
    exported, estimated = stack.airflow.trigger(OTHER_EXPORT), stack.airflow.trigger(ESTIMATE)

    wait_deferred(stack, waiting, exported, estimated)
    advance(stack, DAY)
    wait_successful(stack, exported, estimated)
    return Runs(waiting, exported, estimated)


@pytest.fixture(scope="session")
def login(browser: Browser, stack: Stack) -> StorageState:
    """A person's session: what the browser keeps after the login."""
    context = browser.new_context()
    AirflowUi(context.new_page(), stack.airflow).log_in()
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def ui(browser: Browser, stack: Stack, login: StorageState, request: pytest.FixtureRequest) -> Iterator[AirflowUi]:
    """The UI after the login, in a page of the test's own; a failed test leaves a picture in var/test."""
    context = browser.new_context(storage_state=login, viewport={"width": 1400, "height": 1000})
    page = context.new_page()
    failed = request.session.testsfailed
    yield AirflowUi(page, stack.airflow)
    if request.session.testsfailed > failed:
        page.screenshot(path=REPO / "var" / "test" / f"{request.node.name}.png")
    context.close()
