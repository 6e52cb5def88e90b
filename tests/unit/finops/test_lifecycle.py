"""The steps after the wait: which delivery is taken, when it is read anew, what is published and when nothing is."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from tests.unit.finops.conftest import EXPORT
from tests.unit.finops.delivery_bucket import ARN, DATA, MANIFEST, NAME, OWNER, PERIOD, Bucket
from tests.unit.finops.report_bucket import REPORTS_URI, read
from tests.unit.finops.report_data import REPORTS, charge, columns, parquet_file

from finops import lifecycle
from finops.definitions import ExportDefinition
from finops.deliveries import CorruptFileError, DeliveryChangedError, ManifestInvalidError, ManifestMissingError
from finops.lifecycle import (
    ExecutionNotDeliveredError,
    find_export_deliveries,
    periods_of,
    report_on_export,
)
from finops.report_catalogue import load_reports
from finops.report_files import ReportError, read_report

PERIOD_URI = f"{REPORTS_URI}/exports/focus/{PERIOD}"
DEFINITION = ExportDefinition(
    **EXPORT | {"name": "focus", "destination": EXPORT["destination"] | {"bucket": NAME, "bucket_owner": OWNER}}
)
EXPORT_REPORTS = [report for report in load_reports(REPORTS).reports.values() if report.for_export]


CREATED = datetime(2026, 10, 20, 7, tzinfo=UTC)


def the_delivery(s3: Any, awaited: Mapping[str, Any], get: Any, billing_period: str | None = None) -> dict[str, Any]:
    """The one delivery that is found."""
    (found,) = find_export_deliveries(s3, DEFINITION, awaited, get, REPORTS_URI, billing_period)
    return found


def execution(number: int, hour: int = 6) -> dict[str, Any]:
    """What the wait returns for execution `run-<number>`, which ended at this hour of the day."""
    return {
        "export_arn": ARN,
        "execution_id": f"run-{number}",
        "status": "DELIVERY_SUCCESS",
        "created_at": f"{PERIOD}-20T{hour - 1:02}:00:00+00:00",
        "completed_at": f"{PERIOD}-20T{hour:02}:00:00+00:00",
    }


def get_execution(status: str = "DELIVERY_SUCCESS", **times: datetime) -> Callable[[str, str], Mapping[str, Any]]:
    """AWS's answer for whichever execution is asked for; it ended at 9 o'clock."""
    ended = times or {"CreatedAt": CREATED, "CompletedAt": datetime(2026, 10, 20, 9, tzinfo=UTC)}
    return lambda arn, identifier: {"ExecutionId": identifier, "ExecutionStatus": {"StatusCode": status, **ended}}


def never(arn: str, identifier: str) -> Mapping[str, Any]:
    """No execution but the awaited one is to be asked for."""
    pytest.fail(f"GetExecution {identifier}")


@pytest.fixture
def deliver(bucket: Bucket, tmp_path: Path) -> Callable[..., None]:
    """Return what delivers CUR lines of these costs as execution `run-<number>`."""

    def delivered(number: int, costs: Sequence[float], period: str = PERIOD) -> None:
        rows = [charge(day, cost) for day, cost in enumerate(costs, start=1)]
        body = parquet_file(tmp_path / "file.parquet", rows).read_bytes()
        bucket.deliver(files=(body,), execution_id=f"run-{number}", columns=columns(), period=period)

    return delivered


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were asked for, and not made."""
    asked: list[float] = []
    monkeypatch.setattr(lifecycle.time, "sleep", asked.append)
    return asked


# Which delivery


def test_the_awaited_delivery_is_taken_as_awaited(s3: Any, deliver: Callable[..., None]) -> None:
    deliver(1, [1.0, 2.0])
    found = the_delivery(s3, execution(1), never)
    assert found["execution"] == execution(1)
    assert (found["delivery"]["execution_id"], found["delivery"]["rows"]) == ("run-1", 2)
    assert json.loads(json.dumps(found)) == found, "it goes through XCom"


