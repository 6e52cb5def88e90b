"""What the task's state store keeps of a wait: one deadline for all tries, and what a rescheduled sensor forgets."""

from __future__ import annotations

import time
from typing import Any

from airflow.sdk import Context

from bcm.exactly_once import fingerprint
from bcm.looks import Look
from bcm.triggers.wait import REPORT_EVERY, Wait

WAIT_KEY = "bcm_deadline"
#: What a look in another process must know of the looks before it.
PROGRESS = ("status", "problem", "failures", "not_found", "rejected")


class WaitMemory:
    """The task's memory of its wait. Without a state store it has none, and each try has a deadline of its own.

    :param context: the task's context
    """

    def __init__(self, context: Context) -> None:
        self._store = context.get("task_state_store")
        self._try = context["ti"].try_number
        self._kept: dict[str, Any] = {}

    def recall(self, look: Look, timeout: float, poke_interval: float, max_wait: float) -> Wait:
        """Return the wait of this task, which goes on with the deadline that it had.

        It begins anew if the task waits for something else: the store also outlives the clearing of a run, which may
        have made a new estimate or changed the export. Nor does a deadline count that passed before this try.

        :param timeout: seconds that a new wait lasts
        """
        now, awaited = time.time(), fingerprint(vars(look))
        kept: Any = self._store.get(WAIT_KEY) if self._store is not None else None
        same_try = bool(kept) and kept.get("try") == self._try
        if kept and kept.get("awaited") == awaited and (same_try or kept["deadline"] > now):
            wait = Wait(look, kept["deadline"], poke_interval, max_wait, started=kept["started"])
            for name in PROGRESS:
                setattr(wait, name, kept.get(name, getattr(wait, name)))
            if same_try:
                wait.report_due = time.monotonic() + REPORT_EVERY - (now - kept.get("reported", 0.0))
            self._write(kept)
            return wait
        wait = Wait(look, now + timeout, poke_interval, max_wait, started=now)
        self._write({"awaited": awaited, "started": now, "deadline": wait.deadline})
        return wait

    def remember(self, wait: Wait) -> None:
        """Keep what the next process must know."""
        reported = time.time() - (time.monotonic() - wait.report_due + REPORT_EVERY)
        self._write({**self._kept, **{name: getattr(wait, name) for name in PROGRESS}, "reported": reported})

    def forget(self) -> None:
        """Drop it: the wait is over."""
        if self._store is not None:
            self._store.delete(WAIT_KEY)

    def _write(self, kept: dict[str, Any]) -> None:
        kept = {**kept, "try": self._try}
        if self._store is not None and kept != self._kept:
            self._store.set(WAIT_KEY, kept)
        self._kept = kept
