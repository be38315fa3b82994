"""Clients that type into a text through the real server, each with a letter of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from pycrdt import Doc, Text, TransactionEvent
from websockets.asyncio.client import ClientConnection, connect

from tests.app import App
from tests.trace import ROOT
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, decode, encode
from webhost_sync.sync.update import read_update


class Typist:
    """A replica on a socket. What it types is sent, what comes is applied, as y-websocket does."""

    def __init__(self, socket: ClientConnection, client_id: int, letter: str) -> None:
        self._socket = socket
        self._client_id = client_id
        self._doc: Doc[Any] = Doc(client_id=client_id)
        self._random = random.Random(client_id)
        self.letter = letter
        self.typed = 0
        self.stored = 0
        """How many of its letters came back, which they do once they are committed."""
        self.synced = asyncio.Event()

    @property
    def text(self) -> str:
        return str(self._doc.get(ROOT, type=Text))

    async def type(self, after: str | None = None) -> None:
        """Insert the letter at any place, or right behind the first `after`."""
        text = self.text
        place = self._random.randint(0, len(text)) if after is None else text.index(after) + len(after)
        made: list[bytes] = []

        def note(event: TransactionEvent) -> None:
            made.append(event.update)

        subscription = self._doc.observe(note)
        self._doc.get(ROOT, type=Text).insert(len(text[:place].encode()), self.letter)
        self._doc.unobserve(subscription)
        self.typed += 1
        await self._socket.send(encode(SyncUpdate(made[0])))

    def _note_stored(self, update: bytes) -> None:
        """Each letter is one unit, and so one clock."""
        own = [end for client, _, end in read_update(update).structs if client == self._client_id]
        self.stored = max([self.stored, *own])

    async def listen(self) -> None:
        await self._socket.send(encode(SyncStep1(self._doc.get_state())))
        async for frame in self._socket:
            assert isinstance(frame, bytes)
            for message in decode(frame):
                match message:
                    case SyncStep1(state_vector):
                        await self._socket.send(encode(SyncStep2(self._doc.get_update(state_vector))))
                    case SyncStep2(update):
                        self._doc.apply_update(update)
                        self.synced.set()
                    case SyncUpdate(update):
                        self._doc.apply_update(update)
                        self._note_stored(update)
                    case _:
                        pass


@asynccontextmanager
async def typist(
    app: App, token: str, document: str, *, client_id: int, letter: str
) -> AsyncIterator[Typist]:
    """A client that has the whole document."""
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        connect(f"{app.sync_url}/{document}", additional_headers=headers, max_size=None) as socket,
        asyncio.TaskGroup() as tasks,
    ):
        client = Typist(socket, client_id, letter)
        listening = tasks.create_task(client.listen())
        async with asyncio.timeout(60):
            await client.synced.wait()
        yield client
        listening.cancel()
