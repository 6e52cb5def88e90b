"""The log of requests that the control API shows."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import time as wall_time
from typing import Any

_KEPT = 100_000


@dataclass
class Entry:
    """One request. ``time`` is emulated (ISO 8601), ``wall`` the wall's epoch seconds, ``status`` the HTTP status
    (``None`` while it is being answered), ``error`` the error's code, ``params`` the JSON input of the two billing
    services (``None`` for all others).
    """

    service: str
    operation: str
    account: str
    access_key_id: str | None
    time: str
    wall: float = field(default_factory=wall_time)
    status: int | None = None
    error: str | None = None
    params: Any = None


class Journal:
    """Requests in the order in which they came; the oldest are dropped after 100,000."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=_KEPT)

    def begin(self, service: str, operation: str, account: str, access_key_id: str | None, now: datetime) -> Entry:
        """Write a request down; the caller fills in the outcome."""
        entry = Entry(service, operation, account, access_key_id, now.isoformat())
        with self._lock:
            self._entries.append(entry)
        return entry

    def entries(self, operation: str | None = None, service: str | None = None) -> list[dict[str, Any]]:
        """Give the requests, of one operation or service if these are named."""
        with self._lock:
            kept = list(self._entries)
        return [
            asdict(entry) for entry in kept if operation in (None, entry.operation) and service in (None, entry.service)
        ]

    def clear(self) -> None:
        """Forget all requests."""
        with self._lock:
            self._entries.clear()
