"""The update log as a process has it, and a superuser's hand for damage and for looking inside."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from uuid import UUID

import asyncpg

from store.audit import Deed
from store.changes import PostgresChanges
from store.committer import Committer
from store.contract import Committed, Document, NewUpdate
from store.database import Database
from store.lifecycle import PostgresLifecycle
from store.roles import Role
from store.updates import PostgresUpdateLog

TENANT = 1
ADA, BOB, EVE = Deed("ada"), Deed("bob"), Deed("eve")
BLOCKED = "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@dataclass(frozen=True)
class OpenLog:
    """What a process holds of the store, with short words for what the tests do all the time."""

    database: Database
    changes: PostgresChanges
    log: PostgresUpdateLog

    @property
    def lifecycle(self) -> PostgresLifecycle:
        return PostgresLifecycle(self.database)

    async def document(self, name: str = "depot", tenant_id: int = TENANT) -> Document:
        return await self.log.open(tenant_id, name, create=True)

    async def append(self, document: Document, *payloads: bytes, epoch: UUID | None = None) -> Committed:
        updates = [NewUpdate(payload, "ada") for payload in payloads]
        return await self.log.append(document.tenant_id, document.id, updates, epoch=epoch or document.epoch)

    async def snapshot(self, document: Document, seq: int, state: bytes = b"state") -> None:
        await self.log.write_snapshot(
            document.tenant_id, document.id, seq=seq, state=state, state_vector=b"vector"
        )

    async def trim(self, document: Document) -> int:
        return await self.log.trim(document.tenant_id, document.id, keep_since=None)

    async def payloads(self, document: Document) -> list[bytes]:
        stored = await self.log.load(document.tenant_id, document.id)
        return [update.payload for update in stored.updates]


@asynccontextmanager
async def open_log(
    url: str,
    *,
    lanes: int = 1,
    max_waiting_bytes: int = 64 << 20,
    patience: float = 30.0,
    lock_patience: float = 30.0,
    answer_patience: float = 30.0,
) -> AsyncIterator[OpenLog]:
    """The store of one process on a migrated database."""
    async with (
        Database(url) as database,
        PostgresChanges(partial(database.raw_connection, Role.APP)) as changes,
        Committer(
            partial(database.raw_connection, Role.COMMITTER),
            changes,
            lanes=lanes,
            max_waiting_bytes=max_waiting_bytes,
            patience=patience,
            lock_patience=lock_patience,
            answer_patience=answer_patience,
        ) as committer,
    ):
        yield OpenLog(database, changes, PostgresUpdateLog(database, committer))


@asynccontextmanager
async def superuser(url: str) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


async def execute(url: str, statement: str, *arguments: object) -> list[asyncpg.Record]:
    async with superuser(url) as connection:
        return await connection.fetch(statement, *arguments)


@asynccontextmanager
async def held(url: str, document: Document) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """Keep the document's row locked, so that a commit to it stays in flight."""
    async with superuser(url) as connection, connection.transaction():
        await connection.execute("select from documents where id = $1 for update", document.id)
        yield connection


async def in_flight(url: str, *, sessions: int = 1) -> bool:
    """Whether so many committers wait for a lock."""
    return len(await execute(url, f"select {BLOCKED}")) == sessions
