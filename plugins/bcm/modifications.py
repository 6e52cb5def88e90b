"""Which modifications a bill scenario lacks, and how they are sent."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from bcm.exceptions import AwsUnavailableError, ModificationsRefusedError
from bcm.hooks.base import aws_errors

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
ModificationKind = Literal["usage", "commitment"]
#: Returns the idempotency token of a batch and the number of its try.
Token = Callable[[list[Entry], int], str]


def missing(kind: ModificationKind, wanted: list[Entry], there: list[Entry]) -> list[Entry]:
    """Return the entries that a scenario lacks.

    :param wanted: the entries of the batch request
    :param there: the scenario's modifications as AWS lists them
    :raises ModificationsRefusedError: when two entries are the same modification
    """
    by_identity = {_identity(kind, entry): entry for entry in wanted}
    if len(by_identity) < len(wanted):
        raise ModificationsRefusedError(
            f"{kind}_modifications: {len(wanted) - len(by_identity)} entries say the same as another one of the list "
            f"({', '.join(IDENTITY[kind])}). Merge them, or give them different groups."
        )
    have = {_identity(kind, item) for item in there}
    return [entry for identity, entry in by_identity.items() if identity not in have]


def send(
    client: Any,
    kind: ModificationKind,
    scenario_id: str,
    entries: list[Entry],
    token: Token,
) -> None:
    """Send entries in batches of 25.

    :param client: boto3 client of the Pricing Calculator
    :param token: returns the idempotency token of a batch and its try
    :raises ModificationsRefusedError: after all batches, with each entry that AWS refused for good
    :raises AwsUnavailableError: when AWS could not take an entry in five tries
    """
    refused = [line for batch in _batches(entries) for line in _send(client, kind, scenario_id, batch, token)]
    if refused:
        raise ModificationsRefusedError(f"{kind}_modifications: AWS refused {len(refused)}: {'; '.join(refused)}.")


def _send(client: Any, kind: ModificationKind, scenario_id: str, batch: list[Entry], token: Token) -> list[str]:
    """Send a batch until AWS has taken or refused each entry; return a line for each that it refused."""
    refused: list[str] = []
    for attempt in range(1, TRIES + 1):
        with aws_errors(f"BatchCreateBillScenario{kind.capitalize()}Modification {scenario_id}"):
            answer = getattr(client, f"batch_create_bill_scenario_{kind}_modification")(
                billScenarioId=scenario_id, clientToken=token(batch, attempt), **{f"{kind}Modifications": batch}
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
        logging.getLogger(__name__).warning("AWS could not take %s yet, try %d of %d.", sorted(again), attempt, TRIES)
        time.sleep(PAUSE * attempt)
    raise AwsUnavailableError(f"{kind}_modifications: AWS did not take {sorted(again)} in {TRIES} tries.")


def _batches(entries: list[Entry]) -> Iterator[list[Entry]]:
    for start in range(0, len(entries), BATCH):
        yield entries[start : start + BATCH]


def _identity(kind: ModificationKind, entry: Mapping[str, Any]) -> str:
    """Return what an entry of a request and the modification that it became have in common."""
    return json.dumps([entry.get(name) or None for name in IDENTITY[kind]], sort_keys=True)
