"""Folds the log of a document into snapshots, so that loading stays fast, and trims what they cover.

The hub says which documents have grown, and whoever opens a history which ones lack snapshots; the log is
read from and written to; rooms are not asked and not held up. Looking at a history trims nothing, and nothing
is deleted before a document that was rebuilt from the stored snapshots is found equal to the one that was
folded.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from store.contract import Document as DocumentRecord
from store.contract import DocumentState, LoggedUpdate, StoredDocument, StoreError, UpdateLog
from webhost_sync.errors import SyncError
from webhost_sync.sync.document import BrokenDocument, Document
from webhost_sync.sync.update import read_update

logger = structlog.get_logger(__name__)


RUNG_ROWS = 2000
"""A snapshot is made for every so many rows that are folded at once, so that any state of a long history is
near one."""
RUNGS_BYTES = 64 * 1024 * 1024
"""Of one folding no more of them than this is held, and made."""

Prepare = Callable[[DocumentRecord], Awaitable[int]]
"""Keeps what has to outlive the log of a document; returns the last row that may be deleted then."""


async def run_compactor(
    log: UpdateLog,
    due: asyncio.Queue[DocumentRecord],
    *,
    prepare: Prepare,
    is_held: Callable[[], bool] = lambda: False,
) -> None:
    """Compact what is due, one document after the other, until cancelled; nothing while `is_held`.
    `prepare` says how far."""
    while True:
        record = await due.get()
        if is_held():
            continue  # its next commits will bring it back
        try:
            await compact(log, record, keep_since=None, prepare=prepare)
        except (StoreError, SyncError, BrokenDocument) as error:
            # It stays due: its next commits will bring it back.
            logger.warning("not compacted", tenant=record.tenant_id, document=record.name, why=str(error))
        except Exception:
            # A bug that one document brings to light must not end the process, and the others' service.
            logger.exception("not compacted", tenant=record.tenant_id, document=record.name)


class Ladders:
    """Makes the snapshots that a document lacks before its past is looked at, one document at a time."""

    def __init__(self, log: UpdateLog) -> None:
        self._log = log
        self._turn = asyncio.Lock()

    async def mend(self, record: DocumentRecord) -> None:
        """Return once any state of the document is near a snapshot, or can't be brought near one."""
        if not lacks_snapshots(record):
            return
        async with self._turn:
            try:
                now = await self._log.open(record.tenant_id, record.name, create=False)
                if lacks_snapshots(now) and await make_snapshots(self._log, now) is not None:
                    logger.info("snapshots made", tenant=record.tenant_id, document=record.name)
            except (StoreError, SyncError, BrokenDocument) as error:
                # Whoever looks is told the same, or gets the state by the long way.
                logger.warning("no snapshots", tenant=record.tenant_id, document=record.name, why=str(error))


def lacks_snapshots(record: DocumentRecord) -> bool:
    """Whether an older state of it would take long to make."""
    return record.state is DocumentState.ACTIVE and record.head_seq - record.snapshot_seq >= RUNG_ROWS


async def compact(
    log: UpdateLog,
    record: DocumentRecord,
    *,
    keep_since: datetime | None,
    prepare: Prepare | None = None,
) -> int:
    """Write a snapshot at the head and trim the log; returns how many rows were deleted.

    A document gets no snapshot while its state is not exact: rows that wait for their causes, and
    what pycrdt would write otherwise, must stay as they came.
    Raises: StoreError, MalformedUpdate, and what `prepare` raises; no row was deleted then.
    """
    folded = await make_snapshots(log, record)
    if folded is None:
        return 0
    seq = folded.seq
    if not await _rebuilds(log, record, seq, folded):
        logger.error("snapshot differs from the log; nothing trimmed", document=record.name, seq=seq)
        return 0
    up_to = None if prepare is None else await prepare(record)
    return await log.trim(record.tenant_id, record.id, keep_since=keep_since, up_to=up_to)


@dataclass(frozen=True, slots=True)
class _Rung:
    """A document after row `seq`, to be a snapshot."""

    seq: int
    state: bytes
    state_vector: bytes


@dataclass(frozen=True, slots=True)
class Folded:
    """A document folded at its head, and what it says there, to compare it with another way to the same
    seq; and rungs on the way."""

    seq: int
    content: tuple[object, ...]
    rungs: tuple[_Rung, ...]


async def make_snapshots(log: UpdateLog, record: DocumentRecord) -> Folded | None:
    """Fold what lies beyond the newest snapshot, and write one at the head and every `RUNG_ROWS` before it.

    None, and nothing written, where there is nothing or the state is not exact. Raises: StoreError,
    MalformedUpdate.
    """
    stored = await log.load(record.tenant_id, record.id)
    if stored.document.head_seq == 0:
        return None
    folded = await asyncio.to_thread(fold, stored)
    for rung in () if folded is None else folded.rungs:
        await log.write_snapshot(
            record.tenant_id,
            record.id,
            seq=rung.seq,
            state=rung.state,
            state_vector=rung.state_vector,
            epoch=stored.document.epoch,
        )
    return folded


async def _rebuilds(log: UpdateLog, record: DocumentRecord, seq: int, folded: Folded) -> bool:
    """Whether either of the two snapshots that a trim relies on, with the rows after it, gives the
    document as it was at `seq`."""
    for snapshot in await log.snapshots(record.tenant_id, record.id, limit=2):
        rows = await rows_between(log, record, snapshot.seq, seq)
        rebuilt = await asyncio.to_thread(fold, StoredDocument(record, snapshot, rows))
        if rebuilt is None or rebuilt.content != folded.content:
            return False
    return True


async def rows_between(
    log: UpdateLog, record: DocumentRecord, after_seq: int, up_to: int
) -> tuple[LoggedUpdate, ...]:
    """The rows after `after_seq`, up to and including `up_to`. Raises: Trimmed, CorruptDocument."""
    rows: list[LoggedUpdate] = []
    while after_seq < up_to:
        page = await log.read(record.tenant_id, record.id, after_seq=after_seq)
        if not page:
            break
        rows += (row for row in page if row.seq <= up_to)
        after_seq = page[-1].seq
    return tuple(rows)


def fold(stored: StoredDocument) -> Folded | None:
    """Everything applied to one document; None where something of it has to wait for its causes.

    Applying, not merging the blobs: 86,400 updates take 1.2 s instead of 72.
    """
    document = Document(client_id=0)
    try:
        seq, size, rungs = 0, 0, list[_Rung]()
        if stored.snapshot is not None:
            document.apply(stored.snapshot.state)
            seq = stored.snapshot.seq
        for start in range(0, len(stored.updates), RUNG_ROWS):
            stretch = stored.updates[start : start + RUNG_ROWS]
            document.apply_all(update.payload for update in stretch)
            if len(stretch) == RUNG_ROWS and size < RUNGS_BYTES and document.is_exact:
                rungs.append(_Rung(stretch[-1].seq, document.encode(), document.state_vector()))
                size += len(rungs[-1].state)
        if not document.is_exact:
            return None
        head = stored.updates[-1].seq if stored.updates else seq
        state = document.encode()
        if not rungs or rungs[-1].seq != head:
            rungs.append(_Rung(head, state, document.state_vector()))
        summary = read_update(state)
        # As text, because a NaN is not equal to itself.
        values = json.dumps(document.values(), sort_keys=True, default=repr)
        content = (sorted(summary.structs), sorted(summary.deletes), values)
        return Folded(head, content, tuple(rungs))
    finally:
        document.close()
