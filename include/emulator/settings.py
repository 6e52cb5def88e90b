"""What an emulator is started with."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from emulator.clock import checked_moment

ACCOUNTS = ("111122223333", "444455556666")
REGION = "us-east-1"
_LONGEST_HOURS = 365 * 24  # an estimate is kept for a year


@dataclass(frozen=True)
class Settings:
    """The start of an emulated world.

    :param accounts: twelve digits each; the first is the payer (management account), the others are members.
    :param buckets: ``ACCOUNT/NAME`` each, created at start in us-east-1 with the documented delivery policy.
    :param start: emulated time at start, aware; the wall's time when ``None``.
    :param speed: emulated seconds per second of the wall.
    :param seed: what the organisation's usage and all durations are drawn from.
    :param rows: the size of the simulated organisation: usage lines of one month of it, daily, about.
    :param estimate_hours: the shortest and the longest time that a bill estimate takes. AWS's user guide says
        20 minutes to 12 hours, its API reference 8 to 12 hours.
    :param open_control: whether the control API and the status page answer other machines too.
    """

    accounts: tuple[str, ...] = ACCOUNTS
    buckets: tuple[tuple[str, str], ...] = ()
    start: datetime | None = None
    speed: float = 1.0
    seed: int = 7
    rows: int = 20_000
    estimate_hours: tuple[float, float] = (1 / 3, 12.0)
    open_control: bool = False

    @property
    def payer(self) -> str:
        """The management account."""
        return self.accounts[0]

    @property
    def members(self) -> tuple[str, ...]:
        """The organisation's other accounts."""
        return self.accounts[1:]


def parse_accounts(values: Sequence[str]) -> tuple[str, ...]:
    """Check account numbers.

    :raises ValueError: with one sentence if one is not twelve digits, given twice, or if there is none.
    """
    for value in values:
        if not re.fullmatch(r"[0-9]{12}", value):
            raise ValueError(f"accounts: {value!r} is not an account number; give twelve digits")
    if not values or len(set(values)) != len(values):
        raise ValueError("accounts: give at least one account, each of them once")
    return tuple(values)


def parse_bucket(value: str) -> tuple[str, str]:
    """Read ``ACCOUNT/NAME``.

    :raises ValueError: with one sentence if it is anything else.
    """
    account, _, name = value.partition("/")
    if not re.fullmatch(r"[0-9]{12}", account) or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", name):
        raise ValueError(f"bucket: {value!r} is not ACCOUNT/NAME, e.g. 111122223333/finops-exports-111122223333")
    return account, name


def parse_hours(value: str) -> tuple[float, float]:
    """Read ``MIN-MAX``, both in hours.

    :raises ValueError: with one sentence if it is anything else.
    """
    try:
        low, high = (float(part) for part in value.split("-"))
    except ValueError:
        raise ValueError(f"hours: {value!r} is not MIN-MAX, e.g. 8-12") from None
    if not 0 <= low <= high <= _LONGEST_HOURS:
        raise ValueError(f"hours: {value!r} is no range up to {_LONGEST_HOURS}; give the shorter time first")
    return low, high


def parse_moment(value: str | datetime) -> datetime:
    """Read an ISO 8601 time; without an offset it is UTC.

    :raises ValueError: with one sentence if it is anything else, or a time that the clock does not go to.
    """
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError(f"start: {value!r} is not a time, e.g. 2026-11-20T06:00:00Z") from None
    return checked_moment(moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
