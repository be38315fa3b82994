"""The log of updates in Postgres: `store.contract.UpdateLog` over a `Database` and a `Committer`.

Rooms, the projector, the compactor and the API call it; it acts for one tenant in each call, in one
transaction, with row-level security on. Appends alone take another way: through the committer,
whose role may append for every tenant and do nothing else. Statements go to the driver directly,
since SQLAlchemy would cost more than the statement itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection

from store import snapshots
from store.audit import Deed
from store.batch import Append
from store.committer import Committer
from store.contract import (
    Committed,
    Document,
    DocumentState,
    LoggedUpdate,
    NewUpdate,
    NotStorable,
    Snapshot,
    Standing,
    StoredDocument,
    Trimmed,
    UnknownDocument,
)
from store.database import Database
from store.events import note
from store.lifecycle_contract import Action
from store.outage import REFUSED
from store.pages import page_end
from store.records import dense_updates, document_of

SERVER = Deed("server")
"""Who finds out that something stored is damaged."""

_FIND = """
select id, tenant_id, name, epoch, state, reason, head_seq, snapshot_seq, log_rows, log_bytes,
       created_at, updated_at, demands_epoch
from documents where tenant_id = $1 and name collate "C" = $2
"""
_BURIED = 'select from document_tombstones where tenant_id = $1 and name collate "C" = $2'
_CREATE = f"""
insert into documents (tenant_id, name) select $1, $2 where not exists ({_BURIED}) on conflict do nothing
"""
_STANDING = "select id, epoch, state from documents where tenant_id = $1 and id = any ($2::bigint[])"
_READ = """
select seq, payload, checksum, actor, device, client_ids, received_at from document_updates
where tenant_id = $1 and document_id = $2 and seq > $3 order by seq limit $4
"""
_LIST = """
select id, tenant_id, name, epoch, state, reason, head_seq, snapshot_seq, log_rows, log_bytes,
       created_at, updated_at, demands_epoch
from documents
where tenant_id = $1 and state <> 'deleted'
  and name collate "C" >= $2 and name collate "C" > $3
  and ($4::text is null or name collate "C" < $4)
