"""A fault rule: how its JSON is read and checked, and when it strikes."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from botocore.exceptions import UnknownServiceError

from emulator.faults.values import BILLING, read_value
from emulator.protocol.wire import load_description

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
    :param times: how many matches it strikes, ``None`` for ever. :param skip: how many it lets pass first.
    :param nth: it strikes this match only. :param every: it strikes each so-manieth match.
    :param share: it strikes this share of its matches, 0 to 1, drawn from the seed. These three count after ``skip``.
    :param matched: matches so far, those that it let pass too. :param struck: how many of them it struck.
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
    matched: int = 0
    struck: int = 0
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def is_for_call(self, service: str, operation: str, account: str, access_key_id: str | None) -> bool:
        """Say whether a call is one that the rule is about. ``service`` is the signing name."""
        return (
            (self.signing_names is None or service in self.signing_names)
            and self.operation in ("*", operation)
            and self.account in (None, account)
            and self.access_key_id in (None, access_key_id)
        )

    @property
    def is_spent(self) -> bool:
        """Whether it never strikes again."""
        return self.struck == self.times or (self.nth is not None and self.matched >= self.skip + self.nth)

    def strikes(self, draw: Callable[..., Random]) -> bool:
        """Count one match, and say whether the rule strikes it."""
        if self.is_spent:
            return False
        self.matched += 1
        turn = self.matched - self.skip
        if (
            turn <= 0
            or (self.nth is not None and turn != self.nth)
            or (self.every is not None and turn % self.every)
            or (self.share is not None and draw("fault", self.number, turn).random() >= self.share)
        ):
            return False
        self.struck += 1
        return True

    def to_dict(self) -> dict[str, Any]:
        """Give the rule as the control API shows it; ``times`` and ``skip`` are what is left of them."""
        shown = {name: getattr(self, name) for name in ("id", *_KNOWN) if getattr(self, name) is not None}
        shown["skip"] = max(0, self.skip - self.matched)
        if self.times is not None:
            shown["times"] = self.times - self.struck
        return {**shown, self.effect: self.value, "matched": self.matched, "struck": self.struck}


def parse_fault(rule: Mapping[str, Any], number: int) -> Fault:
    """Read a rule, see :meth:`emulator.faults.effects.Faults.add`.

    :raises ValueError: with one sentence that names the field, if the rule is not understood.
    """
    given = {name: value for name, value in rule.items() if value is not None}
    unknown = sorted(set(rule) - {*_CONDITIONS, *_KNOWN})
    if unknown:
        raise ValueError(f"fault: {unknown[0]!r} is not known; use {', '.join((*_KNOWN, *_CONDITIONS))}")
    effects = [effect for effect in _CONDITIONS if effect in given]
    if len(effects) != 1:
        raise ValueError(f"fault: give exactly one of {', '.join(_CONDITIONS)}")
    effect = effects[0]
    conditions = {name: value for name, value in given.items() if name not in _CONDITIONS}
    for name in conditions:
        if name not in _CONDITIONS[effect]:
            raise ValueError(f"fault: {name} does not go with {effect}")
    _check_counts(conditions)
    for name in ("access_key_id", "export"):
        value = conditions.get(name, "any")
        if not (isinstance(value, str) and value):
            raise ValueError(f"fault: {name} must be a string that is not empty, not {value!r}")
    account = conditions.get("account", "0" * 12)
    if not (isinstance(account, str) and re.fullmatch(r"[0-9]{12}", account)):
        raise ValueError(f"fault: account must be a string of twelve digits, not {account!r}")
    services = _services(effect, conditions) if "operation" in _CONDITIONS[effect] else BILLING
    value = read_value(effect, given[effect], services)
    signing_names = None if services is None else tuple(_signing_name(service) for service in services)
    return Fault(effect, value, signing_names, number, **conditions)


def _check_counts(conditions: Mapping[str, Any]) -> None:
    for name, least in (("times", 1), ("skip", 0), ("nth", 1), ("every", 1)):
        value = conditions.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"fault: {name} must be a whole number of at least {least}, not {value!r}")
    share = conditions.get("share", 1)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 1:
        raise ValueError(f"fault: share must be above 0 and at most 1, not {share!r}")
    for name in ("every", "share"):
        if "nth" in conditions and name in conditions:
            raise ValueError(f"fault: nth is one call only; {name} does not go with it")


def _services(effect: str, conditions: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Name the services that have the operation; ``None`` for every service.

    Service and operation must exist: a rule with a typing mistake would silently do nothing.
    """
    service, operation = conditions.get("service"), conditions.get("operation")
    if not isinstance(operation, str):
        raise ValueError(f'fault: {effect} needs an operation, e.g. "GetBillEstimate", or "*" for all')
    if service == "*":
        if operation != "*":
            raise ValueError("fault: service '*' goes with operation '*' only")
        return None
    asked = BILLING if service is None else (service,)
    descriptions = {name: _describe(name) for name in asked}
    if operation == "*":
        return asked
    having = tuple(name for name, each in descriptions.items() if operation in _operations(each))
    if not having:
        raise ValueError(f"fault: operation {operation!r} is not one that {' or '.join(asked)} has")
    if effect == "hide_seconds" and not any(_may_not_find(descriptions[name], operation) for name in having):
        raise ValueError(f"fault: {operation} looks for nothing by its id, so hide_seconds cannot hide it")
    return having


def _may_not_find(description: Mapping[str, Any], operation: str) -> bool:
    """Say whether an operation names a resource by its id: its model has the error that hiding makes, or it deletes.

    Pricing Calculator's deletes succeed without that error when there is nothing to delete.
    """
    errors = description["operations"][operation].get("errors", [])
    return operation.startswith("Delete") or any(error["shape"] == "ResourceNotFoundException" for error in errors)


def _signing_name(service: str) -> str:
    metadata = load_description(service)["metadata"]
    return str(metadata.get("signingName", metadata["endpointPrefix"]))


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
