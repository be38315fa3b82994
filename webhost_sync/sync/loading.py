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
from webhost_sync.config import Settings
from webhost_sync.errors import DocumentQuarantined, MalformedUpdate
from webhost_sync.sync.awareness import AwarenessLimits, AwarenessTable
from webhost_sync.sync.document import BrokenDocument, Document
from webhost_sync.sync.room import Room
from webhost_sync.sync.update import read_update

logger = structlog.get_logger(__name__)
SLICE = 256 * 1024
"""Bytes that are applied before other rooms get their turn on the event loop."""
MAX_ASIDE = 20
Place = tuple[str, int]
"""What of a stored document: "snapshot" or "update", and its sequence."""


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


async def find_unreadable(stored: StoredDocument) -> CorruptDocument | None:
    """The first part that is stored as it came and still is no update, or can't be taken; None if all can."""
    try:
        document, _ = await rebuild(stored, client_id=0)
    except CorruptDocument as damage:
        return damage
    document.close()
    return None


async def rebuild(
    stored: StoredDocument,
    client_id: int,
    skip: frozenset[Place] = frozenset(),
    aside: frozenset[bytes] = frozenset(),
) -> tuple[Document, int]:
    """Apply everything but what is to be skipped, and set aside what breaks the document.

    Raises: CorruptDocument, naming a part that is no update, or that too much had to be set aside.
    """
    while True:
        document = Document(client_id)
        try:
            return document, await _replay(stored, document, skip, aside)
        except BrokenDocument as broken:
            document.close()
            if len(aside) >= MAX_ASIDE:
                raise CorruptDocument(stored.document.id, 0, "update", str(broken)) from broken
            logger.warning("update set aside", document=stored.document.name, why=str(broken))
            aside |= {broken.update}


async def _replay(
    stored: StoredDocument, document: Document, skip: frozenset[Place], aside: frozenset[bytes]
) -> int:
    """Returns how many bytes were applied. Raises: CorruptDocument, BrokenDocument."""
    size = pause = 0
    for place, payload in _parts(stored):
        if place in skip:
            continue
        try:
            if payload in aside:
                document.set_aside(payload)
            else:
                await _apply(document, payload)
        except MalformedUpdate as error:
            document.close()
            raise CorruptDocument(stored.document.id, place[1], place[0], str(error)) from error
        size += len(payload)
        pause += len(payload)
        if pause > SLICE:
            pause = 0
            await asyncio.sleep(0)
    return size


async def _apply(document: Document, payload: bytes) -> None:
    """Apply a part; a large one is read by a thread, while other rooms have the event loop."""
    summary = await asyncio.to_thread(read_update, payload) if len(payload) > SLICE else None
    document.apply(payload, summary)


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


def _parts(stored: StoredDocument) -> Iterable[tuple[Place, bytes]]:
    if stored.snapshot is not None:
        yield ("snapshot", stored.snapshot.seq), stored.snapshot.state
    for update in stored.updates:
        yield ("update", update.seq), update.payload
