"""Deletes documents, brings them back, ends them for good, and gives them a new epoch.

Routes and commands ask, once it is settled that the asker may. The store does each thing in one transaction
and tells every process, whose rooms of the document end by themselves. Knows no room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from store.audit import Deed
from store.contract import Document, StoreError, UnknownDocument, UpdateLog
from store.lifecycle_contract import Deletion, Lifecycle, NameTaken, Tombstone
from webhost_sync.errors import DocumentNotFound, InvalidRequest

logger = structlog.get_logger(__name__)
RETENTION = Deed("retention")
"""Who purges what was deleted long enough ago."""
PURGE_INTERVAL = 60.0
"""Seconds between two looks for documents that are due to be purged."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What was deleted, and its tombstone where it can't be brought back any more."""

    deletion: Deletion
    tombstone: Tombstone | None = None


class Keeper:
    """Every method raises Unavailable as well."""

    def __init__(
        self, lifecycle: Lifecycle, log: UpdateLog, retention: Callable[[int], Awaitable[timedelta]]
    ) -> None:
        """`retention` says of a tenant for how long a deleted document can be brought back."""
        self._lifecycle = lifecycle
        self._log = log
        self._retention = retention

    async def retention(self, tenant_id: int) -> timedelta:
        """For how long what is deleted now could be brought back."""
        return await self._retention(tenant_id)

    async def create(self, tenant_id: int, name: str, *, by: Deed) -> tuple[Document, bool]:
        """The document of that name, and whether it was made; the only way to one where another one was
        deleted for good. Raises: InvalidRequest (the name is that of a deleted one)."""
        try:
            document, is_new = await self._lifecycle.create(tenant_id, name, by=by)
        except NameTaken as error:
            raise InvalidRequest(str(error)) from error
        if is_new:
            logger.info("document created", tenant=tenant_id, document=name, by=by.actor)
        return document, is_new

    async def delete(self, tenant_id: int, name: str, *, by: Deed, now: bool = False) -> Deleted:
        """Delete a document; `now` also for good, also one that is deleted already.

        Raises: DocumentNotFound.
        """
        retention = timedelta(0) if now else await self._retention(tenant_id)
        try:
            deletion = await self._lifecycle.delete(tenant_id, name, by=by, retention=retention)
            logger.info(
                "document deleted", tenant=tenant_id, document=name, by=by.actor, until=deletion.purge_at
            )
            if not now:
                return Deleted(deletion)
            return Deleted(deletion, await self._purge(tenant_id, deletion.id, by=by))
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error

    async def bring_back(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        """Raises: DocumentNotFound (no document of that name is deleted)."""
        try:
            document = await self._lifecycle.bring_back(tenant_id, name, by=by)
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error
        logger.info("document brought back", tenant=tenant_id, document=name, by=by.actor)
        return document

    async def new_epoch(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        """Begin a new epoch with what the document is now: no replica of before merges into it.

        Raises: DocumentNotFound.
        """
        try:
            record = await self._log.open(tenant_id, name, create=False)
            document = await self._lifecycle.renew(tenant_id, record.id, by=by)
        except UnknownDocument as error:
            raise DocumentNotFound(repr(name)) from error
        logger.info("epoch changed", tenant=tenant_id, document=name, by=by.actor, epoch=str(document.epoch))
        return document

    async def purge_due(self) -> int:
        """Purge every document, of all tenants, whose time is over; returns how many. One that can't be
        purged is left for the next time."""
        count = 0
        for tenant_id, document_id in await self._lifecycle.due():
            try:
                await self._purge(tenant_id, document_id, by=RETENTION)
                count += 1
            except UnknownDocument:
                pass  # another process was quicker
            except StoreError as error:
                logger.warning("not purged", tenant=tenant_id, document_id=document_id, why=str(error))
        return count

    async def run(
        self, interval: float = PURGE_INTERVAL, is_held: Callable[[], bool] = lambda: False
    ) -> None:
        """Purge what is due, until cancelled; nothing while `is_held`. What a process was killed over is
        found here again."""
        while True:
            try:
                if not is_held():
                    await self.purge_due()
            except StoreError as error:
                logger.warning("nothing purged", why=str(error))
            await asyncio.sleep(interval)

    async def _purge(self, tenant_id: int, document_id: int, *, by: Deed) -> Tombstone:
        tombstone = await self._lifecycle.purge(tenant_id, document_id, by=by)
        logger.info("document purged", tenant=tenant_id, document=tombstone.name, by=by.actor)
        return tombstone
