"""What all Pricing Calculator operations share: who may call, and what a client token does."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from emulator.errors import conflict, invalid
from emulator.pricing_calculator.state import Replay
from emulator.service import Call, Handler, Service

PRICING_CALCULATOR = Service("bcm-pricing-calculator")


def operation(name: str) -> Callable[[Handler], Handler]:
    """Register an operation that only the management account may call, once per client token if it takes one.

    A token sent again with the same request gives the first answer and does nothing. AWS does not document what a
    token with a different request does, nor for how long it counts: here it is a conflict, for ever.

    :raises ServiceError: when called: ValidationException ``invalidRequestFromMember``, ConflictException.
    """

    def register(handler: Handler) -> Handler:
        @wraps(handler)
        def guarded(call: Call) -> dict[str, Any]:
            if call.world.is_member(call.account):
                raise invalid(
                    "Bill scenarios and bill estimates are for management and standalone accounts",
                    reason="invalidRequestFromMember",
                )
            return _once(call, handler)

        return PRICING_CALCULATOR.operation(name)(guarded)

    return register


def _once(call: Call, handler: Handler) -> dict[str, Any]:
    token = call.params.get("clientToken")
    if token is None:
        return handler(call)
    key = (call.account, call.operation, token)
    request = json.dumps(call.params, sort_keys=True, default=str)
    replay = call.world.calculator.tokens.get(key)
    if replay is None:
        replay = Replay(request, copy.deepcopy(handler(call)))
        call.world.calculator.tokens[key] = replay
    elif replay.request != request:
        raise conflict("The client token came before with a different request", "ClientToken", token)
    return copy.deepcopy(replay.answer)
