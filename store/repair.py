"""Damaged documents: finding what can't be read, and letting a document go on without it.

Each function does its work on a connection that `store.lifecycle` hands over, in a transaction of the
document's tenant. In place of a damaged part stands one that says nothing, so that sequences stay dense: what
built on it waits, and whoever still has the content brings it back by syncing. The part itself is put aside
whole. What an update means is not known here; whoever calls may have found more damages by reading.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import asyncpg

from store import snapshots
from store.checksum import checksum
from store.contract import Document, DocumentState, LoggedUpdate, Snapshot
from store.lifecycle_contract import Aside, Damage, Inspection, Moved, Part
from store.records import document_of, snapshot_of, update_of

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

EMPTY_UPDATE = b"\x00\x00"
"""A Yjs V1 update without structs and deletions."""
EMPTY_STATE_VECTOR = b"\x00"
CHECKSUM_WRONG = "the checksum is wrong"
MISSING = "the row is missing"
BEYOND = "the row lies beyond the document's head"
MOST_DAMAGES = 1000

_SNAPSHOTS = """
select seq, state, state_vector, checksum, created_at from document_snapshots
where tenant_id = $1 and document_id = $2 and seq < $3 order by seq desc limit 1
"""
_HAS_ROW = (
    "select exists (select from document_updates where tenant_id = $1 and document_id = $2 and seq = $3)"
)
_ROWS = """
select seq, payload, checksum, actor, device, client_ids, received_at from document_updates
where tenant_id = $1 and document_id = $2 and seq > $3 order by seq
"""
_PUT_SNAPSHOT_ASIDE = """
with gone as (
  delete from document_snapshots where tenant_id = $1 and document_id = $2 and seq = $3
  returning tenant_id, document_id, seq, state, state_vector, checksum, created_at
)
insert into quarantined_snapshots (tenant_id, document_id, seq, state, state_vector, checksum, created_at,
                                   reason, released_by)
select gone.*, $4, $5 from gone on conflict do nothing
"""
_PUT_SNAPSHOT = """
insert into document_snapshots (tenant_id, document_id, seq, state, state_vector, checksum)
values ($1, $2, $3, $4, $5, $6)
"""
_PUT_UPDATE_ASIDE = "select public.put_update_aside($1, $2, $3, $4)"
_RELEASE = """
update documents set state = 'active', reason = null
where tenant_id = $1 and id = $2 and state = 'quarantined'
returning id, tenant_id, name, epoch, state, reason, head_seq, snapshot_seq, log_rows, log_bytes, created_at,
          updated_at, demands_epoch
"""
_ASIDE = """
select 'update' as part, seq, reason, octet_length(payload) as size, checksum, quarantined_at, released_at,
       released_by
from quarantined_updates where tenant_id = $1 and document_id = $2
union all
select 'snapshot', seq, reason, octet_length(state), checksum, released_at, released_at, released_by
from quarantined_snapshots where tenant_id = $1 and document_id = $2
order by seq, part
"""


async def inspect(connection: Connection, tenant_id: int, document_id: int) -> Inspection:
    """As `store.lifecycle_contract.Lifecycle.inspect`."""
    found = await snapshots.document(connection, tenant_id, document_id)
    snapshot, bad = await _newest(connection, found)
    after = 0 if snapshot is None else snapshot.seq
    rows = await connection.fetch(_ROWS, tenant_id, document_id, after)
    damages: list[Damage] = []
    first = rows[0]["seq"] if rows else found.head_seq + 1
    if first > after + 1:
        damages.append(bad.get(first - 1) or Damage(Part.SNAPSHOT, first - 1, "it is missing"))
    updates, more = _read(rows, first, found.head_seq)
    return Inspection(found, snapshot, updates, (*damages, *more)[:MOST_DAMAGES])


async def _newest(connection: Connection, found: Document) -> tuple[Snapshot | None, dict[int, Damage]]:
    """The newest snapshot that can be read, and the damaged ones above it by seq."""
    bad: dict[int, Damage] = {}
    before = found.head_seq + 1
    while row := await connection.fetchrow(_SNAPSHOTS, found.tenant_id, found.id, before):
        snapshot = snapshot_of(row)
        if snapshot is not None:
            return snapshot, bad
        seq, state, state_vector, stored, created_at = row
        before = seq
        bad[seq] = Damage(
            Part.SNAPSHOT,
            seq,
            CHECKSUM_WRONG,
            size=len(state),
            checksum=stored,
            found=checksum(state, state_vector),
            at=created_at,
        )
    return None, bad


def _read(
    rows: Sequence[asyncpg.Record], first: int, head_seq: int
) -> tuple[tuple[LoggedUpdate, ...], list[Damage]]:
    """The rows that can be read, and what is damaged or missing from `first` up to the head."""
    updates: list[LoggedUpdate] = []
    damages: list[Damage] = []
    expected = first
    for row in rows:
        seq = row["seq"]
        damages += (
            Damage(Part.UPDATE, missing, MISSING) for missing in range(expected, min(seq, head_seq + 1))
        )
        expected = seq + 1
        update = update_of(row)
        if update is not None and seq <= head_seq:
            updates.append(update)
        else:
            damages.append(_damage_of(row, CHECKSUM_WRONG if update is None else BEYOND))
    damages += (Damage(Part.UPDATE, seq, MISSING) for seq in range(expected, head_seq + 1))
    return tuple(updates), damages


def _damage_of(row: asyncpg.Record, reason: str) -> Damage:
    return Damage(
        Part.UPDATE,
        row["seq"],
        reason,
        size=len(row["payload"]),
        checksum=row["checksum"],
        found=checksum(row["payload"]),
        actor=row["actor"],
        at=row["received_at"],
    )


async def release(
    connection: Connection, tenant_id: int, document_id: int, damages: Sequence[Damage], by: str
) -> Document:
    """As `store.lifecycle_contract.Lifecycle.release`."""
    found = await snapshots.document(connection, tenant_id, document_id)
    if found.state is not DocumentState.QUARANTINED:
        raise Moved(f"document {document_id} is in no quarantine")
    for damage in damages:
        if damage.part is Part.UPDATE:
            await connection.execute(_PUT_UPDATE_ASIDE, document_id, damage.seq, damage.reason, by)
        else:
            await _replace_snapshot(connection, found, damage, by)
    row = await connection.fetchrow(_RELEASE, tenant_id, document_id)
    if row is None:
        raise Moved(f"document {document_id} is in no quarantine")
    return document_of(row)


async def _replace_snapshot(connection: Connection, found: Document, damage: Damage, by: str) -> None:
    """Where rows don't lead on from the newest state before it that can be read, that one stands in its
    place too, or an empty one, so that they do."""
    key = (found.tenant_id, found.id, damage.seq)
    await connection.execute(_PUT_SNAPSHOT_ASIDE, *key, damage.reason, by)
    older, _ = await _newest(connection, found)
    last_seq, state, vector = 0, EMPTY_UPDATE, EMPTY_STATE_VECTOR
    if older is not None:
        last_seq, state, vector = older.seq, older.state, older.state_vector
    if last_seq < found.head_seq and not await connection.fetchval(_HAS_ROW, *key[:2], last_seq + 1):
        await connection.execute(_PUT_SNAPSHOT, *key, state, vector, checksum(state, vector))


async def aside(connection: Connection, tenant_id: int, document_id: int) -> tuple[Aside, ...]:
    """As `store.lifecycle_contract.Lifecycle.aside`."""
    rows = await connection.fetch(_ASIDE, tenant_id, document_id)
    return tuple(Aside(**{**row, "part": Part(row["part"])}) for row in rows)
