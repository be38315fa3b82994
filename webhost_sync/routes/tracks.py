"""What a vehicle did in a range of time: its way as a line, and its trips, stops and gaps."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from webhost_sync.errors import InvalidRequest, VehicleNotFound
from webhost_sync.fleet.ranges import read_range
from webhost_sync.fleet.vehicle_tracks import VehicleTrack
from webhost_sync.routes import track_models as models
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query
from webhost_sync.routes.queries import Time
from webhost_sync.routes.vehicles import VEHICLE_ID, may_read_tracks, vehicle_id_of

LONGEST = timedelta(days=31)
DEFAULT_POINTS = 1000
MAX_POINTS = 5000


class RangeQuery(Query):
    start: Time | None = Field(
        None, alias="from", description="Fixes at this time or later. Default: 24 hours before `to`."
    )
    end: Time | None = Field(None, alias="to", description="Fixes earlier than this time. Default: now.")


class TrackQuery(RangeQuery):
    limit: int = Field(DEFAULT_POINTS, ge=2, le=MAX_POINTS, description="Points at most.")


async def get_track(call: Call[TrackQuery, None]) -> Response:
    vehicle_id = vehicle_id_of(call)
    track = await _track(call, vehicle_id, call.query.limit)
    return _json(models.track_model(vehicle_id, track))


async def list_trips(call: Call[RangeQuery, None]) -> Response:
    vehicle_id = vehicle_id_of(call)
    return _json(models.trips_model(vehicle_id, await _track(call, vehicle_id, 2)))


async def _track(call: Call[Any, None], vehicle_id: str, points: int) -> VehicleTrack:
    query, tenant_id = call.query, call.principal.tenant_id
    range = read_range(start=query.start, end=query.end, now=datetime.now(UTC), longest=LONGEST)
    if not may_read_tracks(call.principal, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))
    track = await call.services.tracks.of(tenant_id, vehicle_id, range, points=points)
    if not track.fixes and not await call.services.readings.knows_vehicle(tenant_id, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))
    return track


def _json(answer: BaseModel) -> JSONResponse:
    content = answer.model_dump(mode="json", by_alias=True)
    return JSONResponse(content, headers={"Cache-Control": "no-store"})


_OF_RANGE = {
    "vehicle_id": "bus-7", "from": "2026-05-01T00:00:00Z", "to": "2026-05-02T00:00:00Z", "fixes": 2880,
    "doubtful": 3, "sampled_every_s": None,
}  # fmt: skip
_FIGURES = {
    "distance_m": 18250.4, "driving_s": 2400.0, "standing_s": 1200.0, "silent_s": 0.0, "trips": 2, "stops": 1,
    "max_speed_mps": 16.9, "average_speed_mps": 7.6,
}  # fmt: skip
_TRIP = {
    "kind": "trip", "start": "2026-05-01T12:00:00Z", "end": "2026-05-01T12:20:00Z", "duration_s": 1200.0,
    "distance_m": 9120.2, "average_speed_mps": 7.6, "max_speed_mps": 16.9, "latitude": 52.2297,
    "longitude": 21.0122, "end_latitude": 52.2518, "end_longitude": 20.9814,
}  # fmt: skip
_STOP = {
    "kind": "stop", "start": "2026-05-01T12:20:00Z", "end": "2026-05-01T12:40:00Z", "duration_s": 1200.0,
    "distance_m": 0.0, "average_speed_mps": None, "max_speed_mps": None, "latitude": 52.2518,
    "longitude": 20.9814, "end_latitude": 52.2518, "end_longitude": 20.9814,
}  # fmt: skip
_POINT = {
    "time": "2026-05-01T12:00:00Z", "latitude": 52.2297, "longitude": 21.0122, "speed_mps": 12.5,
    "heading_deg": 270.0,
}  # fmt: skip
_RIGHT = (
    "Needs the right to read every track of the vehicle: a grant that takes in `track/{id}/*`. "
    "At most 31 days at once."
)

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="GET",
        path="/api/vehicles/{id}/track",
        tag="positions",
        summary="Get a vehicle's way as a line",
        description="Points for a map: as many as asked for, chosen so that the line stays near the vehicle "
        f"at every time. Fixes in doubt are left out. {_RIGHT}",
        handler=get_track,
        query=TrackQuery,
        body=NoBody(),
        answers=(Answer(200, "The line", models.Track, {**_OF_RANGE, "error_m": 4.2, "points": [_POINT]}),),
        errors=(InvalidRequest, VehicleNotFound),
        path_parameters=(VEHICLE_ID,),
    ),
    Endpoint(
        method="GET",
        path="/api/vehicles/{id}/trips",
        tag="positions",
        summary="List a vehicle's trips and stops",
        description="What it did, with figures for each trip, each day and the whole range. Made anew from "
        f"the positions for each request, so fixes that come late are part of it. {_RIGHT}",
        handler=list_trips,
        query=RangeQuery,
        body=NoBody(),
        answers=(
            Answer(
                200,
                "Trips, stops and gaps, each beginning where the one before it ends",
                models.Trips,
                {
                    **_OF_RANGE,
                    "total": _FIGURES,
                    "days": [{"day": "2026-05-01", **_FIGURES}],
                    "items": [_TRIP, _STOP],
                },
            ),
        ),
        errors=(InvalidRequest, VehicleNotFound),
        path_parameters=(VEHICLE_ID,),
    ),
)
