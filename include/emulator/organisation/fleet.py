"""The organisation's resources: slots that hold one resource after another, and who lived in a given month.

A slot (an instance's place in a group, a bucket, a stream) is drawn once from the seed. Its resources follow each
other at a fixed period counted from 1970, so that any month can be asked for in any order. A hundred million hourly
lines are some 160,000 slots of about 60 bytes; their resources exist only while they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from emulator.organisation.catalogue import REGIONS, Sku, rate, skus
from emulator.organisation.commitments import Commitment, cover
from emulator.organisation.growth import LARGEST, joined

SPEND_PER_SLOT = 45  # USD a month that a slot costs on average, the machines' included
MONTH_DAYS = 30.4375
FLAT, OFFICE, BUSY = range(3)  # how a day's quantity spreads over its hours
STEADY, GROWING, FIRST_NOISE, NOISES = 0, 1, 2, 64  # which daily factor a slot follows
TEAMS = ("checkout", "search", "data-platform", "mobile", "identity", "payments", "web")
ENVIRONMENTS = ("prod", "staging", "dev")
ENVIRONMENT_SHARES = (0.6, 0.2, 0.2)
PROJECTS = ("atlas", "borealis", "comet", "dynamo")
# Hours until a slot's usage is in the bill: most is at once, some comes days later, a little after the month's end.
LAGS = (0,) * 17 + (4, 9, 30, 110)
ZONAL = ("BoxUsage", "SpotUsage", "UnusedBox", "EBS:VolumeUsage")  # what lies in one zone of its region
LIFE = ("period", "shift", "alive", "since")  # what says when a slot's resources live
# What a bill without resources tells apart.
TOLD_APART = ("sku", "account", "region", "zone", "team", "environment", "project", "commitment")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Fleet:
    """Every slot as arrays of equal length, and what was bought in advance for them.

    Slots that a bill without resources shows as one stand side by side. Tags are numbers into TEAMS and the others,
    0 where someone forgot it.
    """

    slots: dict[str, Array]
    commitments: list[Commitment]
    seed: int

    def __len__(self) -> int:
        return len(self.slots["sku"])

    def using(self, usage_types: Sequence[str]) -> Fleet:
        """The fleet without the slots whose usage type has none of these texts."""
        wanted = np.array([any(text in each.usage_type for text in usage_types) for each in skus()])[self.slots["sku"]]
        return replace(self, slots={name: values[wanted] for name, values in self.slots.items()})

    def blocks(self, size: int, by_resource: bool) -> list[slice]:
        """All slots in blocks of about `size`; with `by_resource` false, slots that are shown as one stay together."""
        cuts = np.arange(0, len(self) + size, size).clip(max=len(self))
        if not by_resource:
            starts = np.append(np.flatnonzero(self._news(np.arange(len(self)))), len(self))
            cuts = starts[np.searchsorted(starts, cuts)]
        cuts = np.unique(cuts)
        return [slice(int(first), int(end)) for first, end in pairwise(cuts)]

    def living(self, first_hour: int, end_hour: int, block: slice, by_resource: bool) -> pa.Table:
        """One row per resource of a block that lived between two hours (hours since 1970): its slot and its life.

        `meter` numbers what the bill tells apart, and `first` marks a row of each.
        """
        period, shift = self.slots["period"][block], self.slots["shift"][block]
        first = (first_hour + shift) // period
        lives = (end_hour - 1 + shift) // period - first + 1
        slot = np.repeat(np.arange(len(lives)), lives)
        generation = first[slot] + np.arange(len(slot)) - np.repeat(np.cumsum(lives) - lives, lives)
        starts = generation * period[slot] - shift[slot]
        ends = starts + self.slots["alive"][block][slot]
        starts = np.maximum(starts, self.slots["since"][block][slot])
        present = (ends > np.maximum(starts, first_hour)) & (starts < end_hour)
        slot, generation = slot[present] + block.start, generation[present]
        rows: dict[str, Any] = {name: values[slot] for name, values in self.slots.items() if name not in LIFE}
        new = np.full(len(slot), True) if by_resource else self._news(slot)
        rows |= {"slot": slot, "generation": generation, "start_hour": starts[present], "end_hour": ends[present]}
        rows |= {"first": new, "meter": np.cumsum(new) - 1}
        return pa.table(rows)

    def _news(self, slot: Array) -> Array:
        """Where, in ascending slots, something begins that a bill without resources tells apart."""
        new = np.full(len(slot), False)
        new[:1] = True
        for name in TOLD_APART:
            values = self.slots[name][slot]
            new[1:] |= values[1:] != values[:-1]
        return new


def build(seed: int, accounts: int, rows: int) -> Fleet:
    """The fleet of an organisation with this many accounts that makes about `rows` daily lines a month."""
    random = np.random.default_rng(seed)
    counts = _counts(rows)
    sku = np.repeat(np.arange(len(counts)), counts)
    catalogue = skus()
    kind = np.array([each.kind for each in catalogue])[sku]
    size = len(sku)
    rank = np.arange(size) - np.searchsorted(sku, sku)
    first_of_sku = rank == 0

    weights = 1 / np.arange(1, accounts + 1)
    account = random.choice(accounts, size, p=weights / weights.sum())
    region = random.choice(len(REGIONS), size, p=[each.weight for each in REGIONS])
    account[first_of_sku] = 0  # what the catalogue promises always exists: in the payer's account, at home
    region[first_of_sku] = 0
    machine = np.array([each.machine for each in catalogue])[sku]
    since = np.where(machine, joined(rank / counts[sku]), 0)
    office = (kind == "instance") & (random.random(size) < 0.12) & ~first_of_sku
    # Commitments were bought for machines that run all day and have always been there.
    steady = (kind == "instance") & ~office & (since == 0)
    eligible = np.array([each.savings_plan for each in catalogue])[sku] & steady
    every = np.where(kind == "flow", random.choice((1, 1, 1, 1, 1, 2, 7), size), 1)
    period = _periods(random, kind)
    rates = _rates(catalogue)[sku, region]
    per_day = np.where(machine, np.where(office, 12, 24), _per_day(random, sku, rates) * every)
    covered_by, commitments = cover(sku, region, eligible, steady)
    factor = np.where(machine, STEADY, np.where(kind == "stored", GROWING, 0))
    factor = np.where(kind == "flow", FIRST_NOISE + random.integers(0, NOISES, size), factor)
    zonal = np.array([each.usage_type.startswith(ZONAL) for each in catalogue])
    slots: dict[str, Array] = {
        "sku": sku.astype(np.int16),
        "account": account.astype(np.int16),
        "region": region.astype(np.int8),
        "zone": np.where(zonal[sku], random.integers(0, 3, size), 0).astype(np.int8),
        "profile": np.where(office, OFFICE, np.where(kind == "flow", BUSY, FLAT)).astype(np.int8),
        "factor": factor.astype(np.int16),
        "every": every.astype(np.int8),
        "phase": random.integers(0, 7, size, dtype=np.int8),
        "weekdays": office,
        "commitment": covered_by,
        "per_day": per_day,
        "period": period,
        "shift": random.integers(0, 100_000, size) % period,
        "since": since.astype(np.int32),
        "alive": np.where(first_of_sku, period, (period * random.uniform(0.9, 1.0, size)).astype(np.int64)),
        "team": _tags(random, TEAMS, 0.18, size),
        "environment": _tags(random, ENVIRONMENTS, 0.08, size, ENVIRONMENT_SHARES),
        "project": _tags(random, PROJECTS, 0.45, size),
        "lag": np.where(kind == "flow", random.choice(LAGS, size), 0).astype(np.int16),
        "overcounted": (kind == "flow") & (random.random(size) < 0.04),
    }
    order = np.lexsort([slots[name] for name in reversed(TOLD_APART)])
    return Fleet({name: values[order] for name, values in slots.items()}, commitments, seed)


def _counts(rows: int) -> npt.NDArray[np.int64]:
    """Slots per SKU. Of machines it is how many there will be at the organisation's largest."""
    lines = np.array([each.lines for each in skus()], dtype=float)
    wanted = rows / (MONTH_DAYS * 0.88)  # not every slot has a line every day
    quota = lines / lines.sum() * wanted
    quota[[each.machine for each in skus()]] *= LARGEST
    counts: npt.NDArray[np.int64] = np.diff(np.round(np.cumsum(quota)), prepend=0).astype(np.int64)
    # a small organisation lacks the long tail, but uses more than what happens to be rounded up
    varied = min(np.count_nonzero(lines), max(6, int(wanted) // 2))
    counts[:varied] = np.maximum(counts[:varied], 1)
    return counts


def _per_day(random: np.random.Generator, sku: Array, rates: Array) -> Array:
    """Units of a full day of each slot that is no machine: its SKU's share of the spend, in unequal parts."""
    share = np.array([each.share for each in skus()])
    sizes = random.lognormal(0, 1.1, len(sku))
    spend_per_day = share[sku] * SPEND_PER_SLOT * len(sku) / MONTH_DAYS * sizes / np.bincount(sku, sizes)[sku]
    per_day: Array = spend_per_day / rates
    return per_day


def _rates(catalogue: tuple[Sku, ...]) -> Array:
    return np.array([[rate(sku, region) for region in REGIONS] for sku in catalogue])


def _periods(random: np.random.Generator, kind: Array) -> Array:
    """Hours from one resource of a slot to the next: days for spot and jobs, up to a year for machines, else years."""
    size = len(kind)
    days = np.where((kind == "spot") | (kind == "job"), random.integers(2, 9, size), random.integers(300, 2000, size))
    days = np.where(kind == "instance", random.choice((9, 21, 60, 200, 380), size), days)
    hours: Array = days * 24 + random.integers(0, 24, size)
    return hours


def _tags(
    random: np.random.Generator,
    values: tuple[str, ...],
    missing: float,
    size: int,
    shares: Sequence[float] | None = None,
) -> Array:
    """A tag per slot: the number of its value from 1 on, or 0 where it is missing."""
    chosen = 1 + random.choice(len(values), size, p=shares)
    return np.where(random.random(size) < missing, 0, chosen).astype(np.int8)
