"""The organisation's resources: slots that hold one resource after another, and who lived in a given month.

A slot (an instance's place in a group, a bucket, a stream) is drawn once from the seed. Its resources follow each
other at a fixed period counted from 1970, so that any month can be asked for in any order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from emulator.organisation.catalogue import REGIONS, SAVINGS_PLAN_DISCOUNT, Sku, rate, skus

MONTHLY_SPEND = 40_000  # USD of usage that the organisation is sized for
MONTH_DAYS = 30.4375
FLAT, OFFICE, BUSY = range(3)  # how a day's quantity spreads over its hours
STEADY, GROWING, FIRST_NOISE, NOISES = 0, 1, 2, 64  # which daily factor a slot follows
TEAMS = ("checkout", "search", "data-platform", "mobile", "identity", "payments", "web")
ENVIRONMENTS = ("prod", "prod", "prod", "staging", "dev")
PROJECTS = ("atlas", "borealis", "comet", "dynamo")

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Fleet:
    """Every slot as arrays of equal length, and the savings plan's hourly commitment in USD."""

    slots: dict[str, Array]
    commitment: float
    seed: int

    def living(self, first_hour: int, end_hour: int) -> pa.Table:
        """One row per resource that lived between two hours (hours since 1970): a slot's values and its life."""
        slots = self.slots
        first = (first_hour + slots["shift"]) // slots["period"]
        last = (end_hour - 1 + slots["shift"]) // slots["period"]
        lives = last - first + 1
        slot = np.repeat(np.arange(len(lives)), lives)
        generation = first[slot] + np.arange(len(slot)) - np.repeat(np.cumsum(lives) - lives, lives)
        starts = generation * slots["period"][slot] - slots["shift"][slot]
        rows: dict[str, Any] = {
            name: values[slot] for name, values in slots.items() if name not in ("period", "shift", "alive")
        }
        rows["start_hour"] = starts
        rows["end_hour"] = starts + slots["alive"][slot]
        rows["token"] = [_token(self.seed, *each) for each in zip(slot.tolist(), generation.tolist(), strict=True)]
        table = pa.table(rows)
        return table.filter(pa.array(rows["end_hour"] > first_hour))


def build(seed: int, accounts: int, rows: int) -> Fleet:
    """The fleet of an organisation with this many accounts that makes about `rows` daily lines a month."""
    random = np.random.default_rng(seed)
    counts = _counts(rows)
    sku = np.repeat(np.arange(len(counts)), counts)
    catalogue = skus()
    kind = np.array([each.kind for each in catalogue])[sku]
    first_of_sku = np.concatenate(([True], sku[1:] != sku[:-1]))
    size = len(sku)

    weights = 1 / np.arange(1, accounts + 1)
    account = random.choice(accounts, size, p=weights / weights.sum())
    region = random.choice(len(REGIONS), size, p=[each.weight for each in REGIONS])
    account[first_of_sku] = 0  # what the catalogue promises always exists: in the payer's account, at home
    region[first_of_sku] = 0
    machine = np.isin(kind, ("instance", "spot"))
    office = (kind == "instance") & (random.random(size) < 0.12) & ~first_of_sku
    eligible = np.array([each.savings_plan for each in catalogue])[sku] & (kind == "instance") & ~office
    covered = eligible & (np.cumsum(eligible) % 3 == 2)
    every = np.where(kind == "flow", random.choice((1, 1, 1, 1, 1, 2, 7), size), 1)
    period = _periods(random, kind)
    rates = _rates(catalogue)[sku, region]
    per_day = _per_day(random, sku, kind, office, rates, counts) * every
    plan_rates = np.round(rates * (1 - SAVINGS_PLAN_DISCOUNT), 6)
    factor = np.where(machine, STEADY, np.where(kind == "stored", GROWING, 0))
    factor = np.where(kind == "flow", FIRST_NOISE + random.integers(0, NOISES, size), factor)
    slots: dict[str, Array] = {
        "sku": sku,
        "account": account,
        "region": region,
        "zone": np.array(list("abc"))[random.integers(0, 3, size)],
        "profile": np.where(office, OFFICE, np.where(kind == "flow", BUSY, FLAT)),
        "factor": factor,
        "every": every,
        "phase": random.integers(0, 7, size),
        "weekdays": office,
        "covered": covered,
        "per_day": per_day,
        "rate": rates,
        "plan_rate": plan_rates,
        "period": period,
        "shift": random.integers(0, 100_000, size) % period,
        "alive": np.where(first_of_sku, period, (period * random.uniform(0.9, 1.0, size)).astype(np.int64)),
        "team": _tags(random, TEAMS, 0.18, size),
        "environment": _tags(random, ENVIRONMENTS, 0.08, size),
        "project": _tags(random, PROJECTS, 0.45, size),
    }
    commitment = float(np.ceil((plan_rates * per_day / 24)[covered].sum() * 1000) / 1000)
    return Fleet(slots, commitment, seed)


