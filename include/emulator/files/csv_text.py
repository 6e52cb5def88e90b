"""Values as AWS writes them into CSV: SQL expressions that turn a column of a table into text.

AWS publishes no description; this is how public readers quote real exports of theirs: moments in ISO 8601 with
milliseconds and Z, maps as JSON, numbers as Java prints them (``0.0``, ``6.123E-7``), quotes only where a value needs
them, ``""`` for empty text and nothing at all where there is no value. Never the word NULL.
"""

from __future__ import annotations

# Java's Double.toString: decimals from a thousandth to ten million, else one digit, a point, digits, E and the power.
# DuckDB prints the same shortest digits, but decimals from 1e-4 up to 1e16.
MACROS = (
    "CREATE MACRO java_digits(digits) AS digits[1] || '.' || coalesce(nullif(rtrim(digits[2:], '0'), ''), '0')",
    "CREATE MACRO java_plain(plain) AS CASE"
    " WHEN starts_with(plain, '0.') THEN java_digits(ltrim(plain[3:], '0')) || 'E-4'"
    " ELSE java_digits(replace(plain, '.', '')) || 'E' || (strpos(plain, '.') - 2) END",
    "CREATE MACRO java_power(power) AS CASE WHEN strpos(power, '.') = 0 THEN replace(power, 'e', '.0e') ELSE power END",
    "CREATE MACRO java_size(size) AS CASE WHEN strpos(size, 'e') = 0 THEN java_plain(size) ELSE"
    " replace(replace(replace(replace(java_power(size), 'e-0', 'e-'), 'e+0', 'e+'), 'e+', 'E'), 'e', 'E') END",
    "CREATE MACRO java_double(value) AS CASE"
    " WHEN value IS NULL OR value = 0 OR abs(value) >= 0.001 AND abs(value) < 10_000_000"
    " THEN CAST(value AS VARCHAR)"
    " ELSE if(value < 0, '-', '') || java_size(CAST(abs(value) AS VARCHAR)) END",
)


def text(value: str, type_: str) -> str:
    """An expression's value as text; `type_` is AWS's type of it. Needs :data:`MACROS` in the connection."""
    if type_.startswith("map<"):
        return f"CAST(to_json({value}) AS VARCHAR)"
    if type_.startswith("timestamp"):
        return f"strftime({value}, '%Y-%m-%dT%H:%M:%S.%gZ')"
    if type_ == "double":
        return f"java_double({value})"
    return f"CAST({value} AS VARCHAR)"
