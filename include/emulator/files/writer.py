"""The files of an export: a query over the simulated organisation's bill, streamed into chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain
from pathlib import Path

import duckdb
import pyarrow as pa

from emulator.files.chunk_files import PARQUET, ChunkFile, open_chunk
from emulator.files.csv_text import MACROS, text
from emulator.organisation import Organisation
from emulator.sql.conditions import identifier
from emulator.tables.charges import VIEWS, create_charges
from emulator.tables.other_tables import create_other
from emulator.tables.query import OutputColumn, Query

# AWS splits by size and does not say at which. So many bytes are put into a bucket in a tenth of a second.
CHUNK_BYTES = 32 << 20
# A chunk's size is looked at after each group of lines. A group is what is held in memory, so that twice as many need
# half as much memory again; half as many make Parquet files a tenth larger.
_GROUP_LINES = 25_000


@dataclass(frozen=True)
class Content:
    """What is to be written: one partition of an export's table.

    :param period: any day of the month to show.
    :param now: the moment up to which it has happened, with a time zone.
    :param viewer: the only account whose lines are shown; every account's if ``None``.
    """

    organisation: Organisation
    query: Query
    period: date
    now: datetime
    viewer: str | None = None


@dataclass(frozen=True)
class Form:
    """How it is cut into files.

    :param name: what the files' names begin with; a number and the suffix follow.
    :param suffix: what they become: .snappy.parquet, .csv.gz or .csv.zip.
    :param chunk_lines: a file ends after so many lines, if it is not full before.
    :param chunk_bytes: a file is full when it has reached this size.
    """

    name: str
    suffix: str
    chunk_lines: int
    chunk_bytes: int = CHUNK_BYTES


def render(content: Content, form: Form, folder: Path, between: Callable[[], None] = lambda: None) -> Iterator[Path]:
    """Write the data files of a partition into ``folder``, each complete in itself, and give them one by one.

    Gives nothing if no line matches, as a manifest lists only files with data. Memory does not grow with the number
    of lines once they are more than a slice: the table comes in slices, a slice in groups of lines; all columns of
    COST_AND_USAGE_REPORT take some 650 MB. ``between`` is called after each group; what it raises ends the writing.
    """
    # One thread: more would hand over a slice's lines out of order, and leave no processor to whoever asks meanwhile.
    with duckdb.connect(config={"threads": 1, "temp_directory": str(folder)}) as connection:
        for macro in MACROS:
            connection.execute(macro)
        groups = _groups(_batches(connection, content, form), _group_lines(form))
        for number, group in enumerate(groups, 1):
            path = folder / f"{form.name}-{number:05}{form.suffix}"
            with closing(open_chunk(path, group.schema)) as chunk:
                _fill(chunk, form, chain([group], groups), between)
            yield path


def _fill(chunk: ChunkFile, form: Form, groups: Iterator[pa.Table], between: Callable[[], None]) -> None:
    """Write groups until the chunk is full or there are no more."""
    lines = 0
    for group in groups:
        chunk.write(group)
        lines += group.num_rows
        del group  # or it would be there until the next one is
        between()
        if lines >= form.chunk_lines or chunk.size >= form.chunk_bytes:
            return


def _batches(connection: duckdb.DuckDBPyConnection, content: Content, form: Form) -> Iterator[pa.RecordBatch]:
    """The matching lines of all slices, in order. LIMIT counts over the slices."""
    query = content.query
    create = create_charges if query.table.name in VIEWS else create_other
    slices = create(connection, content.organisation, query, content.period, content.now, content.viewer)
    columns = ", ".join(_output(column, form) for column in query.columns)
    left = 2**62 if query.limit is None else query.limit
    for _ in slices:
        shown = f"SELECT {columns} FROM export WHERE {query.where_sql()} LIMIT {left}"  # noqa: S608
        for batch in connection.sql(shown).to_arrow_reader(_group_lines(form)):
            left -= batch.num_rows
            yield batch
        if left <= 0:
            return


def _groups(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.Table]:
    """The same lines in tables of ``size`` lines, the last one of what is left."""
    held: list[pa.RecordBatch] = []
    missing = size
    for batch in batches:
        while batch.num_rows:
            held.append(batch.slice(0, missing))
            batch = batch.slice(missing)
            missing -= held[-1].num_rows
            if not missing:
                full, held, missing = held, [], size
                yield pa.Table.from_batches(full)
    if held:
        yield pa.Table.from_batches(held)


def _group_lines(form: Form) -> int:
    """A chunk's lines are a whole number of groups."""
    groups = -(-form.chunk_lines // _GROUP_LINES)
    return -(-form.chunk_lines // groups)


def _output(column: OutputColumn, form: Form) -> str:
    value = column.source.sql()
    if form.suffix != PARQUET:
        value = text(value, column.type)
    return f"{value} AS {identifier(column.name)}"
