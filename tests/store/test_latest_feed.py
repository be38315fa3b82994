"""The feed of latest positions: in the order of commits, nothing left out, whoever commits when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from store.changes_contract import LatestMoved
from store.fleet_contract import LatestRule, Track, Turn
from store.latest_feed import FEED_START, LatestFeed, page_query
from tests.eventually import eventually
from tests.fleet import Fleet, open_fleet
from tests.store.logs import BLOCKED
from tests.store.test_fleet import position, target

RULE = LatestRule(excluded_flags=1, future_tolerance=timedelta(minutes=5))


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[Fleet]:
    async with open_fleet(database_url) as fleet:
        yield fleet


async def move(turn: Turn, vehicle: str, sequence: int) -> None:
    """Give the vehicle a position that is later than those of smaller sequences, within a turn."""
    row = replace(position(sequence), received_at=position(sequence, sequence).time)
    row = replace(row, time=row.received_at)
    await turn.put_positions(1, Track(vehicle, "box"), [row])
    await turn.put_latest([vehicle], RULE, since=row.time)


async def moved(fleet: Fleet, *vehicles: str, sequence: int = 1, tenant_id: int = 1) -> None:
    async with fleet.fleet.tenant_turn(tenant_id) as turn:
        for vehicle in vehicles:
            await move(turn, vehicle, sequence)


async def feed(fleet: Fleet, after: int = 0, limit: int = 100, tenant_id: int = 1) -> list[str]:
    """The vehicles that changed after a version, oldest change first."""
    page = await LatestFeed(fleet.store.database).page(tenant_id, after=after, limit=limit)
    versions = [after, *(change.version for change in page.changes)]
    assert versions == sorted(set(versions))
    assert versions[-1] <= page.head.version
    return [change.vehicle_id for change in page.changes]


async def head(fleet: Fleet, tenant_id: int = 1) -> int:
    return (await LatestFeed(fleet.store.database).head(tenant_id)).version


async def test_each_vehicle_is_in_the_feed_once_with_its_newest_change(opened: Fleet) -> None:
    await moved(opened, "a", "b")
    before = await head(opened)
    await moved(opened, "a", sequence=2)
    page = await LatestFeed(opened.store.database).page(1, after=0, limit=10)
    assert [change.vehicle_id for change in page.changes] == ["b", "a"]
    assert page.changes[1].position is not None
    assert page.changes[1].position.sequence == 2
    assert (page.head.version, page.has_more) == (page.changes[1].version, False)
    assert await feed(opened, after=before) == ["a"]
    assert await feed(opened, after=page.head.version) == []


async def test_a_vehicle_that_has_no_latest_position_any_more_is_a_change(opened: Fleet) -> None:
    await moved(opened, "a", "b")
    before = await head(opened)
    await opened.execute("delete from gps_positions where vehicle_id = 'a'")
    async with opened.fleet.tenant_turn(1) as turn:
        await turn.put_latest(["a", "b"], RULE)
    [change] = (await LatestFeed(opened.store.database).page(1, after=before, limit=10)).changes
    assert (change.vehicle_id, change.position) == ("a", None)


async def test_choosing_again_what_is_chosen_is_no_change(opened: Fleet) -> None:
    await moved(opened, "a")
    before = await head(opened)
    for since in (None, position(1).time):
        async with opened.fleet.tenant_turn(1) as turn:
            await turn.put_latest(["a", "nobody"], RULE, since=since)
    assert await head(opened) == before


async def test_pages_hold_every_change_once_also_of_one_turn(opened: Fleet) -> None:
    async with opened.fleet.tenant_turn(1) as turn:
        for number in range(7):
            await turn.put_positions(1, Track(f"v{number}", "box"), [position(1)])
        await turn.put_latest([f"v{number}" for number in range(7)], RULE)
    seen: list[str] = []
    after, has_more = 0, True
    while has_more:
        page = await LatestFeed(opened.store.database).page(1, after=after, limit=3)
        seen += [change.vehicle_id for change in page.changes]
        after, has_more = page.changes[-1].version, page.has_more
    assert seen == [f"v{number}" for number in range(7)]


async def test_nobody_sees_a_version_before_a_smaller_one(opened: Fleet) -> None:
    """The turn of one vehicle has numbered its change and not committed; that of another waits for it,
    and that of another tenant doesn't."""
    first = await target(opened, "track/a/2026-11-23/box")
    second = await target(opened, "track/b/2026-11-23/box")
    third = await target(opened, "track/c/2026-11-23/box", tenant_id=2)

    async def move_second() -> None:
        async with opened.fleet.turn(second) as claimed:
            assert claimed is not None
            await move(claimed[0], "b", 1)

    async def waits() -> bool:
        return bool(await opened.value(f"select count(*) {BLOCKED}"))

    async with open_fleet(opened.url) as other, asyncio.TaskGroup() as tasks, opened.fleet.turn(first) as one:
        assert one is not None
        await move(one[0], "a", 1)
        tasks.create_task(move_second())
        await eventually(waits)
        assert await feed(opened) == []
        async with other.fleet.turn(third) as elsewhere:
            assert elsewhere is not None
            await move(elsewhere[0], "c", 1)
        assert await feed(opened, tenant_id=2) == ["c"]
    assert await feed(opened) == ["a", "b"]


async def test_a_turn_that_fails_takes_no_version_and_tells_nobody(opened: Fleet) -> None:
    async def fail() -> None:
        async with opened.fleet.tenant_turn(1) as turn:
            await move(turn, "a", 1)
            raise LookupError

    async with opened.store.changes.listen_latest() as heard:
        with pytest.raises(LookupError):
            await fail()
        assert await LatestFeed(opened.store.database).head(1) == FEED_START
        await moved(opened, "b")
        assert await anext(heard) == LatestMoved(1, await head(opened))


async def test_everybody_is_told_after_the_commit(opened: Fleet) -> None:
    async with opened.store.changes.listen_latest() as heard:
        await moved(opened, "a", "b", tenant_id=2)
        assert await anext(heard) == LatestMoved(2, await head(opened, tenant_id=2))
        assert await feed(opened, tenant_id=2) == ["a", "b"]
        found = await target(opened, "track/c/2026-11-23/box", tenant_id=2)
        async with opened.fleet.turn(found) as claimed:
            assert claimed is not None
            await move(claimed[0], "c", 1)
        assert await anext(heard) == LatestMoved(2, await head(opened, tenant_id=2))


async def test_tenants_have_feeds_of_their_own(opened: Fleet) -> None:
    await moved(opened, "a")
    await moved(opened, "b", tenant_id=2)
    heads = [await LatestFeed(opened.store.database).head(tenant_id) for tenant_id in (1, 2)]
    assert heads[0].epoch != heads[1].epoch
    assert await feed(opened) == ["a"]
    assert await feed(opened, tenant_id=2) == ["b"]


async def test_what_follows_is_found_by_the_index_of_versions(opened: Fleet) -> None:
    await moved(opened, "a")
    await opened.execute(
        "insert into latest_changes select 1, 'v' || n, n + 100 from generate_series(1, 20000) n"
    )
    await opened.execute("analyze latest_changes")
    async with opened.store.database.tenant(1) as connection:
        compiled = page_query(1, 5_000, 100).compile(
            dialect=connection.dialect, compile_kwargs={"literal_binds": True}
        )
        plan = "\n".join((await connection.execute(text(f"explain {compiled}"))).scalars())
    assert "latest_changes_version" in plan
    assert "Seq Scan on latest_changes" not in plan
