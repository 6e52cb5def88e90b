"""Where estimates are worked out: beside the requests, once their hours are over, and not for a world that is gone."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import boto3
import pytest
from tests.unit.emulator.held import HOUR, Held, pass_hours

from emulator.pricing_calculator import estimation, history
from emulator.server import running

PAYER = "111122223333"
AVERAGE = "AFTER_DISCOUNTS_AND_COMMITMENTS"
OCTOBER = "2026-10-01T00:00:00Z"
BOX = {
    "serviceCode": "AmazonEC2",
    "usageType": "BoxUsage:m5.large",
    "operation": "RunInstances",
    "usageAccountId": PAYER,
}
HISTORICAL = {
    "key": "h",
    **BOX,
    "amounts": [{"startHour": OCTOBER, "amount": 10.0}],
    "historicalUsage": {
        **BOX,
        "billInterval": {"start": OCTOBER, "end": "2026-11-01T00:00:00Z"},
        "filterExpression": {"dimensions": {"key": "REGION", "values": ["us-east-1"]}},
    },
}
NEGATED = {
    "key": "n",
    "usageAccountId": PAYER,
    "commitmentAction": {"negateSavingsPlanAction": {"savingsPlanId": "11111111-1111-1111-1111-111111111111"}},
}


@pytest.fixture
def model(monkeypatch):
    """What an estimate makes of a bill, held up."""
    held = Held(estimation.estimate_bill)
    monkeypatch.setattr(estimation, "estimate_bill", held)
    yield held
    held.go_on.set()


@pytest.fixture(params=["reader", "model"])
def work(request):
    """Either of them."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def scenario(calculator):
    return calculator.create_bill_scenario(name="growth")["id"]


@pytest.fixture
def begin(emulator, calculator, scenario):
    """Create an estimate and let its hours pass without a jump, while ``held`` is under way."""

    def make(held):
        estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="estimate")["id"]
        pass_hours(emulator.clock)
        assert held.begun.wait(20)
        return estimate

    return make


@pytest.fixture
def finish(emulator):
    """Let everything be worked out that is due."""

    def make(held):
        held.go_on.set()
        emulator.clock.advance(0)
        emulator.settle()

    return make


@pytest.fixture
def statuses(client, scenario):
    calculator = client("bcm-pricing-calculator", read_timeout=10)

    def of(estimate):
        return (
            calculator.get_bill_estimate(identifier=estimate)["status"],
            calculator.get_bill_scenario(identifier=scenario)["status"],
        )

    return of


@contextmanager
def asking(reader, call, **params):
    """Send a request that needs the bill while that is read, and give its answer to come."""
    with ThreadPoolExecutor(1) as pool:
        try:
            asked = pool.submit(call, **params)
            assert reader.begun.wait(20)
            yield asked
        finally:
            reader.go_on.set()


def test_requests_are_answered_while_an_estimate_is_worked_out(begin, work, statuses, finish, client):
    estimate = begin(work)
    assert client("sts", read_timeout=10).get_caller_identity()["Account"] == PAYER
    assert statuses(estimate) == ("IN_PROGRESS", "LOCKED")
    finish(work)
    assert statuses(estimate) == ("COMPLETE", "READY")


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        pytest.param("batch_create_bill_scenario_usage_modification", {"usageModifications": [HISTORICAL]}, id="usage"),
        pytest.param(
            "batch_create_bill_scenario_commitment_modification",
            {"commitmentModifications": [NEGATED]},
            id="commitments",
        ),
    ],
)
def test_only_who_asks_about_the_bill_waits_for_it(scenario, reader, client, operation, params):
    call = getattr(client("bcm-pricing-calculator"), operation)
    others = client("bcm-pricing-calculator", read_timeout=10)
    with asking(reader, call, billScenarioId=scenario, **params) as asked:
        assert others.get_bill_scenario(identifier=scenario)["status"] == "READY"
        assert not asked.done()
    answer = asked.result()
    assert (reader.times, len(answer["items"]) + len(answer["errors"])) == (1, 1)


def test_only_who_adds_usage_at_an_average_price_waits_for_it(calculator, reader, client):
    workload = calculator.create_workload_estimate(name="w", rateType=AVERAGE)["id"]
    others = client("bcm-pricing-calculator", read_timeout=10)
    with asking(reader, add_usage, calculator=calculator, workload=workload) as asked:
        assert others.get_workload_estimate(identifier=workload)["name"] == "w"
    assert asked.result()["errors"] == []


def test_only_who_changes_usage_at_an_average_price_waits_for_it(calculator, reader, client):
    workload = calculator.create_workload_estimate(name="w", rateType=AVERAGE)["id"]
    others = client("bcm-pricing-calculator", read_timeout=10)
    reader.go_on.set()
    lines = [{"id": add_usage(calculator, workload)["items"][0]["id"], "amount": 2.0}]
    reader.go_on.clear()
    reader.begun.clear()
    history._recent.clear()
    change = calculator.batch_update_workload_estimate_usage
    with asking(reader, change, workloadEstimateId=workload, usage=lines) as asked:
        assert others.get_workload_estimate(identifier=workload)["name"] == "w"
    assert asked.result()["errors"] == []


def add_usage(calculator, workload):
    line = {"key": "u", **BOX, "amount": 1.0}
    return calculator.batch_create_workload_estimate_usage(workloadEstimateId=workload, usage=[line])


