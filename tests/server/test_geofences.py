"""Fences as rows, and the events of vehicles at them: the same whatever came first, late, twice or again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator

import pytest

from tests.eventually import eventually
from tests.fleet import Fleet, Writer, fix, open_fleet, track_name
from tests.store.logs import superuser
from webhost_sync.config import Settings
from webhost_sync.fleet.chunk import Fix
from webhost_sync.fleet.rebuild import rebuild

FENCES = "tables/geofences"
DEPOT = {
    "kind": "circle",
    "name": "Depot",
    "radius_m": 500,
    "center": {"latitude": 48.1, "longitude": 11.5},
}
YARD = {
    "kind": "polygon",
    "points": [
        {"latitude": 48.09, "longitude": 11.49},
        {"latitude": 48.09, "longitude": 11.51},
        {"latitude": 48.11, "longitude": 11.5},
    ],
}
IN, OUT = 48.1, 48.2


@pytest.fixture
async def fleet(database_url: str) -> AsyncIterator[Fleet]:
    async with open_fleet(database_url) as fleet:
        yield fleet


async def events(fleet: Fleet, vehicle: str = "bus-7") -> list[tuple[str, int, bool]]:
    rows = await fleet.execute(
        "select geofence_id, sequence, enters from geofence_events where vehicle_id = $1"
        " order by time, sequence, geofence_id",
        vehicle,
    )
    return [tuple(row) for row in rows]


def drive() -> list[Fix]:
    """In and out, slowly enough not to be a jump: fix 2 enters, 4 leaves, 5 enters."""
    places = [OUT, IN, IN, OUT, IN]
    return [fix(number, 1000 * number, latitude=place) for number, place in enumerate(places, 1)]


EXPECTED = [("depot", 2, True), ("depot", 4, False), ("depot", 5, True)]


async def test_a_fence_becomes_a_row_and_vehicles_enter_and_leave_it(fleet: Fleet) -> None:
    app, device = Writer(1), Writer(2)
    await fleet.project(FENCES, app.row("depot", DEPOT), app.row("yard", YARD))
    rows = await fleet.execute("select id, name, kind, radius_m from geofences order by id")
    assert [tuple(row) for row in rows] == [
        ("depot", "Depot", "circle", 500.0),
        ("yard", None, "polygon", None),
    ]
    await fleet.project(FENCES, app.remove_row("yard"))
    for point in drive():
        await fleet.project(track_name(), device.chunk(point))
    assert await events(fleet) == EXPECTED
    assert await fleet.value("select count(*) from geofence_moves") == 0


async def test_a_new_fence_is_held_against_the_past_and_a_removed_one_forgotten(fleet: Fleet) -> None:
    app, device = Writer(1), Writer(2)
    await fleet.project(track_name(), device.chunk(*drive()))
    await fleet.project(FENCES, app.row("depot", DEPOT))
    assert await events(fleet) == EXPECTED
    await fleet.project(FENCES, app.field("depot", "radius_m", 100_000))
    assert await events(fleet) == [("depot", 1, True)]
    await fleet.project(FENCES, app.remove_row("depot"))
    assert await events(fleet) == []


async def test_late_fixes_give_what_they_would_have_given_in_time(fleet: Fleet) -> None:
    app = Writer(1)
    await fleet.project(FENCES, app.row("depot", DEPOT))
    chance = random.Random(7)
    for vehicle in ("a", "b", "c", "d"):
        device, points = Writer(5), drive()
        chance.shuffle(points)
        for point in points:
            await fleet.project(track_name(vehicle), device.chunk(point))
        assert await events(fleet, vehicle) == EXPECTED, [point.sequence for point in points]


async def test_taking_fixes_away_takes_their_events_away(fleet: Fleet) -> None:
    app, device = Writer(1), Writer(2)
    await fleet.project(FENCES, app.row("depot", DEPOT))
    first, *rest = drive()
    await fleet.project(track_name(), device.chunk(first), device.chunk(*rest))
    await fleet.project(track_name(), device.remove_chunk(1))
    assert await events(fleet) == []


async def test_a_rebuild_gives_the_same_fences_and_events(fleet: Fleet) -> None:
    app, device = Writer(1), Writer(2)
    await fleet.project(FENCES, app.row("depot", DEPOT), app.row("yard", YARD))
    await fleet.project(track_name(), device.chunk(*drive()))
    before = await fleet.tables()
    assert before["geofence_events"]
    await fleet.execute("update geofence_events set enters = not enters")
    await fleet.execute("insert into geofence_events select 1, 'ghost', now(), 1, 'box', 'depot', true, 0, 0")
    await fleet.execute("delete from geofences where id = 'yard'")
    await rebuild(fleet.fleet, fleet.store.log, Settings())
    assert await fleet.tables() == before


async def test_a_row_that_is_no_fence_is_refused_and_the_others_are_there(fleet: Fleet) -> None:
    app = Writer(1)
    await fleet.project(FENCES, app.row("depot", DEPOT), app.row("x", {**DEPOT, "radius_m": -1, "note": 5}))
    assert await fleet.value("select id from geofences") == "depot"
    [row] = await fleet.execute("select path, reason from projection_rejects")
    assert row["path"] == "rows/x"
    assert row["reason"].startswith("radius_m must be more than 0")


async def test_what_is_no_likely_place_crosses_nothing(fleet: Fleet) -> None:
    app, device = Writer(1), Writer(2)
    await fleet.project(FENCES, app.row("depot", DEPOT))
    stray = fix(2, 2, latitude=48.1)
    await fleet.project(track_name(), device.chunk(fix(1, 1, latitude=OUT), stray, fix(3, 3, latitude=OUT)))
    assert await events(fleet) == []


async def test_while_vehicles_are_followed_through_their_past_the_tables_follow_all_the_same(
    fleet: Fleet,
) -> None:
    app, device = Writer(1), Writer(2)
    await fleet.project(track_name(), device.chunk(*drive()))
    running = asyncio.create_task(fleet.projector.run())
    try:
        async with superuser(fleet.url) as connection, connection.transaction():
            # Whoever has to write an event waits here, as for a long past.
            await connection.execute("lock table geofence_events in exclusive mode")
            await fleet.append(FENCES, app.row("depot", DEPOT))
            await eventually(lambda: has(fleet, "geofences", "depot"))
            await eventually(lambda: waits(fleet))
            before = await waits(fleet)
            await fleet.append("tables/vehicles", Writer(3).row("bus-7", {"name": "Seven"}))
            await eventually(lambda: has(fleet, "vehicles", "bus-7"))
            assert await waits(fleet) == before, "it was still at it"
        await eventually(lambda: events_are(fleet, EXPECTED))
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def waits(fleet: Fleet) -> list[object]:
    """Since when whoever follows vehicles waits."""
    rows = await fleet.execute(
        "select xact_start from pg_stat_activity"
        " where datname = current_database() and wait_event_type = 'Lock'"
    )
    assert rows
    return [row[0] for row in rows]


async def has(fleet: Fleet, table: str, key: str) -> bool:
    return bool(await fleet.value(f"select count(*) from {table} where id = $1", key))


async def events_are(fleet: Fleet, expected: list[tuple[str, int, bool]]) -> None:
    assert await events(fleet) == expected
