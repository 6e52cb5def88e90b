"""Bill estimates: their hours, their end, and what they say. What they come to is in test_estimation.py."""

from __future__ import annotations

from datetime import UTC, date, datetime

import boto3
import pytest
from tests.unit.emulator.bills import CUR, SMALL, read

from emulator.server import running

PAYER, MEMBER = "111122223333", "444455556666"
OFFERING = "11111111-1111-1111-1111-111111111111"
MINUTE, HOUR, DAY = 60, 3600, 86400
BOX = {
    "serviceCode": "AmazonEC2",
    "usageType": "BoxUsage:m5.large",
    "operation": "RunInstances",
    "usageAccountId": PAYER,
}


@pytest.fixture
def scenario(calculator):
    return calculator.create_bill_scenario(name="growth")["id"]


@pytest.fixture
def start(calculator, scenario):
    def create(name="estimate", **more):
        return calculator.create_bill_estimate(billScenarioId=scenario, name=name, **more)["id"]

    return create


@pytest.fixture
def finish(emulator, calculator, start):
    """Start an estimate, let it end, and give its description and line items."""

    def create(name="estimate"):
        estimate = start(name)
        emulator.clock.advance(12 * HOUR)
        pages = calculator.get_paginator("list_bill_estimate_line_items").paginate(billEstimateId=estimate)
        return calculator.get_bill_estimate(identifier=estimate), [item for page in pages for item in page["items"]]

    return create


@pytest.fixture
def add(calculator, scenario):
    def create(amount, **more):
        entry = {"key": "u1", **BOX, "amounts": [{"startHour": "2026-10-01T00:00:00Z", "amount": amount}], **more}
        answer = calculator.batch_create_bill_scenario_usage_modification(
            billScenarioId=scenario, usageModifications=[entry]
        )
        assert answer["errors"] == []

    return create


@pytest.fixture
def commit(calculator, scenario):
    def create(action):
        answer = calculator.batch_create_bill_scenario_commitment_modification(
            billScenarioId=scenario,
            commitmentModifications=[{"key": "c1", "usageAccountId": PAYER, "commitmentAction": action}],
        )
        assert answer["errors"] == []

    return create


def test_an_estimate_takes_at_least_twenty_minutes(emulator, calculator, start):
    estimate = start()
    emulator.clock.advance(19 * MINUTE)
    assert calculator.get_bill_estimate(identifier=estimate)["status"] == "IN_PROGRESS"


def test_an_estimate_takes_at_most_twelve_hours(emulator, calculator, start):
    estimate = start()
    emulator.clock.advance(12 * HOUR)
    assert calculator.get_bill_estimate(identifier=estimate)["status"] == "COMPLETE"


def test_the_scenario_is_locked_meanwhile(emulator, calculator, scenario, start):
    start()
    locked = calculator.get_bill_scenario(identifier=scenario)["status"]
    emulator.clock.advance(12 * HOUR)
    assert (locked, calculator.get_bill_scenario(identifier=scenario)["status"]) == ("LOCKED", "READY")


def test_a_locked_scenario_refuses_with_a_conflict(calculator, scenario, start, refused):
    start()
    usage = {"key": "u1", **BOX, "amounts": [{"startHour": "2026-10-01T00:00:00Z", "amount": 1.0}]}
    plan = {"addSavingsPlanAction": {"savingsPlanOfferingId": OFFERING, "commitment": 1.0}}
    commitment = {"key": "c1", "usageAccountId": PAYER, "commitmentAction": plan}
    batch = {"billScenarioId": scenario}
    codes = {
        refused(call, **params)["code"]
        for call, params in (
            (calculator.create_bill_estimate, {**batch, "name": "second"}),
            (calculator.update_bill_scenario, {"identifier": scenario, "name": "other"}),
            (calculator.delete_bill_scenario, {"identifier": scenario}),
            (calculator.batch_create_bill_scenario_usage_modification, {**batch, "usageModifications": [usage]}),
            (
                calculator.batch_update_bill_scenario_usage_modification,
                {**batch, "usageModifications": [{"id": OFFERING}]},
            ),
            (calculator.batch_delete_bill_scenario_usage_modification, {**batch, "ids": [OFFERING]}),
            (
                calculator.batch_create_bill_scenario_commitment_modification,
                {**batch, "commitmentModifications": [commitment]},
            ),
            (
                calculator.batch_update_bill_scenario_commitment_modification,
                {**batch, "commitmentModifications": [{"id": OFFERING}]},
            ),
            (calculator.batch_delete_bill_scenario_commitment_modification, {**batch, "ids": [OFFERING]}),
        )
    }
    assert codes == {"ConflictException"}


