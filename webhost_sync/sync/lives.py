"""Finds the rooms that can't go on, because their documents were deleted, released or begun anew.

The hub says what each of its rooms was loaded from, and is told which must end and why.
"""

from __future__ import annotations

from collections.abc import Mapping

from store.contract import Document, DocumentState, Standing, UpdateLog
from webhost_sync.errors import DocumentNotFound, RoomClosing, SyncError, WrongEpoch

Key = tuple[int, str]


async def ends_of(log: UpdateLog, records: Mapping[Key, Document]) -> dict[Key, SyncError]:
    """Those of the documents that aren't any more what they were, by tenant id and name.

    Raises: store.contract.Unavailable.
    """
    by_tenant: dict[int, list[int]] = {}
    for record in records.values():
        by_tenant.setdefault(record.tenant_id, []).append(record.id)
    standing: dict[int, Standing] = {}
    for tenant_id, ids in by_tenant.items():
        standing |= await log.standing(tenant_id, ids)
    ends = {key: end_of(record, standing.get(record.id)) for key, record in records.items()}
    return {key: error for key, error in ends.items() if error is not None}


def end_of(record: Document, now: Standing | None) -> SyncError | None:
    """Why a room that was loaded from `record` can't go on, if so."""
    if now is None or now.state is DocumentState.DELETED:
        return DocumentNotFound(repr(record.name))
    if now.epoch != record.epoch:
        return WrongEpoch(f"it is {now.epoch} now", epoch=now.epoch)
    # Into quarantine or out of it: members come back, and find it as it is now.
    return RoomClosing() if now.state is not record.state else None
