"""BcmModifyBillScenarioOperator: batches, partial errors and half-done tries."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.bcm.support import PAYER, StateStore, a_context, a_usage

from bcm import modifications
from bcm.exceptions import (
    AwsUnavailableError,
    BillScenarioUnusableError,
    ModificationsRefusedError,
    ResourceVanishedError,
)
from bcm.modifications import TRIES
from bcm.operators.pricing_calculator import BcmModifyBillScenarioOperator
from emulator.server import Emulator

SCENARIO = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def scenario(calculator: Any) -> str:
    identifier: str = calculator.create_bill_scenario(name="growth")["id"]
    return identifier


def modify(
    scenario: str, usage: Any = None, commitments: Any = None, store: StateStore | None = None, **ti: Any
) -> dict[str, int]:
    operator = BcmModifyBillScenarioOperator(
        task_id="t", bill_scenario_id=scenario, usage_modifications=usage, commitment_modifications=commitments
    )
    return operator.execute(a_context(store, **ti))


def stored(calculator: Any, scenario: str) -> list[dict[str, Any]]:
    pages = calculator.get_paginator("list_bill_scenario_usage_modifications").paginate(billScenarioId=scenario)
    return [item for page in pages for item in page["items"]]


def batches(emu: Emulator) -> list[int]:
    sent = emu.requests(operation="BatchCreateBillScenarioUsageModification")
    return [len(one["params"]["usageModifications"]) for one in sent]


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Pauses cost nothing; gives the pauses that were made."""
    made: list[float] = []
    monkeypatch.setattr(modifications, "time", SimpleNamespace(sleep=made.append))
    return made


def test_entries_go_in_batches_of_25(emu: Emulator, calculator: Any, scenario: str) -> None:
    assert modify(scenario, [a_usage(number) for number in range(1, 61)])["usage_modifications"] == 60
    assert batches(emu) == [25, 25, 10]
    assert len(stored(calculator, scenario)) == 60


def test_a_retry_adds_only_what_is_missing(emu: Emulator, calculator: Any, scenario: str) -> None:
    entries = [a_usage(number) for number in range(1, 61)]
    emu.faults.add(
        {
            "operation": "BatchCreateBillScenarioUsageModification",
            "skip": 1,
            "times": 1,
            "error": {"code": "InternalServerException"},
        }
    )
    with pytest.raises(AwsUnavailableError):
        modify(scenario, entries)
    assert modify(scenario, entries, try_number=2)["usage_modifications"] == 60
    assert sorted(item["group"] for item in stored(calculator, scenario)) == sorted(one["group"] for one in entries)


def test_a_lost_answer_adds_nothing_twice(emu: Emulator, calculator: Any, scenario: str) -> None:
    emu.faults.add({"operation": "BatchCreateBillScenarioUsageModification", "drop_answer": True, "times": 1})
    with pytest.raises(AwsUnavailableError):
        modify(scenario, [a_usage()])
    modify(scenario, [a_usage()], try_number=2)
    assert len(stored(calculator, scenario)) == 1


def test_a_retry_with_other_entries_is_refused(emu: Emulator, calculator: Any, scenario: str) -> None:
    store = StateStore()
    modify(scenario, [a_usage(1)], store=store)
    amounts = [{"startHour": "2026-10-01T00:00:00Z", "amount": 20.0}]
    for number in (2, 3):
        with pytest.raises(ModificationsRefusedError, match=rf"scenario {scenario} was filled .*Trigger a new run"):
            modify(scenario, [a_usage(1, amounts=amounts), a_usage(2)], store=store, try_number=number)
    assert len(stored(calculator, scenario)) == 1, "nothing is added to what will not be estimated"
    assert modify(scenario, [a_usage(1)], store=store, try_number=4)["usage_modifications"] == 1


def test_another_scenario_takes_other_entries(emu: Emulator, calculator: Any, scenario: str) -> None:
    store = StateStore()
    modify(scenario, [a_usage(1)], store=store)
    renewed = calculator.create_bill_scenario(name="growth-2")["id"]
    assert modify(renewed, [a_usage(2)], store=store, try_number=2)["usage_modifications"] == 1


def test_two_tasks_may_fill_one_scenario(emu: Emulator, calculator: Any, scenario: str) -> None:
    modify(scenario, [a_usage(1)], store=StateStore())
    assert modify(scenario, [a_usage(2)], store=StateStore())["usage_modifications"] == 2


def test_entries_that_aws_refuses_are_listed_with_key_and_reason(emu: Emulator, calculator: Any, scenario: str) -> None:
    entries = [a_usage(1), a_usage(2, usageType="NoSuchUsage:m9.large"), a_usage(3, serviceCode="NoSuchService")]
    with pytest.raises(ModificationsRefusedError, match=r"AWS refused 2: u0002: \w+: .+; u0003: \w+: .+"):
        modify(scenario, entries)
    assert [item["group"] for item in stored(calculator, scenario)] == ["g1"], "the good ones are in"


