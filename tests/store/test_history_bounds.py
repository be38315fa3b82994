"""How much of a past is kept, and how much of it is read at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from store.pages import PAGE_BYTES
from store.snapshots import CHECKPOINT_BYTES, CHECKPOINT_ROWS
from tests.store.logs import TENANT, execute
from tests.store.pasts import NOON, Past, open_past


@pytest.fixture
async def past(database_url: str) -> AsyncIterator[Past]:
    async with open_past(database_url) as past:
        yield past


async def test_old_snapshots_stay_as_far_apart_as_a_replay_may_be_long(past: Past) -> None:
    document = await past.opened.document()
    await past.opened.append(document, *[b"x"] * (3 * CHECKPOINT_ROWS))
    half = CHECKPOINT_ROWS // 2
    for seq in range(half, 3 * CHECKPOINT_ROWS + 1, half):
        await past.opened.snapshot(document, seq, b"x" * seq)
        await past.opened.log.trim(TENANT, document.id, keep_since=NOON - timedelta(days=9))
    kept = [snapshot.seq for snapshot in await past.opened.log.snapshots(TENANT, document.id)]
    assert kept == [6 * half, 5 * half, 4 * half, 2 * half]
    for seq in range(0, 3 * CHECKPOINT_ROWS, 777):
        material = await past.history.material(TENANT, document.id, seq=seq)
        assert len(material.updates) <= CHECKPOINT_ROWS
        assert len(material.state or b"") == material.after_seq


async def test_old_snapshots_stay_as_far_apart_as_a_replay_may_have_bytes(past: Past) -> None:
    document = await past.opened.document()
    quarter = b"x" * (CHECKPOINT_BYTES // 4)
    for seq in range(1, 15):
        await past.opened.append(document, quarter)
        await past.opened.snapshot(document, seq, b"x")
        await past.opened.log.trim(TENANT, document.id, keep_since=NOON - timedelta(days=9))
    kept = [snapshot.seq for snapshot in await past.opened.log.snapshots(TENANT, document.id)]
    assert kept == [14, 13, 12, 8, 4]


async def test_old_snapshots_take_no_more_room_than_the_log(past: Past) -> None:
    document = await past.opened.document()
    await past.opened.append(document, *[b"x" * (CHECKPOINT_BYTES // 2)] * 6)
    for seq in range(1, 7):
        await past.opened.snapshot(document, seq, b"x" * (CHECKPOINT_BYTES + 1))
        await past.opened.log.trim(TENANT, document.id, keep_since=NOON - timedelta(days=9))
    assert [snapshot.seq for snapshot in await past.opened.log.snapshots(TENANT, document.id)] == [6, 5, 3]


async def test_what_is_replayed_at_once_is_bounded_in_bytes(past: Past) -> None:
    document = await past.opened.document()
    half = PAGE_BYTES // 2
    await past.opened.append(document, b"1" * half, b"2" * (half - 1), b"3" * half, b"4", b"5")
    pages, have = [], None
    while have != 5:
        material = await past.history.material(TENANT, document.id, seq=5, have=have)
        have = material.updates[-1].seq
        pages.append([update.seq for update in material.updates])
    assert pages == [[1, 2, 3], [4, 5]]


@pytest.mark.parametrize(("size", "seqs"), [(1, [1]), (3, [1]), (4, [1, 2]), (10, [1, 2, 3, 4])])
async def test_a_page_of_the_log_ends_with_the_row_that_reaches_its_size(
    past: Past, size: int, seqs: list[int]
) -> None:
    document = await past.opened.document()
    await past.opened.append(document, *[b"xyz"] * 5)
    found = await past.opened.log.read(TENANT, document.id, after_seq=0, size=size)
    assert [row.seq for row in found] == seqs
    assert await past.opened.log.read(TENANT, document.id, after_seq=5, size=size) == ()


async def test_updates_of_activities_are_bounded_in_bytes_together(past: Past) -> None:
    document = await past.five_updates()
    found = await past.history.activities(TENANT, document.id, up_to=5, before=None, limit=9)
    ask = partial(past.history.payloads, TENANT, document.id, [found[0], found[0]], limit=9)
    every = (b"1", b"2", b"3", b"4", b"5")
    assert await ask(size=11) == (every, every)
    assert await ask(size=7) == (every, every[:2])
    assert await ask(size=5) == (every, ())


async def test_nothing_above_a_limit_is_trimmed(past: Past) -> None:
    document = await past.five_updates()
    for seq in (3, 4):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    assert await past.opened.log.trim(TENANT, document.id, keep_since=None, up_to=1) == 1
    assert await past.state(document, 3) == b"123"


async def test_what_can_be_thinned_is_the_last_row_of_each_hour_that_two_snapshots_cover(past: Past) -> None:
    document = await past.five_updates()
    await execute(
        past.url, "update document_updates set received_at = $1 where seq > 3", NOON + timedelta(hours=1)
    )
    later = NOON + timedelta(days=1)
    assert (await past.history.thinnable(TENANT, document.id, older_than=later)).hours == ()
    for seq in (4, 5):
        await past.opened.snapshot(document, seq, b"12345"[:seq])
    found = await past.history.thinnable(TENANT, document.id, older_than=later)
    assert (found.up_to, [hour.seq for hour in found.hours]) == (4, [3, 4])
    found = await past.history.thinnable(TENANT, document.id, older_than=NOON + timedelta(hours=1))
    assert (found.up_to, [hour.seq for hour in found.hours]) == (3, [3])
