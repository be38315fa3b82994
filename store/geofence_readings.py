"""What the API and the dashboard read of fences and of the vehicles that crossed them, page by page.

As `readings`: a tenant, and the key after which the page begins; who may see what is decided by the caller.
Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select, tuple_

from store.database import Database
from store.readings import fits_any, tracks_of
from store.schema import geofence_events, geofences


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
        columns = (geofences.c[name] for name in GeofenceRecord.__slots__)
        query = select(*columns).where(geofences.c.tenant_id == tenant_id)
        if after is not None:
            query = query.where(geofences.c.id > after)
        rows = await self._rows(tenant_id, query.order_by(geofences.c.id).limit(limit))
        return [GeofenceRecord(**row) for row in rows]

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
