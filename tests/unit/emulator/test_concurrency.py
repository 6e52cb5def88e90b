"""Fifty clients at once with a fault on every tenth call: nothing is lost, doubled or half-written."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from tests.unit.emulator.crowd import BUCKET, FAULTS, PAYER, Client, everything, export, plan, run_together
from tests.unit.emulator.raw import CALCULATOR, EXPORTS, Raw

from emulator.server import running

PLANNERS, EXPORTERS = 46, 4
ACCOUNTS = [f"9999000011{number:02}" for number in range(EXPORTERS)]


@dataclass
class Aftermath:
    """What is left when all fifty are done, the clock stands still and nothing goes wrong any more."""

    clients: list[Client]
    failures: list[BaseException]
    log: list[dict[str, Any]]
    payer: Raw
    charges: list[dict[str, Any]]
    url: str

    def listed(self, operation: str, **params: Any) -> list[dict[str, Any]]:
        return everything(self.payer, CALCULATOR, operation, "items", **params)


@pytest.fixture(scope="module")
def aftermath():
    with running(
        start="2026-11-02T06:00:00Z", rows=20, speed=8_000, estimate_hours=(1 / 3, 2), buckets=[f"{PAYER}/{BUCKET}"]
    ) as emulator:
        payer = Raw(emulator.url, PAYER)
        allow = {"Effect": "Allow", "Principal": {"Service": "bcm-data-exports.amazonaws.com"}, "Action": "s3:*"}
        policy = {"Version": "2012-10-17", "Statement": [{**allow, "Resource": "*"}]}
        assert payer.send("PUT", f"/{BUCKET}?policy", json.dumps(policy).encode()).status == 200
        payer.control("DELETE", "requests")
        for number, effect in enumerate(FAULTS):
            everywhere = {"service": "*", "operation": "*", "every": 10 * len(FAULTS), "skip": 10 * number}
            payer.control("POST", "faults", **everywhere, **effect)
        accounts = [PAYER] * PLANNERS + ACCOUNTS
        clients = [Client(emulator.url, account, number) for number, account in enumerate(accounts)]
        failures = run_together(clients, lambda client: (plan if client.account == PAYER else export)(client))
        emulator.clock.speed = 1e-9
        emulator.faults.clear()
        yield Aftermath(clients, failures, emulator.requests(), payer, emulator.charges(), emulator.url)
        payer.close()


def test_every_client_got_through_and_saw_nothing_half_written(aftermath):
    assert aftermath.failures == []


def test_every_tenth_call_went_wrong(aftermath):
    struck = Counter(name for entry in aftermath.log for name in entry["faults"])
    assert set(struck) == {"error", "drop_answer", "reset_connection"}
    assert 0.09 < struck.total() / len(aftermath.log) < 0.11


def test_scenarios_are_there_once_each(aftermath):
    names = [one["name"] for one in aftermath.listed("ListBillScenarios")]
    kept = {f"client-{number}" for number in range(0, PLANNERS, 2)}
    assert (len(names), set(names)) == (len(set(names)), kept | {f"race-{number}" for number in range(5)})


def test_estimates_are_there_once_each_and_complete(aftermath):
    estimates = aftermath.listed("ListBillEstimates")
    assert sorted(one["name"] for one in estimates) == sorted(f"client-{n}-done" for n in range(0, PLANNERS, 2))
    assert {one["status"] for one in estimates} == {"COMPLETE"}
    assert len({one["id"] for one in estimates}) == len(estimates)


def test_a_batch_that_was_sent_again_counts_once(aftermath):
    scenarios = [one for one in aftermath.listed("ListBillScenarios") if one["name"].startswith("client-")]
    lines = [aftermath.listed("ListBillScenarioUsageModifications", billScenarioId=one["id"]) for one in scenarios]
    assert [len(each) for each in lines] == [2] * len(scenarios)


def test_every_estimate_is_charged_once(aftermath):
    [charge] = aftermath.charges
    assert (charge["account"], charge["estimates"], charge["usd"]) == (PAYER, PLANNERS, (PLANNERS - 5) * 2.0)


def test_exports_are_there_once_each_as_they_were_changed(aftermath):
    for account in ACCOUNTS:
        client = Raw(aftermath.url, account)
        [listed] = everything(client, EXPORTS, "ListExports", "Exports")
        got = client.exports("GetExport", ExportArn=listed["ExportArn"]).json
        client.close()
        assert (got["Export"]["Name"], got["Export"]["Description"]) == ("stays", "changed")


def test_an_export_was_created_once_by_every_client(aftermath):
    made = [entry for entry in aftermath.log if entry["operation"] == "CreateExport" and entry["status"] == 200]
    assert Counter(entry["account"] for entry in made) == dict.fromkeys(ACCOUNTS, 2)


def test_the_log_has_every_request_once(aftermath):
    sent = sum((client.sent for client in aftermath.clients), Counter())
    assert Counter(entry["operation"] for entry in aftermath.log) == sent


def test_the_log_has_the_outcome_that_clients_saw(aftermath):
    """An answer that was dropped is in the log, a request whose connection was reset has none."""
    seen = sum((client.answered for client in aftermath.clients), Counter())
    lost = {"drop_answer", "reset_connection"}
    answered = [entry for entry in aftermath.log if not lost & set(entry["faults"])]
    assert Counter((entry["operation"], entry["status"]) for entry in answered) == seen
    reset = [entry for entry in aftermath.log if "reset_connection" in entry["faults"]]
    assert {entry["status"] for entry in reset} == {None}
