"""Waits until the tables have followed an edit of their document, so that the next page shows it."""

from __future__ import annotations

import asyncio

from store.readings import Readings

LOOKS = 40
PAUSE = 0.05
"""So often, and so many seconds apart, it is looked whether the tables have followed."""


class Following:
    """The tables of all spaces. They follow by themselves; nobody has to wait for them."""

    def __init__(self, readings: Readings) -> None:
        self._readings = readings

    async def until(self, tenant_id: int, document: str, seq: int) -> bool:
        """Wait until the rows have in them what the document had at `seq`, two seconds at most. Returns
        whether they have. Raises: Unavailable."""
        for _ in range(LOOKS):
            if await self._readings.projected_seq(tenant_id, document) >= seq:
                return True
            await asyncio.sleep(PAUSE)
        return False
