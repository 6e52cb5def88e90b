"""Months as AWS's bills count them: from their first moment in UTC to the next one's."""

from __future__ import annotations

from datetime import datetime


def month_start(moment: datetime, months: int = 0) -> datetime:
    """Give the first moment of the month that is ``months`` after the one that ``moment`` lies in."""
    number = moment.year * 12 + moment.month - 1 + months
    return moment.replace(year=number // 12, month=number % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)


def last_complete_month(moment: datetime) -> dict[str, datetime]:
    """Give AWS's billInterval: the last month that was complete at ``moment``, the end excluded."""
    return {"start": month_start(moment, -1), "end": month_start(moment)}
