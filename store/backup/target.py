"""Writes what a backup holds into a database, in one transaction: all of it happens, or nothing.

Comes in: tables as binary COPY streams, and the facts of documents. Knows no archive. Works as the owner of
the schema. Sequences are set to where they were, and readers of positions are made to begin anew, because
numbers that they have seen will be given out a second time.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeAlias

import asyncpg

from store.backup.contract import BY_DOCUMENT, OF_THE_INSTALLATION, BackupRefused, Facts, Part
from store.database import APPLICATION_NAME, Database

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_OTHERS = """
select count(*) from pg_stat_activity
where datname = current_database() and application_name = $1 and pid <> pg_backend_pid()
"""
_EMPTY = "select not exists (select from tenants) and not exists (select from users)"
_TABLES = """
select relname from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
  and relname <> 'alembic_version'
  and not exists (
    select from pg_depend d
    where d.classid = 'pg_class'::regclass and d.objid = pg_class.oid and d.deptype = 'e'
  )
"""
"""Those of an extension (as `spatial_ref_sys` of PostGIS) come with it, and are in no backup."""
_TRIGGERED = """
select distinct c.relname from pg_trigger t join pg_class c on c.oid = t.tgrelid
where not t.tgisinternal and c.relnamespace = 'public'::regnamespace
"""
_FACTS_TABLE = """
create temporary table backup_facts (
  tenant_id bigint, document_id bigint, first_seq bigint, log_rows bigint, updates_after bigint,
  snapshots boolean, versions boolean, primary key (tenant_id, document_id)
) on commit drop
"""
# Whatever belongs to no document of the backup, or is to come anew; then what was trimmed since.
_DROP_CHANGED = """
delete from {table} r where not exists (
  select from backup_facts f where f.tenant_id = r.tenant_id and f.document_id = r.document_id and {kept}
)
"""
_KEPT = {
    "document_updates": "f.log_rows > 0 and r.seq >= f.first_seq and r.seq <= f.updates_after",
    "document_snapshots": "not f.snapshots",
    "document_versions": "not f.versions",
}
_NO_STRANGERS = "delete from users u where not exists (select from memberships m where m.user_id = u.id)"
_NEW_FEEDS = "update position_feeds set epoch = gen_random_uuid()"
_NEW_EPOCHS = "update documents set epoch = gen_random_uuid(), demands_epoch = true"


class Target:
    """A database that is being restored, as long as its transaction lasts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def demand_nobody(self) -> None:
        """Raises: BackupRefused (a server, or another command, is connected)."""
        if others := await self._connection.fetchval(_OTHERS, APPLICATION_NAME):
            raise BackupRefused(
                f"{others} connections of webhost-sync are open to this database; stop its servers first, so "
                "that none goes on with what was there before"
            )

    async def quiet(self, *, on: bool) -> None:
        """Let no trigger of a table fire while rows are put back: what they tell of was told."""
        how = "disable" if on else "enable"
        for (name,) in await self._connection.fetch(_TRIGGERED):
            await self._connection.execute(f'alter table "{name}" {how} trigger user')

    async def is_empty(self) -> bool:
        return bool(await self._connection.fetchval(_EMPTY))

    async def clear(self, *, but: Collection[str] = ()) -> None:
        """Empty every table, `but` some."""
        names = [row[0] for row in await self._connection.fetch(_TABLES)]
        if doomed := [f'"{name}"' for name in names if name not in (*but, *OF_THE_INSTALLATION)]:
            await self._connection.execute(f"truncate {', '.join(doomed)} cascade")

    async def make_room(self, facts: Sequence[Facts], parts: Sequence[Part]) -> None:
        """Delete what an increment replaces or has no more, from what its predecessor left."""
        await self._connection.execute(_FACTS_TABLE)
        records = [
            (each.tenant_id, each.document_id, each.first_seq, each.log_rows, *_of(part))
            for each, part in zip(facts, parts, strict=True)
        ]
        await self._connection.copy_records_to_table("backup_facts", records=records)
        for table in BY_DOCUMENT:
            await self._connection.execute(_DROP_CHANGED.format(table=table, kept=_KEPT[table]))
        await self._connection.execute("drop table backup_facts")

    async def make_months(self, months: Sequence[str]) -> None:
        for month in months:
            first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC)
            await self._connection.execute("select ensure_positions_month($1)", first)

    async def copy(self, table: str, columns: Sequence[str], stream: AsyncIterable[bytes]) -> int:
        """Add rows; returns how many. Raises: BackupRefused (the stream is no such table)."""
        try:
            status = await self._connection.copy_to_table(
                table, source=stream, columns=list(columns), format="binary"
            )
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            raise BackupRefused(f"the rows of {table} can't be put back: {error}") from error
        return int(status.rsplit(" ", 1)[1])

    async def set_sequences(self, sequences: dict[str, int]) -> None:
        for name, last in sequences.items():
            table, column = name.split(".")
            await self._connection.execute(
                "select setval(pg_get_serial_sequence($1, $2), $3)", f'public."{table}"', column, last
            )

    async def drop_strangers(self) -> None:
        """Delete people who are members of no tenant here."""
        await self._connection.execute(_NO_STRANGERS)

    async def analyze(self) -> None:
        """So that the first queries are planned for what is there."""
        await self._connection.execute("analyze")

    async def begin_feeds_anew(self) -> None:
        await self._connection.execute(_NEW_FEEDS)

    async def begin_epochs_anew(self) -> None:
        await self._connection.execute(_NEW_EPOCHS)


def _of(part: Part) -> tuple[int, bool, bool]:
    return part.updates_after, part.snapshots, part.versions


@asynccontextmanager
async def restoring(database: Database) -> AsyncIterator[Target]:
    """A transaction in which everything is put back. Raises: Unavailable, MissingPrivilege."""
    async with database.owner_connection() as connection, connection.transaction():
        yield Target(connection)
