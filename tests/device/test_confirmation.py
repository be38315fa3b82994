"""Properties of the comparison by which an echo confirms what the device wrote."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map, merge_updates

from webhost_sync.device.confirmation import Range, Unconfirmed
from webhost_sync.sync.protocol import decode_state_vector

SMALL = st.integers(0, 12)


@st.composite
def ranges(draw: st.DrawFn) -> Range:
    start = draw(SMALL)
    return Range(draw(st.booleans()), draw(st.integers(1, 2)), start, start + 1 + draw(SMALL))


def clocks(part: Range) -> set[tuple[bool, int, int]]:
    return {(part.deleted, part.client, clock) for clock in range(part.start, part.end)}


@given(ranges(), ranges())
def test_taking_a_range_away_leaves_the_clocks_that_are_not_in_it(left: Range, shown: Range) -> None:
    rest = list(left.without(shown))
    assert set().union(*map(clocks, rest)) == clocks(left) - clocks(shown)
    assert all(part.start < part.end for part in rest)


def written(keys: list[str]) -> tuple[Doc[Any], list[bytes]]:
    """A document in which keys were set, or deleted if they were there, and the update of each step."""
    updates: list[bytes] = []
    doc: Doc[Any] = Doc(client_id=7)
    doc.observe(lambda event: updates.append(event.update))
    fields = doc.get("fields", type=Map)
    for key in keys:
        if key in fields:
            del fields[key]
        else:
            fields[key] = key
    return doc, updates


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=12), st.data())
def test_echoes_in_any_grouping_confirm_exactly_what_they_hold(keys: list[str], data: st.DataObject) -> None:
    _, updates = written(keys)
    shown = data.draw(st.sets(st.sampled_from(range(len(updates)))))
    unconfirmed = Unconfirmed()
    for index, update in enumerate(updates):
        unconfirmed.add(index, update)
    confirmed: list[int] = []
    if shown:
        confirmed = unconfirmed.confirm_update(merge_updates(*[updates[index] for index in sorted(shown)]))
    assert set(confirmed) == shown
    assert [unconfirmed.holds_any(update) for update in updates] == [
        index not in shown for index in range(len(updates))
    ]


def test_a_state_vector_confirms_no_deletion() -> None:
    doc, updates = written(["a", "a"])
    unconfirmed = Unconfirmed()
    for index, update in enumerate(updates):
        unconfirmed.add(index, update)
    assert unconfirmed.confirm_state_vector(decode_state_vector(doc.get_state())) == [0]
    assert unconfirmed.confirm_update(doc.get_update(doc.get_state())) == [1]
