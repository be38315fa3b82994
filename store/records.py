"""Rows of the log's tables as the contract's records, each held against its checksum.

Comes from the driver, goes to `store.updates` and `store.snapshots`. Pure, but for the driver's
record type.
"""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg

from store.checksum import checksum
from store.contract import CorruptDocument, Document, DocumentState, LoggedUpdate, Snapshot


def document_of(row: asyncpg.Record) -> Document:
    """From a row with all columns of `documents`."""
    return Document(**{**row, "state": DocumentState(row["state"])})


def snapshot_of(row: asyncpg.Record) -> Snapshot | None:
    """From seq, state, state vector, checksum, time of creation; None where the checksum fails."""
    seq, state, state_vector, expected, created_at = row
    if checksum(state, state_vector) != expected:
        return None
    return Snapshot(seq, state, state_vector, created_at)


def update_of(row: asyncpg.Record) -> LoggedUpdate | None:
    """From seq, payload, checksum, actor, device, client ids, arrival; None where the checksum fails."""
    seq, payload, expected, actor, device, client_ids, received_at = row
    if checksum(payload) != expected:
        return None
    return LoggedUpdate(seq, payload, actor, device, tuple(client_ids), received_at)


def dense_updates(
    document_id: int, rows: Sequence[asyncpg.Record], *, after_seq: int
) -> tuple[LoggedUpdate, ...]:
    """Every row, each valid and each one seq above the one before it, from `after_seq` + 1 on.

    Raises: CorruptDocument.
    """
    updates: list[LoggedUpdate] = []
    for expected, row in enumerate(rows, after_seq + 1):
        if row["seq"] != expected:
            raise CorruptDocument(document_id, expected, "update", "the row is missing")
        update = update_of(row)
        if update is None:
            raise CorruptDocument(document_id, expected, "update", "the checksum is wrong")
        updates.append(update)
    return tuple(updates)
