"""A fault rule: how its JSON is read and checked, and when it strikes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from threading import TIMEOUT_MAX
from typing import Any

from botocore.exceptions import UnknownServiceError

from emulator.protocol.wire import load_description

BILLING = ("bcm-data-exports", "bcm-pricing-calculator")
_EXECUTION_STATUSES = ("QUERY_FAILURE", "DELIVERY_FAILURE")
_EXECUTION_REASONS = tuple(load_description(BILLING[0])["shapes"]["ExecutionStatusReason"]["enum"])
_COUNTS = ("times", "skip", "nth", "every", "share")
_CALL = ("service", "operation", "account", "access_key_id", *_COUNTS)
# Which conditions go with which effect: one that could never matter is refused, or a test would pass by mistake.
_CONDITIONS = {
    "error": _CALL,
    "delay_seconds": _CALL,
    "drop_answer": _CALL,
    "reset_connection": _CALL,
    "hide_seconds": ("operation", "account", *_COUNTS),
    "execution": ("export", "account", *_COUNTS),
    "estimate": ("account", *_COUNTS),
}
_KNOWN = tuple(dict.fromkeys(name for names in _CONDITIONS.values() for name in names))
# Protocols whose requests name their operation.
_NAMED = {"json", "query", "ec2", "smithy-rpc-v2-cbor"}


@dataclass
class Fault:
    """One rule.

    :param effect: one of ``error``, ``delay_seconds``, ``drop_answer``, ``reset_connection``, ``hide_seconds``,
        ``execution``, ``estimate``; ``value`` is what the rule says for it.
    :param signing_names: the services it is for, as requests name them; ``None`` for every service.
    :param number: the how-manieth rule of its world it is; chance is drawn by it.
    :param times: matches that it strikes yet, ``None`` for ever. :param skip: matches that it lets pass yet.
    :param nth: it strikes this match only. :param every: it strikes each so-manieth match.
    :param share: it strikes this share of its matches, 0 to 1, drawn from the seed.
    """

    effect: str
    value: Any
    signing_names: tuple[str, ...] | None = BILLING
    number: int = 0
    service: str | None = None
    operation: str | None = None
    account: str | None = None
    access_key_id: str | None = None
    export: str | None = None
    times: int | None = None
    skip: int = 0
    nth: int | None = None
    every: int | None = None
    share: float | None = None
    matches: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def is_for_call(self, service: str, operation: str, account: str, access_key_id: str | None) -> bool:
        """Say whether a call is one that the rule is about. ``service`` is the signing name."""
        return (
            (self.signing_names is None or service in self.signing_names)
            and self.operation in ("*", operation)
            and self.account in (None, account)
            and self.access_key_id in (None, access_key_id)
        )

    def strikes(self, draw: Callable[..., Random]) -> bool:
        """Count one match, and say whether the rule strikes it."""
        if self.times == 0:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.matches += 1
        if (
            (self.nth is not None and self.matches != self.nth)
            or (self.every is not None and self.matches % self.every)
            or (self.share is not None and draw("fault", self.number, self.matches).random() >= self.share)
        ):
            return False
        if self.times is not None:
            self.times -= 1
        return True

    def to_dict(self) -> dict[str, Any]:
        """Give the rule as the control API shows it; ``times`` and ``skip`` are what is left of them."""
        shown = {name: getattr(self, name) for name in ("id", *_KNOWN) if getattr(self, name) is not None}
        return {**shown, self.effect: self.value}


def parse_fault(rule: Mapping[str, Any], number: int) -> Fault:
    """Read a rule, see :meth:`emulator.faults.effects.Faults.add`.

    :raises ValueError: with one sentence that names the field, if the rule is not understood.
    """
    given = {name: value for name, value in rule.items() if value is not None}
    unknown = sorted(set(rule) - {*_CONDITIONS, *_KNOWN})
    if unknown:
        raise ValueError(f"fault: {unknown[0]!r} is not known; use {', '.join((*_KNOWN, *_CONDITIONS))}")
    effects = [effect for effect in _CONDITIONS if given.get(effect)]
    if len(effects) != 1:
        raise ValueError(f"fault: give exactly one of {', '.join(_CONDITIONS)}")
    effect = effects[0]
    _CHECKS[effect](effect, given[effect])
    conditions = {name: value for name, value in given.items() if name not in _CONDITIONS}
    for name in conditions:
        if name not in _CONDITIONS[effect]:
            raise ValueError(f"fault: {name} does not go with {effect}")
    _check_counts(conditions)
    for name in ("access_key_id", "export"):
        if not isinstance(conditions.get(name, ""), str):
            raise ValueError(f"fault: {name} must be a string, not {conditions[name]!r}")
    if not re.fullmatch(r"\d{12}", str(conditions.get("account", "0" * 12))):
        raise ValueError(f"fault: account must be twelve digits, not {conditions['account']!r}")
    signing_names = _signing_names(effect, conditions) if "operation" in _CONDITIONS[effect] else BILLING
    return Fault(effect, given[effect], signing_names, number, **conditions)


def _check_counts(conditions: Mapping[str, Any]) -> None:
    for name, least in (("times", 0), ("skip", 0), ("nth", 1), ("every", 1)):
        value = conditions.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"fault: {name} must be a whole number of at least {least}, not {value!r}")
    share = conditions.get("share", 1)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise ValueError(f"fault: share must be a number from 0 to 1, not {share!r}")


def _signing_names(effect: str, conditions: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Check that service and operation exist: a rule with a typing mistake would silently do nothing."""
    service, operation = conditions.get("service"), conditions.get("operation")
    if not isinstance(operation, str):
        raise ValueError(f'fault: {effect} needs an operation, e.g. "GetBillEstimate", or "*" for all')
    if service == "*":
        if operation != "*":
            raise ValueError("fault: service '*' goes with operation '*' only")
        return None
    services = BILLING if service is None else (service,)
    descriptions = [_describe(name) for name in services]
    if operation != "*" and not any(operation in _operations(each) for each in descriptions):
        raise ValueError(f"fault: operation {operation!r} is not one that {' or '.join(services)} has")
    return tuple(each["metadata"].get("signingName", each["metadata"]["endpointPrefix"]) for each in descriptions)


