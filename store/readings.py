"""What the API reads of one tenant: vehicles, positions, and the list of documents, page by page.

In: a tenant, filters, and the key after which the page begins. Out: frozen records in the order of that
key, at most `limit`. Pages are told apart by keys, not by offsets, so rows that come meanwhile move
nothing. Patterns have a `*` for any characters, as `LIKE` has its `%`; who may see what is decided by
the caller, and only carried out here. Writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Select, Text, any_, case, func, literal, or_, select, tuple_

from store.contract import DocumentState
from store.database import Database
from store.patterns import escaped, likes_of
from store.schema import documents, gps_positions, latest_positions, projection_checkpoints, vehicles
from store.updates import end_of_prefix


@dataclass(frozen=True, slots=True)
class VehicleRecord:
    id: str
    name: str | None
    plate: str | None
    group: str | None
    driver: str | None
    status: str | None
    icon: str | None
    color: str | None
    odometer_m: float | None
    installed_at: datetime | None
    archived: bool | None
    attributes: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class PositionRecord:
    """A fix; `time` is the receiver's. `flags` are bits, which `fleet.quality` names."""

    vehicle_id: str
    device_id: str
    sequence: int
    time: datetime
    received_at: datetime
    latitude: float
    longitude: float
    altitude_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    valid: bool | None
    flags: int
    attributes: Mapping[str, object] | None
    device_time: datetime | None = None


@dataclass(frozen=True, slots=True)
class DocumentListing:
    name: str
    epoch: UUID
    state: DocumentState
    reason: str | None
    head_seq: int
    log_bytes: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class VehicleFilter:
    """None means any. `text` is looked for in name and plate, in either case; `ids` are the only ones."""

    status: str | None = None
    group: str | None = None
    archived: bool | None = None
    text: str | None = None
    ids: Sequence[str] | None = None


PositionKey = tuple[datetime, str, int]
"""Fix time, device and sequence: the order of a vehicle's positions."""

_LATEST = tuple(latest_positions.c[name] for name in PositionRecord.__slots__ if name != "device_time")
_POSITIONS = tuple(gps_positions.c[name] for name in PositionRecord.__slots__)


class Readings:
    """Invariants: 1. Every method is one transaction that sees one tenant's rows only.
    2. Every method raises Unavailable as well."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def vehicles(
        self, tenant_id: int, wanted: VehicleFilter, *, after: str | None, limit: int
    ) -> list[VehicleRecord]:
        """Vehicles in the order of their ids."""
        query = _vehicles(tenant_id).where(*_conditions(wanted)).order_by(vehicles.c.id).limit(limit)
        if after is not None:
            query = query.where(vehicles.c.id > after)
        return [VehicleRecord(**row) for row in await self._rows(tenant_id, query)]

    async def vehicle(self, tenant_id: int, vehicle_id: str) -> VehicleRecord | None:
        rows = await self._rows(tenant_id, _vehicles(tenant_id).where(vehicles.c.id == vehicle_id))
        return VehicleRecord(**rows[0]) if rows else None

    async def positions(
        self,
        tenant_id: int,
        vehicle_id: str,
        *,
        start: datetime | None,
        end: datetime | None,
        after: PositionKey | None,
        limit: int,
        newest_first: bool = False,
    ) -> list[PositionRecord]:
        """Positions of one vehicle with `start` <= time < `end`, in the order of `PositionKey`."""
        query = positions_query(tenant_id, vehicle_id, start, end, after, limit, newest_first)
        return [PositionRecord(**row) for row in await self._rows(tenant_id, query)]

    async def knows_vehicle(self, tenant_id: int, vehicle_id: str) -> bool:
        """Whether there is a vehicle of this id, or any position of one."""
        row = select(vehicles.c.id).where(vehicles.c.tenant_id == tenant_id, vehicles.c.id == vehicle_id)
        position = select(gps_positions.c.time).where(
            gps_positions.c.tenant_id == tenant_id, gps_positions.c.vehicle_id == vehicle_id
        )
        query = select(or_(row.exists(), position.exists()).label("known"))
        return bool((await self._rows(tenant_id, query))[0]["known"])

    async def projected_seq(self, tenant_id: int, name: str) -> int:
        """How far the rows of a document follow it: the last update that is part of them; 0 for none."""
        query = (
            select(projection_checkpoints.c.seq)
            .join(documents, documents.c.id == projection_checkpoints.c.document_id)
            .where(projection_checkpoints.c.tenant_id == tenant_id, documents.c.tenant_id == tenant_id)
            .where(documents.c.name == name)
        )
        rows = await self._rows(tenant_id, query)
        return int(rows[0]["seq"]) if rows else 0

    async def latest(
        self, tenant_id: int, patterns: Sequence[str], *, after: str | None, limit: int
    ) -> list[PositionRecord]:
        """The latest position of each vehicle all of whose tracks (`track/{vehicle}/*`) fit one of the
        patterns, by vehicle id."""
        vehicle_id = latest_positions.c.vehicle_id
        query = select(*_LATEST).where(latest_positions.c.tenant_id == tenant_id)
        if "*" not in patterns:
            query = query.where(fits_any(tracks_of(vehicle_id), patterns))
        if after is not None:
            query = query.where(vehicle_id > after)
        rows = await self._rows(tenant_id, query.order_by(vehicle_id).limit(limit))
        return [PositionRecord(**row) for row in rows]

    async def latest_of(self, tenant_id: int, vehicle_ids: Sequence[str]) -> dict[str, PositionRecord]:
        """The latest positions of these vehicles, by vehicle; one without a position isn't among them."""
        query = select(*_LATEST).where(
            latest_positions.c.tenant_id == tenant_id, latest_positions.c.vehicle_id.in_(vehicle_ids)
        )
        return {row["vehicle_id"]: PositionRecord(**row) for row in await self._rows(tenant_id, query)}

    async def documents(
        self,
        tenant_id: int,
        patterns: Sequence[str],
        *,
        prefix: str = "",
        text: str = "",
        state: DocumentState | None = None,
        after: str | None,
        limit: int,
    ) -> list[DocumentListing]:
        """Documents that aren't deleted, fit one of the patterns, begin with `prefix` and have `text` in
        their name, in either case; by the UTF-8 bytes of their names."""
        name = documents.c.name
        query = select(*(documents.c[column] for column in DocumentListing.__slots__)).where(
            documents.c.tenant_id == tenant_id, documents.c.state != DocumentState.DELETED, name >= prefix
        )
        if (end := end_of_prefix(prefix)) is not None:
            query = query.where(name < end)
        if text:
            query = query.where(name.ilike(f"%{escaped(text)}%"))
        if state is not None:
            query = query.where(documents.c.state == state)
        if "*" not in patterns:
            query = query.where(fits_any(name, patterns))
        if after is not None:
            query = query.where(name > after)
        rows = await self._rows(tenant_id, query.order_by(name).limit(limit))
        return [DocumentListing(**{**row, "state": DocumentState(row["state"])}) for row in rows]

    async def _rows(self, tenant_id: int, query: Select[Any]) -> list[dict[str, Any]]:
        async with self._database.tenant(tenant_id) as connection:
            return [dict(row) for row in (await connection.execute(query)).mappings()]


