"""A batch numbers rows without a database: dense for each document, in the order of the appends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from store.batch import Append, Batch, Head
from store.changes_contract import Change
from store.contract import Committed, NewUpdate, UnknownDocument

AT = datetime(2026, 1, 1, tzinfo=UTC)
EPOCH = UUID(int=1)

payloads = st.lists(st.binary(max_size=3), min_size=1, max_size=3)
appends = st.lists(
    st.builds(
        lambda number, contents: Append.of(
            number % 2, number, EPOCH, [NewUpdate(content, "ada") for content in contents]
        ),
        st.integers(1, 5),
        payloads,
    ),
    min_size=1,
    max_size=12,
)


def heads_of(appends: Sequence[Append], *, seq: int) -> list[Head]:
    """What Postgres answers when all of the documents have this head."""
    return [Head(seq, "depot", AT) for _ in {append.document_id for append in appends}]


@given(appends, st.integers(0, 9))
def test_each_document_is_numbered_densely_in_the_order_of_the_appends(
    appends: list[Append], head: int
) -> None:
    batch = Batch(appends)
    last = {append.document_id: head for append in appends}
    for append, outcome in zip(appends, batch.outcomes(heads_of(appends, seq=head)), strict=True):
        assert isinstance(outcome, Committed)
        assert outcome.first_seq == last[append.document_id] + 1
        assert outcome.last_seq == outcome.first_seq + len(append.rows) - 1
        last[append.document_id] = outcome.last_seq
    changes = batch.changes(heads_of(appends, seq=head))
    assert changes == [
        Change(number % 2, number, "depot", head + 1, last_seq) for number, last_seq in sorted(last.items())
    ]


@given(appends)
def test_the_rows_that_are_sent_bear_the_numbers_that_are_told(appends: list[Append]) -> None:
    batch = Batch(appends)
    _, documents, _, row_counts, byte_counts, indexes, places, contents, *_ = batch.arguments()
    assert documents == sorted({append.document_id for append in appends})
    sent = {
        (documents[int(str(index)) - 1], place): content
        for index, place, content in zip(indexes, places, contents, strict=True)
    }
    told = {
        (append.document_id, outcome.first_seq + offset): row[0]
        for append, outcome in zip(appends, batch.outcomes(heads_of(appends, seq=0)), strict=True)
        if isinstance(outcome, Committed)
        for offset, row in enumerate(append.rows)
    }
    assert sent == told
    assert sum(map(int, map(str, row_counts))) == len(sent)
    assert sum(map(int, map(str, byte_counts))) == sum(append.byte_count for append in appends)


@given(appends)
def test_a_refused_document_grows_for_nobody(appends: list[Append]) -> None:
    batch = Batch(appends)
    heads = heads_of(appends, seq=-1)
    assert all(isinstance(outcome, UnknownDocument) for outcome in batch.outcomes(heads))
    assert batch.changes(heads) == []
