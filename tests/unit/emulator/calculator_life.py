"""How a random life of what-ifs calls the Pricing Calculator, and how it is compared with the model of it."""

from __future__ import annotations

import copy
import json
import math
from collections import Counter
from datetime import UTC, datetime
from typing import Any

from hypothesis.stateful import invariant
from tests.unit.emulator import calculator_model as docs
from tests.unit.emulator.calculator_model import (
    CONFLICT,
    ESTIMATE,
    INVALID,
    MEMBER,
    NOT_FOUND,
    PAYER,
    SCENARIO,
    STRANGER,
    WORKLOAD,
    Model,
    Thing,
)
from tests.unit.emulator.careful import Careful, strike_every_tenth_call
from tests.unit.emulator.model_runs import Life
from tests.unit.emulator.raw import CALCULATOR, Answer

ACCOUNTS = (PAYER, MEMBER, STRANGER)
NOBODY = "00000000-0000-4000-8000-000000000000"
IDENTIFIED = {SCENARIO: "billScenarioId", ESTIMATE: "billEstimateId", WORKLOAD: "workloadEstimateId"}
USAGE = {SCENARIO: "BillScenarioUsageModification", WORKLOAD: "WorkloadEstimateUsage"}
COMMITMENTS = "BillScenarioCommitmentModification"
#: Three quarters of the calls are for what should take them, the others for anything, also what is gone.
ELIGIBLE, ALIVE = 75, 90


