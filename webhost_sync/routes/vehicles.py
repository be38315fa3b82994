"""Vehicles and their positions, as rows of the tables that follow the documents.

Who may see a vehicle's row may read `tables/vehicles`; who may see its positions may read all of
`track/{id}/*`. A vehicle that may not be seen looks like one that doesn't exist.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from pydantic import Field
from starlette.responses import JSONResponse, Response

from store.readings import PositionKey, PositionRecord, VehicleFilter, VehicleRecord
from webhost_sync.auth.access import access_document
from webhost_sync.auth.principals import Principal, Scope, covers
from webhost_sync.errors import DocumentNotFound, InvalidRequest, VehicleNotFound
from webhost_sync.fleet.editable import GEOFENCE_TABLE
from webhost_sync.fleet.names import percent_encode
from webhost_sync.fleet.quality import names_of
from webhost_sync.routes import models
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.paging import page
from webhost_sync.routes.queries import PagedQuery, Seq, Time

VEHICLES = "tables/vehicles"
BY_ID = CursorFormat[str](str)
BY_TIME = CursorFormat[PositionKey](tuple[Time, str, Seq])
VEHICLE_ID = Parameter("id", "The vehicle's id, percent-encoded (a / in it is %2F).", "bus-7")


class VehicleQuery(PagedQuery):
    status: str | None = Field(None, description="Exactly this status.", examples=["active"])
    group: str | None = Field(None, description="Exactly this group.", examples=["north"])
    q: str | None = Field(
        None, min_length=1, max_length=200, description="Part of name or plate, in either case."
    )
    archived: bool | None = Field(None, description="Only archived ones, or only the others.")
    geofence: str | None = Field(
        None, description="Only those whose latest position is inside of this fence.", examples=["depot"]
    )


class PositionQuery(PagedQuery):
    start: Time | None = Field(None, alias="from", description="Fixes at this time or later.")
    end: Time | None = Field(None, alias="to", description="Fixes earlier than this time.")
    order: Literal["asc", "desc"] = Field("asc", description="Oldest or newest first.")


async def list_vehicles(call: Call[VehicleQuery, None]) -> Response:
    access_document(call.principal, VEHICLES)
    query = call.query
    inside = None
    if query.geofence is not None:
        access_document(call.principal, GEOFENCE_TABLE.document)
        inside = await call.services.fence_visits.inside_of(
            call.principal.tenant_id, readable_patterns(call.principal), query.geofence
        )
    wanted = VehicleFilter(query.status, query.group, query.archived, query.q, inside)

    async def fetch(after: str | None, limit: int) -> list[VehicleRecord]:
        return await call.services.readings.vehicles(
            call.principal.tenant_id, wanted, after=after, limit=limit
        )

    records, next_cursor = await page(call, BY_ID, fetch, lambda record: record.id)
    items = [models.Vehicle.model_validate(record) for record in records]
    return _json(models.VehiclePage(items=items, next_cursor=next_cursor))


async def get_vehicle(call: Call[Query, None]) -> Response:
    vehicle_id = vehicle_id_of(call)
    try:
        access_document(call.principal, VEHICLES)
    except DocumentNotFound as error:
        raise VehicleNotFound(repr(vehicle_id)) from error
    record = await call.services.readings.vehicle(call.principal.tenant_id, vehicle_id)
    if record is None:
        raise VehicleNotFound(repr(vehicle_id))
    return _json(models.Vehicle.model_validate(record))


async def list_positions(call: Call[PositionQuery, None]) -> Response:
    vehicle_id, query, readings = vehicle_id_of(call), call.query, call.services.readings
    if query.start is not None and query.end is not None and query.start >= query.end:
        raise InvalidRequest("query parameter 'to' must be later than 'from'")
    if not may_read_tracks(call.principal, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))

    async def fetch(after: PositionKey | None, limit: int) -> list[PositionRecord]:
        return await readings.positions(
            call.principal.tenant_id,
            vehicle_id,
            start=query.start,
            end=query.end,
            after=after,
            limit=limit,
            newest_first=query.order == "desc",
        )

    records, next_cursor = await page(
        call, BY_TIME, fetch, lambda record: (record.time, record.device_id, record.sequence)
    )
    if not records and not await readings.knows_vehicle(call.principal.tenant_id, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))
    items = [models.Position.model_validate(position_fields(record)) for record in records]
    return _json(models.PositionPage(items=items, next_cursor=next_cursor))


async def list_latest_positions(call: Call[PagedQuery, None]) -> Response:
    patterns = readable_patterns(call.principal)

    async def fetch(after: str | None, limit: int) -> list[PositionRecord]:
        return await call.services.readings.latest(
            call.principal.tenant_id, patterns, after=after, limit=limit
        )

    records, next_cursor = await page(call, BY_ID, fetch, lambda record: record.vehicle_id)
    items = [models.LatestPosition.model_validate(position_fields(record)) for record in records]
    return _json(models.LatestPositionPage(items=items, next_cursor=next_cursor))


def readable_patterns(principal: Principal) -> list[str]:
    """The patterns of documents that the principal may read."""
    return [grant.pattern for grant in principal.grants if Scope.READ in grant.rights]


def may_read_tracks(principal: Principal, vehicle_id: str) -> bool:
    """Whether one grant takes in every track of the vehicle."""
    tracks = f"track/{percent_encode(vehicle_id)}/*"
    return any(covers(pattern, tracks) for pattern in readable_patterns(principal))


def latest_as_json(record: PositionRecord) -> bytes:
    """A latest position as lists and streams have it."""
    return models.LatestPosition.model_validate(position_fields(record)).model_dump_json().encode()


def vehicle_id_of(call: Call[Any, Any]) -> str:
    """The vehicle that the path names. Raises: VehicleNotFound, InvalidRequest."""
    vehicle_id = call.path_parameter("id")
    if "\0" in vehicle_id:  # which Postgres can't hold, so there is none
        raise VehicleNotFound(repr(vehicle_id))
    return vehicle_id


def position_fields(record: PositionRecord) -> dict[str, object]:
    """What `models.Position` and `models.LatestPosition` are made from."""
    flags, attributes = names_of(record.flags), record.attributes or {}
    return {**dataclasses.asdict(record), "flags": flags, "attributes": attributes}


def _json(
    answer: models.Vehicle | models.VehiclePage | models.PositionPage | models.LatestPositionPage,
) -> JSONResponse:
    return JSONResponse(answer.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


A_POSITION = {
    "vehicle_id": "bus-7", "device_id": "tracker-1", "sequence": 41, "time": "2026-05-01T12:00:00Z",
    "received_at": "2026-05-01T12:00:01.250000Z", "latitude": 52.2297, "longitude": 21.0122,
    "altitude_m": 113.0, "speed_mps": 12.5, "heading_deg": 270.0, "accuracy_m": 4.0, "valid": True,
    "flags": [], "attributes": {"ignition": True},
}  # fmt: skip
A_VEHICLE = {
    "id": "bus-7", "name": "Bus 7", "plate": "WX 1234", "group": "north", "driver": "Ada",
    "status": "active", "icon": "bus", "color": "#2a6", "odometer_m": 120500.0,
    "installed_at": "2025-11-03T08:00:00Z", "archived": False, "attributes": {"seats": 44},
}  # fmt: skip

ENDPOINTS = (
    Endpoint(
        method="GET",
        path="/api/vehicles",
        tag="vehicles",
        summary="List vehicles",
        description="Vehicles in the order of their ids. Needs the right to read `tables/vehicles`. "
        "Asking by `geofence` also needs that to read `tables/geofences`, and shows vehicles all of whose "
        "tracks may be read (`track/{id}/*`).",
        handler=list_vehicles,
        query=VehicleQuery,
        body=NoBody(),
        answers=(
            Answer(
                200,
                "A page of vehicles",
                models.VehiclePage,
                {"items": [A_VEHICLE], "next_cursor": None},
            ),
        ),
        errors=(InvalidRequest, DocumentNotFound),
    ),
    Endpoint(
        method="GET",
        path="/api/vehicles/{id}",
        tag="vehicles",
        summary="Get a vehicle",
        description="One vehicle. Needs the right to read `tables/vehicles`.",
        handler=get_vehicle,
        query=Query,
        body=NoBody(),
        answers=(Answer(200, "The vehicle", models.Vehicle, A_VEHICLE),),
        errors=(InvalidRequest, VehicleNotFound),
        path_parameters=(VEHICLE_ID,),
    ),
    Endpoint(
        method="GET",
        path="/api/vehicles/{id}/positions",
        tag="positions",
        summary="List a vehicle's positions",
        description="Positions in the order of fix time, then device and sequence. Needs the right to read "
        "every track of the vehicle: a grant that takes in `track/{id}/*`.",
        handler=list_positions,
        query=PositionQuery,
        body=NoBody(),
        answers=(
            Answer(
                200,
                "A page of positions",
                models.PositionPage,
                {
                    "items": [{**A_POSITION, "device_time": "2026-05-01T12:00:00.120000Z"}],
                    "next_cursor": None,
                },
            ),
        ),
        errors=(InvalidRequest, VehicleNotFound),
        path_parameters=(VEHICLE_ID,),
    ),
    Endpoint(
        method="GET",
        path="/api/positions/latest",
        tag="positions",
        summary="List latest positions",
        description="The latest position of each vehicle whose tracks may all be read (a grant that takes in "
        "`track/{id}/*`), in the order of vehicle ids. A fix from the future never becomes the latest.",
        handler=list_latest_positions,
        query=PagedQuery,
        body=NoBody(),
        answers=(
            Answer(
                200,
                "A page of positions",
                models.LatestPositionPage,
                {"items": [A_POSITION], "next_cursor": None},
            ),
        ),
        errors=(InvalidRequest,),
    ),
)
