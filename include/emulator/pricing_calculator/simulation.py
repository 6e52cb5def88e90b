"""What the service knows of the simulated organisation: products, last month's bill, and what an estimate makes of it.

The engine behind it is loaded on first use: it would double the time that the emulator takes to be ready.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.pricing_calculator.estimation import EstimatedBill
    from emulator.pricing_calculator.history import History
    from emulator.pricing_calculator.products import Product
    from emulator.pricing_calculator.state import Estimate
    from emulator.world import World

Sku = tuple[str, str, str]
"""Service code, usage type, operation."""


def find_product(sku: Sku) -> Product | None:
    """Give what the price list says of a SKU, or ``None``."""
    from emulator.pricing_calculator import products

    return products.product(*sku)


def bill_of(world: World, account: str, month: date) -> History:
    """Give the bill of the account's organisation for the month that starts on ``month``."""
    from emulator.pricing_calculator import history

    return history.history_of(world.organisation_of(account), month)


def removable_commitments(world: World, account: str, month: date, action: str) -> dict[str, str]:
    """Give the organisation's commitments that ``action``, a negating one, can name: their owners, by their ids."""
    from emulator.pricing_calculator import commitments

    return commitments.removable(bill_of(world, account, month), action)


def work_out(world: World, estimate: Estimate) -> EstimatedBill:
    """Work out an estimate."""
    from emulator.pricing_calculator import estimation

    return estimation.estimate_bill(world, estimate)
