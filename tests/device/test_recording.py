"""What the device promises about fixes: stored at once, numbered once, delivered exactly once."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pycrdt import Array

from tests.device.conftest import NOON_MS
from tests.device.sync_server import SyncServer
from tests.eventually import eventually
from webhost_sync.device import Device
from webhost_sync.device.errors import NotStored
from webhost_sync.errors import TryAgain
from webhost_sync.fleet.chunk import decode_chunk
from webhost_sync.fleet.layout import LayoutError

NewDevice = Callable[[], Device]


async def record(device: Device, count: int, *, start_ms: int = NOON_MS) -> list[int]:
    """Record fixes one second apart and return their numbers."""
    return [
        await device.record(48.1 + second * 1e-4, 11.5, fix_time_ms=start_ms + second * 1000)
        for second in range(count)
    ]


async def test_a_fix_reaches_the_server_with_its_values(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        sequence = await device.record(
            48.1234567, 11.7654321, fix_time_ms=NOON_MS, speed_mps=12.34, attributes={"ignition": True}
        )
        await device.sync()
        assert device.status.everything_durable
    [fix] = server.fixes()
    assert (fix.sequence, fix.latitude, fix.longitude) == (sequence, 48.1234567, 11.7654321)
    assert (fix.fix_time_ms, fix.speed_mps, fix.attributes) == (NOON_MS, 12.34, {"ignition": True})
    [name] = server.rooms
    assert name == f"track/truck-7/2026-09-21/{device_id_of(name)}"


def device_id_of(name: str) -> str:
    return name.rsplit("/", 1)[1]


async def test_a_fix_is_on_disk_when_record_returns(new_device: NewDevice) -> None:
    async with new_device() as device:
        numbers = await record(device, 3)
    async with new_device() as device:
        assert device.status.pending_fixes == 3
        assert await record(device, 1) == [numbers[-1] + 1]


async def test_numbers_go_on_after_everything_was_delivered(new_device: NewDevice) -> None:
    async with new_device() as device:
        first = await record(device, 2)
        await device.sync()
    async with new_device() as device:
        assert await record(device, 1) == [first[-1] + 1]


async def test_a_value_that_is_no_position_is_refused_by_name_and_uses_no_number(
    new_device: NewDevice,
) -> None:
    async with new_device() as device:
        with pytest.raises(LayoutError, match="latitude"):
            await device.record(float("nan"), 11.5, fix_time_ms=NOON_MS)
        with pytest.raises(LayoutError, match="fix_time_ms"):
            await device.record(48.1, 11.5, fix_time_ms=2**49)
        assert device.status.recorded_fixes == 0


@contextmanager
def full_disk() -> Iterator[None]:
    """Let no file of this process grow. Python ignores the signal, so a write fails as on a full disk."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


async def test_a_full_disk_is_told_and_waited_for(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        await record(device, 1)
        syncing = asyncio.create_task(device.keep_synced())
        with full_disk():
            with pytest.raises(NotStored):
                await record(device, 1)
            await eventually(lambda: "could not be stored" in (device.status.last_error or ""))
        await record(device, 1)
        await eventually(lambda: device.status.durable_fixes == 2)
        syncing.cancel()
        await asyncio.gather(syncing, return_exceptions=True)
    assert [fix.sequence for fix in server.fixes()] == [1, 2]


async def test_every_fix_arrives_once_over_days_and_batches(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        numbers = await record(device, 500)
        numbers += await record(device, 200, start_ms=NOON_MS + 86_400_000)
        await device.sync()
        assert device.status.durable_fixes == 700
    assert [fix.sequence for fix in server.fixes()] == numbers
    assert len(server.rooms) == 2


async def test_a_backlog_of_many_days_arrives_whole(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        for day in range(9):
            await record(device, 3, start_ms=NOON_MS + day * 86_400_000)
        server.lose_requests = 1
        with pytest.raises(TryAgain):
            await device.sync()
        await record(device, 1)
        await device.sync()
        await device.verify()
        assert device.status.everything_durable
    assert [fix.sequence for fix in server.fixes()] == list(range(1, 29))
    assert len(server.rooms) == 9


async def test_the_newest_fixes_go_first_and_batches_grow(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        await record(device, 1000)
        server.lose_requests = 0
        await device.sync()
    [(_, room)] = server.rooms.items()
    assert server.bodies[0] < min(server.bodies[3:4])
    first_chunk = next(iter(room.doc.get("chunks", type=Array)))
    assert decode_chunk(first_chunk)[-1].sequence == 1000


async def test_a_failed_request_does_not_make_the_next_one_larger(
    server: SyncServer, new_device: NewDevice
) -> None:
    async with new_device() as device:
        for _ in range(5):
            await record(device, 60)
            server.lose_requests = 1
            with pytest.raises(TryAgain):
                await device.sync()
        assert max(server.bodies) < min(server.bodies) * 1.2
        await device.sync()
        assert device.status.everything_durable
    assert [fix.sequence for fix in server.fixes()] == list(range(1, 301))


async def test_a_lost_answer_doubles_nothing(server: SyncServer, new_device: NewDevice) -> None:
    async with new_device() as device:
        await record(device, 100)
        server.lose_answers = 1
        with pytest.raises(TryAgain, match="not the server"):
            await device.sync()
        assert device.status.pending_fixes == 100
    async with new_device() as device:
        await device.sync()
        assert device.status.everything_durable
    assert [fix.sequence for fix in server.fixes()] == list(range(1, 101))
