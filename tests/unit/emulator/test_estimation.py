"""What estimated bills come to. Expectations are worked out by hand from prices, discounts and the exported CUR."""

from __future__ import annotations

import json
import math
import urllib.request
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import boto3
import pytest
from tests.unit.emulator.estimating import (
    HOURS,
    M5_LARGE,
    M6I_LARGE,
    MEMBER,
    NOW,
    OCTOBER,
    ORGANISATION,
    PAYER,
    USD_PER_HOUR,
    cur,
    estimated,
    found,
    modification,
    plan,
    reserved,
    rise,
    total,
    without_plans,
)

from emulator.pricing_calculator import offerings
from emulator.pricing_calculator.history import history_of
from emulator.pricing_calculator.rates import unit_price
from emulator.server import running


@pytest.fixture(scope="module")
def unchanged():
    return estimated()


def test_nothing_changed_costs_what_it_did(unchanged):
    assert rise(unchanged) == 0.0
    for item in unchanged.line_items:
        assert item["estimatedCost"] == item["historicalCost"]
        assert item["estimatedUsageQuantity"] == item["historicalUsageQuantity"]


@pytest.mark.parametrize("month", [4, 10])  # the Savings Plan's upfront fee is paid in April
def test_the_historical_bill_is_the_exported_one_before_tax_and_purchases(month):
    bill = estimated(now=datetime(2026, month + 1, 20, tzinfo=UTC))
    kept = "line_item_line_item_type <> 'Tax' AND bill_bill_type <> 'Purchase'"
    expected = cur("line_item_unblended_cost", kept, date(2026, month, 1))
    assert total(bill, "historicalCost") == pytest.approx(expected, abs=1e-5)


def test_every_type_of_line_is_taken_over(unchanged):
    for line_type in {item["lineItemType"] for item in unchanged.line_items}:
        expected = cur("line_item_unblended_cost", f"line_item_line_item_type = '{line_type}'")
        assert found(unchanged, line_type)[1] == pytest.approx(expected, abs=1e-5)


def test_services_are_exact_sums_of_items_and_the_total_of_services():
    bill = estimated([modification(M6I_LARGE, 10_000.0)], [plan(3.0), reserved(2, "m6i.xlarge")])
    services = bill.cost_summary["serviceCostDifferences"]
    for member in ("historicalCost", "estimatedCost"):
        for code, service in services.items():
            items = [item for item in bill.line_items if item["serviceCode"] == code and member in item]
            assert math.fsum(item[member]["amount"] for item in items) == service[member]["amount"]
        assert math.fsum(service[member]["amount"] for service in services.values()) == total(bill, member)


def test_twice_a_databases_hours_cost_their_list_price_more(unchanged):
    database = ("AmazonRDS", "Multi-AZUsage:db.r6g.2xlarge", "CreateDBInstance:0014", PAYER)
    (hours, _) = found(unchanged, "Usage", database)
    bill = estimated([modification(database, hours)])
    assert rise(bill) == pytest.approx(hours * 1.8) != 0
    assert found(bill, "Usage", database)[0] == pytest.approx(2 * hours)


def test_usage_that_was_not_there_has_no_history():
    database = ("AmazonRDS", "InstanceUsage:db.m6g.large", "CreateDBInstance:0014", PAYER)
    (item,) = [item for item in estimated([modification(database, 10.0)]).line_items if "historicalCost" not in item]
    assert (item["usageType"], item["location"]) == ("InstanceUsage:db.m6g.large", "US East (N. Virginia)")
    assert (item["estimatedUsageQuantity"]["amount"], item["estimatedCost"]["amount"]) == (10.0, 1.59)


