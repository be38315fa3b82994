"""Puts one document of a restored database into another one, with its whole log, in one transaction.

For where a new edit is no help: the document is gone, damaged, or what clients hold of it must not come back.
Rooms that have it open hear of it, as of everything that is done to the life of a document.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import asyncpg

from store import renewal
from store.audit import Deed
from store.backup.contract import BackupRefused
from store.contract import Document, DocumentState
from store.database import Database
from store.events import note
from store.lifecycle_contract import Action
from store.records import document_of
from store.schema import metadata
from store.snapshots import LOCK

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

WAITING = 16
"""Pieces of a stream that wait between the two databases."""
_COLUMNS = """
id, tenant_id, name, epoch, state, reason, head_seq, snapshot_seq, log_rows, log_bytes, created_at,
updated_at, demands_epoch
"""
_FIND = f'select {_COLUMNS} from documents where tenant_id = $1 and name collate "C" = $2'  # noqa: S608
_ALL = f'select {_COLUMNS} from documents where tenant_id = $1 order by name collate "C"'  # noqa: S608
_BURIED = 'select exists (select from document_tombstones where tenant_id = $1 and name collate "C" = $2)'
_INSERT = """
insert into documents (tenant_id, name, epoch, created_at, demands_epoch) values ($1, $2, $3, $4, $5)
on conflict do nothing returning id
"""
_REPLACE = f"""
update documents
set epoch = case when $3 then gen_random_uuid() else epoch end, demands_epoch = demands_epoch or $3,
    state = $4, reason = $5, head_seq = $6, snapshot_seq = $7, log_rows = $8, log_bytes = $9,
    updated_at = now()
where tenant_id = $1 and id = $2 returning {_COLUMNS}
"""  # noqa: S608
_ROW_LOCK = "select state from documents where tenant_id = $1 and id = $2 for update"


@dataclass(frozen=True, slots=True)
class Placed:
    """What was put in. `epoch_before` is None where there was no document."""

    document: Document
    epoch_before: UUID | None


async def find(database: Database, tenant_id: int, name: str) -> Document | None:
    """A document whatever its state, as the owner sees it."""
    async with database.owner_connection() as connection:
        row = await connection.fetchrow(_FIND, tenant_id, name)
    return None if row is None else document_of(row)


async def find_all(database: Database, tenant_id: int) -> tuple[Document, ...]:
    async with database.owner_connection() as connection:
        return tuple(map(document_of, await connection.fetch(_ALL, tenant_id)))


async def place(
    source: Database,
    held: Document,
    target: Database,
    tenant_id: int,
    *,
    by: Deed,
    archive: str,
    new_epoch: bool,
) -> Placed:
    """Put `held` of the source into the target, in place of the document of that name.

    One that is replaced gets a new epoch and demands it, as does one whose name belongs to a tombstone. Where
    there was none, the epoch of then stays, so that its clients go on; `new_epoch` gives it another one too.
    Raises: BackupRefused (it is deleted and can be brought back), Unavailable.
    """
    async with (
        source.owner_connection() as reading,
        target.owner_connection() as writing,
        writing.transaction(),
    ):
        row = await writing.fetchrow(_FIND, tenant_id, held.name)
        before = None if row is None else document_of(row)
        if before is not None and before.state is DocumentState.DELETED:
            raise BackupRefused(
                f"{held.name!r} is deleted and can be brought back (`webhost-sync document bring-back`); to "
                "restore it from the backup instead, delete it for good first (`document delete --now`)"
            )
        begins_anew = new_epoch or before is not None
        if before is None:
            begins_anew = begins_anew or await writing.fetchval(_BURIED, tenant_id, held.name)
            values = (tenant_id, held.name, held.epoch, held.created_at, held.demands_epoch)
            document_id = await writing.fetchval(_INSERT, *values)
            if document_id is None:
                raise BackupRefused(f"{held.name!r} was made by somebody else meanwhile; try again")
        else:
            document_id = before.id
            await writing.execute(LOCK, document_id)
            await writing.fetchval(_ROW_LOCK, tenant_id, document_id)
            await renewal.clear(writing, tenant_id, document_id)
        for table in renewal.KEPT_OF_A_DOCUMENT:
            await _copy(reading, writing, table, held, tenant_id, document_id)
        after = await writing.fetchrow(
            _REPLACE,
            tenant_id,
            document_id,
            begins_anew,
            held.state.value,
            held.reason,
            held.head_seq,
            held.snapshot_seq,
            held.log_rows,
            held.log_bytes,
        )
        assert after is not None
        document = document_of(after)
        detail = {"archive": archive, "seq": held.head_seq, "to": str(document.epoch)}
        if before is not None:
            detail["from"] = str(before.epoch)
        await note(writing, tenant_id, document_id, held.name, Action.RESTORED, by, **detail)
    return Placed(document, None if before is None else before.epoch)


async def _copy(
    reading: Connection, writing: Connection, table: str, held: Document, tenant_id: int, document_id: int
) -> None:
    columns = list(metadata.tables[table].c.keys())
    given = {"tenant_id": f"{int(tenant_id)}::bigint", "document_id": f"{int(document_id)}::bigint"}
    wanted = ", ".join(given.get(name, f'"{name}"') for name in columns)
    query = f"select {wanted} from {table} where tenant_id = $1 and document_id = $2"  # noqa: S608 - names
    pieces: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)

    async def read() -> None:
        try:
            await reading.copy_from_query(query, held.tenant_id, held.id, output=pieces.put, format="binary")
        finally:
            await pieces.put(None)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        await writing.copy_to_table(table, source=_until_none(pieces), columns=columns, format="binary")


async def _until_none(pieces: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (piece := await pieces.get()) is not None:
        yield piece
