"""Two server processes that share a Valkey: it is killed in the middle, and nobody misses anything."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection, connect

from tests.eventually import eventually
from tests.server_process import SyncServer
from tests.valkey import Valkey, running_valkey
from webhost_sync.sync.protocol import (
    AwarenessEntry,
    AwarenessUpdate,
    SyncStep1,
    SyncStep2,
    SyncUpdate,
    decode,
    encode,
)

pytestmark = pytest.mark.faults
HOUR = "3600"
EMPTY = b"\x00"


@dataclass
class Peer:
    """A client that applies all it hears."""

    connection: ClientConnection
    doc: Doc[Map[object]] = field(default_factory=Doc)
    present: dict[int, str] = field(default_factory=dict)

    @property
    def rows(self) -> set[str]:
        return set(self.doc.get("rows", type=Map).keys())

    async def write(self, key: str) -> None:
        before = self.doc.get_state()
        self.doc.get("rows", type=Map)[key] = 1
        await self.connection.send(encode(SyncUpdate(self.doc.get_update(before))))

    async def show(self, client_id: int, state: str) -> None:
        entry = AwarenessEntry(client_id, 1, state)
        await self.connection.send(encode(AwarenessUpdate((entry,))))

    async def listen(self) -> None:
        await self.connection.send(encode(SyncStep1(EMPTY)))
        async for frame in self.connection:
            assert isinstance(frame, bytes)
            for message in decode(frame):
                if isinstance(message, SyncUpdate | SyncStep2):
                    self.doc.apply_update(message.update)
                elif isinstance(message, AwarenessUpdate):
                    self.present |= {entry.client_id: entry.state for entry in message.entries}


@asynccontextmanager
async def peer(server: SyncServer, key: str) -> AsyncIterator[Peer]:
    headers = {"Authorization": f"Bearer {key}"}
    async with connect(f"{server.sync_url}/depot", additional_headers=headers) as connection:
        found = Peer(connection)
        task = asyncio.create_task(found.listen())
        try:
            yield found
        finally:
            task.cancel()


@asynccontextmanager
async def two_servers(
    database_url: str, valkey: Valkey, folder: Path
) -> AsyncIterator[tuple[SyncServer, SyncServer]]:
    servers = []
    try:
        for name in ("one", "two"):
            (folder / name).mkdir()
            # The slow poll would bring everything too, later.
            settings = {"REDIS_URL": valkey.url, "LOG_POLL_INTERVAL": HOUR}
            servers.append(SyncServer(database_url, folder / name, settings))
            await servers[-1].start()
        yield servers[0], servers[1]
    finally:
        for server in servers:
            server.kill()


async def says_redis(server: SyncServer, word: str) -> None:
    async def said() -> bool:
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{server.url}/health")
            return answer.status_code == 200 and answer.json()["redis"] == word

    await eventually(said)


async def test_edits_reach_the_other_process_while_valkey_dies_and_comes_back(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        running_valkey() as valkey,
        two_servers(database_url, valkey, tmp_path) as (first, second),
    ):
        key = await first.key_for("acme", "read", "write", "presence")
        async with peer(first, key) as ada, peer(second, key) as bob:
            written = set()

            async def write(stage: str) -> None:
                for number in range(20):
                    written.add(f"{stage}-{number}")
                    await ada.write(f"{stage}-{number}")

            await says_redis(first, "ok")
            await says_redis(second, "ok")
            await write("before")
            await eventually(lambda: bob.rows == written)
            writing = asyncio.create_task(write("dying"))
            valkey.kill()
            await writing
            await eventually(lambda: bob.rows == written)
            await says_redis(second, "unavailable")
            await write("without")
            await eventually(lambda: bob.rows == written)
            await valkey.start()
            writing = asyncio.create_task(write("back"))
            await says_redis(first, "ok")
            await writing
            await write("after")
            await eventually(lambda: bob.rows == written)


async def test_presence_crosses_processes_also_after_valkey_was_away(
    database_url: str, tmp_path: Path
) -> None:
    async with (
        running_valkey() as valkey,
        two_servers(database_url, valkey, tmp_path) as (first, second),
    ):
        key = await first.key_for("acme", "read", "write", "presence")
        async with peer(first, key) as ada:
            await ada.show(7, '{"name":"ada"}')
            async with peer(second, key) as late:
                await eventually(lambda: late.present.get(7) == '{"name":"ada"}')
                valkey.kill()
                await says_redis(first, "unavailable")
                await ada.show(8, '{"name":"ada again"}')
                await valkey.start()
                await eventually(lambda: late.present.get(8) == '{"name":"ada again"}')
                async with peer(first, key) as guest:
                    await guest.show(9, '{"name":"guest"}')
                    await eventually(lambda: 9 in late.present)
                await eventually(lambda: late.present[9] == "null")
