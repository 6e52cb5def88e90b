"""Which usage which commitment covers: hand-made hours, prices of the price list, discounts of the catalogue."""

from __future__ import annotations

import random
from collections import defaultdict

import numpy as np
import pytest

from emulator.pricing_calculator import offerings
from emulator.pricing_calculator.commitments import added
from emulator.pricing_calculator.coverage import Coverage, circles
from emulator.pricing_calculator.lines import Bill
from emulator.pricing_calculator.products import normalized_units, product

PAYER, MEMBER, OTHER = "111122223333", "444455556666", "777788889999"
LARGE, XLARGE = "BoxUsage:m5.large", "BoxUsage:m5.xlarge"  # 0.096 and 0.192 USD an hour
NO_UPFRONT = "No Upfront"


class Month:
    """A month of two hours, or of some."""

    def __init__(self, hours=2):
        self.hours = hours
        self.bill = Bill()
        self.coverage = Coverage(self.bill, hours)
        self.commitments = []
        self.used = {}

    def use(self, usage_type, *hours, account=PAYER, by="", modelled=False):
        service, operation = ("AWSLambda", "Invoke") if "Lambda" in usage_type else ("AmazonEC2", "RunInstances")
        known = product(service, usage_type, operation)
        key, quantity = (service, usage_type, operation, account), np.array(hours, float)
        self.coverage.add(key, "", known, quantity, by, modelled)
        self.used[key] = quantity

    def plan(self, usd_per_hour, family="", owner=PAYER):
        kind = offerings.EC2_INSTANCE if family else offerings.COMPUTE
        offering = offerings.lookup(kind, 1, NO_UPFRONT, "us-east-1" if family else "Any", family)
        return self._buy(owner, "addSavingsPlanAction", savingsPlanOfferingId=offering.id, commitment=usd_per_hour)

    def reserve(self, count, instance_type, owner=PAYER):
        offering = offerings.lookup(offerings.RESERVED, 1, NO_UPFRONT, "us-east-1", instance_type)
        return self._buy(
            owner, "addReservedInstanceAction", reservedInstancesOfferingId=offering.id, instanceCount=count
        )

    def _buy(self, owner, action, **members):
        number = f"{len(self.commitments):08}-0000-0000-0000-000000000000"
        item = {"id": number, "usageAccountId": owner, "commitmentAction": {action: members}}
        self.commitments.append(added(item, self.hours))
        return self.commitments[-1]

    def covered(self, preference=None):
        """What is covered after all, by usage type and account: the changes of the bill's covered lines."""
        self.coverage.apply(self.commitments, circles(preference, PAYER))
        changes = {}
        for line in self.bill.sorted():
            if line.identity.type in ("SavingsPlanCoveredUsage", "DiscountedUsage"):
                name = (line.identity.key[1], line.identity.key[3], line.identity.type)
                changes[name] = changes.get(name, 0.0) + sum(quantity for quantity, _ in line.estimate)
        return {name: pytest.approx(quantity) for name, quantity in changes.items() if abs(quantity) > 1e-9}


PLAN, RESERVED = "SavingsPlanCoveredUsage", "DiscountedUsage"


@pytest.fixture
def month():
    return Month()


def test_what_an_hour_leaves_unused_is_lost(month):
    month.use(LARGE, 10, 0)
    month.plan(10 * 0.096 * 0.74)
    assert month.covered() == {(LARGE, PAYER, PLAN): 10}


def test_a_reservation_covers_smaller_and_larger_sizes_by_their_units(month):
    month.use(XLARGE, 3, 3)  # 8 units each
    month.use(LARGE, 1, 0)  # 4 units each, and the smallest size is first
    month.reserve(5, "m5.large")  # 20 units an hour
    assert month.covered() == {(LARGE, PAYER, RESERVED): 1, (XLARGE, PAYER, RESERVED): 2 + 2.5}


def test_a_reservation_covers_its_family_in_its_region_only(month):
    month.use("EU-BoxUsage:m5.large", 1, 1)
    month.use("BoxUsage:m6i.large", 1, 1)
    month.reserve(5, "m5.large")
    assert month.covered() == {}


def test_the_highest_saving_is_first(month):
    # Lambda saves half of what EC2 does: 13 % and 26 %.
    month.use("Lambda-GB-Second", 1e6, 1e6)
    month.use(LARGE, 1, 1)
    month.plan(0.096 * 0.74 + 0.0000166667 * 0.87 * 1000)
    assert month.covered() == {(LARGE, PAYER, PLAN): 2, ("Lambda-GB-Second", PAYER, PLAN): 2000}


