"""Fences, and the vehicles that entered and left them; changes are edits of `tables/geofences`.

Who may see a fence may read `tables/geofences`; who may see an event may also read all tracks of its vehicle.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response

from store.geofence_readings import CrossingFilter, CrossingKey, CrossingRecord, GeofenceRecord
from webhost_sync.auth.access import access_document
from webhost_sync.auth.principals import Scope
from webhost_sync.errors import (
    DocumentNotFound,
    DocumentQuarantined,
    Draining,
    InvalidRequest,
    NotAllowed,
    NotFound,
    RoomClosing,
    TooLarge,
)
from webhost_sync.fleet.editable import GEOFENCE_TABLE
from webhost_sync.fleet.row_edit import changes_of
from webhost_sync.fleet.row_editor import Editor
from webhost_sync.routes.bodies import JsonBody, NoBody
from webhost_sync.routes.cursors import CursorFormat
from webhost_sync.routes.documents import SEQ_HEADER
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.geofence_models import (
    Geofence,
    GeofenceChange,
    GeofenceEventPage,
    GeofencePage,
    NewGeofence,
    event_model,
    model_of_record,
    model_of_row,
)
from webhost_sync.routes.paging import page
from webhost_sync.routes.queries import PagedQuery, Seq, Time
from webhost_sync.routes.vehicles import BY_ID, readable_patterns

BY_CROSSING = CursorFormat[CrossingKey](tuple[Time, str, Seq, str, str])
GEOFENCE_ID = Parameter("id", "The fence's id, percent-encoded (a / in it is %2F).", "depot")


class EventQuery(PagedQuery):
    start: Time | None = Field(None, alias="from", description="Events at this time or later.")
    end: Time | None = Field(None, alias="to", description="Events earlier than this time.")
    vehicle: str | None = Field(None, description="Only of this vehicle.", examples=["bus-7"])
    geofence: str | None = Field(None, description="Only at this fence.", examples=["depot"])


async def list_geofences(call: Call[PagedQuery, None]) -> Response:
    access_document(call.principal, GEOFENCE_TABLE.document)

    async def fetch(after: str | None, limit: int) -> list[GeofenceRecord]:
        return await call.services.geofences.geofences(call.principal.tenant_id, after=after, limit=limit)

    records, cursor = await page(call, BY_ID, fetch, lambda record: record.id)
    return _json(GeofencePage(items=[model_of_record(record) for record in records], next_cursor=cursor))


async def list_events(call: Call[EventQuery, None]) -> Response:
    access_document(call.principal, GEOFENCE_TABLE.document)
    query = call.query
    if query.start is not None and query.end is not None and query.start >= query.end:
        raise InvalidRequest("query parameter 'to' must be later than 'from'")
    wanted = CrossingFilter(query.start, query.end, query.vehicle, query.geofence)
    patterns = readable_patterns(call.principal)

    async def fetch(after: CrossingKey | None, limit: int) -> list[CrossingRecord]:
        return await call.services.geofences.crossings(
            call.principal.tenant_id, patterns, wanted, after=after, limit=limit
        )

    records, cursor = await page(call, BY_CROSSING, fetch, key_of)
    return _json(GeofenceEventPage(items=[event_model(record) for record in records], next_cursor=cursor))


def key_of(record: CrossingRecord) -> CrossingKey:
    return record.time, record.vehicle_id, record.sequence, record.device_id, record.geofence_id


async def add_geofence(call: Call[Query, NewGeofence]) -> Response:
    principal, body = call.principal, call.body
    access_document(principal, GEOFENCE_TABLE.document, Scope.WRITE)
    changes = changes_of(GEOFENCE_TABLE, body.fields, body.attributes)
    added = await call.services.admin.geofences.add(
        principal.tenant_id, body.id or str(uuid4()), changes, _editor(call), deed=call.deed
    )
    return _json(model_of_row(added.row), 201, added.seq)


async def change_geofence(call: Call[Query, GeofenceChange]) -> Response:
    key = _writable_key(call)
    changes = changes_of(GEOFENCE_TABLE, call.body.fields, call.body.attributes)
    edited = await call.services.admin.geofences.edit(
        call.principal.tenant_id, key, changes, _editor(call), deed=call.deed
    )
    return _json(model_of_row(edited.row), 200, edited.seq)


async def remove_geofence(call: Call[Query, None]) -> Response:
    key = _writable_key(call)
    seq = await call.services.admin.geofences.remove(
        call.principal.tenant_id, key, _editor(call), deed=call.deed
    )
    return Response(status_code=204, headers={SEQ_HEADER: str(seq)})


def _writable_key(call: Call[Any, Any]) -> str:
    """The fence that the path names. Raises: NotFound, also where fences may not be seen; NotAllowed."""
    key = call.path_parameter("id")
    try:
        access_document(call.principal, GEOFENCE_TABLE.document, Scope.WRITE)
    except DocumentNotFound as error:
        raise GEOFENCE_TABLE.missing(key) from error
    return key


def _editor(call: Call[Any, Any]) -> Editor:
    return Editor(call.principal.subject, call.principal.device)


def _json(answer: BaseModel, status: int = 200, seq: int | None = None) -> JSONResponse:
    headers = {"Cache-Control": "no-store"}
    if seq is not None:
        headers[SEQ_HEADER] = str(seq)
    return JSONResponse(answer.model_dump(mode="json"), status, headers)


A_CIRCLE = {
    "id": "depot", "kind": "circle", "center": {"latitude": 52.2297, "longitude": 21.0122}, "radius_m": 250.0,
    "points": None, "name": "Depot", "color": "#2a6", "note": None, "attributes": {},
}  # fmt: skip
CORNERS = [
    {"latitude": 52.22, "longitude": 21.0}, {"latitude": 52.22, "longitude": 21.03},
    {"latitude": 52.24, "longitude": 21.01},
]  # fmt: skip
AN_EVENT = {
    "geofence_id": "depot", "vehicle_id": "bus-7", "event": "enter", "time": "2026-05-01T12:00:00Z",
    "latitude": 52.2297, "longitude": 21.0122, "device_id": "tracker-1", "sequence": 41,
}  # fmt: skip
SEQ = Parameter(SEQ_HEADER, "The document's last committed update then.", "42")
OF_EDITS = (NotAllowed, InvalidRequest, TooLarge, DocumentQuarantined, Draining, RoomClosing)

ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="GET",
        path="/api/geofences",
        tag="geofences",
        summary="List geofences",
        description="Fences in the order of their ids. Needs the right to read `tables/geofences`.",
        handler=list_geofences,
        query=PagedQuery,
        body=NoBody(),
        answers=(
            Answer(200, "A page of fences", GeofencePage, {"items": [A_CIRCLE], "next_cursor": None}),
        ),
        errors=(InvalidRequest, DocumentNotFound),
    ),
    Endpoint(
        method="GET",
        path="/api/geofences/events",
        tag="geofences",
        summary="List who entered and left",
        description="Vehicles that entered and left fences, newest first, by the time of the fix. They "
        "follow from fixes and fences as these are now: late fixes and changed fences change them. Needs the "
        "right to read `tables/geofences`; shows the vehicles whose tracks may all be read (`track/{id}/*`).",
        handler=list_events,
        query=EventQuery,
        body=NoBody(),
        answers=(
            Answer(200, "A page of events", GeofenceEventPage, {"items": [AN_EVENT], "next_cursor": None}),
        ),
        errors=(InvalidRequest, DocumentNotFound),
    ),
    Endpoint(
        method="POST",
        path="/api/geofences",
        tag="geofences",
        summary="Add a geofence",
        description="Puts a row into `tables/geofences`, as an edit of that document like any other. Answers "
        "once it is stored; lists and events follow in a moment. Needs the right to write the document.",
        handler=add_geofence,
        query=Query,
        body=JsonBody(
            NewGeofence,
            "A circle or a polygon.",
            {
                "a circle": {
                    "id": "depot", "kind": "circle", "name": "Depot", "color": "#2a6", "radius_m": 250,
                    "center": A_CIRCLE["center"],
                },
                "a polygon": {"kind": "polygon", "name": "Old town", "points": CORNERS},
            },
        ),
        answers=(Answer(201, "The fence", Geofence, A_CIRCLE, headers=(SEQ,)),),
        errors=(DocumentNotFound, *OF_EDITS),
    ),
    Endpoint(
        method="PATCH",
        path="/api/geofences/{id}",
        tag="geofences",
        summary="Change a geofence",
        description="Changes the fields that are sent; otherwise as adding one. Events of the past are made "
        "anew for the new shape. Where nothing differs, nothing is written.",
        handler=change_geofence,
        query=Query,
        body=JsonBody(
            GeofenceChange,
            "The fields to change. Null removes a field; one that isn't sent stays.",
            {"wider": {"radius_m": 400}, "another shape": {"kind": "polygon", "points": CORNERS}},
        ),
        answers=(Answer(200, "The fence after the edit", Geofence, A_CIRCLE, headers=(SEQ,)),),
        errors=(NotFound, *OF_EDITS),
        path_parameters=(GEOFENCE_ID,),
    ),
    Endpoint(
        method="DELETE",
        path="/api/geofences/{id}",
        tag="geofences",
        summary="Remove a geofence",
        description="Takes the row out of `tables/geofences`; its events go with it. The document's history "
        "keeps it. Needs the right to write the document.",
        handler=remove_geofence,
        query=Query,
        body=NoBody(),
        answers=(Answer(204, "Removed", headers=(SEQ,)),),
        errors=(NotFound, *OF_EDITS),
        path_parameters=(GEOFENCE_ID,),
    ),
)  # fmt: skip
