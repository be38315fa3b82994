"""Writing rows: `store.fleet_contract.TenantTurn` on a connection that is in a transaction already.

`store.fleet` makes the turns and holds their locks. Here is the part that all kinds of rows share;
positions are in `store.positions`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TypeAlias

import asyncpg

from store import geofences, positions
from store.fleet_contract import (
    Checkpoint,
    ConflictRow,
    FoundPosition,
    LatestRule,
    Position,
    RejectRow,
    RowsDigest,
    RowsKey,
    Target,
    Track,
    Vehicle,
)
from store.geofence_contract import Geofence
from store.updates import end_of_prefix

_DIGEST = """
select {of} as document_id, count(*)::int, coalesce(sum(hashtextextended({row}::text, 0)), 0) from {table} t
where tenant_id = $1 group by 1
"""
# When a value was first rejected, and which version of the feed a row has, are no content.
_DIGESTS = {
    "vehicles": _DIGEST.format(table="vehicles", of="document_id", row="t"),
    "gps_positions": _DIGEST.format(table="gps_positions", of="document_id", row="(to_jsonb(t) - 'version')"),
    "position_conflicts": _DIGEST.format(table="position_conflicts", of="document_id", row="t"),
    "projection_rejects": _DIGEST.format(
        table="projection_rejects", of="document_id", row="(path, reason, value)"
    ),
    "latest_positions": _DIGEST.format(table="latest_positions", of="0::bigint", row="t"),
}
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

_TARGETS = """
select d.tenant_id, d.id, d.name, d.epoch, d.head_seq, c.seq, c.epoch as checkpoint_epoch
from documents d left join projection_checkpoints c on c.tenant_id = d.tenant_id and c.document_id = d.id
where d.tenant_id = $1 and d.state = 'active' and d.name collate "C" >= $2 and d.name collate "C" > $3
  and ($4::text is null or d.name collate "C" < $4)
order by d.name collate "C" limit $5
"""
_PUT_VEHICLES = """
insert into vehicles as v (tenant_id, document_id, id, name, plate, "group", driver, status, icon, color,
                           odometer_m, installed_at, archived, attributes)
select $1, $2, r.id, r.name, r.plate, r."group", r.driver, r.status, r.icon, r.color,
       r.odometer_m, r.installed_at, r.archived, r.attributes::jsonb
from unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[],
            $11::float8[], $12::timestamptz[], $13::boolean[], $14::text[])
  as r (id, name, plate, "group", driver, status, icon, color, odometer_m, installed_at, archived, attributes)
on conflict (tenant_id, id) do update
set document_id = excluded.document_id, name = excluded.name, plate = excluded.plate,
    "group" = excluded."group", driver = excluded.driver, status = excluded.status, icon = excluded.icon,
    color = excluded.color, odometer_m = excluded.odometer_m, installed_at = excluded.installed_at,
    archived = excluded.archived, attributes = excluded.attributes
where (v.document_id, v.name, v.plate, v."group", v.driver, v.status, v.icon, v.color, v.odometer_m,
       v.installed_at, v.archived, v.attributes)
  is distinct from
      (excluded.document_id, excluded.name, excluded.plate, excluded."group", excluded.driver,
       excluded.status, excluded.icon, excluded.color, excluded.odometer_m, excluded.installed_at,
       excluded.archived, excluded.attributes)
"""
_REMOVE_VEHICLES = "delete from vehicles where tenant_id = $1 and id = any ($2::text[])"
_KEEP_VEHICLES = "delete from vehicles where tenant_id = $1 and id <> all ($2::text[])"
_PUT_REJECTS = """
with gone as (
  delete from projection_rejects where tenant_id = $1 and document_id = $2 and path <> all ($3::text[])
)
insert into projection_rejects as p (tenant_id, document_id, path, reason, value, seq)
select $1, $2, r.path, r.reason, r.value, $6
from unnest($3::text[], $4::text[], $5::text[]) as r (path, reason, value)
on conflict (tenant_id, document_id, path) do update
set reason = excluded.reason, value = excluded.value, seq = excluded.seq, rejected_at = now()
where (p.reason, p.value) is distinct from (excluded.reason, excluded.value)
"""
_PUT_CHECKPOINT = """
with failed as (delete from projection_failures where tenant_id = $1 and document_id = $2)
insert into projection_checkpoints (tenant_id, document_id, seq, epoch) values ($1, $2, $3, $4)
on conflict (tenant_id, document_id) do update
set seq = excluded.seq, epoch = excluded.epoch, projected_at = now()
"""
_DROP_CHECKPOINTS = """
delete from projection_checkpoints c using documents d
where c.tenant_id = $1 and d.tenant_id = $1 and d.id = c.document_id and d.id <> $5
  and d.name collate "C" >= $2 and ($3::text is null or d.name collate "C" < $3)
  and right(d.name, length($4)) = $4
