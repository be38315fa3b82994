"""Thousands of mutated frames at a live server: no room stops, nobody else notices, memory stays flat."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from itertools import count
from random import Random

import psutil
import pytest
from pycrdt import Doc, Map

from tests.golden import FRAMES, UPDATES
from tests.lengths import rounds
from tests.mutation import mutations, update_mutations
from tests.raw_socket import Closed, RawSocket, raw_socket
from tests.server_process import SyncServer
from webhost_sync.errors import ProtocolError
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import SyncStep2, SyncUpdate, encode

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
FRAME_COUNT = rounds(4_000, in_fuzz=20_000)
VANDALS = 8
SEED = 20_161_126
MEMORY_ALLOWED = 64 * 2**20
"""What the wild content that was taken, in one document, may need; the frames are hundreds of MB."""
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

    def __init__(self, url: str, todo: Iterator[bytes], progress: asyncio.Semaphore) -> None:
        self.url = url
        self.todo = todo
        self.progress = progress
        self.answered = 0
        self.closed = Counter[int | None]()

    async def rage(self) -> None:
        for frame in self.todo:
            self.progress.release()
            async with raw_socket(self.url) as socket:
                try:
                    await self.send(socket, frame)
                except Closed as closed:
                    self.closed[closed.code] += 1

    async def send(self, socket: RawSocket, frame: bytes | None) -> None:
        while frame is not None:
            socket.send(frame)
            socket.send(PROBE)
            async with asyncio.timeout(60):
                while await socket.receive() != PROBE:
                    pass
            self.answered += 1
            self.progress.release()
            frame = next(self.todo, None)


class Bystander:
    """A well-behaved client of the same room: for every 20 frames it writes, and sees its write come back."""

    def __init__(self, url: str, progress: asyncio.Semaphore) -> None:
        self.url = url
        self.progress = progress
        self.round_trips = 0

    async def live(self, enough: asyncio.Event) -> None:
        doc: Doc[Map[object]] = Doc(client_id=4_000_000_000)
        rows = doc.get("bystander", type=Map)
        async with raw_socket(self.url) as socket:
            for number in count():
                for _ in range(20):
                    await self.progress.acquire()
                before = doc.get_state()
                rows["at"] = mark = f"round trip {number}."
                socket.send(encode(SyncUpdate(doc.get_update(before))))
                # The echo is merged with whatever else was committed with it.
                async with asyncio.timeout(60):
                    while mark.encode() not in await socket.receive():
                        pass
                self.round_trips += 1
                if enough.is_set():
                    return


async def test_mutated_frames_hurt_only_their_sender(own_server: SyncServer) -> None:
    url = f"{own_server.sync_url}/depot?apiKey={await own_server.key_for('acme', 'read', 'write')}"
    process = psutil.Process(own_server.pid)
    progress, enough, todo = asyncio.Semaphore(0), asyncio.Event(), frames()
    bystander = Bystander(url, progress)
    vandals = [Vandal(url, todo, progress) for _ in range(VANDALS)]
    before = process.memory_info().rss
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bystander.live(enough))
        async with asyncio.TaskGroup() as rage:
            for vandal in vandals:
                rage.create_task(vandal.rage())
        enough.set()
        for _ in range(20):
            progress.release()
    closed = sum((vandal.closed for vandal in vandals), Counter[int | None]())
    assert set(closed) == {ProtocolError.close_code}
    # Each frame was answered, or closed its sender, who then came back for the next one.
    assert closed.total() + sum(vandal.answered for vandal in vandals) == FRAME_COUNT
    assert bystander.round_trips > 100
    assert process.memory_info().rss - before < MEMORY_ALLOWED
