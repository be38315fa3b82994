"""Makes a room ready to run: its document from the log, and all that it works with.

The hub asks by tenant and name, and gets a runner or an error in a client's words. Knows no other room.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from functools import partial

import structlog

from store.contract import Document as DocumentRecord
from store.contract import Unavailable, UnknownDocument, UpdateLog
from webhost_sync.config import Settings
from webhost_sync.errors import DocumentNotFound, Internal, StoreUnavailable, SyncError
from webhost_sync.sync.beyond import Beyond
from webhost_sync.sync.growth import Growth
from webhost_sync.sync.lives import Key
from webhost_sync.sync.loading import Loaded, load_document, open_room
from webhost_sync.sync.room_log import RoomLog
from webhost_sync.sync.runner import Runner
from webhost_sync.sync.turns import Turns

logger = structlog.get_logger(__name__)


class RoomMaker:
    """Invariant: while something is `held`, no document is made: one that there isn't is refused for it."""

    def __init__(
        self,
        log: UpdateLog,
        settings: Settings,
        due: asyncio.Queue[DocumentRecord],
        beyond: Beyond | None,
    ) -> None:
        self._log = log
        self._settings = settings
        self._due = due
        self._beyond = beyond
        self._turns = Turns()
        self.held: SyncError | None = None

    async def make(self, key: Key) -> Runner:
        """Load a document, made where it is missing.

        Raises: DocumentNotFound, StoreUnavailable, Internal, or what is held.
        """
        started = time.monotonic()
        loaded = await self._document(key)
        room = open_room(loaded, self._settings)
        milliseconds = round((time.monotonic() - started) * 1000, 1)
        logger.debug(
            "room loaded", tenant=key[0], document=key[1], seq=loaded.record.head_seq, ms=milliseconds
        )
        room_log = RoomLog(self._log, loaded.record, self._settings.uncommitted_timeout)
        reload = partial(self._document, key)
        growth = Growth(loaded.record, self._settings, self._due)
        return Runner(
            room, loaded.record, room_log, self._settings, growth, reload, self._turns, self._beyond
        )

    async def _document(self, key: Key, aside: frozenset[bytes] = frozenset()) -> Loaded:
        tenant_id, name = key
        try:
            record = await self._log.open(tenant_id, name, create=self.held is None)
            return await load_document(self._log, record, secrets.randbits(32), aside)
        except UnknownDocument as error:
            raise self.held or DocumentNotFound() from error
        except Unavailable as error:
            raise StoreUnavailable() from error
        except Exception as error:
            logger.exception("document not loaded", tenant=tenant_id, document=name)
            raise Internal() from error
