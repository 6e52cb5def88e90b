"""The forms of a manual run. Every default is what a scheduled run takes."""

from __future__ import annotations

from airflow.sdk import Param

from finops.definitions import ExportDefinition

NEW_DELIVERY = "a delivery that AWS starts after this run"


def export_form(definition: ExportDefinition, reports: list[str]) -> dict[str, Param]:
    """Return the form of an export's DAG.

    :param reports: names of the reports that fit the export's table
    """
    return {
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
            description="Month to report on, as YYYY-MM. Empty: every month that was delivered since its report.",
        ),
        "reports": Param(
            list(definition.reports or reports),
            type="array",
            items={"type": "string", "enum": reports},
            examples=reports,
            title="Reports",
            description="Reports to run on the delivery, from include/reports.",
        ),
    }


def estimate_form() -> dict[str, Param]:
    """Return the form of a scenario's DAG."""
    return {
        "usage_factor": Param(
            1.0,
            type="number",
            minimum=0,
            maximum=1000,
            title="Usage factor",
            description="Every usage amount of the scenario is multiplied by it: 2 asks for twice the growth.",
        ),
    }
