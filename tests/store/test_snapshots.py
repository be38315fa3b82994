"""Snapshots and trimming: whatever goes, the content that can be loaded stays the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from store.contract import CorruptDocument, Document, UnknownDocument
from tests.store.logs import TENANT, OpenLog, execute, open_log


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[OpenLog]:
    async with open_log(database_url) as opened:
        yield opened


async def five_updates(opened: OpenLog, *snapshots: int) -> Document:
    """A document with the updates 1 to 5; the state of a snapshot is what they add up to."""
    document = await opened.document()
    await opened.append(document, b"1", b"2", b"3", b"4", b"5")
    for seq in snapshots:
        await opened.snapshot(document, seq, b"12345"[:seq])
    return await opened.document()


async def content(opened: OpenLog, document: Document) -> bytes:
    stored = await opened.log.load(TENANT, document.id)
    state = stored.snapshot.state if stored.snapshot else b""
    return state + b"".join(update.payload for update in stored.updates)


async def log_seqs(url: str) -> list[int]:
    return [row["seq"] for row in await execute(url, "select seq from document_updates order by seq")]


async def test_the_newest_snapshot_is_loaded_with_the_rows_after_it(opened: OpenLog) -> None:
    document = await five_updates(opened, 2, 4)
    stored = await opened.log.load(TENANT, document.id)
    assert stored.snapshot is not None
    assert (stored.snapshot.seq, stored.snapshot.state, stored.snapshot.state_vector) == (
        4,
        b"1234",
        b"vector",
    )
    assert [update.seq for update in stored.updates] == [5]
    assert stored.document.snapshot_seq == 4


@pytest.mark.parametrize("column", ["state", "state_vector"])
async def test_a_damaged_snapshot_is_passed_over_for_the_older_one_and_its_longer_tail(
    opened: OpenLog, database_url: str, column: str
) -> None:
    document = await five_updates(opened, 1, 2, 4)
    await opened.trim(document)
    await execute(database_url, f"update document_snapshots set {column} = 'rotten' where seq = 4")
    stored = await opened.log.load(TENANT, document.id)
    assert stored.snapshot is not None
    assert stored.snapshot.seq == 2
    assert [update.seq for update in stored.updates] == [3, 4, 5]
    assert [snapshot.seq for snapshot in await opened.log.snapshots(TENANT, document.id)] == [2]


async def test_with_no_good_snapshot_the_whole_log_is_loaded(opened: OpenLog, database_url: str) -> None:
    document = await five_updates(opened, 2, 4)
    await execute(database_url, "update document_snapshots set state = 'rotten'")
    assert await content(opened, document) == b"12345"


async def test_when_nothing_covers_the_trimmed_rows_the_snapshot_is_named(
    opened: OpenLog, database_url: str
) -> None:
    document = await five_updates(opened, 2, 4)
    await opened.trim(document)
    await execute(database_url, "update document_snapshots set state = 'rotten'")
    with pytest.raises(CorruptDocument) as raised:
        await opened.log.load(TENANT, document.id)
    assert (raised.value.part, raised.value.seq) == ("snapshot", 4)
    readable = await opened.log.load_readable(TENANT, document.id)
    assert readable.snapshot is None
    assert [update.payload for update in readable.updates] == [b"3", b"4", b"5"]


async def test_a_document_can_be_rebuilt_from_an_older_snapshot(opened: OpenLog, database_url: str) -> None:
    document = await five_updates(opened, 2, 4)
    older = await opened.log.load_from(TENANT, document.id, snapshot_seq=2)
    assert older.snapshot is not None
    assert older.snapshot.state + b"".join(update.payload for update in older.updates) == b"12345"
    from_the_first_row = await opened.log.load_from(TENANT, document.id, snapshot_seq=0)
    assert from_the_first_row.snapshot is None
    assert len(from_the_first_row.updates) == 5
    await execute(database_url, "update document_snapshots set state = 'rotten' where seq = 2")
    for missing in (2, 3):
        with pytest.raises(CorruptDocument) as raised:
            await opened.log.load_from(TENANT, document.id, snapshot_seq=missing)
        assert (raised.value.part, raised.value.seq) == ("snapshot", missing)


async def test_trimming_keeps_everything_after_the_older_of_two_snapshots(
    opened: OpenLog, database_url: str
) -> None:
    document = await five_updates(opened, 1, 2, 4)
    assert await opened.trim(document) == 2
    assert await log_seqs(database_url) == [3, 4, 5]
    assert [snapshot.seq for snapshot in await opened.log.snapshots(TENANT, document.id)] == [4, 2]
    found = await opened.document()
    assert (found.head_seq, found.log_rows, found.log_bytes) == (5, 3, 3)
    assert await content(opened, document) == b"12345"
    assert await opened.trim(document) == 0


@pytest.mark.parametrize("snapshots", [(), (4,)])
async def test_nothing_is_trimmed_without_two_snapshots(
    opened: OpenLog, database_url: str, snapshots: tuple[int, ...]
) -> None:
    document = await five_updates(opened, *snapshots)
    assert await opened.trim(document) == 0
    assert len(await log_seqs(database_url)) == 5


@pytest.mark.parametrize("damaged", [2, 4])
async def test_nothing_is_trimmed_while_one_of_the_two_is_damaged(
    opened: OpenLog, database_url: str, damaged: int
) -> None:
    document = await five_updates(opened, 1, 2, 4)
    await execute(database_url, "update document_snapshots set state = 'rotten' where seq = $1", damaged)
    with pytest.raises(CorruptDocument) as raised:
        await opened.trim(document)
    assert (raised.value.part, raised.value.seq) == ("snapshot", damaged)
    assert len(await log_seqs(database_url)) == 5
    assert len(await execute(database_url, "select from document_snapshots")) == 3


async def test_a_young_row_and_what_follows_it_are_kept(opened: OpenLog, database_url: str) -> None:
    document = await five_updates(opened, 4, 5)
    age = "update document_updates set received_at = received_at - interval '40 days' where seq <> 3"
    await execute(database_url, age)
    rows = await opened.log.trim(TENANT, document.id, keep_since=document.updated_at - timedelta(days=30))
    assert rows == 2
    assert await log_seqs(database_url) == [3, 4, 5]
    assert await content(opened, document) == b"12345"


async def test_a_valid_snapshot_stays_and_a_damaged_one_is_replaced(
    opened: OpenLog, database_url: str
) -> None:
    document = await five_updates(opened, 4)
    await opened.snapshot(document, 4, b"another")
    assert [each.state for each in await opened.log.snapshots(TENANT, document.id)] == [b"1234"]
    await execute(database_url, "update document_snapshots set state = 'rotten'")
    await opened.snapshot(document, 4, b"1234")
    assert [each.state for each in await opened.log.snapshots(TENANT, document.id)] == [b"1234"]


async def test_compactors_that_meet_at_a_document_do_no_harm(opened: OpenLog) -> None:
    document = await five_updates(opened)
    for seq in (2, 4):
        await asyncio.gather(*(opened.snapshot(document, seq, b"12345"[:seq]) for _ in range(8)))
    assert sorted(await asyncio.gather(*(opened.trim(document) for _ in range(8)))) == [0] * 7 + [2]
    found = await opened.document()
    assert (found.log_rows, found.log_bytes, found.snapshot_seq) == (3, 3, 4)
    assert await content(opened, document) == b"12345"


async def test_a_snapshot_can_not_cover_what_is_not_in_the_log(opened: OpenLog) -> None:
    document = await five_updates(opened)
    for seq in (0, 6):
        with pytest.raises(ValueError, match="ends at 5"):
            await opened.snapshot(document, seq)
    with pytest.raises(UnknownDocument):
        await opened.log.write_snapshot(TENANT + 1, document.id, seq=1, state=b"", state_vector=b"")


steps = st.lists(
    st.one_of(
        st.lists(st.binary(max_size=3), min_size=1, max_size=4),
        st.tuples(st.just("snapshot"), st.floats(0, 1)),
        st.tuples(st.just("damage"), st.floats(0, 1)),
        st.just(("trim", 0.0)),
    ),
    max_size=25,
)


@given(steps)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_whatever_is_snapshotted_and_trimmed_the_content_stays(
    database_url: str, steps: list[list[bytes] | tuple[str, float]]
) -> None:
    """The state of a snapshot is the updates one after another, so that loading shows what is lost."""
    async with open_log(database_url) as opened:
        count = len(await opened.log.documents(TENANT, limit=1000))
        document = await opened.document(f"document {count}")
        history: list[bytes] = []
        damaged: set[int] = set()
        for step in steps:
            if isinstance(step, list):
                history.extend(step)
                assert (await opened.append(document, *step)).last_seq == len(history)
            elif step[0] == "snapshot" and history:
                seq = 1 + int(step[1] * (len(history) - 1))
                await opened.snapshot(document, seq, b"".join(history[:seq]))
                damaged.discard(seq)
            elif step[0] == "damage":
                damaged |= await damage_newest(database_url, document)
            elif step[0] == "trim" and not damaged:
                await opened.trim(document)
            assert await content(opened, document) == b"".join(history)


async def damage_newest(url: str, document: Document) -> set[int]:
    """Damage the newest snapshot where the one before it is there to take its place."""
    damage = """
        update document_snapshots set checksum = checksum # 1
        where document_id = $1 and seq = (
            select max(seq) from document_snapshots where document_id = $1 having count(*) = 2
        )
        returning seq
    """
    return {row["seq"] for row in await execute(url, damage, document.id)}
