"""Uvicorn's sans-IO WebSocket protocol, made fit for rooms.

In: what uvicorn's HTTP protocol hands over at an upgrade. Out: the ASGI app, which finds in its scope a
factory of `DirectTransport`s: frames made elsewhere go straight to the socket, past ASGI. Everything
else (handshake, reading, pings, ASGI `receive` and `send`) stays uvicorn's.

What is changed, and why, stands at each method: stuck, silent and hostile clients cost bounded memory
and time, and no token comes into a log line.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any, cast

import structlog
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode
from websockets.frames import Frame as WebSocketFrame
from websockets.protocol import OPEN

from webhost_sync.sync.transport import CLOSE_TIMEOUT, EXTENSION, HIGH_WATER, LOW_WATER, Frame

FRAGMENT_LIMIT = 4096
PIECE = 4 * 1024
"""Bytes that are taken apart at a time, where they hold small messages; some 60 of these take a few ms."""

log = structlog.get_logger(__name__)


class SocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection.

    Invariants:
    1. Between two callbacks of the event loop nothing waits in `conn` to be sent: uvicorn writes each
       control frame out as soon as it is made. So a frame that is written to the socket directly
       can't come between the pieces of another one.
    2. `conn.state` is OPEN exactly while data frames may be sent.
    3. A connection whose app has returned is gone `CLOSE_TIMEOUT` seconds later.
    4. Something is in `unread` only while the app has something else to take.
    """

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        super().__init__(config, server_state, app_state)
        self.unread = bytearray()
        self.farewell: ASGIReceiveEvent | None = None
        self.close_timeout = CLOSE_TIMEOUT
        # The library would write every header and message, tokens and all, at level debug, and
        # two lines a connection at level info beside uvicorn's.
        self.conn.debug = False
        self.conn.logger = logging.getLogger("websockets.server")

    async def run_asgi(self) -> None:
        # Nothing is read until the app asks for it, that is, until it knows who is there: else a stranger
        # could have a whole message kept for him on each of his sockets.
        self.read_paused = True
        self.transport.pause_reading()
        extensions = cast(dict[str, object], self.scope.setdefault("extensions", {}))
        extensions[EXTENSION] = partial(DirectTransport, self)
        await super().run_asgi()
        # Closing waits until the client has taken what is buffered; a stuck one never does.
        self.abort_later()

    def data_received(self, data: bytes) -> None:
        # The loop reads up to 256 KiB, which may be thousands of messages: to take all of them apart at once
        # would hold up everybody. The first one pauses reading, and the rest waits until it is asked for.
        self.unread += data
        self.take_apart()

    def take_apart(self) -> None:
        """Look at what was read until there is something for the app; at all of it once it asks no more."""
        while self.unread and (self.queue.empty() or self.close_sent):
            piece = bytes(self.unread[:PIECE])
            del self.unread[:PIECE]
            super().data_received(piece)
            if self.conn.parser_exc is not None:
                self.unread.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        # There is no more reading that could be paused.
        self.read_paused = True
        if not self.unread:
            super().connection_lost(exc)
            return
        # What a client sent before it left has arrived, and the app is told that it left behind all of that;
        # not at once, for two hundred may leave in the same moment.
        waiting, self.queue = self.queue, asyncio.Queue()
        super().connection_lost(exc)
        self.farewell, self.queue = self.queue.get_nowait(), waiting

    async def receive(self) -> ASGIReceiveEvent:
        if self.queue.empty() and self.unread:
            await asyncio.sleep(0)  # the others first, who may not have sent as much
            self.take_apart()
        if self.farewell is not None and self.queue.empty() and not self.unread:
            return self.farewell
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()
        return await self.queue.get()

    async def send(self, message: ASGISendEvent) -> None:
        if not self.handshake_complete:
            # Uvicorn logs the scope's path with its query, where tokens are. The app has its own scope.
            self.scope = {**self.scope, "query_string": b""}
        await super().send(message)
        if self.close_sent:
            self.take_apart()  # the client's own close frame may be in it

    def handle_ping(self) -> None:
        if self.writable.is_set():
            super().handle_ping()
        else:
            # Who pings without reading the pongs would fill our memory with them.
            self.conn.data_to_send()

    def handle_cont(self, event: WebSocketFrame) -> None:
        # The size limit doesn't see empty fragments, of which a message may have any number.
        if len(self.frames) < FRAGMENT_LIMIT:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"more than {FRAGMENT_LIMIT} fragments")
            self.handle_parser_exception()

    def keepalive_timeout(self) -> None:
        if self.read_paused and self.ping_timeout is not None:
            # It is us who don't read (the room's inbox is full), so the pong may be there already.
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
            return
        super().keepalive_timeout()
        # Uvicorn would tell the app only when the buffer is empty: for a dead peer, in many minutes.
        self.queue.put_nowait({"type": "websocket.disconnect", "code": CloseCode.ABNORMAL_CLOSURE})

    def close_behind_frames(self, code: int, reason: str) -> None:
        """Write the close frame now, even if the client doesn't read, and tell the app's reader.

        Uvicorn's own `websocket.close` would wait until the client has read enough.
        """
        if self.conn.state is not OPEN or self.transport.is_closing():
            return
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.take_apart()
        self.abort_later()

    def abort_later(self) -> None:
        """Give the peer `CLOSE_TIMEOUT` seconds to answer the close frame and to take what is buffered."""
        if self.close_timer is None and not self.disconnected:
            self.close_timer = self.loop.call_later(self.close_timeout, self.transport.abort)


class DirectTransport:
    """Frames straight to the socket of a `SocketProtocol`. See `webhost_sync.sync.transport.Transport`."""

    def __init__(self, protocol: SocketProtocol, limit: int) -> None:
        self._protocol = protocol
        self._socket = protocol.transport
        self._connection = protocol.conn
        self._limit = limit
        self._socket.set_write_buffer_limits(high=HIGH_WATER, low=LOW_WATER)

    def write(self, frame: Frame) -> None:
        if self._connection.state is not OPEN or self._socket.is_closing():
            return
        if self._socket.get_write_buffer_size() > self._limit:
            log.warning("connection aborted: its reader is stuck", buffered=self.buffered, limit=self._limit)
            self._socket.abort()
            return
        self._socket.write(frame.wire)

    @property
    def buffered(self) -> int:
        # A transport that is being closed may have given its handle back already, and has no size then.
        return 0 if self._socket.is_closing() else self._socket.get_write_buffer_size()

    async def drained(self) -> None:
        await self._protocol.writable.wait()

    async def close(self, code: int, reason: str) -> None:
        self._protocol.close_behind_frames(code, reason)

    def abort(self) -> None:
        self._socket.abort()