def test_whether_a_line_needs_the_bill_is_looked_up_while_nobody_changes_it(emulator, calculator, monkeypatch):
    workload = calculator.create_workload_estimate(name="w")["id"]
    world, held = emulator._world, []
    get = world.calculator.workloads.get
    monkeypatch.setattr(
        world.calculator.workloads, "get", lambda *key: held.append(world.lock._is_owned()) or get(*key)
    )
    assert add_usage(calculator, workload)["errors"] == []
    assert len(held) > 1
    assert all(held), "the roll of workload estimates is read while others change it"


def test_an_estimate_of_storage_needs_no_hours(emulator, calculator, scenario, monkeypatch):
    monkeypatch.setattr(history, "_read_hours", None)
    monkeypatch.setattr(history, "_recent", {})
    storage = {"serviceCode": "AmazonS3", "usageType": "TimedStorage-ByteHrs", "operation": "StandardStorage"}
    line = {"key": "s", **storage, "usageAccountId": PAYER, "amounts": [{"startHour": OCTOBER, "amount": 10.0}]}
    calculator.batch_create_bill_scenario_usage_modification(billScenarioId=scenario, usageModifications=[line])
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="estimate")["id"]
    emulator.clock.advance(12 * HOUR)
    status = calculator.get_bill_estimate(identifier=estimate)["status"]
    assert status == "COMPLETE", "hours are read for nothing: that takes several times as long as the rest"


def test_a_jump_waits_for_the_estimate(emulator, calculator, scenario, reader):
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="estimate")["id"]
    assert reader.begun.wait(20), "the bill is not read while the estimate's hours pass"
    threading.Timer(0.05, reader.go_on.set).start()
    emulator.clock.advance(12 * HOUR)
    assert calculator.get_bill_estimate(identifier=estimate)["status"] == "COMPLETE"


def test_an_estimate_that_cannot_be_worked_out_fails_and_frees_its_scenario(
    emulator, calculator, scenario, statuses, monkeypatch
):
    def fail(*_):
        raise OverflowError("a defect")

    monkeypatch.setattr("emulator.pricing_calculator.estimation.estimate_bill", fail)
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="estimate")["id"]
    emulator.clock.advance(12 * HOUR)
    assert statuses(estimate) == ("FAILED", "READY"), "nobody can ever delete it"
    assert "log" in calculator.get_bill_estimate(identifier=estimate)["failureMessage"]
    assert emulator.charges() == []
    calculator.delete_bill_estimate(identifier=estimate)


def test_a_snapshot_keeps_what_is_not_worked_out_yet(emulator, begin, work, finish, statuses):
    estimate = begin(work)
    emulator.snapshot("before")
    finish(work)
    emulator.restore("before")
    assert statuses(estimate) == ("COMPLETE", "READY")


def test_a_restore_gives_up_what_is_worked_out(emulator, calculator, scenario, reader, begin, finish):
    emulator.snapshot("before")
    begin(reader)
    emulator.restore("before")
    finish(reader)
    assert calculator.list_bill_estimates()["items"] == []
    assert calculator.get_bill_scenario(identifier=scenario)["status"] == "READY"


def test_a_snapshot_keeps_what_waits_behind_what_is_under_way(emulator, calculator, begin, reader, finish, statuses):
    other = calculator.create_bill_scenario(name="other")["id"]
    first = begin(reader)
    second = calculator.create_bill_estimate(billScenarioId=other, name="second")["id"]
    pass_hours(emulator.clock)
    emulator.snapshot("busy")
    emulator.restore("busy")
    finish(reader)
    assert (statuses(first)[0], statuses(second)[0]) == ("COMPLETE", "COMPLETE"), "a snapshot lost an estimate"


def test_what_a_snapshot_has_under_way_and_waiting_is_worked_out_once(emulator, begin, reader, model, finish, statuses):
    estimate = begin(reader)  # read ahead, and to be ended as its hours are over
    emulator.snapshot("busy")
    emulator.restore("busy")
    model.go_on.set()
    finish(reader)
    emulator._world.estimate_desk.close()
    assert (statuses(estimate)[0], model.times) == ("COMPLETE", 1)


def test_a_failure_by_a_rule_waits_for_nothing(emulator, calculator, scenario, reader, statuses):
    emulator.faults.add({"estimate": {"failure_message": "no rates"}})
    estimate = calculator.create_bill_estimate(billScenarioId=scenario, name="estimate")["id"]
    assert reader.begun.wait(20)
    late = threading.Timer(5, reader.go_on.set)
    late.start()
    emulator.clock.advance(13 * HOUR)
    emulator.settle()
    late.cancel()
    assert not reader.go_on.is_set(), "a jump waits for the bill of an estimate that has failed"
    assert statuses(estimate) == ("FAILED", "READY")


def test_a_stop_gives_up_what_is_being_read(reader):
    with running(start="2026-11-20T06:00:00Z", rows=100) as emulator:
        keys = {"aws_access_key_id": f"AKIADEMO{PAYER}", "aws_secret_access_key": "x"}
        client = boto3.client("bcm-pricing-calculator", endpoint_url=emulator.url, region_name="us-east-1", **keys)
        scenario = client.create_bill_scenario(name="growth")["id"]
        client.create_bill_estimate(billScenarioId=scenario, name="estimate")
        assert reader.begun.wait(20)
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("emulator")] == []
