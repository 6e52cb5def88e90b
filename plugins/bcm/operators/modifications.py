"""Fill a bill scenario with changes of usage and of commitments."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from airflow.providers.amazon.aws.utils.mixins import aws_template_fields
from airflow.sdk import Context

from bcm.exactly_once import client_token, fingerprint
from bcm.exceptions import AwsUnavailableError, ModificationsRefusedError
from bcm.hooks.base import aws_errors
from bcm.operators.pricing_calculator import BcmPricingCalculatorOperator

#: Entries that one call may carry.
BATCH = 25
#: Error codes of an entry that may go through in another call, how often that is tried, and the pause in seconds.
RETRIABLE = frozenset({"INTERNAL_SERVER_ERROR", "CONFLICT"})
TRIES = 5
PAUSE = 2.0

#: What tells two modifications of a scenario apart; AWS does not give back the key of an entry.
IDENTITY = {
    "usage": ("serviceCode", "usageType", "operation", "availabilityZone", "usageAccountId", "group"),
    "commitment": ("usageAccountId", "group", "commitmentAction"),
}

Entry = dict[str, Any]


def identity(kind: Literal["usage", "commitment"], entry: Entry) -> str:
    """Return what an entry of a request and the modification that it became have in common."""
    return json.dumps([entry.get(name) for name in IDENTITY[kind]], sort_keys=True)


class BcmModifyBillScenarioOperator(BcmPricingCalculatorOperator):
    """Add usage and commitment modifications to a bill scenario, in batches of 25, each once.

    .. seealso:: https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_AWSBCMPricingCalculator_BatchCreateBillScenarioUsageModification.html

    A batch may fail in part inside an answer of HTTP 200: entries with a passing fault are sent again, the others
    fail the task together, each with its key and AWS's reason. What the scenario has already is not added again, so
    that a retry goes on where the last try stopped. Returns how many modifications the scenario then has.

    :param bill_scenario_id: the scenario (templated)
    :param usage_modifications: entries as BatchCreateBillScenarioUsageModification takes them; a ``startHour`` may
        be ISO 8601 text; at most 2,000 (templated)
    :param commitment_modifications: entries as BatchCreateBillScenarioCommitmentModification takes them (templated)
    :param kwargs: see :class:`bcm.operators.base.BcmBaseOperator`
    :raises ModificationsRefusedError: when AWS refuses entries, or two entries are the same modification
    :raises BillScenarioUnusableError: when the scenario is STALE or FAILED
    """

    template_fields: Sequence[str] = aws_template_fields(
        "expected_account_id", "bill_scenario_id", "usage_modifications", "commitment_modifications"
    )
    template_fields_renderers = {  # noqa: RUF012 - the base class declares it so
        "usage_modifications": "json",
        "commitment_modifications": "json",
    }

    def __init__(
        self,
        *,
        bill_scenario_id: str,
        usage_modifications: list[Entry] | None = None,
        commitment_modifications: list[Entry] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.bill_scenario_id = bill_scenario_id
        self.usage_modifications = usage_modifications
        self.commitment_modifications = commitment_modifications

    def act(self, context: Context) -> dict[str, int]:
        """Add what is missing."""
        self.usable_scenario(self.bill_scenario_id)
        return {
            "usage_modifications": self._add(context, "usage", self.usage_modifications or []),
            "commitment_modifications": self._add(context, "commitment", self.commitment_modifications or []),
        }

    def _add(self, context: Context, kind: Literal["usage", "commitment"], entries: list[Entry]) -> int:
        wanted = {identity(kind, entry): entry for entry in entries}
        if len(wanted) < len(entries):
            raise ModificationsRefusedError(
                f"{kind}_modifications: {len(entries) - len(wanted)} entries say the same as another one of the list "
                f"({', '.join(IDENTITY[kind])}). Merge them, or give them different groups."
            )
        have = {identity(kind, item) for item in self.hook.list_modifications(kind, self.bill_scenario_id)}
        missing = [entry for key, entry in wanted.items() if key not in have]
        refused: list[str] = []
        for batch in _batches(missing):
            refused += self._send(context, kind, batch)
        if refused:
            raise ModificationsRefusedError(f"{kind}_modifications: AWS refused {len(refused)}: {'; '.join(refused)}.")
        self.log.info("%d %s modifications added, %d were there.", len(missing), kind, len(wanted) - len(missing))
        return len(have | wanted.keys())

    def _send(self, context: Context, kind: Literal["usage", "commitment"], batch: list[Entry]) -> list[str]:
        """Send a batch until AWS has taken or refused each entry; return a line for each that it refused."""
        refused: list[str] = []
        for attempt in range(1, TRIES + 1):
            # a new token for each try: a replayed one would be answered with the old errors
            tries = f"{context['ti'].try_number}.{attempt}"
            token = client_token(context, self.bill_scenario_id, tries, fingerprint(batch))
            method = getattr(self.hook.conn, f"batch_create_bill_scenario_{kind}_modification")
            with aws_errors(f"BatchCreateBillScenario{kind.capitalize()}Modification {self.bill_scenario_id}"):
                answer = method(
                    billScenarioId=self.bill_scenario_id, clientToken=token, **{f"{kind}Modifications": batch}
                )
            errors = {error["key"]: error for error in answer.get("errors") or []}
            again = {key for key, error in errors.items() if error.get("errorCode") in RETRIABLE}
            refused += [
                f"{key}: {error.get('errorCode')}: {error.get('errorMessage')}"
                for key, error in errors.items()
                if key not in again
            ]
            batch = [entry for entry in batch if entry["key"] in again]
            if not batch:
                return refused
            self.log.warning("AWS could not take %s yet, try %d of %d.", sorted(again), attempt, TRIES)
            time.sleep(PAUSE * attempt)
        raise AwsUnavailableError(f"{kind}_modifications: AWS did not take {sorted(again)} in {TRIES} tries.")


def _batches(entries: list[Entry]) -> Iterator[list[Entry]]:
    for start in range(0, len(entries), BATCH):
        yield entries[start : start + BATCH]
