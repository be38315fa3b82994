"""The statements of `gps_positions`, `latest_positions` and `position_conflicts`.

`store.fleet_turn` calls them on the connection of a turn. Rows go in as one array a column (`unnest`),
which is the fastest way that row-level security allows; statements go to the driver directly.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeAlias

import asyncpg

from store.fleet_contract import ConflictRow, FoundPosition, LatestRule, Position, Track

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

# A row of a track as `Position` has its columns, from the fifth argument on.
_ROWS = """
unnest($5::bigint[], $6::timestamptz[], $7::timestamptz[], $8::float8[], $9::float8[], $10::float8[],
       $11::float8[], $12::float8[], $13::float8[], $14::boolean[], $15::integer[], $16::text[],
       $17::timestamptz[], $18::bigint[])
  as r (sequence, time, device_time, latitude, longitude, altitude_m, speed_mps, heading_deg, accuracy_m,
        valid, flags, attributes, received_at, seq)
"""
# What is written takes the next versions of the tenant, whose row in `position_feeds` stays locked until the
# commit, so that nobody ever sees a version before one that is smaller. Who holds it waits for nobody.
_PUT = f"""
with head as (
  insert into position_feeds as f (tenant_id, version) values ($1, cardinality($5::bigint[]))
  on conflict (tenant_id) do update set version = f.version + excluded.version
  returning f.version
)
insert into gps_positions (tenant_id, vehicle_id, device_id, document_id, sequence, time, device_time,
                           latitude, longitude, altitude_m, speed_mps, heading_deg, accuracy_m, valid, flags,
                           attributes, received_at, seq, version)
select $1, $2, $3, $4, r.sequence, r.time, r.device_time, r.latitude, r.longitude, r.altitude_m, r.speed_mps,
       r.heading_deg, r.accuracy_m, r.valid, r.flags, r.attributes::jsonb, r.received_at, r.seq,
       head.version - cardinality($5) + row_number() over (order by r.sequence, r.time)
from head, {_ROWS}
on conflict (tenant_id, vehicle_id, device_id, sequence, time) do update
set document_id = excluded.document_id, device_time = excluded.device_time, latitude = excluded.latitude,
    longitude = excluded.longitude, altitude_m = excluded.altitude_m, speed_mps = excluded.speed_mps,
    heading_deg = excluded.heading_deg, accuracy_m = excluded.accuracy_m, valid = excluded.valid,
    flags = excluded.flags, attributes = excluded.attributes, received_at = excluded.received_at,
    seq = excluded.seq, version = excluded.version
"""  # noqa: S608 - put together from constants
_HOLD_ANY = """
select exists (
  select from gps_positions
  where tenant_id = $1 and vehicle_id = $2 and device_id = $3 and sequence between $4 and $5
)
"""
# The bounds on sequence reach the index of every partition; the join alone might not.
_FIND = f"""
select p.sequence, p.time, p.document_id, d.name,
       (p.time, p.device_time, p.latitude, p.longitude, p.altitude_m, p.speed_mps, p.heading_deg,
        p.accuracy_m, p.valid, p.attributes)
       is not distinct from
       (r.time, r.device_time, r.latitude, r.longitude, r.altitude_m, r.speed_mps, r.heading_deg,
        r.accuracy_m, r.valid, r.attributes::jsonb),
       p.flags, p.received_at, p.seq
from {_ROWS}
join gps_positions p on p.sequence = r.sequence
left join documents d on d.tenant_id = $1 and d.id = p.document_id and d.state <> 'deleted'
where p.tenant_id = $1 and p.vehicle_id = $2 and p.device_id = $3
  and p.sequence between ($4::bigint[])[1] and ($4::bigint[])[2]