def test_usage_modelled_in_a_zone_goes_on_top_of_that_zones():
    bill = estimated([modification(M5_LARGE, 5.0, availabilityZone="us-east-1a")])
    hours = [
        item["estimatedUsageQuantity"]["amount"]
        for item in bill.line_items
        if item["availabilityZone"] == "us-east-1a" and item["lineItemType"] in ("Usage", "SavingsPlanCoveredUsage")
    ]
    where = (
        "line_item_availability_zone = 'us-east-1a' AND line_item_line_item_type <> 'SavingsPlanNegation'"
        f" AND line_item_usage_type = 'BoxUsage:m5.large' AND line_item_usage_account_id = '{PAYER}'"
    )
    assert math.fsum(hours) == pytest.approx(cur("line_item_usage_amount", where) + 5.0)


@pytest.mark.parametrize(
    ("expression", "where"),
    [
        ({"tags": {"key": "team", "values": ["checkout"]}}, "resource_tags['user_team'] = 'checkout'"),
        (
            {"not": {"costCategories": {"key": "business_unit", "values": ["Platform"]}}},
            "cost_category['business_unit'] <> 'Platform'",
        ),
        (
            {
                "and": [
                    {"dimensions": {"key": "RECORD_TYPE", "values": ["Usage"]}},
                    {"tags": {"key": "environment", "values": ["prod", "dev"]}},
                ]
            },
            "line_item_line_item_type = 'Usage' AND resource_tags['user_environment'] IN ('prod', 'dev')",
        ),
    ],
)
def test_historical_usage_is_replaced_where_its_filter_matches_and_nowhere_else(unchanged, expression, where):
    key = ("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", MEMBER)
    same = (
        "line_item_usage_type = 'TimedStorage-ByteHrs' AND line_item_operation = 'StandardStorage'"
        f" AND product_servicecode = 'AmazonS3' AND line_item_usage_account_id = '{MEMBER}' AND {where}"
        " AND line_item_line_item_type = 'Usage'"
    )
    matched = cur("line_item_usage_amount", same)
    bill = estimated([modification(key, 7.0, history=expression)])
    assert found(bill, "Usage", key)[0] == pytest.approx(found(unchanged, "Usage", key)[0] - matched + 7.0)
    # 4 % off S3 is negotiated, and CUR's lines of it are without tags
    change = 7.0 * 0.023 - cur("line_item_unblended_cost", same)
    assert rise(bill) == pytest.approx(0.96 * change)
    changed = {
        (item["lineItemType"], item["usageAccountId"], item["operation"])
        for item in bill.line_items
        if item["estimatedCost"] != item.get("historicalCost")
    }
    assert changed == {(line_type, MEMBER, "StandardStorage") for line_type in ("Usage", "PrivateRateDiscount")}


def test_negotiated_discounts_go_with_the_usage(unchanged):
    replaced = [
        tuple(item[name] for name in ("serviceCode", "usageType", "operation", "usageAccountId"))
        for item in unchanged.line_items
        if item["lineItemType"] == "Usage" and item["serviceCode"] in ("AmazonS3", "AmazonCloudFront")
    ]
    gone = estimated([modification(key, 0.0, history={}) for key in replaced])
    for key in replaced:
        assert found(gone, "Usage", key)[1] == 0.0
        assert found(gone, "PrivateRateDiscount", key)[1] == 0.0, "a discount on usage that is gone"
    # CloudFront is 20 % off
    video = ("AmazonCloudFront", "US-DataTransfer-Out-Bytes", "GET", PAYER)
    more = estimated([modification(video, 1000.0)])
    assert rise(more) == pytest.approx(1000 * 0.085 * 0.8), "new usage without its negotiated discount"
    before, after = (found(bill, "PrivateRateDiscount", video) for bill in (unchanged, more))
    assert (after[0] - before[0], after[1] - before[1]) == (0.0, pytest.approx(-17.0))


