"""The least of a WebSocket client, for tests that open tens of thousands of sockets.

RFC 6455 without fragments or a check of what the server sends: the tests that use it
are about what the server does with bytes, and the `websockets` client would take most of their time.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

MASK = b"\0\0\0\0"
"""A mask that changes nothing: allowed, and free."""
BINARY, CLOSE, PING, PONG = 0x2, 0x8, 0x9, 0xA


class Closed(Exception):
    """The server has closed. `code` is None where it said none."""

    def __init__(self, code: int | None) -> None:
        super().__init__(code)
        self.code = code


@dataclass
class RawSocket:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, payload: bytes, opcode: int = BINARY) -> None:
        size, first = len(payload), 0x80 | opcode
        short = size < 126
        length = struct.pack("!BB", first, 0x80 | size) if short else struct.pack("!BBQ", first, 0xFF, size)
        self.writer.write(length + MASK + payload)

    async def receive(self) -> bytes:
        """The next binary message. Raises: Closed."""
        try:
            while True:
                first, size = await self.reader.readexactly(2)
                if size >= 126:
                    form, width = ("!H", 2) if size == 126 else ("!Q", 8)
                    [size] = struct.unpack(form, await self.reader.readexactly(width))
                payload = await self.reader.readexactly(size)
                if first & 0xF == CLOSE:
                    raise Closed(struct.unpack("!H", payload[:2])[0] if payload else None)
                if first & 0xF == PING:
                    self.send(payload, PONG)
                if first & 0xF == BINARY:
                    return payload
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Closed(None) from error


@asynccontextmanager
async def raw_socket(url: str) -> AsyncIterator[RawSocket]:
    """Connect to a `ws://` URL, and drop the connection at the end."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        writer.write(
            f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 101"), answer
        yield RawSocket(reader, writer)
    finally:
        writer.close()
