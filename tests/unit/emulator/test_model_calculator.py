"""The Pricing Calculator against a model of it: random lives of what-ifs, and after each step both must agree.

The clock stands still between the steps, so that the model can say what is locked, stale, expired or over by now.

The examples are always the same few. For a long search, with others each time:
``MODEL_EXAMPLES=2000 .venv/bin/python -m pytest tests/unit/emulator/test_model_calculator.py``
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)
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
    TOO_MANY,
    WORKLOAD,
    Model,
    Thing,
)
from tests.unit.emulator.model_runs import TIMEOUT, search
from tests.unit.emulator.raw import CALCULATOR, Raw

from emulator.server import running

ACCOUNTS = (PAYER, MEMBER, STRANGER)
#: Who calls: ``None`` is the owner.
CALLERS = st.sampled_from((*[None] * 8, *ACCOUNTS))
NAMES = st.sampled_from("abc")
TOKENS = st.sampled_from((None, None, "t1", "t2"))
KEYS = st.lists(st.sampled_from("xyz"), min_size=1, max_size=4)
PLAN = "c8d3a1f2-6b0e-4f57-9a41-2d7e5b9f1c30"
#: From now until something expires; not before an estimate under way could be over, or nobody could tell how it ended.
HOURS = st.sampled_from((None, -1, 0, 14, 14, 10_000))
NOBODY = "00000000-0000-4000-8000-000000000000"
IDENTIFIED = {SCENARIO: "billScenarioId", ESTIMATE: "billEstimateId"}


class Calculator(RuleBasedStateMachine):
    """Three accounts, a member among them, and what they can do in a year or two."""

    ids = Bundle("ids")
    scenarios = Bundle("scenarios")

    def __init__(self, emulator, clients: dict[str, Raw]) -> None:
        super().__init__()
        self.emulator, self.clients = emulator, clients
        self.model, self.kept = Model(), None
        self.made = 0
        emulator.reset()

    @property
    def now(self) -> datetime:
        return self.emulator.clock.now()

    # What clients do

    @rule(target=scenarios, account=st.sampled_from((PAYER, *ACCOUNTS)), name=NAMES, token=TOKENS)
    def create_scenario(self, account, name, token):
        codes = self.member(account) or self.model.takes_name(account, SCENARIO, name, self.now)
        scenario = self.create(account, SCENARIO, codes, token, name=name, tags={"of": name})
        return scenario.id if scenario else multiple()

    @rule(target=ids, scenario=scenarios, account=CALLERS, name=NAMES, token=TOKENS)
    def create_estimate(self, scenario, account, name, token):
        caller = account or self.owner(scenario)
        codes = self.model.takes_name(caller, ESTIMATE, name, self.now)
        codes = self.member(caller) or codes | self.model.is_ready(caller, scenario, self.now)
        estimate = self.create(caller, ESTIMATE, codes, token, name=name, billScenarioId=scenario)
        return estimate.id if estimate else multiple()

    @rule(target=ids, account=st.sampled_from((PAYER, STRANGER)), number=st.integers(1, 4))
    def estimate_many(self, account, number):
        """More than are free in a month."""
        made = []
        for _ in range(number):
            self.made += 1
            name = f"many-{self.made}"
            scenario = self.create(account, SCENARIO, set(), None, name=name)
            made += [scenario, self.create(account, ESTIMATE, set(), None, name=name, billScenarioId=scenario.id)]
        return multiple(*(one.id for one in made))

    @rule(target=ids, account=st.sampled_from(ACCOUNTS), name=NAMES, token=TOKENS, number=st.sampled_from((1, 1, 51)))
    def create_workload_estimates(self, account, name, token, number):
        made = []
        for turn in range(number):
            name = name if turn == 0 else f"more-{self.made}"
            self.made += 1
            codes = self.model.takes_name(account, WORKLOAD, name, self.now)
            month = account, f"{self.now:%Y-%m}"
            if self.model.workloads_made[month] >= docs.WORKLOADS_A_MONTH:
                codes = codes | TOO_MANY
            workload = self.create(account, WORKLOAD, codes, token if turn == 0 else None, name=name)
            if workload:
                self.model.workloads_made[month] += 1
                made.append(workload.id)
        return multiple(*made[:2])

    @rule(
        id_=ids | scenarios, account=CALLERS, name=NAMES | st.none(), hours=st.sampled_from((None, -1, 0, 14, 10_000))
    )
    def update(self, id_, account, name, hours):
        caller, kind, now = account or self.owner(id_), self.kind(id_), self.now
        params: dict[str, Any] = {"identifier": id_}
        params |= {"name": name} if name else {}
        expires = now + timedelta(hours=hours) if hours is not None else None
        params |= {"expiresAt": expires.timestamp()} if expires else {}
        thing = self.model.find(caller, kind, id_, now)
        codes = self.model.is_updatable(caller, kind, id_, now)
        if thing and name and name != thing.name:
            codes = codes | self.model.takes_name(caller, kind, name, now)
        if thing and expires and expires <= now:
            codes = codes | INVALID
        if kind != WORKLOAD:
            codes = self.member(caller) or codes
        if self.send(caller, f"Update{kind}", codes, **params) is not None:
            thing.name, thing.expires = name or thing.name, expires or thing.expires

    @rule(id_=ids | scenarios, account=CALLERS)
    def delete(self, id_, account):
        caller, kind = account or self.owner(id_), self.kind(id_)
        codes = self.model.is_deletable(caller, kind, id_, self.now)
        codes = codes if kind == WORKLOAD else self.member(caller) or codes
        thing = self.model.find(caller, kind, id_, self.now)
        if self.send(caller, f"Delete{kind}", codes, identifier=id_) is not None and thing:
            del self.model.things[id_]

    @rule(
        scenario=scenarios,
        account=CALLERS,
        keys=KEYS,
        flaw=st.sampled_from((None, None, None, "account", "price", "amount", "hour", "none")),
        token=TOKENS,
    )
    def add_usage(self, scenario, account, keys, flaw, token):
        """The first entry has the flaw; an entry whose key came before in the batch is a conflict."""
        caller = account or self.owner(scenario)
        thing = self.model.find(caller, SCENARIO, scenario, self.now)
        start = docs.month(thing.created if thing else self.now, -1)
        entries = [usage(key, caller, start, flaw if number == 0 else None) for number, key in enumerate(keys)]
        expected = outcomes(keys, "BAD_REQUEST" if flaw else None)
        codes = self.member(caller) or self.model.is_ready(caller, scenario, self.now)
        answer = self.batch(caller, "Create", "Usage", scenario, codes, token, usageModifications=entries)
        if answer:
            assert [(error["key"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            assert [item["key"] for item in answer["items"]] == expected.done
            for item in answer["items"]:
                thing.usage[item["id"]] = {name: value for name, value in item.items() if name != "key"}

    @rule(
        scenario=scenarios,
        account=CALLERS,
        data=st.data(),
        group=st.sampled_from(("", "g", "h")),
        amount=st.integers(-1, 9),
    )
    def change_usage(self, scenario, account, data, group, amount):
        caller = account or self.owner(scenario)
        thing = self.model.find(caller, SCENARIO, scenario, self.now)
        ids = data.draw(st.lists(st.sampled_from([*(thing.usage if thing else ()), NOBODY]), min_size=1, max_size=4))
        start = docs.month(thing.created if thing else self.now, -1)
        amounts = [{"startHour": start.timestamp(), "amount": amount}]
        entries = [{"id": id_, "group": group, "amounts": amounts} for id_ in ids]
        codes = self.member(caller) or self.model.is_ready(caller, scenario, self.now)
        answer = self.batch(caller, "Update", "Usage", scenario, codes, None, usageModifications=entries)
        if answer:
            refused = {id_: "NOT_FOUND" if id_ == NOBODY else "BAD_REQUEST" if amount < 0 else None for id_ in ids}
            expected = outcomes(ids, refused)
            assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            assert [item["id"] for item in answer["items"]] == expected.done
            for item in answer["items"]:
                assert item.get("group", "") == group
                assert [quantity["amount"] for quantity in item["quantities"]] == [amount]
                thing.usage[item["id"]] = item

    @rule(scenario=scenarios, account=CALLERS, data=st.data())
    def take_usage_away(self, scenario, account, data):
        caller = account or self.owner(scenario)
        thing = self.model.find(caller, SCENARIO, scenario, self.now)
        ids = data.draw(st.lists(st.sampled_from([*(thing.usage if thing else ()), NOBODY]), min_size=1, max_size=4))
        codes = self.member(caller) or self.model.is_ready(caller, scenario, self.now)
        answer = self.batch(caller, "Delete", "Usage", scenario, codes, None, ids=ids)
        if answer:
            expected = outcomes(ids, {NOBODY: "BAD_REQUEST"})
            assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            for id_ in expected.done:
                del thing.usage[id_]

    @rule(scenario=scenarios, account=CALLERS, keys=KEYS, token=TOKENS)
    def add_commitments(self, scenario, account, keys, token):
        caller = account or self.owner(scenario)
        plan = {"addSavingsPlanAction": {"savingsPlanOfferingId": PLAN, "commitment": 0.5}}
        entries = [{"key": key, "usageAccountId": caller, "commitmentAction": plan} for key in keys]
        codes = self.member(caller) or self.model.is_ready(caller, scenario, self.now)
        answer = self.batch(caller, "Create", "Commitment", scenario, codes, token, commitmentModifications=entries)
        if answer:
            expected = outcomes(keys)
            assert [(error["key"], error["errorCode"]) for error in answer["errors"]] == expected.errors
            assert [item["key"] for item in answer["items"]] == expected.done
            commitments = self.model.things[scenario].commitments
            commitments.update((item["id"], "") for item in answer["items"])

    @rule(scenario=scenarios, account=CALLERS, data=st.data())
    def take_commitments_away(self, scenario, account, data):
        caller = account or self.owner(scenario)
        thing = self.model.find(caller, SCENARIO, scenario, self.now)
        there = thing.commitments if thing else ()
        ids = data.draw(st.lists(st.sampled_from([*there, NOBODY]), min_size=1, max_size=4))
        codes = self.member(caller) or self.model.is_ready(caller, scenario, self.now)
        answer = self.batch(caller, "Delete", "Commitment", scenario, codes, None, ids=ids)
        if answer:
            gone = {id_ for id_ in ids if id_ != NOBODY}
            assert len(answer.get("errors", ())) == len(ids) - len(gone)
            for id_ in gone:
                del thing.commitments[id_]

    @rule(
        id_=ids | scenarios,
        account=CALLERS,
        tags=st.dictionaries(st.sampled_from(("a", "b", "aws:c")), st.text("xyz", max_size=3), min_size=1, max_size=2),
        gone=st.sampled_from(("a", "b", "c")),
    )
    def tag_and_untag(self, id_, account, tags, gone):
        caller = account or self.owner(id_)
        thing = self.model.find(caller, self.kind(id_), id_, self.now)
        arn = docs.arn(self.kind(id_), self.owner(id_), id_)
        codes = set() if thing else NOT_FOUND
        refused = INVALID if thing and "aws:c" in tags else codes
        if self.send(caller, "TagResource", refused, arn=arn, tags=tags) is not None:
            thing.tags |= tags
        if self.send(caller, "UntagResource", codes, arn=arn, tagKeys=[gone]) is not None:
            thing.tags.pop(gone, None)

    # What befalls them

    @rule(hours=st.sampled_from((0.1, 0.5, 3, 6, 12)))
    def let_hours_pass(self, hours):
        self.emulator.clock.advance(hours * 3600)

    @rule(days=st.sampled_from((2, 9, 31, 200)))
    def let_days_pass(self, days):
        self.emulator.clock.advance(days * 24 * 3600)

    @rule(scenario=scenarios, token=TOKENS)
    def let_expire_and_make_anew(self, scenario, token):
        thing = self.model.find(self.owner(scenario), SCENARIO, scenario, self.now)
        self.update(scenario, None, None, 14)
        self.emulator.clock.advance(15 * 3600)
        self.both_agree()
        if thing:
            codes = self.model.takes_name(thing.account, SCENARIO, thing.name, self.now)
            self.create(thing.account, SCENARIO, codes, token, name=thing.name)

    @rule(is_failing=st.booleans())
    def let_estimates_fail(self, is_failing):
        self.model.is_failing = is_failing
        self.emulator.faults.clear()
        if is_failing:
            self.emulator.faults.add({"estimate": {"failure_message": "It could not be computed"}})

    @rule()
    def take_snapshot(self):
        self.emulator.snapshot("kept")
        self.kept = copy.deepcopy(self.model)

    @precondition(lambda self: self.kept)
    @rule()
    def restore_snapshot(self):
        self.emulator.restore("kept")
        self.model = copy.deepcopy(self.kept)

    # What must be true

    @invariant()
    def both_agree(self):
        for account in (PAYER, STRANGER):
            for estimate in self.model.of(account, ESTIMATE, self.now):
                self.check_estimate(estimate)
            for kind in (SCENARIO, ESTIMATE):
                self.check_list(account, kind)
            for scenario in self.model.of(account, SCENARIO, self.now):
                self.check_modifications(scenario, "BillScenarioUsageModifications", list(scenario.usage.values()))
                self.check_modifications(scenario, "BillScenarioCommitmentModifications", list(scenario.commitments))
        for account in ACCOUNTS:
            self.check_list(account, WORKLOAD)
        assert self.clients[PAYER].control("GET", "charges") == {"charges": self.model.charges()}

    # How the steps do it

    def check_estimate(self, estimate: Thing) -> None:
        """What an estimate may say of itself, from where it was seen last."""
        got = self.clients[estimate.account].calculator("GetBillEstimate", identifier=estimate.id).json
        if estimate.status == "IN_PROGRESS" and got["status"] != "IN_PROGRESS":
            self.model.end(estimate, got["status"], self.now)
        assert got["status"] == estimate.status
        assert ("costSummary" in got) == (estimate.status == "COMPLETE")
        assert ("failureMessage" in got) == (estimate.status == "FAILED")
        assert estimate.status != "IN_PROGRESS" or self.now <= estimate.created + docs.LONGEST
        start, end = docs.month(estimate.created, -1), docs.month(estimate.created, 0)
        assert got["billInterval"] == {"start": start.timestamp(), "end": end.timestamp()}
        self.check_modifications(estimate, "BillEstimateInputUsageModifications", list(estimate.usage.values()))
        self.check_modifications(estimate, "BillEstimateInputCommitmentModifications", list(estimate.commitments))

    def check_modifications(self, thing: Thing, operation: str, there: list[Any]) -> None:
        """A scenario's modifications, or those that an estimate began with, each exactly once."""
        client, of = self.clients[thing.account], {IDENTIFIED[thing.kind]: thing.id}
        listed = client.pages(CALCULATOR, f"List{operation}", "items", 10, **of)
        assert (listed if "Usage" in operation else [item["id"] for item in listed]) == there

    def check_list(self, account: str, kind: str) -> None:
        """What an account has, in the order in which it was made, each exactly once; by status and name as well."""
        there, client = self.model.of(account, kind, self.now), self.clients[account]
        listed = client.pages(CALCULATOR, f"List{kind}s", "items", 20)
        assert [(one["id"], one["name"]) for one in listed] == [(one.id, one.name) for one in there]
        for one, entry in zip(there, listed, strict=True):
            assert abs(entry["expiresAt"] - one.expires.timestamp()) < 0.01
            assert abs(entry["createdAt"] - one.created.timestamp()) < 0.01
        filters = [{"name": "NAME", "values": [*"abc"]}]
        named = client.pages(CALCULATOR, f"List{kind}s", "items", 25, filters=filters)
        assert [one["id"] for one in named] == [one.id for one in there if one.name in "abc"]
        if kind == WORKLOAD or not there:
            return
        assert [one["status"] for one in listed] == [one.status_at(self.now) for one in there]
        status, name = there[-1].status_at(self.now), there[-1].name
        filters = [{"name": "STATUS", "values": [status]}]
        found = client.pages(CALCULATOR, f"List{kind}s", "items", 3, filters=filters)
        assert [one["id"] for one in found] == [one.id for one in there if one.status_at(self.now) == status]
        filters.append({"name": "NAME", "values": [name[:1]], "matchOption": "STARTS_WITH"})
        found = client.pages(CALCULATOR, f"List{kind}s", "items", 25, filters=filters)
        wanted = [one.id for one in there if one.status_at(self.now) == status and one.name.startswith(name[:1])]
        assert [one["id"] for one in found] == wanted
        tags = client.calculator("ListTagsForResource", arn=docs.arn(kind, account, there[-1].id)).json["tags"]
        assert tags == there[-1].tags

    def create(self, account: str, kind: str, codes: set[str], token: str | None, **params: Any) -> Thing | None:
        """Create something; give it if there is something new."""
        answer = self.send(account, f"Create{kind}", codes, token, **params)
        if not answer:
            return None
        now, id_ = self.now, answer["id"]
        assert id_ not in self.model.things
        expires = datetime.fromtimestamp(answer["expiresAt"], UTC)
        thing = Thing(kind, id_, account, params["name"], now, expires, dict(params.get("tags", {})))
        if kind == SCENARIO:
            assert expires == docs.month(now, 14)
        if kind == ESTIMATE:
            scenario = self.model.things[params["billScenarioId"]]
            thing.scenario, scenario.running = scenario.id, id_
            thing.usage, thing.commitments = dict(scenario.usage), dict(scenario.commitments)
        self.model.things[id_] = thing
        return thing

    def batch(
        self, account: str, verb: str, kind: str, scenario: str, codes: set[str], token: str | None, **params: Any
    ) -> dict[str, Any] | None:
        """Change a scenario's modifications."""
        operation = f"Batch{verb}BillScenario{kind}Modification"
        answer = self.send(account, operation, codes, token, billScenarioId=scenario, **params)
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
        answer = self.clients[account].calculator(operation, **params)
        if came and came[0] == params:
            assert answer.body == came[1]
            return None
        codes = CONFLICT if came else codes
        assert (answer.error in codes) if codes else (answer.error is None), (answer.body, codes)
        if codes:
            return None
        if token:
            self.model.tokens[account, operation, token] = copy.deepcopy(params), answer.body
        return answer.json

    def member(self, account: str) -> set[str]:
        """Scenarios and bill estimates are not for member accounts."""
        return INVALID if account == MEMBER else set()

    def owner(self, id_: str) -> str:
        return self.model.things[id_].account if id_ in self.model.things else PAYER

    def kind(self, id_: str) -> str:
        return self.model.things[id_].kind if id_ in self.model.things else SCENARIO


