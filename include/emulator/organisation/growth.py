"""How the organisation grows: an S-curve over the years, for what is used and for the number of machines."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt

CENTRE = datetime(2026, 7, 1, tzinfo=UTC)  # when it has the size that was asked for
SPREAD = 0.35  # how much smaller it once was, and how much larger it will be
PACE = 730 * 24  # hours from the centre to three quarters of that
LARGEST = 1 + SPREAD
_CENTRE_HOUR = int(CENTRE.timestamp()) // 3600


def growth(day: datetime) -> float:
    """The organisation's size on a day, 1 at the centre."""
    return 1 + SPREAD * math.tanh((day - CENTRE).total_seconds() / 3600 / PACE)


def joined(part: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The hour (since 1970) from which on the organisation is larger than each `part` of its largest size.

    0 stands for what has always been there. A part is from 0 to below 1.
    """
    risen = (part * LARGEST - 1) / SPREAD
    hours = _CENTRE_HOUR + PACE * np.arctanh(risen.clip(-0.9999, 0.9999))
    return np.where(risen <= -1, 0, hours).astype(np.int64)
