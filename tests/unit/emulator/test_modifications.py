"""Usage and commitments in bill scenarios, batch by batch."""

from __future__ import annotations

from datetime import date

import pytest

from emulator.organisation import Organisation

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


def test_a_stale_scenario_takes_no_usage(emulator, calculator, scenario, refused):
    emulator.clock.advance(11 * DAY)
    call = calculator.batch_create_bill_scenario_usage_modification
    answer = refused(call, billScenarioId=scenario, usageModifications=[usage()])
    assert answer["code"] == "ValidationException"


def test_usage_gets_an_id_and_the_prices_unit(calculator, scenario, add):
    (item,) = add(usage())["items"]
    assert (item["key"], item["quantities"][0]["unit"], item["quantities"][0]["amount"]) == ("u1", "Hrs", 744.0)
    assert item["location"] == "US East (N. Virginia)"
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


def test_usage_is_updated(calculator, scenario, add):
    first, second = add(usage("a", group="web"), usage("b"))["items"]
    amounts = [{"startHour": "2026-10-02T00:00:00Z", "amount": 1.5}]
    answer = calculator.batch_update_bill_scenario_usage_modification(
        billScenarioId=scenario,
        usageModifications=[{"id": first["id"], "amounts": amounts}, {"id": second["id"], "group": "db"}],
    )
    assert answer["errors"] == []
    shown = [(item["group"], item["quantities"][0]["amount"]) for item in answer["items"]]
    assert shown == [("web", 1.5), ("db", 744.0)]
    assert calculator.list_bill_scenario_usage_modifications(billScenarioId=scenario)["items"] == answer["items"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"id": NOWHERE}, "NOT_FOUND"),
        ({"amounts": []}, "BAD_REQUEST"),
        ({"amounts": [{"startHour": "2026-11-01T00:00:00Z", "amount": 1.0}]}, "BAD_REQUEST"),
    ],
)
def test_an_update_fails_by_entry(calculator, scenario, add, change, code):
    good, bad = (item["id"] for item in add(usage("a"), usage("b"))["items"])
    answer = calculator.batch_update_bill_scenario_usage_modification(
        billScenarioId=scenario, usageModifications=[{"id": good, "group": "g"}, {"id": bad, "group": "g", **change}]
    )
    assert [item["id"] for item in answer["items"]] == [good]
    assert [error["errorCode"] for error in answer["errors"]] == [code]
    listed = calculator.list_bill_scenario_usage_modifications(billScenarioId=scenario)["items"]
    assert [item.get("group") for item in listed] == ["g", None]


def test_usage_is_deleted(calculator, scenario, add):
    first, second = (item["id"] for item in add(usage("a"), usage("b"))["items"])
    answer = calculator.batch_delete_bill_scenario_usage_modification(
        billScenarioId=scenario, ids=[first, NOWHERE, first]
    )
    assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == [
        (NOWHERE, "BAD_REQUEST"),
        (first, "CONFLICT"),
    ]
    listed = calculator.list_bill_scenario_usage_modifications(billScenarioId=scenario)["items"]
    assert [item["id"] for item in listed] == [second]


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


def test_the_group_of_a_commitment_is_updated(calculator, scenario, commit):
    (made,) = commit(PLAN)["items"]
    answer = calculator.batch_update_bill_scenario_commitment_modification(
        billScenarioId=scenario, commitmentModifications=[{"id": made["id"], "group": "g"}, {"id": NOWHERE}]
    )
    assert [(item["group"], item["commitmentAction"]) for item in answer["items"]] == [("g", PLAN)]
    assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == [(NOWHERE, "NOT_FOUND")]


def test_a_commitment_is_deleted(calculator, scenario, commit):
    (made,) = commit(PLAN)["items"]
    answer = calculator.batch_delete_bill_scenario_commitment_modification(
        billScenarioId=scenario, ids=[made["id"], NOWHERE]
    )
    assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == [(NOWHERE, "BAD_REQUEST")]
    assert calculator.list_bill_scenario_commitment_modifications(billScenarioId=scenario)["items"] == []


def test_a_commitment_of_a_strange_account_is_refused(commit):
    assert commit(PLAN, "999988887777")["errors"][0]["errorCode"] == "INVALID_ACCOUNT"


def test_a_commitment_that_the_organisation_does_not_have_cannot_be_negated(commit):
    assert commit({"negateSavingsPlanAction": {"savingsPlanId": NOWHERE}})["errors"][0]["errorCode"] == "CONFLICT"


def test_a_commitment_is_negated_in_the_account_that_owns_it(commit):
    plan = Organisation(7, PAYER, [MEMBER], 500).fleet.commitments[0].id(7, date(2026, 10, 1))
    action = {"negateSavingsPlanAction": {"savingsPlanId": plan}}
    refused, taken, again = (commit(action, account) for account in (MEMBER, PAYER, PAYER))
    assert [error["errorCode"] for error in refused["errors"]] == ["INVALID_ACCOUNT"], "a plan of another account"
    assert [item["usageAccountId"] for item in taken["items"]] == [PAYER]
    assert [error["errorCode"] for error in again["errors"]] == ["CONFLICT"]


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
