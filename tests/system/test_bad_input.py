"""Issue 2, "What bad input gets": one clear sentence where the person looks, and no report of a partial read."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from tests.system import definitions
from tests.system.support import Aws, DagRun, until

from finops.definitions import load_exports
from stack.deployment import Stack
from stack.environment import REPORTS_URI

pytestmark = pytest.mark.timeout(600)

#: the export, and the sentence in the log of the task that fails
REFUSED_BEFORE_CREATION = {
    "wrong-account": "aws_conn_id: the credentials of connection 'aws_default' belong to account 111122223333, but "
    "account 444455556666 was asked for. Use that account's connection, or correct the account.",
    "no-bucket": "export no-bucket: bucket finops-nowhere does not exist. Create it, or correct the destination's "
    "bucket.",
    "foreign-bucket": "export foreign-bucket: bucket finops-focus-444455556666 does not belong to account "
    "111122223333, and no bucket_owner is set, or these credentials may not look at it. Set the destination's "
    "bucket_owner (S3BucketOwner) to the 12 digits of the account that owns it.",
    "unknown-column": "export unknown-column: DataQuery.QueryStatement: table COST_AND_USAGE_REPORT has no column "
    "'line_item_unblended_costs' with properties at their defaults. Did you mean 'line_item_unblended_cost'?",
}
DELIVERIES = {each["name"]: each for each in (definitions.MISSING_FILE, definitions.TRUNCATED, definitions.EMPTY)}


def place(name: str, month: str) -> tuple[str, str]:
    """The URIs of an export's manifest and of its first file."""
    root = f"s3://{definitions.OWN_BUCKET}/tests/{name}"
    period = f"BILLING_PERIOD={month}"
    return f"{root}/metadata/{period}/{name}-Manifest.json", f"{root}/data/{period}/{name}-00001.snappy.parquet"


def refused_delivery(name: str, month: str) -> str:
    """The sentence that a spoilt delivery gets."""
    manifest, file = place(name, month)
    return {
        "missing-file": f"{manifest} names {file}, which is not there. "
        "Check whether a lifecycle rule deletes it, or wait for the next delivery.",
        "truncated": f"{file} is not Parquet: it does not begin and end with PAR1.",
        "empty": f"{manifest} lists no files: the export found no rows for {month}. Check its statement.",
    }[name]


def spoil(aws: Aws, name: str, month: str) -> None:
    """Make the delivery what its export is called."""
    manifest, file = place(name, month)
    if name == "missing-file":
        bucket, _, key = file.removeprefix("s3://").partition("/")
        aws.client("s3").delete_object(Bucket=bucket, Key=key)
    elif name == "truncated":
        aws.write(file, aws.read(file)[:-100])
        aws.write(manifest, aws.read(manifest))  # AWS writes the manifest last
    else:
        aws.write(manifest, json.dumps({**json.loads(aws.read(manifest)), "dataFiles": []}).encode())


@pytest.fixture(scope="module")
def month(stack: Stack) -> str:
    return stack.options.start[:7]


@pytest.fixture(scope="module")
def runs(stack: Stack, aws: Aws, month: str) -> Iterator[dict[str, DagRun]]:
    """One run for each mistake, all at the same time."""
    before = {name: DagRun(stack, f"export_lifecycle__{name}") for name in REFUSED_BEFORE_CREATION}
    client = aws.client("bcm-data-exports")
    for definition in load_exports(stack.layout.include / "exports").definitions:
        if definition.name in DELIVERIES:
            client.create_export(Export=definition.to_export())
    aws.advance(hours=7)  # the first delivery is there, the second is not due yet
    for name in DELIVERIES:
        spoil(aws, name, month)
    after = {name: DagRun(stack, f"export_lifecycle__{name}") for name in DELIVERIES}
    yield before | after
    aws.delete_exports(*DELIVERIES)


@pytest.mark.parametrize("name", REFUSED_BEFORE_CREATION)
def test_a_wrong_destination_or_query_is_refused_before_anything_is_created(
    runs: dict[str, DagRun], aws: Aws, name: str
) -> None:
    run = runs[name]
    run.end("failed")
    task_id = "check_reports_bucket" if name == "wrong-account" else "ensure_export"  # whichever asks AWS first
    assert REFUSED_BEFORE_CREATION[name] in run.log_text(task_id), run.story()
    assert run.task(task_id)["try_number"] == 1, "a retry cannot mend it, so there must be none"
    assert name not in aws.exports()


@pytest.mark.parametrize("name", DELIVERIES)
def test_a_spoilt_delivery_is_refused_and_nothing_is_published(
    runs: dict[str, DagRun], aws: Aws, month: str, name: str
) -> None:
    run = runs[name]
    run.end("failed")
    assert refused_delivery(name, month) in run.log_text("verify_delivery"), run.story()
    assert run.task("verify_delivery")["try_number"] == 1, "a retry cannot mend it, so there must be none"
    assert run.state("run_reports") == "upstream_failed"
    assert aws.objects(f"{REPORTS_URI}/exports/{name}/") == []


def test_a_mistake_in_a_definition_is_an_import_error_and_takes_no_other_dag_away(stack: Stack) -> None:
    folder = stack.layout.include / "exports"
    definitions.write(folder, definitions.export("misspelt", colunms=[]))
    try:
        errors = until(stack.airflow.import_errors, "an import error of the file misspelt.yaml")
    finally:
        (folder / "misspelt.yaml").unlink()
    assert list(errors) == ["definition_errors.py"]
    (text,) = errors.values()
    assert "misspelt.yaml: colunms: " in text
    assert "Did you mean columns?" in text
    assert stack.airflow.knows("export_lifecycle__cur2-daily")
    assert stack.airflow.knows("estimate_lifecycle__compute-growth")
    assert not stack.airflow.knows("export_lifecycle__misspelt")
