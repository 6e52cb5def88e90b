"""One of fifty clients at once, who asks again until it has an answer, and tells what it was told."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.unit.emulator import calculator_model
from tests.unit.emulator.calculator_model import MEMBER, PAYER, PLAN, STRANGER
from tests.unit.emulator.careful import Careful
from tests.unit.emulator.crowd_model import (
    ESTIMATE,
    EXPORT,
    KINDS,
    SCENARIO,
    WORKLOAD,
    Batch,
    Ledger,
    Told,
    assert_whole,
    by_mark,
)
from tests.unit.emulator.exports_life import defined, plain
from tests.unit.emulator.exports_model import TABLES
from tests.unit.emulator.raw import CALCULATOR, EXPORTS, Answer

ACCOUNTS = (PAYER, MEMBER, STRANGER, "999900002222")
BUCKET = "everyone"
QUOTAS = {table: TABLES[table][0] for table in ("COST_AND_USAGE_REPORT", "FOCUS_1_2_AWS")}
SELECTIONS = ("management", "member", "standalone")
RATES = ("BEFORE_DISCOUNTS", "AFTER_DISCOUNTS")
#: Lists of lines: the kind that has them, the id in requests, the batch operations' and the list's names.
FORMS = {
    "usage": (SCENARIO, "billScenarioId", "BillScenarioUsageModification", "usageModifications"),
    "commitments": (SCENARIO, "billScenarioId", "BillScenarioCommitmentModification", "commitmentModifications"),
    "workload": (WORKLOAD, "workloadEstimateId", "WorkloadEstimateUsage", "usage"),
}
ENOUGH = 4
GONE = "ResourceNotFoundException"


class Client:
    """One client with a connection of its own, on an account that it shares with others.

    What it can do says whether it did it: it may be refused, or there may be nothing to do it to.

    :param number: tells it from the others; what is its own bears it.
    :ivar did: how often it did each.
    """

    def __init__(self, url: str, number: int, ledger: Ledger) -> None:
        self.number, self.account, self.ledger = number, ACCOUNTS[number % len(ACCOUNTS)], ledger
        self.raw = Careful(url, self.account)
        self.did: Counter[str] = Counter()
        self._marks = (f"m{number}-{count}" for count in itertools.count())

    def do(self, verb: str, pick: int) -> None:
        """Do one thing. ``pick`` says to what, by what name: anything that it can be is chosen from it."""
        self.did[verb] += VERBS[verb](self, pick)

    # To make things and to be rid of them

    def create_scenario(self, pick: int) -> bool:
        return self._create(SCENARIO, pick)

    def create_workload(self, pick: int) -> bool:
        return self._create(WORKLOAD, pick)

    def create_estimate(self, pick: int) -> bool:
        scenario = self._one(SCENARIO, pick)
        return scenario is not None and self._create(ESTIMATE, pick, billScenarioId=scenario.id)

    def create_export(self, pick: int) -> bool:
        """There is no token: whoever lost the answer looks for the name, and whether it is theirs."""
        table, mark = [*QUOTAS][pick % 2], next(self._marks)
        definition = defined(f"n{pick % 7}", table, plain(BUCKET, self.account, keeps_runs=pick % 3 == 0))
        tags = [{"Key": "by", "Value": mark}]
        answer = self.raw.exports("CreateExport", Export=definition, ResourceTags=tags)
        arn = answer.json.get("ExportArn") or (self._mine(definition["Name"], mark) if self.raw.lost else None)
        if arn:
            made = Told(EXPORT, arn, self.account, {definition["Name"]}, tags={"by": mark}, table=table)
            self.ledger.made(made, is_shared=False)
        elif answer.error == "ValidationException":
            self._refused(EXPORT, definition["Name"])
        else:
            assert answer.error == "ServiceQuotaExceededException", answer.body
        return arn is not None

    def delete(self, pick: int) -> bool:
        kind = KINDS[pick % len(KINDS)]
        told = self._one(kind, pick)
        if told is None or len(self.ledger.alive(self.account, kind)) < ENOUGH:
            return False
        answer = self._call(told, f"Delete{kind}", **self._of(told))
        if answer.error is None or (answer.error == GONE and self.raw.lost):
            told.is_deleted = True
        elif answer.error == GONE:
            self._missed(told)
        else:
            assert (answer.error, kind in (SCENARIO, ESTIMATE)) == ("ConflictException", True), answer.body
        return told.is_deleted

    # To write into the same place

    def rename(self, pick: int) -> bool:
        """Between a first try whose answer was lost and the second one the scenario may be locked, or deleted."""
        kind = KINDS[pick % 3]
        told, name = self._one(kind, pick), f"n{pick % 5}"
        if told is None:
            return False
        answer = self._call(told, f"Update{kind}", **self._of(told), name=name)
        if answer.error == GONE:
            self._missed(told)
        elif answer.error and "LOCKED" not in answer.json["message"]:
            assert answer.error == "ConflictException", answer.body
            self._refused(kind, name)
            return False
        if answer.error is None or self.raw.lost:
            self.ledger.renamed(told, name, is_sure=answer.error is None)
        return answer.error is None

    def update_export(self, pick: int) -> bool:
        told = self._one(EXPORT, pick)
        if told is None:
            return False
        (name,), note = told.names, next(self._marks)
        definition = {**defined(name, told.table, plain(BUCKET, self.account)), "Description": note}
        answer = self._call(told, "UpdateExport", ExportArn=told.id, Export=definition)
        if answer.error is None:
            self.ledger.noted(told, note)
        else:
            self._missed(told, answer)
        return answer.error is None

    def prefer(self, pick: int) -> bool:
        if self.account == MEMBER:
            return False
        name, rates = f"{SELECTIONS[pick % 3]}AccountRateTypeSelections", RATES[: 1 + pick // 3 % 2]
        answer = self.raw.calculator("UpdatePreferences", **{name: rates})
        assert answer.error is None, answer.body
        self.ledger.preferences[self.account, name].append(rates)
        return True

    def tag(self, pick: int) -> bool:
        """Everybody has a key of their own on everything."""
        kind = KINDS[pick % len(KINDS)]
        told, key, value = self._one(kind, pick), f"k{self.number}", str(pick)
        if told is None:
            return False
        listed, mapped = {"ResourceTags": [{"Key": key, "Value": value}]}, {"tags": {key: value}}
        answer = self._call(told, "TagResource", **arn_of(told), **(listed if kind == EXPORT else mapped))
        if answer.error is None:
            told.tags[key] = value
        else:
            self._missed(told, answer)
        return answer.error is None

    def untag(self, pick: int) -> bool:
        key = f"k{self.number}"
        tagged = [one for kind in KINDS for one in self.ledger.alive(self.account, kind) if key in one.tags]
        if not tagged:
            return False
        told = tagged[pick % len(tagged)]
        member = "ResourceTagKeys" if told.kind == EXPORT else "tagKeys"
        answer = self._call(told, "UntagResource", **arn_of(told), **{member: [key]})
        if answer.error is None:
            told.tags.pop(key, None)
        else:
            self._missed(told, answer)
        return answer.error is None

    # Lines, a batch at once

    def add_lines(self, pick: int) -> bool:
        form = [*FORMS][pick % len(FORMS)]
        kind, id_name, batch, member = FORMS[form]
        told, mark = self._one(kind, pick), next(self._marks)
        if told is None:
            return False
        amount, size = 0.0 if form == "commitments" else float(pick % 50 + 1), 2 + pick % 3
        entries = [self._entry(form, f"{key}", mark, amount) for key in range(size)]
        told.batches[mark] = made = Batch(form, mark, self.number, size)
        answer = self._call(told, f"BatchCreate{batch}", **{id_name: told.id, member: entries}, clientToken=mark)
        if not self._is_done(told, answer, made, amount):
            return False
        assert not answer.json.get("errors"), answer.body
        made.ids = [item["id"] for item in answer.json["items"]]
        return True

    def change_lines(self, pick: int) -> bool:
        mine = self._my_batch(pick, "usage", "workload")
        if mine is None:
            return False
        told, batch = mine
        _, id_name, operation, member = FORMS[batch.form]
        amount = float(pick % 70 + 1)
        entries = [{"id": id_, **self._quantity(batch.form, amount)} for id_ in batch.ids]
        batch.is_under_way = True
        answer = self._call(told, f"BatchUpdate{operation}", **{id_name: told.id, member: entries})
        assert not answer.json.get("errors"), answer.body
        return self._is_done(told, answer, batch, amount)

    def take_lines_away(self, pick: int) -> bool:
        """The second time there may be nothing to take away."""
        mine = self._my_batch(pick, *FORMS)
        if mine is None:
            return False
        told, batch = mine
        _, id_name, operation, _ = FORMS[batch.form]
        batch.is_under_way = True
        answer = self._call(told, f"BatchDelete{operation}", **{id_name: told.id, "ids": batch.ids})
        errors = answer.json.get("errors", [])
        assert not errors or (self.raw.lost and len(errors) == len(batch.ids)), answer.body
        return self._is_done(told, answer, batch, None)

    # To look: whatever others do, nothing is ever there by half

    def look_at_lines(self, pick: int) -> bool:
        """Of those that somebody is changing right now there is everything as it was, or everything as it will be."""
        there = [
            (told, batch)
            for kind in (SCENARIO, WORKLOAD)
            for told in self.ledger.alive(self.account, kind)
            for batch in [*told.batches.values()]
            if batch.form != "commitments"
        ]
        there.sort(key=lambda one: not one[1].is_under_way)
        seen: list[str] = []
        for told, batch in there[:3]:
            _, id_name, operation, _ = FORMS[batch.form]
            filters = [{"name": "USAGE_GROUP", "values": [batch.mark]}]
            listing = f"List{operation}{'' if batch.form == 'workload' else 's'}"
            answer = self._call(told, listing, **{id_name: told.id}, filters=filters, maxResults=25)
            if answer.error:
                self._missed(told, answer)
            else:
                lines = by_mark(answer.json["items"])
                assert_whole({batch.mark: batch}, lines, is_all=False)
                seen += lines
        return bool(seen)

    def look_at_lists(self, pick: int) -> bool:
        """No list has anything twice, and no account more exports than it may have."""
        listed = self.raw.exports("ListExports", MaxResults=100).json["Exports"]
        assert len({each["ExportName"] for each in listed}) == len(listed) <= sum(QUOTAS.values())
        kind = KINDS[pick % 3] if self.account != MEMBER else WORKLOAD
        items = self.raw.pages(CALCULATOR, f"List{kind}s", "items", 3)
        assert len({each["id"] for each in items}) == len(items)
        return bool(listed and items)

    def look_at_files(self, pick: int) -> bool:
        """Whenever there is a manifest of an export that keeps each run, what it names is there, whole."""
        keys = [key for key in self.raw.objects(BUCKET) if key.startswith(f"{self.account}/")]
        manifests = [key for key in keys if "/metadata/" in key and "T" in key]
        for key in (manifests[pick % len(manifests) :] if manifests else [])[:3]:
            assert_delivered(self.raw, key)
        return bool(manifests)

    def let_time_pass(self, pick: int) -> bool:
        seconds = 60 * (10 + pick % 110)
        if not self.ledger.lets_pass(seconds):
            return False
        self.raw.control("POST", "clock", advance_seconds=seconds)
        return True

    # How

    def _create(self, kind: str, pick: int, **params: Any) -> bool:
        """Every third with a token that all clients of the account have, for the very same request."""
        if self.account == MEMBER and kind != WORKLOAD:
            return False
        is_shared, mark = pick % 3 == 0 and kind != ESTIMATE, next(self._marks)
        name, tags = (f"shared-{pick % 4}", {}) if is_shared else (f"n{pick % 5}", {"by": mark})
        token = name if is_shared else mark
        answer = self.raw.calculator(f"Create{kind}", name=name, clientToken=token, tags=tags, **params)
        if answer.error is None:
            self.ledger.made(Told(kind, answer.json["id"], self.account, {name}, tags=tags), is_shared=is_shared)
        elif kind != ESTIMATE or not (answer.error == GONE or "LOCKED" in answer.json["message"]):
            assert answer.error == "ConflictException", answer.body
            self._refused(kind, name)
        return answer.error is None

    def _one(self, kind: str, pick: int) -> Told | None:
        there = self.ledger.alive(self.account, kind)
        return there[pick // 7 % len(there)] if there else None

    def _my_batch(self, pick: int, *forms: str) -> tuple[Told, Batch] | None:
        mine = [
            (told, batch)
            for kind in (SCENARIO, WORKLOAD)
            for told in self.ledger.alive(self.account, kind)
            for batch in [*told.batches.values()]
            if batch.owner == self.number and None not in batch.amounts and batch.form in forms
        ]
        return mine[pick % len(mine)] if mine else None

    def _call(self, told: Told, operation: str, **params: Any) -> Answer:
        return (self.raw.exports if told.kind == EXPORT else self.raw.calculator)(operation, **params)

    def _of(self, told: Told) -> dict[str, str]:
        return {"ExportArn" if told.kind == EXPORT else "identifier": told.id}

    def _mine(self, name: str, mark: str) -> str | None:
        """The ARN of the export of that name if it was this client that made it."""
        listed = self.raw.pages(EXPORTS, "ListExports", "Exports", 50)
        for arn in [each["ExportArn"] for each in listed if each["ExportName"] == name]:
            tags = self.raw.exports("ListTagsForResource", ResourceArn=arn).json.get("ResourceTags", [])
            if {"Key": "by", "Value": mark} in tags:
                return str(arn)
        return None

    def _is_done(self, told: Told, answer: Answer, batch: Batch, amount: float | None) -> bool:
        """Whether the lines have the new amount.

        Between a first try whose answer was lost and the second one somebody may have locked the scenario: then
        nobody knows. Who adds lines has a token, and hears of the first.
        """
        if answer.error is None:
            batch.amounts = {amount}
        elif answer.error == GONE:
            self._missed(told)
        else:
            assert (answer.error, "LOCKED" in answer.json["message"]) == ("ConflictException", True), answer.body
            if self.raw.lost and batch.ids:
                batch.amounts.add(amount)
        batch.is_under_way = False
        return answer.error is None

    def _missed(self, told: Told, answer: Answer | None = None) -> None:
        assert answer is None or answer.error == GONE, answer.body
        self.ledger.missed.add(told.id)

    def _refused(self, kind: str, name: str) -> None:
        self.ledger.refused_names.append((self.account, kind, name))

    def _entry(self, form: str, key: str, mark: str, amount: float) -> dict[str, Any]:
        entry = {"key": key, "group": mark, "usageAccountId": self.account}
        if form == "commitments":
            plan = {"savingsPlanOfferingId": PLAN, "commitment": 0.5}
            return {**entry, "commitmentAction": {"addSavingsPlanAction": plan}}
        entry |= {"serviceCode": "AmazonEC2", "usageType": "BoxUsage:m5.large", "operation": "RunInstances"}
        return {**entry, **self._quantity(form, amount)}

    def _quantity(self, form: str, amount: float) -> dict[str, Any]:
        return {"amount": amount} if form == "workload" else {"amounts": [{"startHour": FIRST_HOUR, "amount": amount}]}


FIRST_HOUR = 1793491200.0  # 2026-11-01T00:00:00Z, when the bill interval of every scenario here begins
VERBS: dict[str, Callable[[Client, int], None]] = {
    name: made for name, made in vars(Client).items() if not name.startswith("_") and name != "do"
}
#: What is chosen from: lines are where most can go wrong.
CHOICES = [*VERBS, *("add_lines", "change_lines", "look_at_lines") * 2]


def arn_of(told: Told) -> dict[str, str]:
    """What tags are put on."""
    if told.kind == EXPORT:
        return {"ResourceArn": told.id}
    return {"arn": calculator_model.arn(told.kind, told.account, told.id)}


def assert_delivered(client: Careful, key: str) -> str:
    """Check that a manifest is whole and that everything it names is there and whole; give its execution's id."""
    manifest = json.loads(client.send("GET", f"/{BUCKET}/{key}").body)
    bodies = [client.send("GET", "/" + uri.removeprefix("s3://")) for uri in manifest["dataFiles"]]
    assert all(body.status == 200 for body in bodies), f"{key} names a file that is not there"
    assert all(body.body.endswith(b"end") for body in bodies), f"a file of {key} is half written"
    assert len({body.body for body in bodies}) <= 1, f"{key} has files of two deliveries"
    return str(manifest["executionId"])
