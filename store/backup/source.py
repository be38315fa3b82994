"""Reads a database for a backup: one snapshot of it, however long the reading takes.

Goes out: what each document comes to, and every table as Postgres's own binary COPY stream, ordered by its
primary key, so that the stream of equal rows is equal to the byte. Never looks inside a row. Works as the
owner of the schema, in one transaction (repeatable read), on one connection: a second one on the exported
snapshot would read faster than the archive can be compressed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import astuple
from typing import Any, TypeAlias

import asyncpg
from sqlalchemy import Table

from store.backup.contract import Facts, Part, tenant_column_of
from store.database import Database

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Sink: TypeAlias = "Callable[[bytes], Coroutine[Any, Any, None]]"

PAGE = 5000
_MEMORY = "set local work_mem = '64MB'"
_MARK = "sum((seq % 1000003 + 1) * (checksum::bigint + 2147483649))"
_FACTS = f"""
with updates as (
  select tenant_id, document_id, min(seq) as first_seq, count(*) as rows,
         sum(octet_length(payload)) as bytes, {_MARK} as mark
  from document_updates where $1::bigint[] is null or tenant_id = any ($1) group by 1, 2
), snapshots as (
  select tenant_id, document_id, count(*) as rows, {_MARK} as mark
  from document_snapshots where $1::bigint[] is null or tenant_id = any ($1) group by 1, 2
), versions as (
  select tenant_id, document_id, count(*) as rows, {_MARK} as mark
  from document_versions where $1::bigint[] is null or tenant_id = any ($1) group by 1, 2
), events as (
  select tenant_id, document_id, count(*) as rows
  from document_events where $1::bigint[] is null or tenant_id = any ($1) group by 1, 2
)
select d.tenant_id, d.id, d.name, d.epoch::text, d.state, d.head_seq, coalesce(u.first_seq, 0),
       coalesce(u.rows, 0), coalesce(u.bytes, 0)::bigint, coalesce(u.mark, 0)::text,
       coalesce(s.rows, 0), coalesce(s.mark, 0)::text, coalesce(v.rows, 0), coalesce(v.mark, 0)::text,
       coalesce(e.rows, 0)
from documents d
left join updates u on (u.tenant_id, u.document_id) = (d.tenant_id, d.id)
left join snapshots s on (s.tenant_id, s.document_id) = (d.tenant_id, d.id)
left join versions v on (v.tenant_id, v.document_id) = (d.tenant_id, d.id)
left join events e on (e.tenant_id, e.document_id) = (d.tenant_id, d.id)
where $1::bigint[] is null or d.tenant_id = any ($1)
order by d.tenant_id, d.id
"""  # noqa: S608 - put together from constants
_PARTS = """
create temporary table backup_parts (
  tenant_id bigint, document_id bigint, updates_after bigint, snapshots boolean, versions boolean,
  primary key (tenant_id, document_id)
) on commit drop
"""
_TABLES_SIZE = "select coalesce(sum(pg_table_size(c)), 0)::bigint from unnest($1::regclass[]) c"
_MONTHS = """
select relname from pg_class c join pg_inherits i on i.inhrelid = c.oid
where i.inhparent = 'public.gps_positions'::regclass and relname ~ '^gps_positions_\\d{4}_\\d{2}$' order by 1
"""
_SEQUENCES = """
select c.relname || '.' || a.attname, s.last_value
from pg_attribute a join pg_class c on c.oid = a.attrelid
join pg_sequences s
  on format('%I.%I', s.schemaname, s.sequencename) = pg_get_serial_sequence(c.oid::regclass::text, a.attname)
