"""The WHERE clause of an export's query as a tree that writes itself as DuckDB SQL.

A user's text reaches DuckDB only through `identifier` and `text`, which quote it, or as a number in ASCII digits.

AWS documents operators and no types. Here a condition is a column, an operator and a literal of the column's type: a
plain decimal number for double and int, text in single quotes for string, true or false for boolean, a quoted date or
time of ISO 8601 (UTC without an offset) for timestamp; maps are compared by key. As in any SQL, a condition on a null,
or on a key that a map lacks, is neither true nor false.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from emulator.sql.tokens import QueryError, Tokens

COMPARISONS = ("=", "!=", "<>", "<=", ">=", "<", ">")
# Python reads more than this as ISO 8601: weeks, dates without hyphens.
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?", re.ASCII)
DEEPEST = 100  # parentheses and NOTs within each other; far beyond use, short of Python's recursion limit


def identifier(name: str) -> str:
    """A column name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def text(value: str) -> str:
    """A string as SQL."""
    return "'" + value.replace("'", "''") + "'"


class Condition(Protocol):
    """A part of the WHERE clause."""

    def sql(self) -> str:
        """The condition as a DuckDB expression."""
        ...


@dataclass(frozen=True)
class Reference:
    """A column, or one key of a map column, with AWS's type of what it holds."""

    column: str
    key: str | None
    type: str

    def sql(self) -> str:
        """The value as a DuckDB expression; a key that a map lacks gives null."""
        if self.key is None:
            return identifier(self.column)
        return f"map_extract_value({identifier(self.column)}, {text(self.key)})"

    def __str__(self) -> str:
        return self.column if self.key is None else f"{self.column}.{self.key}"


@dataclass(frozen=True)
class Comparison:
    """`reference operator literal`; the literal is SQL already."""

    reference: Reference
    operator: str
    literal: str

    def sql(self) -> str:
        """The condition as a DuckDB expression."""
        return f"({self.reference.sql()} {self.operator} {self.literal})"


@dataclass(frozen=True)
class Membership:
    """`reference [NOT] IN (literals)`."""

    reference: Reference
    literals: tuple[str, ...]
    negated: bool

    def sql(self) -> str:
        """The condition as a DuckDB expression."""
        return f"({self.reference.sql()} {'NOT ' if self.negated else ''}IN ({', '.join(self.literals)}))"


@dataclass(frozen=True)
class Negation:
    """`NOT condition`."""

    part: Condition

    def sql(self) -> str:
        """The condition as a DuckDB expression."""
        return f"(NOT {self.part.sql()})"


@dataclass(frozen=True)
class Junction:
    """Conditions joined by AND or OR."""

    operator: str
    parts: tuple[Condition, ...]

    def sql(self) -> str:
        """The condition as a DuckDB expression."""
        return "(" + f" {self.operator} ".join(part.sql() for part in self.parts) + ")"


Resolve = Callable[[str, str | None], Reference]


def condition(tokens: Tokens, resolve: Resolve, depth: int = 0) -> Condition:
    """Parse what follows WHERE: OR of ANDs of (negated) comparisons. Raises QueryError."""
    if depth > DEEPEST:
        raise QueryError(f"The WHERE clause nests deeper than {DEEPEST} levels.")
    return _joined(tokens, "OR", lambda: _joined(tokens, "AND", lambda: _negatable(tokens, resolve, depth + 1)))


def _joined(tokens: Tokens, operator: str, part: Callable[[], Condition]) -> Condition:
    parts = [part()]
    while tokens.take_keyword(operator):
        parts.append(part())
    return parts[0] if len(parts) == 1 else Junction(operator, tuple(parts))


def _negatable(tokens: Tokens, resolve: Resolve, depth: int) -> Condition:
    negations = 0
    while tokens.take_keyword("NOT"):
        negations += 1
    if tokens.take_symbol("("):
        part = condition(tokens, resolve, depth)
        tokens.expect_symbol(")")
    else:
        part = _predicate(tokens, resolve)
    return Negation(part) if negations % 2 else part


def _predicate(tokens: Tokens, resolve: Resolve) -> Condition:
    reference = resolve(*tokens.reference())
    operator = tokens.take_symbol(*COMPARISONS)
    if operator:
        return Comparison(reference, "<>" if operator == "!=" else operator, _literal(tokens, reference))
    negated = tokens.take_keyword("NOT")
    if not tokens.take_keyword("IN"):
        raise tokens.surprise("IN" if negated else "a comparison or IN")
    tokens.expect_symbol("(")
    literals = [_literal(tokens, reference)]
    while tokens.take_symbol(","):
        literals.append(_literal(tokens, reference))
    tokens.expect_symbol(")")
    return Membership(reference, tuple(literals), negated)


def _literal(tokens: Tokens, reference: Reference) -> str:
    """The next literal as SQL, if it is one that this column can be compared with."""
    if reference.type in ("double", "int"):
        number = tokens.take("number")
        if number is None:
            raise tokens.surprise(f"a number, because {reference} is a {reference.type}")
        if math.isinf(float(number)):
            raise QueryError(f"{number[:20]}... is too large to compare {reference} with.")
        return number
    if reference.type == "boolean":
        for word in ("TRUE", "FALSE"):
            if tokens.take_keyword(word):
                return word
        raise tokens.surprise(f"true or false, because {reference} is a boolean")
    if reference.type.startswith("map<"):
        raise QueryError(f"{reference} is a map: compare one of its keys, as in {reference}.key.")
    quoted = tokens.take("text")
    if quoted is None:
        raise tokens.surprise(f"text in single quotes, because {reference} is a {reference.type}")
    value = quoted[1:-1].replace("''", "'")
    return _timestamp(value, reference) if reference.type.startswith("timestamp") else text(value)


def _timestamp(value: str, reference: Reference) -> str:
    try:
        if not _TIMESTAMP.fullmatch(value):
            raise ValueError(value)
        moment = datetime.fromisoformat(value)
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise QueryError(f"{reference} is a timestamp, and {value!r} is not one (2026-11-01T00:00:00Z).") from None
    return f"TIMESTAMP {text(moment.isoformat(sep=' '))}"
