"""One organisation, many views of its bill: whatever an export asks for, it adds up to the same."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from tests.unit.emulator.bills import (
    CUR,
    FOCUS,
    FOCUS_1_0,
    JUNE,
    LATER,
    MEMBER,
    NOVEMBER,
    PAYER,
    SMALL,
    read,
    totals,
)

from emulator.organisation import Detail, Organisation, month_end

WITHIN = datetime(2026, 11, 20, 6, 30, tzinfo=UTC)
MEDIUM = Organisation(7, PAYER, [MEMBER], 20_000)
MONTH_END = datetime(2026, 12, 1, tzinfo=UTC)


@pytest.mark.parametrize("now", [WITHIN, LATER])
@pytest.mark.parametrize("month", [JUNE, NOVEMBER])
@pytest.mark.parametrize("organisation", [SMALL, MEDIUM], ids=["small", "medium"])
def test_cur_and_focus_agree_by_service_and_account(organisation: Organisation, month: date, now: datetime) -> None:
    cur_by = "(line_item_product_code, line_item_usage_account_id)"
    focus_by = "(x_ServiceCode, SubAccountId)"
    how: dict[str, Any] = {"organisation": organisation, "month": month, "now": now, "TIME_GRANULARITY": "MONTHLY"}
    assert totals(CUR, cur_by, **how) == totals(FOCUS, focus_by, **how)


def test_a_commitment_is_unused_while_it_covers_nothing() -> None:
    """On the 12th of February this organisation has no machine that its reserved database would apply to."""
    organisation = Organisation(7, PAYER, [MEMBER], 6_000)
    how: dict[str, Any] = {"organisation": organisation, "month": date(2026, 2, 1)}
    where = "CommitmentDiscountId LIKE 'arn:aws:rds%' AND ChargePeriodStart = '2026-02-12'"
    (unused,) = read(FOCUS, "EffectiveCost, CommitmentDiscountStatus AS status, PricingQuantity", where=where, **how)
    assert unused == {"EffectiveCost": pytest.approx(2 * 24 * 0.288), "status": "Unused", "PricingQuantity": 48}
    assert totals(CUR, **how) == totals(FOCUS, **how)


def test_both_versions_of_focus_agree() -> None:
    hourly = totals(FOCUS, "(ServiceName, ChargeCategory)", TIME_GRANULARITY="HOURLY")
    assert totals(FOCUS_1_0, "(ServiceName, ChargeCategory)") == hourly


@pytest.mark.parametrize("table", [CUR, FOCUS])
@pytest.mark.parametrize("now", [WITHIN, LATER])
def test_every_granularity_agrees(table: str, now: datetime) -> None:
    by = "(line_item_product_code, line_item_line_item_type)" if table == CUR else "(ServiceName, ChargeCategory)"
    hourly, daily, monthly = (
        totals(table, by, now=now, TIME_GRANULARITY=granularity) for granularity in ("HOURLY", "DAILY", "MONTHLY")
    )
    assert hourly == daily == monthly


@pytest.mark.parametrize("granularity", ["DAILY", "MONTHLY"])
def test_with_and_without_resources_agree(granularity: str) -> None:
    by = "(line_item_usage_type, line_item_line_item_type, line_item_usage_account_id, resource_tags)"
    how: dict[str, Any] = {"organisation": MEDIUM, "TIME_GRANULARITY": granularity}
    fine, coarse = (totals(CUR, f"{by}::VARCHAR", INCLUDE_RESOURCES=value, **how) for value in ("TRUE", "FALSE"))
    assert fine == coarse


def test_without_resources_there_are_fewer_lines_each_of_its_own_kind() -> None:
    told_apart = """line_item_usage_start_date, line_item_usage_type, line_item_operation, line_item_availability_zone,
        line_item_line_item_type, line_item_usage_account_id, product_region_code, line_item_product_code,
        line_item_line_item_description,
        resource_tags::VARCHAR AS tags, savings_plan_savings_plan_a_r_n, reservation_reservation_a_r_n"""
    lines = read(CUR, told_apart, organisation=MEDIUM)
    assert len({tuple(line.values()) for line in lines}) == len(lines)
    assert len(lines) < len(read(CUR, "1", organisation=MEDIUM, INCLUDE_RESOURCES="TRUE"))


@pytest.mark.parametrize(("granularity", "slice_lines"), [("HOURLY", 6000), ("DAILY", 100), ("MONTHLY", 150)])
@pytest.mark.parametrize("properties", [{"INCLUDE_RESOURCES": "TRUE"}, {"INCLUDE_RESOURCES": "FALSE"}, {}])
def test_slices_make_no_difference(granularity: str, slice_lines: int, properties: dict[str, str]) -> None:
    how: dict[str, Any] = {"TIME_GRANULARITY": granularity, **properties}
    table, by = CUR, "(line_item_usage_type, line_item_line_item_type)"
    if not properties:
        table, by = FOCUS, "(SkuId, ChargeDescription)"
    assert totals(table, by, slice_lines=slice_lines, **how) == totals(table, by, **how)


@pytest.mark.parametrize("table", [CUR, FOCUS])
def test_lines_are_numbered_over_all_slices(table: str) -> None:
    numbers = [row["line_number"] for row in read(table, "line_number", slice_lines=100)]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("resources", ["TRUE", "FALSE"])
def test_line_item_ids_are_unique_whatever_the_slices(resources: str) -> None:
    # a day is more than a slice: counter-entries of the same usage are made twice
    ids = [row["id"] for row in read(CUR, "identity_line_item_id AS id", slice_lines=12, INCLUDE_RESOURCES=resources,
                                     now=datetime(2026, 11, 3, tzinfo=UTC))]  # fmt: skip
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("table", [CUR, FOCUS])
def test_a_member_sees_exactly_its_own_lines(table: str) -> None:
    account = "line_item_usage_account_id" if table == CUR else "SubAccountId"
    everything = read(table, "* EXCLUDE line_number", organisation=MEDIUM, TIME_GRANULARITY="MONTHLY")
    own = read(table, "* EXCLUDE line_number", organisation=MEDIUM, TIME_GRANULARITY="MONTHLY", viewer=MEMBER)
    assert own == [line for line in everything if line[account] == MEMBER]
    assert 0 < len(own) < len(everything)


def test_container_lines_change_no_total() -> None:
    how: dict[str, Any] = {"organisation": MEDIUM, "INCLUDE_RESOURCES": "TRUE", "TIME_GRANULARITY": "MONTHLY"}
    by = "(line_item_product_code, line_item_usage_account_id)"
    assert totals(CUR, by, **how) == totals(CUR, by, INCLUDE_SPLIT_COST_ALLOCATION_DATA="TRUE", **how)


def test_containers_share_what_their_machines_cost() -> None:
    how: dict[str, Any] = {"organisation": MEDIUM, "INCLUDE_RESOURCES": "TRUE", "TIME_GRANULARITY": "MONTHLY"}
    lines = read(
        CUR,
        "split_line_item_parent_resource_id AS host, split_line_item_split_cost + split_line_item_unused_cost AS cost,"
        " split_line_item_public_on_demand_split_cost + split_line_item_public_on_demand_unused_cost AS public,"
        " line_item_unblended_cost AS billed, line_item_operation AS operation",
        where="split_line_item_parent_resource_id <> ''",
        INCLUDE_SPLIT_COST_ALLOCATION_DATA="TRUE",
        **how,
    )
    assert {line["operation"] for line in lines} == {"EKSPod-EC2", "ECSTask-EC2"}
    assert {line["billed"] for line in lines} == {0.0}
    machines = totals(CUR, "line_item_resource_id", **how)
    split: dict[str, float] = {}
    for line in lines:
        split[line["host"]] = split.get(line["host"], 0) + line["cost"]
    assert {host: round(100 * cost) for host, cost in split.items()} == {host: machines[host][1] for host in split}


def test_net_of_private_discounts_is_what_is_billed() -> None:
    (sums,) = read(CUR, "sum(line_item_unblended_cost) AS gross, sum(line_item_net_unblended_cost) AS net,"
                   " sum(discount_total_discount) AS discount")  # fmt: skip
    assert sums["net"] == pytest.approx(sums["gross"])
    assert sums["discount"] < 0
    (separate,) = read(CUR, "sum(line_item_unblended_cost) AS cost", where="line_item_line_item_type = 'PrivateRateDiscount'")  # fmt: skip  # noqa: E501
    assert separate["cost"] == pytest.approx(sums["discount"])


def test_the_past_month_is_restated_for_two_weeks_and_then_stays() -> None:
    seen = [
        totals(
            FOCUS,
            "ChargeCategory",
            organisation=MEDIUM,
            now=MONTH_END + timedelta(days=days),
            TIME_GRANULARITY="MONTHLY",
        )
        for days in (0, 2, 5, 11, 14, 60)
    ]
    late, corrected, refunded, settled, for_ever = seen[1:]
    assert late["Usage"] > seen[0]["Usage"]
    assert corrected["Usage"] != late["Usage"]
    assert refunded["Usage"] < corrected["Usage"]
    assert refunded == settled == for_ever


def billed(organisation: Organisation, month: date, days: int) -> float:
    """What the month's bill comes to so many days after the month."""
    sum_ = 0.0
    with duckdb.connect() as connection:
        for _ in organisation.bill(connection, month, month_end(month) + timedelta(days=days), Detail("MONTHLY")):
            sum_ += connection.execute("SELECT coalesce(sum(billed), 0) FROM lines").fetchall()[0][0]
    return sum_


@pytest.mark.parametrize("month", [date(2026, 5, 1), JUNE, date(2026, 7, 1)])
@pytest.mark.parametrize("seed", [7, 8])
def test_every_month_is_corrected_in_the_second_week_after_it(seed: int, month: date) -> None:
    organisation = Organisation(seed, PAYER, [MEMBER], 500)
    first, fifth, tenth, thirteenth, for_ever = (billed(organisation, month, days) for days in (0, 5, 10, 13, 60))
    assert fifth > first, "no usage came late"
    assert thirteenth < tenth, "nothing changes between the tenth day and the fourteenth"
    assert thirteenth == for_ever, "the month changes after its two weeks"
