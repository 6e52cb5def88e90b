"""Tags of the Pricing Calculator's resources."""

from __future__ import annotations

import pytest

PAYER, MEMBER = "111122223333", "444455556666"
NOWHERE = "11111111-1111-1111-1111-111111111111"


def arn(kind, identifier, account=PAYER, region="us-east-1"):
    return f"arn:aws:bcm-pricing-calculator:{region}:{account}:{kind}/{identifier}"


def make_scenario(calculator, **more):
    return calculator.create_bill_scenario(name="s", **more)["id"]


def make_estimate(calculator, **more):
    return calculator.create_bill_estimate(name="e", billScenarioId=make_scenario(calculator), **more)["id"]


def make_workload(calculator, **more):
    return calculator.create_workload_estimate(name="w", **more)["id"]


KINDS = [
    pytest.param("bill-scenario", make_scenario, id="scenario"),
    pytest.param("bill-estimate", make_estimate, id="estimate"),
    pytest.param("workload-estimate", make_workload, id="workload estimate"),
]


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_the_tags_of_a_create_are_there(calculator, kind, make):
    resource = arn(kind, make(calculator, tags={"team": "finops"}))
    assert calculator.list_tags_for_resource(arn=resource)["tags"] == {"team": "finops"}


@pytest.mark.parametrize(("kind", "make"), KINDS)
def test_tags_are_added_changed_and_taken_off(calculator, kind, make):
    resource = arn(kind, make(calculator, tags={"team": "finops", "old": "1"}))
    calculator.tag_resource(arn=resource, tags={"team": "platform", "new": ""})
    calculator.untag_resource(arn=resource, tagKeys=["old", "never-there"])
    assert calculator.list_tags_for_resource(arn=resource)["tags"] == {"team": "platform", "new": ""}


def test_a_resource_without_tags_has_an_empty_map(calculator):
    assert calculator.list_tags_for_resource(arn=arn("bill-scenario", make_scenario(calculator)))["tags"] == {}


def test_an_arn_without_a_region_is_understood(calculator):
    resource = arn("bill-scenario", make_scenario(calculator), region="")
    calculator.tag_resource(arn=resource, tags={"a": "b"})
    assert calculator.list_tags_for_resource(arn=resource)["tags"] == {"a": "b"}


@pytest.mark.parametrize("kind", ["bill-scenario", "bill-estimate", "workload-estimate", "bill"])
def test_what_is_not_there_has_no_tags(calculator, refused, kind):
    for call, more in (
        (calculator.list_tags_for_resource, {}),
        (calculator.tag_resource, {"tags": {"a": "b"}}),
        (calculator.untag_resource, {"tagKeys": ["a"]}),
    ):
        assert refused(call, arn=arn(kind, NOWHERE), **more)["code"] == "ResourceNotFoundException"


def test_another_accounts_resource_is_not_there(calculator, client, refused):
    scenario = make_scenario(calculator)
    other = client("bcm-pricing-calculator", "777788889999")
    for account in (PAYER, "777788889999"):
        answer = refused(other.list_tags_for_resource, arn=arn("bill-scenario", scenario, account))
        assert answer["code"] == "ResourceNotFoundException"


def test_a_member_tags_its_workload_estimate(client):
    member = client("bcm-pricing-calculator", MEMBER)
    resource = arn("workload-estimate", make_workload(member), MEMBER)
    member.tag_resource(arn=resource, tags={"a": "b"})
    assert member.list_tags_for_resource(arn=resource)["tags"] == {"a": "b"}


def test_aws_keeps_a_prefix_for_itself(calculator, refused):
    answer = refused(calculator.create_bill_scenario, name="s", tags={"aws:created": "x", "b": "c"})
    assert (answer["code"], answer["fieldList"][0]["name"]) == ("ValidationException", "tags.aws:created")


def test_a_resource_takes_200_tags(calculator, refused):
    resource = arn("bill-scenario", make_scenario(calculator, tags={f"k{number}": "" for number in range(200)}))
    calculator.tag_resource(arn=resource, tags={"k0": "again"})
    assert refused(calculator.tag_resource, arn=resource, tags={"k200": ""})["code"] == "ServiceQuotaExceededException"


def test_a_newborn_resource_can_be_hidden(emulator, calculator, refused):
    resource = arn("bill-scenario", make_scenario(calculator))
    emulator.faults.add({"operation": "TagResource", "hide_seconds": 60})
    assert refused(calculator.tag_resource, arn=resource, tags={"a": "b"})["code"] == "ResourceNotFoundException"
    emulator.clock.advance(61)
    calculator.tag_resource(arn=resource, tags={"a": "b"})
