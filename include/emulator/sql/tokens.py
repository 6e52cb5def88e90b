"""The words of a statement: a cursor over the few kinds of token that the SQL subset has."""

from __future__ import annotations

import re

KEYWORDS = frozenset(["SELECT", "FROM", "WHERE", "AND", "OR", "NOT", "IN", "AS", "LIMIT"])
# Words that start something which SQL has and the subset does not: named in the message, never taken for a name.
FOREIGN = frozenset(
    (
        *("DISTINCT", "JOIN", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "ON", "USING", "GROUP", "ORDER", "BY"),
        *("HAVING", "UNION", "EXCEPT", "INTERSECT", "WITH", "LIKE", "IS", "NULL", "BETWEEN", "CASE", "WHEN"),
        *("CAST", "EXISTS", "OFFSET", "FETCH", "INSERT", "UPDATE", "DELETE", "DROP", "CREATE"),
    )
)

_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<number>-?\d+(?:\.\d+)?(?![A-Za-z0-9_.]))
    |(?P<digits>\d[A-Za-z0-9_]+)
    |(?P<text>'(?:[^']|'')*')
    |(?P<symbol><>|!=|<=|>=|[=<>(),.*])""",
    re.VERBOSE | re.ASCII,
)
_LARGEST_LIMIT = 2**63 - 1
_END = "the end of the query"


class QueryError(ValueError):
    """A statement that AWS would not accept. Its text is one sentence for the user.

    :param summary: what AWS itself says, which is no more than this (troubleshooting-cur-2-0.html).
    """

    def __init__(self, message: str, summary: str = "Invalid QueryStatement") -> None:
        super().__init__(message)
        self.summary = summary


class Tokens:
    """A cursor over a statement's tokens. Every method that expects something raises QueryError if it is not next."""

    def __init__(self, statement: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._at = 0
        position = 0
        while position < len(statement):
            match = _TOKEN.match(statement, position)
            if match is None:
                raise QueryError(
                    f"Unexpected {statement[position : position + 10]!r} at character {position + 1} of the query."
                )
            if match.lastgroup != "space":
                self._tokens.append((str(match.lastgroup), match.group()))
            position = match.end()

    def take_keyword(self, keyword: str) -> bool:
        """Step over this keyword if it is next."""
        kind, text = self._peek()
        return self._step(kind == "word" and text.upper() == keyword)

    def take_symbol(self, *symbols: str) -> str | None:
        """Step over one of these symbols if it is next, and return it."""
        kind, text = self._peek()
        return text if self._step(kind == "symbol" and text in symbols) else None

    def take(self, kind: str) -> str | None:
        """Step over a token of this kind (`word`, `number` or `text`) if it is next, and return it."""
        found, text = self._peek()
        return text if self._step(found == kind) else None

    def expect_keyword(self, keyword: str) -> None:
        """Step over this keyword."""
        if not self.take_keyword(keyword):
            raise self.surprise(keyword)

    def expect_symbol(self, symbol: str) -> None:
        """Step over this symbol."""
        if not self.take_symbol(symbol):
            raise self.surprise(repr(symbol))

    def expect_end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._tokens):
            raise self.surprise(_END)

    def name(self, what: str) -> str:
        """Step over a name that is no keyword; `what` names it in the error."""
        kind, text = self._peek()
        if kind != "word" or text.upper() in KEYWORDS | FOREIGN:
            raise self.surprise(what)
        self._at += 1
        return text

    def alias(self) -> str:
        """Step over a new name: letters, digits and underscores, in any order, also a word that SQL has."""
        kind, text = self._peek()
        if not self._step(kind in ("word", "digits") or (kind == "number" and text.isdigit())):
            raise self.surprise("an alias")
        return text

    def reference(self) -> tuple[str, str | None]:
        """Step over `column` or `column.key`."""
        column = self.name("a column")
        if not self.take_symbol("."):
            return column, None
        key = self.take("word")  # a key may be any word: product.group is one of AWS's
        if key is None:
            raise self.surprise("a map key")
        return column, key

    def whole_number(self, what: str) -> int:
        """Step over a whole number, from 0 to the largest that engines count with."""
        text = self.take("number") or ""
        if not text.isdigit() or len(text) > 19 or int(text) > _LARGEST_LIMIT:
            raise QueryError(f"{what} needs a whole number.")
        return int(text)

    def surprise(self, expected: str) -> QueryError:
        """The error that something else than `expected` is next."""
        kind, text = self._peek()
        if kind == "word" and text.upper() in FOREIGN:
            return QueryError(f"{text.upper()} is not supported in an export's query; expected {expected}.")
        return QueryError(f"Expected {expected}, found {text or _END}.")

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _step(self, matches: bool) -> bool:
        self._at += matches
        return matches
