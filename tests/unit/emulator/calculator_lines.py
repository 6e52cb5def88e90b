"""What random lives of what-ifs do with the lines of scenarios and workload estimates, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from hypothesis import strategies as st
from tests.unit.emulator import calculator_model as docs
from tests.unit.emulator.calculator_life import ACCOUNTS, COMMITMENTS, NOBODY, USAGE, CalculatorLife
from tests.unit.emulator.calculator_model import NOT_FOUND, PLAN, SCENARIO, WORKLOAD, Thing, outcomes
from tests.unit.emulator.model_runs import step

#: Who calls: ``None`` is the owner.
CALLERS = st.sampled_from((*[None] * 8, *ACCOUNTS))
WHICH = st.integers(0, 99)
TOKENS = st.sampled_from((None, None, "t1", "t2"))
KEYS = st.lists(st.sampled_from("xyz"), min_size=1, max_size=4)
NOTHING = 8
PICKS = st.lists(st.integers(0, NOTHING), min_size=1, max_size=4)
GROUPS = st.sampled_from(("", "g", "h"))
WITH_USAGE = st.sampled_from((SCENARIO, SCENARIO, WORKLOAD))


class LinesLife(CalculatorLife):
    """The rules on usage and commitments."""

    @step(
        kind=WITH_USAGE,
        which=WHICH,
        account=CALLERS,
        keys=KEYS,
        flaw=st.sampled_from((None, None, None, "account", "price", "amount", "hour", "none")),
        token=TOKENS,
    )
    def add_usage(self, kind, which, account, keys, flaw, token):
        """The first entry has the flaw; an entry whose key came before in the batch is a conflict."""
        id_, caller, thing, codes = self.changeable(kind, which, account)
        start = docs.month(thing.created if thing else self.now, -1)
        entries = [usage(kind, key, caller, start, None if number else flaw) for number, key in enumerate(keys)]
        expected = outcomes(keys, lambda key: "BAD_REQUEST" if flaw and key == keys[0] else None)
        member = "usageModifications" if kind == SCENARIO else "usage"
        answer = self.batch(caller, f"BatchCreate{USAGE[kind]}", id_, codes, token, **{member: entries})
        if answer:
            assert [(error["key"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            assert [item["key"] for item in answer["items"]] == expected.done
            self.note(thing, answer["items"], f"BatchCreate{USAGE[kind]}")

    @step(kind=WITH_USAGE, which=WHICH, account=CALLERS, picks=PICKS, group=GROUPS, amount=st.integers(-1, 9))
    def change_usage(self, kind, which, account, picks, group, amount):
        id_, caller, thing, codes = self.changeable(kind, which, account, "usage")
        ids = some_of(thing.usage if thing else (), picks)
        amounts = [{"startHour": docs.month(thing.created if thing else self.now, -1).timestamp(), "amount": amount}]
        change = {"amounts": amounts} if kind == SCENARIO else {"amount": amount}
        entries = [{"id": line, "group": group, **change} for line in ids]
        member = "usageModifications" if kind == SCENARIO else "usage"
        answer = self.batch(caller, f"BatchUpdate{USAGE[kind]}", id_, codes, **{member: entries})
        if answer:
            expected = outcomes(
                ids, lambda line: "NOT_FOUND" if line == NOBODY else "BAD_REQUEST" if amount < 0 else None
            )
            assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            assert [item["id"] for item in answer["items"]] == expected.done
            for item in answer["items"]:
                quantities = item["quantities"] if kind == SCENARIO else [item["quantity"]]
                assert [quantity["amount"] for quantity in quantities] == [amount]
                assert item.get("group", "") == group
            self.note(thing, answer["items"], f"BatchUpdate{USAGE[kind]}")

    @step(kind=WITH_USAGE, which=WHICH, account=CALLERS, picks=PICKS)
    def take_usage_away(self, kind, which, account, picks):
        id_, caller, thing, codes = self.changeable(kind, which, account, "usage")
        lines = thing.usage if thing else {}
        ids = some_of(lines, picks)
        before = thing.cost_at(self.now) if thing else 0
        answer = self.batch(caller, f"BatchDelete{USAGE[kind]}", id_, codes, ids=ids)
        code = "BAD_REQUEST" if kind == SCENARIO else "NOT_FOUND"
        if answer and self.took_away(caller, answer, ids, lines, code, f"BatchDelete{USAGE[kind]}"):
            thing.cost_before, thing.changed = before, self.now

    @step(which=WHICH, account=CALLERS, keys=KEYS, has_flaw=st.sampled_from((False, False, True)), token=TOKENS)
    def add_commitments(self, which, account, keys, has_flaw, token):
        id_, caller, thing, codes = self.changeable(SCENARIO, which, account)
        plan = {"addSavingsPlanAction": {"savingsPlanOfferingId": PLAN, "commitment": 0.5}}
        entries = [{"key": key, "usageAccountId": caller, "commitmentAction": plan} for key in keys]
        entries[0]["usageAccountId"] = "123456789012" if has_flaw else caller
        operation = f"BatchCreate{COMMITMENTS}"
        answer = self.batch(caller, operation, id_, codes, token, commitmentModifications=entries)
        if answer:
            expected = outcomes(keys, lambda key: "INVALID_ACCOUNT" if has_flaw and key == keys[0] else None)
            assert [(error["key"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            assert [item["key"] for item in answer["items"]] == expected.done
            self.note(thing, answer["items"], operation)

    @step(which=WHICH, account=CALLERS, picks=PICKS, group=GROUPS)
    def regroup_commitments(self, which, account, picks, group):
        id_, caller, thing, codes = self.changeable(SCENARIO, which, account, "commitments")
        ids = some_of(thing.commitments if thing else (), picks)
        entries = [{"id": line, "group": group} for line in ids]
        operation = f"BatchUpdate{COMMITMENTS}"
        answer = self.batch(caller, operation, id_, codes, commitmentModifications=entries)
        if answer:
            expected = outcomes(ids, lambda line: "NOT_FOUND" if line == NOBODY else None)
            assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            assert [item["id"] for item in answer["items"]] == expected.done
            assert {item.get("group", "") for item in answer["items"]} <= {group}
            self.note(thing, answer["items"], operation)

    @step(which=WHICH, account=CALLERS, picks=PICKS)
    def take_commitments_away(self, which, account, picks):
        id_, caller, thing, codes = self.changeable(SCENARIO, which, account, "commitments")
        lines = thing.commitments if thing else {}
        ids = some_of(lines, picks)
        answer = self.batch(caller, f"BatchDelete{COMMITMENTS}", id_, codes, ids=ids)
        if answer:
            self.took_away(caller, answer, ids, lines, "BAD_REQUEST", f"BatchDelete{COMMITMENTS}")

    def changeable(
        self, kind: str, which: int, account: str | None, lines: str | None = None
    ) -> tuple[str, str, Thing | None, set[str]]:
        """Something that takes lines: its id, who calls, what it is to them, and why they cannot change it."""
        id_, caller = self.pick(kind, which, account, "READY" if kind == SCENARIO else None, lines)
        thing = self.model.find(caller, kind, id_, self.now)
        if kind == SCENARIO:
            return id_, caller, thing, self.member(caller) or self.model.is_ready(caller, id_, self.now)
        return id_, caller, thing, set() if thing else NOT_FOUND

    def note(self, thing: Thing, items: list[dict[str, Any]], operation: str) -> None:
        """Enter lines as they were answered."""
        lines = thing.commitments if "Commitment" in operation else thing.usage
        if items:
            thing.cost_before, thing.changed = thing.cost_at(self.now) if thing.kind == WORKLOAD else 0, self.now
            self.did(operation)
        for item in items:
            lines[item["id"]] = {name: value for name, value in item.items() if name not in ("key", "status")}

    def took_away(
        self, caller: str, answer: dict[str, Any], ids: list[str], lines: dict[str, Any], code: str, operation: str
    ) -> bool:
        """Take out what was deleted, if anything. Who had to ask twice may hear that there is nothing to delete."""
        expected = outcomes(ids, lambda line: None if line in lines else code)
        errors = [(error["id"], error["errorCode"]) for error in answer["errors"]]
        if self.clients[caller].lost and errors != expected.errors:
            assert errors == outcomes(ids, lambda line: code).errors
        else:
            assert errors == expected.errors
        for line in expected.done:
            del lines[line]
            self.did(operation)
        return bool(expected.done)


def some_of(lines: Iterable[str], picks: list[int]) -> list[str]:
    """Ids of lines, maybe twice the same, sometimes of nothing."""
    there = [*lines]
    return [there[pick % len(there)] if there and pick < NOTHING else NOBODY for pick in picks]


def usage(kind: str, key: str, account: str, start: datetime, flaw: str | None) -> dict[str, Any]:
    """An entry for four hundred hours of a server, maybe with a flaw."""
    entry = {
        "key": key,
        "usageAccountId": "123456789012" if flaw == "account" else account,
        "serviceCode": "AmazonEC2",
        "usageType": "BoxUsage:no.such" if flaw == "price" else "BoxUsage:m5.large",
        "operation": "RunInstances",
    }
    if kind == WORKLOAD:
        return {**entry, "amount": -1 if flaw in ("amount", "hour", "none") else 400}
    amounts = [{"startHour": start.timestamp() - 3600 * (flaw == "hour"), "amount": -1 if flaw == "amount" else 400}]
    return entry if flaw == "none" else {**entry, "amounts": amounts}
