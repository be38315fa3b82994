"""How rooms end and begin while somebody waits: nobody waits for ever, and no commit is missed."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from store.changes_contract import Change
from store.committer import Committer
from store.contract import StoredDocument
from store.database import Database
from store.roles import Role
from store.updates import PostgresUpdateLog
from tests.eventually import eventually
from tests.server.rooms import open_rooms
from tests.server.test_hub import sees, update
from tests.store.logs import TENANT, execute, held, in_flight, open_log
from tests.unit.test_document import NONSENSE
from webhost_sync.config import Settings
from webhost_sync.errors import DocumentQuarantined, Draining
from webhost_sync.sync import room_presence
from webhost_sync.sync.effects import Exchange
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.protocol import AwarenessEntry, AwarenessUpdate


async def turns(count: int = 3) -> None:
    """Let every task that can go on do so."""
    for _ in range(count):
        await asyncio.sleep(0)


async def test_whoever_waits_for_a_room_is_told_of_its_end(database_url: str) -> None:
    async with open_rooms(database_url, inbox_limit=1) as rooms, rooms.guest() as guest:
        await guest.runner.settled()
        async with held(database_url, await rooms.store.document()) as holder:
            await guest.send(update("in flight", client_id=1))
            await eventually(lambda: in_flight(database_url))
            await guest.send(update("waits", client_id=2))
            outside = guest.runner.exchange(guest.member, Exchange(b"\x00", update("too many", client_id=3)))
            exchange = asyncio.create_task(outside)
            settled = asyncio.create_task(rooms.hub.settled())
            await turns()
            await holder.execute("update documents set state = 'quarantined'")
        async with asyncio.timeout(60):
            with pytest.raises(DocumentQuarantined):
                await exchange
            await settled
        assert isinstance(await guest.outbox.closing(), DocumentQuarantined)


async def test_a_commit_that_is_heard_of_while_the_log_is_read_is_read_too(database_url: str) -> None:
    async with (
        open_rooms(database_url) as here,
        open_rooms(database_url) as there,
        here.guest() as reader,
        there.guest() as writer,
    ):
        await reader.runner.settled()
        await writer.send(update("a", client_id=1))
        await sees(writer, {"a": 1})
        await writer.send(update("b", client_id=2))
        await sees(writer, {"a": 1, "b": 1})
        reader.runner.committed_elsewhere(1)
        await turns()
        reader.runner.committed_elsewhere(2)
        await sees(reader, {"a": 1, "b": 1})


class HeldLoads(PostgresUpdateLog):
    """A log that keeps what it has loaded until it is told to give it away."""

    def __init__(self, database: Database, committer: Committer) -> None:
        super().__init__(database, committer)
        self.loaded = asyncio.Event()
        self.go = asyncio.Event()

    async def load(self, tenant_id: int, document_id: int) -> StoredDocument:
        stored = await super().load(tenant_id, document_id)
        self.loaded.set()
        await self.go.wait()
        return stored


async def test_a_commit_during_a_load_is_not_missed(database_url: str) -> None:
    async with open_log(database_url) as store:
        committer = Committer(partial(store.database.raw_connection, Role.COMMITTER), store.changes)
        log = HeldLoads(store.database, committer)
        hub = Hub(log, Settings(), asyncio.Queue(1))
        async with hub.running(), asyncio.TaskGroup() as tasks:
            document = await store.document()
            entered = tasks.create_task(_sequence(hub, at_least=1))
            await log.loaded.wait()
            committed = await store.append(document, update("a"))
            hub.changed_elsewhere(Change(TENANT, document.id, "depot", 1, committed.last_seq))
            log.go.set()
            await entered


async def _sequence(hub: Hub, *, at_least: int) -> None:
    async with hub.enter(TENANT, "depot") as runner:
        await eventually(lambda: runner.seq >= at_least)


async def test_whoever_waits_for_a_load_while_the_server_drains_is_sent_away(database_url: str) -> None:
    async with open_log(database_url) as store:
        committer = Committer(partial(store.database.raw_connection, Role.COMMITTER), store.changes)
        log = HeldLoads(store.database, committer)
        hub = Hub(log, Settings(), asyncio.Queue(1))
        async with hub.running():
            entered = asyncio.create_task(_sequence(hub, at_least=0))
            await log.loaded.wait()
            hub.start_draining()
            log.go.set()
            with pytest.raises(Draining):
                await entered


async def test_a_crowd_of_large_presences_is_told_more_rarely_and_holds_no_document_up(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room_presence, "BYTES_PER_SECOND", 1)
    async with open_rooms(database_url, presence_interval=0.0) as rooms, rooms.guest() as guest:
        first, second = (AwarenessUpdate((AwarenessEntry(7, clock, '"here"'),)) for clock in (1, 2))
        await guest.runner.submit(guest.member, first)
        await eventually(lambda: first in guest.messages())
        await guest.runner.submit(guest.member, second)
        await guest.send(update("a"))
        await sees(guest, {"a": 1})
        assert second not in guest.messages()


async def test_a_reload_that_finds_damage_ends_the_room(database_url: str) -> None:
    async with open_rooms(database_url) as rooms, rooms.guest() as guest:
        await guest.send(update("a", client_id=1))
        await sees(guest, {"a": 1})
        await execute(database_url, "update document_updates set payload = 'x'")
        await guest.send(NONSENSE)
        assert isinstance(await guest.outbox.closing(), DocumentQuarantined)
