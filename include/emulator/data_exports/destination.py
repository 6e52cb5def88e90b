"""Where an export is delivered: AWS's layout of keys, and whether the bucket lets Data Exports in.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from emulator.data_exports.state import Execution
from emulator.moto import storage
from emulator.moto.bucket_policy import may_deliver
from emulator.protocol.errors import invalid, invalid_field

# By AWS's Compression: each goes with one Format.
_SUFFIXES = {"PARQUET": ".snappy.parquet", "GZIP": ".csv.gz", "ZIP": ".csv.zip"}


@dataclass(frozen=True)
class Destination:
    """The S3 side of one export's definition.

    :param owner: the account that must own the bucket.
    :param root: the export's folder: the prefix, if there is one, and its name.
    :param kind: AWS's OutputType: CUSTOM, ATHENA or REDSHIFT.
    :param suffix: how the names of data files end.
    """

    bucket: str
    owner: str
    region: str
    root: str
    name: str
    kind: str
    suffix: str
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
            kind=output["OutputType"],
            suffix=_SUFFIXES[output["Compression"]],
            overwrites=output["Overwrite"] == "OVERWRITE_REPORT",
        )

    def data_path(self, partition: str, execution: Execution) -> str:
        """The folder of an execution's chunks: the partition's own, or one of the run's in create-new mode."""
        path = f"{self.root}/data/{partition}"
        return path if self.overwrites else f"{path}/{_run_folder(execution)}"

    def chunk_key(self, data_path: str, number: int) -> str:
        """The key of a chunk; numbers start at 1."""
        return f"{data_path}/{self.name}-{number:05}{self.suffix}"

    def manifest_keys(self, partition: str, execution: Execution) -> list[str]:
        """The manifest's keys in the order of writing; the partition's own, the latest, comes last."""
        file = f"{self.name}-Manifest.json"
        latest = self.metadata_key(partition, file)
        if self.overwrites:
            return [latest]
        return [f"{self.root}/metadata/{partition}/{_run_folder(execution)}/{file}", latest]

    def metadata_key(self, partition: str, file: str) -> str:
        """The key of a file beside the partition's manifest."""
        return f"{self.root}/metadata/{partition}/{file}"

    def uri(self, key: str) -> str:
        """The full address of a key."""
        return f"s3://{self.bucket}/{key}"

    def permits(self, keys: Iterable[str], export_arn: str, account: str) -> bool:
        """Say whether the bucket exists, is the named account's and lets Data Exports write these keys."""
        if storage.owner(self.bucket) != self.owner:
            return False
        policy = storage.policy(self.bucket)
        return all(may_deliver(policy, f"arn:aws:s3:::{self.bucket}/{key}", export_arn, account) for key in keys)

    def check(self, export_arn: str, account: str) -> None:
        """Check the bucket as CreateExport and UpdateExport do it, at once, before any partition is known.

        :raises ServiceError: ValidationException with AWS's observed text, or about the region.
        """
        if not self.permits((f"{self.root}/data/", f"{self.root}/metadata/"), export_arn, account):
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
