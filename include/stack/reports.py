"""The reports, brought from the emulator's S3 to a folder of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stack.environment import ACCESS_KEY, REGION, REPORTS_URI, SECRET_KEY

if TYPE_CHECKING:
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


def fetch(uris: list[str], endpoint_url: str, folder: Path) -> list[Path]:
    """Download `uris` to `folder`, under the paths they have below the reports' own URI."""
    s3 = client("s3", endpoint_url)
    return [_fetch(s3, uri, folder) for uri in uris]


def _fetch(s3: Any, uri: str, folder: Path) -> Path:
    parts = urlsplit(uri)
    target = folder / uri.removeprefix(f"{REPORTS_URI}/").removeprefix("s3://")
    target.parent.mkdir(parents=True, exist_ok=True)
    s3.download_file(parts.netloc, parts.path.lstrip("/"), str(target))
    return target
