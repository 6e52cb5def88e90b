"""Batch operations: each entry on its own merit, so that a batch can fail in part and still be HTTP 200."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emulator.pricing_calculator.shelf import Roll

Entry = Mapping[str, Any]
Lines = Roll[dict[str, Any]]
"""Usage or commitments, in AWS's Item shape, by their ids."""


class EntryRefused(Exception):  # noqa: N818 - not the batch's error: one entry's
    """An entry of a batch cannot be carried out.

    :param code: one of the operation's ErrorCode values in the model.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def carry_out(
    entries: Sequence[Entry], member: str, one: Callable[[Entry], dict[str, Any]]
) -> dict[str, list[dict[str, Any]]]:
    """Carry out a batch entry by entry and give AWS's ``items`` and ``errors``.

    :param member: what tells the entries apart: ``key``, which AWS calls unique in the batch, or ``id``. The second
        entry with the same one is a CONFLICT.
    :param one: carries out an entry and gives its item, or raises :class:`EntryRefused`.
    """
    items, errors, seen = [], [], set()
    for entry in entries:
        name = entry[member]
        try:
            if name in seen:
                raise EntryRefused("CONFLICT", f"The batch has the {member} {name!r} twice")
            seen.add(name)
            items.append(one(entry))
        except EntryRefused as refused:
            errors.append({member: name, "errorCode": refused.code, "errorMessage": refused.message})
    return {"items": items, "errors": errors}


def line(lines: Lines, entry: Entry, code: str = "NOT_FOUND") -> dict[str, Any]:
    """Give the line that an entry's ``id`` names.

    :raises EntryRefused: with ``code`` if there is none.
    """
    found = lines.get(entry["id"])
    if found is None:
        raise EntryRefused(code, f"There is no {entry['id']}")
    return found


def delete_lines(lines: Lines, ids: Sequence[str], code: str) -> dict[str, list[dict[str, Any]]]:
    """Delete a batch of lines, as :func:`carry_out` does it.

    :param code: of the error for a line that is not there.
    """

    def delete(entry: Entry) -> dict[str, Any]:
        line(lines, entry, code)
        lines.remove(entry["id"])
        return {}

    return carry_out([{"id": one} for one in ids], "id", delete)


def regrouped(item: dict[str, Any], entry: Entry) -> dict[str, Any]:
    """Give an item with the group that an update's entry has for it; an empty group is none."""
    changed = {**item, "group": entry.get("group", item.get("group"))}
    return changed if changed["group"] else {name: value for name, value in changed.items() if name != "group"}
