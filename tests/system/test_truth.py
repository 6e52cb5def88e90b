"""Issue 2, both lifecycles run end to end, and what they report is true.

The figures are computed again here with boto3, pyarrow and csv from the files that the manifest names ("Figures
equal the sum over the delivered files to the cent") and from AWS's own answers.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.system.support import Aws, DagRun, until

from stack.deployment import Stack
from stack.environment import REPORTS_URI, SECRET_KEY

pytestmark = pytest.mark.timeout(600)

EXPORTS = {"cur2-daily": "line_item_unblended_cost", "focus-monthly": "BilledCost"}
"""Each shipped export with the column of its billed cost."""
PLACES = {
    "cur2-daily": "s3://finops-exports-111122223333/exports/cur2-daily",
    "focus-monthly": "s3://finops-focus-444455556666/focus/focus-monthly",
}
ESTIMATES = ("compute-growth", "savings-plan")
CENT = 0.005
CONSOLE = "https://console.aws.amazon.com/costmanagement/home?region=us-east-1#/"
LINKS = {"await_execution": ("AWS Data Exports", "bcm-data-exports"),
         "await_estimate": ("AWS Pricing Calculator", "pricing-calculator")}  # fmt: skip


@dataclass
class Lives:
    """The four runs, and what was there to be seen on the way.

    Args:
        runs: by the name of the export or scenario.
        while_waiting: the metadata database as SQL when all four waits were deferred.
        links: what the UI's endpoint for extra links answered then.
        manifests: the manifest of each export's delivery.
        delivered: for each export the cost of every delivered row.
    """

    runs: dict[str, DagRun] = field(default_factory=dict)
    while_waiting: str = ""
    links: dict[str, dict[str, str | None]] = field(default_factory=dict)
    manifests: dict[str, dict[str, Any]] = field(default_factory=dict)
    delivered: dict[str, list[float]] = field(default_factory=dict)

    def summary(self, name: str) -> dict[str, Any]:
        """What `run_reports` returned."""
        return self.runs[name].summary()


def dump(stack: Stack) -> str:
    """Airflow's whole metadata database as SQL: XComs, rendered templates, triggers, task states and all else."""
    with closing(sqlite3.connect(f"file:{stack.layout.database}?mode=ro", uri=True)) as database:
        return "\n".join(database.iterdump())


def rows(aws: Aws, uri: str) -> list[dict[str, Any]]:
    """The rows of a delivered file."""
    body = aws.read(uri)
    if uri.endswith(".parquet"):
        return list(pq.read_table(io.BytesIO(body)).to_pylist())
    return list(csv.DictReader(io.StringIO(gzip.decompress(body).decode())))


def table(aws: Aws, reports: Sequence[str], name: str) -> list[dict[str, str]]:
    """The rows of a published CSV table."""
    (uri,) = [uri for uri in reports if uri.endswith(f"/{name}.csv")]
    return list(csv.DictReader(io.StringIO(aws.read(uri).decode())))


def wait_of(name: str) -> str:
    """The id of the task that waits in the run of an export or scenario."""
    return "await_execution" if name in EXPORTS else "await_estimate"


def console_links(stack: Stack, run: DagRun, task_id: str) -> dict[str, str | None]:
    """What the UI's endpoint answers while the task is deferred; its worker stores a link just after it deferred."""

    def links() -> dict[str, str | None]:
        found: dict[str, str | None] = stack.airflow.request("GET", f"{run.run.path}/taskInstances/{task_id}/links")[
            "extra_links"
        ]
        return found

    until(lambda: all(links().values()), f"links of the deferred task {task_id}", run.story, limit=60)
    assert run.state(task_id) == "deferred"
    return links()


@pytest.fixture(scope="module")
def lives(stack: Stack, aws: Aws) -> Lives:
    """All four DAGs, from their beginning to their end."""
    lives, month = Lives(), stack.options.start[:7]
    for name in (*EXPORTS, *ESTIMATES):
        lives.runs[name] = DagRun(stack, f"{'export' if name in EXPORTS else 'estimate'}_lifecycle__{name}")
    for name, run in lives.runs.items():
        run.reach(wait_of(name), "deferred")
        lives.links[name] = console_links(stack, run, wait_of(name))
    lives.while_waiting = dump(stack)
    aws.advance(hours=7)  # each export has delivered once, and none a second time
    for name, column in EXPORTS.items():
        lives.runs[name].end("success")
        uri = f"{PLACES[name]}/metadata/BILLING_PERIOD={month}/{name}-Manifest.json"
        lives.manifests[name] = json.loads(aws.read(uri)) | {"uri": uri}
        files = lives.manifests[name]["dataFiles"]
        lives.delivered[name] = [float(row[column]) for file in files for row in rows(aws, file)]
    aws.advance(hours=6)  # an estimate takes 12 hours at most
    for name in ESTIMATES:
        lives.runs[name].end("success")
    return lives


@pytest.mark.parametrize("name", EXPORTS)
def test_an_exports_summary_is_what_the_delivered_files_say(lives: Lives, name: str) -> None:
    summary, manifest, costs = lives.summary(name), lives.manifests[name], lives.delivered[name]
    assert summary["export_arn"] == manifest["exportArn"]
    assert summary["execution_id"] == manifest["executionId"]
    assert summary["manifest"] == manifest["uri"]
    assert summary["status"] == "DELIVERY_SUCCESS"
    assert f"BILLING_PERIOD={summary['billing_period']}/" in manifest["uri"]
    assert summary["rows"] == len(costs) > 0
    assert summary["cost"] == pytest.approx(math.fsum(costs), abs=CENT)
    assert summary["cost"] > 0


