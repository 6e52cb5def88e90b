"""A what-if as code: the usage and the commitments that a bill estimate shall assume."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

from pydantic import Field, field_validator

from finops.definition_errors import mistake, shown
from finops.definition_fields import Definition
from finops.scenario_commitments import CommitmentModification
from finops.scenario_usage import UsageModification
from finops.times import as_utc

MAX_USAGE_LINES = 2000
"""AWS's quota of usage lines in one bill scenario.

https://docs.aws.amazon.com/cost-management/latest/userguide/management-limits.html
"""


class ScenarioDefinition(Definition):
    """One file of ``include/scenarios``: a bill scenario, made anew for each run.

    :param name: 1-40 letters, digits and '-'; the run's time is appended, and AWS takes 64.
    :param usage_modifications: usage lines as they shall be, at most 2,000.
    :param commitment_modifications: commitments that are bought or taken away.

    https://docs.aws.amazon.com/cost-management/latest/userguide/pc-bill-scenario.html
    """

    usage_modifications: tuple[UsageModification, ...] = ()
    commitment_modifications: tuple[CommitmentModification, ...] = Field(default=(), validate_default=True)

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-zA-Z0-9\-]{1,40}", name):
            raise mistake(f"{shown(name)} is not a scenario name", "Use 1 to 40 letters, digits and '-'")
        return name

    @field_validator("usage_modifications")
    @classmethod
    def _check_usage(cls, entries: tuple[UsageModification, ...]) -> tuple[UsageModification, ...]:
        if len(entries) > MAX_USAGE_LINES:
            remedy = f"AWS takes {MAX_USAGE_LINES:,} in one scenario: split the scenario"
            raise mistake(f"has {len(entries):,} entries", remedy)
        return entries

    @field_validator("commitment_modifications")
    @classmethod
    def _check_not_empty(cls, entries: tuple[CommitmentModification, ...], info: Any) -> tuple[Any, ...]:
        if not entries and info.data.get("usage_modifications") == ():
            problem = "is empty, and so is usage_modifications: the estimate would repeat the last bill"
            raise mistake(problem, "Add a change of usage or of commitments")
        return entries

    def usage_entries(self, month: date, usage_factor: float = 1.0) -> list[dict[str, Any]]:
        """Return the entries of BatchCreateBillScenarioUsageModification, with keys ``u0001`` and on.

        :param month: any moment of the scenario's bill interval, the last complete month when it was created:
            pass ``billInterval.start`` of GetBillScenario. An ``amount`` starts in the month's first hour (UTC).
        :param usage_factor: all amounts are multiplied by it.
        """
        day = as_utc(month) if isinstance(month, datetime) else month
        return [
            entry.to_aws(f"u{number:04d}", day, usage_factor)
            for number, entry in enumerate(self.usage_modifications, start=1)
        ]

    def commitment_entries(self) -> list[dict[str, Any]]:
        """Return the entries of BatchCreateBillScenarioCommitmentModification, with keys ``c0001`` and on."""
        return [entry.to_aws(f"c{number:04d}") for number, entry in enumerate(self.commitment_modifications, start=1)]
