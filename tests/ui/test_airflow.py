"""The lifecycles as a person meets them in Airflow's UI."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from playwright.sync_api import expect
from tests.ui.airflow_ui import AirflowUi
from tests.ui.conftest import ESTIMATE, EXPORT, OTHER_EXPORT, Runs

from stack.deployment import Stack

pytestmark = pytest.mark.timeout(300)

TITLES = ["Ensure the export", "Await an execution", "Verify the delivery", "Run the reports"]
TASKS = ["ensure_export", "await_execution", "verify_delivery", "run_reports"]
CONSOLE = "https://console.aws.amazon.com/costmanagement/home?region=us-east-1#/bcm-data-exports"
AWAITED = re.compile(
    r"Waiting for an execution of export cur2-daily "
    r"created since [\d-]+ [\d:]+ UTC: .+\. "
    r"Began at [\d-]+ [\d:]+ UTC \(\d+h\d\dm\d\ds ago\), next look in \d+ s, gives up at [\d-]+ [\d:]+ UTC\."
)


def test_the_list_shows_one_dag_for_each_definition(ui: AirflowUi) -> None:
    ui.page.goto(f"{ui.airflow.url}/dags")
    expect(ui.page.get_by_role("heading", name="4 Dags")).to_be_visible()
    for dag_id in (EXPORT, OTHER_EXPORT, ESTIMATE, "estimate_lifecycle__savings-plan"):
        expect(ui.page.get_by_role("link", name=dag_id)).to_be_visible()


def test_the_docs_of_a_dag_are_a_click_away(ui: AirflowUi) -> None:
    ui.open_dag(ESTIMATE)
    ui.page.get_by_role("button", name="Dag Docs").click()
    expect(ui.page.get_by_role("heading", name="Estimate lifecycle")).to_be_visible()


def test_the_form_of_an_export_says_what_each_field_is(ui: AirflowUi) -> None:
    form = ui.open_form(EXPORT)
    for title, description in {
        "If the export exists already": "update: change what differs from the definition",
        "Wait for": "The newest delivery may be there already",
        "Billing period": "Month to report on, as YYYY-MM",
        "Reports": "Reports to run on the delivery",
    }.items():
        field = form.get_by_role("group").filter(has_text=title)
        expect(field.filter(has_text=description)).to_be_visible()


def test_the_form_offers_what_a_field_may_be(ui: AirflowUi) -> None:
    form = ui.open_form(EXPORT)
    form.get_by_role("combobox", name="If the export exists already").click()
    expect(ui.page.get_by_role("option")).to_have_text(["update", "adopt", "fail"])


def test_a_run_from_the_form_succeeds_without_a_data_interval(ui: AirflowUi, runs: Runs) -> None:
    form = ui.open_form(EXPORT)
    ui.clear_logical_date(form)
    run_id = ui.submit(form)
    summary = ui.page.get_by_role("table").filter(has_text="Task ID")
    for title in TITLES:
        expect(summary.get_by_role("row").filter(has_text=title).get_by_text("Success")).to_be_visible(timeout=120_000)
    expect(ui.page.get_by_text("Manual", exact=True)).to_be_visible()
    assert run_id.startswith("manual__")
    expect(ui.page.get_by_role("heading", name="Logical Date")).to_have_count(0)


def test_the_graph_shows_the_tasks_in_their_order(ui: AirflowUi, runs: Runs) -> None:
    ui.open_run(runs.waiting)
    graph = ui.show_graph()
    boxes = [graph.get_by_role("link", name=title).bounding_box() or {} for title in TITLES]
    assert boxes == sorted(boxes, key=lambda box: box["x"])
    for before, after in pairwise(TASKS):
        expect(graph.get_by_role("img", name=f"Edge from {before} to {after}")).to_have_count(1)
    expect(graph.get_by_text("deferred")).to_be_visible()


def test_a_task_that_waits_links_to_the_console(ui: AirflowUi, runs: Runs) -> None:
    ui.open_run(runs.waiting, "await_execution")
    expect(ui.page.get_by_text("Deferred", exact=True)).to_be_visible()
    ui.page.get_by_role("link", name="Details").click()
    link = ui.page.get_by_role("link", name="AWS Data Exports")
    expect(link).to_be_enabled()
    expect(link).to_have_attribute("href", CONSOLE)


def test_the_log_of_a_wait_says_what_is_awaited_and_until_when(ui: AirflowUi, runs: Runs) -> None:
    ui.open_run(runs.waiting, "await_execution")
    expect(ui.page.get_by_role("code").filter(has_text=AWAITED).first).to_be_visible()


def test_a_wrong_definition_shows_as_an_import_error(ui: AirflowUi, stack: Stack) -> None:
    exports = stack.layout.include / "exports"
    wrong, good = exports / "wrong.yaml", (exports / "cur2-daily.yaml").read_text()
    wrong.write_text(good.replace("name: cur2-daily", "name: wrong").replace("prefix:", "prefx:"))
    try:
        stack.wait(lambda: bool(stack.airflow.import_errors()), "the import error")
        ui.page.goto(f"{ui.airflow.url}/dags")
        expect(ui.page.get_by_role("link", name=EXPORT)).to_be_visible()
        ui.page.get_by_role("button", name="Dag Import Error").click()
        errors = ui.page.get_by_role("dialog").filter(has_text="Import Error")
        errors.get_by_role("button", name="definition_errors.py").click()
        sentence = "exports/wrong.yaml: destination.prefx: is not a field. Did you mean prefix?"
        expect(errors.get_by_text(sentence)).to_be_visible()
    finally:
        wrong.unlink()
        stack.wait(lambda: not stack.airflow.import_errors(), "the end of the import error")
