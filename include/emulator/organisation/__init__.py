"""The simulated organisation whose bill every export of the emulator shows.

A payer and its members run services in a few regions: machines that live and die, storage that grows, traffic with
a weekly rhythm, tags with gaps, one savings plan, support, tax, a credit and now and then a refund. All of it follows
from the seed and the month alone.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import duckdb

from emulator.organisation.bill import make_bill, month_end
from emulator.organisation.catalogue import price_list
from emulator.organisation.fleet import Fleet, build

__all__ = ["Organisation", "Price", "UsageLine", "month_end"]

MEMBER_NAMES = ("data-platform", "production", "staging", "sandbox", "security", "shared-services")


@dataclass(frozen=True)
class Price:
    """The on-demand price of a SKU: USD per `unit`."""

    unit: str
    rate: float


@dataclass(frozen=True)
class UsageLine:
    """A month's usage of one SKU by one account.

    `service_code`, `usage_type` and `operation` are as in the price list, `location` is the region's name. `cost` is
    USD at on-demand rates, `effective_cost` what the usage costs after the savings plan.
    """

    service_code: str
    service_name: str
    usage_type: str
    operation: str
    location: str
    account_id: str
    quantity: float
    unit: str
    cost: float
    effective_cost: float
    eligible_for_savings_plan: bool


@dataclass(frozen=True)
class Organisation:
    """An organisation of a `payer` and its `members` (account ids) with about `rows` daily usage lines a month.

    Deterministic by `seed` and month, whatever is asked before. USD only.
    """

    seed: int
    payer: str
    members: Sequence[str]
    rows: int

    @cached_property
    def accounts(self) -> list[tuple[str, str]]:
        """Id and name of every account, the payer first."""
        members = [account for account in self.members if account != self.payer]
        names = [*MEMBER_NAMES, *(f"team-{number}" for number in range(1, len(members) + 1))]
        return [(self.payer, "management"), *zip(members, names, strict=False)]

    @cached_property
    def fleet(self) -> Fleet:
        """Its resources."""
        return build(self.seed, len(self.accounts), self.rows)

    def bill(self, connection: duckdb.DuckDBPyConnection, month: date, until: datetime, granularity: str) -> None:
        """Create a month's bill up to `until` as tables of `connection` (bill.sql says which)."""
        make_bill(connection, self.fleet, self.accounts, month, until, granularity)

    def savings_plan(self, month: date) -> tuple[str, datetime, datetime]:
        """Id, start and end of the savings plan in force: bought every year on the first of April."""
        year = month.year if month.month >= 4 else month.year - 1
        token = hashlib.blake2b(f"{self.seed}/plan/{year}".encode(), digest_size=16).digest()
        return str(uuid.UUID(bytes=token, version=4)), datetime(year, 4, 1), datetime(year + 1, 4, 1)

    def usage(self, month: date) -> list[UsageLine]:
        """The whole month's usage per SKU, region and account, sorted by these."""
        with duckdb.connect() as connection:
            self.bill(connection, month, month_end(month), "MONTHLY")
            rows = connection.execute(
                "SELECT service_code, service_name, prefix || usage_type, operation, name, account_id, sum(quantity),"
                " any_value(unit), sum(cost), sum(effective), any_value(savings_plan)"
                " FROM lines JOIN meters USING (meter) JOIN skus USING (sku) JOIN regions USING (region)"
                " JOIN accounts USING (account) WHERE meters.kind IN ('usage', 'covered')"
                " GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 1, 3, 4, 5, 6"
            ).fetchall()
        return [UsageLine(*row) for row in rows]

    def price(self, service_code: str, usage_type: str, operation: str) -> Price | None:
        """The on-demand price of a SKU, or None if the price list does not know it."""
        found = price_list().get((service_code, usage_type, operation))
        return Price(*found) if found else None
