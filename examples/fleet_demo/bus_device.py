"""One bus's box: a real device client with its own SQLite file, and the bus's row in the vehicles' table.

Reports come in from the replay; they leave by HTTP round trips, of which a few of all buses run at a
time. What was recorded is told by the file, so a replay that was killed goes on where it stopped.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pycrdt import Doc, Map

from examples.fleet_demo.recording import Bus, Report
from webhost_sync.device import Device, DeviceStatus
from webhost_sync.errors import TryAgain
from webhost_sync.fleet.keys import encode_key
from webhost_sync.fleet.layout import CODEC_VERSION, LAYOUT_VERSION

VEHICLES = "tables/vehicles"
PAUSE = 4.0
"""Seconds between two passes of one bus: long enough that a pass carries several fixes."""
RETRY = 0.5


class Refused(Exception):
    """The server refuses a document of a device for good; the message says which and why."""


class BusDevice:
    """A bus's device while the demo runs, entered with `async with`.

    Invariants:
    1. `recorded` and `durable` never fall, and `durable` is what the server confirmed.
    2. While `online` is not set, nothing is sent.
    3. `trouble` says why the last pass failed, and is empty after one that didn't.
    """

    def __init__(self, bus: Bus, reports: int, folder: Path, url: str, key: str) -> None:
        self.bus = bus
        self.online = asyncio.Event()
        self.online.set()
        self.recorded = 0
        self.durable = 0
        self.trouble = ""
        self._reports = reports
        self._device = Device(
            folder / f"{bus.vehicle_id}.sqlite3",
            url=url,
            credential=key,
            vehicle_id=bus.vehicle_id,
            # The day is always recorded in the same order: replaying it with empty files adds nothing.
            device_id=f"{bus.vehicle_id}-box",
        )
        self._exit_stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        await self._exit_stack.enter_async_context(self._device)
        self._count()
        if self.recorded < self._reports:
            self._set_status("on the road")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit_stack.aclose()

    async def record(self, report: Report) -> None:
        """Store one report; it is on disk when this returns."""
        await self._device.record(
            report.latitude, report.longitude, fix_time_ms=report.time_ms, speed_mps=report.speed_mps
        )
        self.recorded += 1
        if self.recorded == self._reports:
            self._set_status("in the depot")

    async def deliver(self, slots: asyncio.Semaphore) -> None:
        """Bring everything to the server, as it comes; ends when the whole day is durable there.

        Raises: Refused, webhost_sync.errors.NotAuthenticated.
        """
        async with asyncio.TaskGroup() as tasks:
            live = tasks.create_task(self._device.keep_live(VEHICLES)) if self.bus.live else None
            while not await self._pass(slots):  # noqa: ASYNC110 - a pass, not a condition
                await asyncio.sleep(PAUSE if self.recorded < self._reports else RETRY)
            if live:
                live.cancel()

    async def _pass(self, slots: asyncio.Semaphore) -> bool:
        """Make one pass when there is a network and a slot; tell whether all is done."""
        await self.online.wait()
        async with slots:
            try:
                await self._device.sync()
            except TryAgain as error:  # the server is away; the next pass sends it
                self.trouble = str(error)
                return False
        self.trouble = ""
        status = self._count()
        if status.rejected:
            why = "; ".join(f"{each.document}: {each.message}" for each in status.rejected)
            raise Refused(f"the server refuses what {self.bus.vehicle_id} sends: {why}")
        return self.recorded == self._reports and status.everything_durable

    def _count(self) -> DeviceStatus:
        status = self._device.status
        self.recorded, self.durable = status.recorded_fixes, status.durable_fixes
        return status

    def _set_status(self, status: str) -> None:
        """Write the bus's row. Fields that stand there already are not written again, so that starting
        the demo another time adds nothing to the document."""
        document: Doc[Any] = self._device.document(VEHICLES)
        rows, meta = document.get("rows", type=Map), document.get("meta", type=Map)
        key = encode_key(self.bus.vehicle_id)
        name = self.bus.vehicle_id.replace("bus-", "Bus ")
        fields = {"name": name, "group": "Capital Metro", "status": status}
        with document.transaction():
            if "layout" not in meta:
                meta.update({"layout": LAYOUT_VERSION, "codec": CODEC_VERSION})
            if key not in rows:
                rows[key] = Map(fields)
            else:
                row = rows[key]
                for field, value in fields.items():
                    if row.get(field) != value:
                        row[field] = value
