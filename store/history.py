"""The past of documents in Postgres: `store.history_contract.History` over a `Database`.

The history, its routes and commands call it; it acts for one tenant in each call, in one transaction,
with row-level security on. What a state or an update means is not known here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

import asyncpg

from store import snapshots
from store.checksum import checksum
from store.contract import Document, EpochMismatch
from store.database import Database
from store.history_contract import (
    ALL_ACTIVITIES,
    Activity,
    ActivityFilter,
    Forgotten,
    Material,
    Moment,
    NewVersion,
    Share,
    Span,
    Thinnable,
    UnknownVersion,
    Version,
    VersionKey,
    VersionKind,
)
from store.history_material import find_material, first_row, moment_of, span_of
from store.updates import driver_of

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_VERSION = (
    "select id, seq, kind, name, actor, at, octet_length(state) as size, created_at from document_versions"
)
_VERSIONS = f"""
{_VERSION} where tenant_id = $1 and document_id = $2
  and ($3::bigint is null or (seq, created_at, id) < ($3, $4, $5))
order by seq desc, created_at desc, id desc limit $6
"""
_ONE_VERSION = f"{_VERSION} where tenant_id = $1 and document_id = $2 and id = $3"
# Held against the document in the insert itself: no version outlives a purge or an erasure, which wait
# for this lock, or which this waits for.
_ADD = """
insert into document_versions (tenant_id, document_id, seq, kind, name, actor, at, state, checksum, is_exact)
select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 from documents
where tenant_id = $1 and id = $2 and ($11::uuid is null or epoch = $11) and state <> 'deleted' for key share
on conflict do nothing
returning id, seq, kind, name, actor, at, octet_length(state) as size, created_at
"""
_AUTOMATIC = f"{_VERSION} where tenant_id = $1 and document_id = $2 and seq = $3 and kind = 'automatic'"
_REMOVE = """
delete from document_versions where tenant_id = $1 and document_id = $2 and id = any ($3::uuid[])
"""
_TIME_OF_ROW = """
select received_at from document_updates where tenant_id = $1 and document_id = $2 and seq = $3
"""
_VERSION_AT = """
select seq from document_versions where tenant_id = $1 and document_id = $2 and at <= $3
order by at desc, seq desc limit 1
"""
# A chain is a writer's rows without a long pause; it is cut at fixed times from its start, so that where
# an activity begins doesn't depend on where a page does.
_ACTIVITIES = """
with paused as (
    select seq, actor, device, received_at, octet_length(payload) as size,
           received_at - lag(received_at) over writer > interval '60 seconds' as is_late
    from document_updates
    where tenant_id = $1 and document_id = $2 and seq <= $3
      and ($6::text is null or actor = $6) and ($7::text is null or device = $7)
    window writer as (partition by actor, device order by seq)
), chained as (
    select *, count(*) filter (where is_late) over (partition by actor, device order by seq) as chain
    from paused
), timed as (
    select *, min(received_at) over (partition by actor, device, chain) as began from chained
)
select actor, device, min(seq) as first_seq, max(seq) as last_seq, min(received_at) as started_at,
       max(received_at) as ended_at, count(*) as updates, sum(size)::bigint as bytes
from timed
group by actor, device, chain, date_bin('10 minutes', received_at, began)
having ($4::bigint is null or max(seq) < $4)
   and ($8::timestamptz is null or max(received_at) >= $8)
   and ($9::timestamptz is null or min(received_at) < $9)
order by last_seq desc limit $5
"""
_SHARES = """
select actor, device, ((seq - $3) * $5 / ($4 - $3 + 1))::int as part, count(*) as updates,
       max(received_at) as last_at