def test_what_a_unit_costs_after_commitments_counts_reservations():
    same = (
        "product_servicecode = 'AmazonEC2' AND line_item_usage_type = 'BoxUsage:t3.medium' AND"
        " line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage', 'DiscountedUsage')"
    )
    reserved = cur("reservation_effective_cost", same)
    others = cur("coalesce(savings_plan_savings_plan_effective_cost, line_item_net_unblended_cost)", same)
    paid = (reserved + others) / cur("pricing_public_on_demand_cost", same)
    assert 0 < paid < 0.9, "too little t3.medium is reserved to tell"
    t3_medium = ("AmazonEC2", "BoxUsage:t3.medium", "RunInstances")
    call = SimpleNamespace(prepared=history_of(ORGANISATION, OCTOBER.date(), NOW), now=NOW)
    after = unit_price(call, t3_medium, "AFTER_DISCOUNTS_AND_COMMITMENTS")
    assert after == ("Hrs", pytest.approx(0.0416 * paid))


def test_a_plan_covers_no_more_than_its_commitment_in_any_hour():
    # 20 instances in the first hour and none after: 1 USD pays for 1 / (0.096 * 0.74) = 14.08 of them.
    burst = modification(M6I_LARGE, (OCTOBER, 20.0), (OCTOBER + timedelta(hours=1), 0.0))
    specific = {"kind": offerings.EC2_INSTANCE, "scope": ("us-east-1", "m6i")}
    bill = estimated([burst], [plan(1.0, **specific), *without_plans()])
    covered = 1 / (USD_PER_HOUR * (1 - 0.36))
    assert found(bill, "SavingsPlanCoveredUsage", M6I_LARGE)[0] == pytest.approx(covered)
    assert found(bill, "Usage", M6I_LARGE)[0] == pytest.approx(20 - covered)
    # on demand for the rest, and the whole commitment, used or not
    change = total(bill) - total(estimated(commitments=without_plans()))
    assert change == pytest.approx((20 - covered) * USD_PER_HOUR + 1.0 * HOURS)


def test_an_amount_is_spread_over_its_usage_period():
    specific = {"kind": offerings.EC2_INSTANCE, "scope": ("us-east-1", "m6i")}
    bill = estimated([modification(M6I_LARGE, 10.0 * HOURS)], [plan(0.3072, **specific), *without_plans()])
    # 0.3072 USD pay for 5 of the 10 instances in every hour: 0.096 * 0.64 = 0.06144 each
    assert found(bill, "SavingsPlanCoveredUsage", M6I_LARGE)[0] == pytest.approx(5 * HOURS)
    change = total(bill) - total(estimated(commitments=without_plans()))
    assert change == pytest.approx((5 * USD_PER_HOUR + 0.3072) * HOURS)


def test_a_used_plan_saves_its_discount():
    bill = estimated(commitments=[plan(0.01)])
    assert -rise(bill) == pytest.approx((0.01 / 0.74 - 0.01) * HOURS)
    assert found(bill, "SavingsPlanRecurringFee")[1] == pytest.approx(
        found(estimated(), "SavingsPlanRecurringFee")[1] + 0.01 * HOURS
    )


def test_reservations_cover_before_plans_and_the_narrower_plan_before_the_wider():
    # 10 instances an hour: 2 reserved, then 3 by the EC2 Instance plan, then 4 by the Compute plan, 1 on demand.
    commitments = [
        plan(4 * USD_PER_HOUR * 0.74, number=1),
        plan(3 * USD_PER_HOUR * 0.64, kind=offerings.EC2_INSTANCE, scope=("us-east-1", "m6i"), number=2),
        reserved(2, "m6i.large", number=3),
    ]
    only_here = [modification(key, 0.0, history={}) for key in _eligible_keys()]
    bill = estimated([*only_here, modification(M6I_LARGE, 10.0 * HOURS)], [*commitments, *without_plans()])
    plans = {
        item["savingsPlanArns"][0].rpartition("/")[2]: item["estimatedUsageQuantity"]["amount"] / HOURS
        for item in bill.line_items
        if item["lineItemType"] == "SavingsPlanCoveredUsage" and "historicalCost" not in item
    }
    assert plans == {commitments[0]["id"]: pytest.approx(4), commitments[1]["id"]: pytest.approx(3)}
    assert found(bill, "DiscountedUsage", M6I_LARGE)[0] / HOURS == pytest.approx(2)
    assert found(bill, "Usage", M6I_LARGE)[0] / HOURS == pytest.approx(1)


