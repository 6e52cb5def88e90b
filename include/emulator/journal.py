"""The log of requests that the control API shows."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter
from time import time as wall_time
from typing import Any

from emulator.accounts import Caller
from emulator.protocol.wire import Answer

_KEPT = 100_000
_KEPT_INPUT = 64 * 2**20
_LONGEST_NAME = 200


@dataclass(slots=True)
class Entry:
    """One request and what became of it.

    :param wall: the wall's epoch seconds at its arrival. :param seconds: of the wall until its answer was ready.
    :param status: the HTTP status of the answer, also of one that was not sent; ``None`` while there is none.
    :param error: the code of the error. :param faults: what fault rules did to it.
    :param body: the request's body, for the two billing services only; ``None`` too once its log dropped it.
    """

    service: str
    operation: str
    caller: Caller
    time: datetime
    body: bytes | None = None
    wall: float = field(default_factory=wall_time)
    seconds: float | None = None
    status: int | None = None
    error: str | None = None
    faults: tuple[str, ...] = ()
    _started: float = field(default_factory=perf_counter)

    def end(self, answer: Answer | None) -> None:
        """Write the outcome down; ``None`` if the request was not carried out."""
        if answer:
            self.status, self.error = answer.status, answer.error
        self.seconds = perf_counter() - self._started

    def to_dict(self) -> dict[str, Any]:
        """Give the request as the control API shows it; ``params`` is the JSON input, ``time`` ISO 8601."""
        return {
            "service": self.service,
            "operation": self.operation,
            "account": self.caller.account,
            "access_key_id": self.caller.access_key_id,
            "role": self.caller.role,
            "time": self.time.isoformat(),
            "wall": self.wall,
            "seconds": self.seconds,
            "status": self.status,
            "error": self.error,
            "faults": list(self.faults),
            "params": _readable(self.body),
        }


class Journal:
    """Requests in the order in which they came. The oldest are dropped after 100,000.

    :param kept_input: octets of input that are kept; beyond that the oldest inputs are dropped and their requests stay.
    """

    def __init__(self, kept_input: int = _KEPT_INPUT) -> None:
        self._lock = threading.Lock()
        self._entries: deque[Entry] = deque(maxlen=_KEPT)
        self._kept_input = kept_input
        self._with_input: deque[Entry] = deque()
        self._input = 0

    def begin(self, service: str, operation: str, caller: Caller, now: datetime, body: bytes | None = None) -> Entry:
        """Write a request down; :meth:`Entry.end` adds the outcome.

        :param operation: as the client names it; cut at 200 characters.
        """
        entry = Entry(service, operation[:_LONGEST_NAME], caller, now, body)
        with self._lock:
            self._entries.append(entry)
            if body:
                self._with_input.append(entry)
                self._input += len(body)
            while self._input > self._kept_input or len(self._with_input) > _KEPT:
                oldest = self._with_input.popleft()
                self._input -= len(oldest.body or b"")
                oldest.body = None
        return entry

    def entries(
        self,
        operation: str | None = None,
        service: str | None = None,
        account: str | None = None,
        error: str | None = None,
        limit: int | None = None,
    ) -> list[dict[str, Any]]:
        """Give the requests that every given condition holds for, the oldest first.

        :param error: the code of the error, ``"*"`` for every request that failed.
        :param limit: give the newest so many only.
        """
        found = list(self._find(operation, service, account, error))
        return [entry.to_dict() for entry in (found if limit is None else found[max(0, len(found) - limit) :])]

    def counts(
        self,
        operation: str | None = None,
        service: str | None = None,
        account: str | None = None,
        error: str | None = None,
    ) -> dict[str, dict[str, int]]:
        """Count calls and errors by operation, of the requests that :meth:`entries` would give."""
        counted: dict[str, dict[str, int]] = {}
        for entry in self._find(operation, service, account, error):
            count = counted.setdefault(entry.operation, {"calls": 0, "errors": 0})
            count["calls"] += 1
            count["errors"] += entry.error is not None
        return dict(sorted(counted.items()))

    def clear(self) -> None:
        """Forget all requests that have ended; those under way are carried out yet, and stay."""
        with self._lock:
            for kept in (self._entries, self._with_input):
                under_way = [entry for entry in kept if entry.seconds is None]
                kept.clear()
                kept.extend(under_way)
            self._input = sum(len(entry.body or b"") for entry in self._with_input)

    def _find(
        self, operation: str | None, service: str | None, account: str | None, error: str | None
    ) -> Iterator[Entry]:
        with self._lock:
            kept = list(self._entries)
        return (
            entry
            for entry in kept
            if operation in (None, entry.operation)
            and service in (None, entry.service)
            and account in (None, entry.caller.account)
            and (error is None or (entry.error is not None and error in ("*", entry.error)))
        )


def _readable(body: bytes | None) -> Any:
    if body is None:
        return None
    try:
        return json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
