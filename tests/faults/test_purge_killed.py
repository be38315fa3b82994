"""A process that ends a document for good, or erases its past, and is killed in the middle of it.

The middle is made certain: a row of the last table that it clears is locked, so that it waits there with the
other tables cleared and nothing committed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from store.contract import Document, NewUpdate, UnknownDocument
from store.renewal import KEPT_OF_A_DOCUMENT
from store.tenants import Tenants
from tests.eventually import eventually
from tests.server.lives import Writer
from tests.store.lives import rows_left
from tests.store.logs import ADA, OpenLog, execute, in_flight, open_log, superuser
from webhost_sync.lifecycle.keeper import Keeper

pytestmark = pytest.mark.faults
ROWS = 300


async def full_document(opened: OpenLog) -> Document:
    tenant, _ = await Tenants(opened.database).create("acme", "Acme")
    document = await opened.document("notes", tenant.id)
    writer = Writer(1)
    for _ in range(3):
        rows = [NewUpdate(writer.set("a", number), "ada") for number in range(ROWS // 3)]
        await opened.log.append(tenant.id, document.id, rows, epoch=document.epoch)
    await opened.lifecycle.create(tenant.id, "other", by=ADA)
    return await opened.log.open(tenant.id, "notes", create=False)


@asynccontextmanager
async def held_in_the_middle(url: str, document: Document) -> AsyncIterator[None]:
    """Whoever clears the document gets no further than its last table."""
    last = KEPT_OF_A_DOCUMENT[-1]
    await execute(
        url,
        f"insert into {last} (tenant_id, document_id, seq, state, state_vector, checksum, created_at, reason,"
        " released_by) values ($1, $2, 1, '', '', 0, now(), '', '')",
        document.tenant_id,
        document.id,
    )
    async with superuser(url) as connection, connection.transaction():
        await connection.execute(f"select from {last} where document_id = $1 for update", document.id)
        yield


async def kill_in_the_middle(url: str, document: Document, *command: str) -> None:
    async with held_in_the_middle(url, document):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "webhost_sync.cli.main", "document", *command, "--tenant", "acme", "--yes"),
            env={**os.environ, "DATABASE_URL": url},
        )
        await eventually(lambda: in_flight(url), within=90)
        process.kill()
        assert await process.wait() < 0
        # Postgres finds out when it wants to answer; until then the transaction is as good as open.
    await eventually(lambda: nobody_works(url))


async def nobody_works(url: str) -> bool:
    query = """
    select count(*) from pg_stat_activity
    where datname = current_database() and xact_start is not null and pid <> pg_backend_pid()
    """
    return bool((await execute(url, query))[0][0] == 0)


async def thirty_days(tenant_id: int) -> timedelta:
    return timedelta(30)


async def test_a_purge_that_is_killed_has_changed_nothing_and_is_done_later(database_url: str) -> None:
    async with open_log(database_url) as opened:
        document = await full_document(opened)
        before = await opened.log.load(document.tenant_id, document.id)
        await kill_in_the_middle(database_url, document, "delete", "notes", "--now")
        left = await rows_left(database_url, document)
        assert left == {"documents": 1, "document_updates": ROWS, "quarantined_snapshots": 1}
        assert await execute(database_url, "select from document_tombstones") == []
        with pytest.raises(UnknownDocument):  # that it is deleted was committed before
            await opened.log.open(document.tenant_id, "notes", create=True)
        await opened.lifecycle.bring_back(document.tenant_id, "notes", by=ADA)
        assert (await opened.log.load(document.tenant_id, document.id)).updates == before.updates
        await opened.lifecycle.delete(document.tenant_id, "notes", by=ADA, retention=timedelta(0))
        assert await Keeper(opened.lifecycle, opened.log, thirty_days).purge_due() == 1
        assert await rows_left(database_url, document) == {}


async def test_an_erasure_that_is_killed_has_erased_nothing(database_url: str) -> None:
    async with open_log(database_url) as opened:
        document = await full_document(opened)
        before = await opened.log.load(document.tenant_id, document.id)
        await kill_in_the_middle(database_url, document, "erase", "notes")
        assert await opened.log.load(document.tenant_id, document.id) == before
        await opened.log.append(
            document.tenant_id, document.id, [NewUpdate(b"\0\0", "ada")], epoch=document.epoch
        )
