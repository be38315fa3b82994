"""Beginning the history of a document anew, and clearing away what was kept of it.

Each function does its work on a connection that `store.lifecycle` hands over, in a transaction of the
document's tenant that holds the document's `LOCK`. What a state means is not known here.
"""

from __future__ import annotations

from typing import TypeAlias
from uuid import UUID

import asyncpg

from store.checksum import checksum
from store.contract import Document, DocumentState, Quarantined, UnknownDocument
from store.lifecycle_contract import ErasedState, Moved
from store.records import document_of

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

KEPT_OF_A_DOCUMENT = (
    "document_updates",
    "document_snapshots",
    "document_versions",
    "quarantined_updates",
    "quarantined_snapshots",
)
"""Every table in which a document's content is; rows that follow from it are the projector's."""
_CLEAR = tuple(
    f"delete from {table} where tenant_id = $1 and document_id = $2"  # noqa: S608 - constants
    for table in KEPT_OF_A_DOCUMENT
)
_NOW = "select epoch, state, head_seq from documents where tenant_id = $1 and id = $2 and state <> 'deleted'"
# Stronger than what versions are added under, so that none is added behind the clearing.
_NOW_LOCKED = f"{_NOW} for update"
_SNAPSHOT = """
insert into document_snapshots (tenant_id, document_id, seq, state, state_vector, checksum)
values ($1, $2, $3, $4, $5, $6)
"""
_RENEW = """
update documents
set epoch = gen_random_uuid(), demands_epoch = true,
    log_rows = case when $3 then 0 else log_rows end,
    log_bytes = case when $3 then 0 else log_bytes end,
    snapshot_seq = case when $3 then head_seq else snapshot_seq end
where tenant_id = $1 and id = $2
returning id, tenant_id, name, epoch, state, reason, head_seq, snapshot_seq, log_rows, log_bytes, created_at,
          updated_at, demands_epoch
"""


async def clear(connection: Connection, tenant_id: int, document_id: int) -> None:
    """Delete all content that is kept of a document."""
    for statement in _CLEAR:
        await connection.execute(statement, tenant_id, document_id)


async def renew(
    connection: Connection, tenant_id: int, document_id: int, erased: ErasedState | None
) -> tuple[UUID, Document]:
    """As `store.lifecycle_contract.Lifecycle.renew`; returns the epoch of before as well."""
    key = (tenant_id, document_id)
    if erased is not None:
        _check(await connection.fetchrow(_NOW, *key), document_id, erased)
        await clear(connection, *key)  # what takes long, while writers still go on; they undo it if they do
    now = await connection.fetchrow(_NOW_LOCKED, *key)
    before = _check(now, document_id, erased)
    if erased is not None:
        await clear(connection, *key)
        if erased.seq > 0:
            sums = checksum(erased.state, erased.state_vector)
            await connection.execute(_SNAPSHOT, *key, erased.seq, erased.state, erased.state_vector, sums)
    row = await connection.fetchrow(_RENEW, *key, erased is not None)
    assert row is not None  # it is locked
    return before, document_of(row)


def _check(now: asyncpg.Record | None, document_id: int, erased: ErasedState | None) -> UUID:
    """The epoch of now. Raises: UnknownDocument, Quarantined, Moved."""
    if now is None:
        raise UnknownDocument(f"document {document_id} does not exist")
    epoch = now["epoch"]
    assert isinstance(epoch, UUID)
    if erased is not None:
        if now["state"] == DocumentState.QUARANTINED:
            raise Quarantined(f"document {document_id} is in quarantine; release it before it is erased")
        if (now["head_seq"], epoch) != (erased.seq, erased.epoch):
            raise Moved(f"document {document_id} was written to meanwhile")
    return epoch
