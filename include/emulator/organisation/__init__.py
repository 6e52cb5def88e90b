"""The simulated organisation whose bill every export of the emulator shows.

A payer and its members run services in a few regions: machines that live and die, storage that grows, traffic with
a weekly rhythm, tags with gaps, savings plans and reserved instances, containers on machines, software from the
marketplace, private discounts, support, tax, credits and refunds. All of it follows from the seed, the month and, for
a month that is not settled yet, the moment at which one looks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property

import duckdb

from emulator.organisation.bill import SETTLED_AFTER, Detail, bill_slices
from emulator.organisation.calendar import month_end
from emulator.organisation.fleet import Fleet, build

__all__ = ["SETTLED_AFTER", "Detail", "Organisation", "month_end"]

MEMBER_NAMES = ("data-platform", "production", "staging", "sandbox", "security", "shared-services")


@dataclass(frozen=True)
class Organisation:
    """An organisation of a `payer` and its `members` (account ids) with about `rows` daily usage lines a month.

    `rows` is its size: resources are in proportion to it, and from some 5,000 on spend is as well, some two USD a
    month for each in the middle of 2026; of a smaller one each costs more. Deterministic by `seed` and month,
    whatever is asked before. USD only.

    With `usage_types` one sees of it only the resources whose usage type has one of these texts, and what it bought in
    advance: what needs these alone need not make the whole bill.
    """

    seed: int
    payer: str
    members: Sequence[str]
    rows: int
    usage_types: tuple[str, ...] = ()

    @cached_property
    def accounts(self) -> list[tuple[str, str]]:
        """Id and name of every account, the payer first."""
        members = [account for account in self.members if account != self.payer]
        names = [*MEMBER_NAMES, *(f"team-{number}" for number in range(1, len(members) + 1))]
        return [(self.payer, "management"), *zip(members, names, strict=False)]

    @cached_property
    def fleet(self) -> Fleet:
        """Its resources."""
        fleet = build(self.seed, len(self.accounts), self.rows)
        return fleet.using(self.usage_types) if self.usage_types else fleet

    def bill(self, connection: duckdb.DuckDBPyConnection, month: date, now: datetime, detail: Detail) -> Iterator[None]:
        """Make a month's bill as known at `now` as tables of `connection`, slice by slice (bill.bill_slices)."""
        return bill_slices(connection, self.fleet, self.accounts, month, now, detail)
