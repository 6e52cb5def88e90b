"""The simulated organisation whose bill every export of the emulator shows.

A payer and its members run services in a few regions: machines that live and die, storage that grows, traffic with
a weekly rhythm, tags with gaps, savings plans and reserved instances, containers on machines, software from the
marketplace, private discounts, support, tax, a credit and now and then a refund. All of it follows from the seed, the
month and, for a month that is not settled yet, the moment at which one looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property

import duckdb

from emulator.organisation.bill import Detail, bill_slices
from emulator.organisation.calendar import month_end
from emulator.organisation.catalogue import price_list
from emulator.organisation.commitments import Commitment
from emulator.organisation.fleet import Fleet, build

__all__ = ["Commitment", "Coverage", "Detail", "Organisation", "Price", "UsageLine", "month_end"]

MEMBER_NAMES = ("data-platform", "production", "staging", "sandbox", "security", "shared-services")
SETTLED_AFTER = timedelta(days=14)  # from the end of a month until nothing in its bill changes any more


@dataclass(frozen=True)
class Price:
    """The on-demand price of a SKU: USD per `unit`."""

    unit: str
    rate: float


@dataclass(frozen=True)
class Coverage:
    """A part of a month's usage that a commitment (its number) covers, and what that costs in USD, amortised."""

    commitment: int
    quantity: float
    effective_cost: float


@dataclass(frozen=True)
class UsageLine:
    """A month's usage of one SKU by one account.

    `service_code`, `usage_type` and `operation` are as in the price list, `location` is the region's name. `cost` is
    USD at on-demand rates, `effective_cost` what the usage costs after savings plans, reserved instances and private
    discounts, `covered` what of it the commitments cover.
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
    covered: tuple[Coverage, ...] = ()


_USAGE = """
    SELECT service_code, service_name, prefix || usage_type, operation, name, account_id, unit, savings_plan,
        commitment, sum(quantity), sum(list_cost), sum(effective)
    FROM lines
    JOIN meters USING (meter) JOIN skus USING (sku) JOIN regions USING (region) JOIN accounts USING (account)
    WHERE kind IN ('usage', 'covered', 'reserved')
    GROUP BY ALL ORDER BY ALL"""


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

    def bill(self, connection: duckdb.DuckDBPyConnection, month: date, now: datetime, detail: Detail) -> Iterator[None]:
        """Make a month's bill as known at `now` as tables of `connection`, slice by slice (bill.bill_slices)."""
        return bill_slices(connection, self.fleet, self.accounts, month, now, detail)

    @property
    def commitments(self) -> Sequence[Commitment]:
        """What it has bought in advance; numbered from 0 on."""
        return self.fleet.commitments

    def savings_plan(self, month: date) -> tuple[str, datetime, datetime]:
        """Id, start and end of the Compute Savings Plan in force: bought every year on the first of April."""
        plan = self.commitments[0]
        return plan.id(self.seed, month), *plan.term(month)

    def usage(self, month: date) -> list[UsageLine]:
        """The whole settled month's usage per SKU, region and account, sorted by these."""
        settled = month_end(month) + SETTLED_AFTER
        usage: dict[tuple[str, ...], UsageLine] = {}
        with duckdb.connect() as connection:
            for _ in self.bill(connection, month, settled, Detail("MONTHLY", resources=False)):
                for row in connection.execute(_USAGE).fetchall():
                    *names, unit, eligible, commitment, quantity, cost, effective = row
                    service_code, service_name, usage_type, operation, location, account_id = names
                    known = usage.get(tuple(names))
                    usage[tuple(names)] = UsageLine(
                        service_code,
                        service_name,
                        usage_type,
                        operation,
                        location,
                        account_id,
                        quantity + (known.quantity if known else 0.0),
                        unit,
                        cost + (known.cost if known else 0.0),
                        effective + (known.effective_cost if known else 0.0),
                        eligible,
                        (known.covered if known else ())
                        + ((Coverage(commitment, quantity, effective),) if commitment >= 0 else ()),
                    )
        return [usage[names] for names in sorted(usage)]

    def price(self, service_code: str, usage_type: str, operation: str) -> Price | None:
        """The on-demand price of a SKU, or None if the price list does not know it."""
        found = price_list().get((service_code, usage_type, operation))
        return Price(*found) if found else None
