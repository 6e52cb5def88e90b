"""A verified delivery: one execution of one export for one billing period."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class DeliveredFile:
    """One data file as it was when the delivery was verified.

    :param uri: ``s3://bucket/key``.
    :param size: bytes.
    :param etag: S3's ETag, in its quotes; reading pins it.
    """

    uri: str
    size: int
    etag: str


@dataclass(frozen=True)
class Delivery:
    """What the manifest says, confirmed by the files.

    :param export_name: name of the export.
    :param export_arn: its ARN, as the manifest has it.
    :param execution_id: the execution that wrote the delivery; may be newer than the one that was awaited.
    :param billing_period: ``YYYY-MM``.
    :param bucket_owner: account that owns the bucket; every read expects it.
    :param manifest_uri: ``s3://bucket/key`` of the manifest.
    :param manifest_etag: the manifest's ETag: a delivery whose manifest has another one is another delivery.
    :param files: the data files, in the manifest's order.
    :param columns: ``{"name", "type"}`` of each column; types as AWS writes them (string, double, timestamp, map).
    :param format: ``PARQUET`` or ``TEXT_OR_CSV``.
    :param rows: rows of all files; None for larger CSV that nobody has read yet.
    :param bytes: size of all files.
    """

    export_name: str
    export_arn: str
    execution_id: str
    billing_period: str
    bucket_owner: str
    manifest_uri: str
    manifest_etag: str
    files: tuple[DeliveredFile, ...]
    columns: tuple[Mapping[str, str], ...]
    format: str
    rows: int | None
    bytes: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types; ``from_dict`` reads them back."""
        return {
            **asdict(self),
            "files": [asdict(file) for file in self.files],
            "columns": [dict(column) for column in self.columns],
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Delivery:
        """Return the delivery that ``to_dict`` wrote. Raises TypeError or KeyError for anything else."""
        files = tuple(DeliveredFile(**file) for file in content["files"])
        return cls(**{**content, "files": files, "columns": tuple(dict(column) for column in content["columns"])})
