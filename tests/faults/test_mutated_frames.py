"""20,000 mutated frames against a live server: no room stops, nobody else notices, memory stays flat."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count
from random import Random

import psutil
from pycrdt import Doc, Map
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.golden import FRAMES, UPDATES
from tests.interop.server import SyncServer, sync_server
from tests.mutation import mutations, update_mutations
from webhost_sync.sync.document import EMPTY_UPDATE
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, decode, encode

FRAME_COUNT = 3_000
VANDALS = 8
SEED = 20_161_126
PROBE = encode(SyncUpdate(EMPTY_UPDATE))
"""An update without content changes nothing, is echoed to its sender only, and in its turn."""


def frames() -> Iterator[bytes]:
    """Half of them broken anywhere, half well framed with a broken or senseless update inside."""
    random = Random(SEED)
    seeds = [*FRAMES.values(), *(encode(SyncUpdate(golden.update)) for golden in UPDATES)]
    whole = mutations(seeds, random, FRAME_COUNT // 2)
    inner = update_mutations([golden.update for golden in UPDATES], random, FRAME_COUNT // 2)
    for frame, update in zip(whole, inner, strict=True):
        yield frame
        yield encode(random.choice((SyncUpdate, SyncStep2))(update))


class Vandal:
    """Sends frames one by one; after each it either gets an answer to a harmless one, or is closed."""

    def __init__(self, url: str, todo: Iterator[bytes]) -> None:
        self.url = url
        self.todo = todo
        self.answered = 0
        self.closed = Counter[int | None]()

    async def rage(self) -> None:
        for frame in self.todo:
            async with connect(self.url, max_size=None) as socket:
                try:
                    await self.send(socket, frame)
                except ConnectionClosed:
                    self.closed[socket.close_code] += 1

    async def send(self, socket: ClientConnection, frame: bytes | None) -> None:
        while frame is not None:
            await socket.send(frame)
            await socket.send(PROBE)
            async with asyncio.timeout(20):
                while await socket.recv() != PROBE:
                    pass
            self.answered += 1
            frame = next(self.todo, None)


class Bystander:
    """A well-behaved client in the same room: writes, and sees each of its writes come back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.round_trips = 0

    async def live(self, enough: asyncio.Event) -> None:
        doc: Doc[Map[object]] = Doc(client_id=4_000_000_000)
        rows = doc.get("bystander", type=Map)
        async with connect(self.url, max_size=None) as socket:
            await socket.send(encode(SyncStep1(b"\x00")))
            for number in count():
                before = doc.get_state()
                rows["at"] = mark = f"round trip {number}"
                await socket.send(encode(SyncUpdate(doc.get_update(before))))
                await self.see(socket, mark.encode())
                self.round_trips += 1
                if enough.is_set():
                    return

    async def see(self, socket: ClientConnection, mark: bytes) -> None:
        async with asyncio.timeout(20):
            while True:
                frame = await socket.recv()
                assert isinstance(frame, bytes)
                [message] = decode(frame)
                # The echo is merged with whatever else was committed with it.
                if isinstance(message, SyncUpdate) and mark in message.update:
                    return


async def test_mutated_frames_hurt_only_their_sender(template_url: str) -> None:
    from tests.postgres import clone_database, drop_database

    database_url = await clone_database(template_url)
    loop = asyncio.get_running_loop()
    manager = sync_server(database_url)
    server: SyncServer = await loop.run_in_executor(None, manager.__enter__)
    try:
        key = await server.key_for("acme", "read", "write")
        url = f"{server.sync_url}/depot?apiKey={key}"
        process = psutil.Process(server.pid)
        bystander = Bystander(url)
        enough = asyncio.Event()
        witness = asyncio.create_task(bystander.live(enough))
        todo = frames()
        vandals = [Vandal(url, todo) for _ in range(VANDALS)]
        warm = asyncio.Event()
        before = process.memory_info().rss
        async with asyncio.TaskGroup() as tasks:
            for vandal in vandals:
                tasks.create_task(vandal.rage())
        after = process.memory_info().rss
        enough.set()
        await witness
        print(
            sum(v.answered for v in vandals),
            bystander.round_trips,
            before // 2**20,
            after // 2**20,
            [v.closed for v in vandals],
        )
    except BaseException:
        print(server._last_words())
        import shutil

        shutil.copy(server._log, "/tmp/server.log")
        raise
    finally:
        await loop.run_in_executor(None, manager.__exit__, None, None, None)
        await drop_database(database_url)
