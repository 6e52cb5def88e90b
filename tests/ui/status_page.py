"""An emulator with something of everything on its status page; the picture in the docs is taken of it too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
from botocore.exceptions import ClientError

from emulator.server import Emulator, running

PAYER, MEMBER = "111122223333", "444455556666"
BUCKETS = {account: f"finops-exports-{account}" for account in (PAYER, MEMBER)}
HOUR = 3600


@contextmanager
def busy_emulator() -> Iterator[Emulator]:
    """Run an emulator with a healthy export, one whose bucket has closed, three estimates and a fault rule."""
    buckets = [f"{account}/{name}" for account, name in BUCKETS.items()]
    with running(start="2026-11-20T06:00:00Z", rows=500, buckets=buckets) as emulator:
        exports, calculator = (_client(emulator, f"bcm-{name}") for name in ("data-exports", "pricing-calculator"))
        exports.create_export(Export=_export("cur2-daily", "COST_AND_USAGE_REPORT", "line_item_unblended_cost", PAYER))
        exports.create_export(Export=_export("focus-monthly", "FOCUS_1_2_AWS", "BilledCost, ServiceName", MEMBER))
        _pass(emulator, 14 * HOUR)
        _client(emulator, "s3", MEMBER).delete_bucket_policy(Bucket=BUCKETS[MEMBER])
        _pass(emulator, 10 * HOUR)
        emulator.faults.add({"estimate": {"failure_message": "The estimate could not be computed"}, "times": 1})
        calculator.create_bill_scenario(name="a-scenario-whose-name-is-as-long-as-names-can-be".ljust(64, "-"))
        for name, hours in (("servers", 13), ("database", 13), ("spring-campaign", 3)):
            _estimate(calculator, name)
            _pass(emulator, hours * HOUR)
        throttle = {"code": "ThrottlingException", "retryAfterSeconds": 20}
        emulator.faults.add({"operation": "GetBillEstimate", "error": throttle, "times": 2})
        for record in exports.list_exports()["Exports"]:
            exports.get_export(ExportArn=record["ExportArn"])
        with suppress(ClientError):  # it is not there: a request that failed, with the longest name of all
            calculator.batch_create_bill_scenario_commitment_modification(
                billScenarioId="00000000-0000-4000-8000-000000000000",
                commitmentModifications=[
                    {
                        "key": "a",
                        "usageAccountId": PAYER,
                        "commitmentAction": {"negateSavingsPlanAction": {"savingsPlanId": "a" * 36}},
                    }
                ],
            )
        with suppress(HTTPError):  # nor is this, and its path is what its operation is called
            credential = f"AKIADEMO{PAYER}/20261120/us-east-1/lambda/aws4_request"
            signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature=x"}
            path = f"2015-03-31/functions/{'a-function-with-a-long-name' * 8}"
            urlopen(Request(f"{emulator.url}/{path}", headers=signed)).close()
        emulator.clock.speed = 300
        yield emulator


def _client(emulator: Emulator, service: str, account: str = PAYER) -> Any:
    keys = {"aws_access_key_id": f"AKIADEMO{account}", "aws_secret_access_key": "any"}
    return boto3.client(service, endpoint_url=emulator.url, region_name="us-east-1", **keys)


def _pass(emulator: Emulator, seconds: int) -> None:
    emulator.clock.advance(seconds)
    emulator.settle()


def _estimate(calculator: Any, name: str) -> None:
    scenario = calculator.create_bill_scenario(name=name)
    calculator.batch_create_bill_scenario_usage_modification(
        billScenarioId=scenario["id"],
        usageModifications=[
            {
                "key": "a",
                "serviceCode": "AmazonEC2",
                "usageType": "BoxUsage:m5.large",
                "operation": "RunInstances",
                "usageAccountId": PAYER,
                "amounts": [{"startHour": scenario["billInterval"]["start"], "amount": 5840.0}],
            }
        ],
    )
    calculator.create_bill_estimate(name=name, billScenarioId=scenario["id"])


def _export(name: str, table: str, columns: str, owner: str) -> dict[str, Any]:
    output = {"OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT"}
    return {
        "Name": name,
        "DataQuery": {"QueryStatement": f"SELECT {columns} FROM {table}"},
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": BUCKETS[owner],
                "S3BucketOwner": owner,
                "S3Prefix": "exports",
                "S3Region": "us-east-1",
                "S3OutputConfigurations": output,
            }
        },
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }
