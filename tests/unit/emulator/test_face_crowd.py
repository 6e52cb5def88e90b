"""The status page when there is much of everything: it stays short, and what matters is on it."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

import pytest
from tests.unit.emulator.test_face import Outline

from emulator.data_exports.state import ExportRecord
from emulator.face import page
from emulator.face.shown import MOST, Shown
from emulator.face.view import MOST_ACCOUNTS
from emulator.moto import storage
from emulator.server import running

PAYER = "111122223333"
ACCOUNTS = [PAYER, *(f"{number:012}" for number in range(200000000001, 200000000039))]


@pytest.fixture(scope="module")
def emulator():
    with running(start="2026-11-20T06:00:00Z", rows=100, accounts=ACCOUNTS) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def nothing_stays(emulator):
    yield
    emulator.reset()


@pytest.fixture
def look(emulator):
    """The page's outline."""
    return lambda: Outline(page(emulator._world, emulator.url))


@pytest.fixture
def add_exports(emulator, definition):
    """``add_exports(number, unhealthy=())``: export-0, export-1 and so on, past all quotas, those healthy or not."""

    def add(number, unhealthy=()):
        world = emulator._world
        for place in range(number):
            account, now = ACCOUNTS[place % len(ACCOUNTS)], world.clock.now()
            arn = f"arn:aws:bcm-data-exports:us-east-1:{account}:export/export-{place}-"
            export = {**definition(f"export-{place}"), "ExportArn": arn}
            record = ExportRecord(account, arn, "COST_AND_USAGE_REPORT", export, {}, now, now)
            if place in unhealthy:
                record.judge(now, "INSUFFICIENT_PERMISSION")
            world.exports.add(record)
            world.runner.start(record)

    return add


def shown_exports(seen):
    return re.findall(r"export-\d+(?= (?:UN)?HEALTHY)", seen.section("Exports"))


def test_an_unhealthy_export_is_shown_before_newer_ones(add_exports, look):
    add_exports(500, unhealthy=(3, 40))
    seen = look()
    assert shown_exports(seen)[:3] == ["export-40", "export-3", "export-499"], "an old unhealthy export is out of sight"
    assert "and 480 more exports: aws bcm-data-exports list-exports" in seen.section("Exports")
    assert "500 2 unhealthy" in seen.text


def test_unhealthy_exports_that_are_not_shown_are_counted(add_exports, look):
    add_exports(30, unhealthy=range(25))
    assert "and 10 more exports, 5 unhealthy : aws" in look().section("Exports")


def test_how_to_have_the_first_deliveries_is_said_once(add_exports, look):
    add_exports(30)
    assert len([one for one in look().commands if "advance_seconds" in one]) == 1


def test_estimates_in_progress_are_shown_before_newer_ones(emulator, client, look):
    calculator, book = client("bcm-pricing-calculator"), emulator._world.calculator
    for number in range(25):
        scenario = calculator.create_bill_scenario(name=f"s{number}")
        calculator.create_bill_estimate(name=f"e{number}", billScenarioId=scenario["id"])
    for estimate in book.all_estimates(emulator.clock.now())[3:]:
        book.end_estimate(estimate, "it was too much")
    text = look().section("Bill estimates")
    statuses = re.findall(r"(e\d+) \d{12} (IN_PROGRESS|FAILED)", text)
    assert [name for name, status in statuses if status == "IN_PROGRESS"] == ["e2", "e1", "e0"], "out of sight"
    assert statuses[3] == ("e24", "FAILED")
    assert "and 5 more estimates: aws bcm-pricing-calculator list-bill-estimates" in text


def test_accounts_buckets_faults_and_requests_are_bounded(emulator, look):
    for number in range(30):
        storage.create_bucket(ACCOUNTS[number], f"bucket-{number}", PAYER)
        rule = {"operation": "ListTables", "error": {"code": "A", "message": "long " * 500}, "times": number + 1}
        emulator.faults.add(rule)
    connection = http.client.HTTPConnection(urlsplit(emulator.url).netloc, timeout=30)
    for _ in range(30):
        connection.request("GET", f"/{'a' * 2000}/b")
        connection.getresponse().read()
    connection.close()
    seen = look()
    assert seen.text.count(" Member ") == MOST_ACCOUNTS - 1
    assert f"and {len(ACCOUNTS) - MOST_ACCOUNTS} more" in seen.text.partition(" Exports ")[0]
    assert re.search(r"and 10 more buckets: aws s3 ls", seen.section("Buckets"))
    assert "and 10 more rules: /_emulator/faults" in seen.section("Faults in force")
    assert "and 10 older requests: /_emulator/requests" in seen.section("Last requests")
    assert "those that failed alone: /_emulator/requests?error=*" in seen.section("Last requests")
    assert max(len(text) for text in seen.texts if "long" in text or "aaa" in text) <= 240, "it fills the page"


def test_the_urgent_come_first_and_then_the_newest():
    numbers = Shown.newest([1, 2, 3, 4], str, lambda number: number in (1, 3), most=3)
    assert (numbers.items, numbers.hidden, numbers.urgent, numbers.urgent_hidden) == (["3", "1", "4"], 1, 2, 0)
    assert Shown.first(range(50)).items == list(range(MOST))


def test_the_scenario_to_estimate_is_the_payers(emulator, client, look):
    client("bcm-pricing-calculator", "999999999999").create_bill_scenario(name="theirs")
    calculator = client("bcm-pricing-calculator")
    ((first, _),) = [one.strip().split("\n") for one in look().commands if "create-bill-estimate" in one]
    assert first.startswith("scenario=$(aws bcm-pricing-calculator create-bill-scenario --name what-if --query id")
    calculator.create_bill_scenario(name="what-if")
    own = calculator.list_bill_scenarios()["items"][0]["id"]
    assert any(f"--bill-scenario-id {own} " in one for one in look().commands), "the key of the page is the payer's"


def test_a_name_that_is_taken_is_not_proposed(emulator, client, look):
    client("bcm-pricing-calculator").create_bill_scenario(name="what-if")
    emulator.clock.advance(20 * 86_400)  # it is stale, and keeps its name
    assert [one for one in look().commands if "create-bill-scenario --name what-if-2 " in one]
