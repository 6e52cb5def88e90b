"""
### Export lifecycle

One DAG for each file of `include/exports`: bring the Data Export to the declared state, wait for a delivery, verify
it, and report on it.

1. **ensure_export** creates the export, adopts it, or updates what differs. It never makes a second one.
2. **await_execution** waits, deferred, for the newest execution that ran with this definition. AWS makes the first
   delivery within 24 hours of the creation and then up to three a day.
3. **verify_delivery** reads the delivery's manifest and checks every file that it names.
4. **run_reports** downloads exactly those files, runs the SQL of `include/reports` on them, and publishes tables and
   a page below the Airflow Variable `finops_reports_uri`. Its asset event carries the billing period, the execution,
   the rows and the cost.

A failed verification publishes nothing; a delivery that AWS replaces while it is read is read again.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, Param, task

from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.operators.data_exports import BcmCreateExportOperator
from bcm.sensors.data_exports import BcmExportExecutionSensor
from finops.definitions import ExportDefinition, load_exports
from finops.report_catalogue import load_reports, reports_of
from lifecycle_shared import DEFAULT_ARGS, INCLUDE, REPORTS, START_DATE, reports_uri, s3_client

NEW_DELIVERY = "a delivery that AWS starts after this run"


def export_lifecycle(definition: ExportDefinition, reports: list[str]) -> DAG:
    """Return the DAG of one export.

    :param reports: names of the reports that fit the export's table
    """
    connection = {"aws_conn_id": definition.aws_conn_id, "expected_account_id": definition.account_id}
    place = definition.destination
    # no s3:// URI: checking one loads every provider at each parse
    delivered = Asset(
        f"export__{definition.name}", extra={"location": f"s3://{place.bucket}/{place.prefix}/{definition.name}"}
    )
    with DAG(
        dag_id=f"export_lifecycle__{definition.name}",
        description=definition.description,
        doc_md=__doc__,
        schedule=definition.schedule,
        start_date=START_DATE,
        catchup=False,
        default_args=DEFAULT_ARGS,
        tags=["data-exports", definition.table],
        params={
            "if_exists": Param(
                "update",
                type="string",
                enum=["update", "adopt", "fail"],
                title="If the export exists already",
                description="update: change what differs from the definition. adopt: take it as it is. fail: stop.",
            ),
            "wait_for": Param(
                "the newest delivery",
                type="string",
                enum=["the newest delivery", NEW_DELIVERY],
                title="Wait for",
                description="The newest delivery may be there already; a new one can take AWS up to 24 hours.",
            ),
            "billing_period": Param(
                None,
                type=["null", "string"],
                pattern=r"^\d{4}-(0[1-9]|1[0-2])$",
                title="Billing period",
                description="Month to report on, as YYYY-MM. Empty: the month that the delivery belongs to.",
            ),
            "reports": Param(
                list(definition.reports or reports),
                type="array",
                examples=reports,
                title="Reports",
                description="Reports to run on the delivery, from include/reports.",
            ),
        },
    ) as dag:

        @task(task_display_name="Verify the delivery")
        def verify_delivery(execution: dict[str, Any], params: dict[str, Any] | None = None) -> dict[str, Any]:
            """Check the manifest and every file that it names; return both, and the execution that made them."""
            from finops.lifecycle import find_export_delivery

            hook = BcmDataExportsHook(aws_conn_id=definition.aws_conn_id)
            period = (params or {})["billing_period"]
            return find_export_delivery(
                s3_client(definition.aws_conn_id), definition, execution, hook.get_execution, period
            )

        @task(task_display_name="Run the reports", outlets=[delivered])
        def run_reports(
            verified: dict[str, Any], params: dict[str, Any] | None = None, outlet_events: Any = None
        ) -> dict[str, Any]:
            """Report on exactly the verified files, publish, and tell whoever schedules on the asset."""
            from finops.lifecycle import report_on_export

            get_execution = BcmDataExportsHook(aws_conn_id=definition.aws_conn_id).get_execution
            chosen = [load_reports(REPORTS).reports[name] for name in (params or {})["reports"]]
            s3 = s3_client(definition.aws_conn_id)
            summary = report_on_export(s3, definition, verified, get_execution, chosen, reports_uri())
            outlet_events[delivered].extra = {
                key: summary[key] for key in ("billing_period", "execution_id", "rows", "cost")
            }
            return summary

        ensured = BcmCreateExportOperator(
            task_id="ensure_export",
            task_display_name="Ensure the export",
            export=definition.to_export(),
            resource_tags=definition.resource_tags,
            if_exists="{{ params.if_exists }}",
            **connection,
        )
        awaited = BcmExportExecutionSensor(
            task_id="await_execution",
            task_display_name="Await an execution",
            export_arn=ensured.output,
            export=ensured.output["export"],
            since="{{ dag_run.start_date.isoformat() if params.wait_for == '" + NEW_DELIVERY + "' else '' }}",
            **connection,
        )
        run_reports(verify_delivery(awaited.output))
    return dag


_exports, _ = reports_of(load_exports(INCLUDE / "exports").definitions, load_reports(REPORTS))
for _definition, _reports in _exports:
    _dag = export_lifecycle(_definition, _reports)
    globals()[_dag.dag_id] = _dag