def test_a_stale_scenario_is_refused_for_good(emulator, calculator, scenario, refused):
    emulator.clock.advance(11 * DAY)
    answer = refused(calculator.create_bill_estimate, billScenarioId=scenario, name="late")
    assert answer["code"] == "ValidationException"


def test_estimate_names_are_unique(emulator, calculator, scenario, start, refused):
    start("once")
    emulator.clock.advance(12 * HOUR)
    answer = refused(calculator.create_bill_estimate, billScenarioId=scenario, name="once")
    assert (answer["code"], answer["resourceType"]) == ("ConflictException", "BillEstimate")


def test_a_token_sent_again_starts_nothing(calculator, start):
    assert start(clientToken="t1") == start(clientToken="t1")
    assert len(calculator.list_bill_estimates()["items"]) == 1


def test_a_token_with_a_different_request_conflicts(calculator, scenario, start, refused):
    start(clientToken="t1")
    answer = refused(calculator.create_bill_estimate, billScenarioId=scenario, name="other", clientToken="t1")
    assert (answer["code"], answer["resourceType"]) == ("ConflictException", "ClientToken")


def test_name_and_expiry_are_updated_even_while_it_runs(emulator, calculator, start, refused):
    estimate = start("first")
    answer = calculator.update_bill_estimate(identifier=estimate, name="renamed", expiresAt="2026-11-22T00:00:00Z")
    assert (answer["name"], answer["status"]) == ("renamed", "IN_PROGRESS")
    emulator.clock.advance(2 * DAY)
    assert refused(calculator.get_bill_estimate, identifier=estimate)["code"] == "ResourceNotFoundException"
    assert calculator.list_bill_estimates()["items"] == []


def test_an_update_cannot_take_anothers_name_or_lie_in_the_past(calculator, finish, start, refused):
    finish("taken")
    estimate = start("mine")
    codes = [
        refused(calculator.update_bill_estimate, identifier=estimate, **change)["code"]
        for change in ({"name": "taken"}, {"expiresAt": "2026-11-20T00:00:00Z"})
    ]
    assert codes == ["ConflictException", "ValidationException"]


def test_a_deleted_or_expired_estimate_gives_its_name_back(emulator, calculator, finish, scenario):
    deleted, _ = finish("deleted")
    calculator.delete_bill_estimate(identifier=deleted["id"])
    expired, _ = finish("expired")
    calculator.update_bill_estimate(identifier=expired["id"], expiresAt="2026-11-21T12:00:00Z")
    emulator.clock.advance(DAY)
    for name in ("deleted", "expired"):
        finish(name)
    assert [item["name"] for item in calculator.list_bill_estimates()["items"]] == ["deleted", "expired"]


