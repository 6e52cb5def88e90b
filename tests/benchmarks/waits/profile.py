"""Where a process spends its processor time, by samples: without a tracer, which would make small calls look large."""

from __future__ import annotations

import signal
from collections import Counter
from pathlib import Path
from types import FrameType

#: Seconds of processor time between two samples.
SAMPLE = 0.01


class Profile:
    """Samples from one SIGUSR1 to the next, and then writes the shares: of what ran, and of who had called it.

    :param path: where to
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._running = False
        self._ran: Counter[str] = Counter()
        self._called: Counter[str] = Counter()
        signal.signal(signal.SIGPROF, self._sample)
        signal.signal(signal.SIGUSR1, self._toggle)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        seen: list[str] = []
        while frame:
            code = frame.f_code
            seen.append(f"{'/'.join(Path(code.co_filename).parts[-3:])}:{code.co_qualname}")
            frame = frame.f_back
        self._ran.update(seen[:1])
        self._called.update(set(seen))

    def _toggle(self, _: int, frame: FrameType | None) -> None:
        self._running = not self._running
        signal.setitimer(signal.ITIMER_PROF, SAMPLE * self._running, SAMPLE * self._running)
        if self._running:
            return
        whole = max(1, self._ran.total())
        with self._path.open("w") as file:
            for title, counts in (("itself", self._ran), ("with what it calls", self._called)):
                file.write(f"{title}, of {whole} samples\n")
                file.writelines(f"{count / whole:7.1%}  {where}\n" for where, count in counts.most_common(60))
