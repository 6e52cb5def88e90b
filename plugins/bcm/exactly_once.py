"""Create a thing exactly once, whatever crashes in between.

The intent is written to the task's state store before the call and the id after it. A retry, or a cleared task,
first asks AWS for what the store remembers, then for the name, and only then creates, with a client token that is
the same for the same task and request.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from airflow.sdk import Context

from bcm.exceptions import AwsRefusedError
from bcm.hooks.base import aws_errors
from bcm.hooks.pricing_calculator import BcmPricingCalculatorHook, Kind

#: Statuses in which a thing is of no use any more; every other one is adopted rather than doubled.
UNUSABLE = {"bill_estimate": frozenset({"FAILED"}), "bill_scenario": frozenset({"FAILED", "STALE"})}


def fingerprint(request: Any) -> str:
    """Return a digest of a request that is the same for the same content."""
    text = json.dumps(request, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def client_token(context: Context, *parts: str) -> str:
    """Return the idempotency token of a request of this task: 64 characters, the same in every try."""
    ti = context["ti"]
    task = (ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index))
    return fingerprint([*task, *parts])


class Memory:
    """What the task's state store remembers of one thing across tries.

    :param context: the task's context
    :param key: key in the store
    :param mark: fingerprint of the request; a memory of another request does not count
    """

    def __init__(self, context: Context, key: str, mark: str) -> None:
        self._store = context.get("task_state_store")
        self._key = key
        self._mark = mark
        kept: Any = self._store.get(key) if self._store is not None else None
        kept = kept if isinstance(kept, dict) else {}
        same = kept.get("fingerprint") == mark
        self._kept: dict[str, Any] = kept if same else {}
        #: id of what this task made for another request; None when it made none
        self.outdated: str | None = kept.get("outdated") if same else kept.get("id") or kept.get("outdated")

    @property
    def ours(self) -> bool:
        """Tell whether an earlier try of this task meant to make the same thing."""
        return "name" in self._kept

    @property
    def id(self) -> str | None:
        """Return the id that an earlier try was answered."""
        return self._kept.get("id")

    @property
    def replaced(self) -> str:
        """Return the id of what an earlier try made and the new one replaces, "" for none."""
        return str(self._kept.get("replaced") or "")

    def intend(self, name: str) -> None:
        """Note, before the call, what is about to be made."""
        self._write({"fingerprint": self._mark, "name": name, "replaced": self.id or self.replaced})

    def remember(self, identifier: str) -> None:
        """Note, after the call, what was made."""
        self._write({"fingerprint": self._mark, **self._kept, "id": identifier})

    def forget(self) -> None:
        """Note that nothing was made: AWS has refused the call for good."""
        self._write({"fingerprint": self._mark, "replaced": self.replaced})

    def _write(self, kept: dict[str, Any]) -> None:
        self._kept = {**kept, "outdated": self.outdated}
        if self._store is not None:
            self._store.set(self._key, self._kept)


def create_once(
    context: Context,
    hook: BcmPricingCalculatorHook,
    kind: Kind,
    name: str,
    request: dict[str, Any],
    before_create: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Return the bill scenario or estimate of this task, and create it unless it exists.

    A failed or stale one of the same name is left alone, and so is one that this task made for another request (the
    run was cleared, and its scenario had gone stale). The new one is then called ``<name>-2``, ``<name>-3``...

    :param kind: ``bill_scenario`` or ``bill_estimate``
    :param name: its name, unique in the account, so it should carry the run's time
    :param request: the other members of the create request
    :param before_create: called only when something will be created; raises to prevent it
    :return: at least ``id``, ``name`` and ``status``
    :raises AwsRefusedError: when the name is taken by something that this task did not make, or AWS refuses
    """
    memory = Memory(context, f"bcm_{kind}", fingerprint([kind, name, request]))
    if memory.id:
        known = hook.get_or_none(kind, memory.id)
        if known and known["status"] not in UNUSABLE[kind]:
            return known
    taken = hook.find_by_name(kind, name)
    number = 1
    while True:
        candidate = name if number == 1 else f"{name}-{number}"
        found = taken.get(candidate)
        if found is None or (found["status"] not in UNUSABLE[kind] and found["id"] != memory.outdated):
            break
        number += 1
    if found and memory.ours and memory.id is None:  # an intent without an answer: a try crashed in between
        memory.remember(found["id"])
        return found
    # what was deleted meanwhile needs a new token: the old one would be answered with the deleted id
    token = client_token(context, kind, candidate, fingerprint(request), memory.id or memory.replaced)
    # when the name is taken, the call can only be answered with what its token made before, or refused: nothing is
    # intended then, else a try that dies before the refusal would have the next one take somebody else's for its own
    if found is None:
        before_create()
        memory.intend(candidate)
    action = f"{'CreateBillEstimate' if kind == 'bill_estimate' else 'CreateBillScenario'} {candidate}"
    try:
        with aws_errors(action):
            made = dict(getattr(hook.conn, f"create_{kind}")(name=candidate, clientToken=token, **request))
    except AwsRefusedError as error:
        if found is None:
            memory.forget()  # else the next try would take what holds the name for its own
        elif error.code == "ConflictException":
            raise AwsRefusedError(
                f"name: a {kind.replace('_', ' ')} called {candidate!r} exists already ({found['id']}) and was not "
                "made by this task. Choose another name.",
                code=error.code,
            ) from error
        raise
    memory.remember(made["id"])
    return made
