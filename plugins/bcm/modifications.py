"""What a bill scenario shall contain, what it contains already, and how the rest is sent."""

from __future__ import annotations

import json
import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from bcm.exceptions import AwsUnavailableError, ModificationsRefusedError
from bcm.hooks.base import aws_errors
from bcm.hooks.data_exports import differences

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


def missing(kind: ModificationKind, scenario_id: str, wanted: list[Entry], there: list[Entry]) -> list[Entry]:
    """Return the entries that a scenario lacks.

    :param wanted: the entries of the batch request, all that the scenario shall contain
    :param there: its modifications as AWS lists them
    :raises ModificationsRefusedError: when two entries are the same modification, or the scenario contains what is
        not wanted: a cleared run would otherwise estimate a mixture of two definitions
    """
    by_identity = {_identity(kind, entry): entry for entry in wanted}
    if len(by_identity) < len(wanted):
        raise ModificationsRefusedError(
            f"{kind}_modifications: {len(wanted) - len(by_identity)} entries say the same as another one of the list "
            f"({', '.join(IDENTITY[kind])}). Merge them, or give them different groups."
        )
    strange: list[str] = []
    for item in there:
        entry = by_identity.pop(_identity(kind, item), None)
        if entry is None:
            strange.append(f"{' '.join(_words(kind, item))} is not wanted")
        elif changes := _changes(entry, item):
            strange.append(f"{entry['key']}: {', '.join(changes)}")
    if strange:
        raise ModificationsRefusedError(
            f"{kind}_modifications: bill scenario {scenario_id} was filled by an earlier try with other entries or "
            f"amounts ({'; '.join(strange)}). Trigger a new run, which makes a scenario of its own."
        )
    return list(by_identity.values())


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


def _words(kind: ModificationKind, item: Mapping[str, Any]) -> Iterator[str]:
    for name in IDENTITY[kind]:
        if value := item.get(name):
            yield value if isinstance(value, str) else json.dumps(value)


def _changes(entry: Mapping[str, Any], item: Mapping[str, Any]) -> list[str]:
    """Return where a modification differs from its entry; what AWS leaves out of its answer is no difference."""
    changes = []
    if entry.get("amounts") and item.get("quantities"):
        wanted, there = _by_hour(entry["amounts"]), _by_hour(item["quantities"])
        changes = [
            f"amount {there[hour]:.12g} -> {wanted[hour]:.12g} from {hour:%Y-%m-%d %H:%M}"
            for hour in sorted(wanted.keys() | there.keys())
            if not math.isclose(wanted[hour], there[hour], rel_tol=1e-6, abs_tol=1e-9)
        ]
    if entry.get("historicalUsage") and item.get("historicalUsage"):
        wanted_usage, usage = _with_times(entry["historicalUsage"]), _with_times(item["historicalUsage"])
        changes += differences(wanted_usage, usage, "historicalUsage")
    return changes


def _by_hour(amounts: list[dict[str, Any]]) -> Counter[datetime]:
    hours: Any = Counter()  # gives 0 for an hour that it does not have, and holds fractions too
    for one in amounts:
        hours[_moment(one["startHour"])] += one.get("amount") or 0.0
    return hours  # type: ignore[no-any-return]


def _with_times(historical_usage: Mapping[str, Any]) -> dict[str, Any]:
    """Return a historical usage whose interval's ends are times: a request may carry text."""
    interval = {name: _moment(value) for name, value in (historical_usage.get("billInterval") or {}).items()}
    return {**historical_usage, "billInterval": interval}


def _moment(value: str | datetime) -> datetime:
    """Read a time as a request (text or time) or an answer has it; without a zone it is UTC."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
