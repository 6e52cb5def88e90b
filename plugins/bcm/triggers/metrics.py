"""What the streams tell Airflow's metrics; docs/waiting.md has the table.

Airflow documents them at
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/metrics.html
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Callable, Collection
from datetime import timedelta

from airflow.sdk.observability import stats

from bcm.hooks.base import THROTTLING_CODES, error_code
from bcm.triggers.wait import Wait

#: Seconds between two measurements of who waits, which look at every wait.
MEASURE_EVERY = 10.0


class Meter:
    """Counts and times for one stream.

    :param service: AWS's service, e.g. ``bcm-data-exports``
    :param connection: Airflow connection; None stands for the default credentials
    """

    def __init__(self, service: str = "", connection: str | None = None) -> None:
        self.tags = {"service": service, "connection": connection or "none"}
        self._measure_due = 0.0

    def called(self, method: str, error: BaseException | None = None) -> None:
        """Count a call and what came of it.

        :param method: the client's method, e.g. ``list_executions``
        :param error: what it raised
        """
        tags = {**self.tags, "operation": method.title().replace("_", "")}
        stats.incr("bcm.calls", tags=tags)
        if error is not None and error_code(error) in THROTTLING_CODES:
            stats.incr("bcm.throttles", tags=tags)
        elif error is not None:
            self._failed(error, tags)

    def unopened(self, error: BaseException) -> None:
        """Count a client that could not be opened."""
        self._failed(error, {**self.tags, "operation": "open"})

    def polled(self, seconds: float) -> None:
        """Time one round of the poll."""
        stats.timing("bcm.poll_duration", timedelta(seconds=seconds), tags=self.tags)

    def measured(self, open_waits: Callable[[], Collection[Wait]], *, last: bool = False) -> None:
        """Measure who waits, now and then: tasks, which give up some time, and watchers, which never do.

        :param last: whether the poll has ended
        """
        now = time.monotonic()
        if now < self._measure_due and not last:
            return
        self._measure_due = now + MEASURE_EVERY
        waits = open_waits()
        tasks = [wait for wait in waits if not math.isinf(wait.deadline)]
        tags = {**self.tags, "hostname": socket.gethostname()}
        stats.gauge("bcm.waits", len(tasks), tags=tags)
        stats.gauge("bcm.watchers", len(waits) - len(tasks), tags=tags)
        stats.gauge("bcm.oldest_wait", max((wait.age for wait in tasks), default=0.0), tags=tags)

    def _failed(self, error: BaseException, tags: dict[str, str]) -> None:
        stats.incr("bcm.errors", tags={**tags, "error": error_code(error) or type(error).__name__})
