"""What the lifecycle DAGs share: where things are, how tasks retry, and their S3 client."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule

import finops
from bcm.exceptions import BcmPermanentError
from bcm.retry_policy import BCM_RETRY_POLICY
from finops.delivery_errors import DeliveryChangedError, DeliveryError, ManifestMissingError
from finops.report_files import ReportError

INCLUDE = Path(finops.__file__).resolve().parent.parent
REPORTS = INCLUDE / "reports"
START_DATE = pendulum.datetime(2026, 1, 1, tz="UTC")
#: A wrong delivery or report stays wrong in a minute; one that AWS is just writing does not.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        *BCM_RETRY_POLICY.rules,
        RetryRule(exception=[DeliveryChangedError, ManifestMissingError], action=RetryAction.RETRY),
        RetryRule(exception=[DeliveryError, ReportError], action=RetryAction.FAIL, reason="a retry cannot mend this"),
    ]
)
DEFAULT_ARGS = {
    "owner": "finops",
    "retries": 2,
    "retry_delay": timedelta(minutes=1),
    "retry_policy": RETRY_POLICY,
}
#: Where reports go: an Airflow Variable, so that each deployment names its own bucket.
REPORTS_URI = "finops_reports_uri"


class ReportsUriMissingError(BcmPermanentError):
    """The Airflow Variable that says where reports go is not set."""


def reports_uri() -> str:
    """Return the S3 URI below which reports are written.

    :raises ReportsUriMissingError: when the Variable is not set
    """
    from airflow.sdk import Variable

    uri: str | None = Variable.get(REPORTS_URI, default=None)
    if not uri:
        raise ReportsUriMissingError(
            f"Airflow Variable {REPORTS_URI}: not set. Set it to where reports shall go, e.g. s3://my-bucket/reports."
        )
    return uri.rstrip("/")


def s3_client(aws_conn_id: str) -> Any:
    """Return a boto3 S3 client of a connection."""
    from airflow.providers.amazon.aws.hooks.s3 import S3Hook

    return S3Hook(aws_conn_id=aws_conn_id).conn
