"""Estimates of one organisation's bill without a server, and what its exported CUR says."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from functools import cache
from uuid import NAMESPACE_URL, uuid5

import duckdb

from emulator.organisation import Organisation, month_end
from emulator.pricing_calculator import offerings
from emulator.pricing_calculator.estimation import estimate_bill, read_history
from emulator.pricing_calculator.state import Estimate
from emulator.tables.charges import create_charges
from emulator.tables.query import parse

PAYER, MEMBER = "111122223333", "444455556666"
OCTOBER, NOW = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC)
HOURS = 744
ORGANISATION = Organisation(7, PAYER, (MEMBER,), 20_000)
M5_LARGE = ("AmazonEC2", "BoxUsage:m5.large", "RunInstances", PAYER)
# Not in the organisation's fleet: what covers it was bought for it.
M6I_LARGE = ("AmazonEC2", "BoxUsage:m6i.large", "RunInstances", PAYER)
USD_PER_HOUR = 0.096  # of both, in us-east-1


def estimated(usage=(), commitments=(), sharing=None, now=NOW, organisation=ORGANISATION):
    estimate = Estimate(
        id="e",
        account=PAYER,
        name="e",
        created_at=now,
        expires_at=now,
        ends_at=now,
        tags={},
        scenario_id="s",
        sharing={"groupSharingPreference": sharing} if sharing else {},
        input_usage=usage,
        input_commitments=commitments,
    )
    return estimate_bill(read_history(organisation, estimate, lambda: None), estimate)


def modification(key, *amounts, history=None, **more):
    """Usage of ``key``: one amount for the month, or pairs of a day and hour and an amount."""
    pairs = amounts if isinstance(amounts[0], tuple) else [(OCTOBER, amounts[0])]
    item = dict(zip(("serviceCode", "usageType", "operation", "usageAccountId"), key, strict=True))
    if history is not None:
        more["historicalUsage"] = {**item, "filterExpression": history}
    return {**item, "quantities": [{"startHour": start, "amount": amount} for start, amount in pairs], **more}


def bought(number, account=PAYER, **action):
    return {"id": str(uuid5(NAMESPACE_URL, str(number))), "usageAccountId": account, "commitmentAction": action}


def plan(usd_per_hour, kind=offerings.COMPUTE, years=1, payment="No Upfront", scope=("Any", ""), number=1, **more):
    offering = offerings.lookup(kind, years, payment, *scope)
    return bought(
        number, addSavingsPlanAction={"savingsPlanOfferingId": offering.id, "commitment": usd_per_hour}, **more
    )


def reserved(count, instance_type, years=1, payment="No Upfront", number=2, **more):
    offering = offerings.lookup(offerings.RESERVED, years, payment, "us-east-1", instance_type)
    return bought(
        number,
        addReservedInstanceAction={"reservedInstancesOfferingId": offering.id, "instanceCount": count},
        **more,
    )


def total(bill, member="estimatedCost"):
    return bill.cost_summary["totalCostDifference"][member]["amount"]


def rise(bill):
    return total(bill) - total(bill, "historicalCost")


def found(bill, line_type, key=None):
    """The summed quantity and cost of the estimate's items of a type (and SKU)."""
    names = ("serviceCode", "usageType", "operation", "usageAccountId")
    items = [
        item
        for item in bill.line_items
        if item["lineItemType"] == line_type and (key is None or tuple(item[name] for name in names) == key)
    ]
    return tuple(
        math.fsum(item[member]["amount"] for item in items) for member in ("estimatedUsageQuantity", "estimatedCost")
    )


@cache
def exported(month):
    """A connection with the exported table of a month as `cur`."""
    query = parse(
        "SELECT line_item_usage_amount FROM COST_AND_USAGE_REPORT",
        {"COST_AND_USAGE_REPORT": {"TIME_GRANULARITY": "DAILY"}},
    )
    connection = duckdb.connect()
    now = month_end(month) + timedelta(days=20)
    columns = (
        "bill_bill_type, line_item_line_item_type, product_servicecode, line_item_usage_type, line_item_operation,"
        " line_item_usage_account_id, line_item_availability_zone, resource_tags, cost_category,"
        " line_item_usage_amount, line_item_unblended_cost, line_item_net_unblended_cost, reservation_effective_cost,"
        " savings_plan_savings_plan_effective_cost, pricing_public_on_demand_cost, savings_plan_savings_plan_a_r_n,"
        " savings_plan_offering_type, savings_plan_total_commitment_to_date, savings_plan_used_commitment,"
        " reservation_unused_quantity, line_item_usage_start_date"
    )
    for place, _ in enumerate(create_charges(connection, ORGANISATION, query, month, now)):
        start = "INSERT INTO cur" if place else "CREATE TEMP TABLE cur AS"
        connection.execute(f"{start} SELECT {columns} FROM export")
    return connection


def cur(expression, where="true", month=date(2026, 10, 1)):
    """One sum over the exported table of the month: what a user would query in it."""
    return exported(month).execute(f"SELECT coalesce(sum({expression}), 0) FROM cur WHERE {where}").fetchone()[0]


def without_plans():
    """Negations of the organisation's own Savings Plans, for bills on which only bought ones cover usage."""
    return [
        bought(f"without {commitment['id']}", negateSavingsPlanAction={"savingsPlanId": commitment["id"]})
        for commitment in estimated().commitments
        if commitment["purchaseAgreementType"] == "SAVINGS_PLANS"
    ]
