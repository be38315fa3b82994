"""WebSocket frames as a client writes and reads them (RFC 6455, 5.2): bytes in, bytes out.

Kept apart from any library so that the load generator costs as little as it can: it shares the
machine with the server that it measures. Knows no socket and no Yjs.
"""

from __future__ import annotations

import struct

BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

_FIN = 0x80
_MASKED = 0x80
_ZERO_KEY = bytes(4)
"""A client must mask; with a key of zeros the payload stays as it is, which costs nothing."""


def client_frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """Frame one whole message the way a client has to send it."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", _FIN | opcode, _MASKED | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", _FIN | opcode, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", _FIN | opcode, _MASKED | 127, size)
    return head + _ZERO_KEY + payload


def split_frames(buffer: bytes) -> tuple[list[tuple[int, bytes]], bytes]:
    """Cut what a server sent into (opcode, payload) and the rest that is no whole frame yet.

    Raises: ValueError for a masked or fragmented frame, which none of the servers sends.
    """
    frames = []
    start = 0
    while (body := start + 2) <= len(buffer):
        first, size = buffer[start], buffer[start + 1]
        if size > 127 or not first & _FIN:
            raise ValueError("a masked or fragmented frame from a server")
        if size >= 126:
            width = 2 if size == 126 else 8
            size = int.from_bytes(buffer[body : body + width])
            body += width
            if body > len(buffer):
                break
        if body + size > len(buffer):
            break
        frames.append((first & 0x0F, buffer[body : body + size]))
        start = body + size
    return frames, buffer[start:]
