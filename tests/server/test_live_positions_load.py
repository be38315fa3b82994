"""Many readers and stuck readers of latest positions: what they cost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
from datetime import timedelta
from socket import AF_INET, SO_RCVBUF, SOCK_STREAM, SOL_SOCKET, socket
from urllib.parse import urlsplit

import asyncpg
import pytest

from store.fleet_contract import LatestRule, Track
from store.keys import Keys
from store.latest_feed import FeedPage, FeedPoint, LatestFeed
from tests.app import Credential
from tests.eventually import eventually
from tests.fleet import Fleet, open_fleet
from tests.server.api import Api, running_api
from tests.server.streams import PATH, open_stream
from tests.store.logs import OpenLog, open_log
from tests.store.test_fleet import position
from webhost_sync.fleet.live_positions import LivePositions
from webhost_sync.routes.live_positions import CHUNK_BYTES
from webhost_sync.routes.vehicles import latest_as_json
from webhost_sync.uvicorn_http import HttpProtocol

RULE = LatestRule(excluded_flags=1, future_tolerance=timedelta(minutes=5))
VEHICLES = [f"bus-{number}" for number in range(200)]
HIGH_WATER = 64 * 1024
"""What asyncio buffers for a connection before its writer waits."""


async def move_all(
    fleet: Fleet, tenant_id: int, sequence: int, *, vehicles: Sequence[str] = VEHICLES, bulk: int = 0
) -> None:
    """Give all vehicles their next position in one turn, each with so many bytes of attributes."""
    time = position(sequence, sequence).time
    row = replace(position(sequence), time=time, received_at=time, attributes=f'{{"a": "{"x" * bulk}"}}')
    async with fleet.fleet.tenant_turn(tenant_id) as turn:
        for vehicle in vehicles:
            await turn.put_positions(1, Track(vehicle, "box"), [row])
        await turn.put_latest(vehicles, RULE, since=time)


@asynccontextmanager
async def stuck_reader(api: Api, key: Credential) -> AsyncIterator[socket]:
    """A client that asks for the stream and reads nothing of it."""
    parts = urlsplit(api.app.url)
    with closing(socket(AF_INET, SOCK_STREAM)) as client:
        client.setsockopt(SOL_SOCKET, SO_RCVBUF, 4096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, (parts.hostname, parts.port))
        head = f"GET {PATH} HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {key.text}\r\n\r\n"
        await loop.sock_sendall(client, head.encode())
        await eventually(lambda: len(api.app.services.live) > 0)
        yield client


def buffered(api: Api) -> int:
    """What the server keeps for its HTTP connections."""
    connections = api.app.server.server.server_state.connections
    return sum(
        connection.transport.get_write_buffer_size()
        for connection in connections
        if isinstance(connection, HttpProtocol) and not connection.transport.is_closing()
    )


async def test_a_reader_that_does_not_read_costs_one_event_and_is_caught_up_later(database_url: str) -> None:
    async with running_api(database_url) as api, open_fleet(database_url) as fleet:
        key = await api.app.key(await api.app.tenant())
        await move_all(fleet, key.tenant.id, 1, bulk=3000)
        async with stuck_reader(api, key) as stuck, open_stream(api, key.text) as reading:
            await reading.ready()
            for sequence in range(2, 20):
                await move_all(fleet, key.tenant.id, sequence, bulk=3000)
                while reading.seen[VEHICLES[-1]] < sequence:
                    await reading.next()
                assert buffered(api) <= HIGH_WATER + 2 * CHUNK_BYTES
            sequences = await read_on(stuck, until=19)
        assert sequences.count(19) == len(VEHICLES)
        assert len(sequences) < 19 * len(VEHICLES) / 2


async def read_on(client: socket, *, until: int) -> list[int]:
    """Read until every vehicle is at this sequence; the sequences of all positions that came."""
    loop, marker = asyncio.get_running_loop(), f'"sequence":{until},'.encode()
    content = b""
    while content.count(marker) < len(VEHICLES):
        part = await asyncio.wait_for(loop.sock_recv(client, 1 << 20), 20)
        if not part:
            raise ConnectionError("the server has closed the connection")
        content += part
    return [int(part.partition(b",")[0]) for part in content.split(b'"sequence":')[1:]]


async def test_a_reader_that_stays_stuck_is_dropped(database_url: str) -> None:
    async with running_api(database_url, outbox_timeout=0.3) as api, open_fleet(database_url) as fleet:
        key = await api.app.key(await api.app.tenant())
        await move_all(fleet, key.tenant.id, 1, bulk=20_000)
        async with stuck_reader(api, key) as stuck:
            await eventually(lambda: len(api.app.services.live) == 0)
            await eventually(lambda: not api.app.server.server.server_state.connections)
            with pytest.raises(ConnectionError):
                await read_on(stuck, until=2)


async def test_a_stuck_reader_does_not_outlive_its_key(database_url: str) -> None:
    async with running_api(database_url) as api, open_fleet(database_url) as fleet:
        key = await api.app.key(await api.app.tenant())
        await move_all(fleet, key.tenant.id, 1, bulk=20_000)
        async with stuck_reader(api, key):
            await eventually(lambda: buffered(api) > 0)
            await Keys(api.app.services.database).revoke(key.tenant.id, key.record.id)
            await eventually(lambda: len(api.app.services.live) == 0)
            await eventually(lambda: buffered(api) == 0)


class CountedFeed(LatestFeed):
    """The feed of the database, and how often it was read."""

    heads = pages = 0

    async def head(self, tenant_id: int) -> FeedPoint:
        self.heads += 1
        return await super().head(tenant_id)

    async def page(self, tenant_id: int, *, after: int, limit: int) -> FeedPage:
        self.pages += 1
        return await super().page(tenant_id, after=after, limit=limit)


@asynccontextmanager
async def counted(store: OpenLog) -> AsyncIterator[tuple[LivePositions, CountedFeed]]:
    feed = CountedFeed(store.database)
    positions = LivePositions(feed, store.changes, latest_as_json, poll_interval=3600.0)
    async with positions.running():
        yield positions, feed


async def test_many_readers_of_a_tenant_share_one_reading_of_a_change(database_url: str) -> None:
    async with open_fleet(database_url) as fleet, open_log(database_url) as store:
        await move_all(fleet, 1, 1)
        async with counted(store) as (positions, feed), AsyncExitStack() as stack:
            readers = [asyncio.Event() for _ in range(100)]
            followed = [await stack.enter_async_context(positions.follow(1, each)) for each in readers]
            await eventually(lambda: listens(database_url))
            for sequence in (2, 3, 4):
                for reader in readers:
                    reader.clear()
                before = feed.pages
                await move_all(fleet, 1, sequence)
                for reader in readers:
                    await asyncio.wait_for(reader.wait(), 10)
                assert feed.pages == before + 1
            assert len({id(each.recent) for each in followed}) == 1
            assert feed.heads == 1
        assert positions.followed == 0


async def test_a_burst_of_changes_is_read_at_most_four_times_a_second(database_url: str) -> None:
    async with open_fleet(database_url) as fleet, open_log(database_url) as store, counted(store) as counting:
        positions, feed = counting
        async with positions.follow(1, asyncio.Event()) as followed:
            await eventually(lambda: listens(database_url))
            started = asyncio.get_running_loop().time()
            for sequence in range(1, 41):
                await move_all(fleet, 1, sequence, vehicles=VEHICLES[:3])
            await eventually(
                lambda: len(followed.recent) == 3 and followed.recent.point.version == 2 * 3 * 40
            )
            took = asyncio.get_running_loop().time() - started
        assert feed.pages <= 4 * took + 2


async def listens(database_url: str) -> bool:
    connection = await asyncpg.connect(database_url)
    try:
        query = """select count(*) from pg_stat_activity where query like 'LISTEN "webhost_latest"%'
                   or query like 'LISTEN webhost_latest%'"""
        return bool(await connection.fetchval(query))
    finally:
        await connection.close()
