"""AWS's Manifest.json: where it is, and what it says.

AWS publishes no schema. Four keys have evidence (executionId, exportArn, columns, dataFiles); every other key may
come, go or change, so none is relied upon. The billing period is in the path only.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from finops.delivery_errors import EmptyDeliveryError, ForeignFileError, ManifestInvalidError

_SUFFIXES = {"PARQUET": ".parquet", "TEXT_OR_CSV": ".csv.gz"}


@dataclass(frozen=True)
class PeriodPlace:
    """Where an export's files for one billing period are.

    :param bucket: the bucket's name.
    :param prefix: ``destination.prefix`` of the export.
    :param export_name: name of the export.
    :param period: ``YYYY-MM``.
    """

    bucket: str
    prefix: str
    export_name: str
    period: str

    @property
    def manifest_key(self) -> str:
        """Key of the period's manifest; in create-new mode that is AWS's copy of the latest run's one."""
        return f"{self._root}/metadata/BILLING_PERIOD={self.period}/{self.export_name}-Manifest.json"

    @property
    def data_prefix(self) -> str:
        """The folder that all data files of the period are in, in either mode."""
        return f"{self._root}/data/BILLING_PERIOD={self.period}/"

    @property
    def _root(self) -> str:
        return f"{self.prefix}/{self.export_name}"


@dataclass(frozen=True)
class Manifest:
    """What a manifest says.

    :param keys: keys of the data files, without the bucket.
    :param columns: ``{"name", "type"}`` of each column.
    """

    export_arn: str
    execution_id: str
    keys: tuple[str, ...]
    columns: tuple[Mapping[str, str], ...]


def parse_manifest(body: bytes, place: PeriodPlace, format_: str) -> Manifest:
    """Read a manifest and check that its files are the export's own.

    :param place: where the manifest was found.
    :param format_: ``PARQUET`` or ``TEXT_OR_CSV``.
    :raises ManifestInvalidError: not JSON, a key missing or of the wrong type, a file listed twice or of the
        other format.
    :raises EmptyDeliveryError: no files.
    :raises ForeignFileError: a file elsewhere.
    """
    uri = f"s3://{place.bucket}/{place.manifest_key}"
    content = _content(body, uri)
    texts = {name: _required(content, name, str, uri) for name in ("exportArn", "executionId")}
    files = _required(content, "dataFiles", list, uri)
    if not files:
        raise EmptyDeliveryError(
            f"{uri} lists no files: the export found no rows for {place.period}. Check its statement."
        )
    return Manifest(
        export_arn=texts["exportArn"],
        execution_id=texts["executionId"],
        keys=_keys(files, place, format_, uri),
        columns=_columns(_required(content, "columns", list, uri), uri),
    )


def _content(body: bytes, uri: str) -> dict[str, Any]:
    try:
        content = json.loads(body)
    except ValueError as error:
        raise ManifestInvalidError(f"{uri} is not valid JSON ({error}). Wait for the next delivery.") from None
    if not isinstance(content, dict):
        raise ManifestInvalidError(f"{uri} holds a {type(content).__name__}, not a JSON object. {_WAIT}")
    return content


_WAIT = "Wait for the next delivery; if it is the same, AWS has changed the manifest."


def _required(content: Mapping[str, Any], name: str, kind: type, uri: str) -> Any:
    if name not in content:
        raise ManifestInvalidError(f"{uri} has no key {name}. {_WAIT}")
    if not isinstance(content[name], kind) or content[name] == "":
        raise ManifestInvalidError(f"{uri}: {name} is not a {kind.__name__}. {_WAIT}")
    return content[name]


def _columns(entries: list[Any], uri: str) -> tuple[Mapping[str, str], ...]:
    for entry in entries:
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("name", "type")):
            raise ManifestInvalidError(f"{uri}: columns has the entry {entry!r} without name and type. {_WAIT}")
    if not entries:
        raise ManifestInvalidError(f"{uri} lists no columns. {_WAIT}")
    return tuple({"name": entry["name"], "type": entry["type"]} for entry in entries)


def _keys(files: list[Any], place: PeriodPlace, format_: str, uri: str) -> tuple[str, ...]:
    keys: dict[str, str] = {}
    for file in files:
        key = _key(file, place, uri)
        name = key.rpartition("/")[2]
        if not name.endswith(_SUFFIXES[format_]):
            raise ManifestInvalidError(
                f"{uri}: {name} is not a {format_} file. If the export's format was changed, "
                "wait for the next delivery."
            )
        if name in keys:
            raise ManifestInvalidError(f"{uri} lists the file {name} twice, so its rows would count twice. {_WAIT}")
        keys[name] = key
    return tuple(keys.values())


def _key(file: object, place: PeriodPlace, uri: str) -> str:
    """Return a file's key; AWS writes ``s3://bucket/key``, other writers the bare key."""
    if not isinstance(file, str):
        raise ManifestInvalidError(f"{uri}: dataFiles has the entry {file!r}, which is not a text. {_WAIT}")
    key = file
    if file.startswith("s3://"):
        bucket, _, key = file.removeprefix("s3://").partition("/")
        if bucket != place.bucket:
            raise ForeignFileError(
                f"{uri} names {file}, which is not in bucket {place.bucket}. Check who can write to the bucket."
            )
    if not key.startswith(place.data_prefix) or ".." in key.split("/"):
        raise ForeignFileError(
            f"{uri} names {file}, which is not below {place.data_prefix}. Check who can write to the bucket."
        )
    return key
