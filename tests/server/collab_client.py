"""A client of `/collab` that a test holds in its hands: it says and hears single messages of documents.

It answers nothing by itself, not even the server's step 1.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from websockets.asyncio.client import ClientConnection, connect

from tests.app import App
from webhost_sync.sync.hocuspocus import (
    Address,
    Authenticated,
    Known,
    Message,
    Stateless,
    SyncStatus,
    Token,
    decode,
    encode,
    prefix_of,
    split,
)
from webhost_sync.sync.parts import EMPTY_UPDATE
from webhost_sync.sync.protocol import SyncStep1, SyncStep2

DEPOT = Address("depot")
SDK = "webhost-sync/1"
Kind = TypeVar("Kind")


class CollabClient:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, *messages: Known, to: Address = DEPOT) -> None:
        for message in messages:
            await self.send(encode(message), to=to)

    async def send(self, body: bytes, *, to: Address = DEPOT) -> None:
        """Send a body that need not be a message."""
        await self.connection.send(prefix_of(to) + body)

    async def frame(self) -> tuple[Address, Message]:
        """The next frame, of whatever document."""
        async with asyncio.timeout(60):
            frame = await self.connection.recv()
        assert isinstance(frame, bytes)
        address, body = split(frame)
        return address, decode(body)

    async def hear(self, kind: type[Kind], *, of: Address = DEPOT) -> Kind:
        """The next message of a kind to a document; others are passed over."""
        while True:
            address, message = await self.frame()
            if address == of and isinstance(message, kind):
                return message

    async def hear_one(self, *, of: Address = DEPOT) -> Message:
        """The next message, which must be to this document."""
        address, message = await self.frame()
        assert address == of
        return message

    async def hear_until(self, last: Message, *, of: Address = DEPOT) -> list[Message]:
        """Every message to a document up to one that equals `last`."""
        heard: list[Message] = []
        while last not in heard:
            heard.append(await self.hear(object, of=of))  # type: ignore[arg-type]
        return heard

    async def statuses(self, count: int, *, of: Address = DEPOT) -> list[bool]:
        return [(await self.hear(SyncStatus, of=of)).applied for _ in range(count)]

    async def hear_webhost(self, kind: str, *, of: Address = DEPOT) -> dict[str, Any]:
        """The next thing that is said in our extension, which must be of this kind."""
        told: dict[str, Any] = json.loads((await self.hear(Stateless, of=of)).payload)
        assert told.pop("webhost") == kind
        return told

    async def open(self, credential: str, *, to: Address = DEPOT, version: str | None = None) -> str:
        """Open a document as far as the server's step 1, and answer that; returns the scope."""
        await self.say(Token(credential, version), to=to)
        scope = (await self.hear(Authenticated, of=to)).scope
        await self.hear(SyncStep1, of=to)
        if version is None:
            await self.say(SyncStep2(EMPTY_UPDATE), to=to)
            assert await self.statuses(1, of=to) == [True]
        return scope

    async def hears_nothing(self, seconds: float = 0.3) -> None:
        try:
            async with asyncio.timeout(seconds):
                frame = await self.connection.recv()
        except TimeoutError:
            return
        raise AssertionError(f"it was sent {frame!r}")

    async def close_code(self) -> int | None:
        async with asyncio.timeout(60):
            await self.connection.wait_closed()
        return self.connection.close_code


@asynccontextmanager
async def collab_client(app: App) -> AsyncIterator[CollabClient]:
    async with connect(app.collab_url, max_size=None) as connection:
        yield CollabClient(connection)