def _describe(service: Any) -> dict[str, Any]:
    try:
        return load_description(service)
    except (UnknownServiceError, TypeError):
        raise ValueError(f"fault: service {service!r} is not one that botocore knows") from None


def _operations(description: Mapping[str, Any]) -> set[str]:
    """Name the operations that the emulator can tell apart."""
    metadata = description["metadata"]
    if metadata["endpointPrefix"] != "s3" and metadata["protocol"] not in _NAMED:
        raise ValueError(f"fault: operation must be '*' for {metadata['serviceId']}, whose requests do not name theirs")
    return set(description["operations"])


def _check_error(effect: str, value: Any) -> None:
    if not (isinstance(value, Mapping) and isinstance(value.get("code"), str)):
        raise ValueError('fault: error must be an object with a code, e.g. {"code": "ThrottlingException"}')
    status = value.get("status", 400)
    if isinstance(status, bool) or not isinstance(status, int) or not 400 <= status <= 599:
        raise ValueError(f"fault: an error's status must be 400 to 599, not {status!r}")


def _check_seconds(effect: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= TIMEOUT_MAX:
        raise ValueError(f"fault: {effect} must be a number of seconds, at most {TIMEOUT_MAX:.0f}, not {value!r}")


def _check_true(effect: str, value: Any) -> None:
    if value is not True:
        raise ValueError(f"fault: {effect} must be true, not {value!r}")


def _check_execution(effect: str, value: Any) -> None:
    if not isinstance(value, Mapping) or value.get("status") not in _EXECUTION_STATUSES:
        raise ValueError(f"fault: execution needs a status, one of {', '.join(_EXECUTION_STATUSES)}")
    if value.get("reason", "INTERNAL_FAILURE") not in _EXECUTION_REASONS:
        raise ValueError(f"fault: an execution's reason is one of {', '.join(_EXECUTION_REASONS)}")


def _check_estimate(effect: str, value: Any) -> None:
    if not (isinstance(value, Mapping) and isinstance(value.get("failure_message"), str) and value["failure_message"]):
        raise ValueError("fault: estimate must be an object with a failure_message")


_CHECKS: dict[str, Callable[[str, Any], None]] = {
    "error": _check_error,
    "delay_seconds": _check_seconds,
    "hide_seconds": _check_seconds,
    "drop_answer": _check_true,
    "reset_connection": _check_true,
    "execution": _check_execution,
    "estimate": _check_estimate,
}
