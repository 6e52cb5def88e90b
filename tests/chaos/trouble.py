"""AWS's part of the chaos: faults that both lifecycles must weather, and those that must end a run."""

from __future__ import annotations

from typing import Any

FAILING_ESTIMATES = 1
DECISIVE = ("CreateExport", "CreateBillScenario", "CreateBillEstimate", "BatchCreateBillScenarioUsageModification")
"""Calls that make something, and are slow here: time for a kill between what AWS does and what Airflow knows of it."""

WEATHERED: tuple[dict[str, Any], ...] = (
    {"operation": "*", "error": {"code": "ThrottlingException", "status": 429, "retryAfterSeconds": 2}, "share": 0.12},
    {"operation": "*", "error": {"code": "InternalServerException", "status": 500}, "share": 0.08},
    {"operation": "*", "drop_answer": True, "share": 0.06},
    {"operation": "*", "reset_connection": True, "share": 0.06},
    *({"operation": operation, "delay_seconds": 8} for operation in DECISIVE),
    {"service": "s3", "operation": "*", "error": {"code": "SlowDown", "status": 503}, "share": 0.05},
    {"service": "sts", "operation": "*", "error": {"code": "Throttling", "status": 400}, "share": 0.1},
)
"""Shares of all calls. botocore itself tries again up to four times, so that about one call in a hundred is left to us:
with forty runs, several of each."""


def rules(doomed: str) -> list[dict[str, Any]]:
    """The emulator's fault rules (docs/emulator.md).

    Args:
        doomed: an export whose deliveries all fail; empty: none.
    """
    fatal: list[dict[str, Any]] = [
        {"estimate": {"failure_message": "The estimate could not be computed"}, "times": FAILING_ESTIMATES}
    ]
    if doomed:
        fatal.append({"execution": {"status": "DELIVERY_FAILURE", "reason": "INTERNAL_FAILURE"}, "export": doomed})
    return [*WEATHERED, *fatal]
