"""The JSON of fences and their events; the OpenAPI document is made from it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from store.geofence_readings import CrossingRecord, GeofenceRecord
from webhost_sync.fleet.geofence import MAX_POINTS, MAX_RADIUS_M, Circle
from webhost_sync.fleet.geofence_rows import GeofenceRow
from webhost_sync.routes.models import PlainText

Kind = Literal["circle", "polygon"]
OF_OTHER_KIND: dict[str, tuple[str, ...]] = {"circle": ("points",), "polygon": ("center", "radius_m")}


class Place(BaseModel):
    model_config = ConfigDict(extra="forbid")

    latitude: float = Field(ge=-90, le=90, description="Degrees, WGS 84.")
    longitude: float = Field(ge=-180, le=180, description="Degrees, WGS 84.")


class Geofence(BaseModel):
    """A row of the document `tables/geofences`."""

    id: str
    kind: Kind
    center: Place | None = Field(description="Of a circle.")
    radius_m: float | None = Field(description="Of a circle; metres.")
    points: list[Place] | None = Field(description="Of a polygon; the first is not there again at the end.")
    name: str | None
    color: str | None
    note: str | None
    attributes: dict[str, object] = Field(description="Every other field of the row.")


class GeofencePage(BaseModel):
    items: list[Geofence]
    next_cursor: str | None


class GeofenceEvent(BaseModel):
    """A vehicle that was first seen inside, or again outside, of a fence; time and place are of that fix."""

    geofence_id: str
    vehicle_id: str
    event: Literal["enter", "exit"]
    time: datetime
    latitude: float
    longitude: float
    device_id: str
    sequence: int


class GeofenceEventPage(BaseModel):
    items: list[GeofenceEvent]
    next_cursor: str | None


class GeofenceChange(BaseModel):
    """Fields to change; one that is null is removed, one that isn't sent stays."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind | None = Field(None, description="With another kind the fields of the former one go.")
    center: Place | None = Field(None, description="Of a circle.")
    radius_m: float | None = Field(None, gt=0, le=MAX_RADIUS_M, description="Of a circle; metres.")
    points: list[Place] | None = Field(None, min_length=3, max_length=MAX_POINTS, description="Of a polygon.")
    name: PlainText | None = None
    color: PlainText | None = None
    note: PlainText | None = None
    attributes: dict[str, object] = Field(
        default_factory=dict,
        description="Other fields by name; each is changed, or with null removed, by itself.",
    )

    @property
    def fields(self) -> dict[str, object]:
        """What was sent, but for id and attributes, in plain values."""
        sent = self.model_dump(include=self.model_fields_set - {"id", "attributes"})
        return {**sent, **dict.fromkeys(OF_OTHER_KIND.get(self.kind or "", ()))}


class NewGeofence(GeofenceChange):
    """A circle (`center`, `radius_m`) or a polygon (`points`)."""

    id: PlainText | None = Field(None, min_length=1, description="Default: a new UUID.")
    kind: Kind


def model_of_record(record: GeofenceRecord) -> Geofence:
    center = None
    if record.center_latitude is not None and record.center_longitude is not None:
        center = Place(latitude=record.center_latitude, longitude=record.center_longitude)
    return Geofence(
        id=record.id,
        kind=record.kind,  # type: ignore[arg-type]  # the table has a check
        center=center,
        radius_m=record.radius_m,
        points=None if record.points is None else [Place.model_validate(point) for point in record.points],
        name=record.name,
        color=record.color,
        note=record.note,
        attributes=dict(record.attributes),
    )


def model_of_row(row: GeofenceRow) -> Geofence:
    """The fence as the document holds it; its row in SQL follows."""
    return Geofence(
        id=row.id,
        kind="circle" if isinstance(row.shape, Circle) else "polygon",
        center=_place(row.shape.center) if isinstance(row.shape, Circle) else None,
        radius_m=row.shape.radius_m if isinstance(row.shape, Circle) else None,
        points=None if isinstance(row.shape, Circle) else [_place(point) for point in row.shape.points],
        name=row.name,
        color=row.color,
        note=row.note,
        attributes=dict(row.attributes),
    )


def event_model(record: CrossingRecord) -> GeofenceEvent:
    return GeofenceEvent(
        geofence_id=record.geofence_id,
        vehicle_id=record.vehicle_id,
        event="enter" if record.enters else "exit",
        time=record.time,
        latitude=record.latitude,
        longitude=record.longitude,
        device_id=record.device_id,
        sequence=record.sequence,
    )


def _place(point: tuple[float, float]) -> Place:
    return Place(latitude=point[0], longitude=point[1])
