"""A running emulator: server, ticker, world. In a test: ``with running(...) as emu``."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from emulator.clock import Clock
from emulator.faults.effects import Faults
from emulator.settings import ACCOUNTS, Settings, parse_accounts, parse_bucket, parse_moment
from emulator.web.app import EmulatorApp
from emulator.web.httpd import Server
from emulator.world import World

_TICK_SECONDS = 0.2
_log = logging.getLogger(__name__)
_only_one = threading.Lock()


class Emulator:
    """An emulator that serves. ``url`` takes any AWS client; ``clock`` and ``faults`` take tests.

    :raises OSError: if the address cannot be had.
    :raises RuntimeError: if this process already runs one: moto's state is the process's.
    """

    def __init__(self, settings: Settings, host: str = "127.0.0.1", port: int = 0) -> None:
        if not _only_one.acquire(blocking=False):
            raise RuntimeError("This process already runs an emulator: moto keeps its state once per process")
        try:
            self._stopping = threading.Event()
            self._world = World(settings)
            self._server = Server(host, port, EmulatorApp(self._world, self._stopping))
        except BaseException:
            _only_one.release()
            raise
        shown = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - shown, not bound
        self.url = f"http://{f'[{shown}]' if ':' in shown else shown}:{self._server.server_port}"
        self._threads = [
            threading.Thread(target=self._server.serve_forever, name="emulator-server", daemon=True),
            threading.Thread(target=self._tick, name="emulator-ticker", daemon=True),
        ]

    @property
    def clock(self) -> Clock:
        """The emulated time: ``now()``, ``advance(seconds)``, ``speed``."""
        return self._world.clock

    @property
    def faults(self) -> Faults:
        """The fault rules: ``add(rule)``, ``list()``, ``remove(id)``, ``clear()``; what fell due before was theirs."""
        self._world.settle()
        return self._world.faults

    def requests(self, operation: str | None = None, service: str | None = None, **more: Any) -> list[dict[str, Any]]:
        """Give the logged requests, as ``GET /_emulator/requests`` does.

        :param more: ``account``, ``error`` and ``limit``, see :meth:`emulator.journal.Journal.entries`.
        """
        return self._world.journal.entries(operation, service, **more)

    def charges(self) -> list[dict[str, Any]]:
        """Give what AWS would charge for bill estimates, as ``GET /_emulator/charges`` does."""
        return self._world.charges()

    def snapshot(self, name: str = "snapshot") -> str:
        """Keep everything under a name, for :meth:`restore`, and give the name.

        :raises ValueError: see :meth:`emulator.snapshots.Snapshots.take`.
        """
        return str(self._world.snapshots.take(name)["name"])

    def restore(self, name: str = "snapshot") -> None:
        """Go back to a snapshot.

        :raises LookupError: if there is none of this name.
        """
        self._world.snapshots.restore(name)

    def reset(self) -> None:
        """Start again as at the start; snapshots stay."""
        self._world.reset()

    def settle(self) -> None:
        """Bring deliveries up to the emulated now; requests and the ticker do so by themselves."""
        self._world.settle()

    def start(self) -> None:
        """Begin to serve."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End: no thread, no connection and nothing in moto's backends is left.

        What the desks do is given up at once; a request that reads a bill is awaited: a second, and a minute in the
        largest organisation.
        """
        self._stopping.set()
        self._server.shutdown()
        self._world.close()
        for thread in self._threads:
            thread.join()
        self._server.close()
        self._world.close()
        _only_one.release()

    def _tick(self) -> None:
        """Deliver on time even if nobody asks."""
        while not self._stopping.wait(_TICK_SECONDS):
            try:
                self._world.settle()
            except Exception:
                _log.exception("what is due now failed")


@contextmanager
def running(
    *,
    speed: float = 1.0,
    seed: int = 7,
    start: datetime | str | None = None,
    rows: int = 2_000,
    accounts: Sequence[str] = ACCOUNTS,
    buckets: Sequence[str] = (),
    estimate_hours: tuple[float, float] = Settings.estimate_hours,
    open_control: bool = False,
) -> Iterator[Emulator]:
    """Run an emulator in a thread of this process, on a free loopback port.

    :param speed: emulated seconds per second of the wall.
    :param seed: what usage and durations are drawn from.
    :param start: emulated time at start, a datetime or ISO 8601; the wall's time by default.
    :param rows: usage lines of one month, about.
    :param accounts: the payer first, then the members.
    :param buckets: ``ACCOUNT/NAME`` each, with the delivery policy for the payer's exports.
    :param estimate_hours: the shortest and the longest time that a bill estimate takes.
    :param open_control: whether the control API answers other machines too.
    :raises ValueError: if an argument is not understood.
    """
    settings = Settings(
        accounts=parse_accounts(accounts),
        buckets=tuple(parse_bucket(bucket) for bucket in buckets),
        start=None if start is None else parse_moment(start),
        speed=speed,
        seed=seed,
        rows=rows,
        estimate_hours=estimate_hours,
        open_control=open_control,
    )
    emulator = Emulator(settings)
    emulator.start()
    try:
        yield emulator
    finally:
        emulator.stop()
