"""What can be seen of the health of a database: facts for the doctor, and no judgement.

Each method is one short read-only transaction of the schema's owner, so that rows of all tenants are seen.
Raises: Unavailable, MissingPrivilege (the login isn't the owner, and may not look).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.backup.databases import LEFTOVERS, leftovers
from store.database import Database
from store.extensions import missing_views
from store.refused_readings import PLACE
from store.roles import Role
from store.schema import metadata

MOST = 5
"""Examples that a method names at most."""
NO_TENANT = "no tenant is set"


@dataclass(frozen=True, slots=True)
class Server:
    """`offset_seconds` is how far the clock of Postgres is ahead of ours, give or take `round_trip`."""

    version: str
    login: str
    database: str
    is_superuser: bool
    connections: int
    max_connections: int
    offset_seconds: float
    round_trip_seconds: float


@dataclass(frozen=True, slots=True)
class Isolation:
    """`bypassing` are roles of ours that policies don't hold, `open_tables` tables without policies."""

    missing_roles: tuple[str, ...]
    bypassing: tuple[str, ...]
    open_tables: tuple[str, ...]
    refuses_without_tenant: bool


@dataclass(frozen=True, slots=True)
class Extension:
    """One that the server has. `may_turn_on` is what the catalogue says of this login; a provider may let it
    do more. `missing` are our views of it that the next migration would make."""

    name: str
    installed: str | None
    available: str | None
    may_turn_on: bool = True
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indexes:
    missing: tuple[str, ...]
    invalid: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Activity:
    """Seconds of the statement and of the open transaction that have gone on for longest, whoever's."""

    statement_seconds: float
    idle_transaction_seconds: float
    waiting_for_locks: int


@dataclass(frozen=True, slots=True)
class Projection:
    """`lag_seconds` is how long ago the document that waits for longest was written."""

    behind: int
    lag_seconds: float
    failing: int


@dataclass(frozen=True, slots=True)
class FieldRejects:
    """How many values of this field, which is a place of `refused_readings`, were left out of the rows, and
    why the most of them."""

    field: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class NamedDocument:
    tenant: str
    name: str
    detail: str
    size: int = 0


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The newest finished backup of everything; ages in days, None where there is none. `problem` is what was
    wrong when it was proved, or with the newest attempt; empty where nothing was."""

    age_days: float | None
    proved_days: float | None
    problem: str


_HAS_BACKUPS = "select to_regclass('public.backup_runs') is not null"
_LAST_BACKUP = """
select
  extract(epoch from now() - good.finished_at)::float8 / 86400 as age_days,
  extract(epoch from now() - good.verified_at)::float8 / 86400 as proved_days,
  coalesce(nullif(good.verify_error, ''), nullif(newest.error, ''), '') as problem
from (select 1) one
left join lateral (
  select finished_at, verified_at, verify_error from backup_runs
  where outcome = 'done' and kind in ('full', 'incremental') order by finished_at desc limit 1
) good on true
left join lateral (select error from backup_runs order by finished_at desc limit 1) newest on true
"""
_SERVER = """
select current_setting('server_version') as version, current_user::text as login,
       current_database()::text as database,
       (select rolsuper from pg_roles where rolname = current_user) as is_superuser,
       (select count(*) from pg_stat_activity where backend_type = 'client backend')::int as connections,
       current_setting('max_connections')::int as max_connections, clock_timestamp() as now
"""
_REVISION = "select version_num from alembic_version"
_HAS_REVISION = "select to_regclass('public.alembic_version') is not null"
_ROLES = "select rolname, rolsuper or rolbypassrls as bypasses from pg_roles where rolname = any(:names)"
_OPEN_TABLES = """
select relname from pg_class where relkind in ('r', 'p') and not relrowsecurity
and relnamespace = 'public'::regnamespace and relname = any(:names) order by relname
"""
_EXTENSIONS = """
select a.name, a.installed_version, a.default_version,
       r.rolsuper or (v.trusted or not v.superuser) and has_database_privilege(current_database(), 'create')
from pg_available_extensions a
join pg_available_extension_versions v on v.name = a.name and v.version = a.default_version
join pg_roles r on r.rolname = current_user
where a.name in ('timescaledb', 'postgis') order by a.name
"""
_INDEXES = """
select c.relname, i.indisvalid from pg_index i join pg_class c on c.oid = i.indexrelid
where c.relnamespace = 'public'::regnamespace
"""
_ACTIVITY = """
select
  coalesce(max(extract(epoch from clock_timestamp() - query_start))
    filter (where state = 'active'), 0)::float8 as statement_seconds,
  coalesce(max(extract(epoch from clock_timestamp() - state_change))
    filter (where state like 'idle in transaction%'), 0)::float8 as idle_transaction_seconds,
  (count(*) filter (where wait_event_type = 'Lock'))::int as waiting_for_locks
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
"""
_SIZE = "select pg_database_size(current_database())"
_FOLDER = """
select case when pg_has_role(current_user, 'pg_read_all_settings', 'member')
  then current_setting('data_directory') end
"""
_PROJECTION = """
select count(*)::int as behind,
       coalesce(extract(epoch from now() - min(d.updated_at)), 0)::float8 as lag_seconds,
       (select count(*) from projection_failures)::int as failing
