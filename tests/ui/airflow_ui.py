"""What a person does in Airflow's UI, in the UI's own words; the screenshots of the docs are taken with it too."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

if TYPE_CHECKING:
    from stack.rest import AirflowApi, Run

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
TIMEOUT = 60_000
"""Milliseconds until a step has failed: the machine may be busy with other tests."""


def find_chromium() -> str | None:
    """The path of this machine's Chromium, or None."""
    return next((path for name in CHROMIUM if (path := shutil.which(name))), None)


@contextmanager
def chromium(path: str) -> Iterator[Browser]:
    """A headless Chromium, closed at the end. As root it has to run without its sandbox."""
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=TIMEOUT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


class AirflowUi:
    """Airflow's UI in one page of a browser.

    Args:
        page: the page.
        airflow: the deployment, with the user to log in.
    """

    def __init__(self, page: Page, airflow: AirflowApi) -> None:
        self.page = page
        self.airflow = airflow
        page.set_default_timeout(TIMEOUT)

    def log_in(self) -> None:
        """Log in; ends at the home page."""
        self.page.goto(self.airflow.url)
        self.page.get_by_label("Username").fill(self.airflow.user)
        self.page.get_by_label("Password").fill(self.airflow.password)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("link", name="Dags", exact=True).first).to_be_visible()

    def open_dag(self, dag_id: str) -> None:
        """Open a DAG's page."""
        self.page.goto(f"{self.airflow.url}/dags/{dag_id}")

    def open_run(self, run: Run, task_id: str = "") -> None:
        """Open a run's page, or that of one of its tasks, where the log is."""
        task = f"/tasks/{task_id}" if task_id else ""
        self.page.goto(f"{self.airflow.url}/dags/{run.dag_id}/runs/{quote(run.run_id, safe='')}{task}")

    def open_form(self, dag_id: str) -> Locator:
        """Open the form that triggers a DAG, and return it."""
        self.open_dag(dag_id)
        self.page.get_by_role("button", name="Trigger Dag").click()
        form = self.page.get_by_role("dialog").filter(has_text=f"Trigger Dag - {dag_id}")
        expect(form.get_by_text("Run Parameters")).to_be_visible()
        return form

    def clear_logical_date(self, form: Locator) -> None:
        """Empty the form's logical date: the run then has no data interval."""
        form.get_by_test_id("datetime-input").click()
        self.page.get_by_role("button", name="Clear start date").click()
        form.get_by_role("heading", name="Trigger Dag").click()

    def submit(self, form: Locator) -> str:
        """Trigger, and return the id of the run whose page opens."""
        form.get_by_role("button", name="Trigger", exact=True).click()
        self.page.wait_for_url("**/runs/**")
        return self.page.url.partition("/runs/")[2].partition("/")[0]

    def show_graph(self) -> Locator:
        """Switch the page of a DAG or run to its graph, and return that."""
        self.page.get_by_role("button", name="Show Graph").click()
        graph = self.page.get_by_role("application")
        expect(graph.get_by_role("link").first).to_be_visible()
        return graph
