"""Tells the rooms of this process what other processes have committed.

Messages come from Postgres and may be lost, so they only say that there is something to read: the
room reads the log from the sequence it has. After every break all rooms look once.
"""

from __future__ import annotations

import asyncio

import structlog

from store.contract import Changes, Unavailable
from webhost_sync.sync.hub import Hub

logger = structlog.get_logger(__name__)
RECONNECT_DELAY = 1.0


async def relay(changes: Changes, hub: Hub) -> None:
    """Run until cancelled."""
    while True:
        try:
            async with changes.listen() as stream:
                hub.check_logs()
                async for change in stream:
                    hub.changed_elsewhere(change)
        except Unavailable as error:
            logger.warning("relay broken, connecting again", why=str(error))
        await asyncio.sleep(RECONNECT_DELAY)


async def poll(hub: Hub, interval: float) -> None:
    """Have every room look into its log now and then, until cancelled.

    A process that is killed between its commit and the message about it tells nobody.
    """
    while True:
        await asyncio.sleep(interval)
        hub.check_logs()
