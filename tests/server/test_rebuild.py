"""A rebuild gives the rows that the documents deserve, whatever stood in the tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from store.contract import CorruptDocument
from tests.eventually import eventually
from tests.fleet import TODAY, Fleet, Rows, Writer, fix, fixes, open_fleet, track_name
from webhost_sync.config import Settings
from webhost_sync.fleet.chunk import encode_chunk
from webhost_sync.fleet.rebuild import Progress, RebuiltTable, rebuild

TOMORROW = TODAY + timedelta(days=1)


@pytest.fixture
async def fleet(database_url: str) -> AsyncIterator[Fleet]:
    async with open_fleet(database_url) as fleet:
        yield fleet


async def test_a_rebuild_mends_what_was_done_by_hand(fleet: Fleet) -> None:
    await fill(fleet)
    before = await fleet.tables()
    await fleet.execute("delete from gps_positions where sequence % 2 = 0")
    await fleet.execute("update gps_positions set latitude = 0, received_at = now(), seq = 9, flags = 3")
    await fleet.execute("update gps_positions set document_id = 999999 where sequence = 3")
    await fleet.execute("update latest_positions set latitude = 1")
    await fleet.execute(
        "insert into latest_positions select tenant_id, 'ghost', device_id, sequence, time,"
        " received_at, 0, 0, 0, 0, 0, 0, true, 0, null from latest_positions limit 1"
    )
    await fleet.execute("update vehicles set name = 'wrong', attributes = '{}'")
    await fleet.execute("insert into vehicles (tenant_id, id, document_id) values (1, 'ghost', 1)")
    await fleet.execute("delete from position_conflicts")
    await fleet.execute("delete from projection_rejects")
    progress: list[Progress] = []
    await rebuild(fleet.fleet, fleet.store.log, Settings(), on_progress=progress.append)
    assert await fleet.tables() == before
    assert {(each.tenant_id, each.done, each.total) for each in progress} >= {(1, 0, 3), (1, 3, 3), (2, 1, 1)}


async def test_a_rebuild_of_nothing_gives_identical_rows(fleet: Fleet) -> None:
    await fill(fleet)
    before = await fleet.tables()
    for table in before:
        await fleet.execute(f"delete from {table}")
    await rebuild(fleet.fleet, fleet.store.log, Settings())
    assert await fleet.tables() == before


async def test_a_rebuild_touches_only_the_tenant_and_table_it_is_told(fleet: Fleet) -> None:
    await fill(fleet)
    await fleet.execute("update vehicles set name = 'wrong'")
    await fleet.execute("update gps_positions set latitude = 0")
    log, settings = fleet.store.log, Settings()
    await rebuild(fleet.fleet, log, settings, tenant_id=1, table=RebuiltTable.VEHICLES)
    assert await fleet.value("select count(*) from vehicles where name = 'wrong'") == 0
    assert await fleet.value("select count(*) from gps_positions where latitude <> 0") == 0
    await rebuild(fleet.fleet, log, settings, tenant_id=2, table=RebuiltTable.POSITIONS)
    assert await fleet.value("select min(tenant_id) from gps_positions where latitude <> 0") == 2


async def test_the_projector_goes_on_after_a_rebuild(fleet: Fleet) -> None:
    device = Writer(1)
    await fleet.project(track_name(), device.chunk(fix(1)))
    await fleet.execute("delete from gps_positions")
    await rebuild(fleet.fleet, fleet.store.log, Settings())
    await fleet.project(track_name(), device.chunk(fix(2)))
    assert await fleet.value("select array_agg(sequence order by sequence) from gps_positions") == [1, 2]


async def fill(fleet: Fleet) -> None:
    """Two tenants, a table, tracks that share a fix, rejects and conflicts."""
    device, app = Writer(1), Writer(2)
    await fleet.append(track_name(), device.chunk(*fixes(1, 5)), device.raw_chunk(b"x"))
    await fleet.project(track_name(day=TOMORROW), Writer(3).chunk(fix(2, 999)), Writer(4).chunk(fix(9)))
    await fleet.append(track_name(), device.raw_chunk(encode_chunk([fix(5, 5, speed_mps=None)])))
    await fleet.append("tables/vehicles", app.row("a", {"archived": 1, "name": "A", "seats": 40}))
    await fleet.project(track_name(), Writer(5).chunk(*fixes(1, 9)), tenant_id=2)


@pytest.mark.parametrize("forgets", [False, True])
async def test_rows_whose_log_was_trimmed_keep_their_seq_and_time(
    fleet: Fleet, database_url: str, forgets: bool
) -> None:
    device = Writer(1)
    document = await fleet.project(track_name(), device.chunk(fix(1)), device.chunk(fix(2)))
    before = await fleet.tables()
    state = device.doc.get_update()
    await fleet.store.snapshot(document, 1, state)
    await fleet.store.snapshot(document, 2, state)
    await fleet.execute("delete from document_updates")
    if forgets:
        await fleet.execute("delete from gps_positions")
    await rebuild(fleet.fleet, fleet.store.log, Settings())
    after = await fleet.tables()
    if not forgets:
        assert after == before
        return
    created_at = await fleet.value("select created_at from document_snapshots where seq = 2")
    rows = await fleet.execute("select sequence, seq, received_at from gps_positions order by 1")
    assert [tuple(row) for row in rows] == [(1, 2, created_at), (2, 2, created_at)]


async def test_rows_of_the_log_that_are_still_there_say_when_their_fixes_came(fleet: Fleet) -> None:
    device = Writer(1)
    document = await fleet.project(track_name(), *(device.chunk(fix(sequence)) for sequence in (1, 2, 3)))
    await fleet.store.snapshot(document, 3, device.doc.get_update())
    await fleet.execute("delete from document_updates where seq = 1")
    await fleet.execute("delete from gps_positions")
    await rebuild(fleet.fleet, fleet.store.log, Settings())
    rows = await fleet.execute("select sequence, seq from gps_positions order by 1")
    assert [tuple(row) for row in rows] == [(1, 3), (2, 2), (3, 3)]


async def test_readers_see_the_rows_before_a_rebuild_or_after_it(fleet: Fleet) -> None:
    await fill(fleet)
    before = await fleet.tables()
    await fleet.execute("update gps_positions set latitude = 0")
    damaged = await fleet.tables()
    seen: list[object] = []

    def look(progress: Progress) -> None:
        seen.append(progress)

    async with fleet.fleet.tenant_turn(2):
        # The rebuild has tenant 1 done before it waits for tenant 2, and shows it at once, whole.
        rebuilding = asyncio.create_task(rebuild(fleet.fleet, fleet.store.log, Settings(), on_progress=look))
        await eventually(lambda: len(seen) >= 4)
        await eventually(partial(is_tenant_mended, fleet, before))
        now = await fleet.tables()
        assert of_tenant(now, 2) == of_tenant(damaged, 2)
    await rebuilding
    assert await fleet.tables() == before


def of_tenant(rows: dict[str, Rows], tenant_id: int) -> list[object]:
    return [row for table in rows.values() for row in table if row[0] == tenant_id]


async def is_tenant_mended(fleet: Fleet, before: dict[str, Rows]) -> bool:
    return of_tenant(await fleet.tables(), 1) == of_tenant(before, 1)


async def test_a_rebuild_that_fails_changes_nothing(fleet: Fleet) -> None:
    await fill(fleet)
    await fleet.execute("update gps_positions set latitude = 0")
    damaged = await fleet.tables()
    await fleet.execute(
        "update document_updates set checksum = checksum + 1 where document_id = 1 and seq = 1"
    )
    with pytest.raises(CorruptDocument):
        await rebuild(fleet.fleet, fleet.store.log, Settings())
    assert await fleet.tables() == damaged
