"""The simulated organisation: deterministic, plausible, and with what the catalogue promises."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pytest

from emulator.organisation import Detail, Organisation, Price
from emulator.organisation.catalogue import PRIVATE_DISCOUNTS

PAYER, MEMBER = "111122223333", "444455556666"
NOVEMBER = date(2026, 11, 1)
SETTLED = datetime(2026, 12, 20, tzinfo=UTC)


def organisation(seed: int = 7, rows: int = 500) -> Organisation:
    return Organisation(seed, PAYER, [MEMBER], rows)


@pytest.fixture(scope="module")
def large() -> Organisation:
    return organisation(rows=20_000)


def test_a_month_is_the_same_whatever_was_asked_before() -> None:
    first, second = organisation(), organisation()
    second.usage(date(2027, 3, 1))
    assert first.usage(NOVEMBER) == second.usage(NOVEMBER)


def test_another_seed_is_another_organisation() -> None:
    assert organisation(7).usage(NOVEMBER) != organisation(8).usage(NOVEMBER)


@pytest.mark.parametrize("rows", [1, 500, 5000])
@pytest.mark.parametrize("month", [date(2024, 2, 1), date(2026, 12, 1), date(2030, 6, 1)])
def test_any_size_in_any_month_costs_what_a_company_pays(rows: int, month: date) -> None:
    assert 25_000 < sum(line.cost for line in organisation(rows=rows).usage(month)) < 65_000


def test_daily_lines_are_about_as_many_as_asked_for(large: Organisation) -> None:
    lines = 0
    with duckdb.connect() as connection:
        for _ in large.bill(connection, NOVEMBER, SETTLED, Detail("DAILY")):
            lines += connection.execute("SELECT count(*) FROM lines").fetchall()[0][0]
    assert lines == pytest.approx(20_000, rel=0.1)


def test_ec2_rds_and_s3_are_the_most_of_the_spend(large: Organisation) -> None:
    spend: dict[str, float] = {}
    for line in large.usage(NOVEMBER):
        spend[line.service_code] = spend.get(line.service_code, 0) + line.cost
    largest = sorted(spend, key=lambda service: -spend[service])[:3]
    assert set(largest) == {"AmazonEC2", "AmazonRDS", "AmazonS3"}


@pytest.mark.parametrize(
    ("service_code", "usage_type", "operation"),
    [
        ("AmazonEC2", "BoxUsage:m5.large", "RunInstances"),
        ("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage"),
        ("AmazonRDS", "InstanceUsage:db.r6g.xlarge", "CreateDBInstance:0014"),
        ("AWSLambda", "Lambda-GB-Second", "Invoke"),
    ],
)
@pytest.mark.parametrize("rows", [1, 500, 20_000])
def test_some_usage_of_the_payer_always_exists(rows: int, service_code: str, usage_type: str, operation: str) -> None:
    used = {
        (line.service_code, line.usage_type, line.operation, line.account_id)
        for line in organisation(rows=rows).usage(NOVEMBER)
    }
    assert (service_code, usage_type, operation, PAYER) in used


def test_every_used_price_but_spot_is_in_the_price_list(large: Organisation) -> None:
    for line in large.usage(NOVEMBER):
        if "SpotUsage" in line.usage_type:
            continue
        price = large.price(line.service_code, line.usage_type, line.operation)
        assert price is not None
        assert line.cost == pytest.approx(line.quantity * price.rate)


def test_prices_are_aws_own() -> None:
    assert organisation().price("AmazonEC2", "BoxUsage:m5.large", "RunInstances") == Price("Hrs", 0.096)


def test_a_sku_that_is_not_sold_has_no_price() -> None:
    assert organisation().price("AmazonEC2", "BoxUsage:m5.gigantic", "RunInstances") is None


def test_commitments_lower_the_cost_of_what_they_cover_only(large: Organisation) -> None:
    offers = [commitment.offer for commitment in large.commitments]
    for line in large.usage(NOVEMBER):
        for coverage in line.covered:
            offer = offers[coverage.commitment]
            on_demand = line.cost * coverage.quantity / line.quantity
            assert coverage.effective_cost == pytest.approx(on_demand * (1 - offer.discount), rel=1e-4)
            assert offer.reserves or line.eligible_for_savings_plan
        if not line.covered and line.service_code not in PRIVATE_DISCOUNTS:
            assert line.effective_cost == pytest.approx(line.cost)


def test_every_commitment_covers_something_and_is_not_used_up(large: Organisation) -> None:
    used = dict.fromkeys(range(len(large.commitments)), 0.0)
    for line in large.usage(NOVEMBER):
        for coverage in line.covered:
            used[coverage.commitment] += coverage.effective_cost
    for commitment in large.commitments:
        assert 0.4 < used[commitment.number] / (commitment.hourly * 720) < 1


def test_the_savings_plan_is_bought_in_april() -> None:
    plan, starts, ends = organisation().savings_plan(date(2027, 3, 31))
    assert (starts, ends) == (datetime(2026, 4, 1), datetime(2027, 4, 1))
    assert plan != organisation().savings_plan(date(2027, 4, 1))[0]


def test_resources_live_and_die(large: Organisation) -> None:
    first_hour = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) // 3600
    living = large.fleet.living(first_hour, first_hour + 720, slice(0, len(large.fleet)), True).to_pydict()
    assert any(start > first_hour for start in living["start_hour"])
    assert any(end < first_hour + 720 for end in living["end_hour"])


def test_tags_have_gaps(large: Organisation) -> None:
    teams = large.fleet.slots["team"].tolist()
    assert 0.1 < teams.count(0) / len(teams) < 0.3


@pytest.mark.parametrize("by_resource", [True, False])
def test_blocks_hold_every_slot_once(large: Organisation, by_resource: bool) -> None:
    blocks = large.fleet.blocks(100, by_resource)
    assert len(blocks) > 5
    assert [number for block in blocks for number in range(block.start, block.stop)] == list(range(len(large.fleet)))


def test_the_fleet_of_a_hundred_million_hourly_lines_is_small() -> None:
    fleet = organisation(rows=4_200_000).fleet
    assert sum(values.nbytes for values in fleet.slots.values()) < 20_000_000


def test_a_payer_without_members_has_one_account() -> None:
    assert Organisation(7, PAYER, [], 500).accounts == [(PAYER, "management")]