def test_a_newer_delivery_is_taken_with_its_own_execution(s3: Any, deliver: Callable[..., None]) -> None:
    deliver(2, [1.0])
    found = the_delivery(s3, execution(1), get_execution())
    assert found["execution"]["execution_id"] == found["delivery"]["execution_id"] == "run-2"
    assert datetime.fromisoformat(found["execution"]["completed_at"]) == datetime(2026, 10, 20, 9, tzinfo=UTC)


def test_an_execution_without_its_end_counts_from_its_last_change(s3: Any, deliver: Callable[..., None]) -> None:
    deliver(2, [1.0])
    changed = datetime(2026, 10, 20, 8, tzinfo=UTC)
    found = the_delivery(s3, execution(1), get_execution(CreatedAt=CREATED, LastUpdatedAt=changed))
    assert datetime.fromisoformat(found["execution"]["completed_at"]) == changed


def test_a_newer_delivery_that_aws_has_not_finished_is_not_taken_yet(s3: Any, deliver: Callable[..., None]) -> None:
    deliver(2, [1.0])
    with pytest.raises(ExecutionNotDeliveredError, match=r"by execution run-2, which is DELIVERY_IN_PROCESS\.") as told:
        the_delivery(s3, execution(1), get_execution("DELIVERY_IN_PROCESS"))
    assert isinstance(told.value, DeliveryChangedError)


def test_the_wanted_billing_period_is_taken(s3: Any, bucket: Bucket, deliver: Callable[..., None]) -> None:
    deliver(1, [1.0])
    bucket.deliver(period="2026-09", execution_id="run-0")
    found = the_delivery(s3, execution(1), get_execution(), "2026-09")
    assert (found["delivery"]["billing_period"], found["delivery"]["execution_id"]) == ("2026-09", "run-0")


def reported(s3: Any, verified: dict[str, Any]) -> None:
    report_on_export(s3, DEFINITION, verified, never, EXPORT_REPORTS[:1], REPORTS_URI)


def periods_and_executions(found: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(each["delivery"]["billing_period"], each["execution"]["execution_id"]) for each in found]


