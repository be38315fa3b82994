"""The life and death of documents in the store: what is undone, what is gone for good, and who comes late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from store.contract import (
    CorruptDocument,
    Document,
    DocumentState,
    EpochMismatch,
    NewUpdate,
    Quarantined,
    StoreError,
    UnknownDocument,
)
from store.history import PostgresHistory
from store.history_contract import NewVersion, VersionKind
from store.lifecycle_contract import Action, ErasedState, Moved, NameTaken, Part
from store.renewal import KEPT_OF_A_DOCUMENT
from tests.eventually import eventually
from tests.store.logs import ADA, BOB, EVE, TENANT, OpenLog, execute, held, in_flight, open_log

DAY = timedelta(days=1)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


async def rows_left(url: str, document: Document) -> dict[str, int]:
    """How many rows of the document each table has that holds any."""
    counts = {}
    for table in (*KEPT_OF_A_DOCUMENT, "documents"):
        column = "id" if table == "documents" else "document_id"
        [[counts[table]]] = await execute(
            url, f"select count(*) from {table} where {column} = $1", document.id
        )
    return {table: count for table, count in counts.items() if count}


async def full_document(opened: OpenLog) -> Document:
    """A document with rows, snapshots and a version."""
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3")
    await opened.snapshot(document, 2)
    version = NewVersion(2, VersionKind.NAMED, "mine", "ada", NOON, b"state", True, document.epoch)
    await PostgresHistory(opened.database).add_version(TENANT, document.id, version)
    return document


async def delete(opened: OpenLog, name: str = "depot", retention: timedelta = DAY) -> None:
    await opened.lifecycle.delete(TENANT, name, by=ADA, retention=retention)


async def test_a_deleted_document_is_unknown_to_all_and_comes_back_exactly_as_it_was(opened: OpenLog) -> None:
    document = await full_document(opened)
    before = await opened.log.load(TENANT, document.id)
    await delete(opened)
    with pytest.raises(UnknownDocument):
        await opened.log.open(TENANT, "depot", create=True)
    with pytest.raises(UnknownDocument):
        await opened.log.load(TENANT, document.id)
    with pytest.raises(UnknownDocument):
        await opened.append(document, b"late")
    assert await opened.log.documents(TENANT) == ()
    await opened.lifecycle.bring_back(TENANT, "depot", by=BOB)
    assert await opened.log.load(TENANT, document.id) == before
    events = await opened.lifecycle.events(TENANT, document.id, limit=9)
    assert [(event.action, event.actor) for event in events] == [
        (Action.BROUGHT_BACK, "bob"),
        (Action.DELETED, "ada"),
    ]


async def test_one_in_quarantine_comes_back_in_quarantine(opened: OpenLog) -> None:
    document = await full_document(opened)
    await opened.log.quarantine(TENANT, document.id, reason="damaged", seq=2)
    await delete(opened)
    back = await opened.lifecycle.bring_back(TENANT, "depot", by=ADA)
    assert (back.state, back.reason) == (DocumentState.QUARANTINED, "damaged")


async def test_deleted_documents_are_listed_by_name_and_nobody_else_s(opened: OpenLog) -> None:
    for name in ("b", "a", "a_", "tables/x"):
        await opened.document(name)
        await delete(opened, name)
    await opened.document("c")
    await opened.document("theirs", TENANT + 1)
    await opened.lifecycle.delete(TENANT + 1, "theirs", by=EVE, retention=DAY)

    async def names(*patterns: str, prefix: str = "", after: str | None = None) -> list[str]:
        found = await opened.lifecycle.deletions(TENANT, patterns, prefix=prefix, after=after, limit=3)
        return [deletion.name for deletion in found]

    assert await names("*") == ["a", "a_", "b"]
    assert await names("*", after="b") == ["tables/x"]
    assert await names("a_", "tables/*") == ["a_", "tables/x"]
    assert await names("*", prefix="tables/") == ["tables/x"]


async def test_nothing_of_a_purged_document_is_left_but_its_tombstone(
    opened: OpenLog, database_url: str
) -> None:
    document = await full_document(opened)
    with pytest.raises(UnknownDocument):
        await opened.lifecycle.purge(TENANT, document.id, by=ADA)  # it isn't deleted
    await delete(opened)
    tombstone = await opened.lifecycle.purge(TENANT, document.id, by=BOB)
    assert (tombstone.name, tombstone.epoch, tombstone.head_seq) == ("depot", document.epoch, 3)
    assert (tombstone.deleted_by, tombstone.purged_by) == ("ada", "bob")
    assert await rows_left(database_url, document) == {}
    with pytest.raises(UnknownDocument):
        await opened.lifecycle.bring_back(TENANT, "depot", by=ADA)
    with pytest.raises(UnknownDocument):
        await opened.lifecycle.purge(TENANT, document.id, by=ADA)


async def test_a_purged_name_is_made_anew_by_an_admin_only_and_demands_its_epoch(opened: OpenLog) -> None:
    document = await full_document(opened)
    await delete(opened)
    with pytest.raises(NameTaken):
        await opened.lifecycle.create(TENANT, "depot", by=ADA)
    await opened.lifecycle.purge(TENANT, document.id, by=ADA)
    with pytest.raises(UnknownDocument):
        await opened.log.open(TENANT, "depot", create=True)
    made, is_new = await opened.lifecycle.create(TENANT, "depot", by=ADA)
    assert is_new
    assert made.demands_epoch
    assert made.id != document.id
    assert made.epoch != document.epoch
    assert await opened.lifecycle.create(TENANT, "depot", by=ADA) == (made, False)
    assert await opened.log.open(TENANT, "depot", create=True) == made
    fresh, _ = await opened.lifecycle.create(TENANT, "new", by=ADA)
    assert not fresh.demands_epoch


async def test_what_is_due_is_found_for_every_tenant_and_not_before(opened: OpenLog) -> None:
    ours, theirs = await opened.document(), await opened.document("theirs", TENANT + 1)
    await delete(opened)
    await opened.lifecycle.delete(TENANT + 1, "theirs", by=EVE, retention=timedelta(0))
    assert await opened.lifecycle.due() == ((TENANT + 1, theirs.id),)
    again = await opened.lifecycle.delete(TENANT, "depot", by=BOB, retention=timedelta(0))
    assert again.deleted_by == "ada"
    assert set(await opened.lifecycle.due()) == {(TENANT, ours.id), (TENANT + 1, theirs.id)}
    later = await opened.lifecycle.delete(TENANT, "depot", by=BOB, retention=DAY)
    assert later.purge_at == again.purge_at


async def test_an_append_in_flight_ends_before_the_purge_or_finds_nothing(
    opened: OpenLog, database_url: str
) -> None:
    """Whoever is first, no row is left: writers and a purge at once, many times over."""
    for number in range(25):
        document = await opened.document(f"d{number}")

        async def write(document: Document = document) -> None:
            for _ in range(20):
                try:
                    await opened.append(document, b"row")
                except UnknownDocument:
                    return

        async def end(document: Document = document, pause: int = number) -> None:
            for _ in range(pause):
                await asyncio.sleep(0)
            await delete(opened, document.name)
            await opened.lifecycle.purge(TENANT, document.id, by=ADA)

        await asyncio.gather(write(), write(), end())
        assert await rows_left(database_url, document) == {}


async def test_an_append_that_waits_for_its_document_to_be_deleted_is_refused(
    opened: OpenLog, database_url: str
) -> None:
    document = await full_document(opened)
    async with held(database_url, document) as connection:
        late = asyncio.create_task(opened.append(document, b"late"))
        await eventually(lambda: in_flight(database_url))
        await connection.execute("update documents set state = 'deleted' where id = $1", document.id)
    with pytest.raises(UnknownDocument):
        await late


async def execute_as_tenant(opened: OpenLog, statement: str) -> None:
    async with opened.database.tenant(TENANT) as connection:
        await connection.exec_driver_sql(statement)


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


async def test_another_tenant_s_documents_are_unknown_to_every_method(opened: OpenLog) -> None:
    document = await full_document(opened)
    lifecycle, stranger = opened.lifecycle, TENANT + 1
    attempts = [
        lifecycle.delete(stranger, "depot", by=EVE, retention=DAY),
        lifecycle.inspect(stranger, document.id),
        lifecycle.release(stranger, document.id, (), by=EVE),
        lifecycle.renew(stranger, document.id, by=EVE),
    ]
    for attempt in attempts:
        with pytest.raises(StoreError):
            await attempt
    await delete(opened)
    for attempt in (
        lifecycle.bring_back(stranger, "depot", by=EVE),
        lifecycle.purge(stranger, document.id, by=EVE),
    ):
        with pytest.raises(UnknownDocument):
            await attempt
    assert await lifecycle.deletions(stranger, ["*"], prefix="", after=None, limit=9) == []
    assert await lifecycle.events(stranger, document.id, limit=9) == ()
    assert await opened.log.standing(stranger, [document.id]) == {}
