"""
### Estimate lifecycle

One DAG for each file of `include/scenarios`: what would the bill be if this happened?

1. **check_reports_bucket** makes sure that reports can be published: the Airflow Variable `finops_reports_uri`.
2. **create_scenario** makes a bill scenario for this run; it is of use until the end of the month.
3. **plan_modifications** turns the declared changes into entries for the scenario's month.
4. **modify_scenario** adds them, in batches of 25.
5. **create_estimate** starts the bill estimate, once. Five successful estimates a month are free, each further one
   costs 2 USD.
6. **await_estimate** waits, deferred; AWS takes between 20 minutes and 12 hours.
7. **collect_result** stores the estimate and all its line items below `finops_reports_uri`.
8. **run_reports** compares estimate and history by service, and names the line items that drive the difference.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook
from bcm.operators.pricing_calculator import (
    BcmCreateBillEstimateOperator,
    BcmCreateBillScenarioOperator,
    BcmModifyBillScenarioOperator,
)
from bcm.sensors.pricing_calculator import BcmBillEstimateSensor
from finops.definitions import ScenarioDefinition, load_scenarios
from finops.report_catalogue import load_reports
from lifecycle_forms import estimate_form
from lifecycle_shared import (
    DAG_ARGS,
    INCLUDE,
    REPORTS,
    check_reports_bucket,
    reports_uri,
    s3_client,
)


def estimate_lifecycle(definition: ScenarioDefinition) -> DAG:
    """Return the DAG of one scenario."""
    connection = {"aws_conn_id": definition.aws_conn_id, "expected_account_id": definition.account_id}
    # Names must be unique in the account. A manual run has no data interval, but every run has this time.
    name = definition.name + "-{{ dag_run.run_after.strftime('%Y%m%d-%H%M%S') }}"
    with DAG(
        dag_id=f"estimate_lifecycle__{definition.name}",
        description=definition.description,
        doc_md=__doc__,
        schedule=definition.schedule,
        **DAG_ARGS,
        tags=["bill-estimate"],
        params=estimate_form(),
    ) as dag:

        @task(task_display_name="Plan the modifications")
        def plan_modifications(scenario_id: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
            """Turn the declared changes into entries for the month that AWS compares with."""
            scenario = BcmPricingCalculatorHook(aws_conn_id=definition.aws_conn_id).get_bill_scenario(scenario_id)
            return {
                "usage": definition.usage_entries(scenario["billInterval"]["start"], (params or {})["usage_factor"]),
                "commitments": definition.commitment_entries(),
            }

        @task(task_display_name="Collect the result")
        def collect_result(scenario_id: str, awaited: dict[str, Any]) -> dict[str, Any]:
            """Store the estimate with all its line items; return where, and its totals."""
            from finops.lifecycle import store_estimate

            hook = BcmPricingCalculatorHook(aws_conn_id=definition.aws_conn_id)
            estimate = hook.get_bill_estimate(awaited["bill_estimate_id"])
            return store_estimate(
                s3_client(definition),
                definition,
                scenario_id,
                estimate,
                list(hook.list_bill_estimate_line_items(estimate["id"])),
                reports_uri(),
            )

        @task(task_display_name="Run the reports")
        def run_reports(collected: dict[str, Any]) -> dict[str, Any]:
            """Compare estimate and history on the stored result, and publish."""
            from finops.lifecycle import report_on_estimate

            chosen = [report for report in load_reports(REPORTS).reports.values() if not report.for_export]
            return report_on_estimate(s3_client(definition), definition, collected, chosen)

        scenario = BcmCreateBillScenarioOperator(
            task_id="create_scenario",
            task_display_name="Create the scenario",
            name=name,
            tags=definition.tags,
            **connection,
        )
        planned = plan_modifications(scenario.output)
        modified = BcmModifyBillScenarioOperator(
            task_id="modify_scenario",
            task_display_name="Modify the scenario",
            bill_scenario_id=scenario.output,
            usage_modifications=planned["usage"],
            commitment_modifications=planned["commitments"],
            **connection,
        )
        estimate = BcmCreateBillEstimateOperator(
            task_id="create_estimate",
            task_display_name="Create the estimate",
            bill_scenario_id=scenario.output,
            name=name,
            tags=definition.tags,
            **connection,
        )
        awaited = BcmBillEstimateSensor(
            task_id="await_estimate",
            task_display_name="Await the estimate",
            bill_estimate_id=estimate.output,
            **connection,
        )
        check_reports_bucket(definition) >> scenario
        modified >> estimate
        run_reports(collect_result(scenario.output, awaited.output))
    return dag


for _definition in load_scenarios(INCLUDE / "scenarios").definitions:
    _dag = estimate_lifecycle(_definition)
    globals()[_dag.dag_id] = _dag