def test_doing_without_a_plan_charges_on_demand_for_what_it_covered_and_saves_its_fee():
    bill = estimated(commitments=without_plans())
    covered = cur("line_item_unblended_cost", "line_item_line_item_type = 'SavingsPlanCoveredUsage'")
    fee = cur("line_item_unblended_cost", "line_item_line_item_type = 'SavingsPlanRecurringFee'")
    assert covered > fee > 0
    assert rise(bill) == pytest.approx(covered - fee)
    assert found(bill, "SavingsPlanCoveredUsage") == (0.0, 0.0)
    assert found(bill, "SavingsPlanRecurringFee") == (0.0, 0.0)


def test_a_plan_whose_usage_is_gone_covers_other_usage():
    # only the Compute Savings Plan covers it, and that finds other usage; an EC2 Instance plan might not
    covered = ("AmazonEC2", "BoxUsage:c6i.xlarge", "RunInstances", PAYER)
    bill = estimated([modification(covered, 0.0, history={})])
    same = (
        "line_item_usage_type = 'BoxUsage:c6i.xlarge' AND line_item_operation = 'RunInstances'"
        f" AND product_servicecode = 'AmazonEC2' AND line_item_usage_account_id = '{PAYER}'"
        " AND line_item_line_item_type IN ('Usage', 'SavingsPlanCoveredUsage')"
    )
    # The fee stays, and what it covered elsewhere on demand is no longer charged: all that is gone counts in full.
    assert cur("line_item_unblended_cost", f"{same} AND line_item_line_item_type <> 'Usage'") > 0
    assert rise(bill) == pytest.approx(-cur("line_item_unblended_cost", same))
    assert found(bill, "SavingsPlanCoveredUsage", covered) == (0.0, 0.0)


def test_commitments_say_what_is_paid_for_them():
    bill = estimated(commitments=[plan(1.0, years=3, payment="Partial Upfront"), reserved(2, "m5.large")])
    fees = found(bill, "SavingsPlanRecurringFee")[1] + found(bill, "RIFee")[1]
    assert math.fsum(each["monthlyPayment"]["amount"] for each in bill.commitments) == pytest.approx(fees)
    (mine,) = [each for each in bill.commitments if each["id"] == plan(1.0)["id"]]
    assert (mine["purchaseAgreementType"], mine["termLength"], mine["paymentOption"], mine["region"]) == (
        "SAVINGS_PLANS",
        "3yr",
        "Partial Upfront",
        "Any",
    )
    assert (mine["monthlyPayment"]["amount"], mine["upfrontPayment"]["amount"]) == (0.5 * HOURS, 0.5 * 3 * 8760)


def test_a_plan_that_the_organisation_has_is_one_of_the_offerings():
    plans = [each for each in estimated().commitments if each["purchaseAgreementType"] == "SAVINGS_PLANS"]
    (own,) = [each for each in plans if each["region"] == "Any"]
    offering = offerings.catalogue()[own["offeringId"]]
    assert (offering.kind, offering.years, offering.payment) == (offerings.COMPUTE, 1, "Partial Upfront")
    # half of the commitment upfront for the year, as CUR shows it once, in April
    upfront = cur("line_item_unblended_cost", "bill_bill_type = 'Purchase'", date(2026, 4, 1))
    assert own["upfrontPayment"]["amount"] == pytest.approx(upfront)


