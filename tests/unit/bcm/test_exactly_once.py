"""The token, the fingerprint and the memory that creating exactly once rests on."""

from __future__ import annotations

import re
from typing import Any

import pytest
from tests.unit.bcm.support import StateStore, a_context

from bcm.exactly_once import Memory, client_token, fingerprint

TOKEN = client_token(a_context(), "bill_estimate", "growth")


def test_the_same_content_has_the_same_fingerprint_in_any_order() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_a_token_is_what_aws_takes() -> None:
    assert re.fullmatch(r"[\x21-\x7E]{1,64}", TOKEN), "clientToken: 1-64 printable characters without a space"


def test_a_token_is_the_same_in_every_try() -> None:
    assert client_token(a_context(try_number=3), "bill_estimate", "growth") == TOKEN


@pytest.mark.parametrize("other", [{"dag_id": "d"}, {"run_id": "r"}, {"task_id": "t"}, {"map_index": 0}])
def test_another_task_has_another_token(other: dict[str, Any]) -> None:
    assert client_token(a_context(**other), "bill_estimate", "growth") != TOKEN


def test_another_request_has_another_token() -> None:
    assert client_token(a_context(), "bill_estimate", "decline") != TOKEN


def test_a_memory_outlives_the_try() -> None:
    context = a_context(StateStore())
    first = Memory(context, "key", "mark")
    assert (first.ours, first.id) == (False, None)
    first.intend("growth")
    assert (Memory(context, "key", "mark").ours, Memory(context, "key", "mark").id) == (True, None)
    first.remember("b-1")
    assert Memory(context, "key", "mark").id == "b-1"


def test_a_memory_of_another_request_does_not_count() -> None:
    context = a_context(StateStore())
    Memory(context, "key", "mark").remember("b-1")
    assert (Memory(context, "key", "other").ours, Memory(context, "key", "other").id) == (False, None)


def test_a_new_intent_forgets_the_old_id() -> None:
    context = a_context(StateStore())
    memory = Memory(context, "key", "mark")
    memory.remember("b-1")
    memory.intend("growth-2")
    assert Memory(context, "key", "mark").id is None


def test_a_refused_intent_is_forgotten_but_not_what_it_was_to_replace() -> None:
    context = a_context(StateStore())
    memory = Memory(context, "key", "mark")
    memory.intend("growth")
    memory.remember("b-1")
    memory.intend("growth")
    memory.forget()
    again = Memory(context, "key", "mark")
    assert (again.ours, again.id, again.replaced) == (False, None, "b-1")


@pytest.mark.parametrize("garbage", ["text", 7, [], {}, {"id": "b-1"}])
def test_what_somebody_else_wrote_into_the_store_does_not_count(garbage: Any) -> None:
    store = StateStore({"key": garbage})
    assert Memory(a_context(store), "key", "mark").id is None


def test_without_a_store_nothing_is_remembered_and_nothing_breaks() -> None:
    context = a_context()
    memory = Memory(context, "key", "mark")
    memory.intend("growth")
    memory.remember("b-1")
    assert memory.id == "b-1"
    assert not Memory(context, "key", "mark").ours
