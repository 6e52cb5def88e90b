"""List filters of the Pricing Calculator: a name, values, how they match; and spans of time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

_MATCHES: Mapping[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda actual, wanted: actual == wanted,
    "STARTS_WITH": lambda actual, wanted: actual.startswith(wanted),
    "CONTAINS": lambda actual, wanted: wanted in actual,
}


def passes(values: Mapping[str, Any], filters: Iterable[Mapping[str, Any]]) -> bool:
    """Say whether something passes all filters; within one filter, one matching value is enough.

    :param values: what it has under each filter name; ``None`` matches nothing.
    """
    for condition in filters:
        actual = values.get(condition["name"])
        matches = _MATCHES[condition.get("matchOption", "EQUALS")]
        if actual is None or not any(matches(str(actual), wanted) for wanted in condition["values"]):
            return False
    return True


def lies_within(moment: datetime, span: Mapping[str, datetime]) -> bool:
    """Say whether a time lies within AWS's FilterTimestamp; an end that is not given is open."""
    after, before = span.get("afterTimestamp"), span.get("beforeTimestamp")
    return (after is None or moment > after) and (before is None or moment < before)
