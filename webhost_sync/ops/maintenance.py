"""Follows maintenance mode: what an operator has said in the database is done in this process.

In: the row that every process reads, now and then. Out: the rooms take updates or don't, and whoever is about
to change something is refused with the reason. Reading goes on. What nobody asked for, the compaction of logs
and the end of deleted documents, waits too. Knows no HTTP.
"""

from __future__ import annotations

import asyncio

import structlog

from store.contract import StoreError
from store.maintenance import Maintenance, MaintenanceSwitch
from webhost_sync.errors import UnderMaintenance
from webhost_sync.sync.hub import Hub

logger = structlog.get_logger(__name__)


class MaintenanceWatch:
    """Invariants: 1. Rooms are held exactly while `current` is there. 2. A database that is away changes
    nothing: what was seen last goes on."""

    def __init__(self, switch: MaintenanceSwitch, hub: Hub, interval: float) -> None:
        """`interval` is the time between two looks, in seconds."""
        self._switch = switch
        self._hub = hub
        self._interval = interval
        self._current: Maintenance | None = None

    @property
    def current(self) -> Maintenance | None:
        return self._current

    @property
    def is_on(self) -> bool:
        return self._current is not None

    def demand_off(self) -> None:
        """Let a change pass. Raises: UnderMaintenance."""
        if self._current is not None:
            raise _refusal(self._current)

    async def look(self) -> None:
        """Do what the database says now. Raises: store.contract.StoreError."""
        found = await self._switch.current()
        if found == self._current:
            return
        before, self._current = self._current, found
        if found is None:
            logger.warning("maintenance is over")
            self._hub.hold(None)
            return
        if before is None:
            logger.warning("maintenance begins", reason=found.reason, by=found.begun_by)
        self._hub.hold(_refusal(found))

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            try:
                await self.look()
            except StoreError as error:
                logger.warning("maintenance mode not looked up", why=str(error))


def _refusal(maintenance: Maintenance) -> UnderMaintenance:
    return UnderMaintenance(maintenance.reason, retry_after=maintenance.retry_after)
