"""The reports, and what they were made of, brought from the emulator's S3 to a folder of this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stack.environment import ACCESS_KEY, REGION, REPORTS_URI, SECRET_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def client(service: str, endpoint_url: str) -> Any:
    """A boto3 client of the emulator with the payer's credentials."""
    import boto3

    return boto3.session.Session().client(
        service,
        endpoint_url=endpoint_url,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
    )


def fetch(
    uris: list[str], endpoint_url: str, folder: Path, before_each: Callable[[], None] = lambda: None
) -> list[Path]:
    """Download `uris` to `folder`, under the paths they have below the reports' own URI.

    Args:
        uris: what to download.
        endpoint_url: the emulator.
        folder: where to.
        before_each: called before each file; what it raises ends the download.
    """
    s3 = client("s3", endpoint_url)
    paths = []
    for uri in uris:
        before_each()
        paths.append(_fetch(s3, uri, folder / uri.removeprefix(f"{REPORTS_URI}/").removeprefix("s3://")))
    return paths


def fetch_estimate(entry: dict[str, Any], endpoint_url: str, folder: Path) -> None:
    """Download what an estimate's reports were made of, AWS's own answers, beside them."""
    beside = entry["reports"][0].rpartition("/")[0]
    fetch([f"{beside}/estimate.json", f"{beside}/line_items.json"], endpoint_url, folder)


def fetch_delivery(
    entry: dict[str, Any], endpoint_url: str, folder: Path, before_each: Callable[[], None] = lambda: None
) -> bool:
    """Download the delivery that an export's reports were made of, so that anybody can add it up again.

    Args:
        entry: the export's entry of the summary.
        endpoint_url: the emulator.
        folder: where to.
        before_each: called before each file; what it raises ends the download.

    Returns:
        False if AWS has replaced it meanwhile; nothing is downloaded then.
    """
    s3 = client("s3", endpoint_url)
    bucket, _, key = entry["manifest"].removeprefix("s3://").partition("/")
    manifest = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
    if manifest["executionId"] != entry["execution_id"]:
        return False
    for uri in (entry["manifest"], *manifest["dataFiles"]):
        before_each()
        _fetch(s3, uri, folder / uri.removeprefix("s3://"))
    return True


def _fetch(s3: Any, uri: str, target: Path) -> Path:
    parts = urlsplit(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(parts.netloc, parts.path.lstrip("/"), str(target))
    return target
