"""What a task has around it, without an Airflow: its context, and AWS clients of the emulator."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

PAYER = "111122223333"
MEMBER = "444455556666"
BUCKET = f"finops-exports-{PAYER}"
MEMBER_BUCKET = f"finops-focus-{MEMBER}"


def connection(url: str, account: str = PAYER, **extra: Any) -> str:
    """An Airflow connection to the emulator at ``url``, as JSON; botocore makes one try only."""
    return json.dumps(
        {
            "conn_type": "aws",
            "login": f"AKIADEMO{account}",
            "password": "top-secret",
            "extra": {
                "region_name": "us-east-1",
                "endpoint_url": url,
                "config_kwargs": {"retries": {"total_max_attempts": 1}},
                **extra,
            },
        }
    )


class StateStore(dict[str, Any]):
    """The task's state store; like the real one it keeps JSON, and forgives deleting what is not there."""

    def set(self, key: str, value: Any) -> None:
        self[key] = json.loads(json.dumps(value))

    def delete(self, key: str) -> None:
        self.pop(key, None)


@dataclass
class TaskInstance:
    """The part of a task instance that operators use."""

    dag_id: str = "estimate_lifecycle__x"
    run_id: str = "manual__2026-11-20T06:00:00+00:00"
    task_id: str = "create_estimate"
    map_index: int = -1
    try_number: int = 1
    pushed: dict[str, Any] = field(default_factory=dict)

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value

    def get_first_reschedule_date(self, context: Any) -> None:
        return None


def a_context(store: StateStore | None = None, **ti: Any) -> dict[str, Any]:
    """A task's context; the same arguments mean the same task."""
    context: dict[str, Any] = {"ti": TaskInstance(**ti)}
    return context if store is None else {**context, "task_state_store": store}


def an_export(name: str = "cur2-daily", **destination: Any) -> dict[str, Any]:
    """The ``Export`` member of CreateExport; keyword arguments replace members of its S3Destination."""
    return {
        "Name": name,
        "DataQuery": {
            "QueryStatement": "SELECT line_item_usage_account_id, line_item_unblended_cost FROM COST_AND_USAGE_REPORT",
            "TableConfigurations": {"COST_AND_USAGE_REPORT": {"TIME_GRANULARITY": "DAILY"}},
        },
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": BUCKET,
                "S3Prefix": "cur2",
                "S3Region": "us-east-1",
                "S3OutputConfigurations": {
                    "OutputType": "CUSTOM",
                    "Format": "PARQUET",
                    "Compression": "PARQUET",
                    "Overwrite": "OVERWRITE_REPORT",
                },
                **destination,
            }
        },
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }


def a_usage(number: int = 1, **changes: Any) -> dict[str, Any]:
    """An entry of BatchCreateBillScenarioUsageModification; another number means another modification."""
    return {
        "key": f"u{number:04}",
        "serviceCode": "AmazonEC2",
        "usageType": "BoxUsage:m5.large",
        "operation": "RunInstances",
        "usageAccountId": PAYER,
        "group": f"g{number}",
        "amounts": [{"startHour": "2026-10-01T00:00:00Z", "amount": 10.0}],
        **changes,
    }
