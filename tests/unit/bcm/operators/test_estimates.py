"""Bill scenarios and bill estimates, once, on the emulator."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.bcm.support import MEMBER, StateStore, a_context, a_usage, connection

from bcm.exceptions import (
    AwsRefusedError,
    AwsUnavailableError,
    BillScenarioUnusableError,
    ResourceVanishedError,
    ScenarioLockedError,
)
from bcm.operators.pricing_calculator import (
    BcmCreateBillEstimateOperator,
    BcmCreateBillScenarioOperator,
    BcmDeleteBillEstimateOperator,
    BcmDeleteBillScenarioOperator,
)
from emulator.server import Emulator

HOUR = 3600.0


@pytest.fixture
def scenario(calculator: Any) -> str:
    """A scenario with a modification."""
    identifier: str = calculator.create_bill_scenario(name="growth")["id"]
    calculator.batch_create_bill_scenario_usage_modification(billScenarioId=identifier, usageModifications=[a_usage()])
    return identifier


def estimate(scenario: str, context: Any = None, name: str = "growth", **kwargs: Any) -> str:
    """Run the operator as one try of a task."""
    operator = BcmCreateBillEstimateOperator(task_id="t", bill_scenario_id=scenario, name=name, **kwargs)
    return operator.execute(context or a_context(StateStore()))


def names(calculator: Any) -> list[str]:
    return sorted(item["name"] for item in calculator.list_bill_estimates()["items"])


def test_a_scenario_is_created_with_its_tags(emu: Emulator, calculator: Any) -> None:
    operator = BcmCreateBillScenarioOperator(task_id="t", name="growth", tags={"team": "finops"})
    identifier = operator.execute(a_context())
    assert calculator.get_bill_scenario(identifier=identifier)["name"] == "growth"
    (request,) = emu.requests(operation="CreateBillScenario")
    assert request["params"]["tags"] == {"team": "finops"}


@pytest.mark.parametrize("with_store", [True, False])
def test_a_cleared_task_finds_its_scenario_again(emu: Emulator, calculator: Any, with_store: bool) -> None:
    contexts = [a_context(StateStore() if with_store else None, try_number=number) for number in (1, 2)]
    if with_store:
        contexts[1]["task_state_store"] = contexts[0]["task_state_store"]
    first, second = (BcmCreateBillScenarioOperator(task_id="t", name="growth").execute(one) for one in contexts)
    assert first == second
    assert len(calculator.list_bill_scenarios()["items"]) == 1


@pytest.mark.parametrize("with_store", [True, False])
def test_a_cleared_task_finds_its_estimate_again(
    emu: Emulator, calculator: Any, scenario: str, with_store: bool
) -> None:
    store = StateStore() if with_store else None
    first = estimate(scenario, a_context(store, try_number=1))
    emu.clock.advance(13 * HOUR)
    second = estimate(scenario, a_context(store, try_number=2))
    assert first == second, "without a state store the client token must be replayed"
    assert names(calculator) == ["growth"]


def test_a_lost_answer_makes_one_estimate(emu: Emulator, calculator: Any, scenario: str) -> None:
    context = a_context(StateStore())
    emu.faults.add({"operation": "CreateBillEstimate", "drop_answer": True, "times": 1})
    with pytest.raises(AwsUnavailableError, match="CreateBillEstimate growth"):
        estimate(scenario, context)
    assert estimate(scenario, context) == calculator.list_bill_estimates()["items"][0]["id"]
    assert names(calculator) == ["growth"]


def test_a_lost_answer_makes_one_estimate_without_a_store_too(emu: Emulator, calculator: Any, scenario: str) -> None:
    emu.faults.add({"operation": "CreateBillEstimate", "drop_answer": True, "times": 1})
    with pytest.raises(AwsUnavailableError):
        estimate(scenario, a_context())
    assert estimate(scenario, a_context(try_number=2)) == calculator.list_bill_estimates()["items"][0]["id"]


def test_a_crash_between_creating_and_remembering_makes_one_estimate(
    emu: Emulator, calculator: Any, scenario: str
) -> None:
    store = StateStore()
    first = estimate(scenario, a_context(store))
    del store["bcm_bill_estimate"]["id"]
    emu.clock.advance(13 * HOUR)
    assert estimate(scenario, a_context(store, run_id="the token would be another one")) == first
    assert names(calculator) == ["growth"]


def test_the_intent_is_written_before_the_call(emu: Emulator, scenario: str) -> None:
    store = StateStore()
    emu.faults.add({"operation": "CreateBillEstimate", "error": {"code": "InternalServerException"}})
    with pytest.raises(AwsUnavailableError):
        estimate(scenario, a_context(store))
    assert store["bcm_bill_estimate"]["name"] == "growth"


def test_each_run_and_each_mapped_task_gets_its_own(emu: Emulator, calculator: Any, scenario: str) -> None:
    first = estimate(scenario, a_context(StateStore(), map_index=0), name="growth-0")
    emu.clock.advance(13 * HOUR)
    second = estimate(scenario, a_context(StateStore(), map_index=1), name="growth-1")
    assert first != second


def test_a_name_that_somebody_elses_estimate_has_is_one_sentence(emu: Emulator, calculator: Any, scenario: str) -> None:
    theirs = calculator.create_bill_estimate(billScenarioId=scenario, name="growth")["id"]
    emu.clock.advance(13 * HOUR)
    store = StateStore()
    for number in (1, 2):  # a retry must not take the other one for its own either
        with pytest.raises(AwsRefusedError, match=f"name: .*'growth' exists already .{theirs}.*another name"):
            estimate(scenario, a_context(store, try_number=number))
    assert names(calculator) == ["growth"]


def test_a_try_that_dies_before_the_refusal_does_not_adopt_somebody_elses_estimate(
    emu: Emulator, calculator: Any, scenario: str
) -> None:
    calculator.create_bill_estimate(billScenarioId=scenario, name="growth")
    emu.clock.advance(13 * HOUR)
    store = StateStore()
    emu.faults.add({"operation": "CreateBillEstimate", "times": 1, "error": {"code": "InternalServerException"}})
    with pytest.raises(AwsUnavailableError):
        estimate(scenario, a_context(store))
    with pytest.raises(AwsRefusedError, match="exists already"):
        estimate(scenario, a_context(store, try_number=2))


def test_an_estimate_that_only_its_token_tells_is_remembered(emu: Emulator, calculator: Any, scenario: str) -> None:
    first = estimate(scenario, a_context())
    emu.clock.advance(13 * HOUR)
    store = StateStore()
    assert estimate(scenario, a_context(store, try_number=2)) == first
    assert store["bcm_bill_estimate"]["id"] == first
    assert estimate(scenario, a_context(store, try_number=3)) == first
    assert len(emu.requests(operation="CreateBillEstimate")) == 2, "the third try knows the id"


def test_after_a_failed_estimate_the_next_one_is_numbered(emu: Emulator, calculator: Any, scenario: str) -> None:
    emu.faults.add({"estimate": {"failure_message": "no luck"}, "times": 2})
    store = StateStore()
    made = []
    for number in (1, 2, 3, 4):
        made.append(estimate(scenario, a_context(store, try_number=number)))
        emu.clock.advance(13 * HOUR)
    assert names(calculator) == ["growth", "growth-2", "growth-3"]
    assert made[2] == made[3], "the third one succeeded and is kept"
    assert len(set(made)) == 3


def test_an_estimate_that_was_deleted_is_not_returned(emu: Emulator, calculator: Any, scenario: str) -> None:
    store = StateStore()
    first = estimate(scenario, a_context(store))
    emu.clock.advance(13 * HOUR)
    calculator.delete_bill_estimate(identifier=first)
    emu.faults.add({"operation": "CreateBillEstimate", "times": 1, "error": {"code": "AccessDeniedException"}})
    with pytest.raises(AwsRefusedError):
        estimate(scenario, a_context(store, try_number=2))
    again = estimate(scenario, a_context(store, try_number=2))
    assert calculator.get_bill_estimate(identifier=again)["name"] == "growth"
    assert estimate(scenario, a_context(store, try_number=3)) == again


def test_a_changed_request_is_not_answered_with_the_old_estimate(emu: Emulator, calculator: Any, scenario: str) -> None:
    store = StateStore()
    first = estimate(scenario, a_context(store))
    emu.clock.advance(13 * HOUR)
    assert estimate(scenario, a_context(store, try_number=2), name="other") != first


def test_a_run_that_is_cleared_after_its_scenario_went_stale_numbers_its_second_estimate(
    emu: Emulator, calculator: Any, scenario: str
) -> None:
    store = StateStore()
    first = estimate(scenario, a_context(store))
    emu.clock.advance(13 * HOUR)
    renewed = calculator.create_bill_scenario(name="growth-2")["id"]
    second = estimate(renewed, a_context(store, try_number=2))
    assert second != first
    assert names(calculator) == ["growth", "growth-2"]
    assert estimate(renewed, a_context(store, try_number=3)) == second


def test_a_locked_scenario_is_said_to_be_free_later(emu: Emulator, calculator: Any, scenario: str) -> None:
    calculator.create_bill_estimate(billScenarioId=scenario, name="first")
    with pytest.raises(ScenarioLockedError, match=r"growth.*LOCKED.*try again"):
        estimate(scenario, name="second")


def test_a_stale_scenario_needs_a_new_one(emu: Emulator, calculator: Any, scenario: str) -> None:
    emu.clock.advance(40 * 24 * HOUR)
    with pytest.raises(BillScenarioUnusableError, match=r"STALE.*end of the month.*clear the task"):
        estimate(scenario)
    assert names(calculator) == []


def test_a_stale_scenario_of_the_same_name_is_left_and_a_new_one_is_numbered(emu: Emulator, calculator: Any) -> None:
    store = StateStore()
    create = BcmCreateBillScenarioOperator(task_id="t", name="growth")
    first = create.execute(a_context(store))
    emu.clock.advance(40 * 24 * HOUR)
    second = create.execute(a_context(store, try_number=2))
    assert calculator.get_bill_scenario(identifier=second)["name"] == "growth-2"
    assert calculator.get_bill_scenario(identifier=first)["status"] == "STALE"


def test_a_scenario_that_does_not_exist_is_named(emu: Emulator) -> None:
    missing = "11111111-2222-3333-4444-555555555555"
    with pytest.raises(ResourceVanishedError, match=f"bill_scenario_id: .*{missing} does not exist"):
        estimate(missing)


def test_a_member_account_is_refused_with_what_aws_says(emu: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_AWS_MEMBER", connection(emu.url, MEMBER))
    operator = BcmCreateBillScenarioOperator(task_id="t", name="growth", aws_conn_id="aws_member")
    with pytest.raises(AwsRefusedError, match=r"CreateBillScenario growth|ListBillScenarios"):
        operator.execute(a_context())


@pytest.mark.parametrize("kind", ["estimate", "scenario"])
def test_deleting_twice_is_deleting_once(emu: Emulator, calculator: Any, scenario: str, kind: str) -> None:
    if kind == "estimate":
        identifier = estimate(scenario)
        emu.clock.advance(13 * HOUR)
        operator: Any = BcmDeleteBillEstimateOperator(task_id="t", bill_estimate_id=identifier)
    else:
        operator = BcmDeleteBillScenarioOperator(task_id="t", bill_scenario_id=scenario)
    for _ in range(2):
        operator.execute(a_context())
    assert getattr(calculator, f"list_bill_{kind}s")()["items"] == []
