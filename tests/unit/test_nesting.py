"""What is nested too deep is refused before the native library sees it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, Map

from tests.trace import ROOT, blog_post
from webhost_sync.sync.document import BrokenDocument, Document, Outcome
from webhost_sync.sync.lib0 import write_string, write_uint
from webhost_sync.sync.nesting import MAX_DEPTH, Nesting
from webhost_sync.sync.update import read_update

ARRAY_IN_ROOT = b"\x07\x01" + write_string("a") + b"\x00"


def nested(depth: int, *, first: int = 0, client: int = 5) -> bytes:
    """Arrays, each in the one before it, from the clock `first` on; the very first is in a root."""
    structs = [
        b"\x07\x00" + write_uint(client) + write_uint(clock - 1) + b"\x00" if clock else ARRAY_IN_ROOT
        for clock in range(first, first + depth)
    ]
    return b"\x01" + write_uint(depth) + write_uint(client) + write_uint(first) + b"".join(structs) + b"\x00"


def test_types_may_be_nested_up_to_the_limit() -> None:
    document = Document(client_id=1)
    assert document.apply(nested(MAX_DEPTH)).outcome is Outcome.CHANGED
    assert str(document.values()).count("[") == MAX_DEPTH + 1


def test_an_update_that_nests_deeper_is_refused() -> None:
    with pytest.raises(BrokenDocument, match="deep"):
        Document(client_id=1).apply(nested(50_000))


def test_updates_that_nest_deeper_together_are_refused() -> None:
    document = Document(client_id=1)
    document.apply(nested(MAX_DEPTH))
    with pytest.raises(BrokenDocument, match="deep"):
        document.apply(nested(1, first=MAX_DEPTH))


def test_a_neighbour_lies_as_deep_as_the_item_that_it_follows() -> None:
    nesting = Nesting()
    assert nesting.add([(5, 0, 5, -1, 1), (5, 1, 5, 0, 1)]) == 2
    assert nesting.add([(7, 0, 5, 1, 0)]) == 2
    assert nesting.add([(9, 0, 7, 0, 1)]) == 3


def test_clients_of_an_update_may_stand_on_each_other() -> None:
    ladder = [
        (client, clock, 12 - client, clock - (client == 5), 1) for client in (5, 7) for clock in range(9)
    ]
    assert Nesting().add(ladder) == 18


@pytest.mark.parametrize("order", [*permutations((1, 2, 3))])
def test_writers_may_take_turns_over_and_over(order: tuple[int, ...]) -> None:
    """Each goes on where another has stopped, and the second one again upon the first one's second turn."""
    turns = {
        1: [(1, 0, 1, -1, 1), (1, 36, 3, 0, 0)],
        2: [(2, 0, 1, 35, 0), (2, 36, 1, 73, 0)],
        3: [(3, 0, 2, 35, 0)],
    }
    assert Nesting().add([place for client in order for place in turns[client]]) == 1


def test_the_whole_state_of_writers_who_took_turns_can_be_taken() -> None:
    document, copy = Document(client_id=9), Document(client_id=8)
    for step in blog_post()[:1000]:
        document.apply(step.update)
    assert copy.apply(document.encode()).outcome is Outcome.CHANGED
    assert copy.values() == {ROOT: blog_post()[999].text}


def test_items_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="each other"):
        Nesting().add([(5, 0, 7, 0, 0), (7, 0, 5, 0, 0)])


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 2)), max_size=40))
def test_the_depth_is_that_of_the_values(steps: list[tuple[bool, bool, int]]) -> None:
    """Two writers put maps and numbers into an array of arrays, where they please."""
    docs: list[Doc[Any]] = [Doc(client_id=8), Doc(client_id=3)]
    nesting, deepest = Nesting(), 0
    for second, deeper, place in steps:
        writer = docs[second]
        before = writer.get_state()
        array = writer.get("a", type=Array)
        while len(array) and isinstance(array[place % len(array)], Array):
            array = array[place % len(array)]
        array.insert(place % (len(array) + 1), Array([Map({"x": 1})]) if deeper else 1)
        update = writer.get_update(before)
        docs[not second].apply_update(update)
        deepest = max(deepest, nesting.add(read_update(update).places))
    whole = Nesting().add(read_update(docs[0].get_update()).places)
    assert whole == deepest == depth_of(docs[0].get("a", type=Array))


def depth_of(value: object) -> int:
    """How many types lie around the deepest item."""
    match value:
        case Array() if len(value):
            return 1 + max(map(depth_of, value))
        case Map():
            return 1
    return 0
