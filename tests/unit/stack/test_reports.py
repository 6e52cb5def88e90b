"""What is fetched from the emulator's S3, and that fetching can be ended between two files."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from stack import reports
from stack.environment import REPORTS_URI
from stack.errors import StoppedError

MANIFEST = {"executionId": "e1", "dataFiles": ["s3://b/data/1.parquet", "s3://b/data/2.parquet"]}
ENTRY = {"manifest": "s3://b/metadata/m.json", "execution_id": "e1"}


class S3:
    """Has every object; remembers which were downloaded."""

    def __init__(self) -> None:
        self.downloaded: list[str] = []

    def get_object(self, **_: str) -> dict[str, Any]:
        return {"Body": io.BytesIO(json.dumps(MANIFEST).encode())}

    def download_file(self, bucket: str, key: str, path: str) -> None:
        self.downloaded.append(f"{bucket}/{key}")
        Path(path).write_text(key)


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> S3:
    s3 = S3()
    monkeypatch.setattr(reports, "client", lambda *_: s3)
    return s3


def stop_after(files: int) -> Any:
    left = list(range(files))

    def check() -> None:
        if not left:
            raise StoppedError("stopped by SIGINT")
        left.pop()

    return check


def test_a_delivery_is_its_manifest_and_the_files_that_it_names(s3: S3, tmp_path: Path) -> None:
    assert reports.fetch_delivery(ENTRY, "http://emulator", tmp_path)
    assert s3.downloaded == ["b/metadata/m.json", "b/data/1.parquet", "b/data/2.parquet"]
    assert (tmp_path / "b/data/2.parquet").exists()


def test_a_delivery_that_was_replaced_is_not_fetched(s3: S3, tmp_path: Path) -> None:
    assert not reports.fetch_delivery(ENTRY | {"execution_id": "e0"}, "http://emulator", tmp_path)
    assert s3.downloaded == []


def test_a_ctrl_c_is_noticed_between_two_files_of_a_delivery(s3: S3, tmp_path: Path) -> None:
    with pytest.raises(StoppedError):
        reports.fetch_delivery(ENTRY, "http://emulator", tmp_path, stop_after(1))
    assert len(s3.downloaded) == 1


def test_a_ctrl_c_is_noticed_between_two_reports(s3: S3, tmp_path: Path) -> None:
    uris = [f"{REPORTS_URI}/exports/{name}.html" for name in "abc"]
    with pytest.raises(StoppedError):
        reports.fetch(uris, "http://emulator", tmp_path, stop_after(2))
    assert sorted(path.name for path in tmp_path.rglob("*.html")) == ["a.html", "b.html"]
