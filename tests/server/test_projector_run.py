"""The projector at work: it follows the log by itself, shares the work, and shows how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest

from tests.eventually import eventually
from tests.fleet import Fleet, Writer, fix, fixes, open_fleet, track_name


@pytest.fixture
async def fleet(database_url: str) -> AsyncIterator[Fleet]:
    async with open_fleet(database_url) as fleet:
        yield fleet


async def test_the_status_says_how_far_the_rows_are_behind(fleet: Fleet) -> None:
    device = Writer(1)
    await fleet.project(track_name(), device.chunk(fix(1)))
    assert (await fleet.projector.status()).oldest is None
    await fleet.append(track_name(), device.chunk(fix(2)), device.chunk(fix(3)))
    status = await fleet.projector.status()
    assert status.behind == 1
    assert status.oldest == await fleet.value("select received_at from document_updates where seq = 2")


async def test_a_document_that_cannot_be_read_is_recorded_and_stops_nobody(fleet: Fleet) -> None:
    bad = await fleet.append(track_name("a"), Writer(1).chunk(fix(1)))
    await fleet.append(track_name("b"), Writer(2).chunk(fix(1)))
    await fleet.execute("update document_updates set checksum = checksum + 1 where document_id = $1", bad.id)
    assert await fleet.projector.catch_up() == 1
    assert await fleet.value("select vehicle_id from gps_positions") == "b"
    [failure] = await fleet.execute("select document_id, attempts, reason from projection_failures")
    assert (failure[0], failure[1]) == (bad.id, 1)
    assert "the checksum is wrong" in failure[2]
    assert (await fleet.projector.status()).failing == 1


async def test_a_document_that_fails_again_waits_longer_until_it_can_be_read(fleet: Fleet) -> None:
    bad = await fleet.append(track_name(), Writer(1).chunk(fix(1)))
    await fleet.execute("update document_updates set checksum = checksum + 1")
    for _ in range(4):
        await fleet.execute("update projection_failures set retry_at = now()")
        await fleet.projector.catch_up()
    waits = await fleet.value("select retry_at - failed_at from projection_failures")
    assert waits == timedelta(seconds=8)
    await fleet.execute("update document_updates set checksum = checksum - 1")
    await fleet.execute("update projection_failures set retry_at = now()")
    assert await fleet.projector.catch_up() == 1
    assert await fleet.value("select count(*) from projection_failures") == 0
    assert await fleet.value("select document_id from gps_positions") == bad.id


async def test_free_documents_are_never_loaded(fleet: Fleet) -> None:
    await fleet.append("notes/today", b"no update at all")
    await fleet.append("tables/other", b"no update either")
    await fleet.append("track/misspelt", b"nor this")
    assert await fleet.projector.catch_up() == 2
    assert await fleet.value("select count(*) from projection_failures") == 0
    [row] = await fleet.execute("select path, reason from projection_rejects")
    assert tuple(row) == ("name", "a track's name is track/{vehicle}/{yyyy-mm-dd}/{device}")


async def test_run_follows_the_log_by_notifications(database_url: str) -> None:
    async with open_fleet(database_url, projection_interval=3600.0) as fleet:
        device = Writer(1)
        running = asyncio.create_task(fleet.projector.run())
        try:
            await eventually(lambda: listens(fleet))
            for sequence in (1, 2, 3):
                await fleet.append(track_name(), device.chunk(fix(sequence)))
                await eventually(partial(is_latest, fleet, sequence))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def test_run_finds_by_itself_what_no_notification_told(database_url: str) -> None:
    async with open_fleet(database_url, projection_interval=0.05) as fleet:
        await fleet.append(track_name(), Writer(1).chunk(fix(1)))
        await fleet.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where query like 'LISTEN%'"
        )
        running = asyncio.create_task(fleet.projector.run())
        try:
            await eventually(lambda: is_latest(fleet, 1))
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


async def listens(fleet: Fleet) -> bool:
    return bool(
        await fleet.value("select count(*) > 0 from pg_stat_activity where query ilike 'listen%'")
        and not (await fleet.projector.status()).behind
    )


async def is_latest(fleet: Fleet, sequence: int) -> bool:
    return bool(await fleet.value("select max(sequence) from latest_positions") == sequence)


async def test_two_projectors_share_the_work(database_url: str) -> None:
    async with open_fleet(database_url) as one, open_fleet(database_url) as other:
        for number in range(30):
            device = Writer(number + 1)
            updates = [device.chunk(*fixes(first, 10)) for first in (0, 10, 20)]
            await one.append(track_name(f"bus-{number % 10}", f"box-{number}"), *updates)
        counts = await asyncio.gather(one.projector.catch_up(), other.projector.catch_up())
        assert await one.value("select count(*) from gps_positions") == 900
        assert await one.value("select count(*) from latest_positions") == 10
        assert min(counts) > 0
