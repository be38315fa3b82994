"""The documents of a space, and what admins do to them: keep a version, bring back what was.

What a document holds and held is asked of the archive by whoever shows it; here is what lists it beside
the others, and what changes it, with its line in the audit log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from store.audit import Action, AuditLog, Deed
from store.contract import Document as DocumentRecord
from store.contract import DocumentState
from store.history_contract import Version
from store.readings import DocumentListing, Readings
from webhost_sync.admin import models
from webhost_sync.history.paths import pointer_of
from webhost_sync.history.restoring import Author, Restored, Restorer
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.live import LiveConnections


class DocumentDesk:
    """The documents of all spaces, one space at a time."""

    def __init__(
        self, readings: Readings, restorer: Restorer, hub: Hub, live: LiveConnections, audit: AuditLog
    ) -> None:
        self._readings = readings
        self._restorer = restorer
        self._hub = hub
        self._live = live
        self._audit = audit

    async def page(
        self, tenant_id: int, *, text: str, state: DocumentState | None, after: str | None, limit: int
    ) -> list[models.Document]:
        """Those with `text` in their name, after the name `after`, at most `limit`."""
        found = await self._readings.documents(
            tenant_id, ["*"], text=text, state=state, after=after, limit=limit
        )
        return self._models(tenant_id, found)

    def one(self, record: DocumentRecord) -> models.Document:
        """A document that was looked up, as the list has it."""
        [model] = self._models(record.tenant_id, [record])
        return model

    async def keep(
        self, record: DocumentRecord, author: Author, *, name: str, seq: int, deed: Deed
    ) -> Version:
        """Keep the state after row `seq` for ever. Raises: InvalidRequest, HistoryGone, Unavailable."""
        version = await self._restorer.add_version(record, author, name=name, seq=seq)
        await self._write_down(record, deed, Action.DOCUMENT_VERSION, version=name, seq=seq)
        return version

    async def restore(
        self, record: DocumentRecord, author: Author, seq: int, path: tuple[str, ...], *, deed: Deed
    ) -> Restored:
        """Make the document, or what lies at the path, what it was. Raises: as `Restorer.restore`."""
        done = await self._restorer.restore(record, author, seq, path)
        if done.safety is not None:
            await self._write_down(
                record, deed, Action.DOCUMENT_RESTORE,
                restored_seq=seq, path=pointer_of(path), seq=done.seq, safety_version=str(done.safety.id),
            )  # fmt: skip
        return done

    async def _write_down(self, record: DocumentRecord, deed: Deed, action: Action, **detail: object) -> None:
        await self._audit.add(record.tenant_id, deed, action, record.name, **detail)

    def _models(
        self, tenant_id: int, found: Iterable[DocumentListing | DocumentRecord]
    ) -> list[models.Document]:
        clients = Counter(connection.document for connection in self._live.of_tenant(tenant_id))
        gaps = self._hub.gaps(tenant_id)
        return [
            models.Document(
                name=each.name,
                epoch=each.epoch,
                state=each.state,
                reason=each.reason,
                head_seq=each.head_seq,
                log_bytes=each.log_bytes,
                created_at=each.created_at,
                updated_at=each.updated_at,
                clients=clients[each.name],
                gaps=gaps.get(each.name),
            )
            for each in found
        ]
