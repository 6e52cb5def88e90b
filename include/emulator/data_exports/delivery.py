"""Writes what an execution delivers: chunks, blanked surplus chunks, and the manifest last."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from emulator import storage
from emulator.data_exports.definition import read_query
from emulator.data_exports.destination import Destination
from emulator.data_exports.state import Execution, ExportRecord
from emulator.query import Query

if TYPE_CHECKING:
    from emulator.world import World

_log = logging.getLogger(__name__)


class DeliveryDesk:
    """Takes deliveries as they fall due and writes them at the end of the settling.

    When the clock jumps a month, ninety deliveries to one partition fall due at once. In overwrite mode no client
    can ever see any but the last, so only the last is rendered; in create-new mode every run keeps its folder.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._waiting: dict[object, Callable[[], None]] = {}

    def accept(self, record: ExportRecord, execution: Execution, at: datetime) -> None:
        """Take the delivery of an execution that ends at ``at``."""
        destination = Destination.of(execution.snapshot, record.account)
        key = (record.arn, execution.period) if destination.overwrites else execution.id
        self._waiting.pop(key, None)
        self._waiting[key] = lambda: self._deliver(record, execution, destination, at)

    def flush(self) -> None:
        """Write everything that was taken."""
        with self._world.lock:
            waiting, self._waiting = list(self._waiting.values()), {}
            for deliver in waiting:
                deliver()

    def _deliver(self, record: ExportRecord, execution: Execution, destination: Destination, at: datetime) -> None:
        try:
            self._write(record, execution, destination, at)
        except Exception:
            _log.exception("delivery of %s, execution %s, failed", record.arn, execution.id)
            execution.move("DELIVERY_FAILURE", at, "INTERNAL_FAILURE")
            record.judge(at, "INTERNAL_FAILURE")

    def _write(self, record: ExportRecord, execution: Execution, destination: Destination, at: datetime) -> None:
        query = read_query(execution.snapshot["DataQuery"])
        partition = query.table.partition(execution.period)
        path = destination.data_path(partition, execution)
        keys = []
        for number, body in enumerate(self._chunks(record.account, query, execution, destination.format, at), 1):
            keys.append(destination.chunk_key(path, number))
            storage.put(destination.bucket, keys[-1], body, at)
        place = destination.uri(destination.chunk_key(path, 0))
        for number in range(len(keys) + 1, record.chunks.get(place, 0) + 1):
            storage.put(destination.bucket, destination.chunk_key(path, number), b"", at)
        record.chunks[place] = max(len(keys), record.chunks.get(place, 0))
        manifest = {
            "exportArn": record.arn,
            "executionId": execution.id,
            "columns": [{"name": column.name, "type": _manifest_type(column.type)} for column in query.columns],
            "dataFiles": [destination.uri(key) for key in keys],
        }
        for key in destination.manifest_keys(partition, execution):
            storage.put(destination.bucket, key, json.dumps(manifest).encode(), at)

    def _chunks(self, account: str, query: Query, execution: Execution, output: str, at: datetime) -> Iterator[bytes]:
        # Here and not above: the engine behind it would double the time to the ready line.
        from emulator.writer import render

        rows = _chunk_rows(query, self._world.settings.rows)
        return render(self._world.organisation_of(account), query, execution.period, at, output, rows)


def _chunk_rows(query: Query, rows: int) -> int:
    """A month makes two or three chunks, by the day or by the hour, so that readers meet more than one."""
    is_hourly = query.properties.get("TIME_GRANULARITY", "HOURLY") == "HOURLY"
    return max(1000, rows * 8 if is_hourly else rows // 2)


def _manifest_type(column_type: str) -> str:
    """Manifests name their types in four words."""
    for word in ("map", "timestamp"):
        if column_type.lower().startswith(word):
            return word
    return column_type.lower()
