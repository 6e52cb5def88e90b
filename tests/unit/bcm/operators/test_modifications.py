"""BcmModifyBillScenarioOperator: batches, partial errors and half-done tries."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.bcm.support import PAYER, a_context, a_usage

from bcm import modifications
from bcm.exceptions import (
    AwsUnavailableError,
    BillScenarioUnusableError,
    ModificationsRefusedError,
    ResourceVanishedError,
)
from bcm.modifications import TRIES, missing
from bcm.operators.pricing_calculator import BcmModifyBillScenarioOperator
from emulator.server import Emulator

SCENARIO = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def scenario(calculator: Any) -> str:
    identifier: str = calculator.create_bill_scenario(name="growth")["id"]
    return identifier


def modify(scenario: str, usage: Any = None, commitments: Any = None, **ti: Any) -> dict[str, int]:
    operator = BcmModifyBillScenarioOperator(
        task_id="t", bill_scenario_id=scenario, usage_modifications=usage, commitment_modifications=commitments
    )
    return operator.execute(a_context(**ti))


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


def amount(hour: str, number: float) -> dict[str, Any]:
    return {"startHour": hour, "amount": number}


OCTOBER = "2026-10-01T00:00:00Z"
HISTORY = {
    "serviceCode": "AmazonEC2",
    "usageType": "BoxUsage:m5.large",
    "operation": "RunInstances",
    "usageAccountId": PAYER,
    "billInterval": {"start": OCTOBER, "end": "2026-11-01T00:00:00Z"},
    "filterExpression": {"costCategories": {"key": "team", "values": ["a"]}},
}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"amounts": [amount(OCTOBER, 20.0)]}, r"u0001: amount 10 -> 20 from 2026-10-01 00:00"),
        ({"amounts": [amount("2026-10-02T00:00:00Z", 10.0)]}, "u0001: amount 10 -> 0 from 2026-10-01 00:00, amount 0"),
        ({"amounts": [amount(OCTOBER, 10.0), amount("2026-10-01T01:00:00Z", 1)]}, "u0001: amount 0 -> 1 from .* 01:00"),
        ({"group": "other"}, rf"AmazonEC2 BoxUsage:m5.large RunInstances {PAYER} g1 is not wanted"),
    ],
    ids=["amount", "hour", "one more hour", "group"],
)
def test_a_scenario_that_an_earlier_try_filled_with_other_entries_is_refused(
    emu: Emulator, calculator: Any, scenario: str, change: dict[str, Any], said: str
) -> None:
    modify(scenario, [a_usage(1)])
    with pytest.raises(ModificationsRefusedError, match=rf"scenario {scenario} was filled .*{said}.*Trigger a new run"):
        modify(scenario, [a_usage(1, **change), a_usage(2)], try_number=2)
    assert len(stored(calculator, scenario)) == 1, "nothing is added to what will not be estimated"


@pytest.mark.parametrize(
    "hour", ["2026-10-01T02:00:00+02:00", "2026-10-01T00:00:00", datetime(2026, 10, 1, tzinfo=UTC)]
)
def test_the_same_amount_in_other_words_is_no_difference(emu: Emulator, scenario: str, hour: Any) -> None:
    modify(scenario, [a_usage(1)])
    amounts = [amount(hour, 4.0), amount(hour, 6.0 + 1e-9), amount("2026-10-05T00:00:00Z", 0)]
    assert modify(scenario, [a_usage(1, amounts=amounts)], try_number=2)["usage_modifications"] == 1


@pytest.mark.parametrize("gone", ["quantities", "historicalUsage"])
def test_what_aws_leaves_out_of_its_answer_is_no_difference(gone: str) -> None:
    entry = a_usage(1, historicalUsage=HISTORY)
    there = {**a_usage(1, historicalUsage=HISTORY), "quantities": entry["amounts"]}
    del there[gone], there["amounts"]
    assert missing("usage", SCENARIO, [entry], [there]) == []


def test_another_historical_usage_is_a_difference() -> None:
    end = {**HISTORY["billInterval"], "end": datetime(2026, 11, 1, tzinfo=UTC)}
    there = a_usage(1, historicalUsage={**HISTORY, "billInterval": end})
    assert missing("usage", SCENARIO, [a_usage(1, historicalUsage=HISTORY)], [there]) == []
    other = {**HISTORY, "filterExpression": {"costCategories": {"key": "team", "values": ["b"]}}}
    with pytest.raises(ModificationsRefusedError, match=r"u0001: historicalUsage.*\['a'\] -> \['b'\]"):
        missing("usage", SCENARIO, [a_usage(1, historicalUsage=other)], [there])


def test_what_a_scenario_has_twice_is_not_wanted() -> None:
    with pytest.raises(ModificationsRefusedError, match="g1 is not wanted"):
        missing("usage", SCENARIO, [a_usage(1)], [a_usage(1), a_usage(1)])


@pytest.mark.parametrize("wanted", [[], None])
def test_none_leaves_what_is_there_alone_and_an_empty_list_wants_nothing(
    emu: Emulator, scenario: str, wanted: Any
) -> None:
    modify(scenario, [a_usage(1)])
    if wanted is None:
        assert modify(scenario, wanted) == {"usage_modifications": 1, "commitment_modifications": 0}
    else:
        with pytest.raises(ModificationsRefusedError, match="is not wanted"):
            modify(scenario, wanted)


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
