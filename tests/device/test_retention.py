"""What a device lets go: by its own rules only, oldest first, and counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.device.conftest import NOON_MS
from tests.device.sync_server import KEY, SyncServer
from webhost_sync.device import Device, DeviceSettings, Retention
from webhost_sync.errors import TryAgain

DAY_SECONDS = 86_400.0


class Clock:
    """The device's clock, which the test sets."""

    def __init__(self) -> None:
        self.seconds = NOON_MS / 1000

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def open_device(server: SyncServer, path: Path, clock: Clock, retention: Retention) -> Device:
    settings = DeviceSettings(retention=retention)
    return Device(
        path / "device.db",
        url=server.url,
        credential=KEY,
        vehicle_id="truck-7",
        settings=settings,
        clock=clock,
    )


async def record(device: Device, clock: Clock) -> int:
    return await device.record(48.1, 11.5, fix_time_ms=int(clock.seconds * 1000))


async def test_beyond_the_number_the_oldest_fixes_go_and_are_counted(
    server: SyncServer, tmp_path: Path, clock: Clock
) -> None:
    async with open_device(server, tmp_path, clock, Retention(undelivered_fixes=4)) as device:
        for _ in range(10):
            await record(device, clock)
        await device.sync()
        assert device.status.dropped_by_count == 6
        assert device.status.durable_fixes == 4
    assert [fix.sequence for fix in server.fixes()] == [7, 8, 9, 10]


async def test_beyond_the_age_fixes_go_and_are_counted(
    server: SyncServer, tmp_path: Path, clock: Clock
) -> None:
    async with open_device(server, tmp_path, clock, Retention(undelivered_days=30)) as device:
        await record(device, clock)
        clock.seconds += 31 * DAY_SECONDS
        await record(device, clock)
        await device.sync()
        assert (device.status.dropped_by_age, device.status.durable_fixes) == (1, 1)
    assert [fix.sequence for fix in server.fixes()] == [2]


async def test_a_clock_that_starts_in_1970_costs_no_fix(
    server: SyncServer, tmp_path: Path, clock: Clock
) -> None:
    now, clock.seconds = clock.seconds, 5.0
    async with open_device(server, tmp_path, clock, Retention()) as device:
        await record(device, clock)
        clock.seconds = now
        await device.sync()
        assert device.status.durable_fixes == 1


async def test_a_fix_in_flight_is_not_dropped(server: SyncServer, tmp_path: Path, clock: Clock) -> None:
    async with open_device(server, tmp_path, clock, Retention(undelivered_days=1)) as device:
        await record(device, clock)
        server.lose_answers = 1
        with pytest.raises(TryAgain):
            await device.sync()
        clock.seconds += 2 * DAY_SECONDS
        await device.sync()
        assert (device.status.dropped_by_age, device.status.durable_fixes) == (0, 1)


async def test_a_delivered_track_is_forgotten_and_takes_late_fixes(
    server: SyncServer, tmp_path: Path, clock: Clock
) -> None:
    async with open_device(server, tmp_path, clock, Retention(delivered_days=3)) as device:
        await record(device, clock)
        await device.sync()
        clock.seconds += 4 * DAY_SECONDS
        await device.sync()
        assert device.status.tracks_forgotten == 1
        assert (await device.verify()).exchanged == []
        await device.record(48.1, 11.5, fix_time_ms=NOON_MS + 1000)
        await device.sync()
    assert [fix.sequence for fix in server.fixes()] == [1, 2]
    assert len(server.rooms) == 1
