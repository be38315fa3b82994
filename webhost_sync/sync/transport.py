"""How binary messages leave for one client, in order and with a known amount waiting.

In: frames, each made once by whoever fans out, and the order to close. Out: either the frame's own
bytes on the member's socket (`webhost_sync.uvicorn_protocol` offers it), or plain ASGI `send` events
under any other server. Knows no room and no document, and reads nothing: receiving stays with ASGI.

A frame is never compressed. permessage-deflate with context takeover makes every frame depend on what
that one client got before, so the same bytes could not be written to all members of a room.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol, cast

import structlog
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from webhost_sync.config import KIB, MIB, SMALLEST_OUTBOX
from webhost_sync.errors import Internal, TooSlow

EXTENSION = "webhost.transport"
"""Key in the ASGI scope's `extensions`; the value is a `TransportFactory`."""

HIGH_WATER = SMALLEST_OUTBOX
LOW_WATER = 64 * KIB
BUFFER_LIMIT = 128 * MIB
CLOSE_TIMEOUT = 10.0

log = structlog.get_logger(__name__)


class Frame:
    """One outgoing binary message, framed at most once however many clients get it."""

    __slots__ = ("_wire", "payload")

    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self._wire: bytes | None = None

    @property
    def wire(self) -> bytes:
        """The message as one final, unmasked binary frame (RFC 6455, section 5.2)."""
        if self._wire is None:
            self._wire = _header(len(self.payload)) + self.payload
        return self._wire


class Frames:
    """One message for the members of a room: framed once for each address under which they know it.

    Members of one room may speak different dialects. Those that tell documents apart on one socket want
    the document's address before the message, and all who use the same address share one frame.
    """

    __slots__ = ("_by_prefix", "message")

    def __init__(self, message: bytes) -> None:
        self.message = message
        self._by_prefix: dict[bytes, Frame] = {}

    def behind(self, prefix: bytes) -> Frame:
        """The message behind a prefix, as one frame."""
        frame = self._by_prefix.get(prefix)
        if frame is None:
            frame = self._by_prefix[prefix] = Frame(prefix + self.message)
        return frame


def _header(length: int) -> bytes:
    if length < 126:
        return struct.pack("!BB", 0x82, length)
    if length < 65536:
        return struct.pack("!BBH", 0x82, 126, length)
    return struct.pack("!BBQ", 0x82, 127, length)


class Transport(Protocol):
    """The sending half of one accepted WebSocket.

    Invariants:
    1. Frames leave whole and in the order of `write`, whoever calls it.
    2. After `close`, `abort` or the client's leaving, `write` does nothing and raises nothing.
    3. No more waits than the buffer limit and the one frame that passed it; one more write aborts.
       (The sender is expected to look at `buffered` and to hold back long before.)
    """

    def write(self, frame: Frame) -> None:
        """Hand a frame on without waiting."""

    @property
    def buffered(self) -> int:
        """Bytes that neither the kernel nor the ASGI server has taken; 0 once the client is gone."""

    async def drained(self) -> None:
        """Return when less than `HIGH_WATER` waits; once above that, when `LOW_WATER` is reached.

        Returns also when the connection has gone.
        """

    async def close(self, code: int, reason: str) -> None:
        """Put a close frame behind everything written, and nothing behind that.

        What the client has not taken `CLOSE_TIMEOUT` seconds later is thrown away. The reader of
        this socket gets its `websocket.disconnect`. The first close wins; `reason` has at most
        123 bytes of UTF-8.
        """

    def abort(self) -> None:
        """Drop what waits and the connection.

        ASGI knows no way to do that but to return from the endpoint: there, the body of
        `open_transport` is cancelled, and the cancellation ends with it.
        """


TransportFactory = Callable[[int], Transport]
"""Makes the transport of an accepted socket, given its buffer limit in bytes."""


