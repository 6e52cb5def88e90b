"""What each status of both services means for somebody who waits: a verdict, or None to wait on.

A verdict is plain, small JSON and complete in itself: it is the payload of a trigger's event.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airflow.sdk.exceptions import AirflowException, AirflowSensorTimeout

from bcm.exceptions import (
    AwsRefusedError,
    BillEstimateFailedError,
    ExecutionFailedError,
    ResourceVanishedError,
    UnknownStatusError,
)

Verdict = dict[str, Any]

#: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_DataExports_ExecutionStatus.html
EXECUTION_IN_PROGRESS = frozenset({"INITIATION_IN_PROCESS", "QUERY_QUEUED", "QUERY_IN_PROCESS", "DELIVERY_IN_PROCESS"})
EXECUTION_SUCCEEDED = "DELIVERY_SUCCESS"
EXECUTION_FAILED = frozenset({"QUERY_FAILURE", "DELIVERY_FAILURE"})
REASONS = {
    "INSUFFICIENT_PERMISSION": "Data Exports may not write to the bucket: check its policy, its owner and its region",
    "BILL_OWNER_CHANGED": "the account's bill has another owner now: create a new export and delete this one",
    "INTERNAL_FAILURE": "a fault on AWS's side: wait for the next execution, or ask AWS Support",
    "DEPRECATED": "the export uses a table or feature that AWS has withdrawn: create a new export",
}
#: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_GetBillEstimate.html
ESTIMATE_IN_PROGRESS = "IN_PROGRESS"
ESTIMATE_COMPLETE = "COMPLETE"
ESTIMATE_FAILED = "FAILED"

#: The error that each outcome but success raises in the task.
ERRORS: dict[str, type[AirflowException]] = {
    "execution_failed": ExecutionFailedError,
    "estimate_failed": BillEstimateFailedError,
    "vanished": ResourceVanishedError,
    "refused": AwsRefusedError,
    "unknown_status": UnknownStatusError,
    "timeout": AirflowSensorTimeout,
}


def iso(moment: datetime | None) -> str | None:
    """Return a time as ISO 8601 text, None as None."""
    return moment.isoformat() if moment else None


def judge_execution(export_arn: str, execution: Mapping[str, Any]) -> Verdict | None:
    """Return the verdict on an execution of an export, None while it is in progress."""
    status = execution["ExecutionStatus"]
    code, reason = status.get("StatusCode"), status.get("StatusReason")
    if code in EXECUTION_IN_PROGRESS:
        return None
    verdict = {
        "export_arn": export_arn,
        "execution_id": execution["ExecutionId"],
        "status": code,
        "status_reason": reason,
        "created_at": iso(status.get("CreatedAt")),
        # AWS's own samples leave CompletedAt out of a success
        "completed_at": iso(status.get("CompletedAt") or status.get("LastUpdatedAt") or status.get("CreatedAt")),
    }
    if code == EXECUTION_SUCCEEDED:
        return {**verdict, "outcome": "success"}
    who = f"execution {execution['ExecutionId']} of {export_arn}"
    if code in EXECUTION_FAILED:
        why = (
            f"{reason}: {REASONS.get(reason, 'a reason that this version does not know')}"
            if reason
            else "no reason given"
        )
        return {**verdict, "outcome": "execution_failed", "message": f"{who} ended in {code} ({why})."}
    return {**verdict, "outcome": "unknown_status", "message": _unknown(who, code)}


def judge_estimate(estimate: Mapping[str, Any]) -> Verdict | None:
    """Return the verdict on a bill estimate as GetBillEstimate gives it, None while it is in progress."""
    status = estimate.get("status")
    if status == ESTIMATE_IN_PROGRESS:
        return None
    total = (estimate.get("costSummary") or {}).get("totalCostDifference") or {}
    verdict = {
        "bill_estimate_id": estimate["id"],
        "name": estimate.get("name"),
        "status": status,
        "historical_cost": (total.get("historicalCost") or {}).get("amount"),
        "estimated_cost": (total.get("estimatedCost") or {}).get("amount"),
        "currency": (total.get("estimatedCost") or {}).get("currency"),
        "expires_at": iso(estimate.get("expiresAt")),
    }
    if status == ESTIMATE_COMPLETE:
        return {**verdict, "outcome": "success"}
    who = f"bill estimate {estimate.get('name')} ({estimate['id']})"
    if status == ESTIMATE_FAILED:
        why = estimate.get("failureMessage") or "AWS gave no failureMessage"
        message = f"{who} ended in FAILED: {why}. Failed estimates are not billed."
        return {**verdict, "outcome": "estimate_failed", "message": message}
    return {**verdict, "outcome": "unknown_status", "message": _unknown(who, status)}


def story(verdict: Mapping[str, Any] | None) -> str:
    """Say in one line how a wait ended, for the task's log."""
    if not verdict:
        return "without an outcome."
    members = (f"{name} {value}" for name, value in verdict.items() if name != "outcome" and value not in (None, ""))
    return f"{verdict.get('outcome')}: {verdict.get('message') or ', '.join(members)}"


def raise_unless_success(verdict: Mapping[str, Any] | None) -> Verdict:
    """Return a successful verdict; raise the error that belongs to any other.

    :raises AirflowException: the class that ``ERRORS`` names for the outcome; UnknownStatusError for an outcome
        that is missing or that this version does not know
    """
    outcome = (verdict or {}).get("outcome")
    if verdict and outcome == "success":
        return dict(verdict)
    message = (verdict or {}).get("message") or f"The wait ended without a known outcome: {verdict!r}."
    error = ERRORS.get(str(outcome), UnknownStatusError)
    if issubclass(error, AwsRefusedError):
        raise error(message, code=str((verdict or {}).get("code") or ""))
    raise error(message)


def _unknown(who: str, status: object) -> str:
    return f"{who} has status {status!r}, which this version does not know. Look at it in the AWS console, then update."
