"""Asks the Redis of the settings who it is. In: its URL. Out: its name and version. Knows no setting."""

from __future__ import annotations

import importlib

from store.redis_link import RedisLink, away

PATIENCE = 2.0


async def ask(url: str) -> str:
    """Return who answers, such as `Valkey 9.1.0`.

    Raises: store.redis_link.RedisMissing, RedisUrlUnusable; OSError (nobody answers, or not to us).
    """
    RedisLink(url)  # says what is wrong with the library or the URL as the server would
    client = importlib.import_module("redis.asyncio").from_url(
        url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, decode_responses=True
    )
    try:
        about = await client.info("server")
    except away() as error:
        raise OSError(str(error) or type(error).__name__) from error
    finally:
        await client.aclose()
    name = "Valkey" if "valkey_version" in about else "Redis"
    return f"{name} {about.get('valkey_version') or about.get('redis_version', 'of an unknown version')}"
