"""Makes a document in memory from what the store holds of it, all or nothing.

The hub asks for a room's document. A damaged row puts the document into quarantine: it is then
read-only with everything that can still be read, and nothing is stored over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from store.contract import CorruptDocument, DocumentState, UpdateLog
from store.contract import Document as DocumentRecord
from webhost_sync.config import Settings
from webhost_sync.errors import DocumentQuarantined
from webhost_sync.sync.awareness import AwarenessLimits, AwarenessTable
from webhost_sync.sync.document import Document
from webhost_sync.sync.rebuilding import Place, rebuild
from webhost_sync.sync.room import Room

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """`record.head_seq` is the last sequence in `document`; `size` is how many bytes made it."""

    record: DocumentRecord
    document: Document
    size: int
    quarantined: DocumentQuarantined | None


async def load_document(
    log: UpdateLog, record: DocumentRecord, client_id: int, aside: frozenset[bytes] = frozenset()
) -> Loaded:
    """Load whole, or in quarantine; `aside` are updates known to break the document.

    Raises: Unavailable, UnknownDocument.
    """
    if record.state is DocumentState.QUARANTINED:
        return await _load_readable(log, record, client_id, record.reason or "")
    try:
        stored = await log.load(record.tenant_id, record.id)
        document, size = await rebuild(stored, client_id, aside=aside)
        return Loaded(stored.document, document, size, None)
    except CorruptDocument as damage:
        logger.error("document quarantined", tenant=record.tenant_id, document=record.name, why=str(damage))
        seq = damage.seq if damage.part == "update" else None
        await log.quarantine(record.tenant_id, record.id, reason=str(damage), seq=seq)
        return await _load_readable(log, record, client_id, str(damage))


def open_room(loaded: Loaded, settings: Settings) -> Room:
    """The room of a document that was loaded; nobody is in it yet."""
    presence = AwarenessLimits(
        clients_per_connection=settings.presence_clients_per_connection,
        clients_per_room=settings.presence_clients_per_room,
        state_bytes=settings.presence_state_limit,
        timeout=settings.presence_timeout,
    )
    return Room(
        loaded.document,
        AwarenessTable(presence),
        size=loaded.size,
        size_limit=settings.document_limit,
        read_only=loaded.quarantined,
    )


async def _load_readable(log: UpdateLog, record: DocumentRecord, client_id: int, reason: str) -> Loaded:
    """Rebuild without whatever can't be applied; a part that fails means starting over without it."""
    stored = await log.load_readable(record.tenant_id, record.id)
    skip: frozenset[Place] = frozenset()
    while True:
        try:
            document, size = await rebuild(stored, client_id, skip)
            return Loaded(stored.document, document, size, DocumentQuarantined(reason))
        except CorruptDocument as damage:
            logger.warning("row passed over", document=record.name, why=str(damage))
            skip |= {(damage.part, damage.seq)}
