"""Lets nobody have all of what everybody shares: at most so many at a time for one name, the next ones wait.

In: a name, such as a tenant's id. Knows nothing of what is shared.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from store.contract import Unavailable


class FairShare:
    """Invariant: what is kept for a name is gone with the last who has or wants a part under it."""

    def __init__(self, most: int, patience: float | None = None, what: str = "") -> None:
        """`most` at a time for one name, 1 or more; of `what`, for the message of those whose `patience`
        (seconds; None has no end) is over."""
        self._most = most
        self._patience = patience
        self._what = what
        self._shares: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, name: int) -> AsyncIterator[None]:
        """One part, until the block ends; who comes first gets it first. Raises: Unavailable."""
        share = self._shares.get(name)
        if share is None:
            share = self._shares[name] = asyncio.Semaphore(self._most)
        try:
            async with asyncio.timeout(self._patience):
                await share.acquire()
        except TimeoutError as error:
            raise Unavailable(f"everything that one tenant may have of {self._what} is busy") from error
        try:
            yield
        finally:
            share.release()
