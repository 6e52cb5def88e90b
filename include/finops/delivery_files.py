"""Checks of single data files: Parquet by its footer, CSV by its header, remote and on disk."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from finops.delivery_bucket import DeliveryBucket, S3Object
from finops.delivery_errors import ColumnsDifferError, CorruptFileError, EmptyDeliveryError

_MAGIC = b"PAR1"
_TAIL = 1 << 16  # holds the footer of all but the largest files: one request instead of two
_HEAD = 1 << 18  # of compressed CSV: the header, and in a small file all rows
_UNPACKED = 1 << 23  # bounds what a file of that size can unpack to


def check_remote(bucket: DeliveryBucket, key: str, found: S3Object, names: Sequence[str], format_: str) -> int | None:
    """Check a data file without downloading it; return its rows, or None for a larger CSV.

    :param names: the manifest's column names. Their order may differ: everybody reads by name.
    :raises CorruptFileError: empty, truncated or not of the format.
    :raises ColumnsDifferError: other columns than the manifest's.
    """
    uri = bucket.uri(key)
    if found.size == 0:
        raise CorruptFileError(f"{uri} has no content although the manifest lists it. Wait for the next delivery.")
    if format_ == "PARQUET":
        return _parquet_rows(_parquet_ends(bucket, key, found), uri, names)
    return _csv_rows(bucket.read_range(key, found.etag, 0, min(_HEAD, found.size) - 1), found.size, uri, names)


def check_local(path: Path, uri: str, names: Sequence[str], format_: str) -> int:
    """Check a downloaded file to its last byte; return its rows.

    :raises CorruptFileError: truncated or not of the format.
    :raises ColumnsDifferError: other columns than the manifest's.
    """
    if format_ == "PARQUET":
        with path.open("rb") as file:
            return _parquet_rows(file, uri, names)
    try:
        with gzip.open(path) as lines:
            _check_header(lines.readline(), uri, names)
            return _count_rows(lines)
    except (OSError, EOFError, zlib.error) as error:
        raise _not_gzip(uri, error) from None


def refuse_no_rows(rows: int | None, manifest_uri: str) -> None:
    """Raise EmptyDeliveryError if all files together have no row."""
    if rows == 0:
        raise EmptyDeliveryError(
            f"{manifest_uri}: the files have no rows. Check the export's statement, or wait for usage in the period."
        )


def _parquet_ends(bucket: DeliveryBucket, key: str, found: S3Object) -> IO[bytes]:
    """Return the first four bytes and the footer as a file: all that reading the footer needs."""
    uri, size = bucket.uri(key), found.size
    if size < 12:
        raise CorruptFileError(f"{uri} is too short for Parquet: {size} bytes. {_TRUNCATED}")
    tail = bucket.read_range(key, found.etag, max(0, size - _TAIL), size - 1)
    start = tail[:4] if size <= _TAIL else bucket.read_range(key, found.etag, 0, 3)
    if start != _MAGIC or tail[-4:] != _MAGIC:
        raise CorruptFileError(f"{uri} is not Parquet: it does not begin and end with PAR1. {_TRUNCATED}")
    footer = int.from_bytes(tail[-8:-4], "little")
    if footer + 12 > size:
        raise CorruptFileError(f"{uri} says that its footer has {footer} bytes, but it has {size} in all. {_TRUNCATED}")
    if footer + 8 > len(tail):
        tail = bucket.read_range(key, found.etag, size - footer - 8, size - 1)
    return io.BytesIO(_MAGIC + tail)


_TRUNCATED = "It is truncated or damaged: wait for the next delivery."


def _parquet_rows(file: IO[bytes], uri: str, names: Sequence[str]) -> int:
    from pyarrow import ArrowException
    from pyarrow.parquet import read_metadata

    try:
        metadata = read_metadata(file)
        columns = metadata.schema.to_arrow_schema().names
    except (ArrowException, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptFileError(f"{uri} has no readable Parquet footer ({reason}). {_TRUNCATED}") from None
    _check_columns(columns, uri, names)
    return int(metadata.num_rows)


def _check_header(line: bytes, uri: str, names: Sequence[str]) -> None:
    import csv

    try:
        text = line.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise CorruptFileError(f"{uri} does not begin with a header in UTF-8. {_TRUNCATED}") from None
    _check_columns(next(csv.reader([text.rstrip("\r\n")]), []), uri, names)


def _check_columns(columns: Sequence[str], uri: str, names: Sequence[str]) -> None:
    if sorted(columns) == sorted(names):
        return
    lacks = [name for name in names if name not in columns]
    has = [name for name in columns if name not in names]
    parts = [f"lacks {', '.join(lacks[:5])}"] if lacks else []
    parts += [f"has {', '.join(has[:5])}, which the manifest does not list"] if has else []
    what = " and ".join(parts) or "has a column twice"
    raise ColumnsDifferError(f"{uri} {what}. If the export was changed, wait for the next delivery.")


def _count_rows(lines: gzip.GzipFile | io.BytesIO) -> int:
    """Count line ends outside quotes; a doubled quote inside a quoted value leaves and enters it again."""
    rows, quoted, last = 0, False, b"\n"
    while chunk := lines.read(1 << 20):
        for index, part in enumerate(chunk.split(b'"')):
            quoted = quoted ^ (index > 0)
            rows += 0 if quoted else part.count(b"\n")
        last = chunk[-1:]
    return rows + (last != b"\n")


def _csv_rows(head: bytes, size: int, uri: str, names: Sequence[str]) -> int | None:
    """Check the first part of a compressed file; return its rows if that is all of it."""
    unpacker = zlib.decompressobj(wbits=31)
    try:
        text = unpacker.decompress(head, _UNPACKED)
    except zlib.error as error:
        raise _not_gzip(uri, error) from None
    lines = io.BytesIO(text)
    _check_header(lines.readline(), uri, names)
    if len(head) < size or unpacker.unconsumed_tail or unpacker.unused_data:
        return None
    if not unpacker.eof:
        raise _not_gzip(uri, EOFError("it ends too early"))
    return _count_rows(lines)


def _not_gzip(uri: str, error: Exception) -> CorruptFileError:
    return CorruptFileError(f"{uri} does not decompress ({error}). {_TRUNCATED}")
