"""Brings documents of a backup back into a database that is in use, and leaves everything else alone.

A document that is there gets a new edit: the difference from what it is now to what it was then, through its
live room as any client's update. Nothing that anybody has is lost or merged wrong, and it can be taken back
(a safety version is kept). Where that is no help, the document is put in whole under a new epoch.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from store import schema_version
from store.audit import Deed
from store.backup import documents as stored
from store.backup.databases import scratch_database
from store.contract import Document, DocumentState
from store.database import Database
from store.history import PostgresHistory
from webhost_sync.admin.document_changes import DocumentChanges
from webhost_sync.backup.restoring import Link, OnProgress, restore_into
from webhost_sync.backup.shelf import Shelf
from webhost_sync.history.restoring import Author
from webhost_sync.history.state_cache import StateCache
from webhost_sync.history.states import States


class Outcome(StrEnum):
    EDITED = "edited"
    """An edit made it what it was; same epoch."""
    SAME = "same"
    PLACED = "placed"
    """It was not there; put in with its log."""
    REPLACED = "replaced"
    """Put in with its log, in place of what there was; new epoch."""
    QUARANTINED = "quarantined"
    """Not restored: it takes no edit."""
    DELETED = "deleted"
    """Not restored: it was deleted since, and can be brought back."""


@dataclass(frozen=True, slots=True)
class DocumentRestored:
    name: str
    outcome: Outcome
    changes: int = 0
    complete: bool = True
    seq: int | None = None


@asynccontextmanager
async def opened(
    url: str,
    shelf: Shelf,
    links: list[Link],
    tenant: str,
    on_progress: OnProgress = lambda done, total, what: None,
) -> AsyncIterator[Database]:
    """A tenant of a backup in a scratch database on the server of `url`, migrated; gone at the end."""
    async with scratch_database(url) as scratch:
        await restore_into(scratch, shelf, links, tenant=tenant, on_progress=on_progress)
        async with Database(scratch, statement_timeout=0) as database:
            await schema_version.check(database)
            yield database


class DocumentsRestorer:
    """Brings documents from a scratch database into the one in use."""

    def __init__(
        self, source: Database, target: Database, changes: DocumentChanges, *, by: Deed, archive: str
    ) -> None:
        self._source = source
        self._target = target
        self._changes = changes
        self._by = by
        self._archive = archive
        self._states = States(PostgresHistory(source), StateCache(0))

    async def restore(
        self, held: Document, tenant_id: int, *, new_epoch: bool = False, dry_run: bool = False
    ) -> DocumentRestored:
        """Restore one. Raises: BackupRefused, and as `Restorer.restore`."""
        now = await stored.find(self._target, tenant_id, held.name)
        if now is not None and now.state is DocumentState.DELETED:
            return DocumentRestored(held.name, Outcome.DELETED)
        if now is None or new_epoch:
            outcome = Outcome.PLACED if now is None else Outcome.REPLACED
            if dry_run:
                return DocumentRestored(held.name, outcome)
            placed = await stored.place(
                self._source,
                held,
                self._target,
                tenant_id,
                by=self._by,
                archive=self._archive,
                new_epoch=new_epoch,
            )
            return DocumentRestored(held.name, outcome, seq=placed.document.head_seq)
        if DocumentState.QUARANTINED in (now.state, held.state):
            return DocumentRestored(held.name, Outcome.QUARANTINED)
        state = await self._states.at(held, held.head_seq)
        source = f"seq {held.head_seq} of {self._archive}"
        done = await self._changes.restore_state(
            now, Author(self._by.actor), state, source=source, deed=self._by, preview=dry_run
        )
        outcome = Outcome.EDITED if done.changes else Outcome.SAME
        return DocumentRestored(held.name, outcome, len(done.changes), done.complete, done.seq)
