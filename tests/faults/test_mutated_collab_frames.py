"""Hostile clients at work on `/collab`: they lose what they have there, and nobody else loses anything."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from random import Random

import psutil
import pytest

from tests.faults.test_mutated_frames import MEMORY_ALLOWED, SEED, VANDALS, Bystander
from tests.golden import COLLAB_SENT, UPDATES
from tests.mutation import mutations, update_mutations
from tests.raw_socket import Closed, RawSocket, raw_socket
from tests.server_process import SyncServer
from webhost_sync.errors import ProtocolError
from webhost_sync.sync.hocuspocus import (
    PING,
    PONG,
    Address,
    Close,
    Message,
    SyncStatus,
    Token,
    decode,
    encode,
    is_update,
    prefix_of,
    split,
)
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import AwarenessUpdate, PermissionDenied, SyncStep2, SyncUpdate

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
FRAME_COUNT = 4000
DEPOT = Address("depot")
PREFIX = prefix_of(DEPOT)
PROBE = PREFIX + encode(SyncUpdate(EMPTY_UPDATE))
"""An update without content changes nothing, and has one status, in its turn."""


def frames() -> Iterator[bytes]:
    """A third broken anywhere, a third broken behind the address, a third with a senseless update inside."""
    random = Random(SEED)
    sent = [PREFIX + split(frame)[1] for frame in COLLAB_SENT.values() if frame not in (PING, PONG)]
    bodies = [frame.removeprefix(PREFIX) for frame in sent]
    count = FRAME_COUNT // 3 + 1
    whole = mutations(sent, random, count)
    body = mutations(bodies, random, count)
    inner = update_mutations([golden.update for golden in UPDATES], random, count)
    for _ in range(count):
        yield next(whole)
        yield PREFIX + next(body)
        yield PREFIX + encode(random.choice((SyncUpdate, SyncStep2))(next(inner)))


class CollabVandal:
    """Sends frames one by one; after each it gets as many statuses as it may count on, or an end."""

    def __init__(self, url: str, token: str, todo: Iterator[bytes], progress: asyncio.Semaphore) -> None:
        self.url = url
        self.token = PREFIX + encode(Token(token))
        self.todo = todo
        self.progress = progress
        self.ends = Counter[str]()

    async def rage(self) -> None:
        for frame in self.todo:
            async with raw_socket(self.url) as socket:
                try:
                    await self.send(socket, frame)
                except Closed as closed:
                    self.ends[f"socket {closed.code}"] += 1

    async def send(self, socket: RawSocket, frame: bytes | None) -> None:
        await self.open(socket)
        while frame is not None:
            self.progress.release()
            socket.send(frame)
            socket.send(PROBE)
            if await self.is_answered(socket, frame):
                self.ends["answered"] += 1
            else:
                self.ends["document"] += 1
                await self.open(socket)
            frame = next(self.todo, None)

    async def open(self, socket: RawSocket) -> None:
        socket.send(self.token)
        # The first status comes behind the answer to the server's step 1.
        socket.send(PREFIX + encode(SyncStep2(EMPTY_UPDATE)))
        while not isinstance(await self.next_message(socket), SyncStatus):
            pass

    async def is_answered(self, socket: RawSocket, frame: bytes) -> bool:
        """Whether every status came that was due, and not the end of the document."""
        statuses = 1 + statuses_due(frame)
        if is_leave(frame):
            return False
        while statuses:
            match await self.next_message(socket):
                case SyncStatus():
                    statuses -= 1
                case Close() | PermissionDenied():
                    return False
        return True

    async def next_message(self, socket: RawSocket) -> Message:
        """The next message to our document that is no presence; a silent server keeps sending that."""
        async with asyncio.timeout(60):
            while True:
                frame = await socket.receive()
                if frame == PONG:
                    continue
                address, body = split(frame)
                message = decode(body)
                if address == DEPOT and not isinstance(message, AwarenessUpdate):
                    return message


def statuses_due(frame: bytes) -> int:
    try:
        address, body = split(frame)
    except ProtocolError:
        return 0
    return int(address == DEPOT and is_update(body))


def is_leave(frame: bytes) -> bool:
    """Whether the frame closes our document by itself, which nothing answers."""
    try:
        address, body = split(frame)
        return address == DEPOT and isinstance(decode(body), Close)
    except ProtocolError:
        return False


async def test_mutated_frames_hurt_only_their_document_or_their_socket(own_server: SyncServer) -> None:
    key = await own_server.key_for("acme", "read", "write", "presence")
    process = psutil.Process(own_server.pid)
    progress, enough, todo = asyncio.Semaphore(0), asyncio.Event(), frames()
    bystander = Bystander(f"{own_server.sync_url}/depot?apiKey={key}", progress)
    vandals = [CollabVandal(own_server.collab_url, key, todo, progress) for _ in range(VANDALS)]
    before = process.memory_info().rss
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bystander.live(enough))
        async with asyncio.TaskGroup() as rage:
            for vandal in vandals:
                rage.create_task(vandal.rage())
        enough.set()
        for _ in range(20):
            progress.release()
    ends = sum((vandal.ends for vandal in vandals), Counter[str]())
    # Each frame was answered, or ended its document or its socket, and its sender came back for the next.
    assert set(ends) == {"answered", "document", f"socket {ProtocolError.close_code}"}
    assert ends.total() >= FRAME_COUNT
    assert min(ends.values()) > 100
    assert bystander.round_trips > 100
    assert process.memory_info().rss - before < MEMORY_ALLOWED
