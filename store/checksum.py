"""The checksum that is stored beside every payload and state: CRC-32 as a signed 32-bit integer.

It finds bytes that rotted or were edited; it is no protection against someone who means harm.
"""

from __future__ import annotations

import zlib


def checksum(*contents: bytes) -> int:
    """CRC-32 (the one of zlib and PNG) of the contents one after another, as Postgres's `integer`."""
    unsigned = 0
    for content in contents:
        unsigned = zlib.crc32(content, unsigned)
    return unsigned - (1 << 32) if unsigned >= 1 << 31 else unsigned
