"""Commitments of an estimate, and those that its scenario adds or does without; owned.py has the organisation's own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from emulator.organisation.catalogue import REGIONS
from emulator.pricing_calculator import offerings
from emulator.pricing_calculator.bill_parts import Hours
from emulator.pricing_calculator.lines import Identity, usd
from emulator.pricing_calculator.offerings import Offering
from emulator.pricing_calculator.products import LINUX_ON_SHARED_HARDWARE, Product

# Reservations apply first, then the narrower Savings Plans.
# https://docs.aws.amazon.com/savingsplans/latest/userguide/sp-applying.html
_ORDER = (offerings.RESERVED, offerings.EC2_INSTANCE, offerings.COMPUTE)


@dataclass
class Commitment:
    """A Savings Plan, or reserved instances of one offering.

    :param arn: of a Savings Plan or of a reservation.
    :param account: who owns it.
    :param capacity: what it can still cover in each hour: USD at its own rates of a Savings Plan, normalized units of
        reserved instances. One that the organisation has starts with none left: what it covers, it covers already.
    :param idle: what it can cover besides in each hour, but of the modelled usage only: what the organisation left
        unused. The bill without that usage has to stay what it was.
    :param recurring: USD of the month.
    :param upfront: USD once, at the start of the term; on a purchase's own bill, not on the month's.
    :param size: USD an hour, or instances.
    """

    id: str
    arn: str
    account: str
    offering: Offering
    capacity: Hours
    idle: Hours
    recurring: float
    upfront: float
    size: float

    @property
    def is_plan(self) -> bool:
        """Whether it is a Savings Plan."""
        return self.offering.kind != offerings.RESERVED

    @property
    def rank(self) -> int:
        """Its place in the order in which commitments apply, 0 first."""
        return _ORDER.index(self.offering.kind)

    def left(self, modelled: bool) -> Hours:
        """What it can still cover in each hour, of modelled usage or of the bill's own."""
        return self.capacity + self.idle if modelled else self.capacity

    def take(self, amount: Hours, modelled: bool) -> None:
        """Use up some of what is left, first what nothing else could use."""
        if modelled:
            from_idle = np.minimum(amount, self.idle)
            self.idle = self.idle - from_idle
            amount = amount - from_idle
        self.capacity = np.maximum(self.capacity - amount, 0.0)

    def price(self, product: Product) -> float:
        """What a unit of usage takes of ``capacity``."""
        if self.is_plan:
            return product.rate * (1 - self.offering.discount_on(product))
        return product.units

    def precedence(self, product: Product) -> tuple[float, float]:
        """Which usage comes first, the smallest value.

        A Savings Plan takes the highest saving, then its lowest rate; reserved instances the smallest size.
        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html
        """
        return (-self.offering.discount_on(product), self.price(product)) if self.is_plan else (product.units, 0.0)

    def fee(self) -> tuple[Identity, float]:
        """The line of its recurring fee, and the quantity on it."""
        offering, hours = self.offering, len(self.capacity)
        prefix = next((region.prefix for region in REGIONS if region.code == offering.region), "")
        if not self.is_plan:
            key = ("AmazonEC2", f"{prefix}HeavyUsage:{offering.scope}", LINUX_ON_SHARED_HARDWARE, self.account)
            return Identity(key, "RIFee"), self.size * hours
        name = "ComputeSP:" if offering.kind == offerings.COMPUTE else f"EC2SP:{offering.scope}."
        usage_type = f"{prefix}{name}{offering.years}yr{offering.payment.replace(' ', '')}"
        return Identity(
            ("ComputeSavingsPlans", usage_type, "None", self.account), "SavingsPlanRecurringFee", "", self.arn
        ), (float(hours))

    def describe(self) -> dict[str, Any]:
        """Give AWS's BillEstimateCommitmentSummary."""
        return {
            "id": self.id,
            "purchaseAgreementType": "SAVINGS_PLANS" if self.is_plan else "RESERVED_INSTANCE",
            "offeringId": self.offering.id,
            "usageAccountId": self.account,
            "region": self.offering.region,
            "termLength": f"{self.offering.years}yr",
            "paymentOption": self.offering.payment,
            "upfrontPayment": usd(self.upfront),
            "monthlyPayment": usd(self.recurring),
        }


def added(item: dict[str, Any], hours: int) -> Commitment | None:
    """Make what a scenario's commitment modification adds; ``None`` if it takes something away.

    :param item: AWS's BillScenarioCommitmentModificationItem.
    :param hours: of the month.
    """
    action, account = item["commitmentAction"], item["usageAccountId"]
    if "addSavingsPlanAction" in action:
        plan = action["addSavingsPlanAction"]
        offering = offerings.find(plan["savingsPlanOfferingId"], offerings.COMPUTE, offerings.EC2_INSTANCE)
        arn = f"arn:aws:savingsplans::{account}:savingsplan/{item['id']}"
        size = hourly = capacity = plan["commitment"]
    elif "addReservedInstanceAction" in action:
        reserved = action["addReservedInstanceAction"]
        offering = offerings.find(reserved["reservedInstancesOfferingId"], offerings.RESERVED)
        arn = f"arn:aws:ec2:{offering.region}:{account}:reserved-instances/{item['id']}"
        size = reserved["instanceCount"]
        hourly = size * offerings.on_demand_rate(offering) * (1 - offering.discount)
        capacity = size * offering.units
    else:
        return None
    upfront = hourly * offering.upfront_share
    return Commitment(
        item["id"],
        arn,
        account,
        offering,
        np.full(hours, float(capacity)),
        np.zeros(hours),
        (hourly - upfront) * hours,
        upfront * offering.term_hours,
        size,
    )


def negated(items: list[dict[str, Any]]) -> set[str]:
    """Give the ids of the commitments that a scenario does without."""
    actions = [action for item in items for action in item["commitmentAction"].values()]
    return {action[name] for action in actions for name in ("savingsPlanId", "reservedInstancesId") if name in action}
