"""The rule of migrations (docs/upgrades.md): they add. Programs of before go on with what comes after."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from store import migrate
from store.contract import SchemaOutdated
from store.database import Database
from store.migrate import FIRST_OLDEST, oldest_program, upgrade
from store.schema_version import check, head, known
from tests.postgres import create_database, drop_database

UPGRADES = Path(__file__).parents[2] / "docs" / "upgrades.md"

# What a program of before may count on. Each row is one fact; none may go away.
KEPT = {
    "column": """
        select table_name, column_name, udt_name from information_schema.columns where table_schema = 'public'
        """,
    "function": """
        select p.proname, pg_get_function_identity_arguments(p.oid), pg_get_function_result(p.oid)
          from pg_proc p where p.pronamespace = 'public'::regnamespace
           and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')
        """,
    "right on a table": """
        select table_name, grantee, privilege_type from information_schema.role_table_grants
         where table_schema = 'public' and grantee like 'webhost\\_%'
        """,
    "right on a column": """
        select table_name || '.' || column_name, grantee, privilege_type
          from information_schema.role_column_grants
         where table_schema = 'public' and grantee like 'webhost\\_%'
        """,
    "right on a function": """
        select routine_name, grantee, privilege_type from information_schema.role_routine_grants
         where routine_schema = 'public' and grantee like 'webhost\\_%'
        """,
    "unique key": """
        select indrelid::regclass::text, array_agg(attname order by attname)::text, indisprimary::text
          from pg_index join pg_attribute on attrelid = indrelid and attnum = any (indkey)
          join pg_class on pg_class.oid = indrelid
         where indisunique and indpred is null and relnamespace = 'public'::regnamespace
         group by indexrelid, indrelid, indisprimary
        """,
}
# What is asked of a program that writes. Nothing may be added to it, on tables that were there before.
DEMANDED = {
    "value": """
        select table_name, column_name, '' from information_schema.columns
         where table_schema = 'public' and is_nullable = 'NO' and column_default is null
           and is_identity = 'NO' and is_generated = 'NEVER'
        """,
    "constraint": """
        select conrelid::regclass::text, regexp_replace(pg_get_constraintdef(oid), '\\s+', ' ', 'g'), ''
          from pg_constraint
         where connamespace = 'public'::regnamespace and conrelid <> 0 and contype in ('c', 'f', 'x')
        """,
    "unique key": """
        select tablename, regexp_replace(indexdef, '^.* USING ', ''), ''
          from pg_indexes where schemaname = 'public' and indexdef like 'CREATE UNIQUE%'
           -- One with a column that is drawn at random, if nobody says otherwise, asks nothing of anybody.
           and not exists (
             select from pg_index i join pg_attrdef d on d.adrelid = i.indrelid and d.adnum = any (i.indkey)
              where i.indexrelid = format('%I.%I', schemaname, indexname)::regclass
                and pg_get_expr(d.adbin, d.adrelid) = 'gen_random_uuid()'
           )
        """,
    "policy": """
        select tablename, policyname, concat(roles::text, cmd, qual, with_check)
          from pg_policies where schemaname = 'public'
        """,
}
Fact = tuple[str, str, str, str]


def facts(connection: Connection, questions: dict[str, str]) -> set[Fact]:
    return {
        (kind, *map(str, row))  # type: ignore[misc]
        for kind, question in questions.items()
        for row in connection.execute(text(question))
    }


def tables(connection: Connection) -> set[str]:
    return set(connection.scalars(text("select tablename from pg_tables where schemaname = 'public'")))


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(migrate._config())


def newer_revisions() -> list[str]:
    """Those to which the rule applies, the oldest first."""
    return [script.revision for script in reversed([*scripts().iterate_revisions(head(), FIRST_OLDEST)])]


def test_the_names_of_the_modules_say_what_alembic_would() -> None:
    assert head() == scripts().get_current_head()
    assert known() == {script.revision for script in scripts().walk_revisions()}


@pytest.fixture
async def empty_url(postgres_url: str) -> AsyncIterator[str]:
    url = await create_database(postgres_url)
    yield url
    await drop_database(url)


async def test_every_migration_adds_or_says_whom_it_breaks(empty_url: str) -> None:
    await asyncio.to_thread(upgrade, empty_url, to=FIRST_OLDEST)
    for revision in newer_revisions():
        async with Database(empty_url) as database, database.owner() as connection:
            there = await connection.run_sync(tables)
            kept = await connection.run_sync(facts, KEPT)
            demanded = await connection.run_sync(facts, DEMANDED)
        await asyncio.to_thread(upgrade, empty_url, to=revision)
        async with Database(empty_url) as database, database.owner() as connection:
            gone = kept - await connection.run_sync(facts, KEPT)
            asked = {
                fact for fact in await connection.run_sync(facts, DEMANDED) if fact[1] in there
            } - demanded
        module = vars(scripts().get_revision(revision).module)
        reason = module.get("breaks_older")
        if reason is None:
            assert (gone, asked) == (set(), set()), f"migration {revision} breaks programs of before"
        else:
            assert f"`{revision}`" in UPGRADES.read_text(), f"docs/upgrades.md doesn't say: {reason}"


async def test_what_would_break_a_program_of_before_is_found(database_url: str) -> None:
    changes = (
        "alter table vehicles drop column plate",
        "alter table documents add column colour text not null",
        "revoke select on vehicles from webhost_app",
        "alter table documents add check (head_seq < 1000)",
        "create unique index on vehicles (tenant_id, name)",
        "alter table vehicles alter column plate type varchar(8)",
    )
    async with Database(database_url) as database:
        for change in changes:
            async with database.owner() as connection:
                kept = await connection.run_sync(facts, KEPT)
                demanded = await connection.run_sync(facts, DEMANDED)
                await connection.execute(text(change))
                gone = kept - await connection.run_sync(facts, KEPT)
                asked = await connection.run_sync(facts, DEMANDED) - demanded
                assert gone or asked, change
                await connection.rollback()


def test_the_oldest_program_is_that_of_the_last_migration_that_breaks_older_ones() -> None:
    adds, breaks = {"revision": "x"}, {"breaks_older": "the log is another"}
    assert oldest_program([("0009", adds), ("0010", adds)]) == FIRST_OLDEST
    assert oldest_program([("0010", breaks), ("0011", adds), ("0012", breaks), ("0013", adds)]) == "0012"


async def test_a_newer_schema_that_can_do_with_this_program_is_served_and_left_alone(
    database_url: str,
) -> None:
    await pretend(database_url, "9999", oldest=head())
    async with Database(database_url) as database:
        await check(database)
    await asyncio.to_thread(upgrade, database_url)
    assert await asyncio.to_thread(migrate.current, database_url) == "9999"


async def test_a_newer_schema_that_needs_a_newer_program_says_so(database_url: str) -> None:
    await pretend(database_url, "9999", oldest="9998")
    async with Database(database_url) as database:
        with pytest.raises(SchemaOutdated, match=r"has schema 9999.*update the program"):
            await check(database)
    with pytest.raises(SchemaOutdated, match="9999"):
        await asyncio.to_thread(upgrade, database_url)


async def pretend(url: str, revision: str, *, oldest: str) -> None:
    async with Database(url) as database, database.owner() as connection:
        await connection.execute(text(f"update alembic_version set version_num = '{revision}'"))
        await connection.execute(text(f"comment on table alembic_version is 'oldest program: {oldest}'"))