"""
# The name is looked at for rows that somebody has meddled with.
_GONE = """
not exists (
  select from documents d
  where d.tenant_id = r.tenant_id and d.id = r.document_id and d.state <> 'deleted'
    and (starts_with(d.name, 'tables/') or starts_with(d.name, 'track/'))
)
"""
_CLEAR_POSITIONS = f"""
with gone as (delete from gps_positions r where tenant_id = $1 and {_GONE} returning vehicle_id, device_id)
select distinct vehicle_id, device_id from gone
"""  # noqa: S608 - put together from constants
_CLEAR = tuple(
    f"delete from {table} r where tenant_id = $1 and {_GONE}"  # noqa: S608
    for table in (
        "vehicles",
        "position_conflicts",
        "projection_rejects",
        "projection_failures",
        "projection_checkpoints",
    )
)


_CLEAR_FENCES = f"delete from geofences r where tenant_id = $1 and {_GONE}"  # noqa: S608


def target_of(row: asyncpg.Record) -> Target:
    """From the document's tenant, id, name, epoch and head, and the seq and epoch of its checkpoint."""
    tenant_id, document_id, name, epoch, head_seq, seq, checkpoint_epoch = row
    checkpoint = None if seq is None else Checkpoint(seq, checkpoint_epoch)
    return Target(tenant_id, document_id, name, epoch, head_seq, checkpoint)


class PostgresTurn:
    """`store.fleet_contract.TenantTurn`, for one tenant and as long as its transaction lasts.

    `latest_version` is the version to which the turn brings the feed of latest positions, if it does.
    """

    def __init__(self, connection: Connection, tenant_id: int) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self.latest_version: int | None = None

    async def targets(self, *, prefix: str, after: str, limit: int) -> tuple[Target, ...]:
        end = end_of_prefix(prefix)
        rows = await self._connection.fetch(_TARGETS, self._tenant_id, prefix, after, end, limit)
        return tuple(map(target_of, rows))

    async def put_vehicles(
        self, document_id: int, rows: Sequence[Vehicle], removed: Collection[str] | None
    ) -> int:
        changed = 0
        if removed is None:
            changed += await self._execute(_KEEP_VEHICLES, [row.id for row in rows])
        elif removed:
            changed += await self._execute(_REMOVE_VEHICLES, list(removed))
        if rows:
            columns = positions.columns_of(Vehicle, rows)
            changed += await self._execute(_PUT_VEHICLES, document_id, *columns)
        return changed

    async def hold_any(self, track: Track, *, first: int, last: int) -> bool:
        return await positions.hold_any(self._connection, self._tenant_id, track, first, last)

    async def find_positions(self, track: Track, rows: Sequence[Position]) -> tuple[FoundPosition, ...]:
        return await positions.find(self._connection, self._tenant_id, track, rows)

    async def keep_positions(self, document_id: int, track: Track, rows: Sequence[Position]) -> int:
        return await positions.keep(self._connection, self._tenant_id, document_id, track, rows)

    async def put_positions(
        self, document_id: int, track: Track, rows: Sequence[Position], *, taken: Collection[int] = ()
    ) -> None:
        await positions.put(self._connection, self._tenant_id, document_id, track, rows, taken)

    async def put_conflicts(self, document_id: int, track: Track, rows: Sequence[ConflictRow]) -> None:
        await positions.put_conflicts(self._connection, self._tenant_id, document_id, track, rows)

    async def put_rejects(self, document_id: int, rows: Sequence[RejectRow], *, seq: int) -> None:
        await self._execute(_PUT_REJECTS, document_id, *positions.columns_of(RejectRow, rows), seq)

    async def put_latest(
        self, vehicles: Sequence[str], rule: LatestRule, *, since: datetime | None = None
    ) -> None:
        version = await positions.put_latest(self._connection, self._tenant_id, vehicles, rule, since)
        self.latest_version = version or self.latest_version

    async def put_geofences(self, document_id: int, rows: Sequence[Geofence]) -> None:
        if await geofences.put(self._connection, self._tenant_id, document_id, rows):
            await geofences.note_all(self._connection, self._tenant_id)

    async def note_moved(self, vehicles: Collection[str], *, since: datetime | None) -> None:
        await geofences.note(self._connection, self._tenant_id, vehicles, since)

    async def put_checkpoint(self, document_id: int, checkpoint: Checkpoint) -> None:
        await self._execute(_PUT_CHECKPOINT, document_id, checkpoint.seq, checkpoint.epoch)

    async def drop_checkpoints(self, *, prefix: str, suffix: str, but: int) -> None:
        await self._execute(_DROP_CHECKPOINTS, prefix, end_of_prefix(prefix), suffix, but)

    async def clear_gone(self) -> tuple[Track, ...]:
        rows = await self._connection.fetch(_CLEAR_POSITIONS, self._tenant_id)
        for statement in _CLEAR:
            await self._execute(statement)
        if await self._execute(_CLEAR_FENCES):
            await geofences.note_all(self._connection, self._tenant_id)
        return tuple(Track(*row) for row in rows)

    async def digest(self) -> Mapping[RowsKey, RowsDigest]:
        found: dict[RowsKey, RowsDigest] = {}
        for table, statement in _DIGESTS.items():
            for document_id, count, total in await self._connection.fetch(statement, self._tenant_id):
                found[table, document_id] = count, int(total)
        return found

    async def vehicles_with_positions(self) -> tuple[str, ...]:
        return await positions.vehicles(self._connection, self._tenant_id)

    async def _execute(self, statement: str, *arguments: object) -> int:
        """Run a statement about the tenant; returns how many rows its last part wrote."""
        return positions.row_count(await self._connection.execute(statement, self._tenant_id, *arguments))
