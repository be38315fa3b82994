"""Snapshots and the log together: reading a document whole, and deleting what snapshots cover.

Each function does its work on a connection that `store.updates` hands over in a transaction of the
document's tenant; the loading ones want one in which all statements see the same moment. What a
snapshot means is not known here: its state and state vector are bytes with a checksum.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg

from store.checksum import checksum
from store.contract import (
    CorruptDocument,
    Document,
    DocumentState,
    EpochMismatch,
    Quarantined,
    Snapshot,
    StoredDocument,
    UnknownDocument,
)
from store.records import (
    dense_updates,
    document_of,
    snapshot_of,
    update_of,
)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_DOCUMENT = """
select id, tenant_id, name, epoch, state, reason, head_seq, snapshot_seq, log_rows, log_bytes,
       created_at, updated_at, demands_epoch
from documents where tenant_id = $1 and id = $2 and state <> 'deleted'
"""
_SNAPSHOTS = """
select seq, state, state_vector, checksum, created_at from document_snapshots
where tenant_id = $1 and document_id = $2 and seq < $3 order by seq desc limit 1
"""
_SNAPSHOT = """
select seq, state, state_vector, checksum, created_at from document_snapshots
where tenant_id = $1 and document_id = $2 and seq = $3
"""
_TAIL = """
select seq, payload, checksum, actor, device, client_ids, received_at from document_updates
where tenant_id = $1 and document_id = $2 and seq > $3 order by seq
"""
# Trimming and writing of one document's snapshots wait for each other. Not by a lock on the row of
# the document: every append to it, and with it a committer's whole batch, would wait as well.
LOCK = "select pg_advisory_xact_lock(hashint8extended($1, 1))"
_INSERT = """
insert into document_snapshots (tenant_id, document_id, seq, state, state_vector, checksum)
values ($1, $2, $3, $4, $5, $6)
"""
_DELETE_SNAPSHOT = "delete from document_snapshots where tenant_id = $1 and document_id = $2 and seq = $3"
_COVERED = """
update documents set snapshot_seq = greatest(snapshot_seq, $3)
where tenant_id = $1 and id = $2 and state = 'active' returning id
"""
_FIRST_KEPT = """
select min(seq) from document_updates
where tenant_id = $1 and document_id = $2 and seq <= $3 and received_at >= $4
"""
_FIRST_ROW = "select min(seq) from document_updates where tenant_id = $1 and document_id = $2"
_DELETE_UPDATES = """
with gone as (
    delete from document_updates where tenant_id = $1 and document_id = $2 and seq <= $3
    returning octet_length(payload) as size
) select count(*), coalesce(sum(size), 0)::bigint from gone
"""
_OLD_SNAPSHOTS = """
select seq, octet_length(state) as size from document_snapshots
where tenant_id = $1 and document_id = $2 and seq < $3 order by seq
"""
_BYTES_BETWEEN = """
select coalesce(sum(octet_length(payload)), 0)::bigint from document_updates
where tenant_id = $1 and document_id = $2 and seq > $3 and seq <= $4
"""
_DELETE_SNAPSHOTS = """
delete from document_snapshots where tenant_id = $1 and document_id = $2 and seq = any ($3::bigint[])
"""
_SHRINK = """
update documents set log_rows = log_rows - $3, log_bytes = log_bytes - $4
where tenant_id = $1 and id = $2 and state = 'active' returning id
"""

CHECKPOINT_ROWS = 2000
"""So many rows at most are replayed for an older state, where snapshots were taken often enough."""
CHECKPOINT_BYTES = 16 * 1024 * 1024
"""And so many bytes of them; where a snapshot itself is larger, as many as it has: those that are kept
take no more room than the log."""


async def document(connection: Connection, tenant_id: int, document_id: int) -> Document:
    """Raises: UnknownDocument."""
    row = await connection.fetchrow(_DOCUMENT, tenant_id, document_id)
    if row is None:
        raise UnknownDocument(f"document {document_id} of tenant {tenant_id} does not exist")
    return document_of(row)


async def load(connection: Connection, tenant_id: int, document_id: int) -> StoredDocument:
    """As `store.contract.UpdateLog.load`."""
    found = await document(connection, tenant_id, document_id)
    damaged: int | None = None
    async for seq, snapshot in _newest_first(connection, found):
        if snapshot is not None:
            return await _with_tail(connection, found, snapshot)
        damaged = damaged or seq
    try:
        return await _with_tail(connection, found, None)
    except CorruptDocument as error:
        # Without the snapshot the log has to start at 1; where it was trimmed, the snapshot is to blame.
        if damaged is None or error.seq != 1:
            raise
        reason = "the checksum is wrong, and the log below it is trimmed"
        raise CorruptDocument(document_id, damaged, "snapshot", reason) from error


async def load_from(
    connection: Connection, tenant_id: int, document_id: int, snapshot_seq: int
) -> StoredDocument:
    """As `store.contract.UpdateLog.load_from`."""
    found = await document(connection, tenant_id, document_id)
    if snapshot_seq == 0:
        return await _with_tail(connection, found, None)
    row = await connection.fetchrow(_SNAPSHOT, tenant_id, document_id, snapshot_seq)
    if row is None:
        raise CorruptDocument(document_id, snapshot_seq, "snapshot", "it is missing")
    snapshot = snapshot_of(row)
    if snapshot is None:
        raise CorruptDocument(document_id, snapshot_seq, "snapshot", "the checksum is wrong")
    return await _with_tail(connection, found, snapshot)


async def load_readable(connection: Connection, tenant_id: int, document_id: int) -> StoredDocument:
    """As `store.contract.UpdateLog.load_readable`."""
    found = await document(connection, tenant_id, document_id)
    newest = None
    async for _, snapshot in _newest_first(connection, found):
        if snapshot is not None:
            newest = snapshot
            break
    rows = await connection.fetch(_TAIL, tenant_id, document_id, newest.seq if newest else 0)
    updates = tuple(update for update in map(update_of, rows) if update is not None)
    return StoredDocument(found, newest, updates)


async def valid(
    connection: Connection, tenant_id: int, document_id: int, limit: int | None = None
) -> tuple[Snapshot, ...]:
    """As `store.contract.UpdateLog.snapshots`."""
    found = await document(connection, tenant_id, document_id)
    snapshots: list[Snapshot] = []
    async for _, snapshot in _newest_first(connection, found):
        if len(snapshots) == limit:
            break
        if snapshot is not None:
            snapshots.append(snapshot)
    return tuple(snapshots)


async def write(
    connection: Connection,
    tenant_id: int,
    document_id: int,
    seq: int,
    state: bytes,
    state_vector: bytes,
    epoch: UUID | None,
) -> None:
    """As `store.contract.UpdateLog.write_snapshot`."""
    await connection.execute(LOCK, document_id)
    found = await document(connection, tenant_id, document_id)
    if epoch not in (None, found.epoch):
        raise EpochMismatch(f"document {document_id} was made anew since its state was read")
    if not 1 <= seq <= found.head_seq:
        raise ValueError(f"document {document_id} has no update {seq}; its log ends at {found.head_seq}")
    key = (tenant_id, document_id, seq)
    existing = await connection.fetchrow(_SNAPSHOT, *key)
    if existing is not None and snapshot_of(existing) is not None:
        return
    if existing is not None:  # A damaged one would keep the log from ever being trimmed.
        await connection.execute(_DELETE_SNAPSHOT, *key)
    await connection.execute(_INSERT, *key, state, state_vector, checksum(state, state_vector))
    if await connection.fetchval(_COVERED, *key) is None:
        raise _in_quarantine(document_id)


async def trim(
    connection: Connection,
    tenant_id: int,
    document_id: int,
    keep_since: datetime | None,
    up_to: int | None = None,
) -> int:
    """As `store.contract.UpdateLog.trim`."""
    await connection.execute(LOCK, document_id)
    found = await document(connection, tenant_id, document_id)
    if found.state is DocumentState.QUARANTINED:
        raise _in_quarantine(document_id)
    seqs: list[int] = []
    async for seq, snapshot in _newest_first(connection, found):
        if snapshot is None:
            raise CorruptDocument(document_id, seq, "snapshot", "the checksum is wrong; nothing was trimmed")
        seqs.append(seq)
        if len(seqs) == 2:
            break
    else:
        return 0
    last = seqs[1] if up_to is None else min(seqs[1], up_to)
    rows, size, first_kept = await _delete_updates(connection, tenant_id, document_id, last, keep_since)
    await _delete_snapshots(connection, tenant_id, document_id, seqs[1], first_kept)
    # Last, since it locks the document. Quarantine may have come meanwhile: then nothing goes.
    if await connection.fetchval(_SHRINK, tenant_id, document_id, rows, size) is None:
        raise _in_quarantine(document_id)
    return rows


async def _delete_updates(
    connection: Connection, tenant_id: int, document_id: int, last: int, keep_since: datetime | None
) -> tuple[int, int, int]:
    """Delete from the front, so that what is left has no gap.

    Returns rows and bytes that went, and the seq of the first row that stays.
    """
    if keep_since is not None:
        first_kept = await connection.fetchval(_FIRST_KEPT, tenant_id, document_id, last, keep_since)
        if first_kept is not None:
            last = first_kept - 1
    row = await connection.fetchrow(_DELETE_UPDATES, tenant_id, document_id, last)
    assert row is not None  # an aggregate always has a row
    first = await connection.fetchval(_FIRST_ROW, tenant_id, document_id)
    return row[0], row[1], last + 1 if first is None else first


async def _delete_snapshots(
    connection: Connection, tenant_id: int, document_id: int, before: int, first_kept: int
) -> None:
    """Delete snapshots older than `before`, but for every so many rows or bytes one that kept rows follow
    on."""
    last_kept = first_kept - 1
    gone = []
    for seq, size in await connection.fetch(_OLD_SNAPSHOTS, tenant_id, document_id, before):
        is_far = seq - last_kept >= CHECKPOINT_ROWS
        if not is_far and seq > last_kept:
            between = await connection.fetchval(_BYTES_BETWEEN, tenant_id, document_id, last_kept, seq)
            is_far = between >= max(CHECKPOINT_BYTES, size)
        if is_far:
            last_kept = seq
        else:
            gone.append(seq)
    await connection.execute(_DELETE_SNAPSHOTS, tenant_id, document_id, gone)


async def _newest_first(
    connection: Connection, found: Document
) -> AsyncIterator[tuple[int, Snapshot | None]]:
    """Seqs and snapshots, one at a time since they may be large; None where the checksum fails."""
    before = found.head_seq + 1
    while row := await connection.fetchrow(_SNAPSHOTS, found.tenant_id, found.id, before):
        yield row["seq"], snapshot_of(row)
        before = row["seq"]


async def _with_tail(connection: Connection, found: Document, snapshot: Snapshot | None) -> StoredDocument:
    after_seq = snapshot.seq if snapshot else 0
    rows = await connection.fetch(_TAIL, found.tenant_id, found.id, after_seq)
    updates = dense_updates(found.id, rows, after_seq=after_seq)
    end = after_seq + len(updates)
    if end != found.head_seq:
        reason = "the row is missing" if end < found.head_seq else "the row lies beyond the document's head"
        raise CorruptDocument(found.id, min(end, found.head_seq) + 1, "update", reason)
    return StoredDocument(found, snapshot, updates)


def _in_quarantine(document_id: int) -> Quarantined:
    return Quarantined(f"document {document_id} is in quarantine; an admin must release it first")
