"""A newer program takes over from an older one while clients are at work: nothing is lost, and nobody has to
do more than connect again. Then back again, as after a release that turned out bad.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.eventually import eventually
from tests.interop.peers import Clients, Peer, node_clients
from tests.postgres import create_database, drop_database, select
from tests.upgrade.programs import Installation, Program, installation, next_one, released, this_one
from webhost_sync.device import Device

pytestmark = [pytest.mark.interop, pytest.mark.faults]

LIST = "doc.getArray('written').toArray()"
DRAINING = 4503
PACE = 0.02
"""Seconds from one edit of a writer to the next: fifty a second, which no limit slows down."""


@dataclass
class Writer:
    """A client that goes on writing whatever the server does. What it has written is in `written`."""

    peer: Peer
    written: list[str] = field(default_factory=list)

    async def write(self, count: int = 1) -> None:
        for _ in range(count):
            word = f"{self.peer.name}-{len(self.written)}"
            await self.peer.edit(f"doc.getArray('written').push(['{word}'])")
            self.written.append(word)

    async def keep_writing(self, until: asyncio.Event) -> None:
        while not until.is_set():
            await self.write()
            with suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), PACE)


@dataclass
class Crew:
    """Clients of each kind, in one document."""

    anna: Writer
    ben: Writer
    carl: Writer

    @property
    def writers(self) -> tuple[Writer, ...]:
        return (self.anna, self.ben, self.carl)

    async def have_everything(self) -> None:
        """Everybody sees everything that anybody has written."""
        everything = sorted(word for writer in self.writers for word in writer.written)
        for writer in self.writers:
            await writer.peer.sees(f"{LIST}.sort()", everything, within=90)

    async def sockets(self) -> list[list[int | None]]:
        """The close codes of each one's sockets that were open once; None for the one that is."""
        return [
            [socket.code for socket in await writer.peer.sockets() if socket.opened]
            for writer in self.writers
        ]


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    async with node_clients() as clients:
        yield clients


@pytest.fixture
async def new_database(postgres_url: str) -> AsyncIterator[str]:
    url = await create_database(postgres_url)
    yield url
    await drop_database(url)


async def crew(clients: Clients, address: str, key: str) -> Crew:
    peers = (
        await clients.open("anna", "2.1.0", f"ws://{address}/sync", "crew", params={"apiKey": key}),
        await clients.open("ben", "3.1.0", f"ws://{address}/sync", "crew", params={"apiKey": key}),
        await clients.open_collab("carl", "4.8.0", f"ws://{address}/collab", "crew", key),
    )
    for peer in peers:
        await peer.is_synced()
    return Crew(*map(Writer, peers))


Pair = Callable[[Path], tuple[Program, Program]]
PAIRS: dict[str, Pair] = {
    "from-0.1.0-to-this": lambda folder: (released(folder), this_one()),
    "from-this-to-the-next": lambda folder: (this_one(), next_one(folder)),
}


@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS.keys())
async def test_an_upgrade_loses_nothing_and_needs_no_more_than_a_reconnect(
    pair: Pair, clients: Clients, new_database: str, tmp_path: Path
) -> None:
    old, new = pair(tmp_path)
    with installation(new_database, tmp_path) as server:
        await asyncio.to_thread(server.run, old, "migrate")
        key = await asyncio.to_thread(make_key, server, old)
        await server.start(old)
        people = await crew(clients, server.address, key)
        async with Device(
            tmp_path / "bus.db", url=f"http://{server.address}", credential=key, vehicle_id="bus-7"
        ) as device:
            await device.record(30.1, -97.1, fix_time_ms=1_777_636_800_000)
            await device.sync()
            for writer in people.writers:
                await writer.write(20)
            await people.have_everything()

            async with asyncio.TaskGroup() as tasks:
                upgraded = asyncio.Event()
                for writer in people.writers:
                    tasks.create_task(writer.keep_writing(upgraded))
                migrated = await asyncio.to_thread(server.run, new, "migrate")
                # The old server goes on over the new schema, with sockets that never noticed.
                assert await people.sockets() == [[None], [None], [None]], server.log[-2000:]
                await device.record(30.2, -97.2, fix_time_ms=1_777_636_860_000)
                await device.sync()
                assert await asyncio.to_thread(server.stop) == 0
                await device.record(30.3, -97.3, fix_time_ms=1_777_636_920_000)
                await server.start(new)
                upgraded.set()

            await people.have_everything()
            assert await people.sockets() == [[DRAINING, None]] * 3
            await device.sync()
            assert device.status.pending_fixes == 0
        assert migrated["before"] is not None
        late = await clients.open(
            "late", "3.1.0", f"ws://{server.address}/sync", "crew", params={"apiKey": key}
        )
        everything = sorted(word for writer in people.writers for word in writer.written)
        await late.sees(f"{LIST}.sort()", everything, within=90)
        await eventually(lambda: has_fixes(new_database, 3), within=90)


async def test_after_a_rollback_the_older_program_goes_on_with_the_newer_schema(
    clients: Clients, new_database: str, tmp_path: Path
) -> None:
    old, new = this_one(), next_one(tmp_path)
    with installation(new_database, tmp_path) as server:
        newer = (await asyncio.to_thread(server.run, new, "migrate"))["after"]
        key = await asyncio.to_thread(make_key, server, new)
        await server.start(new)
        people = await crew(clients, server.address, key)
        for writer in people.writers:
            await writer.write(5)
        await people.have_everything()

        assert await asyncio.to_thread(server.stop) == 0
        # A deployment runs the older program's `migrate` as well: it leaves the newer schema as it is.
        migrated = await asyncio.to_thread(server.run, old, "migrate")
        assert (migrated["before"], migrated["after"]) == (newer, newer)
        await server.start(old)
        for writer in people.writers:
            await writer.write(5)
        await people.have_everything()


def make_key(server: Installation, program: Program) -> str:
    server.run(program, "tenant", "create", "acme")
    made = server.run(program, "key", "create", "--tenant", "acme", "--scopes", "read,write,presence")
    key: str = made["key"]
    return key


async def has_fixes(database_url: str, count: int) -> bool:
    rows = await select(database_url, "select 1 from gps_positions where vehicle_id = 'bus-7'")
    return len(rows) == count
