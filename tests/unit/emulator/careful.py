"""A client as careful as everybody's should be, and faults on every tenth call that it has to live with."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from tests.unit.emulator.raw import Answer, Lost, Raw

_OURS = "a fault of the tests"
_PATIENCE_SECONDS = 60
#: What befalls a call. In the first three it is not carried out and says so; then it is and nobody hears of it; then
#: it is not, and nobody hears of that; at last it only takes longer.
EFFECTS: tuple[dict[str, Any], ...] = (
    {"error": {"code": "InternalServerException", "status": 500, "message": _OURS}},
    {"error": {"code": "ServiceUnavailable", "status": 503, "message": _OURS}},
    {"error": {"code": "ThrottlingException", "retryAfterSeconds": 1, "message": _OURS}},
    {"drop_answer": True},
    {"reset_connection": True},
    {"delay_seconds": 0.002},
)


def strike_every_tenth_call(add: Callable[[Mapping[str, Any]], object]) -> None:
    """Put the faults in force, each effect in its turn, for S3 too. ``add`` takes a rule."""
    for number, effect in enumerate(EFFECTS):
        add({"service": "*", "operation": "*", "every": 10 * len(EFFECTS), "skip": 10 * number, **effect})


class Careful(Raw):
    """One account's connection that asks again until it has an answer. It counts, as the emulator's log should.

    :ivar lost: how many answers of the last call never came: it may have been carried out as many times before.
    :ivar sent: requests by operation; S3's are all ``S3``. :ivar answered: the same by operation and status.
    """

    def __init__(self, url: str, account: str) -> None:
        super().__init__(url, account)
        self.lost = 0
        self.sent: Counter[str] = Counter()
        self.answered: Counter[tuple[str, int]] = Counter()

    def send(
        self, method: str, path: str, body: bytes = b"", service: str = "s3", headers: dict[str, str] | None = None
    ) -> Answer:
        """Send a request until there is an answer that is not a fault's.

        :raises TimeoutError: if none comes in a minute.
        """
        if path.startswith("/_emulator"):
            return super().send(method, path, body, service, headers)
        operation = (headers or {}).get("X-Amz-Target", "S3").rpartition(".")[2]
        self.lost, until = 0, time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            self.sent[operation] += 1
            try:
                answer = super().send(method, path, body, service, headers)
            except Lost:
                self.lost += 1
                continue
            self.answered[operation, answer.status] += 1
            if answer.status < 400 or _OURS.encode() not in answer.body:
                return answer
        raise TimeoutError(f"{operation} had no answer in {_PATIENCE_SECONDS} seconds")
