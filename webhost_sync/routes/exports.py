"""Positions as files: of one vehicle, or of all whose tracks may be read."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from pydantic import Field
from starlette.responses import Response

from webhost_sync.errors import InvalidRequest, VehicleNotFound
from webhost_sync.fleet.exports import FORMATS
from webhost_sync.fleet.ranges import TimeRange, read_range
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.file_names import as_file
from webhost_sync.routes.file_stream import FileStream
from webhost_sync.routes.queries import Time
from webhost_sync.routes.services import Services
from webhost_sync.routes.vehicles import VEHICLE_ID, may_read_tracks, readable_patterns, vehicle_id_of

VEHICLE_FILE = timedelta(days=366)
FLEET_FILE = timedelta(days=31)
Form = Literal["csv", "geojson", "gpx"]


class ExportQuery(Query):
    form: Form = Field("csv", description="The form of the file.", examples=["gpx"])
    start: Time | None = Field(
        None, alias="from", description="Fixes at this time or later. Default: 24 hours before `to`."
    )
    end: Time | None = Field(None, alias="to", description="Fixes earlier than this time. Default: now.")


async def export_vehicle(call: Call[ExportQuery, None]) -> Response:
    vehicle_id, tenant_id = vehicle_id_of(call), call.principal.tenant_id
    range = _range(call.query, VEHICLE_FILE)
    if not may_read_tracks(call.principal, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))
    if not await call.services.readings.knows_vehicle(tenant_id, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))
    return vehicle_file(call.services, tenant_id, vehicle_id, range, call.query.form)


async def export_positions(call: Call[ExportQuery, None]) -> Response:
    range, patterns = _range(call.query, FLEET_FILE), readable_patterns(call.principal)
    return fleet_file(call.services, call.principal.tenant_id, patterns, range, call.query.form)


def vehicle_file(
    services: Services, tenant_id: int, vehicle_id: str, range: TimeRange, form: Form
) -> Response:
    """The positions of one vehicle."""
    return _file(services, tenant_id, ["*"], range, form, vehicle_id)


def fleet_file(
    services: Services, tenant_id: int, patterns: Sequence[str], range: TimeRange, form: Form
) -> Response:
    """The positions of every vehicle all of whose tracks fit one of the patterns."""
    return _file(services, tenant_id, patterns, range, form, None)


def _file(
    services: Services,
    tenant_id: int,
    patterns: Sequence[str],
    range: TimeRange,
    form: Form,
    vehicle_id: str | None,
) -> Response:
    file = FORMATS[form]()

    @asynccontextmanager
    async def open_parts() -> AsyncIterator[AsyncIterator[bytes]]:
        reading = services.track_readings.file(
            tenant_id, patterns, range.start, range.end, vehicle_id=vehicle_id
        )
        async with reading as pages:

            async def parts() -> AsyncIterator[bytes]:
                yield file.head().encode()
                async for records in pages:
                    yield file.part(records).encode()
                yield file.foot().encode()

            yield parts()

    name = f"{vehicle_id or 'positions'}_{_stamp(range.start)}_{_stamp(range.end)}.{file.suffix}"
    return FileStream(
        open_parts,
        media_type=file.media_type,
        headers=as_file(name),
        patience=services.settings.outbox_timeout,
    )


def _range(query: ExportQuery, longest: timedelta) -> TimeRange:
    return read_range(start=query.start, end=query.end, now=datetime.now(UTC), longest=longest)


def _stamp(time: datetime) -> str:
    return f"{time:%Y%m%dT%H%M}Z"


_ANSWER = Answer(
    200,
    "The file. Where something goes wrong on the way the connection breaks, so half a file is none",
    "text/csv",
    headers=(
        Parameter(
            "Content-Disposition",
            "What the file may be called.",
            'attachment; filename="bus-7_20260501T0000Z_20260502T0000Z.csv"',
        ),
    ),
    others=("application/geo+json", "application/gpx+xml"),
)

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="GET",
        path="/api/vehicles/{id}/export",
        tag="positions",
        summary="Download a vehicle's positions as a file",
        description="Positions in the order of fix time. Needs the right to read every track of the vehicle: "
        "a grant that takes in `track/{id}/*`.",
        handler=export_vehicle,
        query=ExportQuery,
        body=NoBody(),
        answers=(_ANSWER,),
        errors=(InvalidRequest, VehicleNotFound),
        path_parameters=(VEHICLE_ID,),
    ),
    Endpoint(
        method="GET",
        path="/api/positions/export",
        tag="positions",
        summary="Download the positions of all vehicles as a file",
        description="By vehicle, then in the order of fix time: of each vehicle whose tracks may all be read "
        "(a grant that takes in `track/{id}/*`).",
        handler=export_positions,
        query=ExportQuery,
        body=NoBody(),
        answers=(_ANSWER,),
        errors=(InvalidRequest,),
    ),
)