where a.attidentity <> '' and c.relnamespace = 'public'::regnamespace and s.last_value is not null
"""
_KEY = """
select a.attname, a.atttypid = 'text'::regtype
from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
where i.indisprimary and i.indrelid = $1::text::regclass order by array_position(i.indkey::int2[], a.attnum)
"""


class Source:
    """One moment of a database, as long as its transaction lasts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def postgres(self) -> str:
        """The version of the server."""
        return str(await self._connection.fetchval("show server_version"))

    async def schema(self) -> str:
        """The revision that the database has."""
        return str(await self._connection.fetchval("select version_num from alembic_version"))

    async def size(self, tables: Sequence[Table]) -> int:
        """Bytes of the tables on disk, without indexes; partitions included."""
        names = [table.name for table in tables if table.name != "gps_positions"]
        total = await self._connection.fetchval(_TABLES_SIZE, names)
        parts = await self._connection.fetchval(
            "select coalesce(sum(pg_table_size(relid)), 0)::bigint from pg_partition_tree('gps_positions')"
        )
        return int(total) + int(parts)

    async def tenants(self, slug: str | None = None) -> tuple[tuple[int, str, str], ...]:
        """(id, slug, environment) of all, or of the spaces of one."""
        rows = await self._connection.fetch(
            "select id, slug, environment from tenants where $1::text is null or slug = $1 order by id", slug
        )
        return tuple(tuple(row) for row in rows)

    async def facts(self, tenant_ids: Sequence[int] | None = None) -> AsyncIterator[Facts]:
        """Of every document, by tenant and id."""
        async for row in self._connection.cursor(_FACTS, tenant_ids, prefetch=PAGE):
            yield Facts(*row)

    async def position_months(self) -> tuple[str, ...]:
        """Months for which positions have a partition, as `2026-05`."""
        rows = await self._connection.fetch(_MONTHS)
        return tuple(row[0].removeprefix("gps_positions_").replace("_", "-") for row in rows)

    async def sequences(self) -> dict[str, int]:
        """The last number that each identity column (`table.column`) has given out."""
        return {name: last for name, last in await self._connection.fetch(_SEQUENCES)}

    async def choose(self, parts: Sequence[Part]) -> None:
        """Say of which documents `copy` with `part` is to give what."""
        await self._connection.execute(_PARTS)
        await self._connection.copy_records_to_table("backup_parts", records=list(map(astuple, parts)))

    async def copy(
        self,
        table: str,
        columns: Sequence[str],
        sink: Sink,
        *,
        tenant_id: int | None = None,
        part: str | None = None,
    ) -> int:
        """Write the rows of a tenant, or of a table without tenants, into the sink; returns how many.

        `part` is the column of `backup_parts` that says which. Without a tenant: all. Of `users` with a
        tenant: its members.
        """
        owner = tenant_column_of(table, tuple(columns))
        names = ", ".join(f'r."{name}"' for name in columns)
        source, wanted = f'"{table}" r', "true"
        if owner is not None and tenant_id is not None:
            wanted = f'r."{owner}" = {int(tenant_id)}'
        elif table == "users" and tenant_id is not None:
            wanted = (
                f"exists (select from memberships m where m.user_id = r.id and m.tenant_id = {tenant_id:d})"
            )
        if part is not None:
            source += " join backup_parts p using (tenant_id, document_id)"
            wanted += " and " + ("r.seq > p.updates_after" if part == "updates_after" else f"p.{part}")
        order = await self._order(table)
        query = f"select {names} from {source} where {wanted} order by {order}"  # noqa: S608 - names
        status = await self._connection.copy_from_query(query, output=sink, format="binary")
        return int(status.rsplit(" ", 1)[1])

    async def _order(self, table: str) -> str:
        """By primary key, texts in the order of bytes: the same in every database, whatever its locale."""
        rows = await self._connection.fetch(_KEY, f'public."{table}"')
        return ", ".join(f'r."{name}"' + (' collate "C"' if is_text else "") for name, is_text in rows)


@asynccontextmanager
async def one_moment(database: Database) -> AsyncIterator[Source]:
    """Everything that is read until the block ends was committed before it began. Raises: Unavailable,
    MissingPrivilege (the login doesn't own the tables)."""
    async with (
        database.owner_connection() as connection,
        connection.transaction(isolation="repeatable_read"),
    ):
        await connection.execute(_MEMORY)
        yield Source(connection)
