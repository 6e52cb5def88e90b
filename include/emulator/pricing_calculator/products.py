"""The price list as an estimate needs it: what a SKU costs, where it runs, and which commitments can cover it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from emulator.organisation.catalogue import PRIVATE_DISCOUNTS, REGIONS, Region, Sku, rate, skus

LINUX_ON_SHARED_HARDWARE = "RunInstances"
_INSTANCE, _SERVERLESS = "BoxUsage:", ("Fargate-", "Lambda-GB-Second")
COVERABLE = (_INSTANCE, *_SERVERLESS)
"""How usage types begin, after the region's prefix, whose usage commitments can cover; not all of it: see Product."""
# How many normalized units an hour of a size counts; an instance of Nxlarge counts N times xlarge.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/apply_ri.html
_UNITS = {"nano": 0.25, "micro": 0.5, "small": 1.0, "medium": 2.0, "large": 4.0, "xlarge": 8.0}


@dataclass(frozen=True)
class Product:
    """A SKU of the price list in one region.

    :param service: service code.
    :param rate: USD per ``unit`` on demand.
    :param discount: what the organisation has negotiated off ``rate``, 0 to 1; none on what commitments can cover.
    :param instance_type: such as m5.large, of EC2 instances that reservations can cover; else empty.
    :param compute: whether Compute Savings Plans cover it: EC2, Fargate and Lambda's duration, never Spot.
    """

    service: str
    unit: str
    rate: float
    discount: float
    region: Region
    instance_type: str
    compute: bool

    @property
    def family(self) -> str:
        """The instance family, such as m5."""
        return self.instance_type.partition(".")[0]

    @property
    def units(self) -> float:
        """The normalized units of one hour of the instance type."""
        return normalized_units(self.instance_type)


def product(service: str, usage_type: str, operation: str) -> Product | None:
    """Give a SKU of the price list, or ``None``."""
    return _products().get((service, usage_type, operation))


def instance_products() -> list[Product]:
    """Give every EC2 instance type in every region, sorted by region and type."""
    found = [each for each in _products().values() if each.instance_type]
    return sorted(found, key=lambda each: (each.region.code, each.instance_type))


def normalized_units(instance_type: str) -> float:
    """Give the normalized units of an hour of an instance type."""
    size = instance_type.partition(".")[2]
    multiple = re.fullmatch(r"(\d+)xlarge", size)
    return int(multiple[1]) * _UNITS["xlarge"] if multiple else _UNITS.get(size, 1.0)


@cache
def _products() -> dict[tuple[str, str, str], Product]:
    return {
        (sku.service_code, region.prefix + sku.usage_type, sku.operation): _product(sku, region)
        for sku in skus()
        if sku.kind not in ("special", "spot")
        for region in REGIONS
    }


def _product(sku: Sku, region: Region) -> Product:
    is_instance = (
        sku.service_code == "AmazonEC2"
        and sku.usage_type.startswith(_INSTANCE)
        and sku.operation == LINUX_ON_SHARED_HARDWARE
    )
    serverless = sku.usage_type.startswith(_SERVERLESS)
    return Product(
        sku.service_code,
        sku.unit,
        rate(sku, region),
        PRIVATE_DISCOUNTS.get(sku.product_code, 0.0),
        region,
        sku.instance_type if is_instance else "",
        is_instance or serverless,
    )
