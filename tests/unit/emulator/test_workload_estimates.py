"""Workload estimates: their usage lines, what these cost, and who may make them."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date

import pytest
from tests.unit.emulator.bills import SMALL, used

PAYER, MEMBER, ALONE = "111122223333", "444455556666", "777788889999"
NOWHERE = "11111111-1111-1111-1111-111111111111"
DAY = 86400
BOX = {"serviceCode": "AmazonEC2", "usageType": "BoxUsage:m5.large", "operation": "RunInstances"}
BOX_RATE = 0.096
OCTOBER = {"start": "2026-10-01T00:00:00Z", "end": "2026-11-01T00:00:00Z"}


def usage(key="u1", amount=100.0, account=PAYER, **changes):
    return {"key": key, **BOX, "usageAccountId": account, "amount": amount, **changes}


def history(**changes):
    return {**BOX, "usageAccountId": PAYER, "billInterval": OCTOBER, "filterExpression": {}, **changes}


@pytest.fixture
def workload(calculator):
    return calculator.create_workload_estimate(name="web-shop")["id"]


@pytest.fixture
def add(calculator, workload):
    def create(*entries, **more):
        return calculator.batch_create_workload_estimate_usage(workloadEstimateId=workload, usage=list(entries), **more)

    return create


@pytest.fixture
def settled(emulator, calculator, workload):
    """Describe the workload estimate once its last change is worked out."""

    def get():
        emulator.clock.advance(5)
        return calculator.get_workload_estimate(identifier=workload)

    return get


def test_it_starts_valid_and_empty(calculator, workload):
    answer = calculator.get_workload_estimate(identifier=workload)
    names = ("name", "rateType", "status", "totalCost", "costCurrency")
    expected = ("web-shop", "BEFORE_DISCOUNTS", "VALID", 0.0, "USD")
    assert tuple(answer[name] for name in names) == expected
    assert answer["createdAt"] == answer["rateTimestamp"] < answer["expiresAt"]


def test_a_line_costs_its_list_price(add):
    (item,) = add(usage(group="web"))["items"]
    expected = {
        "key": "u1",
        **BOX,
        "id": item["id"],
        "usageAccountId": PAYER,
        "location": "US East (N. Virginia)",
        "group": "web",
        "quantity": {"unit": "Hrs", "amount": 100.0},
        "cost": pytest.approx(100 * BOX_RATE),
        "currency": "USD",
        "status": "VALID",
    }
    assert item == expected


def test_the_total_is_the_sum_of_the_lines(calculator, workload, add, settled):
    storage = {"serviceCode": "AmazonS3", "usageType": "EU-TimedStorage-ByteHrs", "operation": "StandardStorage"}
    added = add(usage("a", 10.0), usage("b", 50.0, **storage), usage("c", 0.0))["items"]
    assert settled()["totalCost"] == pytest.approx(math.fsum(item["cost"] for item in added))


def test_a_change_is_worked_out_for_a_moment(emulator, calculator, workload, add):
    add(usage())
    during = calculator.get_workload_estimate(identifier=workload)
    emulator.clock.advance(5)
    after = calculator.get_workload_estimate(identifier=workload)
    assert (during["status"], during["totalCost"]) == ("UPDATING", 0.0)
    assert (after["status"], after["totalCost"]) == ("VALID", pytest.approx(100 * BOX_RATE))


def test_updates_change_amount_and_group_and_the_total(calculator, workload, add, settled):
    first, second = add(usage("a", group="web"), usage("b"))["items"]
    answer = calculator.batch_update_workload_estimate_usage(
        workloadEstimateId=workload, usage=[{"id": first["id"], "amount": 10.0}, {"id": second["id"], "group": "db"}]
    )
    assert answer["errors"] == []
    shown = [(item["quantity"]["amount"], item["group"], item["cost"]) for item in answer["items"]]
    assert shown == [(10.0, "web", pytest.approx(0.96)), (100.0, "db", pytest.approx(9.6))]
    assert settled()["totalCost"] == pytest.approx(10.56)


def test_deletes_change_the_total(calculator, workload, add, settled):
    first, _ = add(usage("a"), usage("b", 1.0))["items"]
    answer = calculator.batch_delete_workload_estimate_usage(workloadEstimateId=workload, ids=[first["id"]])
    assert answer["errors"] == []
    assert settled()["totalCost"] == pytest.approx(BOX_RATE)


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (usage("bad", serviceCode="AmazonNothing"), "BAD_REQUEST"),
        (usage("bad", account="999988887777"), "BAD_REQUEST"),
        (usage("bad", amount=-1.0), "BAD_REQUEST"),
        (usage("bad", historicalUsage=history(usageType="BoxUsage:none")), "NOT_FOUND"),
        (usage("bad", historicalUsage=history(billInterval={**OCTOBER, "end": "2026-10-02"})), "BAD_REQUEST"),
        (usage("good"), "CONFLICT"),
    ],
)
def test_a_bad_entry_does_not_take_the_good_one_away(add, entry, code):
    answer = add(usage("good"), entry)
    assert [item["key"] for item in answer["items"]] == ["good"]
    assert [(error["key"], error["errorCode"]) for error in answer["errors"]] == [(entry["key"], code)]


def test_unknown_and_repeated_ids_are_errors_of_their_entries(calculator, workload, add):
    (item,) = add(usage())["items"]
    update = calculator.batch_update_workload_estimate_usage(
        workloadEstimateId=workload, usage=[{"id": NOWHERE}, {"id": item["id"]}, {"id": item["id"], "amount": 1.0}]
    )
    delete = calculator.batch_delete_workload_estimate_usage(
        workloadEstimateId=workload, ids=[NOWHERE, item["id"], item["id"]]
    )
    expected = [(NOWHERE, "NOT_FOUND"), (item["id"], "CONFLICT")]
    for answer in (update, delete):
        assert [(error["id"], error["errorCode"]) for error in answer["errors"]] == expected


def test_a_batch_sent_again_adds_nothing(calculator, workload, add):
    assert add(usage(), clientToken="t1")["items"] == add(usage(), clientToken="t1")["items"]
    assert len(calculator.list_workload_estimate_usage(workloadEstimateId=workload)["items"]) == 1


S3_GIGABYTES = ("AmazonS3", "TimedStorage-ByteHrs", "StandardStorage")
CLOUDFRONT_GIGABYTES = ("AmazonCloudFront", "US-DataTransfer-Out-Bytes", "GET")
CLOUDFRONT_REQUESTS = ("AmazonCloudFront", "US-Requests-Tier2-HTTPS", "GET")


@pytest.fixture
def thousand(calculator):
    """The costs of a thousand units of SKUs at a rate type."""

    def cost(rate_type, *skus):
        workload = calculator.create_workload_estimate(name=rate_type.replace("_", "-"), rateType=rate_type)["id"]
        names = ("serviceCode", "usageType", "operation")
        entries = [usage(str(key), 1000.0, **dict(zip(names, sku, strict=True))) for key, sku in enumerate(skus)]
        items = calculator.batch_create_workload_estimate_usage(workloadEstimateId=workload, usage=entries)["items"]
        return [item["cost"] for item in items]

    return cost


def test_after_discounts_a_unit_costs_what_the_organisation_has_negotiated(thousand):
    skus = (S3_GIGABYTES, CLOUDFRONT_GIGABYTES, tuple(BOX.values()))
    assert thousand("BEFORE_DISCOUNTS", *skus) == pytest.approx([23.0, 85.0, 96.0])
    # 4 and 20 % less, as the PrivateRateDiscount lines of the organisation's CUR say; EC2 has no such lines
    assert thousand("AFTER_DISCOUNTS", *skus) == pytest.approx([22.08, 68.0, 96.0])


def test_after_commitments_a_unit_costs_what_the_organisation_pays(thousand):
    costs = defaultdict(lambda: [0.0, 0.0])
    for line in used(SMALL, date(2026, 10, 1)):
        sums = costs[line["service"], line["usage_type"], line["operation"]]
        sums[:] = sums[0] + line["effective"], sums[1] + line["list_cost"]
    paid = {sku: effective / list_cost for sku, (effective, list_cost) in costs.items()}
    skus = (S3_GIGABYTES, tuple(BOX.values()))
    expected = [list_cost * paid[sku] for list_cost, sku in zip((23.0, 96.0), skus, strict=True)]
    assert CLOUDFRONT_REQUESTS not in paid, "these requests are made here, so that this is no test of what is not used"
    rates = thousand("AFTER_DISCOUNTS_AND_COMMITMENTS", *skus, CLOUDFRONT_REQUESTS)
    assert rates == pytest.approx([*expected, 0.0008])


def test_old_history_needs_action(emulator, calculator, workload, add, settled):
    add(usage(historicalUsage=history()))
    assert settled()["status"] == "VALID"
    emulator.clock.advance(11 * DAY)
    assert settled()["status"] == "ACTION_NEEDED"
    (item,) = calculator.list_workload_estimate_usage(workloadEstimateId=workload)["items"]
    assert item["status"] == "STALE"


def test_usage_is_listed_300_at_a_time_and_filtered(calculator, workload, add):
    for batch in range(13):
        add(*(usage(f"u{number}", group=f"g{batch}") for number in range(25)))
    listed = calculator.list_workload_estimate_usage
    first = listed(workloadEstimateId=workload, maxResults=300)
    rest = listed(workloadEstimateId=workload, maxResults=300, nextToken=first["nextToken"])
    assert (len(first["items"]), len(rest["items"]), "nextToken" in rest) == (300, 25, False)
    some = listed(workloadEstimateId=workload, filters=[{"name": "USAGE_GROUP", "values": ["g3", "g4"]}])["items"]
    assert {item["group"] for item in some} == {"g3", "g4"}
    assert len(some) == 50


@pytest.mark.parametrize("account", [PAYER, MEMBER, ALONE])
def test_every_kind_of_account_may_make_one(client, account):
    calculator = client("bcm-pricing-calculator", account)
    workload = calculator.create_workload_estimate(name="mine")["id"]
    answer = calculator.batch_create_workload_estimate_usage(
        workloadEstimateId=workload, usage=[usage(account=account)]
    )
    assert answer["errors"] == []
    assert [item["id"] for item in calculator.list_workload_estimates()["items"]] == [workload]


def test_a_member_models_usage_of_its_own_only(client):
    member = client("bcm-pricing-calculator", MEMBER)
    workload = member.create_workload_estimate(name="mine")["id"]
    answer = member.batch_create_workload_estimate_usage(workloadEstimateId=workload, usage=[usage()])
    assert [error["errorCode"] for error in answer["errors"]] == ["BAD_REQUEST"]


def test_names_are_unique_in_an_account(calculator, workload, client, refused):
    assert refused(calculator.create_workload_estimate, name="web-shop")["code"] == "ConflictException"
    other = calculator.create_workload_estimate(name="other")["id"]
    answer = refused(calculator.update_workload_estimate, identifier=other, name="web-shop")
    assert (answer["code"], answer["resourceId"]) == ("ConflictException", workload)
    client("bcm-pricing-calculator", MEMBER).create_workload_estimate(name="web-shop")


def test_a_token_sent_again_makes_nothing(calculator):
    first, second = (calculator.create_workload_estimate(name="a", clientToken="t1") for _ in range(2))
    assert first["id"] == second["id"]
    assert len(calculator.list_workload_estimates()["items"]) == 1


def test_name_and_expiry_are_updated(emulator, calculator, workload, refused):
    answer = calculator.update_workload_estimate(identifier=workload, name="renamed", expiresAt="2026-11-21T00:00:00Z")
    assert answer["name"] == "renamed"
    emulator.clock.advance(DAY)
    assert refused(calculator.get_workload_estimate, identifier=workload)["resourceType"] == "WorkloadEstimate"
    assert calculator.list_workload_estimates()["items"] == []


def test_deleting_twice_is_no_error(calculator, workload, refused):
    calculator.delete_workload_estimate(identifier=workload)
    calculator.delete_workload_estimate(identifier=workload)
    assert refused(calculator.get_workload_estimate, identifier=workload)["code"] == "ResourceNotFoundException"


def test_fifty_a_month(emulator, calculator, refused):
    for number in range(50):
        made = calculator.create_workload_estimate(name=f"w{number}")["id"]
    calculator.delete_workload_estimate(identifier=made)
    assert refused(calculator.create_workload_estimate, name="w50")["code"] == "ServiceQuotaExceededException"
    emulator.clock.advance(11 * DAY)
    calculator.create_workload_estimate(name="w50")


@pytest.mark.parametrize(("quota", "number"), [("USAGE_QUOTA", 2), ("MODIFICATION_QUOTA", 1)])
def test_an_estimate_has_quotas(monkeypatch, calculator, workload, add, refused, quota, number):
    monkeypatch.setattr(f"emulator.pricing_calculator.workload_usage.{quota}", number)
    add(usage("a"))
    call = calculator.batch_create_workload_estimate_usage
    answer = refused(call, workloadEstimateId=workload, usage=[usage("b"), usage("c")])
    assert (answer["code"], answer["resourceId"]) == ("ServiceQuotaExceededException", workload)


def test_they_are_filtered_by_name_and_status(calculator, workload, add):
    calculator.create_workload_estimate(name="other")
    add(usage())
    updating = calculator.list_workload_estimates(filters=[{"name": "STATUS", "values": ["UPDATING"]}])["items"]
    named = calculator.list_workload_estimates(
        filters=[{"name": "NAME", "values": ["oth"], "matchOption": "STARTS_WITH"}]
    )["items"]
    assert [item["name"] for item in (*updating, *named)] == ["web-shop", "other"]