@pytest.mark.parametrize("name", EXPORTS)
@pytest.mark.parametrize("report", ["cost_by_service", "cost_by_account", "daily_trend"])
def test_an_exports_reports_add_up_to_the_delivered_files(lives: Lives, aws: Aws, name: str, report: str) -> None:
    lines = table(aws, lives.summary(name)["reports"], report)
    total = math.fsum(float(line["billed_cost"]) for line in lines)
    assert total == pytest.approx(math.fsum(lives.delivered[name]), abs=CENT)


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_publishes_tables_a_page_and_a_pointer_and_nothing_else(lives: Lives, aws: Aws, name: str) -> None:
    summary = lives.summary(name)
    period = f"{REPORTS_URI}/exports/{name}/{summary['billing_period']}"
    names = [f"{report}.{kind}" for report in ("cost_by_account", "cost_by_service", "daily_trend")
             for kind in ("csv", "parquet")]  # fmt: skip
    run = f"{period}/{summary['execution_id']}"
    assert summary["reports"] == [*(f"{run}/{name}" for name in names), f"{run}/index.html", f"{period}/latest.json"]
    bucket = REPORTS_URI.removeprefix("s3://").partition("/")[0]
    found = aws.objects(f"{REPORTS_URI}/exports/{name}/")
    assert sorted(f"s3://{bucket}/{key}" for key in found) == sorted(summary["reports"])
    assert json.loads(aws.read(f"{period}/latest.json"))["execution_id"] == summary["execution_id"]


@pytest.mark.parametrize("name", EXPORTS)
def test_the_asset_event_carries_period_execution_rows_and_cost(stack: Stack, lives: Lives, name: str) -> None:
    run = lives.runs[name].run
    query = {"source_dag_id": run.dag_id, "source_run_id": run.run_id}
    (event,) = stack.airflow.request("GET", "/api/v2/assets/events", **query)["asset_events"]
    summary = lives.summary(name)
    assert event["extra"] == {key: summary[key] for key in ("billing_period", "execution_id", "rows", "cost")}


@pytest.mark.parametrize("name", ESTIMATES)
def test_an_estimates_summary_is_what_aws_and_its_line_items_say(lives: Lives, aws: Aws, name: str) -> None:
    summary, client = lives.summary(name), aws.client("bcm-pricing-calculator")
    estimate = client.get_bill_estimate(identifier=summary["estimate_id"])
    pages = client.get_paginator("list_bill_estimate_line_items").paginate(billEstimateId=summary["estimate_id"])
    items = [item for page in pages for item in page["items"]]
    assert summary["status"] == estimate["status"] == "COMPLETE"
    assert summary["scenario_id"] == client.get_bill_scenario(identifier=summary["scenario_id"])["id"]
    services = estimate["costSummary"]["serviceCostDifferences"].values()
    for figure, member in (("historical_cost", "historicalCost"), ("estimated_cost", "estimatedCost")):
        total = estimate["costSummary"]["totalCostDifference"][member]["amount"]
        assert summary[figure] == total
        assert math.fsum(item.get(member, {}).get("amount", 0) for item in items) == pytest.approx(total, abs=CENT)
        assert math.fsum(service[member]["amount"] for service in services) == pytest.approx(total, abs=CENT)
    assert summary["estimated_cost"] != summary["historical_cost"]


@pytest.mark.parametrize("name", ESTIMATES)
def test_an_estimates_reports_add_up_to_its_totals(lives: Lives, aws: Aws, name: str) -> None:
    summary = lives.summary(name)
    services = table(aws, summary["reports"], "estimate_by_service")
    drivers = table(aws, summary["reports"], "estimate_drivers")
    for figure in ("historical_cost", "estimated_cost"):
        assert math.fsum(float(line[figure]) for line in services) == pytest.approx(summary[figure], abs=CENT)
    change = summary["estimated_cost"] - summary["historical_cost"]
    # what moves the bill by less than half a cent is left out of the drivers
    assert math.fsum(float(line["difference"]) for line in drivers) == pytest.approx(change, abs=1)


def test_more_usage_costs_more(lives: Lives) -> None:
    growth = lives.summary("compute-growth")
    assert growth["estimated_cost"] > growth["historical_cost"]


@pytest.mark.parametrize("name", [*EXPORTS, *ESTIMATES])
def test_a_deferred_task_has_a_console_link_that_can_be_clicked(lives: Lives, name: str) -> None:
    title, page = LINKS[wait_of(name)]
    assert lives.links[name] == {title: CONSOLE + page}


def leaked(stack: Stack, text: str) -> list[str]:
    """The names of the stack's secrets that a text holds."""
    secrets = {"secret access key": SECRET_KEY, **vars(stack.keys)}
    return [name for name, secret in secrets.items() if secret in text]


def test_no_credential_is_in_the_database_while_tasks_wait(lives: Lives, stack: Stack) -> None:
    assert "bcm.triggers." in lives.while_waiting, "the triggers must be in what is searched"
    assert leaked(stack, lives.while_waiting) == []


def test_no_credential_is_in_the_database_afterwards(lives: Lives, stack: Stack) -> None:
    text = dump(stack)
    assert "DELIVERY_SUCCESS" in text, "the XComs must be in what is searched"
    assert leaked(stack, text) == []


def test_no_credential_is_in_a_log(lives: Lives, stack: Stack) -> None:
    files = [path for path in stack.layout.logs.rglob("*") if path.is_file()]
    assert any("task_id=run_reports" in str(path) for path in files), "the tasks' logs must be among them"
    assert {str(path): found for path in files if (found := leaked(stack, path.read_text(errors="replace")))} == {}
