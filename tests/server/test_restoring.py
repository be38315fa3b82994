"""Going back, whatever was written: the log grows by one row, and the document is what it was."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Text, TransactionEvent

from store.contract import Document, NewUpdate
from store.database import Database
from store.history import PostgresHistory
from store.history_contract import NewVersion, Version, VersionKind
from tests.server.rooms import Rooms, open_rooms
from tests.store.logs import TENANT
from tests.strategies import History, histories
from webhost_sync.history.content import joint_kinds, read_state, read_values
from webhost_sync.history.nodes import MapNode
from webhost_sync.history.restoring import ACTOR_PREFIX, Author, Restorer
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States
from webhost_sync.sync.content import RootKind

AUTHORS = ("ada", "bob", "eve")
WRITTEN = "hello world"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=histories(edits=12), data=st.data())
async def test_a_restore_is_one_row_more_and_the_state_of_then(
    database_url: str, history: History, data: st.DataObject
) -> None:
    seq = data.draw(st.integers(0, len(history.updates)))
    async with open_rooms(database_url) as rooms:
        past = PostgresHistory(rooms.store.database)
        states = States(past, StateCache(1 << 20))
        restorer = Restorer(rooms.store.log, past, states, rooms.hub)
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


async def test_two_restores_at_once_bring_the_text_back_once(database_url: str) -> None:
    async with open_rooms(database_url) as rooms:
        record = await emptied_text(rooms)
        restorer = restorer_of(rooms, PostgresHistory(rooms.store.database))
        done = await asyncio.gather(*(restorer.restore(record, Author("ada"), 1) for _ in range(2)))
        assert sorted(len(each.changes) for each in done) == [0, 1]
        assert await text_of(rooms) == WRITTEN


@pytest.mark.parametrize("processes", [2, 3])
async def test_restores_at_once_in_several_processes_bring_the_text_back_once(
    database_url: str, processes: int
) -> None:
    async with (
        open_rooms(database_url) as rooms,
        open_rooms(database_url) as others,
        open_rooms(database_url) as more,
    ):
        record = await emptied_text(rooms)
        planned = asyncio.Barrier(processes)
        restorers = [
            restorer_of(each, MeetingHistory(each.store.database, planned))
            for each in (rooms, others, more)[:processes]
        ]
        await asyncio.gather(*(restorer.restore(record, Author("ada"), 1) for restorer in restorers))
        assert await text_of(rooms) == WRITTEN


class MeetingHistory(PostgresHistory):
    """Its first safety version waits until every process has one to make: all have planned by then."""

    def __init__(self, database: Database, planned: asyncio.Barrier) -> None:
        super().__init__(database)
        self._planned: asyncio.Barrier | None = planned

    async def add_version(self, tenant_id: int, document_id: int, version: NewVersion) -> Version:
        planned, self._planned = self._planned, None
        if planned is not None:
            await planned.wait()
        return await super().add_version(tenant_id, document_id, version)


def restorer_of(rooms: Rooms, past: PostgresHistory) -> Restorer:
    return Restorer(rooms.store.log, past, States(past, StateCache(1 << 20)), rooms.hub)


async def emptied_text(rooms: Rooms) -> Document:
    """A document whose first row wrote a text, and whose second one deleted it."""
    record = await rooms.store.document("post")
    updates: list[bytes] = []

    def note(event: TransactionEvent) -> None:
        updates.append(event.update)

    doc: Doc[Text] = Doc(client_id=5)
    doc.observe(note)
    text = doc.get("text", type=Text)
    text += WRITTEN
    text.clear()
    await rooms.store.log.append(
        TENANT, record.id, [NewUpdate(update, "ada") for update in updates], epoch=record.epoch
    )
    return await rooms.store.document("post")


async def text_of(rooms: Rooms) -> object:
    """What the log says that the text is, as a process that comes new to it reads it."""
    past = PostgresHistory(rooms.store.database)
    record = await rooms.store.document("post")
    state = await States(past, StateCache(0)).at(record, record.head_seq)
    return read_values(state.update, {"text": RootKind.TEXT})["text"]


async def content(states: States, record: Document, seq: int) -> MapNode:
    state = await states.at(record, seq)
    return read_state(state.update, state.kinds)


async def same_content(states: States, record: Document, one: int, other: int) -> bool:
    first, second = await states.at(record, one), await states.at(record, other)
    kinds = joint_kinds(first.kinds, second.kinds)
    return read_state(first.update, kinds) == read_state(second.update, kinds)
