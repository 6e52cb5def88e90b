"""Launches the runs of a campaign and follows them, in a thread of its own: the API server may be dead for a while."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from tests.chaos.workload import Launch

from stack.errors import StoppedError
from stack.rest import AirflowApi, ApiError

APART = 1.1
"""Seconds between two runs at least: an estimate's name has the second of its run."""
MOST = 100
"""Runs at most: Airflow's API lists no more at once."""
LOOK_EVERY = 4.0
ENDED = frozenset({"success", "failed"})


class Launcher(threading.Thread):
    """Launches one run after the other; then, or meanwhile, counts those that have ended.

    Args:
        airflow: Airflow's API.
        launches: the runs in their order.
        seconds: over how much time they are spread.
        say: takes a line at each change.
    """

    def __init__(self, airflow: AirflowApi, launches: list[Launch], seconds: float, say: Callable[[str], None]) -> None:
        super().__init__(daemon=True)
        self._airflow = airflow
        self._launches = launches
        self._pause = max(APART, seconds / len(launches))
        self._say = say
        self._stopped = threading.Event()
        self.launched = 0
        self.states: Counter[str] = Counter()
        self.error: Exception | None = None

    @property
    def done(self) -> bool:
        """Whether all runs have been launched and have ended; raises what has gone wrong for good."""
        if self.error:
            raise self.error
        return sum(self.states[state] for state in ENDED) == len(self._launches)

    def stop(self) -> None:
        """End it after the call under way."""
        self._stopped.set()
        self.join()

    def run(self) -> None:
        """Launch and look until all have ended, or until it is stopped."""
        try:
            self._work()
        except StoppedError:
            pass
        except Exception as error:  # raised in the thread that asks
            self.error = error

    def _work(self) -> None:
        due = looks = time.monotonic()
        while not self._stopped.is_set() and not self.done:
            now = time.monotonic()
            try:
                if self.launched < len(self._launches) and now >= due:
                    launch = self._launches[self.launched]
                    self._airflow.trigger(launch.dag_id, run_id=launch.run_id)
                    self.launched += 1
                    due = max(due + self._pause, time.monotonic() + APART)
                if now >= looks:
                    looks = now + LOOK_EVERY
                    self._look()
            except ApiError as error:
                if not error.passing:
                    raise
            self._stopped.wait(0.2)

    def _look(self) -> None:
        found = self._airflow.request("GET", "/api/v2/dags/~/dagRuns", limit=MOST, order_by="run_id")["dag_runs"]
        states = Counter(str(run["state"]) for run in found)
        if states != self.states:
            self._say(f"{self.launched} of {len(self._launches)} runs launched: {told(states)}")
        self.states = states


def told(states: Counter[str]) -> str:
    """Counts of states in words."""
    return ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none known yet"
