"""Numbers about a tenant's space, and about the database, for the overview. Reads only.

Each method is one transaction that sees one tenant's rows; it may take some milliseconds on a large
space, so the caller asks now and then, and not for each request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from store.database import Database

COUNTED = 1_000_000
"""Positions are counted up to here: beyond it, that there are more is what matters."""


@dataclass(frozen=True, slots=True)
class SpaceStats:
    """`positions` is at most `COUNTED`. `behind` are documents that have updates without rows yet, and
    `lag_seconds` is how long ago the one that waits for longest was written; 0 where there is none."""

    documents: int
    quarantined: int
    log_rows: int
    log_bytes: int
    snapshot_bytes: int
    vehicles: int
    positions: int
    behind: int
    lag_seconds: float
    failures: int
    rejects: int


@dataclass(frozen=True, slots=True)
class AllSpaces:
    """What is behind or wrong, over all tenants together; the fields are those of `SpaceStats`."""

    documents: int
    quarantined: int
    behind: int
    lag_seconds: float
    failures: int
    rejects: int


@dataclass(frozen=True, slots=True)
class DatabaseLoad:
    """Connections of the whole server, everybody's, and how many it allows."""

    connections: int
    max_connections: int


# A document in quarantine keeps its rows as they are, so it isn't behind.
_SPACE = text(
    """
    select
      count(*) as documents,
      count(*) filter (where d.state = 'quarantined') as quarantined,
      coalesce(sum(d.log_rows), 0)::bigint as log_rows,
      coalesce(sum(d.log_bytes), 0)::bigint as log_bytes,
      (select coalesce(sum(octet_length(state)), 0)::bigint from document_snapshots
        where tenant_id = :tenant_id) as snapshot_bytes,
      (select count(*) from vehicles where tenant_id = :tenant_id) as vehicles,
      (select count(*) from (select from gps_positions where tenant_id = :tenant_id limit :counted) p)
        as positions,
      count(*) filter (where lagging) as behind,
      coalesce(extract(epoch from now() - min(d.updated_at) filter (where lagging)), 0)::float8
        as lag_seconds,
      (select count(*) from projection_failures where tenant_id = :tenant_id) as failures,
      (select count(*) from projection_rejects where tenant_id = :tenant_id) as rejects
    from documents d
    left join projection_checkpoints c on c.tenant_id = d.tenant_id and c.document_id = d.id
    cross join lateral (
      select d.state = 'active' and (d.name = 'tables/vehicles' or d.name like 'track/%')
        and d.head_seq > coalesce(c.seq, 0) as lagging
    ) l
    where d.tenant_id = :tenant_id and d.state <> 'deleted'
    """
)
_ALL = text(
    """
    select
      count(*) as documents,
      count(*) filter (where d.state = 'quarantined') as quarantined,
      count(*) filter (where lagging) as behind,
      coalesce(extract(epoch from now() - min(d.updated_at) filter (where lagging)), 0)::float8
        as lag_seconds,
      (select count(*) from projection_failures) as failures,
      (select count(*) from projection_rejects) as rejects
    from documents d
    left join projection_checkpoints c on c.tenant_id = d.tenant_id and c.document_id = d.id
    cross join lateral (
      select d.state = 'active' and (d.name = 'tables/vehicles' or d.name like 'track/%')
        and d.head_seq > coalesce(c.seq, 0) as lagging
    ) l
    where d.state <> 'deleted'
    """
)
# Everybody's connections are seen, though not what they are about.
_LOAD = text(
    "select (select count(*) from pg_stat_activity where backend_type = 'client backend')::int,"
    " current_setting('max_connections')::int"
)


class Stats:
    """Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_space(self, tenant_id: int) -> SpaceStats:
        wanted: dict[str, Any] = {"tenant_id": tenant_id, "counted": COUNTED}
        async with self._database.moment(tenant_id) as connection:
            row = (await connection.execute(_SPACE, wanted)).one()
        return SpaceStats(**row._mapping)

    async def of_all(self) -> AllSpaces:
        """Across tenants, so without the name of any."""
        async with self._database.projector() as connection:
            return AllSpaces(**(await connection.execute(_ALL)).one()._mapping)

    async def load(self) -> DatabaseLoad:
        async with self._database.no_tenant() as connection:
            return DatabaseLoad(*(await connection.execute(_LOAD)).one())
