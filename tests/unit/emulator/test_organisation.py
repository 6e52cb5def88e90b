"""The simulated organisation: deterministic, plausible, and with what the catalogue promises."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pytest

from emulator.organisation import Organisation, Price, month_end

PAYER, MEMBER = "111122223333", "444455556666"
NOVEMBER = date(2026, 11, 1)


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
    with duckdb.connect() as connection:
        large.bill(connection, NOVEMBER, month_end(NOVEMBER), "DAILY")
        lines = connection.execute("SELECT count(*) FROM lines").fetchall()[0][0]
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


def test_the_savings_plan_lowers_the_cost_of_eligible_usage_only(large: Organisation) -> None:
    lowered = {
        line.eligible_for_savings_plan for line in large.usage(NOVEMBER) if line.effective_cost < line.cost * 0.999
    }
    assert lowered == {True}


def test_the_savings_plan_is_bought_in_april() -> None:
    plan, starts, ends = organisation().savings_plan(date(2027, 3, 31))
    assert (starts, ends) == (datetime(2026, 4, 1), datetime(2027, 4, 1))
    assert plan != organisation().savings_plan(date(2027, 4, 1))[0]


def test_resources_live_and_die(large: Organisation) -> None:
    first_hour = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp()) // 3600
    living = large.fleet.living(first_hour, first_hour + 720).to_pydict()
    assert any(start > first_hour for start in living["start_hour"])
    assert any(end < first_hour + 720 for end in living["end_hour"])


def test_tags_have_gaps(large: Organisation) -> None:
    teams = large.fleet.slots["team"].tolist()
    assert 0.1 < teams.count("") / len(teams) < 0.3


def test_a_payer_without_members_has_one_account() -> None:
    assert Organisation(7, PAYER, [], 500).accounts == [(PAYER, "management")]
