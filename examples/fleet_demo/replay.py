"""Replays the recorded day through the devices of some buses, faster than it happened.

Time passes by the reports. Recording never waits for the network: who is slow or offline falls behind,
and catches up. A device waits for its disk at every report, so the fleet is played by several threads, each
with its own devices and its own event loop.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from pathlib import Path

from examples.fleet_demo.bus_device import BusDevice
from examples.fleet_demo.recording import Recording, Report

THREADS = 4
ROUND_TRIPS_AT_ONCE = 3
"""Of one thread."""
STOP_POLL = 0.2
BREATH = 16
"""Reports that are stored in one go before the network gets its turn."""


class Pace:
    """How fast the day passes, for all threads alike."""

    def __init__(self, speed: float) -> None:
        self.speed = speed
        """Times real time."""

    def hurry(self) -> None:
        """Let the rest of the day pass as fast as the devices can store it."""
        self.speed = math.inf


class Fleet:
    """All buses, played by several threads. The numbers are those of `Replay`, added up."""

    def __init__(self, recording: Recording, folder: Path, url: str, key: str, pace: Pace) -> None:
        self.total = len(recording.reports)
        self.buses = len(recording.buses)
        self._replays = [Replay(part, folder, url, key, pace) for part in recording.parts(THREADS)]

    async def play(self) -> None:
        """As `Replay.play`; when cancelled, every device is closed before this returns."""
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(len(self._replays)) as threads:
            try:
                await asyncio.gather(
                    *(loop.run_in_executor(threads, replay.play, stop) for replay in self._replays)
                )
            finally:
                stop.set()

    @property
    def recorded(self) -> int:
        """Reports that are on the devices."""
        return sum(device.recorded for device in self._devices())

    @property
    def durable(self) -> int:
        """Reports that the server has confirmed."""
        return sum(device.durable for device in self._devices())

    @property
    def offline(self) -> int:
        """How many buses have no network now."""
        return sum(not device.online.is_set() for device in self._devices())

    @property
    def time_ms(self) -> int:
        """The time of the replayed day that all have reached; 0 before the first report."""
        return min(replay.time_ms for replay in self._replays)

    @property
    def trouble(self) -> str:
        """Why the last pass of a bus failed, if that of any did."""
        return next((device.trouble for device in self._devices() if device.trouble), "")

    def _devices(self) -> Iterator[BusDevice]:
        for replay in self._replays:
            yield from replay.devices.values()


class Replay:
    """Some buses and their devices, which go on where their files stop.

    Invariants:
    1. Devices are opened, used and closed by the thread that calls `play`.
    2. The numbers can be read by any thread; each is a little older than the truth.
    """

    def __init__(self, recording: Recording, folder: Path, url: str, key: str, pace: Pace) -> None:
        self._recording = recording
        self._pace = pace
        counts = Counter(report.vehicle_id for report in recording.reports)
        self.devices = {
            bus.vehicle_id: BusDevice(bus, counts[bus.vehicle_id], folder, url, key)
            for bus in recording.buses
        }
        self.time_ms = 0

    def play(self, stop: threading.Event) -> None:
        """Record the rest of the day; return when the server has all of it, or soon after `stop` is set.

        Raises: ExceptionGroup of what a device raises.
        """
        asyncio.run(self._play(stop))

    async def _play(self, stop: threading.Event) -> None:
        playing = asyncio.create_task(self._deliver_all())
        while not playing.done():
            await asyncio.wait({playing}, timeout=STOP_POLL)
            if stop.is_set():
                playing.cancel()
        if not playing.cancelled():
            playing.result()

    async def _deliver_all(self) -> None:
        slots = asyncio.Semaphore(ROUND_TRIPS_AT_ONCE)
        async with AsyncExitStack() as stack:
            for device in self.devices.values():
                await stack.enter_async_context(device)
                await asyncio.sleep(0)
            async with asyncio.TaskGroup() as tasks:
                for device in self.devices.values():
                    tasks.create_task(device.deliver(slots))
                await self._record()

    async def _record(self) -> None:
        reports = self._rest()
        started = time.monotonic()
        for number, report in enumerate(reports):
            ahead = (report.time_ms - reports[0].time_ms) / 1000 / self._pace.speed
            wait = started + ahead - time.monotonic()
            if wait > 0 or number % BREATH == 0:
                await asyncio.sleep(max(0.0, wait))
            self._set_networks(report.time_ms)
            await self.devices[report.vehicle_id].record(report)
        for device in self.devices.values():
            device.online.set()

    def _rest(self) -> list[Report]:
        """The reports that no device has recorded: each has those of its bus from the start on."""
        left = {name: device.recorded for name, device in self.devices.items()}
        rest: list[Report] = []
        for report in self._recording.reports:
            if left[report.vehicle_id] > 0:
                left[report.vehicle_id] -= 1
            else:
                rest.append(report)
        return rest

    def _set_networks(self, time_ms: int) -> None:
        if time_ms // 60_000 == self.time_ms // 60_000:
            return  # looked at once a minute of the day
        self.time_ms = time_ms
        for device in self.devices.values():
            change: Callable[[], None] = (
                device.online.clear if device.bus.is_offline(time_ms) else device.online.set
            )
            change()