def positions_query(
    tenant_id: int,
    vehicle_id: str,
    start: datetime | None,
    end: datetime | None,
    after: PositionKey | None,
    limit: int,
    newest_first: bool,
) -> Select[Any]:
    """The statement of `Readings.positions`, by itself so that its plan can be looked at.

    The time of the key stands there once more by itself: a condition on a whole row leaves no partition
    out.
    """
    time = gps_positions.c.time
    key = (time, gps_positions.c.device_id, gps_positions.c.sequence)
    query = select(*_POSITIONS).where(
        gps_positions.c.tenant_id == tenant_id, gps_positions.c.vehicle_id == vehicle_id
    )
    if start is not None:
        query = query.where(time >= start)
    if end is not None:
        query = query.where(time < end)
    if after is not None and newest_first:
        query = query.where(time <= after[0], tuple_(*key) < after)
    elif after is not None:
        query = query.where(time >= after[0], tuple_(*key) > after)
    return query.order_by(*(column.desc() if newest_first else column for column in key)).limit(limit)


def _vehicles(tenant_id: int) -> Select[Any]:
    columns = (vehicles.c[name] for name in VehicleRecord.__slots__)
    return select(*columns).where(vehicles.c.tenant_id == tenant_id)


def _conditions(wanted: VehicleFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        conditions.append(vehicles.c.status == wanted.status)
    if wanted.group is not None:
        conditions.append(vehicles.c.group == wanted.group)
    if wanted.archived is not None:
        conditions.append(func.coalesce(vehicles.c.archived, False) == wanted.archived)
    if wanted.text is not None:
        part = f"%{escaped(wanted.text)}%"
        conditions.append(or_(vehicles.c.name.ilike(part), vehicles.c.plate.ilike(part)))
    if wanted.ids is not None:
        conditions.append(vehicles.c.id == any_(literal(list(wanted.ids), ARRAY(Text))))
    return conditions


def fits_any(name: ColumnElement[str], patterns: Sequence[str]) -> ColumnElement[bool]:
    likes = literal(likes_of(patterns), ARRAY(Text))
    return name.op("LIKE", is_comparison=True, return_type=None)(any_(likes))


def tracks_of(vehicle_id: ColumnElement[str]) -> ColumnElement[str]:
    """`track/{vehicle}/*`, with the id percent-encoded as names of documents have it."""
    encoded = vehicle_id
    for character in "%/?#":  # the percent sign first: the others bring some
        encoded = func.replace(encoded, character, f"%{ord(character):02X}")
    segment = case((vehicle_id == ".", "%2E"), (vehicle_id == "..", "%2E%2E"), else_=encoded)
    return literal("track/").concat(segment).concat("/*")
