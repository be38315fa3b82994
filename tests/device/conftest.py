from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.device.sync_server import KEY, SyncServer, sync_server
from webhost_sync.device import Device, DeviceSettings

NOON_MS = 1_790_000_000_000


@pytest.fixture
async def server() -> AsyncIterator[SyncServer]:
    async with sync_server() as served:
        yield served


@pytest.fixture
def new_device(server: SyncServer, tmp_path: Path) -> Callable[[], Device]:
    """Open the same device again and again, as after restarts."""

    def make() -> Device:
        settings = DeviceSettings(pass_seconds=0.05, first_wait_seconds=0.01, longest_wait_seconds=0.05)
        return Device(
            tmp_path / "device.db", url=server.url, credential=KEY, vehicle_id="truck-7", settings=settings
        )

    return make
