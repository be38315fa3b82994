"""Compaction changes nothing that anyone can see, and never deletes what is not covered twice."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from store.committer import Committer
from store.contract import CorruptDocument, StoredDocument
from store.contract import Document as DocumentRecord
from store.roles import Role
from store.updates import PostgresUpdateLog
from tests.eventually import eventually
from tests.server.rooms import open_rooms
from tests.store.logs import TENANT, OpenLog, open_log
from webhost_sync.sync.compactor import compact, run_compactor
from webhost_sync.sync.document import Document
from webhost_sync.sync.loading import load_document


def updates_of(count: int, *, client_id: int = 5) -> list[bytes]:
    """One writer's edits, each building on the one before."""
    doc: Doc[Text] = Doc(client_id=client_id)
    updates: list[bytes] = []
    subscription = doc.observe(lambda event: updates.append(event.update))
    text = doc.get("text", type=Text)
    for number in range(count):
        text += f"{number} "
    doc.unobserve(subscription)
    return updates


async def shown(store: OpenLog, record: DocumentRecord) -> dict[str, object]:
    loaded = await load_document(store.log, record, client_id=9)
    return loaded.document.values()


async def test_rows_go_only_when_two_snapshots_cover_them(database_url: str) -> None:
    async with open_log(database_url) as store:
        record = await store.document()
        updates = updates_of(6)
        await store.append(record, *updates[:3])
        assert await compact(store.log, record, keep_since=None) == 0
        await store.append(record, *updates[3:])
        assert await compact(store.log, record, keep_since=None) == 3
        snapshots = await store.log.snapshots(TENANT, record.id)
        assert [snapshot.seq for snapshot in snapshots] == [6, 3]
        assert await shown(store, record) == {"text": "0 1 2 3 4 5 "}


async def test_history_is_kept_for_its_time(database_url: str) -> None:
    async with open_log(database_url) as store:
        record = await store.document()
        for update in updates_of(3):
            await store.append(record, update)
            await compact(store.log, record, keep_since=datetime.now(UTC) - timedelta(days=1))
        assert len(await store.log.read(TENANT, record.id, after_seq=0)) == 3


async def test_what_waits_for_its_causes_is_not_folded(database_url: str) -> None:
    first, second, third = updates_of(3)
    async with open_log(database_url) as store:
        record = await store.document()
        await store.append(record, first, third)
        await compact(store.log, record, keep_since=None)
        assert await store.log.snapshots(TENANT, record.id) == ()
        await store.append(record, second)
        await compact(store.log, record, keep_since=None)
        assert await shown(store, record) == {"text": "0 1 2 "}


async def test_a_damaged_snapshot_is_passed_over_and_nothing_is_deleted(database_url: str) -> None:
    async with open_log(database_url) as store:
        record = await store.document()
        updates = updates_of(4)
        await store.append(record, *updates[:2])
        await compact(store.log, record, keep_since=None)
        connection = await asyncpg.connect(database_url)
        await connection.execute("update document_snapshots set state = 'x'")
        await connection.close()
        await store.append(record, *updates[2:])
        with pytest.raises(CorruptDocument):
            await compact(store.log, record, keep_since=None)
        assert await shown(store, record) == {"text": "0 1 2 3 "}
        assert len(await store.log.read(TENANT, record.id, after_seq=0)) == 4


class FirstLoadFails(PostgresUpdateLog):
    """A log with a bug that shows once."""

    failed = False

    async def load(self, tenant_id: int, document_id: int) -> StoredDocument:
        if not self.failed:
            self.failed = True
            raise LookupError("a bug")
        return await super().load(tenant_id, document_id)


async def keep_all(record: DocumentRecord) -> int:
    """No row may go."""
    return 0


async def test_a_bug_with_one_document_does_not_stop_the_compactor(database_url: str) -> None:
    async with open_log(database_url) as store:
        record = await store.document()
        await store.append(record, *updates_of(3))
        committer = Committer(partial(store.database.raw_connection, Role.COMMITTER), store.changes)
        due: asyncio.Queue[DocumentRecord] = asyncio.Queue()
        log = FirstLoadFails(store.database, committer)
        compactor = asyncio.create_task(run_compactor(log, due, prepare=keep_all))
        due.put_nowait(record)
        due.put_nowait(record)

        async def compacted() -> bool:
            return bool(await store.log.snapshots(TENANT, record.id)) or compactor.done()

        await eventually(compacted)
        assert not compactor.done()
        compactor.cancel()
        await asyncio.wait({compactor})


async def test_a_busy_room_gets_its_log_compacted(database_url: str) -> None:
    async with open_rooms(database_url, compact_after_updates=5) as rooms, rooms.guest() as writer:
        compactor = asyncio.create_task(run_compactor(rooms.store.log, rooms.due, prepare=keep_all))
        for update in updates_of(12):
            await writer.send(update)
            await writer.runner.settled()

        async def has_snapshot() -> bool:
            return (await rooms.store.document()).snapshot_seq >= 5

        await eventually(has_snapshot)
        compactor.cancel()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.integers(0, 4), min_size=3, max_size=25))
async def test_compaction_at_any_time_changes_nothing(database_url: str, steps: list[int]) -> None:
    """0 compacts; other numbers append that many edits of alternating writers."""
    reference = Document(client_id=1)
    writers = {client: updates_of(60, client_id=client) for client in (11, 12)}
    async with open_log(database_url) as store:
        record = await store.document(f"doc {uuid4()}")
        for place, step in enumerate(steps):
            if step == 0:
                await compact(store.log, record, keep_since=None)
            for _ in range(step):
                update = writers[11 + place % 2].pop(0)
                reference.apply(update)
                await store.append(record, update)
        await compact(store.log, record, keep_since=None)
        loaded = await load_document(store.log, record, client_id=2)
        assert loaded.document.values() == reference.values()
        assert loaded.quarantined is None


async def test_maps_fold_as_well(database_url: str) -> None:
    async with open_log(database_url) as store:
        record = await store.document()
        for client in range(1, 30):
            doc: Doc[Map[object]] = Doc(client_id=client)
            doc.get("rows", type=Map)[f"k{client % 3}"] = float("nan") if client % 2 else client
            await store.append(record, doc.get_update())
        before = json.dumps(await shown(store, record), sort_keys=True)
        await compact(store.log, record, keep_since=None)
        await compact(store.log, record, keep_since=None)
        assert json.dumps(await shown(store, record), sort_keys=True) == before
        assert (await store.document()).snapshot_seq == 29
