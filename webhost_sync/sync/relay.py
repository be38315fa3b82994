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


async def relay_lives(changes: Changes, hub: Hub) -> None:
    """Tell the rooms of documents that were deleted or begun anew, until cancelled."""
    while True:
        try:
            async with changes.listen_lives() as stream:
                await hub.check_lives()
                async for changed in stream:
                    await hub.life_changed(changed)
        except Unavailable as error:
            logger.warning("relay of lives broken, connecting again", why=str(error))
        await asyncio.sleep(RECONNECT_DELAY)


async def poll(hub: Hub, interval: float) -> None:
    """Have every room look into its log, and at its document, now and then, until cancelled.

    A process that is killed between its commit and the message about it tells nobody.
    """
    while True:
        await asyncio.sleep(interval)
        hub.check_logs()
        try:
            await hub.check_lives()
        except Unavailable as error:
            logger.warning("rooms not held against their documents", why=str(error))
