"""Bill scenarios and their modifications."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

PAYER, MEMBER = "111122223333", "444455556666"
DAY = 86400
NOWHERE = "11111111-1111-1111-1111-111111111111"
PLAN = {"addSavingsPlanAction": {"savingsPlanOfferingId": NOWHERE, "commitment": 2.5}}


def usage(key="u1", **changes):
    return {
        "key": key,
        "serviceCode": "AmazonEC2",
        "usageType": "BoxUsage:m5.large",
        "operation": "RunInstances",
        "usageAccountId": PAYER,
        "amounts": [{"startHour": "2026-10-01T00:00:00Z", "amount": 744.0}],
        **changes,
    }


@pytest.fixture
def scenario(calculator):
    return calculator.create_bill_scenario(name="growth")["id"]


@pytest.fixture
def add(calculator, scenario):
    def create(*entries, **more):
        return calculator.batch_create_bill_scenario_usage_modification(
            billScenarioId=scenario, usageModifications=list(entries), **more
        )

    return create


@pytest.fixture
def commit(calculator, scenario):
    def create(action, account=PAYER):
        return calculator.batch_create_bill_scenario_commitment_modification(
            billScenarioId=scenario,
            commitmentModifications=[{"key": "c1", "usageAccountId": account, "commitmentAction": action}],
        )

    return create


def test_a_scenario_is_about_the_last_complete_month(calculator, scenario):
    interval = calculator.get_bill_scenario(identifier=scenario)["billInterval"]
    assert interval == {"start": datetime(2026, 10, 1, tzinfo=UTC), "end": datetime(2026, 11, 1, tzinfo=UTC)}


def test_a_scenario_is_ready_at_once(calculator, scenario):
    assert calculator.get_bill_scenario(identifier=scenario)["status"] == "READY"


def test_a_scenario_is_stale_after_its_month(emulator, calculator, scenario):
    emulator.clock.advance(11 * DAY)
    assert calculator.get_bill_scenario(identifier=scenario)["status"] == "STALE"


def test_a_stale_scenario_takes_no_usage(emulator, calculator, scenario, refused):
    emulator.clock.advance(11 * DAY)
    call = calculator.batch_create_bill_scenario_usage_modification
    answer = refused(call, billScenarioId=scenario, usageModifications=[usage()])
    assert answer["code"] == "ValidationException"


def test_a_scenario_expires_after_thirteen_months(emulator, calculator, scenario, refused):
    emulator.clock.advance(400 * DAY)
    assert calculator.get_bill_scenario(identifier=scenario)["status"] == "STALE"
    emulator.clock.advance(10 * DAY)
    assert refused(calculator.get_bill_scenario, identifier=scenario)["code"] == "ResourceNotFoundException"


def test_scenario_names_are_unique(calculator, scenario, refused):
    assert refused(calculator.create_bill_scenario, name="growth")["code"] == "ConflictException"


def test_a_token_sent_again_gives_the_same_scenario(calculator):
    first, second = (calculator.create_bill_scenario(name="a", clientToken="t1") for _ in range(2))
    assert first["id"] == second["id"]


def test_a_token_with_a_different_request_conflicts(calculator, refused):
    calculator.create_bill_scenario(name="a", clientToken="t1")
    answer = refused(calculator.create_bill_scenario, name="b", clientToken="t1")
    assert (answer["code"], answer["resourceType"]) == ("ConflictException", "ClientToken")


def test_tokens_of_two_operations_have_nothing_to_do_with_each_other(calculator):
    scenario = calculator.create_bill_scenario(name="a", clientToken="t1")["id"]
    assert calculator.create_bill_estimate(name="a", billScenarioId=scenario, clientToken="t1")["id"] != scenario


def test_a_cost_category_needs_a_sharing_preference(calculator, refused):
    arn = f"arn:aws:ce::{PAYER}:costcategory/{NOWHERE}"
    answer = refused(calculator.create_bill_scenario, name="a", costCategoryGroupSharingPreferenceArn=arn)
    assert answer["code"] == "ValidationException"


def test_deleting_a_scenario_twice_is_no_error(calculator, scenario, refused):
    calculator.delete_bill_scenario(identifier=scenario)
    calculator.delete_bill_scenario(identifier=scenario)
    assert refused(calculator.get_bill_scenario, identifier=scenario)["resourceType"] == "BillScenario"


@pytest.mark.parametrize(
    ("match", "value", "names"),
    [("EQUALS", "b-one", ["b-one"]), ("STARTS_WITH", "b", ["b-one", "b-two"]), ("CONTAINS", "two", ["b-two"])],
)
def test_scenarios_are_filtered_by_name(calculator, scenario, match, value, names):
    for name in ("b-one", "b-two"):
        calculator.create_bill_scenario(name=name)
    listed = calculator.list_bill_scenarios(filters=[{"name": "NAME", "values": [value], "matchOption": match}])
    assert [item["name"] for item in listed["items"]] == names


def test_scenarios_are_filtered_by_creation(emulator, calculator, scenario):
    emulator.clock.advance(DAY)
    calculator.create_bill_scenario(name="later")
    listed = calculator.list_bill_scenarios(createdAtFilter={"afterTimestamp": "2026-11-21T00:00:00Z"})
    assert [item["name"] for item in listed["items"]] == ["later"]


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_bill_scenario", {"name": "a"}),
        ("list_bill_scenarios", {}),
        ("get_bill_scenario", {"identifier": NOWHERE}),
        ("delete_bill_estimate", {"identifier": NOWHERE}),
        ("create_bill_estimate", {"name": "a", "billScenarioId": NOWHERE}),
    ],
)
def test_member_accounts_are_refused(client, refused, operation, params):
    answer = refused(getattr(client("bcm-pricing-calculator", MEMBER), operation), **params)
    assert (answer["code"], answer["reason"]) == ("ValidationException", "invalidRequestFromMember")


def test_usage_gets_an_id_and_the_prices_unit(calculator, scenario, add):
    (item,) = add(usage())["items"]
    assert (item["key"], item["quantities"][0]["unit"], item["quantities"][0]["amount"]) == ("u1", "Hrs", 744.0)
    (listed,) = calculator.list_bill_scenario_usage_modifications(billScenarioId=scenario)["items"]
    assert listed["id"] == item["id"]


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (usage("bad", serviceCode="AmazonNothing"), "BAD_REQUEST"),
        (usage("bad", usageType="BoxUsage:none.large"), "BAD_REQUEST"),
        (usage("bad", operation="Nothing"), "BAD_REQUEST"),
        (usage("bad", usageAccountId="999988887777"), "BAD_REQUEST"),
        (usage("bad", amounts=[]), "BAD_REQUEST"),
        (usage("bad", amounts=[{"startHour": "2026-10-01T00:00:00Z", "amount": -1.0}]), "BAD_REQUEST"),
        (usage("good"), "CONFLICT"),
    ],
)
def test_a_bad_entry_does_not_take_the_good_one_away(add, entry, code):
    answer = add(usage("good"), entry)
    assert [item["key"] for item in answer["items"]] == ["good"]
    assert [(error["key"], error["errorCode"]) for error in answer["errors"]] == [(entry["key"], code)]


@pytest.mark.parametrize(
    ("hour", "taken"),
    [
        ("2026-09-30T23:00:00Z", False),
        ("2026-10-01T00:00:00Z", True),
        ("2026-10-31T23:00:00Z", True),
        ("2026-11-01T00:00:00Z", False),
    ],
)
def test_usage_starts_in_the_scenarios_bill_interval(add, hour, taken):
    good = {"startHour": "2026-10-02T00:00:00Z", "amount": 1.0}
    answer = add(usage(amounts=[good, {"startHour": hour, "amount": 1.0}]))
    expected = [] if taken else ["A startHour lies outside of the scenario's bill interval, "
                                 "2026-10-01T00:00Z to 2026-11-01T00:00Z"]  # fmt: skip
    assert [error["errorMessage"] for error in answer["errors"]] == expected
    assert len(answer["items"]) == taken


def history(start="2026-10-01T00:00:00Z", end="2026-11-01T00:00:00Z", **changes):
    return {
        **{name: usage()[name] for name in ("serviceCode", "usageType", "operation", "usageAccountId")},
        "billInterval": {"start": start, "end": end},
        "filterExpression": {"dimensions": {"key": "SERVICE", "values": ["AmazonEC2"]}},
        **changes,
    }


@pytest.mark.parametrize("interval", [{"start": "2026-09-01T00:00:00Z"}, {"end": "2026-10-31T00:00:00Z"}])
def test_historical_usage_is_of_the_scenarios_bill_interval(add, interval):
    answer = add(usage("good", historicalUsage=history()), usage("bad", historicalUsage=history(**interval)))
    assert [item["key"] for item in answer["items"]] == ["good"]
    (error,) = answer["errors"]
    assert (error["errorCode"], error["errorMessage"]) == (
        "BAD_REQUEST",
        "historicalUsage.billInterval must be 2026-10-01T00:00Z to 2026-11-01T00:00Z",
    )


def test_historical_usage_must_exist(add):
    missing = history(usageType="BoxUsage:none.large")
    answer = add(usage("known", historicalUsage=history()), usage("missing", historicalUsage=missing))
    assert [(error["key"], error["errorCode"]) for error in answer["errors"]] == [("missing", "NOT_FOUND")]


def test_a_batch_takes_25_entries(add, refused, calculator, scenario):
    call = calculator.batch_create_bill_scenario_usage_modification
    entries = [usage(f"u{number}") for number in range(26)]
    answer = refused(call, billScenarioId=scenario, usageModifications=entries)
    assert answer["fieldList"][0]["name"] == "usageModifications"


def test_a_scenario_takes_2000_usage_lines(monkeypatch, calculator, scenario, add, refused):
    monkeypatch.setattr("emulator.pricing_calculator.scenario_usage.USAGE_QUOTA", 30)
    add(*(usage(f"u{number}") for number in range(25)))
    call = calculator.batch_create_bill_scenario_usage_modification
    answer = refused(call, billScenarioId=scenario, usageModifications=[usage(f"v{number}") for number in range(6)])
    assert answer["code"] == "ServiceQuotaExceededException"


def test_usage_is_listed_25_at_a_time_and_filtered(calculator, scenario, add):
    add(*(usage(f"u{number}") for number in range(25)))
    add(usage("last", group="extra"))
    listed = calculator.list_bill_scenario_usage_modifications
    assert len(listed(billScenarioId=scenario)["items"]) == 25
    filtered = listed(billScenarioId=scenario, filters=[{"name": "USAGE_GROUP", "values": ["extra"]}])
    assert [item["group"] for item in filtered["items"]] == ["extra"]


def test_a_batch_sent_again_adds_nothing(calculator, scenario, add):
    first, second = (add(usage(), clientToken="t1") for _ in range(2))
    assert first["items"] == second["items"]
    assert len(calculator.list_bill_scenario_usage_modifications(billScenarioId=scenario)["items"]) == 1


def test_commitments_are_listed(calculator, scenario, commit):
    (made,) = commit(PLAN)["items"]
    (item,) = calculator.list_bill_scenario_commitment_modifications(billScenarioId=scenario)["items"]
    assert (item["id"], item["commitmentAction"]) == (made["id"], PLAN)


def test_a_commitment_of_a_strange_account_is_refused(commit):
    assert commit(PLAN, "999988887777")["errors"][0]["errorCode"] == "INVALID_ACCOUNT"


def test_a_commitment_that_the_organisation_does_not_have_cannot_be_negated(commit):
    assert commit({"negateSavingsPlanAction": {"savingsPlanId": NOWHERE}})["errors"][0]["errorCode"] == "CONFLICT"


@pytest.mark.parametrize(
    "plan",
    [
        {"commitment": 2.5},
        {"savingsPlanOfferingId": NOWHERE},
        {"savingsPlanOfferingId": NOWHERE, "commitment": 2.1234567},
    ],
    ids=["no offering", "no commitment", "too precise"],
)
def test_a_commitment_must_be_whole(calculator, scenario, refused, plan):
    entry = {"key": "c1", "usageAccountId": PAYER, "commitmentAction": {"addSavingsPlanAction": plan}}
    call = calculator.batch_create_bill_scenario_commitment_modification
    answer = refused(call, billScenarioId=scenario, commitmentModifications=[entry])
    assert "addSavingsPlanAction" in answer["fieldList"][0]["name"]
