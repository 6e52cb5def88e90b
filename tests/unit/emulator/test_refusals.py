"""What is refused for what it means, not for its form, leaves everything as it was: the next id too.

The form is test_validation_model.py's.
"""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.server import Emulator, running
from emulator.snapshots import _Pickler

PAYER, MEMBER, ALONE, FULL = "111122223333", "444455556666", "777788889999", "888899990000"
BUCKET, NOWHERE = f"exports-{PAYER}", "11111111-1111-1111-1111-111111111111"
OCTOBER = {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}
BOX = {
    "serviceCode": "AmazonEC2",
    "usageType": "BoxUsage:m5.large",
    "operation": "RunInstances",
    "usageAccountId": PAYER,
}
AMOUNTS = [{"startHour": "2026-10-01T00:00:00Z", "amount": 1.0}]
PLAN = {"addSavingsPlanAction": {"savingsPlanOfferingId": NOWHERE, "commitment": 1.0}}


def definition(name: str = "new", query: str = "SELECT BilledCost FROM FOCUS_1_2_AWS", **place: str) -> dict[str, Any]:
    output = {"OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": "OVERWRITE_REPORT"}
    return {
        "Name": name,
        "DataQuery": {"QueryStatement": query},
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": BUCKET,
                "S3Prefix": "",
                "S3Region": "us-east-1",
                "S3OutputConfigurations": output,
                **place,
            }
        },
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }


class Lived:
    """An emulator whose time stands nearly still: names are taken, quotas are full, a scenario is LOCKED."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        calculator, exports = self.client("bcm-pricing-calculator"), self.client("bcm-data-exports")
        self.exports = [exports.create_export(Export=definition(name))["ExportArn"] for name in ("taken", "other")]
        self.ready = calculator.create_bill_scenario(name="taken")["id"]
        self.locked = calculator.create_bill_scenario(name="locked")["id"]
        self.running = calculator.create_bill_estimate(billScenarioId=self.locked, name="taken")["id"]
        self.workload = calculator.create_workload_estimate(name="taken")["id"]
        full = self.client("bcm-pricing-calculator", FULL)
        for number in range(50):
            full.create_workload_estimate(name=f"w{number}")
        # The bill is read ahead, in a thread: until then a snapshot keeps it as work to do.
        emulator._world.estimate_desk.wait(emulator.clock.now() + timedelta(hours=12))

    def client(self, service: str, account: str = PAYER) -> Any:
        return boto3.client(
            service,
            endpoint_url=self._emulator.url,
            region_name="us-east-1",
            aws_access_key_id=f"AKIADEMO{account}",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def contents(self) -> bytes:
        """The resources of the Pricing Calculator and the next id."""
        book = self._emulator._world.calculator
        return pickle.dumps((book.ids_given, book.scenarios, book.workloads))

    def state(self) -> bytes:
        """Everything that a snapshot would keep of it."""
        world, buffer = self._emulator._world, io.BytesIO()
        with world.lock:
            _Pickler(buffer, world).dump(world.state())
        return buffer.getvalue()


@pytest.fixture(scope="module")
def lived() -> Iterator[Lived]:
    with running(start="2026-11-20T06:00:00Z", rows=100, speed=1e-6, buckets=[f"{PAYER}/{BUCKET}"]) as emulator:
        yield Lived(emulator)


def exports(operation: str, **params: Any) -> Any:
    return "bcm-data-exports", operation, params


def calculator(operation: str, **params: Any) -> Any:
    return "bcm-pricing-calculator", operation, params


CUR = "SELECT {} FROM COST_AND_USAGE_REPORT"
RESERVED = {"Key": "aws:mine", "Value": "x"}
REFUSALS = {
    "export, unknown table": exports("create_export", Export=definition(query="SELECT a FROM NO_SUCH_TABLE")),
    "export, unknown column": exports("create_export", Export=definition(query=CUR.format("no_such_column"))),
    "export, no SQL": exports("create_export", Export=definition(query="DROP TABLE FOCUS_1_2_AWS")),
    "export, bucket missing": exports(
        "create_export", Export=definition(query=CUR.format("bill_bill_type"), S3Bucket="nowhere")
    ),
    "export, bucket not its owner's": exports(
        "create_export", Export=definition(query=CUR.format("bill_bill_type"), S3BucketOwner=MEMBER)
    ),
    "export, name taken": exports("create_export", Export=definition("taken", CUR.format("bill_bill_type"))),
    "export, quota": exports("create_export", Export=definition()),
    "export, reserved tag": exports(
        "create_export", Export=definition(query=CUR.format("bill_bill_type")), ResourceTags=[RESERVED]
    ),
    "export, same tag twice": exports(
        "create_export",
        Export=definition(query=CUR.format("bill_bill_type")),
        ResourceTags=[{"Key": "a", "Value": "1"}, {"Key": "a", "Value": "2"}],
    ),
    "export update, name": exports("update_export", ExportArn="{export}", Export=definition()),
    "export update, table": exports(
        "update_export", ExportArn="{export}", Export=definition("taken", CUR.format("bill_bill_type"))
    ),
    "export update, bucket missing": exports(
        "update_export", ExportArn="{export}", Export=definition("taken", S3Bucket="nowhere")
    ),
    "export tags, reserved": exports("tag_resource", ResourceArn="{export}", ResourceTags=[RESERVED]),
    "export tags, not there": exports(
        "tag_resource", ResourceArn="{export}x", ResourceTags=[{"Key": "a", "Value": "1"}]
    ),
    "export deletion, not there": exports("delete_export", ExportArn="{export}x"),
    "scenario, reserved tag": calculator("create_bill_scenario", name="new", tags={"aws:mine": "x"}),
    "scenario, name taken": calculator("create_bill_scenario", name="taken", clientToken="t"),
    "scenario, sharing": calculator(
        "create_bill_scenario",
        name="new",
        costCategoryGroupSharingPreferenceArn=f"arn:aws:ce::{PAYER}:costcategory/{NOWHERE}",
    ),
    "scenario, member": calculator("create_bill_scenario", name="new", account=MEMBER),
    "scenario update, name taken": calculator("update_bill_scenario", identifier="{ready}", name="locked"),
    "scenario update, locked": calculator("update_bill_scenario", identifier="{locked}", name="new"),
    "scenario update, expiry": calculator(
        "update_bill_scenario", identifier="{ready}", name="new", expiresAt="2026-11-01T00:00:00Z"
    ),
    "scenario update, not there": calculator("update_bill_scenario", identifier=NOWHERE, name="new"),
    "scenario of nobody": calculator("get_bill_scenario", identifier=NOWHERE, account=ALONE),
    "scenario deletion, locked": calculator("delete_bill_scenario", identifier="{locked}"),
    "scenario usage, locked": calculator(
        "batch_create_bill_scenario_usage_modification",
        billScenarioId="{locked}",
        usageModifications=[{"key": "u", **BOX, "amounts": AMOUNTS}],
    ),
    "scenario commitments, locked": calculator(
        "batch_create_bill_scenario_commitment_modification",
        billScenarioId="{locked}",
        commitmentModifications=[{"key": "c", "usageAccountId": PAYER, "commitmentAction": PLAN}],
    ),
    "scenario commitments, incomplete": calculator(
        "batch_create_bill_scenario_commitment_modification",
        billScenarioId="{ready}",
        commitmentModifications=[
            {"key": "c", "usageAccountId": PAYER, "commitmentAction": PLAN},
            {"key": "d", "usageAccountId": PAYER, "commitmentAction": {"addSavingsPlanAction": {}}},
        ],
    ),
    "estimate, locked": calculator("create_bill_estimate", billScenarioId="{locked}", name="new"),
    "estimate, name taken": calculator("create_bill_estimate", billScenarioId="{ready}", name="taken"),
    "estimate, reserved tag": calculator(
        "create_bill_estimate", billScenarioId="{ready}", name="new", tags={"aws:mine": "x"}
    ),
    "estimate, not there": calculator("create_bill_estimate", billScenarioId=NOWHERE, name="new"),
    "estimate, member": calculator("create_bill_estimate", billScenarioId="{ready}", name="new", account=MEMBER),
    "estimate update, expiry": calculator(
        "update_bill_estimate", identifier="{running}", name="new", expiresAt="2026-11-01T00:00:00Z"
    ),
    "estimate deletion, in progress": calculator("delete_bill_estimate", identifier="{running}"),
    "workload, reserved tag": calculator("create_workload_estimate", name="new", tags={"aws:mine": "x"}),
    "workload, name taken": calculator("create_workload_estimate", name="taken"),
    "workload, rate type": calculator(
        "create_workload_estimate", name="new", rateType="AFTER_DISCOUNTS", account=MEMBER
    ),
    "workload, quota": calculator("create_workload_estimate", name="new", account=FULL),
    "workload update, not there": calculator("update_workload_estimate", identifier=NOWHERE, name="new"),
    "tags, reserved": calculator(
        "tag_resource",
        arn=f"arn:aws:bcm-pricing-calculator:us-east-1:{PAYER}:bill-scenario/{{ready}}",
        tags={"aws:mine": "x"},
    ),
    "tags, not there": calculator(
        "tag_resource", arn=f"arn:aws:bcm-pricing-calculator:us-east-1:{PAYER}:bill-scenario/{NOWHERE}", tags={"a": "b"}
    ),
    "preferences, member": calculator(
        "update_preferences", account=MEMBER, memberAccountRateTypeSelections=["AFTER_DISCOUNTS"]
    ),
}


def filled(lived: Lived, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters with the ids and ARNs that their {words} stand for."""
    text = json.dumps(params)
    for word, value in (
        ("export", lived.exports[0]),
        ("ready", lived.ready),
        ("locked", lived.locked),
        ("running", lived.running),
        ("workload", lived.workload),
    ):
        text = text.replace(f"{{{word}}}", value)
    return dict(json.loads(text))