class Outcomes:
    """How the entries of a batch must end, by key or id."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.errors: list[tuple[str, str]] = []


def outcomes(names: list[str], refused: dict[str, str | None] | str | None = None) -> Outcomes:
    """Each entry on its own: the second of a name is a conflict.

    :param refused: the error of each name, or that of the first entry.
    """
    found = Outcomes()
    errors = refused if isinstance(refused, dict) else {names[0]: refused}
    for number, name in enumerate(names):
        error = "CONFLICT" if name in names[:number] else errors.get(name)
        if error:
            found.errors.append((name, error))
        else:
            found.done.append(name)
    return found


def usage(key: str, account: str, start: datetime, flaw: str | None) -> dict[str, Any]:
    """An entry for four hundred hours of a server, maybe with a flaw."""
    amounts = [{"startHour": start.timestamp() - 3600 * (flaw == "hour"), "amount": -1 if flaw == "amount" else 400}]
    entry = {
        "key": key,
        "usageAccountId": "123456789012" if flaw == "account" else account,
        "serviceCode": "AmazonEC2",
        "usageType": "BoxUsage:no.such" if flaw == "price" else "BoxUsage:m5.large",
        "operation": "RunInstances",
    }
    return entry if flaw == "none" else {**entry, "amounts": amounts}


@pytest.fixture(scope="module")
def emulator():
    with running(start="2026-11-20T06:00:00Z", rows=1, speed=1e-9) as emulator:
        yield emulator


@pytest.mark.timeout(TIMEOUT)
def test_what_ifs_live_as_the_model_says(emulator):
    clients = {account: Raw(emulator.url, account) for account in ACCOUNTS}
    run_state_machine_as_test(lambda: Calculator(emulator, clients), settings=search(examples=16, steps=40))
    for client in clients.values():
        client.close()