from documents d
left join projection_checkpoints c on c.tenant_id = d.tenant_id and c.document_id = d.id
where d.state = 'active' and (d.name = 'tables/vehicles' or d.name like 'track/%')
  and d.head_seq > coalesce(c.seq, 0)
"""
_REJECTS = f"""
select field, mode() within group (order by reason) as reason, sum(1)::int as count
from (select {PLACE} as field, reason from projection_rejects) r
group by field order by count desc, field limit :most
"""  # noqa: S608 - put together from constants
_QUARANTINED = """
select t.slug as tenant, d.name, coalesce(d.reason, '') as detail
from documents d join tenants t on t.id = d.tenant_id
where d.state = 'quarantined' order by t.slug, d.name limit :most
"""
_LARGE = """
select t.slug as tenant, d.name, t.environment as detail, octet_length(s.state) as size
from documents d join tenants t on t.id = d.tenant_id
join document_snapshots s on s.tenant_id = d.tenant_id and s.document_id = d.id and s.seq = d.snapshot_seq
where d.state = 'active' and octet_length(s.state) > :above order by size desc limit :most
"""


class Checkup:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def server(self) -> Server:
        async with self._database.owner() as connection:
            await connection.execute(text("select 1"))
            before = time.time()
            row = (await connection.execute(text(_SERVER))).one()
            after = time.time()
        offset = row.now.timestamp() - (before + after) / 2
        return Server(
            row.version, row.login, row.database, row.is_superuser, row.connections, row.max_connections,
            offset, after - before,
        )  # fmt: skip

    async def revision(self) -> str | None:
        """None where nothing was ever migrated."""
        async with self._database.owner() as connection:
            if not await connection.scalar(text(_HAS_REVISION)):
                return None
            revision: str | None = await connection.scalar(text(_REVISION))
            return revision

    async def isolation(self) -> Isolation:
        names = [role.value for role in Role]
        async with self._database.owner() as connection:
            roles = dict(
                tuple(row) for row in (await connection.execute(text(_ROLES), {"names": names})).all()
            )
            tables = {"names": sorted(metadata.tables)}
            open_tables = (await connection.execute(text(_OPEN_TABLES), tables)).scalars().all()
        return Isolation(
            missing_roles=tuple(name for name in names if name not in roles),
            bypassing=tuple(name for name in names if roles.get(name)),
            open_tables=tuple(open_tables),
            refuses_without_tenant=await self._refuses_without_tenant(),
        )

    async def _refuses_without_tenant(self) -> bool:
        """Tried, not looked up: the server's role reads documents without a tenant, which must fail."""
        try:
            async with self._database.no_tenant() as connection:
                await connection.execute(text("select from documents limit 1"))
        except DBAPIError as error:
            return NO_TENANT in str(error.orig)
        return False

    async def extensions(self) -> tuple[Extension, ...]:
        async with self._database.owner() as connection:
            found = (await connection.execute(text(_EXTENSIONS))).all()
            missing = {"postgis": await connection.run_sync(missing_views)}
        return tuple(
            Extension(name, installed, available, may_turn_on, missing.get(name, ()))
            for name, installed, available, may_turn_on in found
        )

    async def indexes(self) -> Indexes:
        found = {name: bool(is_valid) for name, is_valid in await self._rows(_INDEXES)}
        wanted = {str(index.name) for table in metadata.tables.values() for index in table.indexes}
        invalid = sorted(name for name, is_valid in found.items() if not is_valid)
        return Indexes(tuple(sorted(wanted - found.keys())), tuple(invalid))

    async def activity(self) -> Activity:
        [row] = await self._rows(_ACTIVITY)
        return Activity(*row)

    async def storage(self) -> tuple[int, str | None]:
        """Bytes of the database, and the folder of the server where this login may know it."""
        async with self._database.owner() as connection:
            size = await connection.scalar(text(_SIZE))
            return int(size or 0), await connection.scalar(text(_FOLDER))

    async def projection(self) -> Projection:
        [row] = await self._rows(_PROJECTION)
        return Projection(*row)

    async def rejects(self) -> tuple[FieldRejects, ...]:
        return tuple(FieldRejects(*row) for row in await self._rows(_REJECTS, {"most": MOST}))

    async def quarantined(self) -> tuple[NamedDocument, ...]:
        return tuple(NamedDocument(*row) for row in await self._rows(_QUARANTINED, {"most": MOST}))

    async def larger_than(self, size: int) -> tuple[NamedDocument, ...]:
        """The largest documents by their last snapshot, of those above so many bytes."""
        return tuple(NamedDocument(*row) for row in await self._rows(_LARGE, {"above": size, "most": MOST}))

    async def scratch_databases(self) -> tuple[str, ...]:
        """Those that a killed command left on this server."""
        return leftovers([str(row[0]) for row in await self._rows(LEFTOVERS)], time.time())

    async def last_backup(self) -> LastBackup | None:
        """None where this schema keeps no record of backups."""
        async with self._database.owner() as connection:
            if not await connection.scalar(text(_HAS_BACKUPS)):
                return None
            return LastBackup(*(await connection.execute(text(_LAST_BACKUP))).one())

    async def _rows(self, query: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        async with self._database.owner() as connection:
            return [tuple(row) for row in await connection.execute(text(query), dict(values or {}))]
