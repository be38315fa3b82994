"""Which driver errors mean that Postgres is away, and which that a statement asks for the impossible.

For those who hold a driver's connection of their own, the committer and the listeners, and so see
its errors; and how they wait before they try again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import asyncpg

REFUSED = (
    asyncpg.DataError,  # a value that its column can't hold (e.g. a NUL in a text), or that can't be encoded
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)
"""The statement was rolled back because of what it carried; it will be again."""

OBSTRUCTED = (asyncpg.LockNotAvailableError, asyncpg.TransactionRollbackError)
"""The statement was rolled back because another transaction was in the way; that passes."""

AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""Everything else that a connection can say; look for the others first."""


Connect = Callable[[], AbstractAsyncContextManager["asyncpg.Connection[asyncpg.Record]"]]
"""Opens a connection; called again when it has broken."""


def describe(error: BaseException) -> str:
    """The message, or the name of an error that has none (as a time-out)."""
    return str(error) or type(error).__name__


class Backoff:
    """Growing pauses between attempts, cut short when there is no use in waiting any more."""

    FIRST = 0.05
    LAST = 2.0

    def __init__(self, closed: asyncio.Event) -> None:
        self._closed = closed
        self._seconds = self.FIRST

    async def pause(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._closed.wait()
        except TimeoutError:
            self._seconds = min(2 * self._seconds, self.LAST)

    def reset(self) -> None:
        self._seconds = self.FIRST