"""  # noqa: S608
_KEEP = """
delete from gps_positions p where tenant_id = $1 and document_id = $2 and not exists (
  select from unnest($5::bigint[], $6::timestamptz[]) as k (sequence, time)
  where p.vehicle_id = $3 and p.device_id = $4 and k.sequence = p.sequence and k.time = p.time
)
"""
_TAKE = """
delete from gps_positions
where tenant_id = $1 and vehicle_id = $2 and device_id = $3 and sequence = any ($4::bigint[])
"""
_PUT_CONFLICTS = """
with gone as (
  delete from position_conflicts p where tenant_id = $1 and document_id = $2 and not exists (
    select from unnest($5::bigint[], $6::bytea[]) as k (sequence, content_hash)
    where p.vehicle_id = $3 and p.device_id = $4
      and k.sequence = p.sequence and k.content_hash = p.content_hash
  )
)
insert into position_conflicts as p (tenant_id, document_id, vehicle_id, device_id, sequence, content_hash,
                                     reason, content)
select $1, $2, $3, $4, r.sequence, r.content_hash, r.reason, r.content::jsonb
from unnest($5::bigint[], $6::bytea[], $7::text[], $8::text[]) as r (sequence, content_hash, reason, content)
on conflict (tenant_id, document_id, vehicle_id, device_id, sequence, content_hash) do update
set reason = excluded.reason, content = excluded.content
where (p.reason, p.content) is distinct from (excluded.reason, excluded.content)
"""
_COLUMNS = """
device_id, sequence, time, received_at, latitude, longitude, altitude_m, speed_mps, heading_deg, accuracy_m,
valid, flags, attributes
"""
# What changed takes the next versions of the tenant, as above; a vehicle without a latest position too.
# Without `since` the choice is the truth, whatever stood there. With it, only positions from then on were
# looked at, so what stands there stays where it is later.
_PUT_LATEST = f"""
with best as (
  select v.vehicle_id, p.*
  from unnest($2::text[]) as v (vehicle_id)
  left join lateral (
    select {_COLUMNS} from gps_positions
    where tenant_id = $1 and vehicle_id = v.vehicle_id and flags & $3 = 0 and time <= received_at + $4
      and time >= coalesce($5, '-infinity'::timestamptz)
    order by time desc, sequence desc, device_id desc limit 1
  ) p on true
), gone as (
  delete from latest_positions l using best
  where l.tenant_id = $1 and l.vehicle_id = best.vehicle_id and best.time is null and $5 is null
  returning l.vehicle_id
), put as (
  insert into latest_positions as l (tenant_id, vehicle_id, {_COLUMNS})
  select $1, vehicle_id, {_COLUMNS} from best where time is not null
  on conflict (tenant_id, vehicle_id) do update
  set device_id = excluded.device_id, sequence = excluded.sequence, time = excluded.time,
      received_at = excluded.received_at, latitude = excluded.latitude, longitude = excluded.longitude,
      altitude_m = excluded.altitude_m, speed_mps = excluded.speed_mps, heading_deg = excluded.heading_deg,
      accuracy_m = excluded.accuracy_m, valid = excluded.valid, flags = excluded.flags,
      attributes = excluded.attributes
  where case when $5 is null
    then (l.device_id, l.sequence, l.time, l.received_at, l.latitude, l.longitude, l.altitude_m, l.speed_mps,
          l.heading_deg, l.accuracy_m, l.valid, l.flags, l.attributes)
      is distinct from
         (excluded.device_id, excluded.sequence, excluded.time, excluded.received_at, excluded.latitude,
          excluded.longitude, excluded.altitude_m, excluded.speed_mps, excluded.heading_deg,
          excluded.accuracy_m, excluded.valid, excluded.flags, excluded.attributes)
    else (excluded.time, excluded.sequence, excluded.device_id) > (l.time, l.sequence, l.device_id)
  end
  returning l.vehicle_id
), changed as (
  select vehicle_id, row_number() over (order by vehicle_id) as number, count(*) over () as count
  from (select vehicle_id from gone union all select vehicle_id from put) c
), head as (
  insert into position_feeds as f (tenant_id, version) select $1, count from changed limit 1
  on conflict (tenant_id) do update set version = f.version + excluded.version
  returning f.version
), noted as (
  insert into latest_changes (tenant_id, vehicle_id, version)
  select $1, c.vehicle_id, h.version - c.count + c.number from changed c, head h
  on conflict (tenant_id, vehicle_id) do update set version = excluded.version
)
select version from head
"""  # noqa: S608
_VEHICLES = """
select vehicle_id from gps_positions where tenant_id = $1
union select vehicle_id from latest_positions where tenant_id = $1
union select vehicle_id from geofence_events where tenant_id = $1 order by vehicle_id
"""


def columns_of(record: Any, rows: Iterable[object]) -> list[list[Any]]:
    """One list for each field of the record type, in its order."""
    names = [field.name for field in fields(record)]
    table = list(map(attrgetter(*names), rows))
    return [list(column) for column in zip(*table, strict=True)] if table else [[] for _ in names]


def row_count(status: str) -> int:
    """How many rows a statement wrote, from what Postgres says at its end (`INSERT 0 7`)."""
    return int(status.rpartition(" ")[2])


async def hold_any(connection: Connection, tenant_id: int, track: Track, first: int, last: int) -> bool:
    """As `store.fleet_contract.Turn.hold_any`."""
    arguments = (tenant_id, track.vehicle_id, track.device_id, first, last)
    return bool(await connection.fetchval(_HOLD_ANY, *arguments))


async def find(
    connection: Connection, tenant_id: int, track: Track, rows: Sequence[Position]
) -> tuple[FoundPosition, ...]:
    """As `store.fleet_contract.Turn.find_positions`."""
    if not rows:
        return ()
    sequences = [row.sequence for row in rows]
    bounds = [min(sequences), max(sequences)]
    arguments = (tenant_id, track.vehicle_id, track.device_id, bounds)
    found = await connection.fetch(_FIND, *arguments, *columns_of(Position, rows))
    return tuple(FoundPosition(*row) for row in found)


async def keep(
    connection: Connection, tenant_id: int, document_id: int, track: Track, rows: Sequence[Position]
) -> int:
    """As `store.fleet_contract.Turn.keep_positions`."""
    sequences, times = [row.sequence for row in rows], [row.time for row in rows]
    key = (tenant_id, document_id, track.vehicle_id, track.device_id)
    return row_count(await connection.execute(_KEEP, *key, sequences, times))


async def put(
    connection: Connection,
    tenant_id: int,
    document_id: int,
    track: Track,
    rows: Sequence[Position],
    taken: Collection[int],
) -> None:
    """As `store.fleet_contract.Turn.put_positions`."""
    key = (tenant_id, track.vehicle_id, track.device_id)
    if taken:
        await connection.execute(_TAKE, *key, list(taken))
    if rows:
        await connection.execute(_PUT, *key, document_id, *columns_of(Position, rows))


async def put_conflicts(
    connection: Connection, tenant_id: int, document_id: int, track: Track, rows: Sequence[ConflictRow]
) -> None:
    """As `store.fleet_contract.Turn.put_conflicts`."""
    key = (tenant_id, document_id, track.vehicle_id, track.device_id)
    await connection.execute(_PUT_CONFLICTS, *key, *columns_of(ConflictRow, rows))


async def put_latest(
    connection: Connection,
    tenant_id: int,
    vehicles: Sequence[str],
    rule: LatestRule,
    since: datetime | None,
) -> int | None:
    """As `store.fleet_contract.Turn.put_latest`; returns the tenant's version if anything changed."""
    arguments = (list(vehicles), rule.excluded_flags, rule.future_tolerance, since)
    version: int | None = await connection.fetchval(_PUT_LATEST, tenant_id, *arguments)
    return version


async def vehicles(connection: Connection, tenant_id: int) -> tuple[str, ...]:
    """As `store.fleet_contract.TenantTurn.vehicles_with_positions`."""
    return tuple(row[0] for row in await connection.fetch(_VEHICLES, tenant_id))
