"""What the organisation's own commitments leave unused, as its CUR says, covers what a scenario adds."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.emulator.estimating import (
    HOURS,
    M5_LARGE,
    M6I_LARGE,
    MEMBER,
    OCTOBER,
    PAYER,
    cur,
    estimated,
    found,
    modification,
    plan,
    rise,
    without_plans,
)

from emulator.pricing_calculator import offerings

T3_MEDIUM = ("AmazonEC2", "BoxUsage:t3.medium", "RunInstances", PAYER)
RESERVED_T3 = "line_item_line_item_type = 'RIFee' AND line_item_usage_type LIKE '%t3.medium'"


def unused(kind, day="%"):
    """USD of the month, or of one day of it, that a kind of Savings Plans did not use."""
    where = f"savings_plan_offering_type = '{kind}' AND line_item_usage_start_date::VARCHAR LIKE '{day}'"
    return cur("savings_plan_total_commitment_to_date - savings_plan_used_commitment", where)


@pytest.fixture(scope="module")
def unchanged():
    return estimated()


def test_usage_that_idle_reservations_cover_costs_nothing(unchanged):
    assert cur("reservation_unused_quantity", RESERVED_T3) > HOURS, "an instance is reserved and not used, all month"
    bill = estimated([modification(T3_MEDIUM, HOURS)], without_plans())
    assert rise(bill) == pytest.approx(rise(estimated(commitments=without_plans()))), "charged for"
    (before, _), (after, _) = (found(each, "DiscountedUsage", T3_MEDIUM) for each in (unchanged, bill))
    assert after - before == pytest.approx(HOURS)


def test_all_that_is_idle_is_used_up_as_cur_has_it_and_the_rest_charged():
    more = 100.0 * HOURS  # more than anything idle can cover in any hour
    bill = estimated([modification(T3_MEDIUM, more), modification(M5_LARGE, more)])
    saved = (
        cur("reservation_unused_quantity", RESERVED_T3) * 0.0416
        + unused(offerings.EC2_INSTANCE) / (1 - 0.56)  # 3 years, no upfront
        + unused(offerings.COMPUTE) / (1 - 0.28)  # a year, partially upfront
    )
    assert rise(bill) == pytest.approx(more * (0.0416 + 0.096) - saved, rel=1e-6)


def test_what_is_idle_at_one_time_is_not_used_at_another():
    by_day = {number: unused(offerings.COMPUTE, f"2026-10-{number:02} %") for number in range(2, 31)}
    day = max(by_day, key=by_day.__getitem__)
    assert by_day[day] > 1.05 * unused(offerings.COMPUTE) / 31, "as much is idle on every day: this would see nothing"
    start = OCTOBER.replace(day=day)
    burst = modification(M6I_LARGE, (start, 2400.0), (start + timedelta(days=1), 0.0))
    assert rise(estimated([burst])) == pytest.approx(2400 * 0.096 - by_day[day] / (1 - 0.28), rel=1e-6)


def test_idle_commitments_leave_the_bills_own_usage_as_it_was():
    bill = estimated([modification(M5_LARGE, 10.0 * HOURS)])
    changed = {item["usageType"] for item in bill.line_items if item["estimatedCost"] != item.get("historicalCost")}
    assert changed == {"BoxUsage:m5.large"}


def test_what_a_new_plan_covers_first_is_not_taken_by_a_wider_idle_one():
    instance = {"kind": offerings.EC2_INSTANCE, "scope": ("us-east-1", "m6i")}
    bill = estimated([modification(M6I_LARGE, 1.0 * HOURS)], [plan(0.096 * 0.64, **instance)])
    assert rise(bill) == pytest.approx(0.096 * 0.64 * HOURS)
    assert unused(offerings.COMPUTE) > 0.096 * 0.72 * HOURS, "nothing idle that could have taken it"


@pytest.mark.parametrize("preference", ["OPEN", "RESTRICTED"])
def test_idle_commitments_are_shared_as_the_scenario_says(preference):
    # the payer owns them all; with RESTRICTED sharing they are not for its members
    bill = estimated([modification((*M6I_LARGE[:3], MEMBER), 1.0 * HOURS)], sharing=preference)
    assert rise(bill) == pytest.approx(0.0 if preference == "OPEN" else 0.096 * HOURS)
