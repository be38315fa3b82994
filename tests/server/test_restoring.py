"""Going back, whatever was written: the log grows by one row, and the document is what it was."""

from __future__ import annotations

from uuid import uuid4

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.contract import Document, NewUpdate
from store.history import PostgresHistory
from store.history_contract import VersionKind
from tests.server.rooms import open_rooms
from tests.store.logs import TENANT
from tests.strategies import History, histories
from webhost_sync.history.content import joint_kinds, read_state
from webhost_sync.history.nodes import MapNode
from webhost_sync.history.restoring import ACTOR_PREFIX, Author, Restorer
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States

AUTHORS = ("ada", "bob", "eve")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(edits=12), data=st.data())
async def test_a_restore_is_one_row_more_and_the_state_of_then(
    database_url: str, history: History, data: st.DataObject
) -> None:
    seq = data.draw(st.integers(0, len(history.updates)))
    async with open_rooms(database_url) as rooms:
        past = PostgresHistory(rooms.store.database)
        states = States(past, StateCache(1 << 20))
        restorer = Restorer(past, states, rooms.hub)
        name = f"doc {uuid4()}"
        record = await rooms.store.document(name)
        updates = [NewUpdate(update, AUTHORS[place % 3]) for place, update in enumerate(history.updates)]
        before = []
        if updates:
            await rooms.store.log.append(TENANT, record.id, updates, epoch=record.epoch)
            before = list(await rooms.store.log.read(TENANT, record.id, after_seq=0))
        record = await rooms.store.document(name)
        preview = await restorer.preview(record, seq)
        done = await restorer.restore(record, Author("ada", "tablet"), seq)
        after = list(await rooms.store.log.read(TENANT, record.id, after_seq=0))
        assert after[: len(before)] == before
        assert done.changes == preview.changes
        versions = await past.versions(TENANT, record.id, before=None, limit=9)
        if not done.changes:
            assert (after, versions, done.seq) == (before, [], record.head_seq)
            return
        [row] = after[len(before) :]
        assert (row.seq, row.actor, row.device) == (done.seq, f"{ACTOR_PREFIX}ada", "tablet")
        assert [(version.seq, version.kind) for version in versions] == [
            (record.head_seq, VersionKind.SAFETY)
        ]
        record = await rooms.store.document(name)
        if done.complete:
            assert await same_content(states, record, seq, done.seq)
        async with rooms.guest(name) as guest:
            await guest.ask()
            await guest.runner.settled()
            guest.seen()
            live = read_state(guest.replica.encode(), guest.replica.root_kinds)
            assert live == await content(states, record, done.seq)


async def content(states: States, record: Document, seq: int) -> MapNode:
    state = await states.at(record, seq)
    return read_state(state.update, state.kinds)


async def same_content(states: States, record: Document, one: int, other: int) -> bool:
    first, second = await states.at(record, one), await states.at(record, other)
    kinds = joint_kinds(first.kinds, second.kinds)
    return read_state(first.update, kinds) == read_state(second.update, kinds)
