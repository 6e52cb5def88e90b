"""The steps of both lifecycles after the wait: verify, read, report, publish. No Airflow; clients are passed in."""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from finops.definitions import ExportDefinition, ScenarioDefinition
from finops.deliveries import (
    Delivery,
    DeliveryChangedError,
    DeliveryError,
    FetchedDelivery,
    ManifestMissingError,
    OtherExportError,
    fetch_delivery,
    find_delivery,
)
from finops.publish import POINTER, publish, read_json, write_json
from finops.report_files import Report, ReportError
from finops.reports import EstimateMeta, ExportMeta, run_estimate_reports, run_export_reports
from finops.times import as_utc

#: How often a delivery is read anew when AWS replaces it meanwhile, and the pause in seconds before.
ATTEMPTS = 4
PAUSE = 5.0

GetExecution = Callable[[str, str], Mapping[str, Any]]

log = logging.getLogger(__name__)


class ExecutionNotDeliveredError(DeliveryChangedError):
    """A manifest names an execution that AWS does not report as delivered; usually it does a moment later."""


def find_export_deliveries(
    s3: Any,
    definition: ExportDefinition,
    execution: Mapping[str, Any],
    get_execution: GetExecution,
    reports_uri: str,
    billing_period: str | None = None,
) -> list[dict[str, Any]]:
    """Find and verify what is to be reported after an execution; return ``delivery`` and ``execution`` of each.

    An execution does not say which billing period it is for, and in the first two weeks of a month AWS delivers the
    month before as well. So both periods are looked at: reported is what the awaited execution delivered, and every
    delivery that is newer than the period's published reports. The awaited one comes first.

    :param s3: boto3 S3 client
    :param execution: ``export_arn``, ``execution_id``, ``status``, ``created_at`` and ``completed_at`` (ISO 8601)
    :param get_execution: answers an export's ARN and an execution id with GetExecution's response
    :param reports_uri: ``s3://bucket/prefix`` below which reports are published
    :param billing_period: ``YYYY-MM``; only this one, whether it is reported already or not
    :raises DeliveryError: one sentence for what is wrong with the awaited delivery; a problem of the other period
        is logged only
    """
    found: list[dict[str, Any]] = []
    problems: list[DeliveryError] = []
    for period in [billing_period] if billing_period else periods_of(execution["created_at"]):
        try:
            found.append(_verified(s3, definition, execution, get_execution, period))
        except DeliveryError as error:
            problems.append(error)
    awaited = [each for each in found if each["execution"]["execution_id"] == execution["execution_id"]]
    wrong = [error for error in problems if not isinstance(error, (ManifestMissingError, OtherExportError))]
    if not awaited and wrong:
        raise wrong[0]
    if not found:
        raise problems[0]
    for problem in wrong:
        log.warning("Not reported: %s", problem)
    if len(found) == 1:
        return found
    new = [each for each in found if each not in awaited and not _is_reported(s3, definition, each, reports_uri)]
    return [*awaited, *new] or found[:1]


def _verified(
    s3: Any, definition: ExportDefinition, execution: Mapping[str, Any], get_execution: GetExecution, period: str
) -> dict[str, Any]:
    """Verify what a period holds now; when another execution wrote it than the awaited one, return that one."""
    destination = definition.destination
    delivery = find_delivery(
        s3,
        bucket=destination.bucket,
        bucket_owner=definition.bucket_owner,
        prefix=destination.prefix,
        export_name=definition.name,
        export_arn=execution["export_arn"],
        format=destination.format,
        period=period,
    )
    found = dict(execution)
    if delivery.execution_id != execution["execution_id"]:
        status = get_execution(execution["export_arn"], delivery.execution_id)["ExecutionStatus"]
        if status["StatusCode"] != "DELIVERY_SUCCESS":
            raise ExecutionNotDeliveredError(
                f"{delivery.manifest_uri} was written by execution {delivery.execution_id}, which is "
                f"{status['StatusCode']}. Read the delivery again when that has ended."
            )
        ended = status.get("CompletedAt") or status.get("LastUpdatedAt") or status["CreatedAt"]
        found |= {
            "execution_id": delivery.execution_id,
            "status": status["StatusCode"],
            "created_at": status["CreatedAt"].isoformat(),
            "completed_at": ended.isoformat(),
        }
    log.info("Verified %s: %d files, %d bytes.", delivery.manifest_uri, len(delivery.files), delivery.bytes)
    return {"delivery": delivery.to_dict(), "execution": found}


def _is_reported(s3: Any, definition: ExportDefinition, verified: Mapping[str, Any], reports_uri: str) -> bool:
    delivery = verified["delivery"]
    latest = read_json(s3, f"{_period_uri(definition, delivery['billing_period'], reports_uri)}/{POINTER}")
    return bool(latest) and latest["execution_id"] == delivery["execution_id"]


def _period_uri(definition: ExportDefinition, period: str, reports_uri: str) -> str:
    return f"{reports_uri}/exports/{definition.name}/{period}"


def periods_of(created_at: str) -> list[str]:
    """Return the billing periods that an execution of this time can be for: its month and the one before."""
    first = as_utc(datetime.fromisoformat(created_at)).date().replace(day=1)
    return [f"{month:%Y-%m}" for month in (first, first - timedelta(days=1))]


