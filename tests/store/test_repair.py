"""Damaged documents: what can't be read is put aside whole, and the rest goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from store.contract import CorruptDocument, Document, DocumentState, NewUpdate
from store.lifecycle_contract import Moved, Part
from tests.store.logs import ADA, TENANT, OpenLog, execute, open_log


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


async def execute_as_tenant(opened: OpenLog, statement: str) -> None:
    async with opened.database.tenant(TENANT) as connection:
        await connection.exec_driver_sql(statement)


async def damage(url: str, document: Document, seq: int) -> None:
    await execute(
        url,
        "update document_updates set payload = 'rot' where document_id = $1 and seq = $2",
        document.id,
        seq,
    )


async def test_a_damaged_row_is_put_aside_whole_and_the_document_goes_on(
    opened: OpenLog, database_url: str
) -> None:
    document = await opened.document()
    await opened.append(document, b"1", b"two", b"333")
    [[actor, at, stored]] = await execute(
        database_url, "select actor, received_at, checksum from document_updates where seq = 2"
    )
    await damage(database_url, document, 2)
    with pytest.raises(CorruptDocument):
        await opened.log.load(TENANT, document.id)
    found = await opened.lifecycle.inspect(TENANT, document.id)
    [wrong] = found.damages
    assert (wrong.part, wrong.seq, wrong.actor, wrong.at) == (Part.UPDATE, 2, actor, at)
    assert wrong.checksum == stored != wrong.found
    assert [update.seq for update in found.updates] == [1, 3]
    with pytest.raises(Moved):
        await opened.lifecycle.release(TENANT, document.id, found.damages, by=ADA)
    await opened.log.quarantine(TENANT, document.id, reason=wrong.reason, seq=2)
    released = await opened.lifecycle.release(TENANT, document.id, found.damages, by=ADA)
    assert (released.state, released.reason, released.epoch) == (DocumentState.ACTIVE, None, document.epoch)
    assert await opened.payloads(document) == [b"1", b"\x00\x00", b"333"]
    assert released.log_bytes == sum(map(len, await opened.payloads(document)))
    [aside] = await opened.lifecycle.aside(TENANT, document.id)
    assert (aside.seq, aside.size, aside.checksum, aside.released_by) == (2, 3, stored, "ada")
    [row] = await execute(database_url, "select * from quarantined_updates")
    assert (row["payload"], row["actor"], row["received_at"]) == (b"rot", actor, at)
    assert (await opened.append(document, b"4")).first_seq == 4


async def test_rows_that_are_missing_or_too_many_are_mended_too(opened: OpenLog, database_url: str) -> None:
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3", b"4", b"5")
    await execute(database_url, "delete from document_updates where seq in (2, 3)")
    await execute(database_url, "update documents set head_seq = 4 where id = $1", document.id)
    await opened.log.quarantine(TENANT, document.id, reason="why", seq=None)
    found = await opened.lifecycle.inspect(TENANT, document.id)
    assert [damage.seq for damage in found.damages] == [2, 3, 5]
    await opened.lifecycle.release(TENANT, document.id, found.damages, by=ADA)
    assert await opened.payloads(document) == [b"1", b"\x00\x00", b"\x00\x00", b"4"]
    assert [aside.seq for aside in await opened.lifecycle.aside(TENANT, document.id)] == [5]


async def test_a_damaged_snapshot_whose_log_is_gone_leaves_the_rows_behind_it(
    opened: OpenLog, database_url: str
) -> None:
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3")
    for seq in (1, 2):
        await opened.snapshot(document, seq)
    await execute(database_url, "delete from document_updates where seq <= 2")
    await execute(database_url, "update document_snapshots set state = 'rot'")
    await opened.log.quarantine(TENANT, document.id, reason="why", seq=None)
    found = await opened.lifecycle.inspect(TENANT, document.id)
    assert [(damage.part, damage.seq) for damage in found.damages] == [(Part.SNAPSHOT, 2)]
    await opened.lifecycle.release(TENANT, document.id, found.damages, by=ADA)
    stored = await opened.log.load(TENANT, document.id)
    assert stored.snapshot is not None
    assert (stored.snapshot.seq, stored.snapshot.state) == (2, b"\x00\x00")
    assert [update.payload for update in stored.updates] == [b"3"]
    [row] = await execute(database_url, "select state, released_by from quarantined_snapshots")
    assert (row["state"], row["released_by"]) == (b"rot", "ada")


async def test_only_an_own_document_in_quarantine_can_have_a_row_replaced(
    opened: OpenLog, database_url: str
) -> None:
    theirs = await opened.document("theirs", TENANT + 1)
    await opened.log.append(theirs.tenant_id, theirs.id, [NewUpdate(b"1", "eve")], epoch=theirs.epoch)
    await opened.log.quarantine(theirs.tenant_id, theirs.id, reason="why", seq=None)
    ours = await opened.document()
    await opened.append(ours, b"1")
    for document in (theirs, ours):
        with pytest.raises(Exception, match="is not in quarantine"):
            await execute_as_tenant(opened, f"select put_update_aside({document.id}, 1, 'why', 'ada')")
    assert [bytes(row[0]) for row in await execute(database_url, "select payload from document_updates")] == [
        b"1",
        b"1",
    ]
