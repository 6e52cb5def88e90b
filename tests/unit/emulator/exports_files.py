"""What must lie in a bucket after deliveries, as AWS's page on them has it, checked against the model of exports.

https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from typing import Any

from tests.unit.emulator.exports_model import SUCCESS, Export, Model, Run, overwriting

_PARTITION = r"(?:BILLING_PERIOD=\d{4}-\d\d|date=\d{4}-\d\d-\d\d|model_version=[^/]+/usage_period=\d{4}-\d\d)"
_MANIFEST = re.compile(rf"(?P<root>.+)/metadata/(?P<partition>{_PARTITION})(?P<run>/[^/]+)?/[^/]+-Manifest\.json")
_SUFFIXES = {"PARQUET": ".snappy.parquet", "GZIP": ".csv.gz"}

Objects = Mapping[str, tuple[int, str]]
"""Size and ETag by key."""


class Delivered:
    """The files of all buckets at one moment.

    :param read: gives the manifest at a bucket's key; its ETag comes third.
    """

    def __init__(
        self, model: Model, buckets: Mapping[str, Objects], read: Callable[[str, str, str], dict[str, Any]]
    ) -> None:
        self._model = model
        self._buckets = buckets
        self._read = read
        self._newest: dict[tuple[str, str, str], Run] = {}
        self._of_runs: list[str] = []

    def check(self) -> None:
        """Check that every success has its manifest and exactly its files, and that nothing else is there."""
        for bucket, objects in self._buckets.items():
            for key, (_, etag) in objects.items():
                if match := _MANIFEST.fullmatch(key):
                    self._check_manifest(bucket, match, self._read(bucket, key, etag))
            self._check_no_orphans(bucket)
        exports = self._model.exports.values()
        successes = [(id_, run) for each in exports for id_, run in each.runs.items() if run.status == SUCCESS]
        kept = [id_ for id_, run in successes if not overwriting(run.snapshot)]
        assert sorted(self._of_runs) == sorted(kept), "in create-new mode each success keeps its manifest"
        for export in exports:
            self._check_newest(export)

    def _check_manifest(self, bucket: str, at: re.Match[str], manifest: dict[str, Any]) -> None:
        export = self._model.exports[manifest["exportArn"]]
        run = export.runs[manifest["executionId"]]
        assert run.status == SUCCESS
        assert (bucket, at["root"]) == run.root
        assert at["partition"] in export.partitions(run.created)
        folder = f"{at['root']}/data/{at['partition']}"
        if not overwriting(run.snapshot):
            folder += rf"/{run.created:%Y-%m-%dT%H:%M:%S}\.\d\d\dZ-{manifest['executionId']}"
        self._check_files(bucket, folder, run, manifest)
        if at["run"]:
            self._of_runs.append(manifest["executionId"])
        else:
            self._newest[bucket, at["root"], at["partition"]] = run

    def _check_files(self, bucket: str, folder: str, run: Run, manifest: dict[str, Any]) -> None:
        objects, home = self._buckets[bucket], f"s3://{bucket}/"
        files = [uri.removeprefix(home) for uri in manifest["dataFiles"]]
        more = [uri.removeprefix(home) for uri in manifest.get("additionalOutputFiles", ())]
        assert all(objects[key][0] for key in (*files, *more)), "a file of the manifest is empty"
        assert len({objects[key] for key in files}) <= 1, "files of more than one delivery"
        if not files:
            return
        actual = files[0].rpartition("/")[0]
        assert re.fullmatch(re.escape(folder) if overwriting(run.snapshot) else folder, actual)
        output = run.snapshot["DestinationConfigurations"]["S3Destination"]["S3OutputConfigurations"]
        suffix = _SUFFIXES[output["Compression"]]
        numbers = range(1, len(files) + 1)
        assert files == [f"{actual}/{run.snapshot['Name']}-{number:05}{suffix}" for number in numbers]
        for key in objects.keys() - set(files) - self._model.leftovers:
            if key.rpartition("/")[0] == actual and key.endswith(suffix):
                assert objects[key][0] == 0, f"surplus file {key} has data"

    def _check_no_orphans(self, bucket: str) -> None:
        """Wherever there is data there is a manifest, which comes last."""
        folders = {key.rpartition("/")[0] for key in self._buckets[bucket]}
        described = {folder.replace("/metadata/", "/data/") for folder in folders if "/metadata/" in folder}
        assert {folder for folder in folders if "/data/" in folder} <= described

    def _check_newest(self, export: Export) -> None:
        """A partition's own manifest is that of its last success, or of one that came after it."""
        for began, runs in export.together().items():
            if {run.status for run in runs} == {SUCCESS}:
                for partition in export.partitions(began):
                    assert self._newest[*runs[0].root, partition].created >= began


def few_files(content, form, folder, between=lambda: None):
    """In the writer's place: none to three files, which say of which delivery they are, and where they end."""
    delivery = f"{content.period} {content.now} {form.name}"
    for number in range(1, zlib.crc32(delivery.encode()) % 4 + 1):
        path = folder / f"{form.name}-{number:05}{form.suffix}"
        path.write_text(f"{delivery}{'.' * 5_000}end")
        between()
        yield path
