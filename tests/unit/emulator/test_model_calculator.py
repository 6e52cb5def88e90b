"""The Pricing Calculator against a model of it: random lives of what-ifs, and after each step both must agree.

Every tenth call goes wrong; the client asks again, and the model stays exact. The clock stands still between the
steps, so that the model can say what is locked, stale, expired or over by now.

The examples are always the same few. For a long search, with others each time:
``MODEL_EXAMPLES=2000 .venv/bin/python -m pytest tests/unit/emulator/test_model_calculator.py``
"""

from __future__ import annotations

import copy
import math
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition
from tests.unit.emulator import calculator_model as docs
from tests.unit.emulator.calculator_life import ACCOUNTS
from tests.unit.emulator.calculator_lines import CALLERS, TOKENS, WHICH, LinesLife
from tests.unit.emulator.calculator_model import (
    ESTIMATE,
    INVALID,
    KINDS,
    MEMBER,
    NOT_FOUND,
    PAYER,
    SCENARIO,
    STRANGER,
    TOO_MANY,
    WORKLOAD,
    Thing,
)
from tests.unit.emulator.careful import Careful
from tests.unit.emulator.model_runs import TIMEOUT, assert_lived, search, step, steps_of
from tests.unit.emulator.raw import CALCULATOR

from emulator.pricing_calculator.access import PRICING_CALCULATOR
from emulator.server import running

NAMES = st.sampled_from("abc")
#: From now until something expires; not before an estimate under way could be over, or nobody could tell how it ended.
HOURS = st.sampled_from((None, -1, 0, 14, 14, 10_000))
KIND = st.sampled_from(KINDS)


