"""Writes one delivery: chunks, blanked surplus chunks, the additional files, and the manifest last."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from emulator.data_exports.definition import read_query
from emulator.data_exports.destination import Destination
from emulator.data_exports.integrations import additional_files, status_file
from emulator.data_exports.state import Execution, ExportRecord
from emulator.moto import storage
from emulator.tables.query import Query

if TYPE_CHECKING:
    from emulator.world import World


class DeliveryRefusedError(Exception):
    """The bucket does not let Data Exports write (any longer)."""


@dataclass
class Delivery:
    """What an execution has to deliver.

    :param at: when it is due; the content is that of this moment, whenever it is written.
    :param says_when_completed: whether the execution tells CompletedAt; AWS's sometimes do not.
    :param earlier: older deliveries to the same place that nobody has written: this one stands for them as well.
    """

    record: ExportRecord
    execution: Execution
    at: datetime
    says_when_completed: bool = False
    earlier: list[Delivery] = field(default_factory=list)

    def succeed(self) -> None:
        """Tell of the success, in the order in which they were due."""
        for each in (*self.earlier, self):
            each.execution.move("DELIVERY_SUCCESS", each.at)
            each.execution.completed_at = each.at if each.says_when_completed else None
            each.record.judge(each.at)

    def fail(self, reason: str) -> None:
        """Tell of the failure, in the order in which they were due."""
        for each in (*self.earlier, self):
            each.execution.move("DELIVERY_FAILURE", each.at, reason)
            each.record.judge(each.at, reason)


class Shipment:
    """The writing of one delivery. It takes the world's lock for each object alone, never while it makes lines.

    :param proceed: called between all steps, each time before an object is written with the lock held; what it
        raises ends the writing.
    """

    def __init__(self, world: World, delivery: Delivery, proceed: Callable[[], None]) -> None:
        self._world = world
        self._delivery = delivery
        self._proceed = proceed
        record, execution = delivery.record, delivery.execution
        self._to = Destination.of(execution.snapshot, record.account)
        self._query = read_query(execution.snapshot["DataQuery"])
        self._partition = self._query.table.partition(execution.period)
        self._path = self._to.data_path(self._partition, execution)
        self._folder = self._to.uri(self._to.chunk_key(self._path, 0))

    @property
    def place(self) -> object:
        """What it replaces, and is replaced by, until somebody has written it: the run's own if all runs are kept.

        An update may have moved the export since: what began before it still goes to where it was to go.
        """
        if self._to.overwrites:
            return self._delivery.record.arn, self._delivery.execution.period, self._to
        return self._delivery.execution.id

    def permitted(self) -> bool:
        """Say whether the bucket lets in the first chunk and the manifest."""
        return self._permits(self._to.chunk_key(self._path, 1), *self._manifest_keys())

    def _permits(self, *keys: str) -> bool:
        return self._to.permits(keys, self._delivery.record.arn, self._delivery.record.account)

    def _manifest_keys(self) -> list[str]:
        return self._to.manifest_keys(self._partition, self._delivery.execution)

    def send(self) -> None:
        """Write everything and tell of the success.

        :raises DeliveryRefusedError: if the bucket refuses an object; then there is no manifest.
        """
        with tempfile.TemporaryDirectory(prefix="emulator-") as folder:
            chunks = list(self._chunks(Path(folder)))
            with self._updating():
                self._deliver(chunks)

    @contextmanager
    def _updating(self) -> Iterator[None]:
        """Tell Athena's users that data is being written, and if it comes to nothing that it no longer is."""
        for key, body in status_file(self._to, "UPDATING").items():
            self._put(key, body)
        try:
            yield
        except Exception:
            for key, body in status_file(self._to, "READY").items():
                with suppress(DeliveryRefusedError):
                    self._write(key, body, lambda: None)
            raise

    def _deliver(self, chunks: Sequence[Path]) -> None:
        keys = [self._to.chunk_key(self._path, number) for number in range(1, len(chunks) + 1)]
        for number, chunk in enumerate(chunks, 1):
            self._put_chunk(number, chunk.read_bytes())
            chunk.unlink()
        self._blank_surplus(len(keys))
        more = additional_files(self._to, self._query.columns, self._partition, self._path, keys)
        for key, body in more.items():
            self._put(key, body)
        with self._world.lock:  # once the manifest is there, the execution has succeeded
            self._write_manifest(keys, list(more))
            self._delivery.succeed()

    def _chunks(self, folder: Path) -> Iterator[Path]:
        # Here and not above: the engine behind it would double the time to the ready line.
        from emulator.files.writer import Content, Form, render

        world, record = self._world, self._delivery.record
        content = Content(
            world.organisation_of(record.account),
            self._query,
            self._delivery.execution.period,
            self._delivery.at,
            viewer=record.account if world.is_member(record.account) else None,
        )
        form = Form(self._to.name, self._to.suffix, _chunk_lines(self._query, world.settings.rows))
        return render(content, form, folder, self._proceed)

    def _put(self, key: str, body: bytes) -> None:
        self._write(key, body, self._proceed)

    def _write(self, key: str, body: bytes, proceed: Callable[[], None]) -> None:
        etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
        with self._world.lock:
            proceed()
            if not self._permits(key):
                raise DeliveryRefusedError(key)
            storage.put(self._to.bucket, key, body, self._delivery.at, etag)

    def _put_chunk(self, number: int, body: bytes) -> None:
        self._put(self._to.chunk_key(self._path, number), body)
        left = self._delivery.record.chunks
        with self._world.lock:
            left[self._folder] = max(number, left.get(self._folder, 0))

    def _blank_surplus(self, used: int) -> None:
        """Overwrite chunks of earlier deliveries that this one did not need: Data Exports cannot delete."""
        for number in range(used + 1, self._delivery.record.chunks.get(self._folder, 0) + 1):
            self._put_chunk(number, b"")

    def _write_manifest(self, keys: list[str], more: list[str]) -> None:
        manifest = {
            "exportArn": self._delivery.record.arn,
            "executionId": self._delivery.execution.id,
            "columns": [{"name": column.name, "type": _manifest_type(column.type)} for column in self._query.columns],
            "dataFiles": [self._to.uri(key) for key in keys],
        }
        if more:
            manifest["additionalOutputFiles"] = [self._to.uri(key) for key in more]
        if not self._permits(*self._manifest_keys()):  # not one of the two without the other
            raise DeliveryRefusedError(self._path)
        for key in self._manifest_keys():
            self._put(key, json.dumps(manifest).encode())


def _chunk_lines(query: Query, rows: int) -> int:
    """A small month makes two or three chunks, by the day or by the hour, so that readers meet more than one."""
    is_hourly = query.properties.get("TIME_GRANULARITY", "HOURLY") == "HOURLY"
    return max(1000, rows * 8 if is_hourly else rows // 2)


def _manifest_type(column_type: str) -> str:
    """Manifests name a type in one word: of a map not what it holds, of a timestamp not its unit."""
    for word in ("map", "timestamp"):
        if column_type.lower().startswith(word):
            return word
    return column_type.lower()
