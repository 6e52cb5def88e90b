"""What the service knows of the simulated organisation: products, last month's bill, and what an estimate makes of it.

The engine behind it is loaded on first use: it would double the time that the emulator takes to be ready.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.pricing_calculator.months import last_complete_month
from emulator.protocol.service import Call

if TYPE_CHECKING:
    from emulator.pricing_calculator.estimation import EstimatedBill
    from emulator.pricing_calculator.history import History, Proceed
    from emulator.pricing_calculator.products import Product
    from emulator.pricing_calculator.state import Estimate
    from emulator.world import World

Sku = tuple[str, str, str]
"""Service code, usage type, operation."""


def find_product(sku: Sku) -> Product | None:
    """Give what the price list says of a SKU, or ``None``."""
    from emulator.pricing_calculator import products

    return products.product(*sku)


def bill_of(call: Call) -> History:
    """Give the last complete month's bill of the caller's organisation, as known today.

    An operation that needs it says so where it is registered: it is read before the world's lock is taken. Only if the
    month has turned since is it read here.
    """
    from emulator.pricing_calculator import history

    month = last_complete_month(call.now)["start"].date()
    if isinstance(call.prepared, history.History) and call.prepared.month == month:
        return call.prepared
    return history.history_of(call.world.organisation_of(call.account), month, call.now)


def removable_commitments(call: Call, action: str) -> dict[str, str]:
    """Give the commitments that ``action``, a negating one, can name: their owners, by their ids."""
    from emulator.pricing_calculator import owned

    return owned.removable(bill_of(call), action)


def read_ahead(world: World, estimate: Estimate, proceed: Proceed) -> History:
    """Read the bill that an estimate starts from, which is then there for a while. The world's lock need not be held.

    :param proceed: called now and then; what it raises ends the reading.
    """
    from emulator.pricing_calculator import estimation

    return estimation.read_history(world.organisation_of(estimate.account), estimate, proceed)


def work_out(world: World, estimate: Estimate, proceed: Proceed) -> EstimatedBill:
    """Work out an estimate; see :func:`read_ahead`."""
    from emulator.pricing_calculator import estimation

    return estimation.estimate_bill(read_ahead(world, estimate, proceed), estimate)
