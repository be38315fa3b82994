"""The documents of a space as a list has them, with who has them open.

What a document holds and held is asked of the archive by whoever shows it; what changes it is in
`document_changes` and `lives`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from store.contract import Document as DocumentRecord
from store.contract import DocumentState
from store.readings import DocumentListing, Readings
from webhost_sync.admin import models
from webhost_sync.sync.hub import Hub
from webhost_sync.sync.live import LiveConnections


class DocumentDesk:
    """The documents of all spaces, one space at a time."""

    def __init__(self, readings: Readings, hub: Hub, live: LiveConnections) -> None:
        self._readings = readings
        self._hub = hub
        self._live = live

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
