"""The additional files of the output types ATHENA and REDSHIFT.

AWS documents where they lie (https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html) and not
what is in them. Their content follows what the legacy Cost and Usage Report delivers for the same purpose:
https://docs.aws.amazon.com/cur/latest/userguide/use-athena-cf.html and cur-query-other.html.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template

from emulator.data_exports.destination import Destination
from emulator.tables.query import OutputColumn

_REDSHIFT_TYPES = {
    "string": "VARCHAR(4096)",
    "double": "DOUBLE PRECISION",
    "int": "INTEGER",
    "boolean": "BOOLEAN",
    "timestamp": "TIMESTAMP",
    "timestamp_milliseconds": "TIMESTAMP",
}


def additional_files(
    destination: Destination, columns: Sequence[OutputColumn], partition: str, data_path: str, data_keys: Iterable[str]
) -> dict[str, bytes]:
    """Give what goes with a partition's data files, by key; nothing for the output type CUSTOM."""
    if destination.kind == "ATHENA":
        table = destination.metadata_key(partition, f"{destination.name}-create-table.sql")
        return {
            f"{destination.root}/crawler-cfn.yml": _crawler(destination).encode(),
            table: _create_table(destination, columns, partition, data_path).encode(),
            **status_file(destination, "READY"),
        }
    if destination.kind == "REDSHIFT":
        commands = destination.metadata_key(partition, f"{destination.name}-RedshiftCommands.sql")
        return {commands: _redshift_commands(destination, columns, partition, data_keys).encode()}
    return {}


def status_file(destination: Destination, status: str) -> dict[str, bytes]:
    """Give the file that tells Athena's users whether data is being written: UPDATING or READY. ATHENA only."""
    if destination.kind != "ATHENA":
        return {}
    # Here and not above: it would lengthen the time to the ready line.
    import pyarrow as pa
    import pyarrow.parquet as pq

    body = io.BytesIO()
    pq.write_table(pa.table({"status": [status]}), body, compression="snappy")
    return {f"{destination.root}/execution_status/execution_status.snappy.parquet": body.getvalue()}


def _crawler(destination: Destination) -> str:
    """A CloudFormation template: a database, and a crawler that finds the export's partitions in it."""
    template = Template(Path(__file__).with_name("crawler-cfn.yml").read_text(encoding="utf-8"))
    root = destination.root.replace("'", "''")  # a prefix may hold anything
    description = f"Keeps the Athena table of the data export {destination.name} up to date."
    if not destination.overwrites:
        description += (
            " The export keeps every run and the crawler takes up all of them, so its table has each cost once per run."
            f" The table of {destination.name}-create-table.sql has the latest runs alone."
        )
    return template.substitute(
        name=destination.name,
        description=description,
        database=_database(destination),
        bucket=destination.bucket,
        root=root,
    )


def _create_table(destination: Destination, columns: Sequence[OutputColumn], partition: str, data_path: str) -> str:
    """Athena's table over all partitions, and this partition of it, wherever it was before: runs have folders."""
    table = f"`{_database(destination)}`.`{_name(destination.name)}`"
    names = {column.name.lower() for column in columns}
    # A table cannot have a column and a partition of one name: the column stays as the files have it.
    keys = {f"{key}_partition" if key in names else key: value for key, value in _parts(partition)}
    this = ", ".join(f"`{key}` = {_quoted(value)}" for key, value in keys.items())
    parquet = "org.apache.hadoop.hive.ql.io.parquet"
    return (
        f"CREATE EXTERNAL TABLE IF NOT EXISTS {table} (\n  "
        + ",\n  ".join(f"`{column.name.lower()}` {_athena_type(column.type)}" for column in columns)
        + f"\n)\nPARTITIONED BY ({', '.join(f'`{key}` string' for key in keys)})\n"
        f"ROW FORMAT SERDE '{parquet}.serde.ParquetHiveSerDe'\n"
        f"STORED AS INPUTFORMAT '{parquet}.MapredParquetInputFormat'\n"
        f"OUTPUTFORMAT '{parquet}.MapredParquetOutputFormat'\n"
        f"LOCATION {_quoted(destination.uri(destination.root) + '/data/')};\n\n"
        f"ALTER TABLE {table} DROP IF EXISTS PARTITION ({this});\n\n"
        f"ALTER TABLE {table} ADD PARTITION ({this}) LOCATION {_quoted(destination.uri(data_path) + '/')};\n"
    )


def _redshift_commands(
    destination: Destination, columns: Sequence[OutputColumn], partition: str, data_keys: Iterable[str]
) -> str:
    """A table for the partition, emptied, and loaded with exactly the delivered files."""
    table = f'"{_name(destination.name)}_{_name("_".join(value for _, value in _parts(partition)))}"'
    typed = ",\n  ".join(f'"{column.name}" {_REDSHIFT_TYPES.get(column.type, "SUPER")}' for column in columns)
    loads = [
        f"COPY {table} FROM {_quoted(destination.uri(key))} IAM_ROLE '<AWS_ROLE>'"
        f" REGION {_quoted(destination.region)} FORMAT AS CSV GZIP IGNOREHEADER 1 TIMEFORMAT 'auto';"
        for key in data_keys
    ]
    begins = [f"CREATE TABLE IF NOT EXISTS {table} (\n  {typed}\n);", f"DELETE FROM {table};"]  # noqa: S608
    return "\n".join([*begins, *loads, ""])


def _athena_type(type_: str) -> str:
    return "timestamp" if type_.startswith("timestamp") else type_


def _database(destination: Destination) -> str:
    return f"athenacurcfn_{_name(destination.name)}"


def _name(text: str) -> str:
    """A name that needs no quotes in SQL; exports whose names differ by case, ``-`` and ``_`` alone share it."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower())


def _parts(partition: str) -> list[tuple[str, str]]:
    """The keys of a partition's path, in lower case, and their values."""
    pairs = (part.split("=", 1) for part in partition.split("/"))
    return [(key.lower(), value) for key, value in pairs]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