def test_two_entries_that_say_the_same_are_refused_before_anything_is_sent(emu: Emulator, scenario: str) -> None:
    with pytest.raises(ModificationsRefusedError, match=r"usage_modifications: 1 entries .*different groups"):
        modify(scenario, [a_usage(1), a_usage(1, key="u0002")])
    assert batches(emu) == []


def test_commitments_are_added_once(emu: Emulator, calculator: Any, scenario: str) -> None:
    plan = {"savingsPlanOfferingId": "00000000-1111-2222-3333-444444444444", "commitment": 2.5}
    entry = {"key": "c0001", "usageAccountId": PAYER, "commitmentAction": {"addSavingsPlanAction": plan}}
    for number in (1, 2):
        assert modify(scenario, commitments=[entry], try_number=number)["commitment_modifications"] == 1
    items = calculator.list_bill_scenario_commitment_modifications(billScenarioId=scenario)["items"]
    assert [item["commitmentAction"]["addSavingsPlanAction"]["commitment"] for item in items] == [2.5]


@pytest.mark.parametrize("nothing", [None, []])
def test_nothing_to_add_is_nothing_sent(emu: Emulator, scenario: str, nothing: Any) -> None:
    assert modify(scenario, nothing, nothing) == {"usage_modifications": 0, "commitment_modifications": 0}
    assert batches(emu) == []


def test_a_stale_scenario_takes_nothing(emu: Emulator, scenario: str) -> None:
    emu.clock.advance(40 * 24 * 3600.0)
    with pytest.raises(BillScenarioUnusableError, match="STALE"):
        modify(scenario, [a_usage()])


def test_a_scenario_that_does_not_exist_is_named(emu: Emulator) -> None:
    with pytest.raises(ResourceVanishedError, match=SCENARIO):
        modify(SCENARIO, [a_usage()])


class Client:
    """Answers each batch by what ``answer`` says of an entry's key: an error code, or None for taken."""

    def __init__(self, answer: Callable[[str, int], str | None]) -> None:
        self.answer = answer
        self.tokens: list[str] = []
        self.sent: list[list[str]] = []

    def batch_create_bill_scenario_usage_modification(self, **request: Any) -> dict[str, Any]:
        keys = [entry["key"] for entry in request["usageModifications"]]
        self.sent.append(keys)
        self.tokens.append(request["clientToken"])
        codes = {key: self.answer(key, len(self.sent)) for key in keys}
        return {
            "items": [{"key": key} for key, code in codes.items() if code is None],
            "errors": [
                {"key": key, "errorCode": code, "errorMessage": "so it is"} for key, code in codes.items() if code
            ],
        }


class Hook:
    """A hook around a client that partly fails."""

    conn_region_name, conn_partition = "us-east-1", "aws"

    def __init__(self, client: Client) -> None:
        self.conn = client

    def check_account(self, expected: str | None) -> None:
        """Any account will do."""

    def get_or_none(self, kind: str, identifier: str) -> dict[str, Any]:
        return {"id": identifier, "status": "READY"}

    def list_modifications(self, kind: str, scenario_id: str) -> list[dict[str, Any]]:
        return []


def modify_with(client: Client, entries: list[dict[str, Any]]) -> dict[str, int]:
    operator = BcmModifyBillScenarioOperator(task_id="t", bill_scenario_id=SCENARIO, usage_modifications=entries)
    operator.__dict__["hook"] = Hook(client)
    return operator.execute(a_context())


@pytest.mark.parametrize("code", ["INTERNAL_SERVER_ERROR", "CONFLICT"])
def test_entries_with_a_passing_fault_are_sent_again_alone(code: str, pauses: list[float]) -> None:
    client = Client(lambda key, call: code if key == "u0002" and call < 3 else None)
    modify_with(client, [a_usage(1), a_usage(2), a_usage(3)])
    assert client.sent == [["u0001", "u0002", "u0003"], ["u0002"], ["u0002"]]
    assert len(set(client.tokens)) == 3, "a replayed token would be answered with the old errors"
    assert pauses == sorted(pauses)


def test_a_fault_that_does_not_pass_ends_in_an_error_that_a_retry_may_mend() -> None:
    client = Client(lambda key, call: "INTERNAL_SERVER_ERROR")
    with pytest.raises(AwsUnavailableError, match=r"u0001.*5 tries"):
        modify_with(client, [a_usage(1)])
    assert len(client.sent) == TRIES


def test_refused_entries_of_all_batches_are_listed_together() -> None:
    client = Client(lambda key, call: "BAD_REQUEST" if key in ("u0001", "u0030") else None)
    with pytest.raises(ModificationsRefusedError, match=r"refused 2: u0001: BAD_REQUEST: so it is; u0030: BAD_REQ"):
        modify_with(client, [a_usage(number) for number in range(1, 31)])
