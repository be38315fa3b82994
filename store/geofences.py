"""The statements of `geofences`, `geofence_events` and `geofence_moves`, on the connection of a turn.

`geofence_moves` has a row for each vehicle whose events have to be made anew, and since when. Whoever takes
it deletes it in the transaction that makes them, so it is there again after a crash; whoever notes another
move meanwhile waits for that transaction, and is then not overlooked.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

import asyncpg

from store.fleet_contract import LatestRule
from store.geofence_contract import FenceEvent, FenceFix, Geofence
from store.positions import columns_of, row_count

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

PAGE = 2000
_COLUMNS = "id, name, kind, center_latitude, center_longitude, radius_m, points, color, note, attributes"
_KEEP = "delete from geofences where tenant_id = $1 and id <> all ($2::text[])"
_SHAPE = "kind, center_latitude, center_longitude, radius_m, points"
_OLD_SHAPE, _NEW_SHAPE = (_SHAPE.replace(", ", f", {row}.") for row in ("g", "excluded"))
# A fence has its shape since the last update that is part of it, and not since it was projected, so that
# what a vehicle crossed meanwhile counts as later.
_PUT = f"""
insert into geofences as g (tenant_id, document_id, {_COLUMNS}, shape_since)
select $1, $2, r.id, r.name, r.kind, r.center_latitude, r.center_longitude, r.radius_m, r.points::jsonb,
       r.color, r.note, r.attributes::jsonb, coalesce((
         select received_at from document_updates where tenant_id = $1 and document_id = $2
         order by seq desc limit 1
       ), now())
from unnest($3::text[], $4::text[], $5::text[], $6::float8[], $7::float8[], $8::float8[], $9::text[],
            $10::text[], $11::text[], $12::text[])
  as r ({_COLUMNS})
on conflict (tenant_id, id) do update
set document_id = excluded.document_id, name = excluded.name, kind = excluded.kind,
    center_latitude = excluded.center_latitude, center_longitude = excluded.center_longitude,
    radius_m = excluded.radius_m, points = excluded.points, color = excluded.color, note = excluded.note,
    attributes = excluded.attributes,
    shape_since = case when (g.{_OLD_SHAPE}) is distinct from (excluded.{_NEW_SHAPE})
                  then excluded.shape_since else g.shape_since end
where (g.document_id, g.name, g.kind, g.center_latitude, g.center_longitude, g.radius_m, g.points, g.color,
       g.note, g.attributes)
  is distinct from
      (excluded.document_id, excluded.name, excluded.kind, excluded.center_latitude,
       excluded.center_longitude, excluded.radius_m, excluded.points, excluded.color, excluded.note,
       excluded.attributes)
"""  # noqa: S608 - put together from constants
_NOTE = """
insert into geofence_moves as m (tenant_id, vehicle_id, since)
select $1, vehicle_id, coalesce($3, '-infinity'::timestamptz) from unnest($2::text[]) as v (vehicle_id)
order by vehicle_id
on conflict (tenant_id, vehicle_id) do update set since = least(m.since, excluded.since)
"""
_NOTE_ALL = """
insert into geofence_moves as m (tenant_id, vehicle_id, since)
select $1, vehicle_id, '-infinity' from (
  select vehicle_id from latest_positions where tenant_id = $1
  union select vehicle_id from gps_positions where tenant_id = $1
  union select vehicle_id from geofence_events where tenant_id = $1
) v order by vehicle_id
on conflict (tenant_id, vehicle_id) do update set since = '-infinity'
"""
_TAKE = """
delete from geofence_moves m using (
  select tenant_id, vehicle_id from geofence_moves
  order by tenant_id, vehicle_id limit 1 for update skip locked
) t
where m.tenant_id = t.tenant_id and m.vehicle_id = t.vehicle_id
returning m.tenant_id, m.vehicle_id, m.since = '-infinity', m.since
"""
_FENCES = """
select id, name, kind, center_latitude, center_longitude, radius_m, points::text, color, note,
       attributes::text
