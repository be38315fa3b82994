"""The JSON of tracks, trips and edits of vehicles; the OpenAPI document is made from it."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from webhost_sync.fleet.tracks.figures import Figures as FiguresRecord
from webhost_sync.fleet.tracks.segments import Kind
from webhost_sync.fleet.tracks.segments import Segment as SegmentRecord
from webhost_sync.fleet.vehicle_tracks import VehicleTrack, time_of
from webhost_sync.routes.models import PlainText
from webhost_sync.routes.queries import Time

TypedTime = Annotated[Time, WithJsonSchema({"type": "string", "format": "date-time"})]


class _OfRange(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    vehicle_id: str
    start: datetime = Field(alias="from")
    end: datetime = Field(alias="to")
    fixes: int = Field(description="How many there are in the range.")
    doubtful: int = Field(description="How many of them were left out, since they don't say where it was.")
    sampled_every_s: int | None = Field(
        description="Null where all fixes were looked at; else one of each so many seconds was."
    )


class TrackPoint(BaseModel):
    time: datetime
    latitude: float
    longitude: float
    speed_mps: float | None
    heading_deg: float | None


class Track(_OfRange):
    """A vehicle's way as a line for a map."""

    error_m: float = Field(
        description="At most so far from the line was any fix that isn't a point of it, at its time."
    )
    points: list[TrackPoint] = Field(description="The first and last fix, and the others by what they tell.")


class Segment(BaseModel):
    """A stretch of time; it begins where the one before it ends."""

    kind: Kind = Field(description="`gap`: a silence of over an hour, and then it was elsewhere.")
    start: datetime
    end: datetime
    duration_s: float
    distance_m: float = Field(description="Of a trip; of a gap as the crow flies; of a stop 0.")
    average_speed_mps: float | None = Field(description="Only of a trip, as the next.")
    max_speed_mps: float | None
    latitude: float = Field(description="The middle of a stop; else where it begins.")
    longitude: float
    end_latitude: float
    end_longitude: float


class Figures(BaseModel):
    distance_m: float = Field(description="Driven; gaps don't count.")
    driving_s: float
    standing_s: float
    silent_s: float = Field(description="In gaps.")
    trips: int
    stops: int
    max_speed_mps: float | None
    average_speed_mps: float | None = Field(description="While driving.")


class DayFigures(Figures):
    """One UTC day. What goes on over midnight counts for both days, as a trip or stop for the first."""

    day: date


class Trips(_OfRange):
    """What a vehicle did, in order."""

    total: Figures
    days: list[DayFigures]
    items: list[Segment]


class VehicleChange(BaseModel):
    """Fields to change; one that is null is removed, one that isn't sent stays."""

    model_config = ConfigDict(extra="forbid")

    name: PlainText | None = None
    plate: PlainText | None = None
    group: PlainText | None = None
    driver: PlainText | None = None
    status: PlainText | None = None
    icon: PlainText | None = None
    color: PlainText | None = None
    odometer_m: float | None = Field(None, allow_inf_nan=False)
    installed_at: TypedTime | None = None
    archived: bool | None = None
    attributes: dict[str, object] = Field(
        default_factory=dict,
        description="Other fields by name; each is changed, or with null removed, by itself.",
    )

    @property
    def fields(self) -> dict[str, object]:
        """What was sent, but for attributes."""
        return {name: getattr(self, name) for name in self.model_fields_set if name != "attributes"}


def track_model(vehicle_id: str, track: VehicleTrack) -> Track:
    points = [
        TrackPoint(
            time=time_of(point.time_ms),
            latitude=point.latitude,
            longitude=point.longitude,
            speed_mps=point.speed_mps,
            heading_deg=point.heading_deg,
        )
        for point in (track.line[place] for place in track.thin.kept)
    ]
    return Track(**_of_range(vehicle_id, track), error_m=round(track.thin.error_m, 2), points=points)


def trips_model(vehicle_id: str, track: VehicleTrack) -> Trips:
    return Trips(
        **_of_range(vehicle_id, track),
        total=Figures(**_figures(track.total)),
        days=[DayFigures(day=day.day, **_figures(day.figures)) for day in track.days],
        items=[_segment(track, segment) for segment in track.segments],
    )


def _of_range(vehicle_id: str, track: VehicleTrack) -> dict[str, Any]:
    return {
        "vehicle_id": vehicle_id,
        "start": track.range.start,
        "end": track.range.end,
        "fixes": track.fixes,
        "doubtful": track.doubtful,
        "sampled_every_s": track.sampled_every_s,
    }


def _figures(figures: FiguresRecord) -> dict[str, Any]:
    return {
        "distance_m": round(figures.distance_m, 1),
        "driving_s": figures.driving_s,
        "standing_s": figures.standing_s,
        "silent_s": figures.silent_s,
        "trips": figures.trips,
        "stops": figures.stops,
        "max_speed_mps": _rounded(figures.max_speed_mps),
        "average_speed_mps": _rounded(figures.average_speed_mps),
    }


def _segment(track: VehicleTrack, segment: SegmentRecord) -> Segment:
    end = segment if segment.kind is Kind.STOP else track.line[segment.last]
    return Segment(
        kind=segment.kind,
        start=time_of(segment.start_ms),
        end=time_of(segment.end_ms),
        duration_s=segment.duration_s,
        distance_m=round(segment.distance_m, 1),
        average_speed_mps=_rounded(segment.average_speed_mps),
        max_speed_mps=_rounded(segment.max_speed_mps),
        latitude=segment.latitude,
        longitude=segment.longitude,
        end_latitude=end.latitude,
        end_longitude=end.longitude,
    )


def _rounded(speed: float | None) -> float | None:
    return None if speed is None else round(speed, 2)
