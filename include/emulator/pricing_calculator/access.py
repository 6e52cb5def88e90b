"""What all Pricing Calculator operations share: who may call, what a client token does, how a resource is found."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from functools import wraps
from typing import Any

from emulator.pricing_calculator.shelf import AnyResource, Shelf
from emulator.pricing_calculator.simulation import bill_of
from emulator.pricing_calculator.state import Replay
from emulator.protocol.errors import conflict, invalid, invalid_field, not_found
from emulator.protocol.service import Call, Handler, Service

PRICING_CALCULATOR = Service("bcm-pricing-calculator")


def operation(
    name: str, *, members: bool = False, needs_bill: Callable[[Call], bool] | None = None
) -> Callable[[Handler], Handler]:
    """Register an operation, which does its work once per client token if it takes one.

    A token sent again with the same request gives the first answer and does nothing. AWS does not document what a
    token with a different request does, nor for how long it counts: here it is a conflict, for ever.

    :param members: whether member accounts may call it. Bill scenarios and bill estimates are for management and
        standalone accounts: https://docs.aws.amazon.com/cost-management/latest/userguide/pc-bill-estimate.html
    :param needs_bill: says of a call whether it needs :func:`emulator.pricing_calculator.simulation.bill_of`, which
        takes so long that nobody else should wait for it.
    :raises ServiceError: when called: ValidationException ``invalidRequestFromMember``, ConflictException.
    """

    def prepare(call: Call) -> object:
        return bill_of(call) if needs_bill and needs_bill(call) else None

    def register(handler: Handler) -> Handler:
        @wraps(handler)
        def guarded(call: Call) -> dict[str, Any]:
            if not members:
                refuse_member(call)
            return _once(call, handler)

        return PRICING_CALCULATOR.operation(name, prepare if needs_bill else None)(guarded)

    return register


def refuse_member(call: Call) -> None:
    """Check that the caller is no member account.

    :raises ServiceError: ValidationException ``invalidRequestFromMember``.
    """
    if call.world.is_member(call.account):
        raise invalid(f"{call.operation} is for management and standalone accounts", reason="invalidRequestFromMember")


def look_up(call: Call, shelf: Shelf[AnyResource], member: str) -> AnyResource | None:
    """Give the caller's resource that the request's ``member`` is the id of; not while a fault rule hides it."""
    found = shelf.get(call.account, call.params[member], call.now)
    if found and call.world.faults.hides(call.operation, call.account, call.now - found.created_at):
        return None
    return found


def find(call: Call, shelf: Shelf[AnyResource], member: str) -> AnyResource:
    """Find the caller's resource that the request's ``member`` is the id of.

    :raises ServiceError: ResourceNotFoundException, also while a fault rule hides what is newborn.
    """
    found = look_up(call, shelf, member)
    if found is None:
        raise not_found(shelf.kind, call.params[member])
    return found


def check_name(call: Call, shelf: Shelf[AnyResource], name: str) -> None:
    """Check that the caller has no other resource of that name.

    :raises ServiceError: ConflictException.
    """
    other = shelf.named(call.account, name, call.now)
    if other:
        raise conflict(f"A {shelf.kind} named {name} already exists", shelf.kind, other.id)


def update_resource(call: Call, shelf: Shelf[AnyResource], resource: AnyResource) -> None:
    """Carry out what all Update operations have in common: a new ``name``, a new ``expiresAt``.

    :raises ServiceError: ConflictException if another has the name; ValidationException for an expiry in the past
        (AWS documents no bounds).
    """
    name, expires_at = call.params.get("name", resource.name), call.params.get("expiresAt", resource.expires_at)
    if name != resource.name:
        check_name(call, shelf, name)
    if expires_at <= call.now:
        raise invalid_field("expiresAt", "Member must be in the future")
    shelf.rename(resource, name)
    resource.expires_at = expires_at


def new_id(call: Call) -> str:
    """Make the id of a resource, a lowercase UUID: the same one in every run with the same seed and requests."""
    book = call.world.calculator
    book.ids_given += 1
    bits = call.world.draw("pricing calculator id", book.ids_given).getrandbits(128)
    return str(uuid.UUID(int=bits, version=4))


def _once(call: Call, handler: Handler) -> dict[str, Any]:
    token = call.params.get("clientToken")
    if token is None:
        return handler(call)
    key = (call.account, call.operation, token)
    request = json.dumps(call.params, sort_keys=True, default=str)
    replay = call.world.calculator.tokens.get(key)
    if replay is None:
        replay = Replay(request, handler(call))
        call.world.calculator.tokens[key] = replay
    elif replay.request != request:
        raise conflict("The client token came before with a different request", "ClientToken", token)
    return replay.answer
