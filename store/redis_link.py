"""One process's way to Redis (or Valkey), and whether it is there.

Comes in: a URL (`redis://`, `rediss://`, `unix://`). Goes out: a pool of connections for whoever sends
commands, and a flag that is looked after by one task. Nothing rests on Redis: whoever finds it away does
without, and says so by `failed`, so that the next one need not find out again.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from store.contract import StoreError

PATIENCE = 0.5
"""Seconds until no answer is an answer."""
LOOK_INTERVAL = 1.0
MAX_CONNECTIONS = 50

log = logging.getLogger(__name__)


def away() -> tuple[type[Exception], ...]:
    """What commands raise while Redis is away, too busy, or something else.

    Its library is loaded with the first link (it takes an eighth of what a server needs to start), so nothing
    raises its errors before.
    """
    library = sys.modules.get("redis.exceptions")
    return (*((library.RedisError,) if library else ()), OSError, TimeoutError)


class RedisMissing(StoreError):
    """REDIS_URL is set, and the library for Redis is not installed: pip install 'webhost-sync[redis]'"""


class RedisUrlUnusable(StoreError):
    """The URL names no Redis; the message says how it is written."""


class RedisLink:
    """Invariants: 1. `is_up` turns false at once when a command failed, and true when a PING was answered.
    2. No command waits longer than `PATIENCE`."""

    def __init__(self, url: str) -> None:
        """Raises: RedisMissing, RedisUrlUnusable."""
        try:
            library = importlib.import_module("redis.asyncio")
        except ImportError as error:
            raise RedisMissing(
                "REDIS_URL is set, but the library for Redis is missing; "
                "run pip install 'webhost-sync[redis]', or unset REDIS_URL"
            ) from error
        try:
            self.pool: Any = library.ConnectionPool.from_url(
                url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, max_connections=MAX_CONNECTIONS
            )
        except ValueError as error:
            raise RedisUrlUnusable(
                "REDIS_URL is no address of a Redis: write redis://host:6379/0, rediss:// for TLS, "
                "or unix:///path/of/socket"
            ) from error
        self.client: Any = library.Redis(connection_pool=self.pool)
        self._url = url
        self._library = library
        self.is_up = False
        self.changed = asyncio.Event()
        """Set when `is_up` has changed; whoever waits clears it."""

    def failed(self, error: Exception) -> None:
        """A command has failed: nobody tries until a PING was answered."""
        if self.is_up:
            self.is_up = False
            self.changed.set()
            log.warning("redis away, going on without it: error %s", type(error).__name__)

    async def look(self) -> None:
        """Find out whether Redis answers."""
        try:
            async with asyncio.timeout(2 * PATIENCE):
                await self.client.ping()
        except away() as error:
            self.failed(error)
            return
        if not self.is_up:
            self.is_up = True
            self.changed.set()
            log.info("redis connected")

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_INTERVAL)
        finally:
            await self.close()

    async def close(self) -> None:
        """Drop every connection."""
        await self.client.aclose()
        await self.pool.disconnect()

    @asynccontextmanager
    async def subscription(self, channel: str) -> AsyncIterator[AsyncIterator[str]]:
        """Listen to a channel, from now on; the iterator ends when Redis was found to be away.

        On a connection of its own, which waits as long as nothing is said. Raises: one of `away()`.
        """
        async with (
            self._library.Redis.from_url(
                self._url, socket_timeout=None, socket_connect_timeout=PATIENCE, decode_responses=True
            ) as client,
            client.pubsub(ignore_subscribe_messages=True) as channels,
        ):
            async with asyncio.timeout(2 * PATIENCE):
                await channels.subscribe(channel)
                await channels.get_message(timeout=2 * PATIENCE)  # it says that we are
            yield self._said(channels)

    async def _said(self, channels: Any) -> AsyncIterator[str]:
        while self.is_up:
            message = await channels.get_message(timeout=LOOK_INTERVAL)
            if message is not None:
                yield message["data"]
