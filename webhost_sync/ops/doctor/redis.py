"""Asks a Redis for a sign of life, without a client library: three commands of its own protocol.

In: its URL (`redis://`, `rediss://`, with a password or not). Out: its version. Knows no setting.
"""

from __future__ import annotations

import asyncio
from urllib.parse import unquote, urlsplit

DEFAULT_PORT = 6379


async def ping(url: str) -> str:
    """Return who answers, such as `Redis 7.2.4`.

    Raises: OSError (nobody does), ValueError (the URL is none, or the password is refused); neither repeats
    the password.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError("it is written redis://:password@host:6379/0")
    reader, writer = await asyncio.open_connection(
        parts.hostname, parts.port or DEFAULT_PORT, ssl=True if parts.scheme == "rediss" else None
    )
    try:
        if parts.password:
            who = [unquote(parts.username)] if parts.username else []
            await _ask(reader, writer, "AUTH", *who, unquote(parts.password))
        await _ask(reader, writer, "PING")
        about = await _ask(reader, writer, "INFO", "server")
    finally:
        writer.close()
    lines = dict(line.split(":", 1) for line in about.splitlines() if ":" in line)
    name = "Valkey" if "valkey_version" in lines else "Redis"
    return f"{name} {lines.get('valkey_version') or lines.get('redis_version', 'of an unknown version')}"


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *words: str) -> str:
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        data = word.encode()
        parts += [f"${len(data)}\r\n".encode(), data, b"\r\n"]
    writer.write(b"".join(parts))
    await writer.drain()
    line = (await reader.readline()).decode().rstrip("\r\n")
    if line.startswith("-"):
        raise ValueError(line[1:])
    if not line.startswith("$"):
        return line[1:]
    return (await reader.readexactly(int(line[1:]) + 2)).decode()
