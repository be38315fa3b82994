"""Makes a document in memory from what the store holds of it, all or nothing.

The hub asks for a room's document. A damaged row puts the document into quarantine: it is then
read-only with everything that can still be read, and nothing is stored over it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from store.contract import CorruptDocument, DocumentState, StoredDocument, UpdateLog
from store.contract import Document as DocumentRecord
from webhost_sync.errors import DocumentQuarantined, MalformedUpdate
from webhost_sync.sync.document import Document

logger = structlog.get_logger(__name__)
SLICE = 256 * 1024
"""Bytes that are applied before other rooms get their turn on the event loop."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """`record.head_seq` is the last sequence in `document`; `size` is how many bytes made it."""

    record: DocumentRecord
    document: Document
    size: int
    quarantined: DocumentQuarantined | None


async def load_document(log: UpdateLog, record: DocumentRecord, client_id: int) -> Loaded:
    """Load whole, or in quarantine. Raises: Unavailable, UnknownDocument."""
    if record.state is DocumentState.QUARANTINED:
        return await _load_readable(log, record, client_id, record.reason or "")
    try:
        stored = await log.load(record.tenant_id, record.id)
        document, size = await _rebuild(stored, client_id)
        return Loaded(stored.document, document, size, None)
    except CorruptDocument as damage:
        logger.error("document quarantined", tenant=record.tenant_id, document=record.name, why=str(damage))
        seq = damage.seq if damage.part == "update" else None
        await log.quarantine(record.tenant_id, record.id, reason=str(damage), seq=seq)
        return await _load_readable(log, record, client_id, str(damage))


async def _rebuild(stored: StoredDocument, client_id: int) -> tuple[Document, int]:
    """Raises: CorruptDocument where a row passes its checksum but is no update."""
    document = Document(client_id)
    size = applied = 0
    for part, seq, payload in _parts(stored):
        try:
            document.apply(payload)
        except MalformedUpdate as error:
            document.close()
            raise CorruptDocument(stored.document.id, seq, part, str(error)) from error
        size += len(payload)
        applied += len(payload)
        if applied > SLICE:
            applied = 0
            await asyncio.sleep(0)
    return document, size


async def _load_readable(log: UpdateLog, record: DocumentRecord, client_id: int, reason: str) -> Loaded:
    stored = await log.load_readable(record.tenant_id, record.id)
    document = Document(client_id)
    size = 0
    for part, seq, payload in _parts(stored):
        try:
            document.apply(payload)
            size += len(payload)
        except MalformedUpdate as error:
            logger.warning("row passed over", document=record.name, part=part, seq=seq, why=str(error))
    return Loaded(stored.document, document, size, DocumentQuarantined(reason))


def _parts(stored: StoredDocument) -> Iterable[tuple[str, int, bytes]]:
    if stored.snapshot is not None:
        yield "snapshot", stored.snapshot.seq, stored.snapshot.state
    for update in stored.updates:
        yield "update", update.seq, update.payload