class Calculator(LinesLife):
    """What can happen to what-ifs in a year or two."""

    @initialize()
    def begin(self):
        """One turn of everything, so that no life lacks any operation or has nothing to work on."""
        first: dict[str, Any] = {"which": 0, "account": None}
        self.create_scenario(account=PAYER, name="a", token="t1")
        self.create_workload(account=MEMBER, name="a", token=None, rate=None)
        for kind in (SCENARIO, WORKLOAD):
            self.add_usage(**first, kind=kind, keys=[*"xyz"], flaw=None, token="t1")
            self.change_usage(**first, kind=kind, picks=[0], group="g", amount=3)
            self.take_usage_away(**first, kind=kind, picks=[1])
        self.add_commitments(**first, keys=[*"xyz"], has_flaw=False, token="t1")
        self.regroup_commitments(**first, picks=[0], group="g")
        self.take_commitments_away(**first, picks=[1])
        self.take_snapshot()
        self.create_estimate(**first, name="a", token="t1")
        self.move_on(13)
        self.read_a_result(**first)
        self.set_preferences(account=PAYER, selections={"memberAccountRateTypeSelections": [docs.DISCOUNTED]})
        for kind in KINDS:
            self.look(**first, kind=kind)
            self.update(**first, kind=kind, name="b", hours=14)
            self.tag_and_untag(**first, kind=kind, tags={"a": "x", "b": "y"}, gone="b")
        self.estimate_many(account=STRANGER, number=1)
        self.send_again(which=0)
        self.restore_snapshot()
        self.create_estimate(**first, name="c", token=None)
        self.move_on(13)
        for kind in (ESTIMATE, SCENARIO, WORKLOAD):
            self.anew(kind)
            self.delete(**first, kind=kind)

    # What clients do with scenarios and estimates

    @step(account=st.sampled_from((PAYER, *ACCOUNTS)), name=NAMES, token=TOKENS)
    def create_scenario(self, account, name, token):
        codes = self.member(account) or self.model.takes_name(account, SCENARIO, name, self.now)
        self.create(account, SCENARIO, codes, token, name=name, tags={"of": name})

    @step(which=WHICH, account=CALLERS, name=NAMES, token=TOKENS)
    def create_estimate(self, which, account, name, token):
        scenario, caller = self.pick(SCENARIO, which, account, "READY")
        codes = self.model.takes_name(caller, ESTIMATE, name, self.now)
        codes = self.member(caller) or codes | self.model.is_ready(caller, scenario, self.now)
        self.create(caller, ESTIMATE, codes, token, name=name, billScenarioId=scenario)

    @step(account=st.sampled_from((PAYER, STRANGER)), number=st.integers(1, 4))
    def estimate_many(self, account, number):
        """More than are free in a month."""
        for _ in range(number):
            self.numbers += 1
            name = f"many-{self.numbers}"
            scenario = self.create(account, SCENARIO, set(), None, name=name)
            self.create(account, ESTIMATE, set(), None, name=name, billScenarioId=scenario.id)

    @step(which=WHICH, account=CALLERS)
    def read_a_result(self, which, account):
        estimate, caller = self.pick(ESTIMATE, which, account, "COMPLETE")
        thing = self.model.find(caller, ESTIMATE, estimate, self.now)
        codes = self.member(caller) or (set() if thing else NOT_FOUND)
        self.send(caller, "ListBillEstimateCommitments", codes, billEstimateId=estimate)
        if self.send(caller, "ListBillEstimateLineItems", codes, billEstimateId=estimate) is None:
            return
        lines = self.clients[caller].pages(
            CALCULATOR, "ListBillEstimateLineItems", "items", 20, billEstimateId=estimate
        )
        assert len({line["id"] for line in lines}) == len(lines)
        assert bool(lines) == (thing.status == "COMPLETE")
        if lines:
            costs = self.clients[caller].calculator("GetBillEstimate", identifier=estimate).json["costSummary"]
            total = math.fsum(line["estimatedCost"]["amount"] for line in lines)
            assert math.isclose(total, costs["totalCostDifference"]["estimatedCost"]["amount"], abs_tol=1e-6)
            self.did("a result was read")

    # What they do with workload estimates and preferences

    @step(
        account=st.sampled_from(ACCOUNTS), name=NAMES, token=TOKENS, rate=st.sampled_from((None, None, *docs.RATES[:2]))
    )
    def create_workload(self, account, name, token, rate):
        self.make_workload(account, name, token, **({"rateType": rate} if rate else {}))

    @precondition(lambda self: self.model.workloads_made[STRANGER, f"{self.now:%Y-%m}"] < docs.WORKLOADS_A_MONTH)
    @step(is_wanted=st.sampled_from((False, False, True)))
    def create_too_many_workloads(self, is_wanted):
        while is_wanted:
            self.numbers += 1
            if not self.make_workload(STRANGER, f"many-{self.numbers}", None):
                break
        self.touched = dict.fromkeys([*self.touched][-3:])

    def make_workload(self, account: str, name: str, token: str | None, **rate: str) -> Thing | None:
        codes = self.model.takes_name(account, WORKLOAD, name, self.now)
        allowed = self.model.allowed(account)
        wanted = rate.get("rateType", docs.PUBLIC if docs.PUBLIC in allowed else allowed[0])
        codes = codes | (set() if wanted in allowed else INVALID)
        if self.model.workloads_made[account, f"{self.now:%Y-%m}"] >= docs.WORKLOADS_A_MONTH:
            codes = codes | TOO_MANY
        thing = self.create(account, WORKLOAD, codes, token, name=name, **rate)
        assert thing is None or thing.rate == wanted
        return thing

    @step(
        account=st.sampled_from(ACCOUNTS),
        selections=st.dictionaries(
            st.sampled_from([name for name, _ in docs.SELECTIONS.values()]),
            st.lists(st.sampled_from(docs.RATES[:2]), min_size=1, max_size=3),
        ),
    )
    def set_preferences(self, account, selections):
        answer = self.send(account, "UpdatePreferences", self.member(account), **selections)
        if answer is not None:
            chosen = {name: list(dict.fromkeys(rates)) for name, rates in selections.items()}
            self.model.preferences[account] = self.model.preferences_of(account) | chosen
            assert answer == self.model.preferences_of(account)
        assert self.send(account, "GetPreferences", set()) == self.model.preferences_of(account)

    # What they do with each

    @step(kind=KIND, which=WHICH, account=CALLERS)
    def look(self, kind, which, account):
        id_, caller = self.pick(kind, which, account)
        kind = self.kind(id_)
        codes = set() if self.model.find(caller, kind, id_, self.now) else NOT_FOUND
        self.send(caller, f"Get{kind}", codes if kind == WORKLOAD else self.member(caller) or codes, identifier=id_)

    @step(kind=KIND, which=WHICH, account=CALLERS, name=NAMES | st.none(), hours=HOURS)
    def update(self, kind, which, account, name, hours):
        id_, caller = self.pick(kind, which, account, "READY" if kind == SCENARIO else None)
        kind, now = self.kind(id_), self.now
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

    @step(kind=KIND, which=WHICH, account=CALLERS)
    def delete(self, kind, which, account):
        id_, caller = self.pick(kind, which, account, {SCENARIO: "READY", ESTIMATE: "COMPLETE"}.get(kind))
        kind = self.kind(id_)
        codes = self.model.is_deletable(caller, kind, id_, self.now)
        codes = codes if kind == WORKLOAD else self.member(caller) or codes
        thing = self.model.find(caller, kind, id_, self.now)
        if self.send(caller, f"Delete{kind}", codes, identifier=id_) is not None and thing:
            del self.model.things[id_]
            self.did(f"{kind} is gone")

    @step(
        kind=KIND,
        which=WHICH,
        account=CALLERS,
        tags=st.dictionaries(st.sampled_from(("a", "b", "aws:c")), st.text("xyz", max_size=3), min_size=1, max_size=2),
        gone=st.sampled_from(("of", "a", "b", "c")),
    )
    def tag_and_untag(self, kind, which, account, tags, gone):
        id_, caller = self.pick(kind, which, account)
        thing = self.model.find(caller, self.kind(id_), id_, self.now)
        arn = docs.arn(self.kind(id_), self.ever[id_][1], id_)
        codes = (INVALID if "aws:c" in tags else set()) if thing else NOT_FOUND
        self.touched[id_] = None
        if self.send(caller, "TagResource", codes, arn=arn, tags=tags) is not None:
            thing.tags |= tags
        if self.send(caller, "UntagResource", set() if thing else NOT_FOUND, arn=arn, tagKeys=[gone]) is not None:
            thing.tags.pop(gone, None)

    @precondition(lambda self: self.model.tokens)
    @step(which=WHICH)
    def send_again(self, which):
        """The first request with some token, whatever has become of what it made."""
        tokens = list(self.model.tokens)
        account, operation, token = tokens[which % len(tokens)]
        params = dict(self.model.tokens[account, operation, token][0])
        assert self.send(account, operation, set(), params.pop("clientToken"), **params) is None
        self.carried_out += 1

    # What befalls them

    @step(hours=st.sampled_from((0.0001, 0.1, 0.5, 3, 6, 12, 12, 48, 9 * 24, 31 * 24, 200 * 24)))
    def let_time_pass(self, hours):
        self.move_on(hours)

    @step(which=WHICH, token=TOKENS)
    def let_expire_and_make_anew(self, which, token):
        id_, caller = self.pick(SCENARIO, which, None, "READY")
        thing = self.model.find(caller, SCENARIO, id_, self.now)
        self.update(kind=SCENARIO, which=which, account=None, name=None, hours=14)
        self.move_on(15)
        if thing:
            codes = self.model.takes_name(thing.account, SCENARIO, thing.name, self.now)
            self.create(thing.account, SCENARIO, codes, token, name=thing.name)

    @step(is_failing=st.booleans())
    def let_estimates_fail(self, is_failing):
        self.model.is_failing = is_failing
        self.put_faults()
        self.did("fate")

    @step()
    def take_snapshot(self):
        self.emulator.snapshot("kept")
        self.kept = copy.deepcopy((self.model, self.ever))
        self.did("snapshot")

    @precondition(lambda self: self.kept)
    @step()
    def restore_snapshot(self):
        self.emulator.restore("kept")
        self.model, self.ever = copy.deepcopy(self.kept)
        self.check_everything()
        self.did("restored")


@pytest.fixture(scope="module")
def emulator():
    with running(start="2026-11-20T06:00:00Z", rows=1, speed=1e-9) as emulator:
        yield emulator


@pytest.mark.timeout(TIMEOUT)
def test_what_ifs_live_as_the_model_says(emulator):
    tally: Counter[str] = Counter()
    clients = {account: Careful(emulator.url, account) for account in ACCOUNTS}
    search(lambda: Calculator(emulator, clients, tally), examples=20, steps=40)
    for client in clients.values():
        tally.update(
            {name: n for (name, status), n in client.answered.items() if name[:3] in ("Lis", "Get") and status == 200}
        )
        client.close()
    assert_lived(tally, {*PRICING_CALCULATOR.model.operation_names, *steps_of(Calculator), *EVENTS})


#: What must have happened as well.
EVENTS = (
    *(f"{kind} is gone" for kind in KINDS),
    *("a result was read", "a token again", "found by its name", "restored"),
    *(f"refused: {code}Exception" for code in ("Conflict", "Validation", "ResourceNotFound", "ServiceQuotaExceeded")),
)
