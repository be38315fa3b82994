"""The update log: opening, appending, reading back, quarantine, listing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.contract import (
    CorruptDocument,
    Document,
    DocumentState,
    EpochMismatch,
    NewUpdate,
    NotStorable,
    Quarantined,
    Trimmed,
    UnknownDocument,
)
from store.updates import end_of_prefix
from tests.store.logs import ADA, TENANT, OpenLog, execute, open_log

OTHER_TENANT = 2


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


async def test_what_was_appended_is_read_back_as_it_was(opened: OpenLog) -> None:
    document = await opened.document()
    update = NewUpdate(b"\x00\xff", "ada", device="truck-7", client_ids=(1, 2**53 - 1))
    committed = await opened.log.append(TENANT, document.id, [update], epoch=document.epoch)
    (logged,) = (await opened.log.load(TENANT, document.id)).updates
    assert (logged.payload, logged.actor, logged.device) == (b"\x00\xff", "ada", "truck-7")
    assert logged.client_ids == (1, 2**53 - 1)
    assert (logged.seq, logged.received_at) == (committed.first_seq, committed.committed_at)


async def test_the_document_counts_its_rows_and_bytes(opened: OpenLog) -> None:
    document = await opened.document()
    await opened.append(document, b"one", b"three")
    await opened.append(document, b"")
    found = await opened.document()
    assert (found.head_seq, found.log_rows, found.log_bytes) == (3, 3, 8)
    assert found.updated_at > document.updated_at


async def test_two_who_open_at_once_get_the_same_document(opened: OpenLog) -> None:
    documents = await asyncio.gather(*(opened.document("new") for _ in range(8)))
    assert len({(document.id, document.epoch) for document in documents}) == 1


async def test_opening_makes_a_document_only_when_told_to(opened: OpenLog) -> None:
    with pytest.raises(UnknownDocument):
        await opened.log.open(TENANT, "nowhere", create=False)
    assert await opened.log.documents(TENANT) == ()


async def test_a_deleted_document_is_unknown(opened: OpenLog, database_url: str) -> None:
    document = await opened.document()
    await execute(database_url, "update documents set state = 'deleted'")
    with pytest.raises(UnknownDocument):
        await opened.log.open(TENANT, document.name, create=True)
    with pytest.raises(UnknownDocument):
        await opened.log.load(TENANT, document.id)
    with pytest.raises(UnknownDocument):
        await opened.append(document, b"late")
    assert await opened.log.documents(TENANT) == ()


async def test_another_tenant_finds_nothing_under_the_same_number(opened: OpenLog) -> None:
    document = await opened.document()
    await opened.append(document, b"secret")
    with pytest.raises(UnknownDocument):
        await opened.log.load(OTHER_TENANT, document.id)
    with pytest.raises(UnknownDocument):
        await opened.log.append(OTHER_TENANT, document.id, [NewUpdate(b"x", "eve")], epoch=document.epoch)
    assert await opened.log.read(OTHER_TENANT, document.id, after_seq=0) == ()
    assert await opened.payloads(document) == [b"secret"]


async def test_a_replica_of_another_epoch_can_not_append(opened: OpenLog) -> None:
    document = await opened.document()
    with pytest.raises(EpochMismatch):
        await opened.append(document, b"old", epoch=uuid4())
    assert await opened.payloads(document) == []


async def test_a_name_that_postgres_can_not_hold_is_refused_as_such(opened: OpenLog) -> None:
    with pytest.raises(NotStorable):
        await opened.document("a\0b")


async def test_reading_goes_page_by_page_to_the_head(opened: OpenLog) -> None:
    document = await opened.document()
    await opened.append(document, *(b"%d" % number for number in range(5)))
    first = await opened.log.read(TENANT, document.id, after_seq=0, limit=3)
    second = await opened.log.read(TENANT, document.id, after_seq=first[-1].seq, limit=3)
    assert [update.payload for update in first + second] == [b"0", b"1", b"2", b"3", b"4"]
    assert await opened.log.read(TENANT, document.id, after_seq=5) == ()


async def test_a_reader_who_is_behind_the_trimmed_rows_is_told(opened: OpenLog) -> None:
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3")
    await opened.snapshot(document, 2)
    await opened.snapshot(document, 3)
    await opened.trim(document)
    with pytest.raises(Trimmed) as raised:
        await opened.log.read(TENANT, document.id, after_seq=1)
    (kept,) = await opened.log.read(TENANT, document.id, after_seq=raised.value.first_seq - 1)
    assert kept.payload == b"3"


@pytest.mark.parametrize(
    "damage",
    [
        "update document_updates set payload = 'rotten' where seq = 2",
        "update document_updates set checksum = checksum # 1 where seq = 2",
        "delete from document_updates where seq = 2",
    ],
)
async def test_a_damaged_row_stops_the_load_and_is_named(
    opened: OpenLog, database_url: str, damage: str
) -> None:
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3")
    await execute(database_url, damage)
    for reading in (opened.log.load(TENANT, document.id), opened.log.read(TENANT, document.id, after_seq=0)):
        with pytest.raises(CorruptDocument) as raised:
            await reading
        assert (raised.value.document_id, raised.value.part, raised.value.seq) == (document.id, "update", 2)
    readable = await opened.log.load_readable(TENANT, document.id)
    assert [update.payload for update in readable.updates] == [b"1", b"3"]


@pytest.mark.parametrize(
    ("damage", "seq"),
    [
        ("delete from document_updates where seq = 3", 3),
        ("update documents set head_seq = 2", 3),
        ("update documents set head_seq = 5", 4),
    ],
)
async def test_a_log_that_does_not_end_at_the_head_is_damaged(
    opened: OpenLog, database_url: str, damage: str, seq: int
) -> None:
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3")
    await execute(database_url, damage)
    with pytest.raises(CorruptDocument) as raised:
        await opened.log.load(TENANT, document.id)
    assert raised.value.seq == seq


async def test_quarantine_keeps_the_bad_row_and_takes_no_writes(opened: OpenLog, database_url: str) -> None:
    document = await opened.document()
    await opened.append(document, b"good", b"bad")
    await opened.log.quarantine(TENANT, document.id, reason="no update", seq=2)
    with pytest.raises(Quarantined):
        await opened.append(document, b"more")
    with pytest.raises(Quarantined):
        await opened.snapshot(document, 1)
    with pytest.raises(Quarantined):
        await opened.trim(document)
    aside = await execute(database_url, "select seq, payload, reason from quarantined_updates")
    assert [tuple(row) for row in aside] == [(2, b"bad", "no update")]
    stored = await opened.log.load(TENANT, document.id)
    assert (stored.document.state, stored.document.reason) == (DocumentState.QUARANTINED, "no update")
    assert [update.payload for update in stored.updates] == [b"good", b"bad"]


async def test_a_released_document_takes_writes_again(opened: OpenLog) -> None:
    document = await opened.document()
    await opened.log.quarantine(TENANT, document.id, reason="why not", seq=None)
    await opened.lifecycle.release(TENANT, document.id, (), by=ADA)
    assert (await opened.append(document, b"again")).first_seq == 1
    assert (await opened.document()).reason is None


async def test_documents_come_in_the_order_of_their_bytes_page_by_page(opened: OpenLog) -> None:
    names = ["Z", "a", "a/b", "a0", "b", "é", "\U0001f69a"]
    for name in reversed(names):
        await opened.document(name)
    await opened.document("of the other", tenant_id=OTHER_TENANT)
    pages: list[Document] = []
    while page := await opened.log.documents(TENANT, after=pages[-1].name if pages else "", limit=2):
        pages.extend(page)
    assert [document.name for document in pages] == names


async def test_documents_are_found_by_prefix(opened: OpenLog) -> None:
    for name in ("tables/a", "tables/b", "tables", "tablet", "track/7"):
        await opened.document(name)
    found = await opened.log.documents(TENANT, prefix="tables/")
    assert [document.name for document in found] == ["tables/a", "tables/b"]
    assert await opened.log.documents(TENANT, prefix="tables/", after="tables/b") == ()


texts = st.text(st.characters(codec="utf-8"), max_size=4)


@given(texts, texts)
def test_the_end_of_a_prefix_parts_the_names_that_have_it_from_those_above(prefix: str, name: str) -> None:
    end = end_of_prefix(prefix)
    within = name.encode() >= prefix.encode() and (end is None or name.encode() < end.encode())
    assert within == name.startswith(prefix)


async def test_an_append_of_nothing_is_a_mistake_of_the_caller(opened: OpenLog) -> None:
    document = await opened.document()
    with pytest.raises(ValueError, match="at least one"):
        await opened.append(document)
