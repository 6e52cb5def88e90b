"""The FOCUS project's validator finds no failed rule in a delivery of FOCUS 1.2 but those that AWS's exports fail too.

A rule fails where the validator's own reading of it is wrong, or stricter than its words. Each such rule stands here
once, with the reason, and with SQL that asks for what the words forbid: no row may be found.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from tests.peers.environments import packages, programs, python312
from tests.peers.tables.conftest import Deliveries

pytestmark = pytest.mark.timeout(300)  # the first test makes the environments and the deliveries

REQUIRED = "PEERS_REQUIRED"
"""The environment variable that makes a missing Python 3.12 a failure."""

FEWEST_PASSED = 300
"""Rules of the 578 that can be checked and hold. The others the validator does not implement."""


@dataclass(frozen=True)
class Tolerated:
    """Why a failed rule is no fault of the delivery, and SQL that finds what the rule's words forbid."""

    reason: str
    forbidden: str


COMMITMENT = "CommitmentDiscountId IS NOT NULL"
TOLERATED = {
    "BilledCost-C-005-C": Tolerated(
        "takes every charge whose InvoiceIssuerName differs from ProviderName for one that a third party is paid for;"
        " AWS's are 'Amazon Web Services, Inc.' and 'AWS'",
        "SELECT 1 FROM delivery WHERE InvoiceIssuerName NOT LIKE 'Amazon Web Services%' AND BilledCost <> 0",
    ),
    "CapacityReservationStatus-C-003-C": Tolerated(
        "does not look at CapacityReservationId, so that charges with a capacity reservation fail",
        "SELECT 1 FROM delivery WHERE CapacityReservationId IS NULL AND CapacityReservationStatus IS NOT NULL",
    ),
    "CapacityReservationStatus-C-004-C": Tolerated(
        "does not look at CapacityReservationId, so that charges without a capacity reservation fail",
        "SELECT 1 FROM delivery WHERE CapacityReservationId IS NOT NULL AND ChargeCategory = 'Usage'"
        " AND CapacityReservationStatus IS NULL",
    ),
    "CommitmentDiscountStatus-C-004-C": Tolerated(
        "asks for a status where CommitmentDiscountId is null instead of where it is not",
        f"SELECT 1 FROM delivery WHERE {COMMITMENT} AND ChargeCategory = 'Usage' AND CommitmentDiscountStatus IS NULL",
    ),
    "InvoiceId-C-004-C": Tolerated(
        "wants every invoice id to be null, also those of charges that were invoiced",
        "SELECT 1 FROM delivery WHERE InvoiceId IS NOT NULL AND BillingPeriodEnd > TIMESTAMP '2026-06-15'",
    ),
    "InvoiceId-C-005-C": Tolerated(
        "wants every charge to have an invoice id, also those of a month without invoice",
        "SELECT 1 FROM delivery WHERE InvoiceId IS NULL AND BillingPeriodEnd < TIMESTAMP '2026-06-01'",
    ),
    **{
        f"{column}-C-001-M": Tolerated(
            "wants JSON text; AWS's Parquet has maps, which its table dictionary documents",
            f"SELECT 1 FROM delivery WHERE typeof({column}) NOT LIKE 'MAP%' AND NOT json_valid({column}::VARCHAR)",
        )
        for column in ("SkuPriceDetails", "Tags")
    },
    **dict.fromkeys(
        ("BillingAccountId-C-002-M", "SubAccountId-C-001-M", "InvoiceId-C-001-M"),
        Tolerated(
            "takes a column of CSV that has nothing but digits for numbers",
            "SELECT 1 FROM delivery WHERE NOT regexp_full_match(BillingAccountId::VARCHAR, '\\d{12}')",
        ),
    ),
}


@dataclass(frozen=True)
class Verdict:
    """What the validator says of a file: rules that hold, and rules that fail for a reason of their own."""

    file: Path
    passed: set[str]
    failed: set[str]


@pytest.fixture(scope="module")
def python() -> str:
    found = python312()
    if not found and not os.environ.get(REQUIRED):
        pytest.skip("focus-validator needs Python 3.12, and there is none: set PYTHON312 to one")
    assert found, f"{REQUIRED} is set, but there is no Python 3.12 for focus-validator: set PYTHON312 to one"
    return found


@pytest.fixture(scope="module")
def verdicts(python: str, deliveries: Deliveries, tmp_path_factory: pytest.TempPathFactory) -> list[Verdict]:
    """On Parquet and CSV, on the month with the Savings Plan's upfront payment and on the running month."""
    files = [
        files[0]
        for name in ("focus", "focus-csv")
        for files in (deliveries[name]["2026-04"], deliveries[name]["2026-06"])
    ]
    folder = tmp_path_factory.mktemp("validated")
    return [validate(python, plain(file, folder)) for file in files]


def plain(file: Path, folder: Path) -> Path:
    """The file as the validator takes it: not gzipped."""
    if file.suffix != ".gz":
        return file
    unzipped = folder / f"{file.parent.name}.csv"
    with gzip.open(file) as source, unzipped.open("wb") as target:
        shutil.copyfileobj(source, target)
    return unzipped


def validate(python: str, file: Path) -> Verdict:
    command = [str(programs("focus-validator", python) / "python"), "-m", "focus_validator.main"]
    command += ["--focus-dataset", "CostAndUsage", "--validate-version", "1.2.0.1", "--block-download"]
    command += ["--applicability-criteria", "ALL", "--data-file", str(file)]
    # it opens its list of currencies relative to where it is started
    site = packages("focus-validator", python)
    said = subprocess.run(command, cwd=site, capture_output=True, text=True, check=False, timeout=110)
    assert "Total: " in said.stdout, said.stderr
    passed = set(re.findall(r"^✅ (\S+): PASS", said.stdout, re.MULTILINE))
    failed = re.findall(r"^❌ (\S+): FAIL +\(.*$", said.stdout, re.MULTILINE)
    derived = set(re.findall(r"^❌ (\S+): FAIL +\(.*AND failed - failed child rules: \[", said.stdout, re.MULTILINE))
    return Verdict(file, passed, set(failed) - derived)


@pytest.mark.parametrize("number", range(4))
def test_no_rule_fails_but_the_tolerated(verdicts: list[Verdict], number: int) -> None:
    assert verdicts[number].failed - TOLERATED.keys() == set()
    assert len(verdicts[number].passed) > FEWEST_PASSED


@pytest.mark.parametrize("rule", TOLERATED)
def test_a_tolerated_rule_holds_in_its_own_words(verdicts: list[Verdict], rule: str) -> None:
    for verdict in verdicts:
        read = f"read_{verdict.file.suffix.removeprefix('.')}('{verdict.file}')"
        with duckdb.connect() as connection:
            connection.execute(f"CREATE VIEW delivery AS FROM {read}")
            assert connection.execute(TOLERATED[rule].forbidden).fetchall() == []


def test_every_tolerated_rule_fails_somewhere(verdicts: list[Verdict]) -> None:
    assert TOLERATED.keys() <= set().union(*(verdict.failed for verdict in verdicts))
