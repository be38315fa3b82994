"""Connections: their transactions, and what is said when Postgres is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.contract import SchemaOutdated, Unavailable
from store.database import APPLICATION_NAME, Database
from store.roles import Role
from tests.eventually import eventually
from tests.postgres import database_at
from tests.store.logins import login

VEHICLE = text("insert into vehicles (tenant_id, id, document_id) values (1, 'bus-1', 1)")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database(database_url, pool_size=1, pool_timeout=0.2, statement_timeout=0.5) as database:
        yield database


async def vehicles(database: Database) -> int:
    async with database.owner() as connection:
        return int(await connection.scalar(text("select count(*) from vehicles")) or 0)


async def test_a_block_that_ends_is_committed_and_one_that_fails_is_rolled_back(database: Database) -> None:
    with pytest.raises(LookupError):
        await insert_vehicle(database, then=LookupError())
    assert await vehicles(database) == 0
    await insert_vehicle(database)
    assert await vehicles(database) == 1


async def insert_vehicle(database: Database, then: Exception | None = None) -> None:
    async with database.projector() as connection:
        await connection.execute(VEHICLE)
        if then is not None:
            raise then


async def test_a_moment_sees_nothing_that_was_committed_after_its_first_statement(database: Database) -> None:
    count = text("select count(*) from vehicles")
    async with database.moment(1) as connection:
        assert await connection.scalar(count) == 0
        await insert_vehicle(database)
        assert await connection.scalar(count) == 0
    async with database.tenant(1) as connection:
        assert await connection.scalar(count) == 1


async def test_a_moment_cannot_write(database: Database) -> None:
    with pytest.raises(Unavailable, match="read-only"):
        async with database.moment(1) as connection:
            await connection.execute(text("delete from documents"))


@pytest.mark.parametrize("role", Role)
async def test_a_raw_connection_acts_as_its_role(database: Database, role: Role) -> None:
    async with database.raw_connection(role) as connection:
        query = "select current_user, current_setting('application_name'), current_setting('timezone')"
        assert tuple(await connection.fetchrow(query) or ()) == (role, APPLICATION_NAME, "UTC")
    assert connection.is_closed()


async def test_a_dialect_in_the_url_makes_no_difference(database_url: str) -> None:
    for scheme in ("postgres", "postgresql+asyncpg"):
        async with Database(database_url.replace("postgresql", scheme, 1)) as database:
            await database.ping()


async def test_an_unreachable_server_is_named_without_its_password() -> None:
    async with Database("postgresql://ada:s3cret@127.0.0.1:1/fleet") as database:
        for attempt in (database.ping, lambda: open_raw(database)):
            with pytest.raises(
                Unavailable, match=r"127\.0\.0\.1:1/fleet can't be used.*DATABASE_URL"
            ) as away:
                await attempt()
            assert "s3cret" not in str(away.value)


async def open_raw(database: Database) -> None:
    async with database.raw_connection(Role.COMMITTER):
        pass


async def test_a_missing_database_is_named(postgres_url: str) -> None:
    async with Database(database_at(postgres_url, "nowhere")) as database:
        with pytest.raises(Unavailable, match='"nowhere" does not exist'):
            await database.ping()


async def test_a_login_without_the_roles_is_told_to_migrate(database_url: str) -> None:
    async with login(database_url) as url, Database(url) as database:
        with pytest.raises(SchemaOutdated, match="webhost-sync migrate"):
            await database.ping()


async def test_a_pool_that_stays_empty_is_unavailable(database: Database) -> None:
    async with database.tenant(1):
        with pytest.raises(Unavailable, match="raise POOL_SIZE"):
            await database.ping()


async def test_one_tenant_cannot_have_every_connection(database_url: str) -> None:
    async with (
        Database(database_url, pool_size=5, pool_timeout=0.2) as database,
        AsyncExitStack() as held,
    ):
        for _ in range(4):
            await held.enter_async_context(database.tenant(1))
        with pytest.raises(Unavailable, match="one tenant may have of the pooled connections"):
            async with database.moment(1):
                pass
        async with database.tenant(2) as connection:
            assert await connection.scalar(text("select 1")) == 1
        await held.aclose()
        async with database.tenant(1) as connection:
            assert await connection.scalar(text("select 1")) == 1


async def test_a_statement_that_takes_too_long_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable, match="statement timeout"):
        async with database.tenant(1) as connection:
            await connection.execute(text("select pg_sleep(10)"))
    await database.ping()


async def test_a_connection_that_broke_in_the_pool_is_replaced_unnoticed(database: Database) -> None:
    async with database.tenant(1) as connection:
        pid = await connection.scalar(text("select pg_backend_pid()"))
    await terminate(database, pid)
    await database.ping()


async def test_a_connection_that_breaks_in_use_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable):
        await break_in_use(database)
    await database.ping()


async def break_in_use(database: Database) -> None:
    async with database.tenant(1) as connection:
        await terminate(database, await connection.scalar(text("select pg_backend_pid()")))
        await connection.execute(text("select 1"))


async def test_a_raw_connection_that_breaks_is_unavailable(database: Database) -> None:
    with pytest.raises(Unavailable):
        await break_raw(database)


async def break_raw(database: Database) -> None:
    async with database.raw_connection(Role.COMMITTER) as connection:
        await terminate(database, connection.get_server_pid())
        with database.errors():
            await connection.execute("select 1")


async def terminate(database: Database, pid: int | None) -> None:
    """End a backend, and wait until it is gone."""

    async def gone() -> bool:
        async with database.owner() as connection:
            query = text("select pg_terminate_backend(pid) from pg_stat_activity where pid = :pid")
            return (await connection.execute(query, {"pid": pid})).all() == []

    await eventually(gone)


async def test_a_wrong_statement_is_not_taken_for_an_absent_database(database: Database) -> None:
    with pytest.raises(DBAPIError, match="does not exist"):
        async with database.tenant(1) as connection:
            await connection.execute(text("select * from nothing"))
    with pytest.raises(asyncpg.UndefinedTableError), database.errors():
        async with database.raw_connection(Role.APP) as raw:
            await raw.execute("select * from nothing")


async def test_a_caller_that_is_cancelled_gives_its_connection_back(database: Database) -> None:
    async def wait() -> None:
        async with database.tenant(1) as connection:
            await connection.execute(text("select pg_sleep(0.4)"))

    task = asyncio.create_task(wait())
    await eventually(lambda: busy(database))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await database.ping()


async def busy(database: Database) -> bool:
    async with database.owner() as connection:
        query = text("select count(*) from pg_stat_activity where query like 'select pg_sleep%'")
        return bool(await connection.scalar(query))
