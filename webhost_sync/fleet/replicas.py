"""Merged state of documents at a definite seq, kept between rounds so that only new rows are read.

The projector asks for a document at least as far as its head; what is kept goes forward by the rows of
the log that are new, anything else is loaded from the newest snapshot and the tail. Knows no table.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Generic, Self, TypeVar

from store.contract import CorruptDocument, LoggedUpdate, StoredDocument, Trimmed, UpdateLog
from store.fleet_contract import Checkpoint, Target
from webhost_sync.errors import MalformedUpdate
from webhost_sync.fleet.arrivals import Arrival, find_arrivals
from webhost_sync.sync.document import Document

SLICE = 256 * 1024
"""Bytes that are applied before others get their turn on the event loop."""

PAGE = 1000

HEAP_PER_BYTE = 7
"""Bytes of memory that a document takes for each byte of its updates, measured with chunks and rows;
the updates themselves are one of them."""

OUR_CLIENT_ID = 1
"""Never written with: a replica of the projector makes no changes."""

Memory = TypeVar("Memory")


@dataclass(slots=True)
class Replica(Generic[Memory]):
    """A document at `checkpoint`.

    `memory` is what the projection keeps for the next time; it is about the state at its own checkpoint.
    `rows` are all that the log still holds, since a chunk that shows up now may have come with any of them.
    `oldest` stands for log rows that are gone: the snapshot that was loaded, else the first row.
    """

    target: Target
    document: Document
    checkpoint: Checkpoint
    oldest: Arrival | None
    size: int = 0
    memory: Memory | None = None
    arrivals: dict[bytes, Arrival | None] = field(default_factory=dict)
    rows: list[tuple[Arrival, bytes]] = field(default_factory=list)

    async def apply(self, updates: Sequence[LoggedUpdate]) -> None:
        """Go forward by these rows. Raises: CorruptDocument for one that is no update."""
        applied = 0
        if self.oldest is None and updates:
            self.oldest = Arrival(updates[0].seq, updates[0].received_at)
        for update in updates:
            self._apply("update", update.seq, update.payload)
            self.rows.append((Arrival(update.seq, update.received_at), update.payload))
            self.checkpoint = Checkpoint(update.seq, self.checkpoint.epoch)
            applied += len(update.payload)
            if applied > SLICE:
                applied = 0
                await asyncio.sleep(0)

    def apply_snapshot(self, stored: StoredDocument) -> None:
        """Start from the snapshot. Raises: CorruptDocument if it is no update."""
        if stored.snapshot is not None:
            self._apply("snapshot", stored.snapshot.seq, stored.snapshot.state)

    def _apply(self, part: str, seq: int, payload: bytes) -> None:
        try:
            self.document.apply(payload)
        except MalformedUpdate as error:
            raise CorruptDocument(self.target.document_id, seq, part, str(error)) from error
        self.size += len(payload) * HEAP_PER_BYTE


class Replicas(Generic[Memory]):
    """The replicas that are kept, entered with `async with`.

    Invariants:
    1. Those that are kept and not in use take about `limit` bytes at most; the least recently used go.
    2. A replica is at its checkpoint, also after going forward was cut short; after BrokenDocument it
       has to be dropped.
    """

    def __init__(self, log: UpdateLog, limit: int) -> None:
        self._log = log
        self._limit = limit
        self._kept: OrderedDict[int, Replica[Memory]] = OrderedDict()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for document_id in list(self._kept):
            self.drop(document_id)

    async def at_head(self, target: Target) -> Replica[Memory]:
        """The document with every row up to its head, and maybe some that came since.

        Raises: CorruptDocument, UnknownDocument, Unavailable, BrokenDocument.
        """
        replica = self._kept.get(target.document_id)
        if replica is None or not await self._forwarded(replica, target):
            self.drop(target.document_id)
            replica = self._kept[target.document_id] = await self._load(target)
        self._kept.move_to_end(target.document_id)
        self._evict()
        return replica

    def drop(self, document_id: int) -> None:
        """Forget a document."""
        replica = self._kept.pop(document_id, None)
        if replica is not None:
            replica.document.close()

    def remember(self, document_id: int, memory: Memory) -> None:
        """Keep what was committed beside the document, if that is still kept."""
        if document_id in self._kept:
            self._kept[document_id].memory = memory

    def find(self, replica: Replica[Memory], chunks: Sequence[object]) -> None:
        """Learn which log row brought each chunk; one that isn't in the log gets None."""
        wanted = {chunk for chunk in chunks if isinstance(chunk, bytes)} - replica.arrivals.keys()
        found = find_arrivals(wanted, replica.rows) if wanted else {}
        replica.arrivals.update((chunk, found.get(chunk)) for chunk in wanted)

    async def _forwarded(self, replica: Replica[Memory], target: Target) -> bool:
        """Take the rows that a kept replica lacks; False where it has to be loaded anew."""
        try:
            while replica.checkpoint.epoch == target.epoch and replica.checkpoint.seq < target.head_seq:
                rows = await self._log.read(
                    target.tenant_id, target.document_id, after_seq=replica.checkpoint.seq, limit=PAGE
                )
                if not rows:
                    return False
                await replica.apply(rows)
        except Trimmed:
            return False
        return replica.checkpoint.epoch == target.epoch

    async def _load(self, target: Target) -> Replica[Memory]:
        stored = await self._log.load(target.tenant_id, target.document_id)
        snapshot, epoch = stored.snapshot, stored.document.epoch
        oldest = Arrival(snapshot.seq, snapshot.created_at) if snapshot else None
        start = Checkpoint(snapshot.seq if snapshot else 0, epoch)
        replica: Replica[Memory] = Replica(target, Document(OUR_CLIENT_ID), start, oldest)
        try:
            replica.apply_snapshot(stored)
            replica.rows += await self._history(target, start.seq)
            await replica.apply(stored.updates)
        except BaseException:
            replica.document.close()
            raise
        return replica

    async def _history(self, target: Target, last_seq: int) -> list[tuple[Arrival, bytes]]:
        """The rows up to `last_seq` that are still in the log."""
        rows: list[tuple[Arrival, bytes]] = []
        after_seq = 0
        while after_seq < last_seq:
            limit = min(PAGE, last_seq - after_seq)
            try:
                page = await self._log.read(
                    target.tenant_id, target.document_id, after_seq=after_seq, limit=limit
                )
            except Trimmed as trimmed:
                after_seq = trimmed.first_seq - 1
                continue
            if not page:
                break
            after_seq = page[-1].seq
            rows += ((Arrival(row.seq, row.received_at), row.payload) for row in page)
        return rows

    def _evict(self) -> None:
        """Make room, but keep the newest, which is about to be used."""
        while len(self._kept) > 1 and sum(each.size for each in self._kept.values()) > self._limit:
            self.drop(next(iter(self._kept)))