class CalculatorLife(Life):
    """Three accounts, a member among them. The rules are in a class beneath."""

    def __init__(self, emulator, clients: dict[str, Careful], tally: Counter[str]) -> None:
        super().__init__(tally)
        self.emulator, self.clients = emulator, clients
        self.model, self.kept = Model(), None
        self.ever: dict[str, tuple[str, str]] = {NOBODY: (SCENARIO, PAYER)}
        self.touched: dict[str, None] = {}
        self.numbers = 0
        emulator.reset()
        self.put_faults()

    @property
    def now(self) -> datetime:
        return self.emulator.clock.now()

    def put_faults(self) -> None:
        self.emulator.faults.clear()
        strike_every_tenth_call(self.emulator.faults.add)
        if self.model.is_failing:
            self.emulator.faults.add({"estimate": {"failure_message": "It could not be computed"}})

    # What must be true

    @invariant()
    def touched_agrees(self):
        """What was touched since the last step is as the model says, in itself and in its list."""
        touched, self.touched = [self.model.things[id_] for id_ in self.touched if id_ in self.model.things], {}
        for thing in touched:
            self.check_filters(thing)
            self.check_whole(thing)
        for account, kind in dict.fromkeys((thing.account, thing.kind) for thing in touched):
            self.check_list(account, kind)

    def all_agrees(self) -> None:
        """Everything is in its list once and says what it should: after each move of time."""
        self.model.end_unseen(self.now)
        for kind in (ESTIMATE, SCENARIO, WORKLOAD):
            for account in ACCOUNTS if kind == WORKLOAD else (PAYER, STRANGER):
                self.check_list(account, kind)
        assert self.clients[PAYER].control("GET", "charges") == {"charges": self.model.charges()}, (
            "each estimate that completed is charged once"
        )

    def teardown(self):
        """At the end, and after a restore, everything is looked at as a whole."""
        self.check_everything()

    def check_everything(self) -> None:
        self.all_agrees()
        for thing in self.model.things.values():
            self.check_whole(thing)

    def move_on(self, hours: float) -> None:
        """Let time pass."""
        self.emulator.clock.advance(hours * 3600)
        self.all_agrees()
        self.did("time")

    # How it is compared

    def check_list(self, account: str, kind: str) -> None:
        """What an account has, in the order in which it was made, each exactly once."""
        there, client = self.model.of(account, kind, self.now), self.clients[account]
        listed = client.pages(CALCULATOR, f"List{kind}s", "items", 4 if len(there) < 20 else 25)
        assert [(one["id"], one["name"]) for one in listed] == [(one.id, one.name) for one in there], (
            f"{kind}s of {account}"
        )
        for one, entry in zip(there, listed, strict=True):
            assert abs(entry["expiresAt"] - one.expires.timestamp()) < 0.01
            assert abs(entry["createdAt"] - one.created.timestamp()) < 0.01
            if kind == ESTIMATE and one.status == "IN_PROGRESS" and entry["status"] != "IN_PROGRESS":
                self.model.end(one, entry["status"], self.now)
            assert entry["status"] == self.model.status(one, self.now), f"{kind} {one.name}"
            assert kind != ESTIMATE or one.status != "IN_PROGRESS" or self.now <= one.created + docs.LONGEST

    def check_filters(self, thing: Thing) -> None:
        """What an account has of a kind, by name and by status."""
        there = self.model.of(thing.account, thing.kind, self.now)
        status = self.model.status(thing, self.now)
        by_name = {"name": "NAME", "values": [*"abc"]}
        by_status = {"name": "STATUS", "values": [status]}
        by_start = {"name": "NAME", "values": [thing.name[:1]], "matchOption": "STARTS_WITH"}
        alike = [one for one in there if self.model.status(one, self.now) == status]
        for filters, wanted in (
            ([by_name], [one.id for one in there if one.name in "abc"]),
            ([by_status], [one.id for one in alike]),
            ([by_status, by_start], [one.id for one in alike if one.name.startswith(thing.name[:1])]),
        ):
            operation, client = f"List{thing.kind}s", self.clients[thing.account]
            found = client.pages(CALCULATOR, operation, "items", 3 if filters == [by_status] else 25, filters=filters)
            assert [one["id"] for one in found] == wanted, f"{operation} by {filters}"

    def check_whole(self, thing: Thing) -> None:
        """Everything that something says of itself."""
        client = self.clients[thing.account]
        answer = client.calculator(f"Get{thing.kind}", identifier=thing.id)
        if self.now >= thing.expires:
            assert answer.error in NOT_FOUND, "it has expired and is still there"
            return
        got = answer.json
        assert (got["name"], got["status"]) == (thing.name, self.model.status(thing, self.now))
        tags = client.calculator("ListTagsForResource", arn=docs.arn(thing.kind, thing.account, thing.id)).json["tags"]
        assert tags == thing.tags, f"tags of {thing.kind} {thing.name}"
        if thing.kind == WORKLOAD:
            valid = "VALID" if thing.rate in self.model.allowed(thing.account) else "INVALID"
            assert got["rateType"] == thing.rate
            assert math.isclose(got["totalCost"], thing.cost_at(self.now), abs_tol=1e-9)
            lines = [{**line, "status": valid} for line in thing.usage.values()]
            self.check_lines(thing, "WorkloadEstimateUsage", lines)
            return
        start, end = docs.month(thing.created, -1), docs.month(thing.created, 0)
        assert got["billInterval"] == {"start": start.timestamp(), "end": end.timestamp()}
        prefix = "BillEstimateInput" if thing.kind == ESTIMATE else "BillScenario"
        self.check_lines(thing, f"{prefix}UsageModifications", list(thing.usage.values()))
        self.check_lines(thing, f"{prefix}CommitmentModifications", list(thing.commitments.values()))
        if thing.kind == ESTIMATE:
            assert ("costSummary" in got) == (thing.status == "COMPLETE")
            assert ("failureMessage" in got) == (thing.status == "FAILED")

    def check_lines(self, thing: Thing, operation: str, there: list[dict[str, Any]]) -> None:
        """The lines of something, each exactly once, in their order."""
        of = {IDENTIFIED[thing.kind]: thing.id}
        assert self.clients[thing.account].pages(CALCULATOR, f"List{operation}", "items", 3, **of) == there, operation

    # How it calls

    def pick(
        self, kind: str, which: int, account: str | None, status: str | None = None, lines: str | None = None
    ) -> tuple[str, str]:
        """The id of something, and who calls: its owner unless ``account`` says otherwise.

        :param which: up to ELIGIBLE something of the ``status``, with ``lines`` if they are wanted (a new one if there
            is none); up to ALIVE anything alive; then anything that ever was, or never.
        """
        alive = [one for owner in ACCOUNTS for one in self.model.of(owner, kind, self.now)]
        if which < ELIGIBLE:
            fit = [one for one in alive if status in (None, self.model.status(one, self.now))]
            fit = [one for one in fit if lines is None or getattr(one, lines)]
            thing = fit[which % len(fit)] if fit else self.anew(kind, status)
            return thing.id, account or thing.account
        known = [one.id for one in alive] if which < ALIVE and alive else [*self.ever]
        id_ = known[which % len(known)]
        return id_, account or self.ever[id_][1]

    def anew(self, kind: str, status: str | None = None) -> Thing:
        """Make one under a name that nobody has; of an estimate that is to be COMPLETE wait for the end."""
        self.numbers += 1
        name = f"new-{self.numbers}"
        of = {"billScenarioId": self.anew(SCENARIO).id} if kind == ESTIMATE else {}
        owner = MEMBER if kind == WORKLOAD and self.numbers % 2 else PAYER
        made = self.create(owner, kind, set(), None, name=name, **of)
        assert made
        if status == "COMPLETE":
            self.move_on(13)
        return made

    def create(self, account: str, kind: str, codes: set[str], token: str | None, **params: Any) -> Thing | None:
        """Create something; give it if there is something new."""
        answer = self.send(account, f"Create{kind}", codes, token, **params)
        if not answer:
            return None
        now, id_ = self.now, answer["id"]
        assert id_ not in self.ever, "an id for the second time"
        expires = datetime.fromtimestamp(answer["expiresAt"], UTC)
        thing = Thing(kind, id_, account, params["name"], now, expires, dict(params.get("tags", {})))
        if kind == SCENARIO:
            assert expires == docs.month(now, 14)
        if kind == ESTIMATE:
            scenario = self.model.things[params["billScenarioId"]]
            thing.scenario, scenario.running = scenario.id, id_
            thing.usage, thing.commitments = dict(scenario.usage), dict(scenario.commitments)
        if kind == WORKLOAD:
            thing.rate = answer["rateType"]
            self.model.workloads_made[account, f"{now:%Y-%m}"] += 1
        self.model.things[id_], self.ever[id_] = thing, (kind, account)
        self.touched[id_] = None
        return thing

    def batch(
        self, account: str, operation: str, of: str, codes: set[str], token: str | None = None, **params: Any
    ) -> dict[str, Any] | None:
        """Change the lines of something. Who sends a batch that adds lines gives it a token, or it may count twice."""
        if "BatchCreate" in operation and not token:
            self.numbers += 1
            token = f"own-{self.numbers}"
        kind = WORKLOAD if "Workload" in operation else SCENARIO
        answer = self.send(account, operation, codes, token, **{IDENTIFIED[kind]: of}, **params)
        return {"errors": [], "items": [], **answer} if answer is not None else None

    def send(
        self, account: str, operation: str, codes: set[str], token: str | None = None, **params: Any
    ) -> dict[str, Any] | None:
        """Call, and give the answer if the request was carried out now, as it must be without ``codes``.

        A token that came before gives its first answer again, or a conflict if the request was another.
        """
        came = None
        if token:
            came = self.model.tokens.get((account, operation, token))
            params["clientToken"] = token
        self.touched |= dict.fromkeys(value for value in params.values() if isinstance(value, str))
        client = self.clients[account]
        answer = client.calculator(operation, **params)
        if came and came[0] == params:
            assert answer.body == came[1], "another answer to the same request with the same token"
            self.tally["a token again"] += 1
            return None
        codes = CONFLICT if came else codes
        if operation.startswith("Create") and client.lost and not token and not codes and answer.error:
            answer = self.made_after_all(account, operation.removeprefix("Create"), params["name"])
        assert (answer.error in codes) if codes else (answer.error is None), (operation, answer.body, codes)
        if codes:
            self.tally[f"refused: {answer.error}"] += 1
            return None
        if token:
            self.model.tokens[account, operation, token] = copy.deepcopy(params), answer.body
        if not operation.startswith("Batch"):
            self.did(operation)
        return answer.json

    def made_after_all(self, account: str, kind: str, name: str) -> Answer:
        """An answer was lost and now there is one of that name: look at it."""
        filters = [{"name": "NAME", "values": [name]}]
        [found] = self.clients[account].pages(CALCULATOR, f"List{kind}s", "items", 25, filters=filters)
        self.tally["found by its name"] += 1
        return Answer(200, json.dumps(found).encode())

    def member(self, account: str) -> set[str]:
        """Scenarios and bill estimates are not for member accounts."""
        return INVALID if account == MEMBER else set()

    def kind(self, id_: str) -> str:
        return self.ever[id_][0]