def test_what_an_estimate_was_made_of_is_frozen(calculator, scenario, add, commit, finish):
    add(1000.0, group="extra")
    plan = {"addSavingsPlanAction": {"savingsPlanOfferingId": OFFERING, "commitment": 1.0}}
    commit(plan)
    estimate, _ = finish()
    listed = calculator.list_bill_scenario_usage_modifications(billScenarioId=scenario)["items"]
    calculator.batch_update_bill_scenario_usage_modification(
        billScenarioId=scenario, usageModifications=[{"id": listed[0]["id"], "group": "changed"}]
    )
    usage = calculator.list_bill_estimate_input_usage_modifications(
        billEstimateId=estimate["id"], filters=[{"name": "USAGE_GROUP", "values": ["extra"]}]
    )
    assert usage["items"] == listed
    (commitment,) = calculator.list_bill_estimate_input_commitment_modifications(billEstimateId=estimate["id"])["items"]
    assert commitment["commitmentAction"] == plan


def test_line_items_come_in_pages(calculator, finish):
    estimate, items = finish()
    first = calculator.list_bill_estimate_line_items(billEstimateId=estimate["id"], maxResults=7)
    second = calculator.list_bill_estimate_line_items(
        billEstimateId=estimate["id"], maxResults=7, nextToken=first["nextToken"]
    )
    assert [*first["items"], *second["items"]] == items[:14]


def test_there_is_nothing_to_list_before_the_end(calculator, start):
    estimate = start()
    assert calculator.list_bill_estimate_line_items(billEstimateId=estimate)["items"] == []
    assert calculator.list_bill_estimate_commitments(billEstimateId=estimate)["items"] == []


def test_a_category_has_an_effective_date(calculator):
    category = f"arn:aws:ce::{PAYER}:costcategory/{OFFERING}"
    scenario = calculator.create_bill_scenario(
        name="s", groupSharingPreference="RESTRICTED", costCategoryGroupSharingPreferenceArn=category
    )["id"]
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="e")
    assert (estimate["costCategoryGroupSharingPreferenceArn"], estimate["groupSharingPreference"]) == (
        category,
        "RESTRICTED",
    )
    assert estimate["costCategoryGroupSharingPreferenceEffectiveDate"] == estimate["billInterval"]["start"]


def test_a_standalone_account_gets_estimates_of_its_own_bill(emulator, client, finish):
    finish("ours")
    alone = client("bcm-pricing-calculator", "777788889999")
    scenario = alone.create_bill_scenario(name="s")["id"]
    estimate = alone.create_bill_estimate(billScenarioId=scenario, name="ours")["id"]
    emulator.clock.advance(12 * HOUR)
    assert alone.get_bill_estimate(identifier=estimate)["status"] == "COMPLETE"
    items = alone.list_bill_estimate_line_items(billEstimateId=estimate)["items"]
    assert {item["usageAccountId"] for item in items} == {"777788889999"}


def test_a_running_estimate_cannot_be_deleted(calculator, start, refused):
    assert refused(calculator.delete_bill_estimate, identifier=start())["code"] == "ConflictException"


def test_deleting_an_estimate_twice_is_no_error(calculator, finish, refused):
    estimate, _ = finish()
    calculator.delete_bill_estimate(identifier=estimate["id"])
    calculator.delete_bill_estimate(identifier=estimate["id"])
    assert refused(calculator.get_bill_estimate, identifier=estimate["id"])["code"] == "ResourceNotFoundException"


def test_an_expired_estimate_cannot_be_reached(emulator, calculator, finish, refused):
    estimate, _ = finish()
    emulator.clock.advance(366 * DAY)
    assert refused(calculator.get_bill_estimate, identifier=estimate["id"])["code"] == "ResourceNotFoundException"


def test_estimates_are_filtered_by_status(calculator, finish, start):
    finish("done")
    start("running")
    listed = calculator.list_bill_estimates(filters=[{"name": "STATUS", "values": ["IN_PROGRESS"]}])
    assert [item["name"] for item in listed["items"]] == ["running"]


