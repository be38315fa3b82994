"""Writes down which keys are used, beside the requests that use them: none of those waits for it.

In: a key each time it lets somebody in. Out: one write for each key that was noted since the last ones.
What can't be written now is left; a key that goes on being used is noted again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

import structlog

from store.contract import Unavailable

logger = structlog.get_logger(__name__)


class KeyUses:
    """Keys that were used and aren't written down yet, each once."""

    def __init__(self, write: Callable[[int, UUID], Awaitable[None]]) -> None:
        """`write` gets a tenant's id and a key's."""
        self._write = write
        self._noted: dict[tuple[int, UUID], None] = {}
        self._some = asyncio.Event()

    def note(self, tenant_id: int, key_id: UUID) -> None:
        self._noted[tenant_id, key_id] = None
        self._some.set()

    async def run(self) -> None:
        """Write what is noted, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            noted, self._noted = self._noted, {}
            for tenant_id, key_id in noted:
                try:
                    await self._write(tenant_id, key_id)
                except Unavailable as error:
                    logger.debug("use of a key not written down", why=str(error))
