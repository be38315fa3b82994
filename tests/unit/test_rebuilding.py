"""A stored document is made in stretches, and where something is wrong one by one: the same comes out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.contract import CorruptDocument, DocumentState, LoggedUpdate, StoredDocument
from store.contract import Document as DocumentRecord
from tests.strategies import History, histories
from webhost_sync.sync import rebuilding
from webhost_sync.sync.document import Document
from webhost_sync.sync.rebuilding import find_unreadable, rebuild

NO_UPDATE = b"\xff" * 9
NONSENSE = bytes.fromhex(
    "0204010004010004f09f9a9a05000100022d304801000174010005010173032278220203008101030343010102000100"
)
"""Well formed, and breaks a document that takes it."""
NOW = datetime(2026, 5, 1, tzinfo=UTC)


def stored(updates: Sequence[bytes]) -> StoredDocument:
    rows = tuple(LoggedUpdate(seq, update, "", "", (), NOW) for seq, update in enumerate(updates, start=1))
    size = sum(map(len, updates))
    record = DocumentRecord(
        1, 1, "depot", UUID(int=1), DocumentState.ACTIVE, None, len(rows), 0, len(rows), size, NOW, NOW
    )
    return StoredDocument(record, None, rows)


@given(histories(edits=12), st.integers(1, 4), st.data())
def test_in_stretches_of_any_length_it_is_what_it_is_one_by_one(
    history: History, stretch: int, data: st.DataObject
) -> None:
    updates = data.draw(st.permutations(history.updates))
    if data.draw(st.booleans()):
        updates.insert(data.draw(st.integers(0, len(updates))), NONSENSE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rebuilding, "STRETCH", stretch)
        document, size = asyncio.run(rebuild(stored(updates), client_id=1))
    singly = Document(1)
    for update in updates:
        if update == NONSENSE:
            singly.set_aside(update)
        else:
            singly.apply(update)
    assert size == sum(map(len, updates))
    assert document.values() == singly.values()
    assert document.state_vector() == singly.state_vector()
    assert len(document.kept) == len(singly.kept)


async def test_what_is_no_update_is_named_wherever_it_lies_in_its_stretch() -> None:
    updates = [b"\x00\x00"] * 100
    for seq in (1, 50, 100):
        damaged = [*updates[: seq - 1], NO_UPDATE, *updates[seq:]]
        with pytest.raises(CorruptDocument) as found:
            await rebuild(stored(damaged), client_id=1)
        assert (found.value.part, found.value.seq) == ("update", seq)
        assert await find_unreadable(stored(damaged)) is not None
    assert await find_unreadable(stored(updates)) is None
