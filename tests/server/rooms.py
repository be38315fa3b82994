"""Live rooms over a real log, with a transport that the test reads slowly or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from store.contract import Document as DocumentRecord
from tests.store.logs import TENANT, OpenLog, open_log
from webhost_sync.config import Settings
from webhost_sync.sync.document import Document
from webhost_sync.sync.effects import Member
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.protocol import Message, SyncStep1, SyncStep2, SyncUpdate, decode
from webhost_sync.sync.runner import Runner
from webhost_sync.sync.transport import Frame


class TakenTransport:
    """The sending half of a socket whose reader is the test: `blocked` bytes count as not yet read."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.blocked = 0
        self.read = asyncio.Event()

    def write(self, frame: Frame) -> None:
        self.frames.append(frame.payload)

    @property
    def buffered(self) -> int:
        return self.blocked

    async def drained(self) -> None:
        await self.read.wait()

    async def close(self, code: int, reason: str) -> None:
        raise AssertionError("the connection's task closes, and there is none here")

    def abort(self) -> None:
        raise AssertionError("nothing here aborts")


@dataclass
class Guest:
    """A member of a room without a socket, and its replica."""

    member: Member
    runner: Runner
    transport: TakenTransport
    outbox: Outbox
    replica: Document = field(default_factory=lambda: Document(client_id=1))

    async def send(self, update: bytes) -> None:
        await self.runner.submit(self.member, SyncUpdate(update))

    async def ask(self) -> None:
        await self.runner.submit(self.member, SyncStep1(self.replica.state_vector()))

    def messages(self) -> list[Message]:
        return [message for frame in self.transport.frames for message in decode(frame)]

    def seen(self) -> dict[str, object]:
        """What the replica shows after everything that was written to this guest so far."""
        for message in self.messages():
            if isinstance(message, SyncStep2 | SyncUpdate):
                self.replica.apply(message.update)
        return self.replica.values()


@dataclass
class Rooms:
    hub: Hub
    store: OpenLog
    due: asyncio.Queue[DocumentRecord]

    @asynccontextmanager
    async def guest(self, name: str = "depot", *, can_write: bool = True) -> AsyncIterator[Guest]:
        async with self.hub.enter(TENANT, name) as runner:
            number = self.hub.next_connection_id()
            member = Member(number, owner=f"guest {number}", can_write=can_write)
            transport = TakenTransport()
            outbox = Outbox(transport, limit=1000)
            runner.join(member, outbox)
            try:
                yield Guest(member, runner, transport, outbox)
            finally:
                runner.leave(number)


@asynccontextmanager
async def open_rooms(database_url: str, *, patience: float = 5.0, **changed: object) -> AsyncIterator[Rooms]:
    """The rooms of one process."""
    settings = Settings().model_copy(update=changed)
    due: asyncio.Queue[DocumentRecord] = asyncio.Queue(10)
    async with open_log(database_url, patience=patience) as store:
        hub = Hub(store.log, settings, due)
        async with hub.running():
            yield Rooms(hub, store, due)
