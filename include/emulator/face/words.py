"""How the status page writes times, sizes and statuses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_GOOD = {"HEALTHY", "DELIVERY_SUCCESS", "COMPLETE", "READY", "VALID", "ACTIVE"}
_BUSY = {
    "INITIATION_IN_PROCESS",
    "QUERY_QUEUED",
    "QUERY_IN_PROCESS",
    "DELIVERY_IN_PROCESS",
    "IN_PROGRESS",
    "UPDATING",
    "LOCKED",
}
_BAD = {"UNHEALTHY", "QUERY_FAILURE", "DELIVERY_FAILURE", "FAILED", "INVALID", "ACTION_NEEDED"}


def tone(status: str) -> str:
    """Give the class that colours one of AWS's statuses: good, busy, bad or idle."""
    for name, statuses in (("good", _GOOD), ("busy", _BUSY), ("bad", _BAD)):
        if status in statuses:
            return name
    return "idle"


def moment(at: datetime | str | float) -> str:
    """Write a time in UTC to the minute: a datetime, ISO 8601 or epoch seconds."""
    return f"{_aware(at):%Y-%m-%d %H:%M}"


def clock(at: datetime | str | float) -> str:
    """Write the time of day in UTC to the second."""
    return f"{_aware(at):%H:%M:%S}"


def lasting(time: timedelta) -> str:
    """Write a length of time with its two largest units: ``3 h 12 min``."""
    seconds = max(0, round(time.total_seconds()))
    days, hours, minutes = seconds // 86400, seconds % 86400 // 3600, seconds % 3600 // 60
    parts = [(days, "d"), (hours, "h"), (minutes, "min"), (seconds % 60 if seconds < 600 else 0, "s")]
    first = next((number for number, (value, _) in enumerate(parts) if value), 3)
    return " ".join(f"{value} {unit}" for value, unit in parts[first : first + 2] if value) or "0 s"


def size(octets: int) -> str:
    """Write a number of bytes: ``1.4 MB``."""
    number = float(octets)
    for unit in ("B", "kB", "MB"):
        if number < 1000:
            return f"{number:.0f} B" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:,.1f} GB"


def seconds(duration: float) -> str:
    """Write how long a request took: ``0.4 ms``, ``12 ms``, ``1.5 s``."""
    if duration >= 1:
        return f"{duration:.1f} s"
    return f"{duration * 1000:.1f} ms" if duration < 0.01 else f"{duration * 1000:.0f} ms"


def month(interval: Mapping[str, Any]) -> str:
    """Write AWS's billInterval, which is one calendar month."""
    return f"{_aware(interval['start']):%Y-%m}"


def plural(number: int, noun: str, nouns: str = "") -> str:
    """Write a number with its noun: ``1 export``, ``1,204 objects``; ``nouns`` if an s is not enough."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {nouns or noun + 's'}"


def brief(text: str, most: int = 240) -> str:
    """Cut a text of any length off where the page has had enough of it."""
    return text if len(text) <= most else f"{text[: most - 1]}\u2026"


def money(amount: Mapping[str, Any]) -> str:
    """Write AWS's CostAmount."""
    return f"{amount['amount']:,.2f} {amount['currency']}"


def change(difference: Mapping[str, Any]) -> str:
    """Write AWS's CostDifference as a share of the bill: ``+4.5%``."""
    before, after = difference["historicalCost"]["amount"], difference["estimatedCost"]["amount"]
    return f"{(after - before) / before:+.1%}" if before else ""


def _aware(at: datetime | str | float) -> datetime:
    if isinstance(at, str):
        at = datetime.fromisoformat(at)
    return at.astimezone(UTC) if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)


FILTERS: Mapping[str, Callable[..., str]] = {
    each.__name__: each for each in (tone, moment, clock, lasting, size, seconds, month, plural, brief, money, change)
}
