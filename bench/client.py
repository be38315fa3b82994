"""One WebSocket of the load generator: raw frames over an asyncio transport, no library in between.

Says the dialect's hello after the upgrade, answers pings, and tells a listener about each step 2 and
update with its time. Does not keep documents.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

from bench.dialects import STEP_2, UPDATE, Dialect
from bench.frames import CLOSE, PING, PONG, client_frame, split_frames

Listener = Callable[[bytes, float], None]
_UPGRADE = (
    "GET {target} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: d2ViaG9zdC1zeW5jIGJlbg==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class ConnectionRefused(Exception):
    """the server did not accept the WebSocket, or closed it"""


class Client(asyncio.Protocol):
    """A connected socket. Invariants: 1. `synced` resolves once, with the first step 2's payload, or
    fails when the socket is lost before. 2. The listener hears of every later step 2 and every update,
    in the order of arrival.
    """

    def __init__(self, request: bytes, dialect: Dialect, listener: Listener | None) -> None:
        self._request = request
        self._dialect = dialect
        self._listener = listener
        self._buffer = b""
        self._upgraded = False
        self._transport: asyncio.Transport | None = None
        self.synced: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the methods of asyncio.Transport but aren't made from it
        self._transport = cast(asyncio.Transport, transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        now = time.perf_counter()
        self._buffer = self._buffer + data if self._buffer else data
        if not self._upgraded and not self._upgrade():
            return
        frames, self._buffer = split_frames(self._buffer)
        for opcode, payload in frames:
            if opcode == PING:
                self._write(client_frame(payload, PONG))
            elif opcode == CLOSE:
                self._fail(f"closed by the server: {payload[2:].decode(errors='replace')}")
            else:
                self._message(payload, now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"connection lost: {exc}")
        self.lost.set()

    def send(self, frame: bytes) -> None:
        """Write a frame that was made before."""
        self._write(frame)

    async def close(self) -> None:
        """Close as a browser does, and wait until the socket is gone."""
        if not self.lost.is_set():
            self._write(client_frame(b"\x03\xe8", CLOSE))
            assert self._transport is not None
            self._transport.close()
        await self.lost.wait()

    def abort(self) -> None:
        """Drop the socket at once."""
        assert self._transport is not None
        self._transport.abort()

    def _upgrade(self) -> bool:
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return False
        if not head.startswith(b"HTTP/1.1 101"):
            self._fail(head.splitlines()[0].decode())
            return False
        self._upgraded = True
        self._buffer = rest
        for message in self._dialect.hello:
            self._write(client_frame(message))
        return True

    def _message(self, payload: bytes, now: float) -> None:
        kind = self._dialect.kind(payload)
        if kind == STEP_2 and not self.synced.done():
            self.synced.set_result(payload)
        elif kind in (STEP_2, UPDATE) and self._listener is not None:
            self._listener(payload, now)

    def _fail(self, reason: str) -> None:
        if not self.synced.done():
            self.synced.set_exception(ConnectionRefused(reason))

    def _write(self, frame: bytes) -> None:
        assert self._transport is not None
        self._transport.write(frame)


async def connect(url: str, dialect: Dialect, listener: Listener | None = None) -> Client:
    """Open a socket and wait until the server has sent its state.

    Raises: ConnectionRefused, OSError, TimeoutError (20 s).
    """
    parts = urlsplit(url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    request = _UPGRADE.format(target=target, host=parts.netloc).encode()
    loop = asyncio.get_running_loop()
    assert parts.hostname is not None
    assert parts.port is not None
    _, client = await loop.create_connection(
        lambda: Client(request, dialect, listener), parts.hostname, parts.port
    )
    try:
        async with asyncio.timeout(20):
            await client.synced
    except BaseException:
        client.abort()
        raise
    return client
