"""The log of requests: what it keeps, and how much of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from emulator.accounts import Caller
from emulator.journal import Journal
from emulator.protocol.wire import Answer

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
CALLER = Caller("AKIADEMO111122223333", "bcm-data-exports", "111122223333")


def test_inputs_are_kept_up_to_a_size_and_requests_beyond_it():
    journal = Journal(kept_input=100)
    for number in range(5):
        journal.begin("bcm-data-exports", "ListExports", CALLER, NOW, json.dumps({"a": f"{number:030}"}).encode())
    shown = [entry["params"] for entry in journal.entries()]
    assert len(shown) == 5, "a request is gone because of its input"
    assert [params is None for params in shown] == [True, True, True, False, False], "the log of inputs has no bound"


def test_one_input_larger_than_all_room_is_dropped():
    journal = Journal(kept_input=10)
    journal.begin("bcm-data-exports", "ListExports", CALLER, NOW, b'{"a": "0123456789"}')
    journal.begin("bcm-data-exports", "ListExports", CALLER, NOW, b'{"b": 1}')
    assert [entry["params"] for entry in journal.entries()] == [None, {"b": 1}]


def test_an_emptied_log_has_all_its_room_again():
    journal = Journal(kept_input=10)
    for _ in range(2):
        journal.begin("bcm-data-exports", "ListExports", CALLER, NOW, b'{"b": 1}').end(None)
        assert [entry["params"] for entry in journal.entries()] == [{"b": 1}]
        journal.clear()


def test_a_request_under_way_stays_in_an_emptied_log():
    journal = Journal()
    journal.begin("bcm-data-exports", "ListTables", CALLER, NOW).end(None)
    under_way = journal.begin("bcm-data-exports", "ListExports", CALLER, NOW, b"{}")
    journal.clear()
    under_way.end(Answer(200))
    told = [(entry["operation"], entry["status"]) for entry in journal.entries()]
    assert told == [("ListExports", 200)], "a request that was carried out is in no log"


def test_a_name_without_end_is_cut():
    journal = Journal()
    journal.begin("lambda", f"GET /{'a' * 60_000}", CALLER, NOW)
    (entry,) = journal.entries()
    assert len(entry["operation"]) == 200, "a path of any length stays in the log"
