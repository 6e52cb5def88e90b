"""What the effects of fault rules may say: each value is checked when its rule is put in force."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from threading import TIMEOUT_MAX
from typing import Any

from botocore.model import ServiceModel

from emulator.protocol.wire import load_description

BILLING = ("bcm-data-exports", "bcm-pricing-calculator")
_EXECUTION_STATUSES = ("QUERY_FAILURE", "DELIVERY_FAILURE")
_EXECUTION_REASONS = tuple(load_description(BILLING[0])["shapes"]["ExecutionStatusReason"]["enum"])
_LARGEST = 2**31 - 1  # of the models' integers; those of errors are numbers of seconds
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,99}")


def read_value(effect: str, value: Any, services: Sequence[str] | None) -> Any:
    """Check what a rule says for its effect, and give it as the rule keeps it.

    :param services: botocore's names of the services that the rule is for; ``None`` for every service.
    :raises ValueError: with one sentence.
    """
    if effect == "error":
        return _read_error(value, services)
    _CHECKS[effect](effect, value)
    return value


def _read_error(error: Any, services: Sequence[str] | None) -> dict[str, Any]:
    """Check an ``error``, and name its members as :class:`emulator.protocol.errors.ServiceError` does.

    Beside code, message and status it has the members that the services' models give to its code. Their names may be
    of either service's case.
    """
    code = error.get("code") if isinstance(error, Mapping) else None
    if not (isinstance(code, str) and _CODE.fullmatch(code)):
        raise ValueError('fault: error must be an object with a code, e.g. {"code": "ThrottlingException"}')
    known: dict[str, list[Any]] = {"code": [], "message": []}
    for service in services or (*BILLING, "s3"):
        for name, shape in _members(service, code).items():
            known.setdefault(_own_name(name), []).append(shape)
    known["status"] = []
    own_names = {name.lower(): name for name in known}
    read: dict[str, Any] = {}
    for given, value in error.items():
        name = own_names.get(_own_name(given).lower(), "")
        if not name:
            raise ValueError(f"fault: {given!r} is no member of the error {code} here; it has {', '.join(known)}")
        if name in read:
            raise ValueError(f"fault: the error {code} has {name} twice")
        if not all(_fits(shape, value) for shape in known[name]):
            raise ValueError(f"fault: {given} of the error {code} must be {_described(known[name][0])}, not {value!r}")
        read[name] = value
    if not isinstance(read.get("message", ""), str):
        raise ValueError(f"fault: an error's message must be a string, not {read['message']!r}")
    status = read.get("status", 400)
    if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
        raise ValueError(f"fault: an error's status must be 400 to 599, not {status!r}")
    return read


def _own_name(name: str) -> str:
    """One name for both services: what is ``Fields`` here is ``fieldList`` there."""
    return "fields" if name.lower() == "fieldlist" else name[:1].lower() + name[1:]


def _members(service: str, code: str) -> dict[str, Any]:
    """Give the members of an error of a service's, with their botocore shapes.

    The services behind moto answer code and message alone; for them ``retryAfterSeconds`` is the Retry-After header.
    """
    if service not in BILLING:
        return {"retryAfterSeconds": _members(BILLING[1], "ThrottlingException")["retryAfterSeconds"]}
    errors = ServiceModel(load_description(service), service).error_shapes
    return {name: shape for error in errors if error.name == code for name, shape in error.members.items()}


def _fits(shape: Any, value: Any) -> bool:
    """Say whether a value can be written in a shape of an error's; names of members may be of either service's case."""
    if shape.type_name == "structure":
        named = {name.lower(): member for name, member in shape.members.items()}
        return isinstance(value, Mapping) and all(
            name.lower() in named and _fits(named[name.lower()], member) for name, member in value.items()
        )
    if shape.type_name == "list":
        return isinstance(value, list) and all(_fits(shape.member, item) for item in value)
    if shape.type_name == "integer":
        return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return isinstance(value, str) and (not shape.enum or value in shape.enum)


def _described(shape: Any) -> str:
    if shape.type_name == "list":
        return f"a list of objects with {' and '.join(shape.member.members)}"
    if shape.type_name == "integer":
        return f"a whole number from 0 to {_LARGEST}"
    return f"one of {', '.join(shape.enum)}" if shape.enum else "a string"


def _check_seconds(effect: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= TIMEOUT_MAX:
        raise ValueError(f"fault: {effect} must be above 0 and at most {TIMEOUT_MAX:.0f}, not {value!r}")


def _check_true(effect: str, value: Any) -> None:
    if value is not True:
        raise ValueError(f"fault: {effect} must be true, not {value!r}")


def _check_execution(effect: str, value: Any) -> None:
    if not isinstance(value, Mapping) or value.get("status") not in _EXECUTION_STATUSES:
        raise ValueError(f"fault: execution needs a status, one of {', '.join(_EXECUTION_STATUSES)}")
    if value.get("reason", "INTERNAL_FAILURE") not in _EXECUTION_REASONS:
        raise ValueError(f"fault: an execution's reason is one of {', '.join(_EXECUTION_REASONS)}")
    _check_names(effect, value, "status", "reason")


def _check_estimate(effect: str, value: Any) -> None:
    if not (isinstance(value, Mapping) and isinstance(value.get("failure_message"), str) and value["failure_message"]):
        raise ValueError("fault: estimate must be an object with a failure_message")
    _check_names(effect, value, "failure_message")


def _check_names(effect: str, value: Mapping[str, Any], *known: str) -> None:
    unknown = [name for name in value if name not in known]
    if unknown:
        raise ValueError(f"fault: {effect} has no {unknown[0]!r}; it has {' and '.join(known)}")


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "delay_seconds": _check_seconds,
    "hide_seconds": _check_seconds,
    "drop_answer": _check_true,
    "reset_connection": _check_true,
    "execution": _check_execution,
    "estimate": _check_estimate,
}
