"""What Airflow says and what AWS says when all has settled, as plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.chaos.workload import Launch, Workload
from tests.system.support import Aws

from stack.rest import AirflowApi, ApiError, Run

CREATIONS = ("CreateExport", "CreateBillScenario", "CreateBillEstimate")
CHANGES = ("UpdateExport", "DeleteExport", "DeleteBillEstimate", "DeleteBillScenario")
"""What nobody asked for."""
KEPT_IN = {
    "export": ("ensure_export", "await_execution", "run_reports"),
    "estimate": ("create_estimate", "await_estimate", "run_reports"),
}
"""The tasks of a lifecycle that create, wait and end it."""
NOT_FOUND = 404
OK = 200


@dataclass(frozen=True)
class Outcome:
    """One run as Airflow tells it.

    Args:
        launch: the run.
        state: of the DAG run; empty if there is no such run.
        made: the ARN of its export, or the id of its bill estimate; empty if it made none.
        scenario: the id of its bill scenario.
        awaited: the id of the execution, or of the estimate, at which its wait ended well; empty if it did not.
        reports: the URIs of its reports.
        failed: the ids of the tasks that failed by themselves.
        tries: the tries of all its task instances together.
        instances: how many task instances it had.
    """

    launch: Launch
    state: str
    made: str = ""
    scenario: str = ""
    awaited: str = ""
    reports: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    tries: int = 0
    instances: int = 0


@dataclass(frozen=True)
class Account:
    """AWS's side.

    Args:
        exports: ARNs by name.
        executions: status by id, of each export by its ARN.
        estimates: name and status by id.
        scenarios: how many usage and commitment modifications each has, by its id.
        objects: the URIs of all objects in the reports' bucket.
        created: how many things each create operation has made, by operation and name.
        changed: how often each of `CHANGES` was carried out.
        charged: how many estimates AWS counts for its bill.
    """

    exports: dict[str, str] = field(default_factory=dict)
    executions: dict[str, dict[str, str]] = field(default_factory=dict)
    estimates: dict[str, tuple[str, str]] = field(default_factory=dict)
    scenarios: dict[str, tuple[int, int]] = field(default_factory=dict)
    objects: frozenset[str] = frozenset()
    created: dict[tuple[str, str], int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    charged: int = 0


def read_airflow(airflow: AirflowApi, workload: Workload) -> list[Outcome]:
    """Ask Airflow for every run of the workload."""
    return [_outcome(airflow, launch) for launch in workload.launches]


def _outcome(airflow: AirflowApi, launch: Launch) -> Outcome:
    run = Run(launch.dag_id, launch.run_id)
    try:
        state = airflow.state(run)
    except ApiError as error:
        if error.status != NOT_FOUND:
            raise
        return Outcome(launch, "")
    tasks = airflow.tasks(run)
    creates, waits, reports = KEPT_IN[launch.kind]
    ended_well = {task["task_id"] for task in tasks if task["state"] == "success"}
    summaries = airflow.results(run, reports)
    awaited = airflow.xcom(run, waits) if waits in ended_well else {}
    return Outcome(
        launch,
        state,
        made=airflow.xcom(run, creates) if creates in ended_well else "",
        scenario=airflow.xcom(run, "create_scenario") if "create_scenario" in ended_well else "",
        awaited=awaited.get("execution_id") or awaited.get("bill_estimate_id") or "",
        reports=tuple(uri for summary in summaries for uri in summary["reports"]),
        failed=tuple(sorted({task["task_id"] for task in tasks if task["state"] == "failed"})),
        tries=sum(task["try_number"] for task in tasks),
        instances=len(tasks),
    )


def read_aws(aws: Aws, reports_uri: str) -> Account:
    """Ask the emulator; no fault rule may be in force any more."""
    exports = aws.exports()
    bucket = reports_uri.removeprefix("s3://").partition("/")[0]
    return Account(
        exports=exports,
        executions={arn: dict(_executions(aws, arn)) for arn in exports.values()},
        estimates={each["id"]: (each["name"], each["status"]) for each in aws.estimates()},
        scenarios={each["id"]: _modifications(aws, each["id"]) for each in _scenarios(aws)},
        objects=frozenset(f"s3://{bucket}/{key}" for key in aws.objects(f"s3://{bucket}/")),
        created=_created(aws),
        changed={operation: len(_carried_out(aws, operation)) for operation in CHANGES},
        charged=sum(each["estimates"] for each in aws.charges()),
    )


def _carried_out(aws: Aws, operation: str) -> list[dict[str, Any]]:
    """The calls that AWS carried out, whether or not the caller got the answer."""
    return [each for each in aws.requests(operation) if each["status"] == OK]


def _created(aws: Aws) -> dict[tuple[str, str], int]:
    """How many times something of a name was made; the same client token again makes nothing."""
    found: set[tuple[str, str, Any]] = set()
    for operation in CREATIONS:
        for number, each in enumerate(_carried_out(aws, operation)):
            params = each["params"]
            name = params["Export"]["Name"] if operation == "CreateExport" else params["name"]
            found.add((operation, name, params.get("clientToken", number)))
    return dict(Counter((operation, name) for operation, name, _ in found))


def _executions(aws: Aws, arn: str) -> Iterator[tuple[str, str]]:
    pages = aws.client("bcm-data-exports").get_paginator("list_executions").paginate(ExportArn=arn)
    for page in pages:
        for each in page["Executions"]:
            yield each["ExecutionId"], each["ExecutionStatus"]["StatusCode"]


def _scenarios(aws: Aws) -> Iterator[dict[str, Any]]:
    for page in aws.client("bcm-pricing-calculator").get_paginator("list_bill_scenarios").paginate():
        yield from page["items"]


def _modifications(aws: Aws, scenario: str) -> tuple[int, int]:
    client = aws.client("bcm-pricing-calculator")

    def count(kind: str) -> int:
        pages = client.get_paginator(f"list_bill_scenario_{kind}_modifications").paginate(billScenarioId=scenario)
        return sum(len(page["items"]) for page in pages)

    return count("usage"), count("commitment")
