"""The way out to one connection: bounded, in order, never waited for.

The runner puts messages in; the transport takes frames. A reader that is too slow is skipped, and the
outbox remembers the state vector from which it must be caught up. Knows no room and no document.
"""

from __future__ import annotations

import asyncio

from webhost_sync.errors import ProtocolError, SyncError
from webhost_sync.sync.dialect import Y_WEBSOCKET, Dialect
from webhost_sync.sync.document import EMPTY_STATE_VECTOR
from webhost_sync.sync.effects import Acknowledge, CatchUp, Greeting, Refuse, Request, Send
from webhost_sync.sync.protocol import AwarenessUpdate, KnownMessage, SyncStep1, SyncStep2, encode
from webhost_sync.sync.transport import Frame, Frames, Transport, drained_within


class Outbox:
    """What leaves through one transport.

    Invariants:
    1. At most `limit` bytes, and one frame, are buffered for the connection. Only the answers that a
       dialect counts come on top: one for each message that was read, and a full one is not read.
    2. A sync frame that was not written leaves a state vector behind, so nothing stays missing.
    3. After `close()` nothing is written.
    """

    def __init__(self, transport: Transport, limit: int, dialect: Dialect = Y_WEBSOCKET) -> None:
        self._transport = transport
        self._limit = limit
        self._dialect = dialect
        self._behind: bytes | None = None
        self._lost_question = False
        self._lost_answer = False
        self._fell_behind = asyncio.Event()
        self._delivered = asyncio.Event()
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

    def show(self, frames: Frames, before: bytes) -> None:
        """Write a broadcast, or skip it: the reader then lacks what comes after `before`."""
        if self._behind is None and self._dialect.hears:
            self._write(frames.behind(self._dialect.prefix), before)

    def reply(self, frame: Frame) -> None:
        """Write an answer; where it must be dropped the reader is caught up from nothing."""
        if self._behind != EMPTY_STATE_VECTOR:
            self._write(frame, EMPTY_STATE_VECTOR)

    def mention(self, frames: Frames) -> None:
        """Write something that may be lost: presence. First to go when the reader is slow."""
        if self._behind is None and self._dialect.hears and not self.is_full:
            self._write(frames.behind(self._dialect.prefix), EMPTY_STATE_VECTOR)

    def deliver(self, effect: Send | Acknowledge | Refuse) -> None:
        """Write what the room says to this member alone. Only a broken protocol ends the connection."""
        match effect:
            case Send(_, AwarenessUpdate() as message):
                self.mention(Frames(encode(message)))
            case Send(_, message):
                self._send(message)
            case Acknowledge():
                self._answer(*self._dialect.acknowledge(effect))
            case Refuse(_, error):
                self._answer(*self._dialect.refuse(effect))
                if isinstance(error, ProtocolError):
                    self.close(error)

    def hold(self, reason: SyncError) -> bool:
        """Say that no updates are taken for now; whether the client sends none until it comes anew."""
        self._answer(*self._dialect.hold(reason))
        return self._dialect.pauses

    def was_quiet(self) -> bool:
        """Whether nothing was written since the last call."""
        quiet, self._quiet = self._quiet, True
        return quiet

    def keep_alive(self) -> None:
        """Write a sign of life if nothing was written since the last call, where the dialect has one."""
        if (message := self._dialect.keep_alive) is not None and self.was_quiet():
            self.mention(Frames(message))

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

    async def drained(self, seconds: float) -> None:
        """Wait until the reader has read, or is gone. Raises: TooSlow."""
        await drained_within(self._transport, seconds)

    def resume(self) -> bytes:
        """Write again from now on; returns the state vector to catch the reader up from."""
        behind, self._behind = self._behind, None
        self._lost_question = self._lost_answer = False
        self._fell_behind.clear()
        self._delivered.clear()
        return behind if behind is not None else EMPTY_STATE_VECTOR

    def resume_with(self) -> tuple[Request, ...]:
        """Write again from now on; returns what to ask of the room, so that nothing stays missing.

        Unlike `resume()` for clients that tell an answer to their step 1 from an update, and that wait
        for ours before they send what they have.
        """
        question, answer, is_behind = self._lost_question, self._lost_answer, self.is_behind
        behind = self.resume()
        missed: tuple[Request, ...] = (Greeting(),) if question else ()
        if is_behind:
            missed += (SyncStep1(behind) if answer else CatchUp(behind),)
        return missed

    async def delivered(self) -> None:
        """Wait until something for this member alone has come since it was resumed."""
        await self._delivered.wait()

    def _send(self, message: KnownMessage) -> None:
        frame = Frame(self._dialect.prefix + encode(message))
        if isinstance(message, SyncStep1) and self._dialect.counts and self.is_full:
            # No content: what the reader has does not change by it, but it must be asked again.
            self._lost_question = True
            self._fell_behind.set()
        else:
            self.reply(frame)
            self._lost_answer |= isinstance(message, SyncStep2) and self._behind == EMPTY_STATE_VECTOR
        self._delivered.set()

    def _answer(self, *frames: bytes) -> None:
        for frame in frames:
            if not self._dialect.counts:
                self.reply(Frame(frame))
            elif not self._closing.done():
                self._put(Frame(frame))

    def _write(self, frame: Frame, before: bytes) -> None:
        if self._closing.done():
            return
        if self.is_full:
            self._behind = before
            self._fell_behind.set()
            return
        self._put(frame)

    def _put(self, frame: Frame) -> None:
        self._quiet = False
        self._transport.write(frame)
