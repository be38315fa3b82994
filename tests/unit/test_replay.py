"""A past state is what a fresh Yjs document makes of the rows up to it, however it is come by."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Doc, Map

from store.contract import CorruptDocument, LoggedUpdate
from tests.golden import UPDATES
from tests.strategies import History, histories
from tests.trace import ROOT, blog_post
from tests.unit.test_document import NONSENSE
from webhost_sync.history.content import read_state, read_values
from webhost_sync.history.replay import NOTHING, State, advance
from webhost_sync.history.state_cache import StateCache

TIME = datetime(2026, 5, 1, tzinfo=UTC)
EPOCH = UUID(int=1)


def rows(payloads: Sequence[bytes], first_seq: int = 1) -> list[LoggedUpdate]:
    return [
        LoggedUpdate(seq, payload, "ada", "", (), TIME) for seq, payload in enumerate(payloads, first_seq)
    ]


def state_at(payloads: Sequence[bytes], seq: int, base: State = NOTHING) -> State:
    return advance(
        base, rows(payloads[base.seq : seq], base.seq + 1), document_id=1, is_wanted=lambda _: False
    )[-1]


def fresh(payloads: Sequence[bytes]) -> bytes:
    doc: Doc[Any] = Doc(client_id=99)
    for payload in payloads:
        doc.apply_update(payload)
    return doc.get_update()


@given(histories(edits=12), st.data())
def test_a_state_is_what_a_fresh_document_makes_of_the_rows(history: History, data: st.DataObject) -> None:
    seq = data.draw(st.integers(0, len(history.updates)))
    start = data.draw(st.integers(0, seq))
    expected = fresh(history.updates[:seq])
    whole = state_at(history.updates, seq)
    stepwise = state_at(history.updates, seq, state_at(history.updates, start))
    stored = state_at(history.updates, seq, State(start, state_at(history.updates, start).update))
    for state in (whole, stepwise, stored):
        assert state.seq == seq
        assert read_state(state.update, whole.kinds) == read_state(expected, whole.kinds)
        assert read_state(state.update, state.kinds) == read_state(whole.update, whole.kinds)
        assert state.kept == ()


def test_all_states_on_the_way_are_those_that_were_wanted() -> None:
    payloads = [step.update for step in blog_post()[:100]]
    states = advance(NOTHING, rows(payloads), document_id=1, is_wanted=lambda seq: seq % 30 == 0)
    assert [state.seq for state in states] == [30, 60, 90, 100]
    for state in states:
        assert read_values(state.update, state.kinds) == {ROOT: blog_post()[state.seq - 1].text}


def test_what_waits_for_its_causes_waits_in_a_past_state_too() -> None:
    first, second, third = (step.update for step in blog_post()[:3])
    waiting = state_at([first, third], 2)
    assert waiting.kept == (third,)
    assert not waiting.is_exact
    complete = advance(waiting, rows([second], 3), document_id=1, is_wanted=lambda _: False)[-1]
    assert complete.kept == ()
    assert complete.is_exact
    assert read_values(complete.update, complete.kinds) == {ROOT: blog_post()[2].text}


def test_what_pycrdt_cannot_read_is_kept_and_makes_the_state_inexact() -> None:
    hook = next(sample.update for sample in UPDATES if sample.name == "XML hook")
    state = state_at([hook], 1)
    assert state.kept == (hook,)
    assert not advance(state, rows([blog_post()[0].update], 2), document_id=1, is_wanted=bool)[-1].is_exact


def test_of_many_rows_only_the_one_that_breaks_the_document_is_left_out() -> None:
    first, second, third = (step.update for step in blog_post()[:3])
    state = state_at([first, NONSENSE, second, third], 4)
    assert state.kept == (NONSENSE,)
    assert read_values(state.update, state.kinds) == {ROOT: blog_post()[2].text}


def test_a_row_that_is_no_update_is_named() -> None:
    with pytest.raises(CorruptDocument) as raised:
        state_at([blog_post()[0].update, b"rotten"], 2)
    assert (raised.value.part, raised.value.seq) == ("update", 2)


def test_an_emptied_root_is_like_one_that_was_never_written() -> None:
    doc: Doc[Any] = Doc(client_id=1)
    doc.get("rows", type=Map)["a"] = 1
    first = doc.get_update()
    del doc.get("rows", type=Map)["a"]
    state = state_at([first, doc.get_update()], 2)
    assert read_values(state.update, state.kinds) == {}
    assert read_state(state.update, state.kinds).entries == ()


def test_states_of_a_long_history_at_random_points_are_right() -> None:
    steps = blog_post()
    payloads = [step.update for step in steps]
    states = advance(NOTHING, rows(payloads), document_id=1, is_wanted=lambda seq: seq % 1000 == 0)
    chosen = random.Random(7)
    for seq in sorted(chosen.sample(range(1, len(steps) + 1), 100)):
        base = max(
            (state for state in states if state.seq <= seq), key=lambda state: state.seq, default=NOTHING
        )
        state = state_at(payloads, seq, base)
        assert read_values(state.update, state.kinds) == {ROOT: steps[seq - 1].text}


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 9), st.integers(1, 40)), max_size=60))
def test_the_cache_gives_the_nearest_state_and_stays_within_its_bounds(
    steps: list[tuple[int, int, int]],
) -> None:
    cache = StateCache(100)
    for document_id, seq, size in steps:
        cache.add((document_id, EPOCH), State(seq, b"x" * size))
        assert cache.size <= 100
        if size <= 25:
            found = cache.nearest((document_id, EPOCH), seq)
            assert found is not None
            assert found.seq == seq
        below = cache.nearest((document_id, EPOCH), seq - 1)
        assert below is None or below.seq < seq
        assert cache.nearest((99, EPOCH), seq) is None
