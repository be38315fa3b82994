"""Versions and restores of documents, each with its line in the audit log: for pages, API and commands alike.

Who may, and which state is meant, is settled before. What was only looked at is in no log.
"""

from __future__ import annotations

from uuid import UUID

from store.audit import Action, AuditLog, Deed
from store.contract import Document as DocumentRecord
from store.history_contract import Version
from webhost_sync.history.paths import pointer_of
from webhost_sync.history.replay import State
from webhost_sync.history.restoring import Author, Restored, Restorer


class DocumentChanges:
    """The versions and restores of all documents. Every method raises what `Restorer` raises there."""

    def __init__(self, restorer: Restorer, audit: AuditLog) -> None:
        self._restorer = restorer
        self._audit = audit

    async def keep(
        self, record: DocumentRecord, author: Author, *, name: str, seq: int, deed: Deed
    ) -> Version:
        """Keep the state after row `seq` for ever. Raises: InvalidRequest, HistoryGone, Unavailable."""
        version = await self._restorer.add_version(record, author, name=name, seq=seq)
        await self._write_down(record, deed, Action.DOCUMENT_VERSION, version=name, seq=seq)
        return version

    async def forget(self, record: DocumentRecord, version_id: UUID, *, deed: Deed) -> Version:
        """Forget a version that somebody named; those that were made by themselves go by themselves.

        Raises: VersionNotFound, InvalidRequest (nobody named it), Unavailable.
        """
        version = await self._restorer.remove_version(record, version_id)
        await self._write_down(
            record, deed, Action.DOCUMENT_VERSION_REMOVE, version=version.name, seq=version.seq
        )
        return version

    async def preview(self, record: DocumentRecord, seq: int, path: tuple[str, ...] = ()) -> Restored:
        """What `restore` would do now; nothing is changed."""
        return await self._restorer.preview(record, seq, path)

    async def restore(
        self, record: DocumentRecord, author: Author, seq: int, path: tuple[str, ...], *, deed: Deed
    ) -> Restored:
        """Make the document, or what lies at the path, what it was."""
        done = await self._restorer.restore(record, author, seq, path)
        if done.safety is not None:
            await self._write_down(
                record, deed, Action.DOCUMENT_RESTORE,
                restored_seq=seq, path=pointer_of(path), seq=done.seq, safety_version=str(done.safety.id),
            )  # fmt: skip
        return done

    async def restore_state(
        self,
        record: DocumentRecord,
        author: Author,
        state: State,
        *,
        source: str,
        deed: Deed,
        preview: bool = False,
    ) -> Restored:
        """Make the document what a state says that is from elsewhere, such as a backup."""
        done = await self._restorer.restore_state(record, author, state, source=source, preview=preview)
        if done.safety is not None:
            detail = {"source": source, "seq": done.seq, "safety_version": str(done.safety.id)}
            await self._write_down(record, deed, Action.DOCUMENT_RESTORE, **detail)
        return done

    async def _write_down(self, record: DocumentRecord, deed: Deed, action: Action, **detail: object) -> None:
        await self._audit.add(record.tenant_id, deed, action, record.name, **detail)
