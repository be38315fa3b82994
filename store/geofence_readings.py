"""What the API and the dashboard read of fences and of the vehicles that crossed them, page by page.

As `readings`: a tenant, and the key after which the page begins; who may see what is decided by the caller.
Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select, true, tuple_
from sqlalchemy.dialects.postgresql import distinct_on

from store.database import Database
from store.readings import fits_any, tracks_of
from store.schema import geofence_events, geofences, latest_positions, vehicles


@dataclass(frozen=True, slots=True)
class GeofenceRecord:
    """A circle has centre and radius, a polygon has `points`, as the document has them."""

    id: str
    name: str | None
    kind: str
    center_latitude: float | None
    center_longitude: float | None
    radius_m: float | None
    points: Sequence[Mapping[str, float]] | None
    color: str | None
    note: str | None
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class CrossingRecord:
    """A vehicle that was, at some fix, first seen inside of a fence or (not `enters`) outside of it."""

    vehicle_id: str
    geofence_id: str
    time: datetime
    sequence: int
    device_id: str
    enters: bool
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class PlaceRecord:
    """Where a vehicle was last."""

    vehicle_id: str
    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class StayRecord:
    """A fence that a vehicle is in, by its last event there, and since when."""

    geofence_id: str
    since: datetime


CrossingKey = tuple[datetime, str, int, str, str]
"""Fix time, vehicle, sequence, device and fence: the order of events."""


@dataclass(frozen=True, slots=True)
class CrossingFilter:
    """`start` <= time < `end`; None means any."""

    start: datetime | None = None
    end: datetime | None = None
    vehicle_id: str | None = None
    geofence_id: str | None = None


class GeofenceReadings:
    """Invariants: as `store.readings.Readings`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def geofences(self, tenant_id: int, *, after: str | None, limit: int) -> list[GeofenceRecord]:
        """Fences in the order of their ids."""
        query = _fences(tenant_id)
        if after is not None:
            query = query.where(geofences.c.id > after)
        rows = await self._rows(tenant_id, query.order_by(geofences.c.id).limit(limit))
        return [GeofenceRecord(**row) for row in rows]

    async def geofence(self, tenant_id: int, fence_id: str) -> GeofenceRecord | None:
        rows = await self._rows(tenant_id, _fences(tenant_id).where(geofences.c.id == fence_id))
        return GeofenceRecord(**rows[0]) if rows else None

    async def fence_names(
        self, tenant_id: int, fence_ids: Sequence[str] | None = None, *, limit: int
    ) -> dict[str, str]:
        """What these fences, or all, are called, by id, in the order of that: the name, else the id."""
        called = func.coalesce(geofences.c.name, geofences.c.id).label("called")
        query = select(geofences.c.id, called).where(geofences.c.tenant_id == tenant_id)
        if fence_ids is not None:
            query = query.where(geofences.c.id.in_(fence_ids))
        rows = await self._rows(tenant_id, query.order_by(called, geofences.c.id).limit(limit))
        return {row["id"]: row["called"] for row in rows}

    async def vehicle_names(self, tenant_id: int, vehicle_ids: Sequence[str]) -> dict[str, str]:
        """The names of those of the vehicles that have one, by id."""
        query = select(vehicles.c.id, vehicles.c.name).where(
            vehicles.c.tenant_id == tenant_id, vehicles.c.id.in_(vehicle_ids), vehicles.c.name.is_not(None)
        )
        return {row["id"]: row["name"] for row in await self._rows(tenant_id, query)}

    async def places(self, tenant_id: int, patterns: Sequence[str]) -> list[PlaceRecord]:
        """Where each vehicle was last all of whose tracks (`track/{vehicle}/*`) fit one of the patterns."""
        table = latest_positions.c
        columns = (table[name] for name in PlaceRecord.__slots__)
        query = select(*columns).where(table.tenant_id == tenant_id)
        if "*" not in patterns:
            query = query.where(fits_any(tracks_of(table.vehicle_id), patterns))
        return [PlaceRecord(**row) for row in await self._rows(tenant_id, query)]

    async def stays(self, tenant_id: int, vehicle_id: str) -> list[StayRecord]:
        """The fences that a vehicle is in, in the order of their ids."""
        table = geofence_events.c
        latest = (table.time.desc(), table.sequence.desc(), table.device_id.desc())
        last = (
            select(table.geofence_id, table.time.label("since"), table.enters)
            .where(table.tenant_id == tenant_id, table.vehicle_id == vehicle_id)
            .ext(distinct_on(table.geofence_id))
            .order_by(table.geofence_id, *latest)
            .subquery()
        )
        query = select(last.c.geofence_id, last.c.since).where(last.c.enters).order_by(last.c.geofence_id)
        return [StayRecord(**row) for row in await self._rows(tenant_id, query)]

    async def last_crossings(self, tenant_id: int, fence_ids: Sequence[str]) -> dict[str, CrossingRecord]:
        """The newest event at each of the fences that has any, by the fence's id."""
        table = geofence_events.c
        key = (table.time, table.vehicle_id, table.sequence, table.device_id)
        # One look at the end of the index for each fence: `distinct on` would read all their events.
        last = (
            select(*(table[name] for name in CrossingRecord.__slots__))
            .where(table.tenant_id == tenant_id, table.geofence_id == geofences.c.id)
            .order_by(*(column.desc() for column in key))
            .limit(1)
            .correlate(geofences)
            .lateral("last")
        )
        query = (
            select(last)
            .select_from(geofences.join(last, true()))
            .where(geofences.c.tenant_id == tenant_id, geofences.c.id.in_(fence_ids))
        )
        return {row["geofence_id"]: CrossingRecord(**row) for row in await self._rows(tenant_id, query)}

    async def crossings(
        self,
        tenant_id: int,
        patterns: Sequence[str],
        wanted: CrossingFilter,
        *,
        after: CrossingKey | None,
        limit: int,
    ) -> list[CrossingRecord]:
        """Events of the vehicles all of whose tracks (`track/{vehicle}/*`) fit one of the patterns, newest
        first."""
        table = geofence_events.c
        key = (table.time, table.vehicle_id, table.sequence, table.device_id, table.geofence_id)
        columns = (table[name] for name in CrossingRecord.__slots__)
        query = select(*columns).where(table.tenant_id == tenant_id)
        if "*" not in patterns:
            query = query.where(fits_any(tracks_of(table.vehicle_id), patterns))
        if wanted.start is not None:
            query = query.where(table.time >= wanted.start)
        if wanted.end is not None:
            query = query.where(table.time < wanted.end)
        if wanted.vehicle_id is not None:
            query = query.where(table.vehicle_id == wanted.vehicle_id)
        if wanted.geofence_id is not None:
            query = query.where(table.geofence_id == wanted.geofence_id)
        if after is not None:  # the time once more by itself, for the index
            query = query.where(table.time <= after[0], tuple_(*key) < after)
        query = query.order_by(*(column.desc() for column in key)).limit(limit)
        return [CrossingRecord(**row) for row in await self._rows(tenant_id, query)]

    async def _rows(self, tenant_id: int, query: Select[Any]) -> list[dict[str, Any]]:
        async with self._database.tenant(tenant_id) as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]


def _fences(tenant_id: int) -> Select[Any]:
    columns = (geofences.c[name] for name in GeofenceRecord.__slots__)
    return select(*columns).where(geofences.c.tenant_id == tenant_id)
