"""Changes what is logged while processes run: an operator says it once, and every process follows.

The wish comes by a NOTIFY (`webhost-sync log level`) and holds until the next one, or until the process is
started anew; it is written nowhere.
"""

from __future__ import annotations

import asyncio

import structlog

from store.changes import PostgresChanges
from store.contract import Unavailable
from store.shared_changes import SharedChanges
from webhost_sync.config import Settings
from webhost_sync.logs import set_level

logger = structlog.get_logger(__name__)
RECONNECT_DELAY = 5.0


async def follow_levels(changes: PostgresChanges | SharedChanges, settings: Settings) -> None:
    """Log as operators wish, until cancelled."""
    while True:
        try:
            async with changes.listen_levels() as stream:
                async for wish in stream:
                    level = wish.level or settings.log_level
                    set_level(level)
                    logger.warning("log level changed", level=level)
        except Unavailable as error:
            logger.debug("log levels not followed", why=str(error))
        await asyncio.sleep(RECONNECT_DELAY)
