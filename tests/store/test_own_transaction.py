"""A tenant's transaction that is cancelled, or whose connection breaks, at whatever moment: nothing of it
stays behind for whoever gets the connection next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import asyncpg
import pytest
from sqlalchemy import text

from store.database import Database
from store.own_transaction import own_transaction
from store.tenants import Tenants
from tests.eventually import eventually
from tests.postgres import select

WRITE = text("insert into documents (tenant_id, name) values (1, :name)")
WHOSE = text("select current_setting('app.tenant_id', true)")
TURNS = 60
"""More turns of the event loop than a transaction of one write waits for."""


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, pool_size=1, pool_timeout=5, statement_timeout=5) as database:
        live, _ = await Tenants(database).create("acme", "Acme")
        assert live.id == 1
        yield database


async def write(database: Database, name: str) -> None:
    async with database.tenant(1) as connection:
        await connection.execute(WRITE, {"name": name})


async def test_wherever_it_is_cancelled_it_is_all_there_or_not_at_all(
    database: Database, database_url: str
) -> None:
    ended = []
    for turns in range(TURNS):
        task = asyncio.create_task(write(database, f"written-{turns}"))
        for _ in range(turns):
            await turn()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
            ended.append(f"written-{turns}")
        async with database.no_tenant() as connection:
            assert (await connection.scalar(WHOSE) or "") == ""
    rows = {row["name"] for row in await select(database_url, "select name from documents")}
    assert rows >= set(ended)
    assert 0 < len(ended) < TURNS


async def turn() -> None:
    """One in which the loop looks what has come from the network."""
    done = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(0.0001, done.set_result, None)
    await done


async def test_the_connection_is_used_again_after_a_block_that_failed(database: Database) -> None:
    pid = text("select pg_backend_pid()")
    async with database.tenant(1) as connection:
        before = await connection.scalar(pid)
    with pytest.raises(LookupError):
        await failing(database)
    async with database.tenant(2) as connection:
        assert (await connection.scalar(pid), await connection.scalar(WHOSE)) == (before, "2")


async def failing(database: Database) -> None:
    async with database.tenant(1) as connection:
        await connection.execute(WRITE, {"name": "gone"})
        raise LookupError


async def test_what_the_block_raised_is_told_though_the_connection_broke_too(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    with pytest.raises(LookupError):
        await broken(connection)
    assert connection.is_closed()


async def broken(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    async with own_transaction(connection, "begin"):
        connection.terminate()
        raise LookupError


async def test_an_opening_that_is_refused_leaves_no_connection_in_doubt(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    with pytest.raises(asyncpg.PostgresSyntaxError):
        async with own_transaction(connection, "begin; selekt"):
            raise AssertionError("not reached")
    assert connection.is_closed()


async def test_an_opening_that_is_cancelled_leaves_none_in_doubt_either(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    opening = asyncio.create_task(begun(connection, "begin; select pg_sleep(60)"))
    query = "select 1 from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()"

    async def sleeps() -> bool:
        return bool(await select(database_url, query))

    await eventually(sleeps)
    opening.cancel()
    await asyncio.wait([opening])
    assert opening.cancelled()
    assert connection.is_closed()


async def begun(connection: asyncpg.Connection[asyncpg.Record], opening: str) -> None:
    async with own_transaction(connection, opening):
        raise AssertionError("not reached")