def test_a_members_plan_covers_whom_the_scenario_shares_it_with():
    other = "777788889999"
    with running(start="2026-11-20T06:00:00Z", rows=500, accounts=[PAYER, MEMBER, other]) as emulator:
        calculator = boto3.client(
            "bcm-pricing-calculator",
            endpoint_url=emulator.url,
            region_name="us-east-1",
            aws_access_key_id=f"AKIADEMO{PAYER}",
            aws_secret_access_key="x",
        )

        def covered(preference, instances):
            """The accounts that a plan of MEMBER's covers which pays for so many m6i.large, if each account has one."""
            scenario = calculator.create_bill_scenario(name=preference, groupSharingPreference=preference)["id"]
            names = ("serviceCode", "usageType", "operation", "usageAccountId")
            usage = [dict(zip(names, (*M6I_LARGE[:3], account), strict=True)) for account in (PAYER, MEMBER, other)]
            amounts = [{"startHour": OCTOBER, "amount": 1.0 * HOURS}]
            calculator.batch_create_bill_scenario_usage_modification(
                billScenarioId=scenario,
                usageModifications=[{"key": str(key), **each, "amounts": amounts} for key, each in enumerate(usage)],
            )
            scope = ("us-east-1", "m6i")
            bought = plan(round(instances * USD_PER_HOUR * 0.64, 5), kind=offerings.EC2_INSTANCE, scope=scope)
            entry = {"key": "plan", "usageAccountId": MEMBER, "commitmentAction": bought["commitmentAction"]}
            (made,) = calculator.batch_create_bill_scenario_commitment_modification(
                billScenarioId=scenario, commitmentModifications=[entry]
            )["items"]
            estimate = calculator.create_bill_estimate(billScenarioId=scenario, name=preference)["id"]
            emulator.clock.advance(12 * 3600)
            pages = calculator.get_paginator("list_bill_estimate_line_items").paginate(billEstimateId=estimate)
            return {
                item["usageAccountId"]
                for page in pages
                for item in page["items"]
                if item["lineItemType"] == "SavingsPlanCoveredUsage" and item["savingsPlanArns"][0].endswith(made["id"])
            }

        # after the owner, PRIORITIZED goes on with its group (the members), OPEN with everybody alike
        assert covered("OPEN", 2) == {MEMBER, PAYER}
        assert covered("PRIORITIZED", 2) == {MEMBER, other}
        assert covered("RESTRICTED", 3) == {MEMBER, other}


def test_an_offering_is_looked_up_bought_and_listed(emulator, calculator):
    wanted = "kind=ComputeSavingsPlans&term=3yr&payment=All%20Upfront"
    with urllib.request.urlopen(f"{emulator.url}/_emulator/offerings?{wanted}") as answer:
        (offering,) = json.load(answer)["offerings"]
    scenario = calculator.create_bill_scenario(name="s")["id"]
    action = {"addSavingsPlanAction": {"savingsPlanOfferingId": offering["offeringId"], "commitment": 0.5}}
    entry = {"key": "c", "usageAccountId": MEMBER, "commitmentAction": action}
    (item,) = calculator.batch_create_bill_scenario_commitment_modification(
        billScenarioId=scenario, commitmentModifications=[entry]
    )["items"]
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="e")["id"]
    emulator.clock.advance(12 * 3600)
    listed = calculator.list_bill_estimate_commitments(billEstimateId=estimate)["items"]
    (mine,) = [each for each in listed if each["id"] == item["id"]]
    assert (mine["offeringId"], mine["usageAccountId"]) == (offering["offeringId"], MEMBER)
    assert mine["upfrontPayment"]["amount"] == 0.5 * 3 * 8760


def _eligible_keys():
    return [
        tuple(item[name] for name in ("serviceCode", "usageType", "operation", "usageAccountId"))
        for item in estimated().line_items
        if "BoxUsage" in item["usageType"] or "Fargate" in item["usageType"] or "GB-Second" in item["usageType"]
    ]
