"""Mistakes in the fields of an export: one sentence each."""

# ruff: noqa: E501 - a sentence is compared as it is shown: in one line
from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MISTAKES: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt field": (
        {"colums": ["tags.a"], "columns": ...},
        "colums: is not a field. Did you mean columns?",
    ),
    "misspelt field of a part": (
        {"destination.bukcet": "x", "destination.bucket": ...},
        "destination.bukcet: is not a field. Did you mean bucket?",
    ),
    "unknown field": (
        {"zzz": 1},
        "zzz: is not a field. Known: account_id, aws_conn_id, columns, description, destination, name, reports, schedule, statement, table, table_properties, tags.",
    ),
    "missing field": (
        {"account_id": ...},
        "account_id: is missing. Add account_id: to the file.",
    ),
    "missing field of a part": (
        {"destination.format": ...},
        "destination.format: is missing. Add format: to the file.",
    ),
    "name with a blank": (
        {"name": "my export"},
        "name: 'my export' is not a name that AWS takes. Use 1 to 128 letters, digits, '-' and '_'.",
    ),
    "name too long": (
        {"name": "x" * 129},
        "name: 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx... is not a name that AWS takes. Use 1 to 128 letters, digits, '-' and '_'.",
    ),
    "account of 4 digits": (
        {"account_id": "1111"},
        "account_id: '1111' is not an account id. Write the 12 digits in quotes, without dashes.",
    ),
    "account unquoted": (
        {"account_id": 111122223333},
        'account_id: is written without quotes, so YAML reads a number (another one if it begins with 0). Put the account id in quotes: "111122223333".',
    ),
    "account empty": (
        {"account_id": None},
        "account_id: is empty where a text belongs. Write a value, or delete the line if the field is optional.",
    ),
    "owner unquoted": (
        {"destination.bucket_owner": 444455556666},
        'destination.bucket_owner: is written without quotes, so YAML reads a number (another one if it begins with 0). Put the account id in quotes: "111122223333".',
    ),
    "bucket in capitals": (
        {"destination.bucket": "My_Bucket"},
        "destination.bucket: 'My_Bucket' is not a bucket name. Use 3 to 63 lower-case letters, digits, '-' and '.', beginning and ending with a letter or digit.",
    ),
    "bucket like an address": (
        {"destination.bucket": "10.0.0.1"},
        "destination.bucket: '10.0.0.1' has a form that S3 refuses for bucket names. Choose another bucket.",
    ),
    "prefix with slashes at its ends": (
        {"destination.prefix": "/a/"},
        "destination.prefix: '/a/' begins or ends with a slash. Write a.",
    ),
    "prefix with an empty segment": (
        {"destination.prefix": "a//b"},
        "destination.prefix: 'a//b' has an empty segment. Write a/b.",
    ),
    "prefix with a way up": (
        {"destination.prefix": "a/../b"},
        "destination.prefix: 'a/../b' has a segment . or .., which not every client of S3 takes as it is. Write the folder itself.",
    ),
    "prefix from here": (
        {"destination.prefix": "./a"},
        "destination.prefix: './a' has a segment . or .., which not every client of S3 takes as it is. Write the folder itself.",
    ),
    "prefix empty": (
        {"destination.prefix": ""},
        "destination.prefix: is empty. Write a folder such as exports: AWS does not say where an empty prefix leads.",
    ),
    "prefix with a blank": (
        {"destination.prefix": "a b"},
        "destination.prefix: 'a b' has characters or a length that AWS refuses. Use up to 1,024 letters, digits and ! - _ . * ' ( ) with / between segments.",
    ),
    "region by its name": (
        {"destination.region": "Virginia"},
        "destination.region: 'Virginia' is not a region. Write the bucket's region, such as us-east-1.",
    ),
    "format misspelt": (
        {"destination.format": "PARKET"},
        "destination.format: 'PARKET' is not allowed. Did you mean PARQUET?",
    ),
    "format unknown": (
        {"destination.format": "csv"},
        "destination.format: 'csv' is not allowed. Known: PARQUET, TEXT_OR_CSV.",
    ),
    "overwrite cut short": (
        {"destination.overwrite": "OVERWRITE"},
        "destination.overwrite: 'OVERWRITE' is not allowed. Did you mean OVERWRITE_REPORT?",
    ),
    "destination not a mapping": (
        {"destination": "s3://x"},
        "destination: 's3://x' is a text where a mapping belongs. Write key: value lines, indented below it.",
    ),
    "cron out of range": (
        {"schedule": "61 * * * *"},
        "schedule: '61 * * * *' is not a cron expression: [61 * * * *] is not acceptable, out of range. Write one such as \"0 8 * * *\".",
    ),
    **{
        f"cron by chance: {cron}": (
            {"schedule": cron},
            f"schedule: '{cron}' leaves the time to chance (H or R). Write the time itself: \"0 8 * * *\".",
        )
        for cron in ("R 8 * * *", "r(0-30) 8 * * *", "H 8 * * *", "0 8/R * * *", "5,R/2 8 * * *")
    },
    "cron as EventBridge writes it": (
        {"schedule": "0 8 * * ? *"},
        "schedule: '0 8 * * ? *' has 6 parts where cron has 5. Write minute, hour, day of month, month, day of week: \"0 8 * * *\".",
    ),
    "cron preset misspelt": (
        {"schedule": "@dialy"},
        "schedule: '@dialy' is not a schedule. Known: @daily, @hourly, @monthly, @quarterly, @weekly, @yearly, or null for no schedule.",
    ),
    "cron that never comes": (
        {"schedule": "0 0 31 2 *"},
        "schedule: '0 0 31 2 *' names a date that never comes. Correct the day or the month.",
    ),
    "connection empty": (
        {"aws_conn_id": ""},
        "aws_conn_id: '' is not a connection id. Use letters, digits, '-', '_' and '.'.",
    ),
    "description too long": (
        {"description": "x" * 1025},
        "description: has 1025 characters. Shorten it to 1024.",
    ),
    "tag a number": (
        {"tags": {"cc": 12}},
        "tags.cc: YAML reads this as a number (12), not as a text. Put the value in quotes.",
    ),
    "tag without key": (
        {"tags": {"": "x"}},
        "tags.: the key has 0 characters. AWS takes 1 to 128.",
    ),
    "tag in AWS's namespace": (
        {"tags": {"AWS:x": "y"}},
        "tags.AWS:x: begins with aws:, which AWS keeps for itself. Rename the tag.",
    ),
    "tag too long": (
        {"tags": {"a": "z" * 257}},
        "tags.a: the value has 257 characters. AWS takes up to 256.",
    ),
    "tags too many": (
        {"tags": {f"k{number}": "x" for number in range(51)}},
        "tags: has 51 tags. AWS takes at most 50: delete some.",
    ),
    "tags a list": (
        {"tags": ["a"]},
        "tags: ['a'] is a list where a mapping belongs. Write key: value lines, indented below it.",
    ),
    "report not a name": (
        {"reports": ["cost by service"]},
        "reports[0]: 'cost by service' is not the name of a report. Write its file name in include/reports without .sql.",
    ),
    "report twice": (
        {"reports": ["a", "b", "a"]},
        "reports[2]: a is there twice. Delete one.",
    ),
}


@pytest.mark.parametrize(("changes", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_mistake_gives_one_sentence(
    load_export: Callable[[dict[str, Any]], Any], changes: dict[str, Any], sentence: str
) -> None:
    loaded = load_export(changes)
    assert [str(error).partition(": ")[2] for error in loaded.errors] == [sentence]
    assert not loaded.definitions
