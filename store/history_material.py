"""Finds what a past state of a document can be made of: a snapshot or version, and the rows after it.

`store.history` calls it on a connection in a transaction of the document's tenant, in which all
statements see the same moment. The rows of the log that are kept are those from some row on, without a
gap; what lies before them is kept as versions only.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

import asyncpg

from store.checksum import checksum
from store.contract import CorruptDocument, Document
from store.history_contract import Forgotten, Material, Span
from store.pages import page_end
from store.records import dense_updates

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_FIRST_ROW = "select min(seq) from document_updates where tenant_id = $1 and document_id = $2"
# The newest first; of several for one seq the ones that something can be built on. One on which nothing
# can be built serves for its own seq, where the rows for that are gone.
_STATES = """
select seq, state, state_vector, checksum, true as is_exact from document_snapshots
where tenant_id = $1 and document_id = $2 and seq <= $3 and seq >= $4
union all
select seq, state, ''::bytea, checksum, is_exact from document_versions
where tenant_id = $1 and document_id = $2 and seq <= $3 and (seq >= $4 and is_exact or seq = $3 and $5)
order by seq desc, is_exact desc, checksum offset $6 limit 1
"""
_FIRST_STATE = """
select min(seq) from (
    select seq from document_snapshots where tenant_id = $1 and document_id = $2 and seq >= $3
    union all
    select seq from document_versions where tenant_id = $1 and document_id = $2 and seq >= $3 and is_exact
) as states
"""
_ROWS = """
select seq, payload, checksum, actor, device, client_ids, received_at from document_updates
where tenant_id = $1 and document_id = $2 and seq > $3 and seq <= $4 order by seq
"""
_MOMENT = """
select coalesce(
    (select received_at from document_updates where tenant_id = $1 and document_id = $2 and seq = $3),
    (select min(at) from document_versions where tenant_id = $1 and document_id = $2 and seq = $3),
    (select created_at from document_snapshots where tenant_id = $1 and document_id = $2 and seq = $3)
)
"""


async def first_row(connection: Connection, document: Document) -> int:
    """The first row of the log that is kept; the next one to come where there is none."""
    first = await connection.fetchval(_FIRST_ROW, document.tenant_id, document.id)
    return document.head_seq + 1 if first is None else int(first)


async def span_of(connection: Connection, document: Document) -> Span:
    """From where on every state can be made."""
    first = await first_row(connection, document)
    seq = 0
    if first > 1:
        found = await connection.fetchval(_FIRST_STATE, document.tenant_id, document.id, first - 1)
        seq = document.head_seq if found is None else int(found)
    return Span(seq, await moment_of(connection, document, seq), document.head_seq)


async def moment_of(connection: Connection, document: Document, seq: int) -> datetime:
    """When the document came to the state at `seq`; where nothing tells, when it was made."""
    if seq > 0:
        at = await connection.fetchval(_MOMENT, document.tenant_id, document.id, seq)
        if at is not None:
            assert isinstance(at, datetime)
            return at
    return document.created_at


async def find_material(connection: Connection, document: Document, seq: int, have: int | None) -> Material:
    """As `store.history_contract.History.material`."""
    if not 0 <= seq <= document.head_seq:
        raise ValueError(f"document {document.id} has the states 0 to {document.head_seq}")
    base = await _base(connection, document, seq, have)
    if base is None:
        raise Forgotten(document.id, await span_of(connection, document))
    if base.after_seq == seq:
        return base
    end = await page_end(connection, document.tenant_id, document.id, after_seq=base.after_seq)
    rows = await connection.fetch(_ROWS, document.tenant_id, document.id, base.after_seq, min(seq, end))
    updates = dense_updates(document.id, rows, after_seq=base.after_seq)
    if not updates:
        raise CorruptDocument(document.id, base.after_seq + 1, "update", "the row is missing")
    return replace(base, updates=updates)


async def _base(connection: Connection, document: Document, seq: int, have: int | None) -> Material | None:
    """The newest valid state from which rows lead to `seq`, still without them; None if there is none.

    Damaged ones are passed over.
    """
    first = await first_row(connection, document)
    oldest, fallback = first - 1, Material(None, 0, ()) if first == 1 else None
    if have is not None and (have == seq or first - 1 <= have < seq):
        oldest, fallback = have + 1, Material(None, have, ())
    if fallback is not None and fallback.after_seq == seq:
        return fallback
    place = 0
    key = (document.tenant_id, document.id, seq, oldest, seq < first)
    while row := await connection.fetchrow(_STATES, *key, place):
        if checksum(row["state"], row["state_vector"]) == row["checksum"]:
            return Material(row["state"], row["seq"], (), row["is_exact"])
        place += 1
    return fallback
