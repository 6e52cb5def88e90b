"""One data file of a delivery, written group by group: Parquet, or CSV in gzip or in a ZIP archive."""

from __future__ import annotations

import gzip
import shutil
import zipfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Protocol, cast

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

PARQUET = ".snappy.parquet"
# CSV compresses well even so, and four times as fast as at zlib's default.
_LEVEL = 3


class ChunkFile(Protocol):
    """A file under way."""

    @property
    def size(self) -> int:
        """How many bytes of it are written so far."""

    def write(self, lines: pa.Table) -> None:
        """Append lines."""

    def close(self) -> None:
        """Finish the file."""


def open_chunk(path: Path, schema: pa.Schema) -> ChunkFile:
    """Begin a file; its name's ending says what it becomes: :data:`PARQUET`, .csv.gz or .csv.zip.

    For CSV all columns must be text.
    """
    if path.name.endswith(PARQUET):
        return ParquetChunk(path, schema)
    return CsvChunk(path, schema)


class ParquetChunk:
    """A Parquet file, compressed with Snappy; each group of lines becomes a row group."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._sink = pa.OSFile(str(path), "wb")
        self._writer = pq.ParquetWriter(self._sink, schema, compression="snappy", store_schema=False)

    @property
    def size(self) -> int:
        """The bytes of all finished row groups."""
        return cast(int, self._sink.tell())

    def write(self, lines: pa.Table) -> None:
        """Append a row group."""
        self._writer.write_table(lines, row_group_size=lines.num_rows)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()
        self._sink.close()


class CsvChunk:
    """A CSV file with a header, compressed; DuckDB writes the text, for quotes are put only where they are needed."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._opened = ExitStack()
        self._text = path.with_suffix(".text")
        self._connection = self._opened.enter_context(duckdb.connect(config={"threads": 1}))
        self._file = self._opened.enter_context(path.open("wb"))
        self._packed = self._opened.enter_context(self._pack(path))
        self._write(schema.empty_table(), header=True)

    def _pack(self, path: Path) -> IO[bytes]:
        if path.suffix == ".gz":
            return cast(IO[bytes], gzip.GzipFile("", "wb", _LEVEL, self._file, mtime=0))
        archive = self._opened.enter_context(
            zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=_LEVEL)
        )
        return archive.open(path.stem, "w", force_zip64=True)

    @property
    def size(self) -> int:
        """The compressed bytes that have reached the file."""
        return self._file.tell()

    def write(self, lines: pa.Table) -> None:
        """Append lines."""
        self._write(lines, header=False)

    def _write(self, lines: pa.Table, *, header: bool) -> None:
        self._connection.register("lines", lines)
        self._connection.execute(f"COPY (FROM lines) TO '{self._text}' (FORMAT csv, HEADER {header})")
        self._connection.unregister("lines")
        with self._text.open("rb") as text:
            shutil.copyfileobj(text, self._packed, 1 << 20)

    def close(self) -> None:
        """Finish the compressed stream."""
        self._opened.close()
        self._text.unlink()
