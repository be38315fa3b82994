"""Decides over the life of documents, for pages and API alike; the rooms of this process follow at once.

Who may is settled before. What is done stands in the audit log and among the document's events, written in
the transaction that does it.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta

from store.audit import Deed
from store.changes_contract import LifeChanged
from store.contract import Document, Unavailable
from store.lifecycle_contract import Damage, Deletion, Lifecycle, Tombstone, TombstoneKey
from webhost_sync.lifecycle.erasure import Eraser
from webhost_sync.lifecycle.keeper import Deleted, Keeper
from webhost_sync.lifecycle.repair import Diagnosis, Repairer
from webhost_sync.sync.hub import Hub


class DocumentLives:
    """The lives of all documents, one at a time.

    The rooms of other processes follow by a message; those of this one have ended before the answer. Every
    method raises what `Keeper`, `Repairer` and `Eraser` raise.
    """

    def __init__(
        self, lifecycle: Lifecycle, keeper: Keeper, repairer: Repairer, eraser: Eraser, hub: Hub
    ) -> None:
        self._lifecycle = lifecycle
        self._keeper = keeper
        self._repairer = repairer
        self._eraser = eraser
        self._hub = hub

    async def create(self, tenant_id: int, name: str, *, by: Deed) -> tuple[Document, bool]:
        document, is_new = await self._keeper.create(tenant_id, name, by=by)
        await self._rooms_follow(tenant_id, document)
        return document, is_new

    async def delete(self, tenant_id: int, name: str, *, by: Deed, now: bool = False) -> Deleted:
        done = await self._keeper.delete(tenant_id, name, by=by, now=now)
        await self._rooms_follow(tenant_id, done.deletion)
        return done

    async def bring_back(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        return await self._followed(tenant_id, await self._keeper.bring_back(tenant_id, name, by=by))

    async def new_epoch(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        return await self._followed(tenant_id, await self._keeper.new_epoch(tenant_id, name, by=by))

    async def erase(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        return await self._followed(tenant_id, await self._eraser.erase(tenant_id, name, by=by))

    async def release(self, tenant_id: int, name: str, *, by: Deed) -> tuple[Document, tuple[Damage, ...]]:
        document, damages = await self._repairer.release(tenant_id, name, by=by)
        return await self._followed(tenant_id, document), damages

    async def diagnose(self, tenant_id: int, name: str) -> Diagnosis:
        return await self._repairer.diagnose(tenant_id, name)

    async def known(self, tenant_id: int, name: str) -> Diagnosis:
        """As `diagnose`, without reading the document: no damages."""
        return await self._repairer.known(tenant_id, name)

    async def retention(self, tenant_id: int) -> timedelta:
        """For how long what is deleted now could be brought back."""
        return await self._keeper.retention(tenant_id)

    async def deletions(
        self, tenant_id: int, patterns: list[str], *, prefix: str = "", after: str | None, limit: int
    ) -> list[Deletion]:
        """As `Lifecycle.deletions`."""
        return await self._lifecycle.deletions(tenant_id, patterns, prefix=prefix, after=after, limit=limit)

    async def tombstones(
        self, tenant_id: int, patterns: list[str], *, prefix: str = "", after: TombstoneKey | None, limit: int
    ) -> list[Tombstone]:
        """As `Lifecycle.tombstones`."""
        return await self._lifecycle.tombstones(tenant_id, patterns, prefix=prefix, after=after, limit=limit)

    async def _followed(self, tenant_id: int, document: Document) -> Document:
        await self._rooms_follow(tenant_id, document)
        return document

    async def _rooms_follow(self, tenant_id: int, document: Document | Deletion) -> None:
        with suppress(Unavailable):
            await self._hub.life_changed(LifeChanged(tenant_id, document.id, document.name))
