"""Documents that are deleted: what comes back, what is gone for good, and who comes late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from store.contract import Document, DocumentState, StoreError, UnknownDocument
from store.lifecycle_contract import Action, NameTaken
from tests.eventually import eventually
from tests.store.lives import full_document, rows_left
from tests.store.logs import ADA, BOB, EVE, TENANT, OpenLog, held, in_flight, open_log

DAY = timedelta(days=1)


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


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
