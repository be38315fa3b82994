"""Makes a document of what the store holds of it: of everything, or of all but what is to be skipped.

Comes in: a stored document. Goes out: it in memory, or which part of it is damaged. Knows no log, and decides
nothing about what is damaged. Lets others have the event loop now and then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable

import structlog

from store.contract import CorruptDocument, StoredDocument
from webhost_sync.errors import MalformedUpdate
from webhost_sync.sync.document import BrokenDocument, Document
from webhost_sync.sync.update import read_update

logger = structlog.get_logger(__name__)
LARGE = 256 * 1024
"""Bytes of a part that a thread reads, while others have the event loop."""
BREATH = 0.005
"""Seconds of computing before others have the event loop."""
STRETCH, STRETCH_BYTES = 64, 32 * 1024
"""How many updates, and of how many bytes, are applied as one."""
MAX_ASIDE = 20
Place = tuple[str, int]
"""What of a stored document: "snapshot" or "update", and its sequence."""


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
    if not (skip or aside) and (whole := await _rebuild_undamaged(stored, client_id)) is not None:
        return whole
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


async def _rebuild_undamaged(stored: StoredDocument, client_id: int) -> tuple[Document, int] | None:
    """In stretches, which takes half of the time; None where something is wrong, for then it is to be found
    one by one what it is."""
    document, size, breath = Document(client_id), 0, _Breath()
    try:
        for stretch in _stretches(stored):
            if len(stretch) == 1:
                await _apply(document, stretch[0])
            else:
                document.apply_all(stretch)
            size += sum(map(len, stretch))
            await breath.take()
    except (MalformedUpdate, BrokenDocument):
        document.close()
        return None
    return document, size


async def _replay(
    stored: StoredDocument, document: Document, skip: frozenset[Place], aside: frozenset[bytes]
) -> int:
    """Returns how many bytes were applied. Raises: CorruptDocument, BrokenDocument."""
    size, breath = 0, _Breath()
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
        await breath.take()
    return size


class _Breath:
    """Lets others have the event loop now and then."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    async def take(self) -> None:
        if time.monotonic() - self._since > BREATH:
            await asyncio.sleep(0)
            self._since = time.monotonic()


async def _apply(document: Document, payload: bytes) -> None:
    """Apply a part; a large one is read by a thread, while other rooms have the event loop."""
    summary = await asyncio.to_thread(read_update, payload) if len(payload) > LARGE else None
    document.apply(payload, summary)


def _stretches(stored: StoredDocument) -> Iterable[list[bytes]]:
    """All parts in order, many small ones or a single large one at a time."""
    stretch: list[bytes] = []
    left = STRETCH_BYTES
    for _, payload in _parts(stored):
        if stretch and (len(stretch) == STRETCH or left < len(payload)):
            yield stretch
            stretch, left = [], STRETCH_BYTES
        stretch.append(payload)
        left -= len(payload)
    if stretch:
        yield stretch


def _parts(stored: StoredDocument) -> Iterable[tuple[Place, bytes]]:
    if stored.snapshot is not None:
        yield ("snapshot", stored.snapshot.seq), stored.snapshot.state
    for update in stored.updates:
        yield ("update", update.seq), update.payload