def test_estimates_are_filtered_by_name_and_time(emulator, calculator, finish):
    for name in ("spring", "summer", "autumn"):
        finish(name)
    for filters, names in (
        ({"filters": [{"name": "NAME", "values": ["autumn", "spring"]}]}, ["spring", "autumn"]),
        ({"filters": [{"name": "NAME", "values": ["s"], "matchOption": "STARTS_WITH"}]}, ["spring", "summer"]),
        ({"createdAtFilter": {"afterTimestamp": "2026-11-21T00:00:00Z"}}, ["autumn"]),
        ({"expiresAtFilter": {"beforeTimestamp": "2027-11-20T12:00:00Z"}}, ["spring"]),
        (
            {
                "filters": [
                    {"name": "NAME", "values": ["spring"]},
                    {"name": "STATUS", "values": ["FAILED", "IN_PROGRESS"]},
                ]
            },
            [],
        ),
        ({"filters": [{"name": "STATUS", "values": ["FAILED", "COMPLETE"]}]}, ["spring", "summer", "autumn"]),
    ):
        assert [item["name"] for item in calculator.list_bill_estimates(**filters)["items"]] == names


def test_a_fault_fails_an_estimate_and_frees_the_scenario(emulator, calculator, scenario, finish):
    emulator.faults.add({"estimate": {"failure_message": "rates are not there yet"}, "times": 1})
    estimate, items = finish()
    assert (estimate["status"], estimate["failureMessage"], items) == ("FAILED", "rates are not there yet", [])
    assert calculator.get_bill_scenario(identifier=scenario)["status"] == "READY"


def test_five_estimates_a_month_are_free_and_failed_ones_do_not_count(emulator, finish):
    emulator.faults.add({"estimate": {"failure_message": "no"}, "times": 1})
    for number in range(8):
        finish(f"estimate-{number}")
    assert emulator.charges() == [{"account": PAYER, "month": "2026-11", "estimates": 7, "billed": 2, "usd": 4.0}]


def test_line_items_are_filtered(calculator, finish):
    estimate, _ = finish()
    listed = calculator.list_bill_estimate_line_items(
        billEstimateId=estimate["id"], filters=[{"name": "SERVICE_CODE", "values": ["AmazonS3"]}]
    )
    assert {item["serviceCode"] for item in listed["items"]} == {"AmazonS3"}


def test_historical_cost_is_what_cur_says_on_the_day_of_the_estimate():
    """Early in the next month, before usage that comes late, corrections and refunds."""
    with running(start="2026-11-02T00:00:00Z", rows=500) as emulator:
        keys = {"aws_access_key_id": f"AKIADEMO{PAYER}", "aws_secret_access_key": "x", "region_name": "us-east-1"}
        client = boto3.client("bcm-pricing-calculator", endpoint_url=emulator.url, **keys)
        scenario = client.create_bill_scenario(name="s")["id"]
        estimate = client.create_bill_estimate(billScenarioId=scenario, name="e")["id"]
        emulator.clock.advance(12 * HOUR)
        total = client.get_bill_estimate(identifier=estimate)["costSummary"]["totalCostDifference"]
    day, settled = (_total(datetime(2026, 11, day, tzinfo=UTC)) for day in (2, 15))
    assert day != pytest.approx(settled, abs=0.01), "nothing is restated, so that this shows nothing"
    assert total["historicalCost"]["amount"] == pytest.approx(day, abs=0.01)


def _total(now):
    """October's bill before tax, as known at a moment."""
    where = "bill_bill_type <> 'Purchase' AND line_item_line_item_type <> 'Tax'"
    (row,) = read(
        CUR, "sum(line_item_unblended_cost) AS total", where=where, organisation=SMALL, month=date(2026, 10, 1), now=now
    )
    return row["total"]


def test_an_estimate_ends_once(emulator, calculator, finish):
    described, _ = finish()
    book = emulator._world.calculator
    book.end_estimate(book.estimates.roll(PAYER).get(described["id"]), "too late")
    assert calculator.get_bill_estimate(identifier=described["id"])["status"] == "COMPLETE"
    assert emulator.charges()[0]["estimates"] == 1
