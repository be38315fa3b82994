"""The way out to one connection: bounded, in order, never waited for.

The runner puts frames in; the transport takes them. A reader that is too slow is skipped, and the
outbox remembers the state vector from which it must be caught up. Knows no room and no document.
"""

from __future__ import annotations

import asyncio

from webhost_sync.errors import ProtocolError, SyncError
from webhost_sync.sync.document import EMPTY_STATE_VECTOR
from webhost_sync.sync.effects import Acknowledge, Refuse, Send
from webhost_sync.sync.protocol import AwarenessUpdate, PermissionDenied, SyncUpdate, encode
from webhost_sync.sync.transport import Frame, Transport


class Outbox:
    """What leaves through one transport.

    Invariants:
    1. At most `limit` bytes, and one frame, are buffered for the connection.
    2. A sync frame that was not written leaves a state vector behind, so nothing stays missing.
    3. After `close()` nothing is written.
    """

    def __init__(self, transport: Transport, limit: int) -> None:
        self._transport = transport
        self._limit = limit
        self._behind: bytes | None = None
        self._fell_behind = asyncio.Event()
        self._closing: asyncio.Future[SyncError] = asyncio.get_running_loop().create_future()
        self._quiet = False

    @property
    def is_full(self) -> bool:
        return self._transport.buffered > self._limit

    @property
    def is_behind(self) -> bool:
        return self._behind is not None

    @property
    def buffered(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return self._transport.buffered

    def show(self, frame: Frame, before: bytes) -> None:
        """Write a broadcast, or skip it: the reader then lacks what comes after `before`."""
        if self._behind is None:
            self._write(frame, before)

    def reply(self, frame: Frame) -> None:
        """Write an answer; where it must be dropped the reader is caught up from nothing."""
        if self._behind != EMPTY_STATE_VECTOR:
            self._write(frame, EMPTY_STATE_VECTOR)

    def mention(self, frame: Frame) -> None:
        """Write something that may be lost: presence. First to go when the reader is slow."""
        if self._behind is None and not self.is_full:
            self._write(frame, EMPTY_STATE_VECTOR)

    def acknowledge(self, update: bytes | None) -> None:
        """To a y-websocket client the echo is the acknowledgement; `update` is one that nothing echoed."""
        if update is not None:
            self.reply(Frame(encode(SyncUpdate(update))))

    def refuse(self, error: SyncError) -> None:
        """Say no to one message. Only a broken protocol ends the connection."""
        if isinstance(error, ProtocolError):
            self.close(error)
        else:
            self.reply(Frame(encode(PermissionDenied(str(error)))))

    def deliver(self, effect: Send | Acknowledge | Refuse) -> None:
        """Write what the room says to this member alone."""
        match effect:
            case Send(_, AwarenessUpdate() as message):
                if not self.is_full:
                    self.mention(Frame(encode(message)))
            case Send(_, message):
                self.reply(Frame(encode(message)))
            case Acknowledge(_, update):
                self.acknowledge(update)
            case Refuse(_, error):
                self.refuse(error)

    def keep_alive(self, frame: Frame) -> None:
        """Write `frame` if nothing was written since the last call."""
        if self._quiet:
            self.mention(frame)
        self._quiet = True

    def close(self, error: SyncError) -> None:
        """Ask the connection's task to close the socket with the code of `error`; the first one counts."""
        if not self._closing.done():
            self._closing.set_result(error)

    async def closing(self) -> SyncError:
        """Wait for `close()`."""
        return await asyncio.shield(self._closing)

    async def fell_behind(self) -> None:
        """Wait until a frame had to be skipped."""
        await self._fell_behind.wait()

    async def drained(self) -> None:
        """Wait until the reader has read, or is gone."""
        await self._transport.drained()

    def resume(self) -> bytes:
        """Write again from now on; returns the state vector to catch the reader up from."""
        behind, self._behind = self._behind, None
        self._fell_behind.clear()
        return behind if behind is not None else EMPTY_STATE_VECTOR

    def _write(self, frame: Frame, before: bytes) -> None:
        if self._closing.done():
            return
        if self.is_full:
            self._behind = before
            self._fell_behind.set()
            return
        self._quiet = False
        self._transport.write(frame)
