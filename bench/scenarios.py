"""What is measured: fan-out in one room, many small rooms, joining a large document. Each scenario
gets a running server and a plan, and returns a frozen record. Knows no server by name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from statistics import median

from bench.client import Listener, connect
from bench.dialects import Dialect
from bench.load import Audience, Writer, at_a_fixed_rate, connected
from bench.measure import Latency, summarise
from bench.servers import RunningServer
from bench.updates import make_updates, marker, newest

WRITER = "w"
FULL_SPEED_UPDATES = 60_000
FILLING_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything; times in seconds, rates per second."""

    readers: int = 200
    rate: int = 50
    steady_seconds: float = 8
    full_speed_seconds: float = 6
    rooms: int = 500
    rooms_seconds: int = 10
    document_updates: int = 20_000
    padding: int = 40
    """Characters on top of each update's number: 20,000 updates make about 1 MB of state."""
    joins: int = 5


QUICK = Plan(steady_seconds=3, full_speed_seconds=2, rooms_seconds=4, document_updates=5_000, joins=3)


@dataclass(frozen=True, slots=True)
class FanOut:
    """`full_speed` is how many updates per second reached every reader."""

    steady: Latency
    full_speed: float


@dataclass(frozen=True, slots=True)
class ManyRooms:
    """`cpu` is the server's processor time per second of the run; `memory` is in bytes."""

    latency: Latency
    cpu: float
    memory: int


@dataclass(frozen=True, slots=True)
class Joins:
    """`filling` is updates per second from one writer to one reader. `cold_ms` is None when the
    document was not whole after the restart."""

    filling: float
    state_bytes: int
    warm_ms: float
    cold_ms: float | None


async def fan_out(server: RunningServer, plan: Plan) -> FanOut:
    """One writer and many readers in one room: first at a fixed rate, then as fast as they follow."""
    url, dialect = server.url("fan-out"), server.dialect("fan-out")
    audience = Audience(WRITER, plan.readers)
    seats = [(url, dialect, audience.listener(number)) for number in range(plan.readers)]
    # The writer comes first and alone: pycrdt-websocket 0.16.5 leaves some joiners of a new room without
    # an answer when several come at once.
    async with connected((url, dialect, None)) as (client,), connected(*seats):
        writer = Writer(client, dialect, make_updates(WRITER, FULL_SPEED_UPDATES), audience)
        await at_a_fixed_rate(plan.rate, int(plan.rate * plan.steady_seconds), lambda _: writer.send_next())
        await audience.has_all()
        steady = summarise(audience.deliveries.latencies)
        full_speed = await writer.as_fast_as_they_follow(seconds=plan.full_speed_seconds)
        await audience.has_all()
    return FanOut(steady, full_speed)


async def many_rooms(server: RunningServer, plan: Plan) -> ManyRooms:
    """Two clients in each room, every client writing once a second, spread evenly over the second."""
    rooms = [f"room-{number}" for number in range(plan.rooms)]
    heard_by_first = [Audience("b", 1) for _ in rooms]
    heard_by_second = [Audience("a", 1) for _ in rooms]

    def seats(audiences: list[Audience]) -> list[tuple[str, Dialect, Listener]]:
        return [
            (server.url(room), server.dialect(room), audience.listener(0))
            for room, audience in zip(rooms, audiences, strict=True)
        ]

    async with connected(*seats(heard_by_first)) as first, connected(*seats(heard_by_second)) as second:
        audiences = heard_by_second + heard_by_first
        updates = [make_updates(writer, plan.rooms_seconds) for writer in "ab"]
        writers = [
            Writer(client, server.dialect(rooms[index % plan.rooms]), updates[index // plan.rooms], audience)
            for index, (client, audience) in enumerate(zip(first + second, audiences, strict=True))
        ]
        before = server.usage()
        rate = len(writers)
        await at_a_fixed_rate(
            rate, rate * plan.rooms_seconds, lambda number: writers[number % rate].send_next()
        )
        for audience in audiences:
            await audience.has_all()
        after = server.usage()
    latencies = [latency for audience in audiences for latency in audience.deliveries.latencies]
    cpu = (after.cpu_seconds - before.cpu_seconds) / plan.rooms_seconds
    return ManyRooms(summarise(latencies), cpu, after.memory)


async def joins(server: RunningServer, plan: Plan) -> Joins:
    """Fill a document, join it while it is live, restart the server and join it again."""
    url, dialect = server.url("large"), server.dialect("large")
    audience = Audience(WRITER, 1)
    updates = make_updates(WRITER, plan.document_updates, padding=plan.padding)
    async with connected((url, dialect, audience.listener(0))), connected((url, dialect, None)) as (client,):
        writer = Writer(client, dialect, updates, audience)
        filling = await writer.as_fast_as_they_follow(seconds=FILLING_SECONDS)
        if audience.deliveries.sent < len(updates):
            raise TimeoutError(f"the document was not filled in {FILLING_SECONDS} s")
        await audience.has_all()
        warm = [await timed_join(server, "large") for _ in range(plan.joins)]
    await server.stop()
    await server.start()
    cold_seconds, state = await timed_join(server, "large")
    whole = newest(state, marker(WRITER)) == len(updates) - 1
    return Joins(
        filling,
        len(warm[-1][1]),
        median(seconds for seconds, _ in warm) * 1000,
        cold_seconds * 1000 if whole else None,
    )


async def timed_join(server: RunningServer, document: str) -> tuple[float, bytes]:
    """Seconds from opening a socket to the whole first step 2, and that message."""
    started = time.perf_counter()
    client = await connect(server.url(document), server.dialect(document))
    elapsed = time.perf_counter() - started
    await client.close()
    return elapsed, client.synced.result()
