"""Histories that are begun anew, erased or kept: what is left, and who comes too late with the old one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from store.contract import EpochMismatch, Quarantined
from store.history import PostgresHistory
from store.history_contract import NewVersion, VersionKind
from store.lifecycle_contract import ErasedState, Moved
from tests.eventually import eventually
from tests.store.lives import NOON, full_document, rows_left
from tests.store.logs import ADA, TENANT, OpenLog, held, in_flight, open_log


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


async def test_no_version_outlives_the_history_it_is_of(opened: OpenLog) -> None:
    document = await full_document(opened)
    history = PostgresHistory(opened.database)
    state = ErasedState(3, document.epoch, b"anew", b"vector")
    await opened.lifecycle.renew(TENANT, document.id, by=ADA, erased=state)
    version = NewVersion(2, VersionKind.SAFETY, "", "ada", NOON, b"secret", True, document.epoch)
    with pytest.raises(EpochMismatch):
        await history.add_version(TENANT, document.id, version)
    assert await history.versions(TENANT, document.id, before=None, limit=9) == []


async def test_a_snapshot_of_an_erased_history_comes_too_late(opened: OpenLog, database_url: str) -> None:
    document = await full_document(opened)
    state = ErasedState(3, document.epoch, b"anew", b"vector")
    await opened.lifecycle.renew(TENANT, document.id, by=ADA, erased=state)
    with pytest.raises(EpochMismatch):
        await opened.log.write_snapshot(
            TENANT, document.id, seq=1, state=b"secret", state_vector=b"", epoch=document.epoch
        )
    assert await rows_left(database_url, document) == {"documents": 1, "document_snapshots": 1}


async def test_an_erasure_leaves_one_state_and_another_epoch(opened: OpenLog, database_url: str) -> None:
    document = await full_document(opened)
    state = ErasedState(3, document.epoch, b"anew", b"vector")
    renewed = await opened.lifecycle.renew(TENANT, document.id, by=ADA, erased=state)
    assert renewed.demands_epoch
    assert renewed.epoch != document.epoch
    assert await rows_left(database_url, document) == {"documents": 1, "document_snapshots": 1}
    stored = await opened.log.load(TENANT, document.id)
    assert stored.snapshot is not None
    assert (stored.snapshot.state, stored.snapshot.seq, stored.updates) == (b"anew", 3, ())
    assert (stored.document.log_rows, stored.document.log_bytes) == (0, 0)
    with pytest.raises(EpochMismatch):
        await opened.append(document, b"late")
    assert (await opened.append(renewed, b"4")).first_seq == 4


async def test_nothing_is_erased_of_a_document_that_was_written_to_meanwhile(
    opened: OpenLog, database_url: str
) -> None:
    document = await full_document(opened)
    before = await rows_left(database_url, document)
    for seq, epoch in ((2, document.epoch), (3, (await opened.document("other")).epoch)):
        with pytest.raises(Moved):
            await opened.lifecycle.renew(
                TENANT, document.id, by=ADA, erased=ErasedState(seq, epoch, b"anew", b"vector")
            )
    async with held(database_url, document):
        racing = asyncio.create_task(opened.append(document, b"4"))
        await eventually(lambda: in_flight(database_url))
        erased = ErasedState(3, document.epoch, b"anew", b"vector")
        renewal = asyncio.create_task(opened.lifecycle.renew(TENANT, document.id, by=ADA, erased=erased))
        await eventually(lambda: in_flight(database_url, sessions=2))
    await racing
    with pytest.raises(Moved):
        await renewal
    assert await rows_left(database_url, document) == {**before, "document_updates": 4}
    await opened.log.quarantine(TENANT, document.id, reason="damaged", seq=None)
    erased = ErasedState(4, document.epoch, b"anew", b"vector")
    with pytest.raises(Quarantined):
        await opened.lifecycle.renew(TENANT, document.id, by=ADA, erased=erased)


async def test_a_new_epoch_keeps_everything(opened: OpenLog) -> None:
    document = await full_document(opened)
    before = await opened.log.load(TENANT, document.id)
    renewed = await opened.lifecycle.renew(TENANT, document.id, by=ADA)
    after = await opened.log.load(TENANT, document.id)
    assert (after.snapshot, after.updates) == (before.snapshot, before.updates)
    assert (renewed.epoch != document.epoch, renewed.demands_epoch) == (True, True)
