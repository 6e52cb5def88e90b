"""Preferences of the Pricing Calculator: which rate types the accounts of an organisation may use."""

from __future__ import annotations

import pytest

PAYER, MEMBER, ALONE = "111122223333", "444455556666", "777788889999"
BEFORE, AFTER, COMMITTED = "BEFORE_DISCOUNTS", "AFTER_DISCOUNTS", "AFTER_DISCOUNTS_AND_COMMITMENTS"


@pytest.fixture
def member(client):
    return client("bcm-pricing-calculator", MEMBER)


@pytest.fixture
def alone(client):
    return client("bcm-pricing-calculator", ALONE)


def answered(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def test_members_start_with_public_prices(calculator):
    assert answered(calculator.get_preferences()) == {
        "managementAccountRateTypeSelections": [BEFORE, AFTER, COMMITTED],
        "memberAccountRateTypeSelections": [BEFORE],
        "standaloneAccountRateTypeSelections": [BEFORE, AFTER, COMMITTED],
    }


def test_an_update_replaces_what_it_has_and_keeps_the_rest(calculator):
    before = answered(calculator.get_preferences())
    updated = calculator.update_preferences(memberAccountRateTypeSelections=[AFTER, BEFORE, AFTER])
    expected = {**before, "memberAccountRateTypeSelections": [AFTER, BEFORE]}
    assert answered(updated) == answered(calculator.get_preferences()) == expected


def test_a_member_reads_its_organisations_preferences(calculator, member):
    calculator.update_preferences(memberAccountRateTypeSelections=[COMMITTED])
    assert answered(member.get_preferences()) == answered(calculator.get_preferences())


def test_a_member_cannot_update_them(member, refused):
    answer = refused(member.update_preferences, memberAccountRateTypeSelections=[AFTER])
    assert (answer["code"], answer["reason"]) == ("ValidationException", "invalidRequestFromMember")


def test_organisations_have_preferences_of_their_own(calculator, alone):
    calculator.update_preferences(standaloneAccountRateTypeSelections=[BEFORE])
    assert AFTER in alone.get_preferences()["standaloneAccountRateTypeSelections"]


@pytest.mark.parametrize("selection", [["PUBLIC"], [BEFORE] * 4])
def test_a_selection_has_at_most_three_known_rate_types(calculator, refused, selection):
    answer = refused(calculator.update_preferences, managementAccountRateTypeSelections=selection)
    assert answer["code"] == "ValidationException"


def test_a_members_rate_type_must_be_allowed(calculator, member, refused):
    answer = refused(member.create_workload_estimate, name="w", rateType=AFTER)
    assert (answer["code"], answer["reason"]) == ("ValidationException", "disallowedRate")
    calculator.update_preferences(memberAccountRateTypeSelections=[AFTER])
    assert member.create_workload_estimate(name="w", rateType=AFTER)["rateType"] == AFTER


@pytest.mark.parametrize(
    ("account", "selection"),
    [(PAYER, "managementAccountRateTypeSelections"), (ALONE, "standaloneAccountRateTypeSelections")],
)
def test_the_selection_of_the_accounts_own_kind_counts(client, refused, account, selection):
    calculator = client("bcm-pricing-calculator", account)
    calculator.update_preferences(**{selection: [COMMITTED]})
    answer = refused(calculator.create_workload_estimate, name="w", rateType=BEFORE)
    assert answer["reason"] == "disallowedRate"


@pytest.mark.parametrize(("selection", "rate_type"), [([AFTER, BEFORE], BEFORE), ([COMMITTED, AFTER], COMMITTED)])
def test_without_a_rate_type_it_is_public_prices_or_the_first_allowed(calculator, selection, rate_type):
    calculator.update_preferences(managementAccountRateTypeSelections=selection)
    assert calculator.create_workload_estimate(name="w")["rateType"] == rate_type


def test_estimates_whose_rate_type_is_withdrawn_are_invalid(calculator, refused):
    calculator.create_workload_estimate(name="w", rateType=AFTER)
    calculator.update_preferences(managementAccountRateTypeSelections=[BEFORE])
    (item,) = calculator.list_workload_estimates(filters=[{"name": "STATUS", "values": ["INVALID"]}])["items"]
    assert AFTER in item["failureMessage"]
