"""The FOCUS project's validator finds no failed rule in a delivery of FOCUS 1.2 but those that AWS's exports fail too.

A rule fails where it is encoded otherwise than it is worded, or where AWS's documented types are not FOCUS's. Each such
rule stands here once, with the reason, who else has found it, and what its words ask for as SQL: it has to hold.
"""

from __future__ import annotations

import gzip
import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.peers.environments import REPO, packages, programs, python312
from tests.peers.tables.conftest import NOW, Deliveries

pytestmark = pytest.mark.timeout(300)  # the first test makes the environments and the deliveries

REQUIRED = "PEERS_REQUIRED"
"""The environment variable that makes a missing Python 3.12 a failure."""

FEWEST_PASSED = 300
"""Rules of the 578 that can be checked and hold. The others the validator does not implement."""


SPEC = "https://github.com/FinOps-Open-Cost-and-Usage-Spec"
VALIDATOR = "https://github.com/finopsfoundation/focus_validator"
AMAZON = "Amazon Web Services, Inc."


@dataclass(frozen=True)
class Tolerated:
    """Why a failed rule is no fault of the delivery.

    `source` is the public page of somebody who has found the same. `when` and `must` are the rule's words as SQL: of
    which charges it speaks, and what has to be true of them.
    """

    reason: str
    source: str
    when: str
    must: str


TOLERATED = {
    "BilledCost-C-005-C": Tolerated(
        "takes every charge whose InvoiceIssuerName differs from ProviderName for one that a third party is paid for",
        f"{SPEC}/FOCUS-Sample-Data/pull/5",
        "BilledCost <> 0",
        f"InvoiceIssuerName = '{AMAZON}' AND ProviderName = 'AWS'",  # AWS is paid, for what sellers sell as well
    ),
    "CapacityReservationStatus-C-003-C": Tolerated(
        "does not look at CapacityReservationId, so that charges with a capacity reservation fail",
        f"{SPEC}/FOCUS_Spec/issues/2369",
        "CapacityReservationId IS NULL",
        "CapacityReservationStatus IS NULL",
    ),
    "CapacityReservationStatus-C-004-C": Tolerated(
        "does not look at CapacityReservationId, so that charges without a capacity reservation fail",
        f"{VALIDATOR}/issues/142",
        "CapacityReservationId IS NOT NULL AND ChargeCategory = 'Usage'",
        "CapacityReservationStatus IS NOT NULL",
    ),
    "CommitmentDiscountStatus-C-004-C": Tolerated(
        "asks for a status where CommitmentDiscountId is null instead of where it is not",
        f"{SPEC}/FOCUS_Spec/issues/2393",
        "CommitmentDiscountId IS NOT NULL AND ChargeCategory = 'Usage'",
        "CommitmentDiscountStatus IS NOT NULL",
    ),
    "InvoiceId-C-004-C": Tolerated(
        "wants every invoice id to be null, also those of charges that were invoiced",
        f"{SPEC}/FOCUS_Spec/issues/2394",
        f"BillingPeriodEnd > TIMESTAMP '{NOW}'",
        "InvoiceId IS NULL",
    ),
    "InvoiceId-C-005-C": Tolerated(
        "wants every charge to have an invoice id, also those of a month without invoice",
        f"{SPEC}/FOCUS_Spec/issues/2394",
        f"BillingPeriodEnd < TIMESTAMP '{NOW}'",
        "InvoiceId IS NOT NULL",
    ),
    **{
        f"{column}-C-001-M": Tolerated(
            "wants JSON text; AWS's Parquet has maps, which its table dictionary documents",
            f"{SPEC}/FOCUS_Spec/issues/1079",
            f"{column} IS NOT NULL",
            f"typeof({column}) LIKE 'MAP(VARCHAR, %' OR json_type({column}::VARCHAR) = 'OBJECT'",
        )
        for column in ("SkuPriceDetails", "Tags")
    },
    **{
        rule: Tolerated(
            "takes a column of CSV that has nothing but digits for numbers",
            f"{VALIDATOR}/issues/122",
            f"{column} IS NOT NULL",
            f"regexp_full_match({column}, '{digits}')",
        )
        for rule, column, digits in (
            ("BillingAccountId-C-002-M", "BillingAccountId", "\\d{12}"),
            ("SubAccountId-C-001-M", "SubAccountId", "\\d{12}"),
            ("InvoiceId-C-001-M", "InvoiceId", "\\d{10}"),
        )
    },
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
    """On everything that was delivered, as Parquet and as CSV: the invoiced months, and the running one."""
    folder = tmp_path_factory.mktemp("validated")
    files = []
    for name in ("focus", "focus-csv"):
        *invoiced, running = sorted(deliveries[name])
        for what, months in (("invoiced", invoiced), ("running", [running])):
            files.append(joined([path for month in months for path in deliveries[name][month]], folder / what))
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda file: validate(python, file), files))


def joined(chunks: Sequence[Path], target: Path) -> Path:
    """All chunks as one file of the validator's kinds, Parquet or CSV that is not gzipped."""
    if chunks[0].suffix == ".parquet":
        file = target.with_suffix(".parquet")
        pq.write_table(pa.concat_tables([pq.read_table(chunk, partitioning=None) for chunk in chunks]), file)
        return file
    texts = [gzip.decompress(chunk.read_bytes()).partition(b"\n") for chunk in chunks]
    [head] = {head for head, *_ in texts}
    file = target.with_suffix(".csv")
    file.write_bytes(head + b"\n" + b"".join(lines for *_, lines in texts))
    return file


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


def charges(file: Path) -> str:
    """What reads a validated file: the ids as the text that they are."""
    ids = "{'BillingAccountId': 'VARCHAR', 'SubAccountId': 'VARCHAR', 'InvoiceId': 'VARCHAR'}"
    return f"read_csv('{file}', types = {ids})" if file.suffix == ".csv" else f"read_parquet('{file}')"


@pytest.mark.parametrize("rule", TOLERATED)
def test_a_tolerated_rule_holds_in_its_own_words(verdicts: list[Verdict], rule: str) -> None:
    looked_at = 0
    for verdict in verdicts:
        select = "SELECT count(*), count(*) FILTER (({}) IS NOT TRUE) FROM {} WHERE {}"
        query = select.format(TOLERATED[rule].must, charges(verdict.file), TOLERATED[rule].when)
        [(spoken_of, wrong)] = duckdb.sql(query).fetchall()
        looked_at += spoken_of
        assert wrong == 0, verdict.file
    assert looked_at > 0, "there is no charge that the rule speaks of"


def test_corrections_and_what_sellers_sell_are_among_the_charges(verdicts: list[Verdict]) -> None:
    sold = f"PublisherName <> '{AMAZON}' AND BilledCost <> 0"
    for kind in (".parquet", ".csv"):
        [file] = [each.file for each in verdicts if each.file.name == f"invoiced{kind}"]
        for which in ("ChargeClass = 'Correction'", sold):
            assert duckdb.sql(f"SELECT count(*) FROM {charges(file)} WHERE {which}").fetchall()[0][0] > 0, which


def test_every_tolerated_rule_fails_somewhere(verdicts: list[Verdict]) -> None:
    assert TOLERATED.keys() <= set().union(*(verdict.failed for verdict in verdicts))


def test_the_docs_name_every_tolerated_rule_and_who_else_found_it() -> None:
    rows = [line for line in (REPO / "docs" / "emulator.md").read_text().splitlines() if line.startswith("|")]
    for rule, tolerated in TOLERATED.items():
        assert [row for row in rows if rule in row and tolerated.source in row], f"{rule}: {tolerated.source}"
