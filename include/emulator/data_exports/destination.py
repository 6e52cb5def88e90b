"""Where an export is delivered: AWS's layout of keys, and whether the bucket lets Data Exports in.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator import storage
from emulator.bucket_policy import may_deliver
from emulator.data_exports.state import Execution
from emulator.errors import invalid, invalid_field

_SUFFIXES = {"PARQUET": ".snappy.parquet", "TEXT_OR_CSV": ".csv.gz"}


@dataclass(frozen=True)
class Destination:
    """The S3 side of one export's definition."""

    bucket: str
    owner: str
    region: str
    root: str
    name: str
    format: str
    overwrites: bool

    @classmethod
    def of(cls, definition: Mapping[str, Any], account: str) -> Destination:
        """Read it from AWS's Export; without S3BucketOwner the bucket must be the exporting account's own."""
        s3 = definition["DestinationConfigurations"]["S3Destination"]
        output = s3["S3OutputConfigurations"]
        name = definition["Name"]
        return cls(
            bucket=s3["S3Bucket"],
            owner=s3.get("S3BucketOwner", account),
            region=s3["S3Region"],
            root=f"{s3['S3Prefix']}/{name}" if s3["S3Prefix"] else name,
            name=name,
            format=output["Format"],
            overwrites=output["Overwrite"] == "OVERWRITE_REPORT",
        )

    def data_path(self, partition: str, execution: Execution) -> str:
        """The folder of an execution's chunks: the partition's own, or one of the run's in create-new mode."""
        path = f"{self.root}/data/{partition}"
        return path if self.overwrites else f"{path}/{_run_folder(execution)}"

    def chunk_key(self, data_path: str, number: int) -> str:
        """The key of a chunk; numbers start at 1."""
        return f"{data_path}/{self.name}-{number:05}{_SUFFIXES[self.format]}"

    def manifest_keys(self, partition: str, execution: Execution) -> list[str]:
        """The manifest's keys in the order of writing; the partition's own, the latest, comes last."""
        file = f"{self.name}-Manifest.json"
        latest = f"{self.root}/metadata/{partition}/{file}"
        if self.overwrites:
            return [latest]
        return [f"{self.root}/metadata/{partition}/{_run_folder(execution)}/{file}", latest]

    def uri(self, key: str) -> str:
        """The full address of a key."""
        return f"s3://{self.bucket}/{key}"

    def permits(self, export_arn: str, account: str) -> bool:
        """Say whether the bucket exists, is the named account's and lets Data Exports write for this export."""
        if storage.owner(self.bucket) != self.owner:
            return False
        resource = f"arn:aws:s3:::{self.bucket}/{self.root}/data"
        return may_deliver(storage.policy(self.bucket), resource, export_arn, account)

    def check(self, export_arn: str, account: str) -> None:
        """Check the bucket as CreateExport and UpdateExport do it, at once.

        :raises ServiceError: ValidationException with AWS's observed text, or about the region.
        """
        if not self.permits(export_arn, account):
            raise invalid("S3 bucket permission validation failed", reason="other")
        actual = storage.region(self.bucket)
        if actual != self.region:
            raise invalid_field(
                "Export.DestinationConfigurations.S3Destination.S3Region",
                f"The bucket {self.bucket} is in {actual}, not in {self.region}",
            )


def _run_folder(execution: Execution) -> str:
    moment = execution.created_at
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z-{execution.id}"
