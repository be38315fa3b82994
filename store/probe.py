"""Finds out whether Postgres answers, without making anybody wait for one that doesn't.

A route asks; one task, `run()`, goes to the database for all who ask at the same time. A connection
that hangs can hold up that task, and nobody else. Knows no HTTP.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncpg
import structlog

from store.contract import StoreError
from store.database import Database
from store.roles import Role

logger = structlog.get_logger(__name__)
FRESH = 1.0
"""Seconds for which a finding is given to whoever asks again."""
PATIENCE = 1.5
"""Seconds until no answer is an answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`problem` is None when Postgres answered, else short and without secrets."""

    problem: str | None
    schema_revision: str | None


NO_ANSWER = Finding("no answer", None)


class DatabaseProbe:
    """Invariants: 1. At most one question is under way. 2. `ask` returns within `PATIENCE`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._finding = NO_ANSWER
        self._found_at = -FRESH
        self._wanted = asyncio.Event()
        self._answered = asyncio.Event()

    async def ask(self) -> Finding:
        """What is known of Postgres, at most `FRESH` seconds old; `NO_ANSWER` where it stays silent."""
        if time.monotonic() - self._found_at < FRESH:
            return self._finding
        self._answered.clear()
        self._wanted.set()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._answered.wait()
        except TimeoutError:
            return NO_ANSWER
        return self._finding

    async def run(self) -> None:
        """Go and look whenever somebody asks, until cancelled."""
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            self._finding = await self._look()
            self._found_at = time.monotonic()
            self._answered.set()

    async def _look(self) -> Finding:
        """On a connection of its own: one of the pool could wait behind requests, and hide an outage."""
        try:
            with self._database.errors():
                async with (
                    asyncio.timeout(PATIENCE),
                    self._database.raw_connection(Role.APP) as connection,
                ):
                    revision = await connection.fetchval("select version_num from alembic_version")
        except TimeoutError:
            return NO_ANSWER
        except (StoreError, asyncpg.PostgresError) as error:
            # The message has the address and the driver's words: for the log, not for a stranger.
            logger.warning("database not healthy", why=str(error))
            return Finding("can't be used", None)
        return Finding(None, revision)
