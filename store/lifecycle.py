"""The life of documents in Postgres: `store.lifecycle_contract.Lifecycle` over a `Database`.

Routes, commands and the purger call it; it acts for one tenant in each call, in one transaction, with
row-level security on. Who is waited for: `LOCK` keeps apart whatever changes a document as a whole (a purge,
an erasure, a trim, a snapshot), without holding up appends. The document's own row is locked last and
shortly, since the committer waits for it with a whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import TypeAlias

import asyncpg

from store import events as document_events
from store import renewal, repair
from store.audit import Deed
from store.contract import Document, DocumentState, UnknownDocument
from store.database import Database
from store.events import note
from store.lifecycle_contract import (
    Action,
    Aside,
    Damage,
    Deletion,
    ErasedState,
    Event,
    Inspection,
    NameTaken,
    Tombstone,
    TombstoneKey,
)
from store.patterns import likes_of
from store.records import document_of
from store.snapshots import LOCK
from store.updates import driver_of, end_of_prefix

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_COLUMNS = """
id, tenant_id, name, epoch, state, reason, head_seq, snapshot_seq, log_rows, log_bytes, created_at,
updated_at, demands_epoch
"""
_DELETION = """
id, name, epoch, head_seq, log_bytes, created_at, updated_at, deleted_at, deleted_by, purge_at
"""
_FIND = f'select {_COLUMNS} from documents where tenant_id = $1 and name collate "C" = $2'  # noqa: S608
_CREATE = f"""
insert into documents (tenant_id, name, demands_epoch)
select $1, $2, exists (select from document_tombstones where tenant_id = $1 and name collate "C" = $2)
on conflict do nothing returning {_COLUMNS}
"""  # noqa: S608
_DELETE = f"""
update documents set state = 'deleted', deleted_at = now(), deleted_by = $3, purge_at = now() + $4::interval
where tenant_id = $1 and name collate "C" = $2 and state <> 'deleted' returning {_DELETION}
"""  # noqa: S608
_DELETE_EARLIER = f"""
update documents set purge_at = least(purge_at, now() + $3::interval)
where tenant_id = $1 and name collate "C" = $2 and state = 'deleted' returning {_DELETION}
"""  # noqa: S608
_DELETED = """
select id from documents where tenant_id = $1 and name collate "C" = $2 and state = 'deleted'
"""
# One that was in quarantine has its reason still, and goes back there.
_BRING_BACK = f"""
update documents
set state = case when reason is null then 'active' else 'quarantined' end,
    deleted_at = null, deleted_by = null, purge_at = null
where tenant_id = $1 and id = $2 and state = 'deleted' returning {_COLUMNS}
"""  # noqa: S608
_BURY = """
insert into document_tombstones
  (tenant_id, document_id, name, epoch, head_seq, created_at, deleted_at, deleted_by, purged_by)
select tenant_id, id, name, epoch, head_seq, created_at, deleted_at, deleted_by, $3 from documents
where tenant_id = $1 and id = $2 and state = 'deleted'
returning document_id, name, epoch, head_seq, created_at, deleted_at, deleted_by, purged_at, purged_by
"""
_REMOVE = "delete from documents where tenant_id = $1 and id = $2 and state = 'deleted'"
_DELETIONS = f"""
select {_DELETION} from documents
where tenant_id = $1 and state = 'deleted' and name collate "C" like any ($2::text[])
  and name collate "C" >= $3 and ($4::text is null or name collate "C" < $4)
  and ($5::text is null or name collate "C" > $5)
order by name collate "C" limit $6
"""  # noqa: S608
_TOMBSTONES = """
select document_id, name, epoch, head_seq, created_at, deleted_at, deleted_by, purged_at, purged_by
from document_tombstones
where tenant_id = $1 and name like any ($2::text[])
  and name >= $3 and ($4::text is null or name < $4)
  and ($5::text is null or (name, document_id) > ($5, $6))
