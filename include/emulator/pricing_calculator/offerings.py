"""The Savings Plans and EC2 reserved instances that can be bought here, each under an id that never changes.

AWS's Pricing Calculator models Compute and EC2 Instance Savings Plans and EC2 reserved instances:
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_BatchCreateBillScenarioCommitmentModification.html
AWS publishes a rate per SKU and offering. Here a discount holds for all SKUs of an offering; its size is about what
AWS gives on common instance types.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from emulator.organisation.catalogue import REGIONS
from emulator.pricing_calculator.products import Product, instance_products, normalized_units

COMPUTE, EC2_INSTANCE, RESERVED = "ComputeSavingsPlans", "EC2InstanceSavingsPlans", "ReservedInstances"
PAYMENTS = ("No Upfront", "Partial Upfront", "All Upfront")
_UPFRONT_SHARE = dict(zip(PAYMENTS, (0.0, 0.5, 1.0), strict=True))
_COMPUTE_DISCOUNTS = {1: (0.26, 0.28, 0.30), 3: (0.46, 0.49, 0.51)}
_SPECIFIC_DISCOUNTS = {1: (0.36, 0.38, 0.40), 3: (0.56, 0.58, 0.61)}
# How much of an offering's discount a service gets; Savings Plans take less off serverless compute.
_PART_OF_DISCOUNT = {"AmazonEC2": 1.0, "AmazonECS": 0.75, "AWSLambda": 0.5}
_HOURS_A_YEAR = 8760


@dataclass(frozen=True)
class Offering:
    """Something to commit to.

    :param kind: ComputeSavingsPlans, EC2InstanceSavingsPlans or ReservedInstances.
    :param years: 1 or 3.
    :param payment: No Upfront, Partial Upfront or All Upfront.
    :param discount: what EC2 costs less than on demand, 0 to 1.
    :param region: the region's code; ``Any`` of a Compute Savings Plan.
    :param scope: the instance family of an EC2 Instance Savings Plan, the instance type of reserved instances.
    """

    kind: str
    years: int
    payment: str
    discount: float
    region: str = "Any"
    scope: str = ""

    @property
    def id(self) -> str:
        """Its id, a UUID that follows from what it is."""
        parts = (self.kind, self.region, self.scope, f"{self.years}yr", self.payment)
        return str(uuid.uuid5(uuid.NAMESPACE_URL, "offering/" + "/".join(parts)))

    @property
    def upfront_share(self) -> float:
        """The part of the whole price that is paid at the start."""
        return _UPFRONT_SHARE[self.payment]

    @property
    def term_hours(self) -> int:
        """The hours of the term."""
        return self.years * _HOURS_A_YEAR

    def covers(self, product: Product) -> bool:
        """Say whether it applies to usage of a product.

        Reserved instances apply to every size of their family in the region (Linux, shared tenancy).
        """
        if self.kind == COMPUTE:
            return product.compute
        family = self.scope.partition(".")[0]
        return bool(product.instance_type) and (product.family, product.region.code) == (family, self.region)

    def discount_on(self, product: Product) -> float:
        """What a product costs less than on demand, 0 to 1."""
        return self.discount * _PART_OF_DISCOUNT[product.service]

    @property
    def units(self) -> float:
        """The normalized units an hour of one reserved instance."""
        return normalized_units(self.scope)


@cache
def catalogue() -> dict[str, Offering]:
    """Give every offering by its id."""
    instances = instance_products()
    families = sorted({(each.region.code, each.family) for each in instances})
    found = [
        *_terms(COMPUTE, _COMPUTE_DISCOUNTS),
        *(each for place in families for each in _terms(EC2_INSTANCE, _SPECIFIC_DISCOUNTS, *place)),
        *(
            each
            for item in instances
            for each in _terms(RESERVED, _SPECIFIC_DISCOUNTS, item.region.code, item.instance_type)
        ),
    ]
    return {each.id: each for each in found}


def find(offering_id: str, *kinds: str) -> Offering:
    """Give the offering of one of ``kinds`` under an id.

    An id of the real AWS means nothing here: it stands for one of the Compute Savings Plans, or of the reserved
    instances in the home region, always the same one.
    """
    offering = catalogue().get(offering_id)
    if offering and offering.kind in kinds:
        return offering
    plain = [each for each in catalogue().values() if each.kind == kinds[0] and each.region in ("Any", REGIONS[0].code)]
    return plain[zlib.crc32(offering_id.encode()) % len(plain)]


def lookup(kind: str, years: int, payment: str, region: str = "Any", scope: str = "") -> Offering | None:
    """Give the offering with these properties, or ``None`` if there is none."""
    for offering in catalogue().values():
        if (offering.kind, offering.years, offering.payment) == (kind, years, payment) and (
            (offering.region, offering.scope) == (region, scope)
        ):
            return offering
    return None


def listing(wanted: Mapping[str, str]) -> list[dict[str, Any]]:
    """Describe the offerings that have all of the ``wanted`` properties: kind, region, scope, term or payment.

    :raises ValueError: if a property is none of these.
    """
    described = [
        {
            "offeringId": offering_id,
            "kind": each.kind,
            "region": each.region,
            "scope": each.scope,
            "term": f"{each.years}yr",
            "payment": each.payment,
            "discount": each.discount,
        }
        for offering_id, each in catalogue().items()
    ]
    unknown = sorted(set(wanted) - {"kind", "region", "scope", "term", "payment"})
    if unknown:
        raise ValueError(f"offerings: {unknown[0]!r} is not known; use kind, region, scope, term or payment")
    return [each for each in described if all(each[name] == value for name, value in wanted.items())]


def on_demand_rate(offering: Offering) -> float:
    """USD an hour that the instance type of reserved instances costs on demand."""
    return next(
        each.rate
        for each in instance_products()
        if (each.region.code, each.instance_type) == (offering.region, offering.scope)
    )


def _terms(
    kind: str, discounts: Mapping[int, tuple[float, ...]], region: str = "Any", scope: str = ""
) -> list[Offering]:
    return [
        Offering(kind, years, payment, discount, region, scope)
        for years, by_payment in discounts.items()
        for payment, discount in zip(PAYMENTS, by_payment, strict=True)
    ]
