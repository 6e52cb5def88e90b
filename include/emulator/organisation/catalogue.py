"""What the simulated organisation can buy: AWS's services and prices (`skus.csv`), and where.

Rates are AWS's published on-demand prices of us-east-1, rounded to one tier; the other regions are dearer by a
factor. `lines` says how many of the bill's lines a SKU takes, `share` how much of its money if it is no machine's:
machines cost what they run.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SAVINGS_PLAN_DISCOUNT = 0.28  # of a one-year, partially upfront Compute Savings Plan against on demand
# Units of things that are counted. Keys, secrets and users are not among them: AWS bills parts of a month of them.
COUNTED = frozenset(
    [
        *("Requests", "ReadRequestUnits", "WriteRequestUnits", "ReadCapacityUnit-Hrs", "WriteCapacityUnit-Hrs"),
        *("Notifications", "Events", "Queries", "StateTransitions", "ConfigurationItemRecorded", "Units"),
    ]
)
PRIVATE_DISCOUNTS = {"AmazonCloudFront": 0.2, "AmazonS3": 0.04}  # negotiated, per product code, of on-demand usage


@dataclass(frozen=True)
class Sku:
    """One usage type and operation of a service.

    `kind`: instance, spot and job (which lives as briefly as spot) are machines, billed by the hour of their life,
    stored is what is kept or provisioned, flow what passes; listed is only in the price list; special is no usage.
    `rate` is USD per `unit` in us-east-1, `per` the number of units whose price `description` speaks of, `seller`
    who sells it on AWS Marketplace (empty: AWS itself).
    """

    service_code: str
    product_code: str
    service_name: str
    category: str
    subcategory: str
    usage_type: str
    operation: str
    unit: str
    rate: float
    kind: str
    lines: int
    share: float
    savings_plan: bool
    family: str
    instance_type: str
    vcpu: str
    memory: str
    volume_type: str
    storage_class: str
    per: int
    description: str
    seller: str

    @property
    def machine(self) -> bool:
        """Whether it is billed by the hour of a resource's life, so that a resource has one of it an hour."""
        return self.kind in ("instance", "spot", "job")

    @property
    def counted(self) -> bool:
        """Whether only whole numbers of it are billed."""
        return self.unit in COUNTED


@dataclass(frozen=True)
class Region:
    """A region: the prefix of its usage types, its price level, and its part of the organisation's resources."""

    code: str
    name: str
    prefix: str
    price_factor: float
    weight: float


REGIONS = (
    Region("us-east-1", "US East (N. Virginia)", "", 1.0, 0.58),
    Region("eu-west-1", "EU (Ireland)", "EU-", 1.1, 0.22),
    Region("us-west-2", "US West (Oregon)", "USW2-", 1.0, 0.12),
    Region("eu-central-1", "EU (Frankfurt)", "EUC1-", 1.2, 0.08),
)


@cache
def skus() -> tuple[Sku, ...]:
    """Every SKU, the most needed first."""
    path = Path(__file__).with_name("skus.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return tuple(_sku(row) for row in csv.DictReader(file))


def rate(sku: Sku, region: Region) -> float:
    """USD per unit of a SKU in a region."""
    return float(f"{sku.rate * region.price_factor:.10g}")


def list_rate(sku: Sku, region: Region) -> float:
    """USD per unit of a SKU at its public on-demand price: a spot instance's is that of the same type on demand."""
    if sku.kind != "spot":
        return rate(sku, region)
    return next(rate(each, region) for each in skus() if each.usage_type == f"BoxUsage:{sku.instance_type}")


def _sku(row: dict[str, str]) -> Sku:
    numbers = {
        "rate": float(row["rate"]),
        "lines": int(row["lines"]),
        "share": float(row["share"]),
        "per": int(row["per"]),
        "savings_plan": row["savings_plan"] == "Y",
    }
    return Sku(**{**row, **numbers})  # type: ignore[arg-type]
