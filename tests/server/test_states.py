"""A past state is the same, however many pages of rows it takes to make it."""

from __future__ import annotations

import pytest
from pycrdt import Array, Doc, TransactionEvent

from store.contract import NewUpdate
from store.history import PostgresHistory
from store.pages import PAGE_BYTES, PAGE_ROWS
from tests.store.logs import TENANT, open_log
from webhost_sync.history.content import read_values
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States
from webhost_sync.sync.content import RootKind


@pytest.mark.parametrize(("rows", "size"), [(2 * PAGE_ROWS + 1, 1), (5, PAGE_BYTES // 2)])
async def test_a_state_is_made_of_many_pages(database_url: str, rows: int, size: int) -> None:
    updates: list[bytes] = []

    def note(event: TransactionEvent) -> None:
        updates.append(event.update)

    doc: Doc[Array[str]] = Doc(client_id=5)
    doc.observe(note)
    items = doc.get("items", type=Array)
    for _ in range(rows):
        items.insert(0, "x" * size)
    async with open_log(database_url) as opened:
        record = await opened.document()
        await opened.log.append(
            TENANT, record.id, [NewUpdate(update, "ada") for update in updates], epoch=record.epoch
        )
        record = await opened.document()
        for cache in (StateCache(0), StateCache(1 << 20)):
            states = States(PostgresHistory(opened.database), cache)
            for seq in (rows, rows - 1):
                state = await states.at(record, seq)
                content = read_values(state.update, {"items": RootKind.ARRAY})["items"]
                assert (state.seq, state.is_exact) == (seq, True)
                assert content == ["x" * size] * seq
