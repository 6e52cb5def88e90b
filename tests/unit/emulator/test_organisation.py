"""The simulated organisation: deterministic, plausible, and with what the catalogue promises."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import duckdb
import pytest
from tests.unit.emulator.bills import MEMBER, NOVEMBER, PAYER, used

from emulator.organisation import Detail, Organisation
from emulator.organisation.catalogue import PRIVATE_DISCOUNTS
from emulator.pricing_calculator.products import Product, product

SETTLED = datetime(2026, 12, 20, tzinfo=UTC)


def organisation(seed: int = 7, rows: int = 500) -> Organisation:
    return Organisation(seed, PAYER, [MEMBER], rows)


@pytest.fixture(scope="module")
def large() -> Organisation:
    return organisation(rows=20_000)


@pytest.fixture(scope="module")
def november(large: Organisation) -> list[dict[str, Any]]:
    return used(large, NOVEMBER)


def cost(lines: Iterable[dict[str, Any]]) -> float:
    return sum(line["list_cost"] for line in lines)


def test_a_month_is_the_same_whatever_was_asked_before() -> None:
    first, second = organisation(), organisation()
    used(second, date(2027, 3, 1))
    assert used(first, NOVEMBER) == used(second, NOVEMBER)


def test_another_seed_is_another_organisation() -> None:
    assert used(organisation(7), NOVEMBER) != used(organisation(8), NOVEMBER)


@pytest.mark.parametrize("rows", [5000, 50_000])
@pytest.mark.parametrize(
    ("month", "least", "most"),
    [(date(2024, 2, 1), 1.3, 2), (date(2026, 7, 1), 1.8, 2.6), (date(2030, 6, 1), 2.4, 3)],
)
def test_the_bill_is_in_proportion_to_the_size(rows: int, month: date, least: float, most: float) -> None:
    each = cost(used(organisation(rows=rows), month)) / rows
    assert least < each < most, f"{each:.2f} USD for each row is not what docs/emulator.md says of --rows"


def test_the_smallest_organisation_has_a_bill() -> None:
    assert 100 < cost(used(organisation(rows=1), NOVEMBER)) < 1000


def test_usage_lines_a_month_are_about_as_many_as_asked_for(large: Organisation) -> None:
    usage = "SELECT count(*) FROM lines JOIN meters USING (meter) WHERE kind IN ('usage', 'covered', 'reserved')"
    lines = 0
    with duckdb.connect() as connection:
        for _ in large.bill(connection, NOVEMBER, SETTLED, Detail("DAILY")):
            lines += connection.execute(usage).fetchall()[0][0]
    assert lines == pytest.approx(20_000, rel=0.1)


def test_ec2_rds_and_s3_are_the_most_of_the_spend(november: list[dict[str, Any]]) -> None:
    spend: dict[str, float] = {}
    for line in november:
        spend[line["service"]] = spend.get(line["service"], 0) + line["list_cost"]
    largest = sorted(spend, key=lambda service: -spend[service])[:3]
    assert set(largest) == {"AmazonEC2", "AmazonRDS", "AmazonS3"}


def usage_lines(organisation: Organisation, granularity: str, select: str, month: date = NOVEMBER) -> list[Any]:
    """What `select` finds in the usage lines of each slice: `quantity` of a `unit` of the resource `token`."""
    usage = """FROM lines JOIN meters USING (meter) JOIN skus USING (sku)
        WHERE kind IN ('usage', 'covered', 'reserved') AND quantity < 1e5"""
    with duckdb.connect() as connection:
        slices = organisation.bill(connection, month, SETTLED, Detail(granularity))
        return [row for _ in slices for row in connection.execute(f"{select} {usage}").fetchall()]


@pytest.mark.parametrize(
    ("rows", "granularity", "clock"),
    [(1000, "DAILY", 24), (20_000, "DAILY", 24), (100_000, "DAILY", 24), (1000, "HOURLY", 1), (5000, "HOURLY", 1)],
)
def test_no_machine_runs_longer_than_the_clock(rows: int, granularity: str, clock: int) -> None:
    hours = usage_lines(organisation(rows=rows), granularity, "SELECT max(quantity) FILTER (unit IN ('Hrs', 'Hours'))")
    assert hours == [(clock,)] * len(hours), "one id is a whole group of machines: it has more hours than the clock"


def test_training_and_unused_reservations_are_billed_by_the_whole_hour() -> None:
    jobs = "usage_type LIKE 'UnusedBox:%' OR usage_type LIKE 'Train:%'"
    select = f"SELECT unnest(list(DISTINCT (usage_type, quantity)) FILTER ({jobs}))"
    found = {row for (row,) in usage_lines(organisation(rows=5000), "HOURLY", select)}
    assert found == {("UnusedBox:m5.large", 1.0), ("Train:ml.g4dn.xlarge", 1.0)}


@pytest.mark.parametrize("granularity", ["HOURLY", "DAILY", "MONTHLY"])
def test_quantities_are_clean_numbers(granularity: str) -> None:
    found = usage_lines(
        organisation(rows=5000),
        granularity,
        "SELECT count(*) FILTER (quantity <> round(quantity, 10)), count(*) FILTER (quantity <> round(quantity) AND"
        " unit IN ('Hrs', 'Hours', 'Requests', 'ReadRequestUnits', 'Events', 'Units', 'ReadCapacityUnit-Hrs'))",
    )
    assert found == [(0, 0)], "the noise of floating point, or a part of an hour or of a request"


def test_the_number_of_machines_grows(large: Organisation) -> None:
    select = "SELECT count(DISTINCT token) FILTER (unit = 'Hrs'), sum(list_cost) FILTER (usage_type LIKE 'BoxUsage%')"
    for month in (date(2024, 3, 1), date(2025, 3, 1)):
        [(machines, cost)], [(more, dearer)] = (
            usage_lines(large, "MONTHLY", select, month.replace(year=year)) for year in (month.year, month.year + 1)
        )
        assert more > machines, f"there are no more machines than a year before {month}"
        assert 1.05 < dearer / cost < 1.5, f"EC2 stands still in the year after {month}"


@pytest.mark.parametrize("rows", [1, 500, 20_000])
def test_some_usage_of_the_payer_always_exists(rows: int) -> None:
    lines = used(organisation(rows=rows), NOVEMBER)
    known = {(line["service"], line["usage_type"], line["operation"], line["account"]) for line in lines}
    assert known >= {
        ("AmazonEC2", "BoxUsage:m5.large", "RunInstances", PAYER),
        ("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage", PAYER),
        ("AmazonRDS", "InstanceUsage:db.r6g.xlarge", "CreateDBInstance:0014", PAYER),
        ("AWSLambda", "Lambda-GB-Second", "Invoke", PAYER),
    }


def test_every_used_price_but_spot_is_in_the_price_list(november: list[dict[str, Any]]) -> None:
    for line in november:
        if "SpotUsage" in line["usage_type"]:
            continue
        found = product(line["service"], line["usage_type"], line["operation"])
        assert isinstance(found, Product)
        assert line["list_cost"] == pytest.approx(line["quantity"] * found.rate)


def test_prices_are_aws_own() -> None:
    found = product("AmazonEC2", "BoxUsage:m5.large", "RunInstances")
    assert found is not None
    assert (found.unit, found.rate) == ("Hrs", 0.096)


def test_a_sku_that_is_not_sold_has_no_price() -> None:
    assert product("AmazonEC2", "BoxUsage:m5.gigantic", "RunInstances") is None


def test_commitments_lower_the_cost_of_what_they_cover_only(
    large: Organisation, november: list[dict[str, Any]]
) -> None:
    offers = {each.id(7, NOVEMBER): each.offer for each in large.fleet.commitments}
    covered = 0
    for line in november:
        if line["commitment"]:
            offer = offers[line["commitment"].rpartition("/")[2].rpartition(":")[2]]
            assert line["effective"] == pytest.approx(line["list_cost"] * (1 - offer.discount), rel=1e-4)
            covered += 1
        elif line["product"] not in PRIVATE_DISCOUNTS and "Spot" not in line["usage_type"]:
            assert line["effective"] == pytest.approx(line["list_cost"])
    assert covered > 10


@pytest.mark.parametrize("month", [date(2024, 6, 1), NOVEMBER, date(2030, 6, 1)])
def test_every_commitment_covers_something_and_is_not_used_up(large: Organisation, month: date) -> None:
    spent: dict[str, float] = {}
    for line in used(large, month):
        spent[line["commitment"]] = spent.get(line["commitment"], 0) + line["effective"]
    by_id = {arn.rpartition("/")[2].rpartition(":")[2]: amount for arn, amount in spent.items()}
    hours = ((month + timedelta(days=31)).replace(day=1) - month).days * 24
    for commitment in large.fleet.commitments:
        part = by_id[commitment.id(7, month)] / (commitment.hourly * hours)
        assert (0.4 if commitment.offer.reserves else 0.85) < part < 1, f"{part:.0%} of {commitment} is used in {month}"


def test_the_savings_plan_is_bought_in_april() -> None:
    plan = organisation().fleet.commitments[0]
    assert plan.term(date(2027, 3, 31)) == (datetime(2026, 4, 1), datetime(2027, 4, 1))
    assert plan.id(7, date(2027, 3, 31)) != plan.id(7, date(2027, 4, 1))


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
