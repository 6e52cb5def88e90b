"""Filter expressions of historical usage: AWS's Expression, as in Cost Explorer.

https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_Expression.html
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

# The dimensions that a line of usage has here, out of Cost Explorer's.
DIMENSIONS = (
    *("AZ", "INSTANCE_TYPE", "INSTANCE_TYPE_FAMILY", "LINKED_ACCOUNT", "LINKED_ACCOUNT_NAME", "OPERATION"),
    *("PURCHASE_TYPE", "RECORD_TYPE", "REGION", "RESERVATION_ID", "SAVINGS_PLAN_ARN"),
    *("SERVICE", "SERVICE_CODE", "USAGE_TYPE"),
)
_COMPARE: Mapping[str, Callable[[str, str], bool]] = {
    "EQUALS": lambda text, value: text == value,
    "STARTS_WITH": lambda text, value: text.startswith(value),
    "ENDS_WITH": lambda text, value: text.endswith(value),
    "CONTAINS": lambda text, value: value in text,
}
_OPTIONS = frozenset((*_COMPARE, "ABSENT", "CASE_SENSITIVE", "CASE_INSENSITIVE"))
_LEAVES = ("dimensions", "tags", "costCategories")


@dataclass(frozen=True)
class Attributes:
    """What an expression can ask of a line. A dimension can have several values: a service its code and its name."""

    dimensions: Mapping[str, Collection[str]]
    tags: Mapping[str, str]
    categories: Mapping[str, str]


def problem(expression: Mapping[str, Any]) -> str | None:
    """Say in one sentence what is wrong with an expression that the model lets through, or give ``None``."""
    for inner in _inner(expression):
        found = problem(inner)
        if found:
            return found
    for leaf in _LEAVES:
        given = expression.get(leaf)
        if given is None:
            continue
        unknown = set(given.get("matchOptions", ())) - _OPTIONS
        if unknown:
            return f"The match option {min(unknown)} is unknown"
        if leaf == "dimensions" and given.get("key") not in DIMENSIONS:
            return f"The dimension {given.get('key')} is unknown"
    return None


def matches(expression: Mapping[str, Any], line: Attributes) -> bool:
    """Say whether a line passes. All members of an expression must hold; an empty one lets everything pass."""
    if not all(matches(inner, line) for inner in expression.get("and", ())):
        return False
    either = expression.get("or", ())
    if either and not any(matches(inner, line) for inner in either):
        return False
    if "not" in expression and matches(expression["not"], line):
        return False
    return all(_holds(leaf, expression[leaf], line) for leaf in _LEAVES if leaf in expression)


def _inner(expression: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    negated = [expression["not"]] if "not" in expression else []
    return [*expression.get("and", ()), *expression.get("or", ()), *negated]


def _holds(leaf: str, condition: Mapping[str, Any], line: Attributes) -> bool:
    key, options = condition.get("key", ""), set(condition.get("matchOptions", ()))
    if leaf == "dimensions":
        found = [value for value in line.dimensions.get(key, ()) if value]
    elif leaf == "tags":
        found = [value for name, value in line.tags.items() if _plain(name) == _plain(key)]
    else:
        found = [value for name, value in line.categories.items() if name == key]
    if "ABSENT" in options:
        return not found
    wanted = condition.get("values", ())
    if "CASE_INSENSITIVE" in options:
        found, wanted = [each.casefold() for each in found], [each.casefold() for each in wanted]
    comparisons = [_COMPARE[option] for option in options if option in _COMPARE] or [_COMPARE["EQUALS"]]
    return any(compare(text, value) for text in found for value in wanted for compare in comparisons)


def _plain(tag: str) -> str:
    """A user's tag key as the user wrote it: reports say user_team or user:team."""
    return tag.removeprefix("user:").removeprefix("user_")
