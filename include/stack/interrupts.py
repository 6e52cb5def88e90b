"""Ctrl-C as a flag that is looked at where the stack waits, never an exception in the middle of something."""

from __future__ import annotations

import signal
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from stack.errors import StoppedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

T = TypeVar("T")
SLICE = 0.1
"""Seconds between two looks at the flag: how late a Ctrl-C is noticed."""


class Interrupts:
    """Remembers that SIGINT, SIGTERM or SIGHUP came; `pause` raises `StoppedError` then.

    A handler that raises could strike between the start of a process and the note of it, or inside the
    tear-down. A flag cannot, and a second Ctrl-C only sets it again.
    Used as a context manager it installs the handlers (main thread only); otherwise it is never set.

    Args:
        on_first: called when the first signal comes.
        to_the_end: after a signal the process only ends: another one that comes then does not change how.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __init__(self, on_first: Callable[[], None] | None = None, *, to_the_end: bool = False) -> None:
        self.came: signal.Signals | None = None
        self._to_the_end = to_the_end
        self._on_first = on_first
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Interrupts:
        for number in self.SIGNALS:
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            ends = self._to_the_end and self.came is not None
            signal.signal(number, signal.SIG_IGN if ends else handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.came is None:
            self.came = signal.Signals(number)
            if self._on_first:
                self._on_first()

    def check(self) -> None:
        """Raise `StoppedError` if one of the signals came."""
        if self.came is not None:
            raise StoppedError(f"stopped by {self.came.name}")

    def pause(self, seconds: float) -> None:
        """Sleep for `seconds`, or raise `StoppedError` as soon as a signal came."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.check()
            time.sleep(min(left, SLICE))
        self.check()

    def during(self, call: Callable[[], T]) -> T:
        """Return what `call` returns, or raise `StoppedError` as soon as a signal came, however long the call takes.

        The call runs in a thread of its own, which is left to itself then: it must not change anything here.
        """
        self.check()
        outcome: Future[T] = Future()

        def work() -> None:
            try:
                outcome.set_result(call())
            except BaseException as error:  # raised again where the call is waited for
                outcome.set_exception(error)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        while thread.is_alive():
            thread.join(SLICE)
            self.check()
        return outcome.result()