@pytest.mark.parametrize("case", REFUSALS)
def test_a_refused_call_leaves_everything_as_it_was(lived: Lived, case: str) -> None:
    service, operation, params = REFUSALS[case]
    params = filled(lived, params)
    client = lived.client(service, params.pop("account", PAYER))
    before = lived.state()
    with pytest.raises(ClientError):
        getattr(client, operation)(**params)
    assert lived.state() == before, f"{operation} was refused ({case}) and changed something"


ENTRIES = {
    "usage, too much": calculator(
        "batch_create_bill_scenario_usage_modification",
        billScenarioId="{ready}",
        usageModifications=[{"key": "u", **BOX, "amounts": [{**AMOUNTS[0], "amount": 1e308}] * 2}],
    ),
    "usage, negative": calculator(
        "batch_create_bill_scenario_usage_modification",
        billScenarioId="{ready}",
        usageModifications=[{"key": "u", **BOX, "amounts": [{**AMOUNTS[0], "amount": -1.0}]}],
    ),
    "usage, no history": calculator(
        "batch_create_bill_scenario_usage_modification",
        billScenarioId="{ready}",
        usageModifications=[
            {
                "key": "u",
                **BOX,
                "amounts": AMOUNTS,
                "historicalUsage": {
                    **BOX,
                    "billInterval": OCTOBER,
                    "filterExpression": {"dimensions": {"key": "REGION", "values": ["nowhere-1"]}},
                },
            }
        ],
    ),
    "workload usage, too much": calculator(
        "batch_create_workload_estimate_usage",
        workloadEstimateId="{workload}",
        usage=[{"key": "u", **BOX, "amount": 1.7e308}],
    ),
    "workload usage, no price": calculator(
        "batch_create_workload_estimate_usage",
        workloadEstimateId="{workload}",
        usage=[{"key": "u", **BOX, "usageType": "NoSuchThing", "amount": 1.0}],
    ),
    "commitment, unknown": calculator(
        "batch_create_bill_scenario_commitment_modification",
        billScenarioId="{ready}",
        commitmentModifications=[
            {
                "key": "c",
                "usageAccountId": PAYER,
                "commitmentAction": {"negateSavingsPlanAction": {"savingsPlanId": NOWHERE}},
            }
        ],
    ),
}


@pytest.mark.parametrize("case", ENTRIES)
def test_a_refused_entry_leaves_everything_as_it_was(lived: Lived, case: str) -> None:
    service, operation, params = ENTRIES[case]
    params = filled(lived, params)
    before = lived.contents()
    answer = getattr(lived.client(service), operation)(**params)
    assert (len(answer["errors"]), answer["items"]) == (1, []), f"{case} was taken"
    assert lived.contents() == before, f"{operation} refused its entry ({case}) and changed something"
