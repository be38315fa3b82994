"""The process that the power-cut test kills: records fixes, prints each number it was told is stored.

Beside that it edits a document and syncs without pause, so that the end comes in the midst of every kind
of transaction. Called with the database, the server's URL, the key, and the time of the first fix in ms.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from pycrdt import Array

from webhost_sync.device import Device, DeviceSettings
from webhost_sync.errors import TryAgain


async def record(device: Device, start_ms: int) -> None:
    """Record for ever; a line on stdout is a promise."""
    edits = device.document("edits").get("sequences", type=Array)
    while True:
        sequence = await device.record(48.1, 11.5, fix_time_ms=start_ms + device.status.recorded_fixes * 1000)
        sys.stdout.write(f"fix {sequence}\n")
        sys.stdout.flush()
        edits.append(sequence)
        sys.stdout.write(f"edit {sequence}\n")
        sys.stdout.flush()
        await asyncio.sleep(0)


async def sync(device: Device) -> None:
    """Sync for ever, without a pause."""
    while True:
        with suppress(TryAgain):
            await device.sync()
        await asyncio.sleep(0)


async def main(path: str, url: str, key: str, start_ms: int) -> None:
    """Open the device and let both tasks run until the power is cut."""
    settings = DeviceSettings(chunk_fixes=10)
    async with (
        Device(path, url=url, credential=key, vehicle_id="truck-7", settings=settings) as device,
        asyncio.TaskGroup() as tasks,
    ):
        tasks.create_task(record(device, start_ms))
        tasks.create_task(sync(device))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
