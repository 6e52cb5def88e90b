"""Where the Pricing Calculator keeps its resources, and the pages of its lists."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from emulator.pricing_calculator.pages import paged
from emulator.pricing_calculator.shelf import START, Roll
from emulator.pricing_calculator.state import CalculatorBook, Estimate

NOW = datetime(2026, 11, 20, tzinfo=UTC)
ACCOUNT = "111122223333"


def roll(*keys):
    filled = Roll()
    for key in keys:
        filled.put(key, key.upper())
    return filled


def estimate(number, status="COMPLETE"):
    return Estimate(
        id=f"id-{number}",
        account=ACCOUNT,
        name=f"name-{number}",
        created_at=NOW,
        expires_at=NOW + timedelta(days=number + 1),
        tags={},
        scenario_id="s",
        ends_at=NOW,
        sharing={},
        status=status,
    )


def found(shelf, *filters, now=NOW, after=START):
    return [one.id for _, one in shelf.walk(ACCOUNT, now, list(filters), after)]


def test_a_place_stays_good_while_others_come_and_go():
    letters = roll("a", "b", "c", "d")
    place, _ = next(letters.after(letters.place("a")))
    letters.remove("b")
    letters.put("e", "E")
    letters.put("c", "changed")
    assert [thing for _, thing in letters.after(place)] == ["changed", "D", "E"]


def test_the_same_id_takes_its_old_place_only_while_it_is_there():
    letters = roll("a", "b")
    letters.remove("a")
    letters.put("a", "again")
    assert list(letters) == ["B", "again"]


def test_a_page_looks_at_one_more_than_it_shows():
    looked = []

    def walk(after):
        for place in range(after + 1, 10_000):
            looked.append(place)
            yield place, place

    call = SimpleNamespace(operation="ListBillEstimates", account=ACCOUNT, params={"maxResults": 25})
    first = paged(call, walk, lambda place: True, lambda place: {"place": place})
    call.params["nextToken"] = first["nextToken"]
    second = paged(call, walk, lambda place: True, lambda place: {"place": place})
    assert [item["place"] for item in (*first["items"], *second["items"])] == list(range(50))
    assert len(looked) == 52


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"name": "STATUS", "values": ["IN_PROGRESS"]}, ["id-1"]),
        ({"name": "STATUS", "values": ["COMPLETE", "IN_PROGRESS"]}, ["id-0", "id-1", "id-2"]),
        ({"name": "NAME", "values": ["name-2", "name-0", "name-9"]}, ["id-0", "id-2"]),
        ({"name": "NAME", "values": ["2"], "matchOption": "CONTAINS"}, ["id-0", "id-1", "id-2"]),
    ],
)
def test_an_index_narrows_down_where_to_look(condition, expected):
    shelf = CalculatorBook().estimates
    for number, status in enumerate(("COMPLETE", "IN_PROGRESS", "COMPLETE")):
        shelf.add(estimate(number, status))
    assert found(shelf, condition) == expected


def test_the_index_follows_the_status():
    shelf = CalculatorBook().estimates
    running = estimate(0, "IN_PROGRESS")
    shelf.add(running)
    shelf.end(running, "FAILED")
    in_progress, failed = ({"name": "STATUS", "values": [status]} for status in ("IN_PROGRESS", "FAILED"))
    assert (found(shelf, in_progress), found(shelf, failed)) == ([], ["id-0"])
    shelf.remove(running)
    assert found(shelf, failed) == []


def test_what_expired_is_passed_over():
    shelf = CalculatorBook().estimates
    for number in range(3):
        shelf.add(estimate(number))
    assert found(shelf, now=NOW + timedelta(days=2)) == ["id-2"]


def test_everything_survives_a_snapshot():
    book = CalculatorBook()
    book.estimates.add(estimate(0, "IN_PROGRESS"))
    restored = pickle.loads(pickle.dumps(book))
    again = restored.estimates.get(ACCOUNT, "id-0", NOW)
    restored.estimates.end(again, "COMPLETE")
    assert found(restored.estimates, {"name": "STATUS", "values": ["COMPLETE"]}) == ["id-0"]
    assert found(book.estimates, {"name": "STATUS", "values": ["IN_PROGRESS"]}) == ["id-0"]