order by name collate "C" limit $5
"""
_QUARANTINE = """
update documents set state = 'quarantined', reason = $3
where tenant_id = $1 and id = $2 and state = 'active' returning name
"""
_PUT_ASIDE = """
insert into quarantined_updates (tenant_id, document_id, seq, payload, reason)
select tenant_id, document_id, seq, payload, $4 from document_updates
where tenant_id = $1 and document_id = $2 and seq = $3
on conflict do nothing
"""


class PostgresUpdateLog:
    """`store.contract.UpdateLog`.

    Invariants:
    1. A row of the log is never changed; `trim` alone deletes any. (What ends, erases or repairs a whole
       document is in `store.lifecycle`.)
    2. What leaves here has passed its checksum, and rows follow on each other without a gap.
    """

    def __init__(self, database: Database, committer: Committer) -> None:
        self._database = database
        self._committer = committer

    async def open(self, tenant_id: int, name: str, *, create: bool) -> Document:
        async with self._transaction(tenant_id) as connection:
            row = await connection.fetchrow(_FIND, tenant_id, name)
            if row is None and create:
                # Whoever is second waits here for the first, and then finds its document.
                await connection.execute(_CREATE, tenant_id, name)
                row = await connection.fetchrow(_FIND, tenant_id, name)
            if row is None or row["state"] == DocumentState.DELETED:
                raise _unknown(tenant_id, name)
        return document_of(row)

    async def standing(self, tenant_id: int, document_ids: Collection[int]) -> Mapping[int, Standing]:
        async with self._transaction(tenant_id) as connection:
            rows = await connection.fetch(_STANDING, tenant_id, list(document_ids))
        return {row["id"]: Standing(row["epoch"], DocumentState(row["state"])) for row in rows}

    async def load(self, tenant_id: int, document_id: int) -> StoredDocument:
        async with self._moment(tenant_id) as connection:
            return await snapshots.load(connection, tenant_id, document_id)

    async def load_from(self, tenant_id: int, document_id: int, *, snapshot_seq: int) -> StoredDocument:
        async with self._moment(tenant_id) as connection:
            return await snapshots.load_from(connection, tenant_id, document_id, snapshot_seq)

    async def load_readable(self, tenant_id: int, document_id: int) -> StoredDocument:
        async with self._moment(tenant_id) as connection:
            return await snapshots.load_readable(connection, tenant_id, document_id)

    async def read(
        self, tenant_id: int, document_id: int, *, after_seq: int, limit: int = 1000, size: int | None = None
    ) -> tuple[LoggedUpdate, ...]:
        key = (tenant_id, document_id)
        async with self._transaction(tenant_id) as connection:
            if size is not None:
                end = await page_end(connection, *key, after_seq=after_seq, rows=limit, size=size)
                limit = min(limit, end - after_seq)
            rows = await connection.fetch(_READ, tenant_id, document_id, after_seq, limit)
            if rows and rows[0]["seq"] > after_seq + 1:
                document = await snapshots.document(connection, tenant_id, document_id)
                if document.snapshot_seq > after_seq:
                    raise Trimmed(document_id, after_seq, rows[0]["seq"])
        return dense_updates(document_id, rows, after_seq=after_seq)

    async def append(
        self, tenant_id: int, document_id: int, updates: Sequence[NewUpdate], *, epoch: UUID
    ) -> Committed:
        return await self._committer.append(Append.of(tenant_id, document_id, epoch, updates))

    async def write_snapshot(
        self,
        tenant_id: int,
        document_id: int,
        *,
        seq: int,
        state: bytes,
        state_vector: bytes,
        epoch: UUID | None = None,
    ) -> None:
        async with self._transaction(tenant_id) as connection:
            await snapshots.write(connection, tenant_id, document_id, seq, state, state_vector, epoch)

    async def trim(
        self, tenant_id: int, document_id: int, *, keep_since: datetime | None, up_to: int | None = None
    ) -> int:
        async with self._transaction(tenant_id) as connection:
            return await snapshots.trim(connection, tenant_id, document_id, keep_since, up_to)

    async def snapshots(
        self, tenant_id: int, document_id: int, *, limit: int | None = None
    ) -> tuple[Snapshot, ...]:
        async with self._moment(tenant_id) as connection:
            return await snapshots.valid(connection, tenant_id, document_id, limit)

    async def quarantine(self, tenant_id: int, document_id: int, *, reason: str, seq: int | None) -> None:
        async with self._transaction(tenant_id) as connection:
            name = await connection.fetchval(_QUARANTINE, tenant_id, document_id, reason)
            if name is None:
                await snapshots.document(connection, tenant_id, document_id)  # whoever is second is done
                return
            if seq is not None:
                await connection.execute(_PUT_ASIDE, tenant_id, document_id, seq, reason)
            detail = {"reason": reason, "seq": seq}
            await note(connection, tenant_id, document_id, name, Action.QUARANTINED, SERVER, **detail)

    async def documents(
        self, tenant_id: int, *, prefix: str = "", after: str = "", limit: int = 100
    ) -> tuple[Document, ...]:
        async with self._transaction(tenant_id) as connection:
            end = end_of_prefix(prefix)
            rows = await connection.fetch(_LIST, tenant_id, prefix, after, end, limit)
        return tuple(map(document_of, rows))

    async def ping(self) -> None:
        await self._database.ping()

    def _transaction(self, tenant_id: int) -> AbstractAsyncContextManager[asyncpg.Connection[asyncpg.Record]]:
        return driver_of(self._database.tenant(tenant_id))

    def _moment(self, tenant_id: int) -> AbstractAsyncContextManager[asyncpg.Connection[asyncpg.Record]]:
        return driver_of(self._database.moment(tenant_id))


def _unknown(tenant_id: int, name: str) -> UnknownDocument:
    return UnknownDocument(f"document {name!r} of tenant {tenant_id} does not exist")


@asynccontextmanager
async def driver_of(
    transaction: AbstractAsyncContextManager[AsyncConnection],
) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """The driver's own connection in a transaction that SQLAlchemy has begun and will end.

    Raises: NotStorable, as well as what the transaction raises.
    """
    try:
        async with transaction as connection:
            raw = await connection.get_raw_connection()
            driver = raw.driver_connection
            assert isinstance(driver, asyncpg.Connection)
            yield driver
    except REFUSED as error:
        raise NotStorable(f"Postgres refused the values: {error}") from error


def end_of_prefix(prefix: str) -> str | None:
    """The smallest text above every text with this prefix, in the order of code points; None: no end.

    The order of code points is that of UTF-8 bytes, which is Postgres's collation "C".
    """
    for end in range(len(prefix), 0, -1):
        last = ord(prefix[end - 1])
        if last < 0x10FFFF:
            # Surrogates are no characters: the first one after U+D7FF is U+E000.
            return prefix[: end - 1] + chr(0xE000 if last == 0xD7FF else last + 1)
    return None