def test_with_equal_savings_the_lower_rate_is_first(month):
    month.use(XLARGE, 1, 1)
    month.use(LARGE, 1, 1)
    month.plan(0.096 * 0.74)
    assert month.covered() == {(LARGE, PAYER, PLAN): 2}


def test_the_owner_comes_first_then_everybody(month):
    month.use(LARGE, 2, 2, account=PAYER)
    month.use(LARGE, 2, 2, account=MEMBER)
    month.plan(3 * 0.096 * 0.74, owner=MEMBER)
    assert month.covered() == {(LARGE, MEMBER, PLAN): 4, (LARGE, PAYER, PLAN): 2}


@pytest.mark.parametrize(
    ("preference", "expected"),
    [
        ("RESTRICTED", {MEMBER: 2, OTHER: 2}),
        ("PRIORITIZED", {MEMBER: 2, OTHER: 2, PAYER: 2}),
        ("OPEN", {MEMBER: 2, OTHER: 2, PAYER: 2}),
    ],
)
def test_sharing_is_as_the_scenario_says(month, preference, expected):
    for account in (PAYER, MEMBER, OTHER):
        month.use(LARGE, 1, 1, account=account)
    month.plan(3 * 0.096 * 0.74, owner=MEMBER)
    assert month.covered(preference) == {(LARGE, account, PLAN): hours for account, hours in expected.items()}


def test_the_group_comes_before_the_others(month):
    month.use(LARGE, 1, 1, account=PAYER)
    month.use(LARGE, 1, 1, account=OTHER)
    month.plan(0.096 * 0.74, owner=MEMBER)
    assert month.covered("PRIORITIZED") == {(LARGE, OTHER, PLAN): 2}


def test_a_reservation_takes_over_what_a_plan_covered_and_the_plan_moves_on(month):
    plan = month.plan(0.096 * 0.74)
    plan.capacity[:] = 0.0  # used up by the hours it covers already
    month.use(LARGE, 1, 1, by=plan.arn)
    month.use("BoxUsage:m6i.large", 1, 1)
    month.reserve(1, "m5.large")
    assert month.covered() == {
        (LARGE, PAYER, RESERVED): 2,
        (LARGE, PAYER, PLAN): -2,
        ("BoxUsage:m6i.large", PAYER, PLAN): 2,
    }


def test_usage_on_demand_is_covered_before_that_of_a_plan_is_taken_over(month):
    plan = month.plan(0.096 * 0.74)
    plan.capacity[:] = 0.0
    month.use(LARGE, 1, 1, by=plan.arn)
    month.use(LARGE, 1, 1)
    month.reserve(1, "m5.large")
    assert month.covered() == {(LARGE, PAYER, RESERVED): 2}


def test_what_the_organisation_left_unused_is_for_modelled_usage_in_its_hour():
    month = Month()
    plan = month.plan(0.096 * 0.74)
    plan.capacity[:], plan.idle[:] = 0.0, (2 * 0.096 * 0.74, 0.0)
    month.use(LARGE, 5, 5, account=PAYER)
    month.use(LARGE, 1, 1, account=MEMBER, modelled=True)
    assert month.covered() == {(LARGE, MEMBER, PLAN): 1}


def test_what_is_left_unused_goes_before_what_could_cover_other_usage():
    month = Month()
    plan = month.plan(0.096 * 0.74)
    plan.idle[:] = 0.096 * 0.74
    month.use(LARGE, 1, 1, modelled=True)
    month.use(XLARGE, 1, 1)
    assert month.covered() == {(LARGE, PAYER, PLAN): 2, (XLARGE, PAYER, PLAN): 1}


@pytest.mark.parametrize("preference", ["OPEN", "PRIORITIZED", "RESTRICTED"])
def test_each_hour_is_covered_as_if_it_were_the_only_one(preference):
    draw = random.Random(preference)
    month, hours = Month(6), range(6)
    for account in (PAYER, MEMBER, OTHER):
        for usage_type in (LARGE, XLARGE, "BoxUsage:m6i.large", "EU-BoxUsage:m5.large", "Lambda-GB-Second"):
            scale = 100_000 if "Lambda" in usage_type else 1
            month.use(usage_type, *(scale * draw.randrange(5) for _ in hours), account=account)
    for owner in (PAYER, MEMBER):
        month.reserve(draw.randrange(1, 4), draw.choice(("m5.large", "m5.xlarge")), owner=owner)
        month.plan(draw.uniform(0.1, 0.6), "m5", owner=owner)
        month.plan(draw.uniform(0.1, 0.9), owner=owner)
    expected = defaultdict(float)
    for hour in hours:
        for name, quantity in _by_hand(month, hour, preference):
            expected[name] += quantity
    assert len(expected) > 9, "hardly anything is covered: this tells little"
    assert month.covered(preference) == expected


