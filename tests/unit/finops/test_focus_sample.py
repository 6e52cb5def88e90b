"""Issue 2, "How it is checked": the published FOCUS sample, delivered as an export's file in both formats, goes
through verification and reports, and cost by service adds up to the file's own total.
"""

from __future__ import annotations

import csv
import gzip
import io
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.unit.finops.delivery_bucket import ARN, NAME, OWNER, Bucket
from tests.unit.finops.report_bucket import REPORTS_URI, read
from tests.unit.finops.report_data import FOCUS_SAMPLE, REPORTS

from finops.definitions import ExportDefinition
from finops.lifecycle import find_export_deliveries, report_on_export
from finops.report_catalogue import load_reports

pytestmark = pytest.mark.skipif(not FOCUS_SAMPLE.is_file(), reason=f"the FOCUS sample is not at {FOCUS_SAMPLE}")

PERIOD = "2024-09"
EXECUTION = {
    "export_arn": ARN,
    "execution_id": "run-1",
    "status": "DELIVERY_SUCCESS",
    "created_at": "2024-09-30T05:00:00+00:00",
    "completed_at": "2024-09-30T06:00:00+00:00",
}
TIMES = {"ChargePeriodStart", "ChargePeriodEnd", "BillingPeriodStart", "BillingPeriodEnd"}
NUMBERS = {"BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "ConsumedQuantity"}


@pytest.fixture(scope="module")
def sample() -> list[dict[str, str]]:
    with FOCUS_SAMPLE.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def value(name: str, text: str) -> Any:
    """A value of the sample in the type that its column has in Parquet."""
    if text in ("", "NULL"):
        return None
    if name in TIMES:
        return datetime.fromisoformat(text)
    return float(text) if name in NUMBERS else text


def parquet(sample: list[dict[str, str]]) -> bytes:
    """The sample as AWS would write it in Parquet."""
    kinds = {**dict.fromkeys(TIMES, pa.timestamp("ms")), **dict.fromkeys(NUMBERS, pa.float64())}
    arrays = {
        name: pa.array([value(name, row[name]) for row in sample], kinds.get(name, pa.string())) for name in sample[0]
    }
    buffer = io.BytesIO()
    pq.write_table(pa.table(arrays), buffer, compression="snappy")
    return buffer.getvalue()


@pytest.mark.parametrize("format_", ["TEXT_OR_CSV", "PARQUET"])
def test_cost_by_service_adds_up_to_the_files_own_total(
    s3: Any, bucket: Bucket, published: Callable[[], list[str]], sample: list[dict[str, str]], format_: str
) -> None:
    kinds = {**dict.fromkeys(TIMES, "timestamp"), **dict.fromkeys(NUMBERS, "double")}
    bucket.deliver(
        format_,
        (parquet(sample) if format_ == "PARQUET" else gzip.compress(FOCUS_SAMPLE.read_bytes()),),
        period=PERIOD,
        columns=[{"name": name, "type": kinds.get(name, "string")} for name in sample[0]],
    )
    place = {"bucket": NAME, "bucket_owner": OWNER, "prefix": "exports", "region": "us-east-1", "format": format_}
    definition = ExportDefinition(
        name="focus",
        account_id="111122223333",
        table="FOCUS_1_0_AWS",
        statement="SELECT BilledCost FROM FOCUS_1_0_AWS",
        destination={**place, "overwrite": "OVERWRITE_REPORT"},
    )
    chosen = [report for report in load_reports(REPORTS).reports.values() if report.fits(definition.table)]

    never = lambda *asked: pytest.fail("no other execution")  # noqa: E731
    (verified,) = find_export_deliveries(s3, definition, EXECUTION, never, REPORTS_URI)
    summary = report_on_export(s3, definition, verified, lambda *asked: {}, chosen, REPORTS_URI)

    services: dict[str, Decimal] = defaultdict(Decimal)
    for row in sample:
        services[row["ServiceName"]] += Decimal(row["BilledCost"])
    total = float(sum(services.values()))
    assert total == pytest.approx(20.52022672899003), "the sample is another one"
    assert summary["rows"] == len(sample) == 1000
    assert summary["cost"] == pytest.approx(total, abs=1e-9)
    (uri,) = [uri for uri in summary["reports"] if uri.endswith("/cost_by_service.csv")]
    lines = list(csv.DictReader(io.StringIO(read(s3, uri).decode())))
    found = {line["service_name"]: float(line["billed_cost"]) for line in lines}
    assert found == pytest.approx({name: float(cost) for name, cost in services.items()}, abs=1e-9)
    assert sum(found.values()) == pytest.approx(total, abs=1e-9)
