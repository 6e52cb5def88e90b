"""
### Export lifecycle

One DAG for each file of `include/exports`: bring the Data Export to the declared state, wait for a delivery, verify
it, and report on it.

1. **check_reports_bucket** makes sure that reports can be published: the Airflow Variable `finops_reports_uri`.
2. **ensure_export** creates the export, adopts it, or updates what differs. It never makes a second one.
3. **await_execution** waits, deferred, for the newest execution that ran with this definition. AWS makes the first
   delivery within 24 hours of the creation and then up to three a day.
4. **verify_delivery** reads the manifest of each billing period that was delivered since it was last reported (in the
   first two weeks of a month AWS delivers the month before as well), and checks every file that it names.
5. **run_reports**, once for each such period, downloads exactly those files, runs the SQL of `include/reports` on them,
   and publishes tables and a page. Its asset event carries the billing period, the execution, the rows and the cost.

A failed verification publishes nothing; a delivery that AWS replaces while it is read is read again.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Asset, get_current_context, task

from bcm.hooks.data_exports import BcmDataExportsHook
from bcm.operators.data_exports import BcmCreateExportOperator
from bcm.sensors.data_exports import BcmExportExecutionSensor
from finops.definitions import ExportDefinition, load_exports
from finops.report_catalogue import load_reports, reports_of
from lifecycle_forms import NEW_DELIVERY, export_form
from lifecycle_shared import (
    DAG_ARGS,
    INCLUDE,
    READING_RETRIES,
    REPORTS,
    check_reports_bucket,
    reports_uri,
    s3_client,
)


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
        **DAG_ARGS,
        tags=["data-exports", definition.table],
        params=export_form(definition, reports),
    ) as dag:

        @task(task_display_name="Verify the delivery", retries=READING_RETRIES)
        def verify_delivery(execution: dict[str, Any], params: dict[str, Any] | None = None) -> list[dict[str, Any]]:
            """Check the manifests and every file that they name; return each delivery with its execution."""
            from finops.lifecycle import find_export_deliveries

            get_execution = BcmDataExportsHook(aws_conn_id=definition.aws_conn_id).get_execution
            period = (params or {})["billing_period"]
            s3 = s3_client(definition)
            return find_export_deliveries(s3, definition, execution, get_execution, reports_uri(), period)

        @task(
            task_display_name="Run the reports",
            outlets=[delivered],
            map_index_template="{{ billing_period }}",
            retries=READING_RETRIES,
        )
        def run_reports(
            verified: dict[str, Any], params: dict[str, Any] | None = None, outlet_events: Any = None
        ) -> dict[str, Any]:
            """Report on exactly the verified files, publish, and tell whoever schedules on the asset."""
            from finops.lifecycle import report_on_export

            get_current_context()["billing_period"] = verified["delivery"]["billing_period"]
            get_execution = BcmDataExportsHook(aws_conn_id=definition.aws_conn_id).get_execution
            known = load_reports(REPORTS).reports
            chosen = [known[name] for name in (params or {})["reports"]]
            summary = report_on_export(
                s3_client(definition), definition, verified, get_execution, chosen, reports_uri()
            )
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
        check_reports_bucket(definition) >> ensured
        run_reports.expand(verified=verify_delivery(awaited.output))
    return dag


_exports, _ = reports_of(load_exports(INCLUDE / "exports").definitions, load_reports(REPORTS))
for _definition, _reports in _exports:
    _dag = export_lifecycle(_definition, _reports)
    globals()[_dag.dag_id] = _dag
