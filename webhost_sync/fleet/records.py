"""Rows of the projection as the records that the store takes. Pure.

Attributes become JSON text, sorted, so that equal rows are equal texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256

from store.fleet_contract import ConflictRow, Position, RejectRow, Vehicle
from store.geofence_contract import Geofence
from webhost_sync.fleet.arrivals import Arrival
from webhost_sync.fleet.chunk import Fix, encode_chunk
from webhost_sync.fleet.geofence import Circle
from webhost_sync.fleet.geofence_rows import GeofenceRow
from webhost_sync.fleet.layout import milliseconds_from_time
from webhost_sync.fleet.rows import Conflict, PositionRow, Reject, VehicleRow


def vehicle_record(row: VehicleRow) -> Vehicle:
    """As a row of `vehicles`."""
    return Vehicle(
        id=row.id,
        name=row.name,
        plate=row.plate,
        group=row.group,
        driver=row.driver,
        status=row.status,
        icon=row.icon,
        color=row.color,
        odometer_m=row.odometer_m,
        installed_at=row.installed_at,
        archived=row.archived,
        attributes=_json(row.attributes),
    )


def geofence_record(row: GeofenceRow) -> Geofence:
    """As a row of `geofences`."""
    latitude = longitude = radius_m = points = None
    if isinstance(row.shape, Circle):
        (latitude, longitude), radius_m = row.shape.center, row.shape.radius_m
    else:
        points = json.dumps([{"latitude": lat, "longitude": lng} for lat, lng in row.shape.points])
    return Geofence(
        id=row.id,
        name=row.name,
        kind=row.kind,
        center_latitude=latitude,
        center_longitude=longitude,
        radius_m=radius_m,
        points=points,
        color=row.color,
        note=row.note,
        attributes=_json(row.attributes),
    )


def position_record(row: PositionRow, arrival: Arrival) -> Position:
    """As a row of `gps_positions`, brought by that log row."""
    return Position(
        sequence=row.sequence,
        time=row.time,
        device_time=row.device_time,
        latitude=row.latitude,
        longitude=row.longitude,
        altitude_m=row.altitude_m,
        speed_mps=row.speed_mps,
        heading_deg=row.heading_deg,
        accuracy_m=row.accuracy_m,
        valid=row.valid,
        flags=int(row.flags),
        attributes=_json(row.attributes) if row.attributes else None,
        received_at=arrival.received_at,
        seq=arrival.seq,
    )


def conflict_record(conflict: Conflict) -> ConflictRow:
    """As a row of `position_conflicts`."""
    return ConflictRow(conflict.sequence, conflict.content_hash, conflict.reason, _json(conflict.content))


def lost_record(row: Position) -> ConflictRow:
    """A conflict for a row whose sequence belongs to another document."""
    milliseconds = milliseconds_from_time(row.time)
    fix = Fix(
        row.sequence, milliseconds, row.latitude, row.longitude,
        row.altitude_m, row.speed_mps, row.heading_deg, row.accuracy_m,
        None if row.device_time is None else milliseconds_from_time(row.device_time),
        row.valid, json.loads(row.attributes) if row.attributes else {},
    )  # fmt: skip
    chunk = encode_chunk([fix])
    content = {
        "fix_time_ms": milliseconds,
        "latitude": row.latitude,
        "longitude": row.longitude,
        "speed_mps": row.speed_mps,
        "chunk": chunk.hex(),
    }
    reason = "another document has another content for this sequence"
    return ConflictRow(row.sequence, sha256(chunk).digest(), reason, _json(content))


def reject_record(rejected: Reject) -> RejectRow:
    """As a row of `projection_rejects`."""
    return RejectRow(rejected.path, rejected.reason, rejected.value)


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True)
