"""Tenants are apart in Postgres itself: for every table of the schema, whatever the code forgets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import Executable, Table, delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError

from store.database import Database
from store.roles import Role
from tests.postgres import clone_database, cloned_database, drop_database
from tests.store.logins import grant_roles, login
from tests.store.rows import ALL_TABLES, PEOPLE, TABLES, row, tenant_column

OURS, THEIRS = 1, 2
OWNED = [name for name, table in TABLES.items() if "tenant_id" in table.c]
PRIVILEGES = ("select", "insert", "update", "delete", "truncate", "references", "trigger")


@pytest.fixture(scope="module")
def filled_url(template_url: str) -> Iterator[str]:
    """Two tenants with a row each in every table; and every right granted to every role, so that nothing but
    the policies holds the tenants apart. It is only cloned."""
    url = asyncio.run(clone_database(template_url))
    asyncio.run(fill(url))
    yield url
    asyncio.run(drop_database(url))


async def fill(url: str) -> None:
    async with Database(url) as database, database.owner() as connection:
        for tenant_id in (OURS, THEIRS):
            user = {"id": UUID(int=tenant_id), "email": f"user{tenant_id}@a.example", "name": "a user"}
            await connection.execute(insert(ALL_TABLES["users"]).values(user))
        for table in TABLES.values():
            for tenant_id in (OURS, THEIRS):
                await connection.execute(insert(table).values(row(table, tenant_id, tenant_id)))
        await connection.execute(text("grant all on all tables in schema public to webhost_app"))


@pytest.fixture
async def database(filled_url: str) -> AsyncIterator[Database]:
    async with cloned_database(filled_url) as url, Database(url, pool_size=1) as database:
        yield database


async def run(database: Database, statement: Executable) -> int:
    """Run it as our tenant; returns how many rows it touched."""
    async with database.tenant(OURS) as connection:
        result = await connection.execute(statement)
        return len(result.all()) if result.returns_rows else int(getattr(result, "rowcount", -1))


async def rows_of(database: Database, table: Table, tenant_id: int) -> list[Any]:
    async with database.owner() as connection:
        query = select(table).where(tenant_column(table) == tenant_id)
        return [tuple(found) for found in await connection.execute(query)]


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
async def test_a_tenant_reads_its_own_rows_and_no_others(database: Database, table: Table) -> None:
    async with database.tenant(OURS) as connection:
        owners = (await connection.execute(select(tenant_column(table)))).scalars().all()
    assert owners == [OURS]
    assert await run(database, select(table).where(tenant_column(table) == THEIRS)) == 0


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
async def test_a_tenant_cannot_insert_a_row_of_another(database: Database, table: Table) -> None:
    with pytest.raises(ProgrammingError, match="violates row-level security policy"):
        await run(database, insert(table).values(row(table, THEIRS, 3)))


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
async def test_a_tenant_cannot_update_or_delete_a_row_of_another(database: Database, table: Table) -> None:
    before = await rows_of(database, table, THEIRS)
    last = list(table.c)[-1]
    theirs = tenant_column(table) == THEIRS
    assert await run(database, update(table).values({last: last}).where(theirs)) == 0
    assert await run(database, update(table).values({last: last})) == 1
    assert await run(database, delete(table).where(theirs)) == 0
    assert await run(database, delete(table)) == 1
    assert await rows_of(database, table, THEIRS) == before != []


@pytest.mark.parametrize("name", OWNED)
async def test_a_tenant_cannot_give_a_row_to_another(database: Database, name: str) -> None:
    with pytest.raises(ProgrammingError, match="violates row-level security policy"):
        await run(database, update(TABLES[name]).values(tenant_id=THEIRS))


@pytest.mark.parametrize("table", TABLES.values(), ids=str)
async def test_without_a_tenant_every_use_is_an_error(database: Database, table: Table) -> None:
    for statement in (select(table), insert(table).values(row(table, OURS, 3)), delete(table)):
        with pytest.raises(DBAPIError, match="no tenant is set"):
            async with database.no_tenant() as connection:
                await connection.execute(statement)


async def test_a_tenant_is_set_for_one_transaction_only(database: Database) -> None:
    await run(database, select(TABLES["vehicles"]))
    with pytest.raises(DBAPIError, match="no tenant is set"):
        async with database.no_tenant() as connection:  # the same connection: there is only one
            await connection.execute(select(TABLES["vehicles"]))


async def test_every_table_has_row_level_security_partitions_too(database: Database) -> None:
    async with database.projector() as connection:
        await connection.execute(text("select ensure_positions_month('2020-05-01')"))
    async with database.owner() as connection:
        query = text(
            "select relname from pg_class where relkind in ('r', 'p') and not relrowsecurity"
            " and relnamespace = 'public'::regnamespace"
        )
        assert (await connection.execute(query)).scalars().all() == ["alembic_version"]


async def test_a_partition_can_only_be_read_through_its_table(database_url: str) -> None:
    async with Database(database_url) as database:
        async with database.projector() as connection:
            await connection.execute(text("select ensure_positions_month('2020-05-01')"))
        for partition in ("gps_positions_default", "gps_positions_2020_05"):
            for role in Role:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    async with database.raw_connection(role) as raw:
                        await raw.fetch(f"select * from {partition}")


async def rights(database_url: str, role: Role) -> dict[str, set[str]]:
    """What the role may do with whole tables, by table."""
    async with Database(database_url) as database, database.owner() as connection:
        return {
            name: {
                privilege
                for privilege in PRIVILEGES
                if await connection.scalar(select(func.has_table_privilege(role.value, name, privilege)))
            }
            for name in ALL_TABLES
        }


PROJECTED = {
    name for name in TABLES if name.startswith(("projection_", "position_", "latest_", "geofence"))
} | {
    "vehicles",
    "gps_positions",
}
WRITE = {"select", "insert", "update", "delete"}
SOURCES = {"documents", "document_updates", "document_snapshots"}


async def test_the_committer_reads_heads_and_appends_and_that_is_all(database_url: str) -> None:
    expected: dict[str, set[str]] = {name: set() for name in ALL_TABLES}
    expected |= {"documents": {"select"}, "document_updates": {"select", "insert"}}
    assert await rights(database_url, Role.COMMITTER) == expected


async def test_the_committer_moves_heads_and_changes_nothing_else_of_a_document(database_url: str) -> None:
    async with Database(database_url) as database, database.owner() as connection:
        allowed = {
            column.name
            for column in TABLES["documents"].c
            if await connection.scalar(
                select(func.has_column_privilege(Role.COMMITTER.value, "documents", column.name, "update"))
            )
        }
    assert allowed == {"head_seq", "log_rows", "log_bytes", "updated_at"}


async def test_the_projector_reads_documents_and_writes_rows_and_that_is_all(database_url: str) -> None:
    expected: dict[str, set[str]] = {name: set() for name in ALL_TABLES}
    expected |= {name: {"select"} for name in SOURCES} | {name: WRITE for name in PROJECTED}
    assert await rights(database_url, Role.PROJECTOR) == expected


async def test_the_server_cannot_rewrite_the_log_or_the_projected_rows(database_url: str) -> None:
    found = await rights(database_url, Role.APP)
    assert found["document_updates"] == {"select", "delete"}
    assert found["document_tombstones"] == found["document_events"] == {"select", "insert"}
    assert {name: found[name] for name in PROJECTED} == {name: {"select"} for name in PROJECTED}
    assert all("truncate" not in allowed for allowed in found.values())


async def test_the_role_of_accounts_reads_and_writes_people_and_that_is_all(database_url: str) -> None:
    expected: dict[str, set[str]] = {name: set() for name in ALL_TABLES}
    expected |= {name: WRITE for name in (*PEOPLE, "memberships")}
    expected |= {"tenants": {"select"}, "audit_log": {"insert"}}
    assert await rights(database_url, Role.ACCOUNTS) == expected


@pytest.mark.parametrize("name", PEOPLE)
async def test_a_tenant_sees_no_people_even_with_every_right(database: Database, name: str) -> None:
    assert await run(database, select(ALL_TABLES[name])) == 0
    with pytest.raises(ProgrammingError, match="violates row-level security policy"):
        await run(database, insert(ALL_TABLES[name]).values(row(ALL_TABLES[name], OURS, 3)))


async def test_the_server_adds_to_the_audit_log_and_changes_nothing_in_it(database_url: str) -> None:
    assert (await rights(database_url, Role.APP))["audit_log"] == {"select", "insert"}
    assert (await rights(database_url, Role.APP))["memberships"] == {"select"}


async def test_committer_and_projector_see_every_tenant(database: Database) -> None:
    async with database.projector() as connection:
        assert set(await connection.scalars(select(TABLES["vehicles"].c.tenant_id))) == {OURS, THEIRS}
    async with database.raw_connection(Role.COMMITTER) as raw:
        assert {found[0] for found in await raw.fetch("select tenant_id from documents")} == {OURS, THEIRS}


async def test_no_role_can_log_in_or_bypass_the_policies_or_take_on_another(database_url: str) -> None:
    query = text(
        "select rolname from pg_roles where rolname like 'webhost\\_%' and (rolcanlogin or rolsuper"
        " or rolbypassrls or rolcreaterole or rolcreatedb)"
        " union select member::regrole::text from pg_auth_members"
        " where member::regrole::text like 'webhost\\_%'"
        " union select relname from pg_class where relowner::regrole::text like 'webhost\\_%'"
    )
    async with Database(database_url) as database, database.owner() as connection:
        assert (await connection.execute(query)).all() == []


async def test_the_server_stays_in_its_role_after_a_reset(database_url: str) -> None:
    async with login(database_url) as url:
        await grant_roles(database_url, url)
        async with Database(url) as database, database.raw_connection(Role.APP) as raw:
            await raw.execute("set role webhost_app; reset role; reset all")
            assert await raw.fetchval("select current_user") == Role.APP
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await raw.execute("set role postgres")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await raw.execute("set session authorization postgres")


async def test_what_a_login_can_do_by_itself_is_take_on_the_roles_it_was_granted(database_url: str) -> None:
    """The limit of the roles, kept here so that nobody believes in more: they stop mistakes, while
    SQL that an attacker writes could do what any role of the login may do."""
    async with login(database_url, "noinherit") as url:
        await grant_roles(database_url, url)
        async with Database(url) as database, database.raw_connection(Role.APP) as raw:
            await raw.execute("set role none")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await raw.fetch("select * from vehicles")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await raw.execute("alter table vehicles disable row level security")
            await raw.execute("set role webhost_projector")
            assert await raw.fetch("select * from vehicles") == []


async def test_functions_with_the_rights_of_the_owner_are_fenced(database_url: str) -> None:
    query = text(
        "select p.proname, p.proconfig::text like '%search_path=pg_catalog, pg_temp%',"
        " array(select grantee::regrole::text from aclexplode(p.proacl) where grantee <> p.proowner)"
        " from pg_proc p where p.prosecdef and p.pronamespace = 'public'::regnamespace order by 1"
    )
    async with Database(database_url) as database, database.owner() as connection:
        assert (await connection.execute(query)).all() == [
            ("documents_to_purge", True, [Role.APP]),
            ("ensure_positions_month", True, [Role.PROJECTOR]),
            ("find_api_key", True, [Role.APP]),
            ("put_update_aside", True, [Role.APP]),
            ("valid_api_keys", True, [Role.APP]),
            ("webhook_claim", True, [Role.APP]),
            ("webhook_forget", True, [Role.APP]),
            ("webhook_gather", True, [Role.APP]),
            ("webhook_of_audit", True, []),
            ("webhook_of_geofence_events", True, []),
            ("webhook_of_reasons", True, []),
            ("webhook_of_rejects", True, []),
            ("webhook_report", True, [Role.APP]),
        ]