order by name, document_id limit $7
"""


class PostgresLifecycle:
    """`store.lifecycle_contract.Lifecycle`.

    Invariants:
    1. What is done, its event and the message about it are one transaction.
    2. Whatever is killed in the middle has changed nothing.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, tenant_id: int, name: str, *, by: Deed) -> tuple[Document, bool]:
        async with self._transaction(tenant_id) as connection:
            row = await connection.fetchrow(_FIND, tenant_id, name)
            # Only now: one that is being purged is still found, so that its tombstone isn't missed here.
            made = None if row else await connection.fetchrow(_CREATE, tenant_id, name)
            if made is not None:
                document = document_of(made)
                if document.demands_epoch:
                    await note(connection, tenant_id, document.id, name, Action.CREATED, by)
                return document, True
            row = row or await connection.fetchrow(_FIND, tenant_id, name)
        if row is None or row["state"] == DocumentState.DELETED:
            raise NameTaken(
                f"the name {name!r} belongs to a deleted document; bring that back, or delete it for good"
            )
        return document_of(row), False

    async def delete(self, tenant_id: int, name: str, *, by: Deed, retention: timedelta) -> Deletion:
        async with self._transaction(tenant_id) as connection:
            row = await connection.fetchrow(_DELETE, tenant_id, name, by.actor, retention)
            if row is None:
                row = await connection.fetchrow(_DELETE_EARLIER, tenant_id, name, retention)
                if row is None:
                    raise _unknown(tenant_id, name)
                return Deletion(**row)
            detail = {"purge_at": row["purge_at"].isoformat()}
            await note(connection, tenant_id, row["id"], name, Action.DELETED, by, **detail)
        return Deletion(**row)

    async def bring_back(self, tenant_id: int, name: str, *, by: Deed) -> Document:
        async with self._transaction(tenant_id) as connection:
            document_id = await connection.fetchval(_DELETED, tenant_id, name)
            if document_id is None:
                raise _unknown(tenant_id, name)
            # A purge that is under way ends first: then there is nothing any more to bring back.
            await connection.execute(LOCK, document_id)
            row = await connection.fetchrow(_BRING_BACK, tenant_id, document_id)
            if row is None:
                raise _unknown(tenant_id, name)
            await note(connection, tenant_id, document_id, name, Action.BROUGHT_BACK, by)
        return document_of(row)

    async def purge(self, tenant_id: int, document_id: int, *, by: Deed) -> Tombstone:
        async with self._transaction(tenant_id) as connection:
            await connection.execute(LOCK, document_id)
            row = await connection.fetchrow(_BURY, tenant_id, document_id, by.actor)
            if row is None:
                raise UnknownDocument(f"no deleted document {document_id} of tenant {tenant_id}")
            # The many rows first: nothing is appended to a deleted document. Then its own row, which waits
            # for whoever holds it; what that one has added meanwhile goes too.
            await renewal.clear(connection, tenant_id, document_id)
            await connection.execute(_REMOVE, tenant_id, document_id)
            await renewal.clear(connection, tenant_id, document_id)
            await note(connection, tenant_id, document_id, row["name"], Action.PURGED, by)
        return Tombstone(**row)

    async def due(self, limit: int = 100) -> tuple[tuple[int, int], ...]:
        async with driver_of(self._database.no_tenant()) as connection:
            rows = await connection.fetch("select tenant_id, id from documents_to_purge($1)", limit)
        return tuple((row["tenant_id"], row["id"]) for row in rows)

    async def deletions(
        self, tenant_id: int, patterns: Sequence[str], *, prefix: str, after: str | None, limit: int
    ) -> list[Deletion]:
        arguments = (likes_of(patterns), prefix, end_of_prefix(prefix), after, limit)
        async with self._transaction(tenant_id) as connection:
            return [Deletion(**row) for row in await connection.fetch(_DELETIONS, tenant_id, *arguments)]

    async def tombstones(
        self,
        tenant_id: int,
        patterns: Sequence[str],
        *,
        prefix: str,
        after: TombstoneKey | None,
        limit: int,
    ) -> list[Tombstone]:
        arguments = (likes_of(patterns), prefix, end_of_prefix(prefix), *(after or (None, None)), limit)
        async with self._transaction(tenant_id) as connection:
            return [Tombstone(**row) for row in await connection.fetch(_TOMBSTONES, tenant_id, *arguments)]

    async def events(self, tenant_id: int, document_id: int, *, limit: int) -> tuple[Event, ...]:
        async with self._transaction(tenant_id) as connection:
            return await document_events.events(connection, tenant_id, document_id, limit)

    async def inspect(self, tenant_id: int, document_id: int) -> Inspection:
        async with driver_of(self._database.moment(tenant_id)) as connection:
            return await repair.inspect(connection, tenant_id, document_id)

    async def aside(self, tenant_id: int, document_id: int) -> tuple[Aside, ...]:
        async with self._transaction(tenant_id) as connection:
            return await repair.aside(connection, tenant_id, document_id)

    async def release(
        self, tenant_id: int, document_id: int, damages: Sequence[Damage], *, by: Deed
    ) -> Document:
        async with self._transaction(tenant_id) as connection:
            await connection.execute(LOCK, document_id)
            document = await repair.release(connection, tenant_id, document_id, damages, by.actor)
            aside = [f"{damage.part} {damage.seq}" for damage in damages]
            await note(connection, tenant_id, document_id, document.name, Action.RELEASED, by, aside=aside)
        return document

    async def renew(
        self, tenant_id: int, document_id: int, *, by: Deed, erased: ErasedState | None = None
    ) -> Document:
        async with self._transaction(tenant_id) as connection:
            await connection.execute(LOCK, document_id)
            before, document = await renewal.renew(connection, tenant_id, document_id, erased)
            action = Action.EPOCH_CHANGED if erased is None else Action.ERASED
            detail = {"from": str(before), "to": str(document.epoch), "seq": document.head_seq}
            await note(connection, tenant_id, document_id, document.name, action, by, **detail)
        return document

    def _transaction(self, tenant_id: int) -> AbstractAsyncContextManager[Connection]:
        return driver_of(self._database.tenant(tenant_id))


def _unknown(tenant_id: int, name: str) -> UnknownDocument:
    return UnknownDocument(f"document {name!r} of tenant {tenant_id} does not exist")
