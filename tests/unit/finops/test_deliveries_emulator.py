"""The shipped exports as the emulator delivers them, read back in both formats and both modes."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from emulator.server import Emulator, running
from finops.definitions import ExportDefinition, load_exports
from finops.deliveries import BucketAccessError, fetch_delivery, find_delivery

SHIPPED = {
    each.name: each for each in load_exports(Path(__file__).resolve().parents[3] / "include/exports").definitions
}
MONTH = "2026-11"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    buckets = [f"{each.bucket_owner}/{each.destination.bucket}" for each in SHIPPED.values()]
    with running(start=f"{MONTH}-20T06:00:00Z", rows=1000, buckets=buckets) as emu:
        yield emu


def client(emulator: Emulator, service: str) -> Any:
    keys = {"aws_access_key_id": "AKIADEMO111122223333", "aws_secret_access_key": "x"}
    return boto3.client(service, region_name="us-east-1", endpoint_url=emulator.url, **keys)


@pytest.fixture(scope="module")
def executions(emulator: Emulator) -> dict[str, tuple[str, set[str]]]:
    """Return each shipped export's ARN and the ids of the executions that delivered within a day."""
    exports = client(emulator, "bcm-data-exports")
    arns = {
        name: exports.create_export(Export=each.to_export(), ResourceTags=each.resource_tags)["ExportArn"]
        for name, each in SHIPPED.items()
    }
    emulator.clock.advance(86_400)
    emulator.settle()
    return {
        name: (
            arn,
            {
                each["ExecutionId"]
                for each in exports.list_executions(ExportArn=arn)["Executions"]
                if each["ExecutionStatus"]["StatusCode"] == "DELIVERY_SUCCESS"
            },
        )
        for name, arn in arns.items()
    }


def where(definition: ExportDefinition, arn: str) -> dict[str, Any]:
    return {
        "bucket": definition.destination.bucket,
        "bucket_owner": definition.bucket_owner,
        "prefix": definition.destination.prefix,
        "export_name": definition.name,
        "export_arn": arn,
        "format": definition.destination.format,
        "period": MONTH,
    }


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_export_is_delivered_as_its_definition_says(
    emulator: Emulator, executions: dict[str, tuple[str, set[str]]], tmp_path: Path, name: str
) -> None:
    definition, (arn, delivered) = SHIPPED[name], executions[name]
    s3 = client(emulator, "s3")
    fetched = fetch_delivery(s3, find_delivery(s3, **where(definition, arn)), tmp_path)
    assert fetched.delivery.execution_id in delivered
    assert [column["name"] for column in fetched.delivery.columns] == [each.output for each in definition.columns or ()]
    assert fetched.delivery.rows == sum(map(rows_of, fetched.paths)) > 0


def rows_of(path: Path) -> int:
    if path.name.endswith(".parquet"):
        return int(pq.read_table(path).num_rows)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        return sum(1 for _ in csv.DictReader(lines))


def test_the_data_accounts_bucket_is_not_read_as_ours(
    emulator: Emulator, executions: dict[str, tuple[str, set[str]]]
) -> None:
    definition, (arn, _) = SHIPPED["focus-monthly"], executions["focus-monthly"]
    wrong = {**where(definition, arn), "bucket_owner": "111122223333"}
    with pytest.raises(BucketAccessError, match="belongs to account 111122223333"):
        find_delivery(client(emulator, "s3"), **wrong)
