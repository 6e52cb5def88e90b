"""A StatsD server that keeps what it is sent."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field
from typing import Any

LARGEST = 65535
"""Bytes of the largest UDP packet."""


@dataclass(frozen=True)
class Metric:
    """One metric as it was sent.

    Args:
        name: its name after Airflow's own prefix.
        value: of a counter, by how much it rose; of a timing, milliseconds.
        kind: `c` for a counter, `g` for a gauge, `ms` for a timing.
        tags: its tags.
    """

    name: str
    value: float
    kind: str
    tags: dict[str, str]

    @classmethod
    def read(cls, line: str) -> Metric:
        """Read a line of the protocol, with its tags as InfluxDB has them: `name,tag=value:1|c`."""
        title, _, rest = line.rpartition(":")
        name, *tags = title.split(",")
        value, kind = rest.split("|")[:2]
        return cls(name.removeprefix("airflow."), float(value), kind, dict(tag.split("=", 1) for tag in tags))


@dataclass
class Statsd:
    """The server, on a port of its own; a context manager."""

    kept: list[Metric] = field(default_factory=list)

    def __enter__(self) -> Statsd:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.setblocking(False)
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    @property
    def settings(self) -> dict[str, str]:
        """The environment of an Airflow that sends its metrics here, and of them only this project's."""
        host, port = self._socket.getsockname()
        metrics: dict[str, Any] = {"statsd_on": True, "statsd_host": host, "statsd_port": port}
        metrics |= {"statsd_influxdb_enabled": True, "metrics_allow_list": "bcm"}
        return {f"AIRFLOW__METRICS__{name.upper()}": str(value) for name, value in metrics.items()}

    def received(self, name: str, **tags: str) -> list[Metric]:
        """What has come so far of a metric with these tags, and maybe others."""
        while True:
            try:
                packet = self._socket.recv(LARGEST)
            except BlockingIOError:
                break
            self.kept += map(Metric.read, packet.decode().splitlines())
        return [each for each in self.kept if each.name == name and tags.items() <= each.tags.items()]

    def forget(self) -> None:
        """Forget what has come so far."""
        self.received("")
        self.kept.clear()