def _counts(rows: int) -> npt.NDArray[np.int64]:
    """Slots per SKU. Machines are bounded by what the spend pays for; the other SKUs take the lines left over."""
    catalogue = skus()
    lines = np.array([each.lines for each in catalogue], dtype=float)
    machine = np.array([each.kind in ("instance", "spot") for each in catalogue])
    wanted = rows / (MONTH_DAYS * 0.88)  # not every slot has a line every day
    quota = lines / lines.sum() * wanted
    affordable = np.array([max(1, round(_machines(each))) for each in catalogue])
    quota[machine] = np.minimum(quota, affordable)[machine]
    quota[~machine] *= (wanted - quota[machine].sum()) / quota[~machine].sum()
    ends = np.round(np.cumsum(quota)).astype(np.int64)
    counts = np.diff(ends, prepend=0)
    counts[:6] = np.maximum(counts[:6], 1)
    return counts


def _machines(sku: Sku) -> float:
    """How many machines of a SKU its share of the spend pays for."""
    return sku.share * MONTHLY_SPEND / (sku.rate * MONTH_DAYS * 24)


def _per_day(random: np.random.Generator, sku: Array, kind: Array, office: Array, rates: Array, counts: Array) -> Array:
    """Units of a full day of each slot. A small organisation's line stands for a group of equal machines."""
    catalogue = skus()
    share = np.array([each.share for each in catalogue])
    present = share[counts > 0].sum()  # a small organisation lacks the long tail and spends its part elsewhere
    share /= present
    machines = np.array([_machines(each) for each in catalogue]) / present
    group = np.maximum(1, np.round(machines / np.maximum(1, counts)))
    hours = np.where(office, 12, 24) * group[sku]
    sizes = random.lognormal(0, 1.1, len(sku))
    spend_per_day = share[sku] * MONTHLY_SPEND / MONTH_DAYS * sizes / np.bincount(sku, sizes)[sku]
    return np.where(np.isin(kind, ("instance", "spot")), hours, spend_per_day / rates)


def _rates(catalogue: tuple[Sku, ...]) -> Array:
    return np.array([[rate(sku, region) for region in REGIONS] for sku in catalogue])


def _periods(random: np.random.Generator, kind: Array) -> Array:
    """Hours from one resource of a slot to the next: days for spot, weeks to a year for machines, else years."""
    size = len(kind)
    days = np.where(kind == "spot", random.integers(2, 9, size), random.integers(300, 2000, size))
    days = np.where(kind == "instance", random.choice((9, 21, 60, 200, 380), size), days)
    hours: Array = days * 24 + random.integers(0, 24, size)
    return hours


def _tags(random: np.random.Generator, values: tuple[str, ...], missing: float, size: int) -> Array:
    """A tag's value per slot, empty where someone forgot it."""
    chosen = np.array(values)[random.integers(0, len(values), size)]
    return np.where(random.random(size) < missing, "", chosen)


def _token(seed: int, slot: int, generation: int) -> str:
    """The 17 hexadecimal digits of a resource's id."""
    return hashlib.blake2b(f"{seed}/{slot}/{generation}".encode(), digest_size=9).hexdigest()[:17]
