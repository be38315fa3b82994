"""Writers and those who listen to them: sends numbered updates at a fixed rate or as fast as the slowest
listener follows, and notes every delivery. Knows no server by name and keeps no documents.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from bench.client import Client, Listener, connect
from bench.dialects import Dialect
from bench.frames import client_frame
from bench.measure import Deliveries
from bench.updates import marker, newest

CONNECTING_AT_ONCE = 50
IN_FLIGHT = 100
"""Updates that a writer sends ahead of the slowest listener when it goes as fast as they follow."""
DELIVERY_SECONDS = 60.0


class Audience:
    """Those who listen to one writer. Invariant: each listener has a number of its own."""

    def __init__(self, writer: str, size: int) -> None:
        self.deliveries = Deliveries(size)
        self.heard = asyncio.Event()
        self._wanted = marker(writer)

    def listener(self, number: int) -> Listener:
        """What a client that is listener `number` calls with each frame."""

        def hear(payload: bytes, now: float) -> None:
            update = newest(payload, self._wanted)
            if update is not None:
                self.deliveries.note_seen(number, update, now)
                self.heard.set()

        return hear

    async def has_all(self) -> None:
        """Wait until everybody has everything. Raises: TimeoutError after a minute without news."""
        while self.deliveries.delivered < self.deliveries.sent:
            self.heard.clear()
            await asyncio.wait_for(self.heard.wait(), DELIVERY_SECONDS)


class Writer:
    """A client that sends its updates in order. Invariant: a time is noted before its update leaves."""

    def __init__(
        self, client: Client, dialect: Dialect, updates: Sequence[bytes], audience: Audience
    ) -> None:
        self._client = client
        self._frames = [client_frame(dialect.update(update)) for update in updates]
        self._audience = audience

    def send_next(self) -> None:
        """Raises: IndexError when all updates are sent."""
        deliveries = self._audience.deliveries
        frame = self._frames[deliveries.sent]
        deliveries.note_sent(time.perf_counter())
        self._client.send(frame)

    async def as_fast_as_they_follow(self, *, seconds: float) -> float:
        """Send until the time or the updates run out; return the updates per second that everybody got."""
        deliveries, heard = self._audience.deliveries, self._audience.heard
        first, started = deliveries.delivered, time.perf_counter()
        while time.perf_counter() < started + seconds and deliveries.delivered < len(self._frames):
            while deliveries.sent < min(deliveries.delivered + IN_FLIGHT, len(self._frames)):
                self.send_next()
            heard.clear()
            await asyncio.wait_for(heard.wait(), DELIVERY_SECONDS)
        return (deliveries.delivered - first) / (time.perf_counter() - started)


async def at_a_fixed_rate(rate: float, count: int, send: Callable[[int], None]) -> None:
    """Call `send` with 0, 1, ... `count` - 1, each at its time. A late call makes no later one late."""
    started = time.perf_counter()
    for number in range(count):
        ahead = started + number / rate - time.perf_counter()
        if ahead > 0.0005:
            await asyncio.sleep(ahead)
        send(number)


@asynccontextmanager
async def connected(*sockets: tuple[str, Dialect, Listener | None]) -> AsyncIterator[list[Client]]:
    """Open sockets, a few dozen at a time, and give them in this order; close them whatever happens."""
    turnstile = asyncio.Semaphore(CONNECTING_AT_ONCE)
    open_clients: list[Client] = []

    async def join(url: str, dialect: Dialect, listener: Listener | None) -> Client:
        async with turnstile:
            client = await connect(url, dialect, listener)
        open_clients.append(client)
        return client

    try:
        async with asyncio.TaskGroup() as tasks:
            joining = [tasks.create_task(join(*socket)) for socket in sockets]
        yield [task.result() for task in joining]
    finally:
        await asyncio.gather(*(client.close() for client in open_clients))
