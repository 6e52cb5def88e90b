"""Bill scenarios: their month, their names, their lists."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

PAYER, MEMBER = "111122223333", "444455556666"
DAY = 86400
NOWHERE = "11111111-1111-1111-1111-111111111111"
CATEGORY = f"arn:aws:ce::{PAYER}:costcategory/{NOWHERE}"


@pytest.fixture
def scenario(calculator):
    return calculator.create_bill_scenario(name="growth")["id"]


def test_a_scenario_is_about_the_last_complete_month(calculator, scenario):
    interval = calculator.get_bill_scenario(identifier=scenario)["billInterval"]
    assert interval == {"start": datetime(2026, 10, 1, tzinfo=UTC), "end": datetime(2026, 11, 1, tzinfo=UTC)}


def test_a_scenario_is_ready_at_once(calculator, scenario):
    assert calculator.get_bill_scenario(identifier=scenario)["status"] == "READY"


def test_a_scenario_is_stale_after_its_month(emulator, calculator, scenario):
    emulator.clock.advance(11 * DAY)
    assert calculator.get_bill_scenario(identifier=scenario)["status"] == "STALE"


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
    answer = refused(calculator.create_bill_scenario, name="a", costCategoryGroupSharingPreferenceArn=CATEGORY)
    assert answer["code"] == "ValidationException"


def test_discounts_are_shared_openly_unless_told_otherwise(calculator, scenario):
    assert calculator.get_bill_scenario(identifier=scenario)["groupSharingPreference"] == "OPEN"


def test_a_scenario_gets_another_name_expiry_and_sharing(calculator, scenario):
    calculator.update_bill_scenario(
        identifier=scenario,
        name="shrinkage",
        expiresAt="2027-01-01T00:00:00Z",
        groupSharingPreference="RESTRICTED",
        costCategoryGroupSharingPreferenceArn=CATEGORY,
    )
    shown = calculator.get_bill_scenario(identifier=scenario)
    assert (shown["name"], shown["expiresAt"]) == ("shrinkage", datetime(2027, 1, 1, tzinfo=UTC))
    assert (shown["groupSharingPreference"], shown["costCategoryGroupSharingPreferenceArn"]) == (
        "RESTRICTED",
        CATEGORY,
    )
    calculator.create_bill_scenario(name="growth")


def test_open_sharing_has_no_cost_category(calculator):
    scenario = calculator.create_bill_scenario(
        name="a", groupSharingPreference="PRIORITIZED", costCategoryGroupSharingPreferenceArn=CATEGORY
    )
    answer = calculator.update_bill_scenario(identifier=scenario["id"], groupSharingPreference="OPEN")
    assert "costCategoryGroupSharingPreferenceArn" not in answer


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "taken"}, "ConflictException"),
        ({"expiresAt": "2026-11-19T00:00:00Z"}, "ValidationException"),
        ({"costCategoryGroupSharingPreferenceArn": CATEGORY}, "ValidationException"),
    ],
)
def test_a_refused_update_changes_nothing(calculator, scenario, refused, change, code):
    calculator.create_bill_scenario(name="taken")
    before = calculator.get_bill_scenario(identifier=scenario)
    change = {"name": "other", "groupSharingPreference": "OPEN", **change}
    assert refused(calculator.update_bill_scenario, identifier=scenario, **change)["code"] == code
    after = calculator.get_bill_scenario(identifier=scenario)
    assert {**after, "ResponseMetadata": None} == {**before, "ResponseMetadata": None}


def test_an_update_can_let_a_scenario_expire_earlier(emulator, calculator, scenario, refused):
    calculator.update_bill_scenario(identifier=scenario, expiresAt="2026-11-20T07:00:00Z")
    emulator.clock.advance(3600)
    assert refused(calculator.get_bill_scenario, identifier=scenario)["code"] == "ResourceNotFoundException"
    assert calculator.list_bill_scenarios()["items"] == []
    calculator.create_bill_scenario(name="growth")


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


def test_scenarios_are_filtered_by_status_and_sharing(emulator, calculator, scenario):
    emulator.clock.advance(11 * DAY)
    calculator.create_bill_scenario(name="fresh", groupSharingPreference="RESTRICTED")
    for name, value, found in (
        ("STATUS", "STALE", "growth"),
        ("STATUS", "READY", "fresh"),
        ("GROUP_SHARING_PREFERENCE", "RESTRICTED", "fresh"),
    ):
        listed = calculator.list_bill_scenarios(filters=[{"name": name, "values": [value]}])
        assert [item["name"] for item in listed["items"]] == [found]


def test_scenarios_are_filtered_by_expiry(calculator, scenario):
    calculator.create_bill_scenario(name="short")
    (short,) = calculator.list_bill_scenarios(filters=[{"name": "NAME", "values": ["short"]}])["items"]
    calculator.update_bill_scenario(identifier=short["id"], expiresAt="2026-12-01T00:00:00Z")
    listed = calculator.list_bill_scenarios(expiresAtFilter={"beforeTimestamp": "2027-01-01T00:00:00Z"})
    assert [item["name"] for item in listed["items"]] == ["short"]


def test_pages_miss_nothing_while_scenarios_go(calculator):
    made = [calculator.create_bill_scenario(name=f"s{number}")["id"] for number in range(5)]
    first = calculator.list_bill_scenarios(maxResults=2)
    calculator.delete_bill_scenario(identifier=made[0])
    second = calculator.list_bill_scenarios(maxResults=2, nextToken=first["nextToken"])
    third = calculator.list_bill_scenarios(maxResults=2, nextToken=second["nextToken"])
    assert [item["name"] for page in (first, second, third) for item in page["items"]] == [
        f"s{number}" for number in range(5)
    ]
    assert "nextToken" not in third


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param({"nextToken": "bogus"}, id="not a token"),
        pytest.param({"filters": [{"name": "STATUS", "values": ["READY"]}]}, id="other filters"),
    ],
)
def test_a_token_that_is_not_this_lists_is_refused(calculator, refused, asked):
    for number in range(2):
        calculator.create_bill_scenario(name=f"s{number}")
    token = calculator.list_bill_scenarios(maxResults=1)["nextToken"]
    answer = refused(calculator.list_bill_scenarios, **{"nextToken": token, **asked})
    assert answer["fieldList"][0]["name"] == "nextToken"


def test_a_newborn_scenario_can_be_hidden(emulator, calculator, scenario, refused):
    emulator.faults.add({"operation": "GetBillScenario", "hide_seconds": 60})
    assert refused(calculator.get_bill_scenario, identifier=scenario)["code"] == "ResourceNotFoundException"
    emulator.clock.advance(60)
    assert calculator.get_bill_scenario(identifier=scenario)["name"] == "growth"


def test_a_standalone_account_has_scenarios_of_its_own(client, calculator, scenario, refused):
    alone = client("bcm-pricing-calculator", "777788889999")
    assert refused(alone.get_bill_scenario, identifier=scenario)["code"] == "ResourceNotFoundException"
    alone.create_bill_scenario(name="growth")
    assert len(calculator.list_bill_scenarios()["items"]) == 1


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("create_bill_scenario", {"name": "a"}),
        ("list_bill_scenarios", {}),
        ("get_bill_scenario", {"identifier": NOWHERE}),
        ("update_bill_scenario", {"identifier": NOWHERE}),
        ("delete_bill_estimate", {"identifier": NOWHERE}),
        ("list_bill_estimate_commitments", {"billEstimateId": NOWHERE}),
        ("batch_delete_bill_scenario_usage_modification", {"billScenarioId": NOWHERE, "ids": [NOWHERE]}),
        ("create_bill_estimate", {"name": "a", "billScenarioId": NOWHERE}),
    ],
)
def test_member_accounts_are_refused(client, refused, operation, params):
    answer = refused(getattr(client("bcm-pricing-calculator", MEMBER), operation), **params)
    assert (answer["code"], answer["reason"]) == ("ValidationException", "invalidRequestFromMember")


def test_a_hidden_resource_is_not_deleted_by_its_id(emulator, calculator, scenario):
    workload = calculator.create_workload_estimate(name="hidden")["id"]
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="hidden")["id"]
    for operation in ("DeleteBillScenario", "DeleteBillEstimate", "DeleteWorkloadEstimate"):
        emulator.faults.add({"operation": operation, "hide_seconds": 60})
    calculator.delete_bill_scenario(identifier=scenario)
    calculator.delete_bill_estimate(identifier=estimate)
    calculator.delete_workload_estimate(identifier=workload)
    for list_them in (
        calculator.list_bill_scenarios,
        calculator.list_bill_estimates,
        calculator.list_workload_estimates,
    ):
        assert len(list_them()["items"]) == 1, "what is not found by its id was deleted by it"