def test_the_month_before_is_reported_too_while_aws_restates_it(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    deliver(1, [1.0])
    deliver(2, [2.0], period="2026-09")
    found = find_export_deliveries(s3, DEFINITION, execution(1), get_execution(), REPORTS_URI)
    assert periods_and_executions(found) == [("2026-10", "run-1"), ("2026-09", "run-2")]
    for each in found:
        reported(s3, each)
    again = find_export_deliveries(s3, DEFINITION, execution(1), get_execution(), REPORTS_URI)
    assert periods_and_executions(again) == [("2026-10", "run-1")], "September is reported already"
    deliver(3, [3.0], period="2026-09")
    restated = find_export_deliveries(s3, DEFINITION, execution(1), get_execution(), REPORTS_URI)
    assert periods_and_executions(restated) == [("2026-10", "run-1"), ("2026-09", "run-3")]


def test_the_awaited_delivery_comes_first_whatever_its_month(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    deliver(2, [2.0])
    deliver(1, [1.0], period="2026-09")
    found = find_export_deliveries(s3, DEFINITION, execution(1), get_execution(), REPORTS_URI)
    assert periods_and_executions(found) == [("2026-09", "run-1"), ("2026-10", "run-2")]


def test_when_all_is_reported_the_newest_month_is_reported_again(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    deliver(2, [2.0])
    reported(s3, the_delivery(s3, execution(2), never))
    assert periods_and_executions([the_delivery(s3, execution(1), get_execution())]) == [("2026-10", "run-2")]


@pytest.mark.parametrize("body", [b"{", b'{"exportArn": "another"}'])
def test_a_wrong_manifest_of_the_other_month_does_not_stop_the_awaited_one(
    s3: Any, bucket: Bucket, deliver: Callable[..., None], body: bytes
) -> None:
    deliver(1, [1.0])
    bucket.put(MANIFEST.replace(PERIOD, "2026-09"), body)
    assert the_delivery(s3, execution(1), never)["execution"] == execution(1)


def test_a_wrong_manifest_is_told_when_the_awaited_delivery_is_not_found(
    s3: Any, bucket: Bucket, deliver: Callable[..., None]
) -> None:
    bucket.put(MANIFEST, b"{")
    deliver(2, [1.0], period="2026-09")
    with pytest.raises(ManifestInvalidError, match=r"BILLING_PERIOD=2026-10/.* is not valid JSON"):
        the_delivery(s3, execution(1), get_execution())


def test_no_manifest_of_either_month_names_the_newer(s3: Any, bucket: Bucket) -> None:
    with pytest.raises(ManifestMissingError, match="BILLING_PERIOD=2026-10"):
        the_delivery(s3, execution(1), never)


@pytest.mark.parametrize(
    ("created_at", "periods"),
    [
        ("2026-10-20T06:00:00+00:00", ["2026-10", "2026-09"]),
        ("2026-01-01T00:00:00+00:00", ["2026-01", "2025-12"]),
        ("2024-03-31T23:59:59+00:00", ["2024-03", "2024-02"]),
    ],
)
def test_an_execution_can_be_for_its_month_and_the_one_before(created_at: str, periods: list[str]) -> None:
    assert periods_of(created_at) == periods


# Reporting on it


def test_the_summary_says_what_was_read_and_published(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    deliver(1, [1.25, 2.5])
    verified = the_delivery(s3, execution(1), never)
    summary = report_on_export(s3, DEFINITION, verified, never, EXPORT_REPORTS, REPORTS_URI)
    assert summary.pop("reports")[-1] == f"{PERIOD_URI}/latest.json"
    assert summary == {
        "name": "focus",
        "export_arn": ARN,
        "execution_id": "run-1",
        "status": "DELIVERY_SUCCESS",
        "billing_period": PERIOD,
        "manifest": verified["delivery"]["manifest_uri"],
        "rows": 2,
        "cost": 3.75,
    }
    pointer = json.loads(read(s3, f"{PERIOD_URI}/latest.json"))
    assert pointer == {**summary, "delivered_at": "2026-10-20T06:00:00+00:00"}
    assert f"{PERIOD_URI}/run-1/index.html" in published()


def replaced_while_read(bucket: Bucket, deliver: Callable[[], None], times: int = 1) -> None:
    """Have AWS deliver anew just before a data file is downloaded whole, the first `times` times."""
    left = [times]

    def meanwhile(params: Mapping[str, Any], **_: Any) -> None:
        if "IfMatch" in params and "Range" not in params and left[0]:
            left[0] -= 1
            deliver()

    bucket.listen("before-parameter-build.s3.GetObject", meanwhile)


def test_a_delivery_replaced_while_it_is_read_is_read_anew(
    s3: Any, bucket: Bucket, deliver: Callable[..., None], published: Callable[[], list[str]], pauses: list[float]
) -> None:
    deliver(1, [1.0])
    verified = the_delivery(s3, execution(1), never)
    replaced_while_read(bucket, lambda: deliver(2, [10.0, 20.0]))
    summary = report_on_export(s3, DEFINITION, verified, get_execution(), EXPORT_REPORTS, REPORTS_URI)
    assert (summary["execution_id"], summary["rows"], summary["cost"]) == ("run-2", 2, 30.0)
    assert not [uri for uri in published() if "/run-1/" in uri]
    assert pauses == [lifecycle.PAUSE]


def test_a_delivery_that_aws_is_still_writing_when_it_is_read_anew_is_waited_for(
    s3: Any, bucket: Bucket, deliver: Callable[..., None], published: Callable[[], list[str]], pauses: list[float]
) -> None:
    deliver(1, [1.0])
    verified = the_delivery(s3, execution(1), never)
    replaced_while_read(bucket, lambda: deliver(2, [10.0]))
    answers = [get_execution("DELIVERY_IN_PROCESS"), get_execution()]
    summary = report_on_export(
        s3, DEFINITION, verified, lambda *asked: answers.pop(0)(*asked), EXPORT_REPORTS, REPORTS_URI
    )
    assert summary["execution_id"] == "run-2"
    assert len(pauses) == 2


def test_a_delivery_that_never_rests_publishes_nothing(
    s3: Any, bucket: Bucket, deliver: Callable[..., None], published: Callable[[], list[str]], pauses: list[float]
) -> None:
    deliver(1, [1.0])
    verified = the_delivery(s3, execution(1), never)
    numbers = iter(range(2, 100))

    def again() -> None:
        number = next(numbers)
        deliver(number, [float(number)])

    replaced_while_read(bucket, again, times=100)
    with pytest.raises(DeliveryChangedError):
        report_on_export(s3, DEFINITION, verified, get_execution(), EXPORT_REPORTS, REPORTS_URI)
    assert len(pauses) == lifecycle.ATTEMPTS - 1
    assert published() == []


def test_an_older_run_leaves_the_pointer_at_the_newer_delivery(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    for number, hour in ((2, 9), (1, 6)):  # the older one last, as after a clear
        deliver(number, [float(number)])
        verified = the_delivery(s3, execution(number, hour), never)
        summary = report_on_export(s3, DEFINITION, verified, never, EXPORT_REPORTS, REPORTS_URI)
    assert json.loads(read(s3, f"{PERIOD_URI}/latest.json"))["execution_id"] == "run-2"
    assert f"{PERIOD_URI}/run-1/index.html" in published(), "its own reports are there"
    assert f"{PERIOD_URI}/latest.json" not in summary["reports"]


def test_a_newer_run_moves_the_pointer(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    for number, hour in ((1, 6), (2, 9)):
        deliver(number, [float(number)])
        verified = the_delivery(s3, execution(number, hour), never)
        report_on_export(s3, DEFINITION, verified, never, EXPORT_REPORTS, REPORTS_URI)
    assert json.loads(read(s3, f"{PERIOD_URI}/latest.json"))["execution_id"] == "run-2"


def test_the_same_run_again_publishes_the_same(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    deliver(1, [1.0])
    verified = the_delivery(s3, execution(1), never)
    first = report_on_export(s3, DEFINITION, verified, never, EXPORT_REPORTS, REPORTS_URI)
    assert report_on_export(s3, DEFINITION, verified, never, EXPORT_REPORTS, REPORTS_URI) == first


def test_a_file_that_cannot_be_read_publishes_nothing(
    s3: Any, bucket: Bucket, deliver: Callable[..., None], published: Callable[[], list[str]]
) -> None:
    deliver(1, [1.0])
    verified = the_delivery(s3, execution(1), never)
    key = f"{DATA}/focus-00001.snappy.parquet"
    body = read(s3, f"s3://{NAME}/{key}")
    bucket.put(key, body[: len(body) // 2])
    etag = s3.head_object(Bucket=NAME, Key=key)["ETag"]
    verified["delivery"]["files"][0] |= {"etag": etag, "size": len(body) // 2}
    with pytest.raises(CorruptFileError):
        report_on_export(s3, DEFINITION, verified, never, EXPORT_REPORTS, REPORTS_URI)
    assert published() == []


def test_a_report_that_fails_publishes_none_of_the_others(
    s3: Any, deliver: Callable[..., None], published: Callable[[], list[str]], tmp_path: Path
) -> None:
    deliver(1, [1.0])
    verified = the_delivery(s3, execution(1), never)
    (tmp_path / "mine.sql").write_text("-- title: Mine\n-- inputs: charges\nSELECT no_such_column FROM charges\n")
    with pytest.raises(ReportError, match=r"mine\.sql.*no_such_column"):
        report_on_export(
            s3, DEFINITION, verified, never, [*EXPORT_REPORTS, read_report(tmp_path / "mine.sql")], REPORTS_URI
        )
    assert published() == []
