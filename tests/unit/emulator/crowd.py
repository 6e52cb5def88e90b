"""One of fifty clients at once, who asks again until it has an answer, and tells what it was told."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

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
from tests.unit.emulator.raw import CALCULATOR, EXPORTS, Answer

PAYER, MEMBER, STRANGER, OTHER = ACCOUNTS = ("111122223333", "444455556666", "999900001111", "999900002222")
BUCKET = "everyone"
QUOTAS = {"COST_AND_USAGE_REPORT": ("line_item_unblended_cost", 5), "FOCUS_1_2_AWS": ("BilledCost", 2)}
SELECTIONS = ("management", "member", "standalone")
RATES = ("BEFORE_DISCOUNTS", "AFTER_DISCOUNTS")
#: Lists of lines: the kind that has them, the id in requests, the batch operations' and the list's names.
FORMS = {
    "usage": (SCENARIO, "billScenarioId", "BillScenarioUsageModification", "usageModifications"),
    "commitments": (SCENARIO, "billScenarioId", "BillScenarioCommitmentModification", "commitmentModifications"),
    "workload": (WORKLOAD, "workloadEstimateId", "WorkloadEstimateUsage", "usage"),
}
ENOUGH = 4
PLAN = "c8d3a1f2-6b0e-4f57-9a41-2d7e5b9f1c30"
GONE = "ResourceNotFoundException"


class Client:
    """One client with a connection of its own, on an account that it shares with others.

    :param number: tells it from the others; what is its own bears it.
    """

    def __init__(self, url: str, number: int, ledger: Ledger) -> None:
        self.number, self.account, self.ledger = number, ACCOUNTS[number % len(ACCOUNTS)], ledger
        self.raw = Careful(url, self.account)
        self._marks = (f"m{number}-{count}" for count in itertools.count())

    def do(self, verb: str, pick: int) -> None:
        """Do one thing. ``pick`` says to what, by what name: anything that it can be is chosen from it."""
        VERBS[verb](self, pick)

    # To make things and to be rid of them

    def create_scenario(self, pick: int) -> None:
        self._create(SCENARIO, pick)

    def create_workload(self, pick: int) -> None:
        self._create(WORKLOAD, pick)

    def create_estimate(self, pick: int) -> None:
        if scenario := self._one(SCENARIO, pick):
            self._create(ESTIMATE, pick, billScenarioId=scenario.id)

    def create_export(self, pick: int) -> None:
        """There is no token: whoever lost the answer looks for the name, and whether it is theirs."""
        table, mark = [*QUOTAS][pick % 2], next(self._marks)
        definition = defined(f"n{pick % 7}", self.account, table, keeps_runs=pick % 3 == 0)
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

    def delete(self, pick: int) -> None:
        kind = KINDS[pick % len(KINDS)]
        told = self._one(kind, pick)
        if told is None or len(self.ledger.alive(self.account, kind)) < ENOUGH:
            return
        answer = self._call(told, f"Delete{kind}", **self._of(told))
        if answer.error is None or (answer.error == GONE and self.raw.lost):
            told.is_deleted = True
        elif answer.error == GONE:
            self._missed(told)
        else:
            assert (answer.error, kind in (SCENARIO, ESTIMATE)) == ("ConflictException", True), answer.body

    # To write into the same place

    def rename(self, pick: int) -> None:
        kind = KINDS[pick % 3]
        told, name = self._one(kind, pick), f"n{pick % 5}"
        if told is None:
            return
        answer = self._call(told, f"Update{kind}", **self._of(told), name=name)
        if answer.error is None:
            self.ledger.renamed(told, name)
        elif answer.error == GONE:
            self._missed(told)
        else:
            assert answer.error == "ConflictException", answer.body
            if "LOCKED" not in answer.json["message"]:
                self._refused(kind, name)

    def update_export(self, pick: int) -> None:
        told = self._one(EXPORT, pick)
        if told is None:
            return
        (name,), note = told.names, next(self._marks)
        definition = {**defined(name, self.account, told.table), "Description": note}
        answer = self._call(told, "UpdateExport", ExportArn=told.id, Export=definition)
        if answer.error is None:
            self.ledger.noted(told, note)
        else:
            self._missed(told, answer)

    def prefer(self, pick: int) -> None:
        if self.account == MEMBER:
            return
        name, rates = f"{SELECTIONS[pick % 3]}AccountRateTypeSelections", RATES[: 1 + pick // 3 % 2]
        answer = self.raw.calculator("UpdatePreferences", **{name: rates})
        assert answer.error is None, answer.body
        self.ledger.preferences[self.account, name].append(rates)

    def tag(self, pick: int) -> None:
        """Everybody has a key of their own on everything."""
        kind = KINDS[pick % len(KINDS)]
        told, key, value = self._one(kind, pick), f"k{self.number}", str(pick)
        if told is None:
            return
        listed, mapped = {"ResourceTags": [{"Key": key, "Value": value}]}, {"tags": {key: value}}
        answer = self._call(told, "TagResource", **arn_of(told), **(listed if kind == EXPORT else mapped))
        if answer.error is None:
            told.tags[key] = value
        else:
            self._missed(told, answer)

    def untag(self, pick: int) -> None:
        key = f"k{self.number}"
        tagged = [one for kind in KINDS for one in self.ledger.alive(self.account, kind) if key in one.tags]
        if not tagged:
            return
        told = tagged[pick % len(tagged)]
        member = "ResourceTagKeys" if told.kind == EXPORT else "tagKeys"
        answer = self._call(told, "UntagResource", **arn_of(told), **{member: [key]})
        if answer.error is None:
            told.tags.pop(key, None)
        else:
            self._missed(told, answer)

    # Lines, a batch at once

    def add_lines(self, pick: int) -> None:
        form = [*FORMS][pick % len(FORMS)]
        kind, id_name, batch, member = FORMS[form]
        told, mark = self._one(kind, pick), next(self._marks)
        if told is None:
            return
        amount, size = 0.0 if form == "commitments" else float(pick % 50 + 1), 2 + pick % 3
        entries = [self._entry(form, f"{key}", mark, amount) for key in range(size)]
        told.batches[mark] = made = Batch(form, mark, self.number, size)
        answer = self._call(told, f"BatchCreate{batch}", **{id_name: told.id, member: entries}, clientToken=mark)
        if self._is_done(told, answer, made):
            assert not answer.json.get("errors"), answer.body
            made.ids, made.amount = [item["id"] for item in answer.json["items"]], amount

    def change_lines(self, pick: int) -> None:
        if mine := self._my_batch(pick, "usage", "workload"):
            told, batch = mine
            _, id_name, operation, member = FORMS[batch.form]
            amount = float(pick % 70 + 1)
            entries = [{"id": id_, **self._quantity(batch.form, amount)} for id_ in batch.ids]
            batch.is_under_way = True
            answer = self._call(told, f"BatchUpdate{operation}", **{id_name: told.id, member: entries})
            if self._is_done(told, answer, batch):
                assert not answer.json.get("errors"), answer.body
                batch.amount = amount

    def take_lines_away(self, pick: int) -> None:
        """The second time there may be nothing to take away."""
        if mine := self._my_batch(pick, *FORMS):
            told, batch = mine
            _, id_name, operation, _ = FORMS[batch.form]
            batch.is_under_way = True
            answer = self._call(told, f"BatchDelete{operation}", **{id_name: told.id, "ids": batch.ids})
            if self._is_done(told, answer, batch):
                errors = answer.json.get("errors", [])
                assert not errors or (self.raw.lost and len(errors) == len(batch.ids)), answer.body
                batch.amount = None

    # To look: whatever others do, nothing is ever there by half

    def look_at_lines(self, pick: int) -> None:
        """Of those that somebody is changing right now there is everything as it was, or everything as it will be."""
        there = [
            (told, batch)
            for kind in (SCENARIO, WORKLOAD)
            for told in self.ledger.alive(self.account, kind)
            for batch in [*told.batches.values()]
            if batch.form != "commitments"
        ]
        there.sort(key=lambda one: not one[1].is_under_way)
        for told, batch in there[:3]:
            _, id_name, operation, _ = FORMS[batch.form]
            filters = [{"name": "USAGE_GROUP", "values": [batch.mark]}]
            listing = f"List{operation}{'' if batch.form == 'workload' else 's'}"
            answer = self._call(told, listing, **{id_name: told.id}, filters=filters, maxResults=25)
            if answer.error:
                self._missed(told, answer)
            else:
                assert_whole({batch.mark: batch}, by_mark(answer.json["items"]), is_all=False)

    def look_at_lists(self, pick: int) -> None:
        """No list has anything twice, and no account more exports than it may have."""
        listed = self.raw.exports("ListExports", MaxResults=100).json["Exports"]
        assert len({each["ExportName"] for each in listed}) == len(listed) <= sum(most for _, most in QUOTAS.values())
        kind = KINDS[pick % 3] if self.account != MEMBER else WORKLOAD
        items = self.raw.pages(CALCULATOR, f"List{kind}s", "items", 3)
        assert len({each["id"] for each in items}) == len(items)

    def look_at_files(self, pick: int) -> None:
        """A success of an export that keeps each run has its manifest, and what a manifest names is there, whole."""
        told = self._one(EXPORT, pick)
        if told is None:
            return
        root = f"{self.account}/{next(iter(told.names))}"
        for key in [key for key in self.raw.objects(BUCKET) if key.startswith(f"{root}/metadata") and "T" in key][:3]:
            assert_delivered(self.raw, key)

    def let_time_pass(self, pick: int) -> None:
        self.raw.control("POST", "clock", advance_seconds=60 * (10 + pick % 110))

    # How

    def _create(self, kind: str, pick: int, **params: Any) -> None:
        """Every third with a token that all clients of the account have, for the very same request."""
        if self.account == MEMBER and kind != WORKLOAD:
            return
        is_shared, mark = pick % 3 == 0 and kind != ESTIMATE, next(self._marks)
        name, tags = (f"shared-{pick % 4}", {}) if is_shared else (f"n{pick % 5}", {"by": mark})
        token = name if is_shared else mark
        answer = self.raw.calculator(f"Create{kind}", name=name, clientToken=token, tags=tags, **params)
        if answer.error is None:
            self.ledger.made(Told(kind, answer.json["id"], self.account, {name}, tags=tags), is_shared=is_shared)
        elif kind == ESTIMATE and (answer.error == GONE or "LOCKED" in answer.json["message"]):
            return
        else:
            assert answer.error == "ConflictException", answer.body
            self._refused(kind, name)

    def _one(self, kind: str, pick: int) -> Told | None:
        there = self.ledger.alive(self.account, kind)
        return there[pick // 7 % len(there)] if there else None

    def _my_batch(self, pick: int, *forms: str) -> tuple[Told, Batch] | None:
        mine = [
            (told, batch)
            for kind in (SCENARIO, WORKLOAD)
            for told in self.ledger.alive(self.account, kind)
            for batch in [*told.batches.values()]
            if batch.owner == self.number and batch.amount is not None and batch.form in forms
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

    def _is_done(self, told: Told, answer: Answer, batch: Batch) -> bool:
        batch.is_under_way = False
        if answer.error == GONE:
            self._missed(told)
        elif answer.error:
            assert (answer.error, "LOCKED" in answer.json["message"]) == ("ConflictException", True), answer.body
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


FIRST_HOUR = 1790812800.0  # 2026-10-01T00:00:00Z, when the bill interval of every scenario here begins
VERBS: dict[str, Callable[[Client, int], None]] = {
    name: made for name, made in vars(Client).items() if not name.startswith("_") and name != "do"
}
#: What is chosen from: lines are where most can go wrong.
CHOICES = [*VERBS, *("add_lines", "change_lines", "look_at_lines") * 2]


def arn_of(told: Told) -> dict[str, str]:
    """What tags are put on."""
    if told.kind == EXPORT:
        return {"ResourceArn": told.id}
    words = {SCENARIO: "bill-scenario", ESTIMATE: "bill-estimate", WORKLOAD: "workload-estimate"}
    return {"arn": f"arn:aws:bcm-pricing-calculator:us-east-1:{told.account}:{words[told.kind]}/{told.id}"}


def defined(name: str, account: str, table: str, *, keeps_runs: bool = False) -> dict[str, Any]:
    """A small export into everyone's bucket."""
    overwrite = "CREATE_NEW_REPORT" if keeps_runs else "OVERWRITE_REPORT"
    output = {"OutputType": "CUSTOM", "Format": "PARQUET", "Compression": "PARQUET", "Overwrite": overwrite}
    to = {"S3Bucket": BUCKET, "S3BucketOwner": PAYER, "S3Prefix": account, "S3Region": "us-east-1"}
    return {
        "Name": name,
        "DataQuery": {"QueryStatement": f"SELECT {QUOTAS[table][0]} FROM {table}"},
        "DestinationConfigurations": {"S3Destination": {**to, "S3OutputConfigurations": output}},
        "RefreshCadence": {"Frequency": "SYNCHRONOUS"},
    }


def assert_delivered(client: Careful, key: str) -> str:
    """Check that a manifest is whole and that everything it names is there and whole; give its execution's id."""
    manifest = json.loads(client.send("GET", f"/{BUCKET}/{key}").body)
    bodies = [client.send("GET", "/" + uri.removeprefix("s3://")) for uri in manifest["dataFiles"]]
    assert all(body.status == 200 for body in bodies), f"{key} names a file that is not there"
    assert all(body.body.endswith(b"end") for body in bodies), f"a file of {key} is half written"
    assert len({body.body for body in bodies}) <= 1, f"{key} has files of two deliveries"
    return str(manifest["executionId"])
