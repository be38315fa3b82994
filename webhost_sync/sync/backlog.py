"""What one socket has sent and its documents have not taken yet: bounded, and in order for each document.

The reader of the socket puts frames in and waits where there is no room; each document takes its own out.
A stranger, none of whose documents has been opened so far, gets far less room than somebody who is known.
Knows no socket and no protocol.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from webhost_sync.config import Settings

FRAME_OVERHEAD = 200
"""Bytes that a waiting frame costs besides its own."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much may wait for all documents of a socket together, and how many documents there may be."""

    size: int
    frames: int
    documents: int


class Backlog:
    """All that waits of one socket.

    Invariants:
    1. What waits is within the allowance, or is one single frame.
    2. The allowance grows once: when the first document is opened.
    """

    def __init__(self, settings: Settings) -> None:
        self._stranger = Allowance(
            settings.stranger_bytes_limit, settings.stranger_frames_limit, settings.stranger_documents_limit
        )
        self._known = Allowance(settings.backlog_limit, 2**63, settings.documents_per_socket)
        self._is_known = False
        self._size = 0
        self._frames = 0
        self._changed = asyncio.Event()

    @property
    def is_known(self) -> bool:
        return self._is_known

    @property
    def allowance(self) -> Allowance:
        return self._known if self._is_known else self._stranger

    def admit(self) -> None:
        """A document was opened: whoever sends is no stranger any more."""
        self._is_known = True
        self._changed.set()

    def fits(self, body: bytes) -> bool:
        """Whether a frame may wait beside those that do."""
        size, frames = self._size + len(body) + FRAME_OVERHEAD, self._frames + 1
        return frames == 1 or (size <= self.allowance.size and frames <= self.allowance.frames)

    async def change(self) -> None:
        """Wait until less waits, more may, or a document has gone."""
        self._changed.clear()
        await self._changed.wait()

    def document_left(self) -> None:
        """There is room for another document."""
        self._changed.set()

    def add(self, body: bytes) -> None:
        self._size += len(body) + FRAME_OVERHEAD
        self._frames += 1

    def remove(self, *bodies: bytes) -> None:
        self._size -= sum(map(len, bodies)) + FRAME_OVERHEAD * len(bodies)
        self._frames -= len(bodies)
        self._changed.set()


class Inbox:
    """What waits for one document, in order. A frame counts until the document is done with it."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._waiting: deque[bytes] = deque()
        self._arrived = asyncio.Event()

    def put(self, body: bytes) -> None:
        self._backlog.add(body)
        self._waiting.append(body)
        self._arrived.set()

    async def first(self) -> bytes:
        """Wait for the next frame; it stays in here until `done()`."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting[0]

    def done(self) -> None:
        """The first frame was taken."""
        self._backlog.remove(self._waiting.popleft())

    def skip_until(self, wanted: Callable[[bytes], bool]) -> bool:
        """Drop what waits before the first frame that is wanted; whether there is one."""
        while self._waiting and not wanted(self._waiting[0]):
            self.done()
        return bool(self._waiting)

    def take_all(self) -> tuple[bytes, ...]:
        """Take out everything that waits."""
        taken, self._waiting = tuple(self._waiting), deque()
        self._backlog.remove(*taken)
        return taken
