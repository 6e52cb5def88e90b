"""The usual way to wait for both services: the amazon provider's own trigger with a custom waiter for each.

Written as the provider's guide for authors says: a hook, a waiter's configuration in JSON, a trigger of a few lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.providers.amazon.aws.hooks.base_aws import AwsBaseHook
from airflow.providers.amazon.aws.triggers.base import AwsBaseWaiterTrigger


class PlainExportsHook(AwsBaseHook):
    """Data Exports."""

    waiter_path = Path(__file__).with_suffix(".json")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(client_type="bcm-data-exports", **kwargs)


class PlainCalculatorHook(AwsBaseHook):
    """Pricing Calculator."""

    waiter_path = Path(__file__).with_suffix(".json")

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(client_type="bcm-pricing-calculator", **kwargs)


class PlainEstimateTrigger(AwsBaseWaiterTrigger):
    """Waits until a bill estimate has ended."""

    aws_hook_class = PlainCalculatorHook

    def __init__(self, bill_estimate_id: str, **kwargs: Any) -> None:
        super().__init__(
            serialized_fields={"bill_estimate_id": bill_estimate_id},
            waiter_name="bill_estimate_ended",
            waiter_args={"identifier": bill_estimate_id},
            failure_message="The bill estimate failed",
            status_message="The bill estimate is",
            status_queries=["status"],
            return_value=bill_estimate_id,
            **kwargs,
        )


class PlainExportTrigger(AwsBaseWaiterTrigger):
    """Waits until an export has delivered."""

    aws_hook_class = PlainExportsHook

    def __init__(self, export_arn: str, **kwargs: Any) -> None:
        super().__init__(
            serialized_fields={"export_arn": export_arn},
            waiter_name="export_delivered",
            waiter_args={"ExportArn": export_arn},
            failure_message="The export's execution failed",
            status_message="The export's executions are",
            status_queries=["Executions[].ExecutionStatus.StatusCode"],
            return_value=export_arn,
            **kwargs,
        )