def report_on_export(
    s3: Any,
    definition: ExportDefinition,
    verified: Mapping[str, Any],
    get_execution: GetExecution,
    reports: Sequence[Report],
    reports_uri: str,
) -> dict[str, Any]:
    """Run reports on exactly the files of a verified delivery and publish them; return the run's summary.

    Nothing is published unless the whole delivery was read; if AWS replaces it meanwhile, the new one is verified
    and read instead. The summary is JSON: name, export_arn, execution_id, status, billing_period, manifest, rows,
    cost and reports (S3 URIs).

    :param verified: one of what ``find_export_deliveries`` returned
    :param reports_uri: ``s3://bucket/prefix`` below which reports go
    :raises DeliveryError: when the delivery cannot be read whole
    :raises ReportError: when a report cannot run on it
    """
    with tempfile.TemporaryDirectory(prefix="finops-") as scratch:
        fetched, execution = _fetch(s3, definition, verified, get_execution, Path(scratch, "delivery"))
        delivery = fetched.delivery
        completed = datetime.fromisoformat(execution["completed_at"])
        result = run_export_reports(
            files=fetched.paths,
            fmt=delivery.format,
            columns=delivery.columns,
            table=definition.table,
            reports=reports,
            meta=ExportMeta(
                name=definition.name,
                account_id=definition.account_id,
                billing_period=delivery.billing_period,
                execution_id=delivery.execution_id,
                export_arn=delivery.export_arn,
                manifest_uri=delivery.manifest_uri,
                files=tuple(file.uri for file in delivery.files),
                delivered_at=completed,
            ),
            folder=Path(scratch, "reports"),
        )
        summary = {
            "name": definition.name,
            "export_arn": delivery.export_arn,
            "execution_id": delivery.execution_id,
            "status": execution["status"],
            "billing_period": delivery.billing_period,
            "manifest": delivery.manifest_uri,
            "rows": result.rows,
            "cost": result.billed_cost,
        }
        period_uri = _period_uri(definition, delivery.billing_period, reports_uri)
        pointer: dict[str, Any] | None = {**summary, "delivered_at": completed}
        latest = read_json(s3, f"{period_uri}/{POINTER}")
        if latest and datetime.fromisoformat(latest["delivered_at"]) > completed:  # as after clearing an old run
            log.warning("A newer delivery of %s is reported already; it stays the latest.", delivery.billing_period)
            pointer = None
        uris = publish(s3, Path(scratch, "reports"), f"{period_uri}/{delivery.execution_id}", pointer)
    log.info("Reported %d rows, cost %.2f %s.", result.rows, result.billed_cost, result.currency)
    return {**summary, "reports": uris}


def _fetch(
    s3: Any, definition: ExportDefinition, verified: Mapping[str, Any], get_execution: GetExecution, folder: Path
) -> tuple[FetchedDelivery, Mapping[str, Any]]:
    """Download the verified delivery; when AWS replaces it meanwhile, verify and download the new one."""
    delivery, execution = Delivery.from_dict(verified["delivery"]), verified["execution"]
    for attempt in range(1, ATTEMPTS + 1):
        try:
            if attempt > 1:
                verified = _verified(s3, definition, execution, get_execution, delivery.billing_period)
                delivery, execution = Delivery.from_dict(verified["delivery"]), verified["execution"]
            return fetch_delivery(s3, delivery, folder), execution
        except DeliveryChangedError as error:
            if attempt == ATTEMPTS:
                raise
            log.warning("%s Attempt %d of %d.", error, attempt, ATTEMPTS)
            time.sleep(PAUSE)
    raise AssertionError("the last attempt returns or raises")


def store_estimate(
    s3: Any,
    definition: ScenarioDefinition,
    scenario_id: str,
    estimate: Mapping[str, Any],
    line_items: Sequence[Mapping[str, Any]],
    reports_uri: str,
) -> dict[str, Any]:
    """Store a bill estimate with its line items as JSON; return the run's summary so far, and where they are.

    :param estimate: GetBillEstimate's response
    :param line_items: all items of ListBillEstimateLineItems
    :raises ReportError: when the estimate has no costs
    """
    total = (estimate.get("costSummary") or {}).get("totalCostDifference")
    if total is None:
        raise ReportError(
            f"bill estimate {estimate['id']} has no costs although it is {estimate.get('status')}. "
            "Look at it in the AWS console, or make a new one."
        )
    folder = f"{reports_uri}/estimates/{definition.name}/{estimate['id']}"
    write_json(s3, f"{folder}/estimate.json", {k: v for k, v in estimate.items() if k != "ResponseMetadata"})
    write_json(s3, f"{folder}/line_items.json", list(line_items))
    log.info("Stored %d line items in %s.", len(line_items), folder)
    return {
        "name": definition.name,
        "scenario_id": scenario_id,
        "estimate_id": estimate["id"],
        "status": estimate["status"],
        "historical_cost": total["historicalCost"]["amount"],
        "estimated_cost": total["estimatedCost"]["amount"],
        "folder": folder,
    }


def report_on_estimate(
    s3: Any, definition: ScenarioDefinition, collected: Mapping[str, Any], reports: Sequence[Report]
) -> dict[str, Any]:
    """Run reports on a stored estimate and publish them beside it; return the run's summary.

    The summary is JSON: name, scenario_id, estimate_id, status, historical_cost, estimated_cost and reports.

    :param collected: what ``store_estimate`` returned
    :raises ReportError: when a report cannot run on it
    """
    folder = collected["folder"]
    with tempfile.TemporaryDirectory(prefix="finops-") as scratch:
        meta = EstimateMeta(definition.name, definition.account_id, collected["scenario_id"], collected["estimate_id"])
        run_estimate_reports(
            estimate=read_json(s3, f"{folder}/estimate.json"),
            line_items=read_json(s3, f"{folder}/line_items.json"),
            reports=reports,
            meta=meta,
            folder=Path(scratch, "reports"),
        )
        summary = {key: value for key, value in collected.items() if key != "folder"}
        uris = publish(s3, Path(scratch, "reports"), folder, summary)
    log.info("Estimated %.2f instead of %.2f.", summary["estimated_cost"], summary["historical_cost"])
    return {**summary, "reports": uris}
