"""Tells the rooms of this process what other processes have committed, and who is present there.

Messages come from Postgres or Redis and may be lost, so they only say that there is something to read: the
room reads the log from the sequence it has. After every break all rooms look once.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from store.changes_contract import Changes, Missed
from store.contract import Unavailable
from store.presence import PresenceChannel
from store.redis_link import away
from webhost_sync.sync.beyond import Beyond
from webhost_sync.sync.hub import Hub

logger = structlog.get_logger(__name__)
RECONNECT_DELAY = 1.0
MOST_SAID = 500


async def relay(changes: Changes, hub: Hub) -> None:
    """Run until cancelled."""
    while True:
        try:
            async with changes.listen() as stream:
                hub.check_logs()
                async for change in stream:
                    if isinstance(change, Missed):
                        hub.check_logs()
                    else:
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


async def relay_presence(channel: PresenceChannel, beyond: Beyond, hub: Hub) -> None:
    """Carry presence between this process and others, until cancelled. Where Redis is away nobody hears."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_say_presence(channel, beyond))
        tasks.create_task(_hear_presence(channel, hub))


async def _say_presence(channel: PresenceChannel, beyond: Beyond) -> None:
    while True:
        said = await beyond.take(MOST_SAID)
        if channel.link.is_up:
            try:
                await channel.say(said)
            except away() as error:
                channel.link.failed(error)


async def _hear_presence(channel: PresenceChannel, hub: Hub) -> None:
    while True:
        if channel.link.is_up:
            with suppress(*away()):
                async with channel.heard() as stream:
                    hub.exchange_presence()
                    async for process, presence in stream:
                        hub.heard(process, presence)
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
