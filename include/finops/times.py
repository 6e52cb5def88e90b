"""One reading of a moment: billing months and days are UTC's, wherever the machine is."""

from __future__ import annotations

from datetime import UTC, datetime


def as_utc(moment: datetime) -> datetime:
    """Return `moment` in UTC; one without a zone is UTC already.

    botocore gives the Pricing Calculator's times in the machine's own zone, in which a month begins on
    another day: take no day, month or hour from a datetime before it went through here.
    """
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
