"""Lines with the time since the command began, and how that time was spent."""

from __future__ import annotations

import time


class Progress:
    """Prints what happens as it happens, and counts the time of each phase."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._phases: list[tuple[str, float]] = []

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def say(self, line: str) -> None:
        """Print one line with the seconds passed so far."""
        print(f"{self.seconds:6.1f}s  {line}", flush=True)

    def phase_ended(self, name: str) -> None:
        """Note that the phase `name` ended now; it began where the one before ended."""
        self._phases.append((name, self.seconds))

    def split(self) -> str:
        """Where the time went, in one line."""
        marks = [0.0, *(end for _, end in self._phases)]
        parts = [f"{name} {end - begin:.0f} s" for (name, end), begin in zip(self._phases, marks, strict=False)]
        return f"{self.seconds:.0f} s: {', '.join(parts)}"