def _by_hand(month, hour, preference):
    """One hour by AWS's rules, in plain numbers: what is covered, by usage type, account and type of line."""
    left = {commitment.arn: commitment.capacity[hour] for commitment in month.commitments}
    open_usage = {key: quantity[hour] for key, quantity in month.used.items()}
    for kind in (offerings.RESERVED, offerings.EC2_INSTANCE, offerings.COMPUTE):
        for reach in {"OPEN": "oa", "PRIORITIZED": "oga", "RESTRICTED": "og"}[preference]:
            choices = []
            for bought in month.commitments:
                for key in open_usage:
                    item, owner, user = product(*key[:3]), bought.account, key[3]
                    near = {"o": owner == user, "g": (owner == PAYER) == (user == PAYER), "a": True}[reach]
                    of_family = (item.family, item.region.code) == ("m5", "us-east-1")
                    if bought.offering.kind != kind or not near or not (kind == offerings.COMPUTE or of_family):
                        continue
                    saving = {offerings.RESERVED: 0, offerings.EC2_INSTANCE: 0.36, offerings.COMPUTE: 0.26}[kind]
                    saving /= 2 if item.service == "AWSLambda" else 1
                    price = item.units if kind == offerings.RESERVED else item.rate * (1 - saving)
                    choices.append((-saving, price, key, bought.arn))
            for _, price, key, arn in sorted(choices):
                quantity = min(open_usage[key], left[arn] / price)
                open_usage[key] -= quantity
                left[arn] -= quantity * price
                if quantity > 1e-9:
                    yield (key[1], key[3], RESERVED if kind == offerings.RESERVED else PLAN), quantity


def test_spot_is_nothing_that_a_commitment_could_cover():
    assert product("AmazonEC2", "SpotUsage:c6i.large", "RunInstances:SV001") is None


@pytest.mark.parametrize(
    ("payment", "upfront", "monthly"),
    [  # an m5.large for three years, 0.096 USD on demand, of 744 hours in the month and 26,280 in the term
        (NO_UPFRONT, 0.0, 0.096 * 0.44 * 744),
        ("Partial Upfront", 0.096 * 0.42 / 2 * 26280, 0.096 * 0.42 / 2 * 744),
        ("All Upfront", 0.096 * 0.39 * 26280, 0.0),
    ],
)
def test_what_reserved_instances_cost(payment, upfront, monthly):
    offering = offerings.lookup(offerings.RESERVED, 3, payment, "us-east-1", "m5.large")
    action = {"reservedInstancesOfferingId": offering.id, "instanceCount": 2}
    item = {"id": "i", "usageAccountId": PAYER, "commitmentAction": {"addReservedInstanceAction": action}}
    described = added(item, 744).describe()
    assert described["upfrontPayment"] == {"amount": pytest.approx(2 * upfront), "currency": "USD"}
    assert described["monthlyPayment"] == {"amount": pytest.approx(2 * monthly), "currency": "USD"}
    assert (described["purchaseAgreementType"], described["termLength"], described["paymentOption"]) == (
        "RESERVED_INSTANCE",
        "3yr",
        payment,
    )


def test_an_unknown_offering_is_always_the_same_one():
    unknown = "11111111-1111-1111-1111-111111111111"
    plan = offerings.find(unknown, offerings.COMPUTE, offerings.EC2_INSTANCE)
    instances = offerings.find(unknown, offerings.RESERVED)
    assert (plan.kind, instances.kind, instances.region) == (offerings.COMPUTE, offerings.RESERVED, "us-east-1")
    assert offerings.find(unknown, offerings.RESERVED) == instances


def test_offerings_are_found_by_their_ids():
    assert all(offerings.find(each.id, each.kind) == each for each in offerings.catalogue().values())


@pytest.mark.parametrize(
    ("instance_type", "units"), [("t3.nano", 0.25), ("m5.large", 4), ("m5.xlarge", 8), ("r6i.2xlarge", 16)]
)
def test_sizes_have_normalized_units(instance_type, units):
    assert normalized_units(instance_type) == units


def test_offerings_are_listed_by_what_they_are():
    (found,) = offerings.listing(
        {"kind": "EC2InstanceSavingsPlans", "region": "eu-west-1", "scope": "m5", "term": "1yr", "payment": NO_UPFRONT}
    )
    assert offerings.find(found["offeringId"], offerings.EC2_INSTANCE).region == "eu-west-1"
    with pytest.raises(ValueError, match="colour"):
        offerings.listing({"colour": "red"})
