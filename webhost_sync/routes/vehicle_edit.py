"""Changing a vehicle: an edit of `tables/vehicles` like any other, for callers that have no replica of it."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

from webhost_sync.auth.access import access_document
from webhost_sync.auth.principals import Scope
from webhost_sync.errors import (
    DocumentNotFound,
    DocumentQuarantined,
    Draining,
    InvalidRequest,
    NotAllowed,
    RoomClosing,
    TooLarge,
    VehicleNotFound,
)
from webhost_sync.fleet.editable import VEHICLE_TABLE
from webhost_sync.fleet.row_edit import changes_of
from webhost_sync.fleet.row_editor import Editor
from webhost_sync.fleet.rows import VehicleRow
from webhost_sync.routes import models
from webhost_sync.routes.bodies import JsonBody
from webhost_sync.routes.documents import SEQ_HEADER
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.track_models import VehicleChange
from webhost_sync.routes.vehicles import A_VEHICLE, VEHICLE_ID, VEHICLES, vehicle_id_of


async def change_vehicle(call: Call[Query, VehicleChange]) -> Response:
    vehicle_id, principal = vehicle_id_of(call), call.principal
    try:
        access_document(principal, VEHICLES, Scope.WRITE)
    except DocumentNotFound as error:
        raise VehicleNotFound(repr(vehicle_id)) from error
    changes = changes_of(VEHICLE_TABLE, call.body.fields, call.body.attributes)
    editor = Editor(principal.subject, principal.device)
    edited = await call.services.admin.vehicles.edit(
        principal.tenant_id, vehicle_id, changes, editor, deed=call.deed
    )
    return JSONResponse(
        vehicle_model(edited.row).model_dump(mode="json"),
        headers={"Cache-Control": "no-store", SEQ_HEADER: str(edited.seq)},
    )


def vehicle_model(row: VehicleRow) -> models.Vehicle:
    """The vehicle as the document holds it; its row in SQL follows."""
    return models.Vehicle.model_validate(row)


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    Endpoint(
        method="PATCH",
        path="/api/vehicles/{id}",
        tag="vehicles",
        summary="Change a vehicle",
        description="Changes the fields that are sent, as one edit of `tables/vehicles`: it merges field by "
        "field with what others do meanwhile, and whoever is connected sees it at once. Answers once it is "
        "stored, with the vehicle as it is then; lists follow in a moment. Where nothing differs, nothing "
        "is written. Needs the right to write `tables/vehicles`.",
        handler=change_vehicle,
        query=Query,
        body=JsonBody(
            VehicleChange,
            "The fields to change. Null removes a field; one that isn't sent stays.",
            {
                "a new driver": {"driver": "Grace", "attributes": {"seats": 48}},
                "out of service": {"status": "workshop", "archived": True, "driver": None},
            },
        ),
        answers=(
            Answer(
                200,
                "The vehicle after the edit",
                models.Vehicle,
                A_VEHICLE,
                headers=(Parameter(SEQ_HEADER, "The document's last committed update then.", "42"),),
            ),
        ),
        errors=(
            InvalidRequest, NotAllowed, VehicleNotFound, TooLarge, DocumentQuarantined, Draining, RoomClosing
        ),
        path_parameters=(VEHICLE_ID,),
    ),
)  # fmt: skip