from geofences where tenant_id = $1 order by id
"""
_DROP = """
delete from geofence_events
where tenant_id = $1 and vehicle_id = $2 and ($3::timestamptz is null or time >= $3)
"""
_SHOWN = "tenant_id = $1 and vehicle_id = $2 and flags & $4 = 0 and time <= received_at + $5"
_BEFORE = f"""
select latitude, longitude from gps_positions where {_SHOWN} and time < $3
order by time desc, sequence desc, device_id desc limit 1
"""  # noqa: S608
_FIXES = f"""
select time, sequence, device_id, latitude, longitude from gps_positions
where {_SHOWN} and ($3::timestamptz is null or time >= $3) order by time, sequence, device_id
"""  # noqa: S608
_PUT_EVENTS = """
insert into geofence_events (tenant_id, vehicle_id, geofence_id, time, sequence, device_id, enters, latitude,
                             longitude)
select $1, $2, r.* from unnest($3::text[], $4::timestamptz[], $5::bigint[], $6::text[], $7::boolean[],
                               $8::float8[], $9::float8[]) as r
"""


@dataclass(frozen=True, slots=True)
class Moved:
    """A vehicle that moved; `since` is None where all of its fixes are meant."""

    tenant_id: int
    vehicle_id: str
    since: datetime | None


async def put(connection: Connection, tenant_id: int, document_id: int, rows: Sequence[Geofence]) -> int:
    """As `store.fleet_contract.Turn.put_geofences`; returns how many rows changed."""
    changed = row_count(await connection.execute(_KEEP, tenant_id, [row.id for row in rows]))
    if rows:
        changed += row_count(
            await connection.execute(_PUT, tenant_id, document_id, *columns_of(Geofence, rows))
        )
    return changed


async def note(
    connection: Connection, tenant_id: int, vehicles: Collection[str], since: datetime | None
) -> None:
    """As `store.fleet_contract.Turn.note_moved`."""
    if vehicles:
        await connection.execute(_NOTE, tenant_id, list(vehicles), since)


async def note_all(connection: Connection, tenant_id: int) -> None:
    """Note every vehicle of the tenant that has a position or an event, from its first fix on."""
    await connection.execute(_NOTE_ALL, tenant_id)


async def take(connection: Connection) -> Moved | None:
    """Take a vehicle that moved and that nobody else is at."""
    row = await connection.fetchrow(_TAKE)
    return None if row is None else Moved(row[0], row[1], None if row[2] else row[3])


class PostgresFenceTurn:
    """`store.geofence_contract.FenceTurn`."""

    def __init__(self, connection: Connection, moved: Moved, rule: LatestRule) -> None:
        self._connection = connection
        self._key = (moved.tenant_id, moved.vehicle_id)
        self._since = moved.since
        self._rule = (rule.excluded_flags, rule.future_tolerance)

    async def geofences(self) -> tuple[Geofence, ...]:
        rows = await self._connection.fetch(_FENCES, self._key[0])
        return tuple(Geofence(*row) for row in rows)

    async def drop_events(self) -> None:
        await self._connection.execute(_DROP, *self._key, self._since)

    async def place_before(self) -> tuple[float, float] | None:
        if self._since is None:
            return None
        row = await self._connection.fetchrow(_BEFORE, *self._key, self._since, *self._rule)
        return None if row is None else (row[0], row[1])

    async def fixes(self) -> AsyncIterator[Sequence[FenceFix]]:
        cursor = await self._connection.cursor(_FIXES, *self._key, self._since, *self._rule)
        while rows := await cursor.fetch(PAGE):
            yield [FenceFix(row[0], row[1], row[2], (row[3], row[4])) for row in rows]

    async def put_events(self, events: Sequence[FenceEvent]) -> None:
        columns = columns_of(FenceEvent, events)
        await self._connection.execute(_PUT_EVENTS, *self._key, *columns)
