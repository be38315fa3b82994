"""A client that remembers everything it was ever shown or told, to hold the server to it afterwards.

It writes to a document of its own and notes which writes came back (that is: were told durable), and it
watches a document that others write and notes every update it was shown. Servers may die under it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx
from pycrdt import Doc, Map

from tests.raw_socket import Closed, raw_socket
from webhost_sync.sync.document import Document
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, decode, encode
from webhost_sync.sync.round_trip import MEDIA_TYPE, RoundTripRequest, decode_answer, encode_request

RECONNECT = 0.05


@dataclass
class Witness:
    """`progress` is released once for every write that was told durable."""

    url: str
    key: str
    own: str
    watched: str
    progress: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    told: set[str] = field(default_factory=set)
    shown: list[bytes] = field(default_factory=list)
    sockets: int = 0

    async def watch(self) -> None:
        """Watch until cancelled."""
        replica = Document(client_id=1)
        while True:
            try:
                async with raw_socket(self._socket(self.watched)) as socket:
                    socket.send(encode(SyncStep1(replica.state_vector())))
                    while True:
                        for message in decode(await socket.receive()):
                            if isinstance(message, SyncStep2 | SyncUpdate):
                                self.shown.append(message.update)
                                replica.apply(message.update)
            except (Closed, OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(RECONNECT)

    async def write(self) -> None:
        """Write until cancelled, one entry after the other, each until it is told durable."""
        doc: Doc[Map[object]] = Doc(client_id=7)
        rows = doc.get("rows", type=Map)
        number = 0
        while True:
            try:
                async with raw_socket(self._socket(self.own)) as socket:
                    self.sockets += 1
                    # What the last server had not told durable is brought again, whole.
                    socket.send(encode(SyncUpdate(doc.get_update())))
                    while True:
                        key = f"entry {number}."
                        before = doc.get_state()
                        rows[key] = number
                        number += 1
                        socket.send(encode(SyncUpdate(doc.get_update(before))))
                        while key.encode() not in await socket.receive():
                            pass
                        self.told.add(key)
                        self.progress.release()
            except (Closed, OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(RECONNECT)

    async def testify(self) -> None:
        """Fail if anything that was told or shown is not in the documents now."""
        kept = await self._document(self.own)
        rows = kept.values()["rows"]
        assert isinstance(rows, dict)
        assert self.told <= rows.keys()
        seen = await self._document(self.watched)
        assert self.shown
        assert not any(seen.brings_news(update) for update in self.shown)

    async def _document(self, name: str) -> Document:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {self.key}"}, timeout=30) as client:
            answer = await client.post(
                f"{self.url}/api/documents/{name}/sync",
                content=encode_request(RoundTripRequest(b"", b"")),
                headers={"Content-Type": MEDIA_TYPE},
            )
        assert answer.status_code == 200, answer.text
        document = Document(client_id=2)
        document.apply(decode_answer(answer.content).diff)
        return document

    def _socket(self, name: str) -> str:
        return f"{self.url.replace('http', 'ws', 1)}/sync/{name}?apiKey={self.key}"
