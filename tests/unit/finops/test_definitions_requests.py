"""Good definitions become requests that botocore's own models of AWS accept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.validate import validate_parameters

from finops.definitions import load_exports, load_scenarios

Load = Callable[[dict[str, Any]], Any]
INCLUDE = Path(__file__).resolve().parents[3] / "include"
SCENARIO_ID = "0f3e5a7c-1b2d-4c3e-8f90-123456789abc"


def input_shape(service: str, operation: str) -> Any:
    client = boto3.client(service, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="y")
    return client.meta.service_model.operation_model(operation).input_shape


def test_shipped_exports_are_valid_requests() -> None:
    shape = input_shape("bcm-data-exports", "CreateExport")
    for definition in load_exports(INCLUDE / "exports").definitions:
        validate_parameters({"Export": definition.to_export(), "ResourceTags": definition.resource_tags}, shape)


def test_shipped_scenarios_are_valid_requests() -> None:
    usage = input_shape("bcm-pricing-calculator", "BatchCreateBillScenarioUsageModification")
    commitments = input_shape("bcm-pricing-calculator", "BatchCreateBillScenarioCommitmentModification")
    for definition in load_scenarios(INCLUDE / "scenarios").definitions:
        if entries := definition.usage_entries(date(2026, 11, 1)):
            validate_parameters({"billScenarioId": SCENARIO_ID, "usageModifications": entries}, usage)
        if entries := definition.commitment_entries():
            validate_parameters({"billScenarioId": SCENARIO_ID, "commitmentModifications": entries}, commitments)


def test_columns_become_a_statement(load_export: Load) -> None:
    columns = ["line_item_unblended_cost", "product.region", {"column": "resource_tags.user_team", "alias": "team"}]
    (definition,) = load_export({"columns": columns}).definitions
    assert definition.query_statement == (
        "SELECT line_item_unblended_cost, product.region, resource_tags.user_team AS team FROM COST_AND_USAGE_REPORT"
    )


def test_statement_is_sent_on_one_line_with_its_texts_untouched(load_export: Load) -> None:
    statement = "SELECT a,\n  b\nFROM COST_AND_USAGE_REPORT\nWHERE b = 'FROM  two'\n"
    (definition,) = load_export({"columns": ..., "statement": statement}).definitions
    assert definition.query_statement == "SELECT a, b FROM COST_AND_USAGE_REPORT WHERE b = 'FROM  two'"


@pytest.mark.parametrize(("owner", "sent"), [("444455556666", "444455556666"), ("111122223333", None), (None, None)])
def test_bucket_owner_is_sent_only_for_another_accounts_bucket(
    load_export: Load, owner: str | None, sent: str | None
) -> None:
    (definition,) = load_export({"destination.bucket_owner": owner}).definitions
    destination = definition.to_export()["DestinationConfigurations"]["S3Destination"]
    assert destination.get("S3BucketOwner") == sent
    assert definition.bucket_owner == (owner or "111122223333")


@pytest.mark.parametrize(("format_", "compression"), [("PARQUET", "PARQUET"), ("TEXT_OR_CSV", "GZIP")])
def test_format_decides_the_compression(load_export: Load, format_: str, compression: str) -> None:
    (definition,) = load_export({"destination.format": format_}).definitions
    outputs = definition.to_export()["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
    assert (outputs["Format"], outputs["Compression"]) == (format_, compression)


def test_table_without_properties_sends_no_empty_configuration(load_export: Load) -> None:
    (definition,) = load_export({"table_properties": ...}).definitions
    assert "TableConfigurations" not in definition.to_export()["DataQuery"]


def test_unquoted_truth_value_of_a_property_is_what_was_meant(load_export: Load) -> None:
    changes = {"table_properties.INCLUDE_RESOURCES": True, "columns": ["line_item_resource_id"]}
    (definition,) = load_export(changes).definitions
    assert definition.table_properties["INCLUDE_RESOURCES"] == "TRUE"


def test_tags_become_pairs(load_export: Load) -> None:
    (definition,) = load_export({"tags": {"team": "finops"}}).definitions
    assert definition.resource_tags == [{"Key": "team", "Value": "finops"}]


def test_column_of_a_table_without_published_columns_is_left_to_aws(load_export: Load) -> None:
    assert load_export({"table": "FOCUS_1_0_AWS", "table_properties": ..., "columns": ["BilledCost"]}).definitions


@pytest.mark.parametrize("schedule", ["0 8 * * *", "*/15 6-18 * * MON-FRI", "0 8 1 mar,apr thu", "@daily", None])
def test_schedules_that_airflow_takes(load_export: Load, schedule: str | None) -> None:
    (definition,) = load_export({"schedule": schedule}).definitions
    assert definition.schedule == schedule


def test_amount_of_a_month_starts_in_its_first_hour_and_grows_by_the_factor(load_scenario: Load) -> None:
    (definition,) = load_scenario({}).definitions
    (entry,) = definition.usage_entries(date(2026, 11, 17), usage_factor=1.1)
    assert entry == {
        "key": "u0001",
        "serviceCode": "AmazonEC2",
        "usageType": "BoxUsage:m5.large",
        "operation": "RunInstances",
        "usageAccountId": "111122223333",
        "amounts": [{"startHour": datetime(2026, 11, 1, tzinfo=UTC), "amount": 1606.0}],
    }


def test_amounts_keep_their_hours_in_utc(load_scenario: Load) -> None:
    amounts = [
        {"start_hour": "2026-11-03T02:00:00+02:00", "amount": 5},
        {"start_hour": "2026-11-04T00:00", "amount": 7},
    ]
    changes = {"usage_modifications.0.amount": ..., "usage_modifications.0.amounts": amounts}
    (definition,) = load_scenario(changes).definitions
    assert definition.usage_entries(date(2026, 11, 1))[0]["amounts"] == [
        {"startHour": datetime(2026, 11, 3, tzinfo=UTC), "amount": 5},
        {"startHour": datetime(2026, 11, 4, tzinfo=UTC), "amount": 7},
    ]


def test_bill_interval_in_the_machines_zone_is_the_same_month(
    load_scenario: Load, los_angeles: Callable[[str], Any]
) -> None:
    (definition,) = load_scenario({}).definitions
    start = los_angeles("2026-10-01T00:00:00Z")
    assert (start.month, start.day) == (9, 30), "botocore no longer gives local times"
    assert definition.usage_entries(start)[0]["amounts"][0]["startHour"] == datetime(2026, 10, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("month", "end"), [(date(2026, 10, 1), datetime(2026, 11, 1)), (date(2025, 12, 5), datetime(2026, 1, 1))]
)
def test_historical_usage_is_of_the_scenarios_bill_interval_unless_said_otherwise(
    load_scenario: Load, month: date, end: datetime
) -> None:
    history = {
        "service_code": "AmazonEC2",
        "usage_type": "BoxUsage:m5.large",
        "operation": "RunInstances",
        "usage_account_id": "111122223333",
        "location": "us-east-1",
        "filter_expression": {
            "and": [
                {"dimensions": {"key": "REGION", "values": ["us-east-1"], "match_options": ["EQUALS"]}},
                {"not": {"cost_categories": {"key": "env", "values": ["test"]}}},
            ]
        },
    }
    (definition,) = load_scenario({"usage_modifications.0.historical_usage": history}).definitions
    entry = definition.usage_entries(month)[0]
    assert entry["historicalUsage"]["billInterval"] == {
        "start": datetime(month.year, month.month, 1, tzinfo=UTC),
        "end": end.replace(tzinfo=UTC),
    }
    shape = input_shape("bcm-pricing-calculator", "BatchCreateBillScenarioUsageModification")
    validate_parameters({"billScenarioId": SCENARIO_ID, "usageModifications": [entry]}, shape)


@pytest.mark.parametrize(
    ("action", "sent"),
    [
        (
            {"add_reserved_instance": {"reserved_instances_offering_id": SCENARIO_ID, "instance_count": 2}},
            {"addReservedInstanceAction": {"reservedInstancesOfferingId": SCENARIO_ID, "instanceCount": 2}},
        ),
        (
            {"negate_savings_plan": {"savings_plan_id": SCENARIO_ID}},
            {"negateSavingsPlanAction": {"savingsPlanId": SCENARIO_ID}},
        ),
        (
            {"negate_reserved_instance": {"reserved_instances_id": SCENARIO_ID}},
            {"negateReservedInstanceAction": {"reservedInstancesId": SCENARIO_ID}},
        ),
    ],
    ids=["add reserved instance", "negate savings plan", "negate reserved instance"],
)
def test_each_action_has_aws_form(load_scenario: Load, action: dict[str, Any], sent: dict[str, Any]) -> None:
    entry = {"usage_account_id": "111122223333", "group": "g", **action}
    (definition,) = load_scenario({"commitment_modifications": [entry]}).definitions
    assert definition.commitment_entries() == [
        {"key": "c0001", "usageAccountId": "111122223333", "group": "g", "commitmentAction": sent}
    ]
