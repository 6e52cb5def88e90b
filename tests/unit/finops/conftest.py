"""Fixtures of the finops tests."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto import mock_aws
from tests.unit.finops import report_bucket
from tests.unit.finops.delivery_bucket import Bucket

from finops.definitions import load_exports, load_scenarios

EXPORT: dict[str, Any] = {
    "name": "cur2-daily",
    "account_id": "111122223333",
    "table": "COST_AND_USAGE_REPORT",
    "table_properties": {"TIME_GRANULARITY": "DAILY"},
    "columns": ["line_item_usage_start_date", "line_item_unblended_cost"],
    "destination": {
        "bucket": "finops-exports-111122223333",
        "prefix": "exports",
        "region": "us-east-1",
        "format": "PARQUET",
        "overwrite": "OVERWRITE_REPORT",
    },
}

SCENARIO: dict[str, Any] = {
    "name": "growth",
    "account_id": "111122223333",
    "usage_modifications": [
        {
            "service_code": "AmazonEC2",
            "usage_type": "BoxUsage:m5.large",
            "operation": "RunInstances",
            "usage_account_id": "111122223333",
            "amount": 1460.0,
        }
    ],
    "commitment_modifications": [
        {
            "usage_account_id": "111122223333",
            "add_savings_plan": {
                "savings_plan_offering_id": "0f3e5a7c-1b2d-4c3e-8f90-123456789abc",
                "commitment": 2.5,
            },
        }
    ],
}


def changed(content: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the content with the fields at dotted paths set, or taken away where the new value is ``...``."""
    result = copy.deepcopy(content)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place: Any = result
        for parent in parents:
            place = place[int(parent)] if isinstance(place, list) else place.setdefault(parent, {})
        if value is ...:
            del place[last]
        else:
            place[int(last) if isinstance(place, list) else last] = value
    return result


@pytest.fixture
def load_export(tmp_path: Path) -> Callable[[dict[str, Any]], Any]:
    """Return a function that loads a good export with some fields changed."""

    def load(changes: dict[str, Any]) -> Any:
        (tmp_path / "file.yaml").write_text(yaml.safe_dump(changed(EXPORT, changes), sort_keys=False))
        return load_exports(tmp_path)

    return load


@pytest.fixture
def load_scenario(tmp_path: Path) -> Callable[[dict[str, Any]], Any]:
    """Return a function that loads a good scenario with some fields changed."""

    def load(changes: dict[str, Any]) -> Any:
        (tmp_path / "file.yaml").write_text(yaml.safe_dump(changed(SCENARIO, changes), sort_keys=False))
        return load_scenarios(tmp_path)

    return load


@pytest.fixture
def los_angeles(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Put this process into Los Angeles; return what reads an ISO time as botocore reads AWS's epoch seconds."""
    from botocore.utils import parse_timestamp

    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/Los_Angeles")
        time.tzset()
        yield lambda iso: parse_timestamp(datetime.fromisoformat(iso).timestamp())
    time.tzset()


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Return a client of a mocked S3: one for a module, because making one takes longer than most tests."""
    import boto3

    with mock_aws():
        keys = {"aws_access_key_id": "AKIADEMO111122223333", "aws_secret_access_key": "x"}
        yield boto3.client("s3", region_name="us-east-1", **keys)


@pytest.fixture
def bucket(s3: Any) -> Iterator[Bucket]:
    """Return an empty bucket of account 444455556666 in the mocked S3."""
    made = Bucket(s3)
    yield made
    made.close()


@pytest.fixture
def published(s3: Any) -> Iterator[Callable[[], list[str]]]:
    """Make the bucket of the reports in the mocked S3; return what lists the URIs in it."""
    s3.create_bucket(Bucket=report_bucket.BUCKET)
    yield lambda: report_bucket.uris(s3)
    for uri in report_bucket.uris(s3):
        s3.delete_object(Bucket=report_bucket.BUCKET, Key=uri.removeprefix(f"s3://{report_bucket.BUCKET}/"))
    s3.delete_bucket(Bucket=report_bucket.BUCKET)
