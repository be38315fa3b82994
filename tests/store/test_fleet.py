"""The fleet's tables: who may write them when, what is behind, and which position is the latest."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from store.contract import NotStorable
from store.fleet_contract import Checkpoint, LatestRule, Position, Target, Track
from tests.fleet import Fleet, open_fleet

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULE = LatestRule(excluded_flags=1, future_tolerance=timedelta(minutes=5))
BUS = Track("bus-7", "box")
OTHER_EPOCH = UUID(int=1)


@pytest.fixture
async def opened(database_url: str) -> AsyncIterator[Fleet]:
    async with open_fleet(database_url) as fleet:
        yield fleet


def position(sequence: int, minutes: float = 0, *, flags: int = 0) -> Position:
    return Position(
        sequence=sequence,
        time=NOON + timedelta(minutes=minutes),
        device_time=None,
        latitude=48.1,
        longitude=11.5,
        altitude_m=None,
        speed_mps=None,
        heading_deg=None,
        accuracy_m=None,
        valid=None,
        flags=flags,
        attributes=None,
        received_at=NOON + timedelta(minutes=1),
        seq=1,
    )


async def target(fleet: Fleet, name: str, tenant_id: int = 1) -> Target:
    document = await fleet.append(name, b"update", tenant_id=tenant_id)
    [found] = await fleet.fleet.behind(documents=[document.id])
    return found


async def put(fleet: Fleet, name: str, track: Track, *rows: Position) -> None:
    """Write the rows one by one, in one turn."""
    found = await target(fleet, name)
    async with fleet.fleet.turn(found) as claimed:
        assert claimed is not None
        turn, _ = claimed
        for row in rows:
            await turn.put_positions(found.document_id, track, [row])


async def choose(fleet: Fleet, *, since: datetime | None = None) -> int | None:
    """Choose the latest position of the bus in a turn of its own; which one it is then."""
    async with fleet.fleet.tenant_turn(1) as turn:
        await turn.put_latest([BUS.vehicle_id], RULE, since=since)
    rows = await fleet.execute("select sequence from latest_positions")
    return rows[0][0] if rows else None


async def test_documents_of_one_vehicle_have_one_turn_at_a_time(opened: Fleet) -> None:
    first = await target(opened, "track/bus-7/2026-11-23/box")
    same = await target(opened, "track/bus-7/2026-11-24/phone")
    other = await target(opened, "track/bus-8/2026-11-23/box")
    elsewhere = await target(opened, "track/bus-7/2026-11-23/box", tenant_id=2)
    async with opened.fleet.turn(first), opened.fleet.turn(same) as claimed:
        assert claimed is None
    async with opened.fleet.turn(first), opened.fleet.turn(other) as claimed:
        assert claimed is not None
    async with opened.fleet.turn(first), opened.fleet.turn(elsewhere) as claimed:
        assert claimed is not None
    async with opened.fleet.turn(same) as claimed:
        assert claimed is not None


async def test_a_turn_for_a_tenant_keeps_everybody_else_of_that_tenant_out(opened: Fleet) -> None:
    ours = await target(opened, "track/bus-7/2026-11-23/box")
    theirs = await target(opened, "track/bus-7/2026-11-23/box", tenant_id=2)
    async with opened.fleet.tenant_turn(1), opened.fleet.turn(ours) as claimed:
        assert claimed is None
    async with opened.fleet.tenant_turn(1), opened.fleet.turn(theirs) as claimed:
        assert claimed is not None


async def test_a_turn_sees_the_document_as_it_is_by_then(opened: Fleet) -> None:
    found = await target(opened, "track/bus-7/2026-11-23/box")
    await opened.append(found.name, b"more")
    async with opened.fleet.turn(found) as claimed:
        assert claimed is not None
        assert claimed[1] == replace(found, head_seq=2)


async def test_there_is_no_turn_for_a_document_that_has_been_deleted(opened: Fleet) -> None:
    found = await target(opened, "track/bus-7/2026-11-23/box")
    await opened.execute("update documents set state = 'deleted'")
    async with opened.fleet.turn(found) as claimed:
        assert claimed is None


async def test_a_turn_that_fails_has_written_nothing(opened: Fleet) -> None:
    found = await target(opened, "track/bus-7/2026-11-23/box")
    with pytest.raises(NotStorable):
        await put(opened, found.name, BUS, position(1), replace(position(2), attributes="no json"))
    assert await opened.value("select count(*) from gps_positions") == 0
    assert [each.document_id for each in await opened.fleet.behind()] == [found.document_id]


async def test_a_document_is_behind_until_its_checkpoint_is_its_head(opened: Fleet) -> None:
    found = await target(opened, "track/bus-7/2026-11-23/box")
    for checkpoint, behind in [(Checkpoint(1, found.epoch), 0), (Checkpoint(1, OTHER_EPOCH), 1)]:
        async with opened.fleet.tenant_turn(1) as turn:
            await turn.put_checkpoint(found.document_id, checkpoint)
        assert len(await opened.fleet.behind()) == behind


async def test_free_quarantined_and_deleted_documents_are_never_behind(opened: Fleet) -> None:
    for name in ("notes", "tables", "tables0", "track", "tracks/a", "track0/a"):
        await opened.append(name, b"update")
    quarantined = await opened.append("tables/a", b"update")
    deleted = await opened.append("tables/b", b"update")
    await opened.execute("update documents set state = 'quarantined' where id = $1", quarantined.id)
    await opened.execute("update documents set state = 'deleted' where id = $1", deleted.id)
    assert await opened.fleet.behind() == ()


async def test_a_failure_leaves_a_document_out_until_it_is_due(opened: Fleet) -> None:
    found = await target(opened, "track/bus-7/2026-11-23/box")
    await opened.fleet.put_failure(found, "broken\0")
    assert await opened.fleet.behind() == ()
    assert await opened.value("select reason from projection_failures") == "broken\\0"
    await opened.execute("update projection_failures set retry_at = now()")
    assert len(await opened.fleet.behind()) == 1


async def test_a_month_gets_its_partition_before_its_first_position(opened: Fleet) -> None:
    await opened.fleet.ensure_months([NOON, NOON + timedelta(days=20), datetime(1, 1, 1, tzinfo=UTC)])
    await put(opened, "track/bus-7/2026-11-23/box", BUS, position(1), position(2, minutes=30 * 1440))
    rows = await opened.execute("select tableoid::regclass::text from gps_positions order by sequence")
    assert [row[0] for row in rows] == ["gps_positions_2026_11", "gps_positions_2026_12"]


async def test_a_position_of_an_implausible_time_goes_to_the_default_partition(opened: Fleet) -> None:
    ancient = replace(position(1), time=datetime(1, 1, 1, tzinfo=UTC))
    await opened.fleet.ensure_months([ancient.time])
    await put(opened, "track/bus-7/0001-01-01/box", BUS, ancient)
    assert await opened.value("select tableoid::regclass::text from gps_positions") == "gps_positions_default"


async def test_the_latest_position_is_the_last_by_time_then_sequence(opened: Fleet) -> None:
    await put(opened, "track/bus-7/2026-11-23/box", BUS, position(1, 2), position(2, 1), position(3, 1))
    assert await choose(opened) == 1
    await put(opened, "track/bus-7/2026-11-23/box", BUS, position(4, 2))
    assert await choose(opened) == 4


async def test_a_flagged_or_future_position_is_not_the_latest(opened: Fleet) -> None:
    name = "track/bus-7/2026-11-23/box"
    await put(opened, name, BUS, position(1), position(2, 3, flags=1), position(3, 6), position(4, 6.1))
    assert await choose(opened) == 3


async def test_without_a_candidate_there_is_no_latest_position(opened: Fleet) -> None:
    await put(opened, "track/bus-7/2026-11-23/box", BUS, position(1))
    assert await choose(opened) == 1
    await opened.execute("delete from gps_positions")
    assert await choose(opened) is None


async def test_added_positions_alone_never_move_the_latest_back(opened: Fleet) -> None:
    name = "track/bus-7/2026-11-23/box"
    await put(opened, name, BUS, position(1, 2))
    assert await choose(opened, since=position(1, 2).time) == 1
    await put(opened, name, BUS, position(2, 1))
    assert await choose(opened, since=position(2, 1).time) == 1
    await put(opened, name, BUS, position(3, 2))
    assert await choose(opened, since=position(3, 2).time) == 3


async def test_checkpoints_are_dropped_for_the_documents_of_one_track_only(opened: Fleet) -> None:
    names = [
        "track/bus-7/2026-11-23/box",
        "track/bus-7/2026-11-24/box",
        "track/bus-7/2026-11-23/black_box",
        "track/bus-77/2026-11-23/box",
    ]
    targets = [await target(opened, name) for name in names]
    async with opened.fleet.tenant_turn(1) as turn:
        for each in targets:
            await turn.put_checkpoint(each.document_id, Checkpoint(1, each.epoch))
        await turn.drop_checkpoints(prefix="track/bus-7/", suffix="/box", but=targets[0].document_id)
    assert [each.name for each in await opened.fleet.behind()] == [names[1]]


async def test_one_tenant_does_not_see_the_rejects_and_failures_of_another(opened: Fleet) -> None:
    found = await target(opened, "track/misspelt", tenant_id=2)
    await opened.projector.catch_up()
    await opened.fleet.put_failure(found, "broken")
    assert len(await opened.fleet.reject_counts(2)) == 1
    assert await opened.fleet.reject_counts(1) == ()
    async with opened.store.database.tenant(1) as connection:
        failures = await connection.exec_driver_sql("select count(*) from projection_failures")
        assert failures.scalar_one() == 0
