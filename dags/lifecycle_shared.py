"""What the lifecycle DAGs share: where things are, how tasks retry, and their S3 client."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pendulum
from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule, task

import finops
from bcm.exceptions import BcmPermanentError
from bcm.hooks.base import BcmBaseHook
from bcm.retry_policy import BCM_RETRY_POLICY
from finops.definition_fields import Definition
from finops.delivery_errors import DeliveryChangedError, DeliveryError, ManifestMissingError
from finops.report_files import ReportError

INCLUDE = Path(finops.__file__).resolve().parent.parent
REPORTS = INCLUDE / "reports"
#: A wrong delivery or report stays wrong in a minute; one that AWS is just writing does not.
RETRY_POLICY = ExceptionRetryPolicy(
    rules=[
        *BCM_RETRY_POLICY.rules,
        RetryRule(
            exception=[DeliveryChangedError, ManifestMissingError],
            action=RetryAction.RETRY,
            retry_delay=timedelta(minutes=5),
            reason="AWS is writing",
        ),
        RetryRule(exception=[DeliveryError, ReportError], action=RetryAction.FAIL, reason="a retry cannot mend this"),
    ]
)
#: AWS may be writing a delivery for half an hour while it is to be read.
READING_RETRIES = 8
#: What every lifecycle DAG is made with.
DAG_ARGS: dict[str, Any] = {
    "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
    "catchup": False,
    "default_args": {
        "owner": "finops",
        "retries": 2,
        "retry_delay": timedelta(minutes=1),
        "retry_policy": RETRY_POLICY,
    },
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


def s3_client(definition: Definition) -> Any:
    """Return a boto3 S3 client of a definition's connection, which must lead to the definition's account.

    :raises WrongAccountError: when it leads to another one
    :raises AwsConnectionMissingError: when there is no such connection
    """
    hook = BcmBaseHook("s3", aws_conn_id=definition.aws_conn_id)
    hook.check_account(definition.account_id)
    return hook.conn


def check_reports_bucket(definition: Definition) -> Any:
    """Return the first task of a lifecycle: it refuses a Variable that is missing or names no usable bucket."""

    @task(task_id="check_reports_bucket", task_display_name="Check the reports bucket")
    def check() -> None:
        """Find out, before a wait of hours or a bill estimate, whether reports can be published."""
        from finops.publish import check_reports_uri

        check_reports_uri(s3_client(definition), reports_uri())

    return check()
