"""Migrations: the schema they make, callers at once, and what they say when they can't go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, text

from store.contract import SchemaOutdated
from store.database import Database
from store.migrate import current, upgrade
from store.roles import MissingPrivilege, Role, ensure_roles
from store.schema import metadata
from store.schema_version import check, head
from tests.postgres import create_database, drop_database
from tests.store.logins import allow_tables, grant_roles, login, login_of

PARTITION = "gps_positions_"
OF_POSTGIS = "spatial_ref_sys"


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    """A database in which nothing was ever made."""
    url = await create_database(postgres_url)
    yield url
    await drop_database(url)


def differences(connection: Connection) -> list[Any]:
    def ours(_: object, name: str | None, kind: str, *__: object) -> bool:
        return not (kind == "table" and (name or "").startswith((PARTITION, OF_POSTGIS)))

    options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_the_migrated_schema_is_the_one_in_the_code(database_url: str) -> None:
    async with Database(database_url) as database, database.owner() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_difference_would_be_found(database_url: str) -> None:
    async with Database(database_url) as database, database.owner() as connection:
        await connection.execute(text("drop index documents_name"))
        await connection.execute(text("alter table vehicles drop column plate"))
        await connection.execute(text("alter table documents alter head_seq drop default"))
        assert len(await connection.run_sync(differences)) == 3


async def test_callers_at_once_migrate_once(empty_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        await asyncio.gather(
            *(asyncio.get_running_loop().run_in_executor(threads, upgrade, empty_url) for _ in range(4))
        )
    assert await asyncio.to_thread(current, empty_url) == head()


async def test_databases_of_one_cluster_can_make_the_roles_at_once(postgres_url: str) -> None:
    urls = [await create_database(postgres_url) for _ in range(4)]
    async with asyncio.TaskGroup() as tasks:
        for url in urls:
            tasks.create_task(make_roles(url))
    for url in urls:
        await drop_database(url)


async def make_roles(url: str) -> None:
    async with Database(url) as database, database.owner() as connection:
        await connection.run_sync(ensure_roles)


async def test_a_new_schema_passes_the_check(database_url: str) -> None:
    async with Database(database_url) as database:
        await check(database)


async def test_a_database_without_a_schema_says_what_to_run(empty_url: str) -> None:
    async with Database(empty_url) as database:
        with pytest.raises(SchemaOutdated, match=r"has schema none.*run `webhost-sync migrate`"):
            await check(database)


async def test_an_older_schema_says_what_to_run(database_url: str) -> None:
    await set_revision(database_url, "0001")
    async with Database(database_url) as database:
        with pytest.raises(SchemaOutdated, match=r"has schema 0001.*run `webhost-sync migrate`"):
            await check(database)


async def set_revision(url: str, revision: str) -> None:
    async with Database(url) as database, database.owner() as connection:
        await connection.execute(text(f"update alembic_version set version_num = '{revision}'"))


async def test_a_login_that_may_not_make_tables_is_told_the_grant(empty_url: str) -> None:
    async with login(empty_url, "createrole") as url:
        with pytest.raises(MissingPrivilege, match="GRANT CREATE ON SCHEMA public TO"):
            await asyncio.to_thread(upgrade, url)


async def test_a_login_that_may_not_take_on_the_roles_is_told_the_grant(empty_url: str) -> None:
    async with login(empty_url, "") as url:
        await allow_tables(empty_url)
        with pytest.raises(MissingPrivilege, match="GRANT webhost_app, webhost_committer, webhost_proj"):
            await asyncio.to_thread(upgrade, url)


async def test_a_login_that_is_no_superuser_can_migrate_and_serve(empty_url: str) -> None:
    async with login(empty_url, "") as url:
        await allow_tables(empty_url)
        await grant_roles(empty_url, url)
        await asyncio.to_thread(upgrade, url)
        async with Database(url) as database:
            await check(database)
            async with database.tenant(1) as connection:
                assert (await connection.execute(text("select * from documents"))).all() == []


async def test_a_login_of_the_server_may_take_on_the_roles_and_has_no_right_of_its_own(
    empty_url: str,
) -> None:
    async with login(empty_url, "noinherit") as url:
        await asyncio.to_thread(upgrade, empty_url, server_login=login_of(url))
        async with Database(url) as database:
            await check(database)
            with pytest.raises(MissingPrivilege, match=r"permission denied.*MIGRATION_DATABASE_URL"):
                async with database.owner() as connection:
                    await connection.execute(text("select * from vehicles"))


async def ensure_month(database: Database, time: datetime | None) -> bool:
    async with database.projector() as connection:
        return bool(await connection.scalar(text("select ensure_positions_month(:time)"), {"time": time}))


async def months(database: Database) -> set[str]:
    query = text("select relid::text from pg_partition_tree('gps_positions') where level = 1")
    async with database.owner() as connection:
        return {name.removeprefix(PARTITION) for name in await connection.scalars(query)}


async def test_a_month_gets_its_partition_once_however_many_ask(database_url: str) -> None:
    async with Database(database_url, projector_pool_size=8) as database:
        async with asyncio.TaskGroup() as tasks:
            asked = [
                tasks.create_task(ensure_month(database, datetime(2019, 3, 5, tzinfo=UTC))) for _ in range(8)
            ]
        assert all(task.result() for task in asked)
        assert await months(database) == {"default", "2019_03"}


async def test_the_months_are_those_of_utc(database_url: str) -> None:
    async with Database(database_url) as database:
        await ensure_month(database, datetime.fromisoformat("2024-02-29T23:30:00-01:00"))
        assert await months(database) == {"default", "2024_03"}


@pytest.mark.parametrize("time", ["1999-12-31T23:59:59+00:00", "2100-01-01T00:00:00+00:00"])
async def test_an_implausible_month_gets_no_partition(database_url: str, time: str) -> None:
    async with Database(database_url) as database:
        assert not await ensure_month(database, datetime.fromisoformat(time))
        assert not await ensure_month(database, None)
        assert await months(database) == {"default"}


FIX = """
insert into gps_positions (tenant_id, vehicle_id, device_id, sequence, time, received_at, latitude, longitude,
                           document_id, seq)
values (1, 'bus-1', 'phone', :sequence, :time, now(), 48.1, 11.5, 1, 1)
"""


async def test_a_month_that_began_in_the_default_partition_stays_there(database_url: str) -> None:
    time = datetime(2021, 6, 1, tzinfo=UTC)
    async with Database(database_url) as database:
        async with database.projector() as connection:
            await connection.execute(text(FIX), {"sequence": 1, "time": time})
        assert not await ensure_month(database, time)
        assert await months(database) == {"default"}


async def test_fixes_go_to_the_partition_of_their_month(database_url: str) -> None:
    time = datetime(2021, 6, 30, 23, 59, tzinfo=UTC)
    async with Database(database_url) as database:
        assert await ensure_month(database, time)
        async with database.projector() as connection:
            await connection.execute(text(FIX), {"sequence": 1, "time": time})
            found = await connection.scalar(text("select tableoid::regclass::text from gps_positions"))
        assert found == "gps_positions_2021_06"


@pytest.mark.parametrize("role", [Role.APP, Role.COMMITTER])
async def test_only_the_projector_makes_partitions(database_url: str, role: Role) -> None:
    async with Database(database_url) as database, database.raw_connection(role) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("select ensure_positions_month(now())")