from document_updates
where tenant_id = $1 and document_id = $2 and seq between $3 and $4
group by 1, 2, 3
"""
_PAYLOADS = """
select place, payload from (
select a.place, u.seq, u.payload,
       sum(octet_length(u.payload)) over (order by a.place, u.seq) - octet_length(u.payload) as before
from unnest($3::bigint[], $4::bigint[], $5::text[], $6::text[])
     with ordinality as a (first_seq, last_seq, actor, device, place)
cross join lateral (
    select seq, payload from document_updates
    where tenant_id = $1 and document_id = $2 and seq between a.first_seq and a.last_seq
      and actor = a.actor and device = a.device
    order by seq limit $7
) as u
) as found where before < $8 order by place, seq
"""
_COVERED = """
select seq from document_snapshots where tenant_id = $1 and document_id = $2
order by seq desc offset 1 limit 1
"""
_HOURS = """
select max(seq) as seq, max(received_at) as at from document_updates
where tenant_id = $1 and document_id = $2 and received_at < $3 and seq <= $4
group by date_trunc('hour', received_at, 'UTC') order by 1
"""


class PostgresHistory:
    """`store.history_contract.History`. What leaves here has passed its checksum."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def span(self, tenant_id: int, document_id: int) -> Span:
        async with driver_of(self._database.moment(tenant_id)) as connection:
            return await span_of(connection, await _document(connection, tenant_id, document_id))

    async def moment(self, tenant_id: int, document_id: int, seq: int) -> Moment:
        async with driver_of(self._database.moment(tenant_id)) as connection:
            document = await _document(connection, tenant_id, document_id)
            return Moment(seq, await moment_of(connection, document, seq))

    async def seq_at(self, tenant_id: int, document_id: int, time: datetime) -> int:
        async with driver_of(self._database.moment(tenant_id)) as connection:
            document = await _document(connection, tenant_id, document_id)
            seq = await _last_row_before(connection, document, time)
            if seq is None:
                seq = await connection.fetchval(_VERSION_AT, tenant_id, document_id, time)
            if seq is None:
                raise Forgotten(document_id, await span_of(connection, document))
            return int(seq)

    async def material(
        self, tenant_id: int, document_id: int, *, seq: int, have: int | None = None
    ) -> Material:
        async with driver_of(self._database.moment(tenant_id)) as connection:
            document = await _document(connection, tenant_id, document_id)
            return await find_material(connection, document, seq, have)

    async def activities(
        self,
        tenant_id: int,
        document_id: int,
        *,
        up_to: int,
        before: int | None,
        limit: int,
        wanted: ActivityFilter = ALL_ACTIVITIES,
    ) -> tuple[Activity, ...]:
        narrowed = (wanted.actor, wanted.device, wanted.start, wanted.end)
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            await _document(connection, tenant_id, document_id)
            rows = await connection.fetch(
                _ACTIVITIES, tenant_id, document_id, up_to, before, limit, *narrowed
            )
        return tuple(Activity(**row) for row in rows)

    async def shares(
        self, tenant_id: int, document_id: int, *, first: int, last: int, parts: int
    ) -> tuple[Share, ...]:
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            await _document(connection, tenant_id, document_id)
            rows = await connection.fetch(_SHARES, tenant_id, document_id, first, last, parts)
        return tuple(Share(**row) for row in rows)

    async def payloads(
        self, tenant_id: int, document_id: int, activities: Sequence[Activity], *, limit: int, size: int
    ) -> tuple[tuple[bytes, ...], ...]:
        columns = (
            [activity.first_seq for activity in activities],
            [activity.last_seq for activity in activities],
            [activity.actor for activity in activities],
            [activity.device for activity in activities],
        )
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            rows = await connection.fetch(_PAYLOADS, tenant_id, document_id, *columns, limit, size)
        found: list[list[bytes]] = [[] for _ in activities]
        for place, payload in rows:
            found[place - 1].append(payload)
        return tuple(map(tuple, found))

    async def add_version(self, tenant_id: int, document_id: int, version: NewVersion) -> Version:
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            document = await _document(connection, tenant_id, document_id)
            if not 0 <= version.seq <= document.head_seq:
                raise ValueError(f"document {document_id} has no state {version.seq}")
            row = await connection.fetchrow(
                _ADD,
                tenant_id,
                document_id,
                version.seq,
                version.kind.value,
                version.name,
                version.actor,
                version.at,
                version.state,
                checksum(version.state),
                version.is_exact,
                version.epoch,
            )
            if row is None and version.kind is VersionKind.AUTOMATIC:
                # Whoever was second waited for the first, and finds its version.
                row = await connection.fetchrow(_AUTOMATIC, tenant_id, document_id, version.seq)
        if row is None:
            raise EpochMismatch(f"document {document_id} was made anew meanwhile; no version was kept")
        return _version(row)

    async def versions(
        self, tenant_id: int, document_id: int, *, before: VersionKey | None, limit: int
    ) -> list[Version]:
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            await _document(connection, tenant_id, document_id)
            key = before or (None, None, None)
            return [
                _version(row)
                for row in await connection.fetch(_VERSIONS, tenant_id, document_id, *key, limit)
            ]

    async def version(self, tenant_id: int, document_id: int, version_id: UUID) -> Version:
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            await _document(connection, tenant_id, document_id)
            row = await connection.fetchrow(_ONE_VERSION, tenant_id, document_id, version_id)
        if row is None:
            raise UnknownVersion(f"document {document_id} has no version {version_id}")
        return _version(row)

    async def remove_versions(self, tenant_id: int, document_id: int, version_ids: Collection[UUID]) -> None:
        async with driver_of(self._database.tenant(tenant_id)) as connection:
            await connection.execute(_REMOVE, tenant_id, document_id, list(version_ids))

    async def thinnable(self, tenant_id: int, document_id: int, *, older_than: datetime) -> Thinnable:
        async with driver_of(self._database.moment(tenant_id)) as connection:
            await _document(connection, tenant_id, document_id)
            covered = await connection.fetchval(_COVERED, tenant_id, document_id) or 0
            rows = await connection.fetch(_HOURS, tenant_id, document_id, older_than, covered)
            key = (None, None, None)
            versions = await connection.fetch(_VERSIONS, tenant_id, document_id, *key, None)
        hours = tuple(Moment(**row) for row in rows)
        return Thinnable(max((hour.seq for hour in hours), default=0), hours, tuple(map(_version, versions)))


async def _document(connection: Connection, tenant_id: int, document_id: int) -> Document:
    return await snapshots.document(connection, tenant_id, document_id)


def _version(row: asyncpg.Record) -> Version:
    return Version(**{**row, "kind": VersionKind(row["kind"])})


async def _last_row_before(connection: Connection, document: Document, time: datetime) -> int | None:
    """The last row received at or before a time; 0 before the first ever, None before the first that is
    kept. Times rise with the sequences, and the rows that are kept have no gap, so it is searched for
    by halves: an index by time would cost every append."""
    key = (document.tenant_id, document.id)
    low = await first_row(connection, document) - 1
    first, high = low, document.head_seq
    while low < high:
        middle = (low + high + 1) // 2
        received_at = await connection.fetchval(_TIME_OF_ROW, *key, middle)
        if received_at is not None and received_at <= time:
            low = middle
        else:
            high = middle - 1
    return low if low > first or first == 0 else None
