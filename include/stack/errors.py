"""What can go wrong while the stack starts or works, as one sentence for the person who called it."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot go on. `str()` is the whole message: what happened, where to look, what to do."""


class StoppedError(StackError):
    """Ctrl-C, SIGTERM or SIGHUP asked the stack to end."""