class AsgiTransport:
    """Frames through an ASGI `send`: `run`, one task, does the waiting. See `Transport`.

    `endpoint` is the scope in which the socket's endpoint works; to abort is to let it expire.
    """

    def __init__(
        self, send: Callable[[Message], Awaitable[None]], limit: int, endpoint: asyncio.Timeout
    ) -> None:
        self._send = send
        self._limit = limit
        self._endpoint = endpoint
        self._queue: deque[Frame] = deque()
        self._buffered = 0
        self._farewell: Message | None = None
        self._wake = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._gone = asyncio.Event()

    def write(self, frame: Frame) -> None:
        if self._farewell is not None or self._gone.is_set():
            return
        if self._buffered > self._limit:
            log.warning("connection aborted: its reader is stuck", buffered=self._buffered, limit=self._limit)
            self.abort()
            return
        self._queue.append(frame)
        self._buffered += len(frame.payload)
        if self._buffered > HIGH_WATER:
            self._writable.clear()
        self._wake.set()

    @property
    def buffered(self) -> int:
        return 0 if self._gone.is_set() else self._buffered

    async def drained(self) -> None:
        await self._writable.wait()

    async def close(self, code: int, reason: str) -> None:
        if self._farewell is None:
            self._farewell = {"type": "websocket.close", "code": code, "reason": reason}
            self._wake.set()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await self._gone.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        if not self._gone.is_set():
            self._forget()
            self._endpoint.reschedule(asyncio.get_running_loop().time())

    def _forget(self) -> None:
        self._queue.clear()
        self._writable.set()
        self._gone.set()

    async def run(self) -> None:
        """Send what is written until the farewell is sent or the client has gone."""
        try:
            while self._farewell is None or self._queue:
                await self._send_queue()
            await self._send(self._farewell)
        except (OSError, RuntimeError, WebSocketDisconnect):
            pass  # how ASGI servers say that the client has gone; the reader of the socket is told as well
        except Exception:
            log.exception("sending through ASGI failed")
        finally:
            self._forget()

    async def _send_queue(self) -> None:
        self._wake.clear()
        while self._queue:
            frame = self._queue.popleft()
            await self._send({"type": "websocket.send", "bytes": frame.payload})
            self._buffered -= len(frame.payload)
            if self._buffered <= LOW_WATER:
                self._writable.set()
        if self._farewell is None:
            await self._wake.wait()


async def drained_within(transport: Transport, seconds: float) -> None:
    """Wait until the reader has read enough, or is gone. Raises: TooSlow."""
    try:
        async with asyncio.timeout(seconds):
            await transport.drained()
    except TimeoutError:
        raise TooSlow(f"nothing was read for {seconds:g} s") from None


@asynccontextmanager
async def open_transport(websocket: WebSocket, limit: int = BUFFER_LIMIT) -> AsyncIterator[Transport]:
    """Give the fastest transport there is for an accepted socket, and close it at the end.

    Leaving normally closes with 1000, an error with 4500, a cancellation aborts; a socket that is
    closed already is left alone. `limit` (bytes) is the net of invariant 3; choose it larger than the
    largest answer to one client, since several small messages may have to wait behind that one.
    """
    factory = websocket.scope.get("extensions", {}).get(EXTENSION)
    if factory is not None:
        async with _closed_at_the_end(cast(TransportFactory, factory)(limit)) as transport:
            yield transport
        return
    async with _plain_transport(websocket, limit) as transport:
        yield transport


@asynccontextmanager
async def _plain_transport(websocket: WebSocket, limit: int) -> AsyncIterator[Transport]:
    endpoint = asyncio.timeout(None)
    plain = AsgiTransport(websocket.send, limit, endpoint)
    writer = asyncio.create_task(plain.run(), name="asgi writer")
    try:
        async with endpoint:
            try:
                async with _closed_at_the_end(plain) as transport:
                    yield transport
            finally:
                plain.abort()
    except TimeoutError:
        if not endpoint.expired():
            raise
    finally:
        writer.cancel()
        await asyncio.wait({writer})


@asynccontextmanager
async def _closed_at_the_end(transport: Transport) -> AsyncIterator[Transport]:
    try:
        yield transport
    except Exception:
        await transport.close(Internal.close_code, Internal().reason)
        raise
    except BaseException:
        transport.abort()
        raise
    else:
        await transport.close(1000, "")
