"""One vehicle: what it is, where it is, where it was and what it did there.

/fleet/{vehicle}           the page; its range is `last` (24h, 7d), or `from` and `to`
/fleet/{vehicle}/edit      an edit of its row in `tables/vehicles`
/fleet/{vehicle}/export    its positions as a file
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from markupsafe import Markup
from pydantic import BaseModel, Field
from starlette.responses import Response

from webhost_sync.dashboard.attribute_lines import lines_of, read_lines
from webhost_sync.dashboard.track_drawing import compact, speed_profile
from webhost_sync.errors import InvalidRequest, VehicleNotFound
from webhost_sync.fleet.editable import VEHICLE_TABLE
from webhost_sync.fleet.ranges import DEFAULT, read_range
from webhost_sync.fleet.row_edit import changes_of
from webhost_sync.fleet.row_editor import Editor
from webhost_sync.fleet.vehicle_tracks import VehicleTrack
from webhost_sync.routes import models
from webhost_sync.routes.dashboard.download import Download
from webhost_sync.routes.dashboard.fence_lines import FenceDoings, doings_of
from webhost_sync.routes.dashboard.forms import Form
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import FLEET
from webhost_sync.routes.dashboard.spans import FileQuery, SpanQuery
from webhost_sync.routes.dashboard.vehicle_lines import vehicle_path
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.exports import VEHICLE_FILE, vehicle_file
from webhost_sync.routes.models import PlainText
from webhost_sync.routes.track_models import Track, Trips, track_model, trips_model
from webhost_sync.routes.tracks import LONGEST
from webhost_sync.routes.vehicle_edit import vehicle_model
from webhost_sync.routes.vehicles import position_fields

POINTS = 1500
"""Of the line; about 50 KB of the page."""
PATH = f"{FLEET.path}/{{vehicle}}"
TEXTS = ("name", "plate", "group", "driver", "status", "color")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3,8}|[a-z]+")


class VehicleForm(Form):
    """`was` is what the form showed, as JSON: only what differs from it is changed, so that an edit takes
    nothing back that somebody else has changed since."""

    name: PlainText = ""
    plate: PlainText = ""
    group: PlainText = ""
    driver: PlainText = ""
    status: PlainText = ""
    color: PlainText = ""
    archived: bool = False
    attributes: str = Field("", max_length=20_000)
    was: str = "{}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """What only the template shows."""

    points: str
    profile: Markup
    start: datetime | None
    length_s: float
    form: dict[str, object]
    form_json: str
    around_latest: tuple[datetime, datetime] | None
    swatch: str


class VehiclePage(BaseModel):
    id: str
    vehicle: models.Vehicle | None = Field(description="Null where it has positions and no row.")
    latest: models.LatestPosition | None
    last: Literal["24h", "7d"] | None = Field(description="The range by its name; null for a custom one.")
    trips: Trips
    track: Track
    geofences: FenceDoings
    drawn: Any = Field(exclude=True)


async def show_vehicle(visit: Visit[SpanQuery]) -> VehiclePage:
    vehicle_id, readings, tenant_id = (
        visit.path_parameter("vehicle"),
        visit.services.readings,
        visit.tenant.id,
    )
    record = await readings.vehicle(tenant_id, vehicle_id)
    if record is None and not await readings.knows_vehicle(tenant_id, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))
    query = visit.query
    last = query.last or (DEFAULT if query.start is None and query.end is None else None)
    range = read_range(
        last=query.last, start=query.start, end=query.end, now=datetime.now(UTC), longest=LONGEST
    )
    track = await visit.services.tracks.of(tenant_id, vehicle_id, range, points=POINTS)
    latest = (await readings.latest_of(tenant_id, [vehicle_id])).get(vehicle_id)
    vehicle = models.Vehicle.model_validate(record) if record else None
    position = models.LatestPosition.model_validate(position_fields(latest)) if latest else None
    return VehiclePage(
        id=vehicle_id,
        vehicle=vehicle,
        latest=position,
        last=last,  # type: ignore[arg-type]
        trips=trips_model(vehicle_id, track),
        track=track_model(vehicle_id, track),
        geofences=await doings_of(visit.services.geofences, tenant_id, vehicle_id),
        drawn=_drawn(track, vehicle, position),
    )


def _drawn(
    track: VehicleTrack, vehicle: models.Vehicle | None, latest: models.LatestPosition | None
) -> Drawn:
    points = [track.line[place] for place in track.thin.kept]
    start, end = (points[0].time_ms, points[-1].time_ms) if points else (0, 0)
    form, color = _form_of(vehicle), (vehicle.color if vehicle else None) or ""
    around = None
    if latest is not None and not points:
        day = latest.time.replace(hour=0, minute=0, second=0, microsecond=0)
        around = (day, day + timedelta(days=1))
    return Drawn(
        points=compact(points),
        profile=speed_profile(points, track.segments),
        start=datetime.fromtimestamp(start / 1000, UTC) if points else None,
        length_s=(end - start) / 1000,
        form=form,
        form_json=json.dumps(form, ensure_ascii=False),
        around_latest=around,
        # Anything else might make the browser look for a picture elsewhere.
        swatch=color if _COLOUR.fullmatch(color) else "",
    )


def _form_of(vehicle: models.Vehicle | None) -> dict[str, object]:
    """What the form shows."""
    if vehicle is None:
        return {}
    return {
        **{name: getattr(vehicle, name) or "" for name in TEXTS},
        "archived": bool(vehicle.archived),
        "attributes": lines_of(vehicle.attributes),
    }


async def edit_vehicle(visit: Visit[Query], form: VehicleForm) -> Done:
    vehicle_id = visit.path_parameter("vehicle")
    changes = changes_of(VEHICLE_TABLE, *_differing(form))
    edited = await visit.services.admin.vehicles.edit(
        visit.tenant.id, vehicle_id, changes, Editor(visit.visitor.subject), deed=visit.deed
    )
    if edited.changed:
        await visit.services.admin.following.until(visit.tenant.id, VEHICLE_TABLE.document, edited.seq)
    what = ", ".join(sorted(edited.changed))
    message = f"Saved: {what}." if what else "Nothing differed; nothing was changed."
    return Done(vehicle_model(edited.row), message, to=vehicle_path(vehicle_id))


def _differing(form: VehicleForm) -> tuple[dict[str, object], dict[str, object]]:
    """Fields and attributes that differ from what the form showed; None where one was emptied."""
    try:
        was = json.loads(form.was)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest("field 'was' is no JSON") from error
    if not isinstance(was, dict):
        raise InvalidRequest("field 'was' is no JSON object")
    fields: dict[str, object] = {
        name: getattr(form, name) or None
        for name in TEXTS
        if (getattr(form, name) or None) != (was.get(name) or None)
    }
    if form.archived != bool(was.get("archived")):
        fields["archived"] = form.archived
    shown, wanted = read_lines(str(was.get("attributes", ""))), read_lines(form.attributes)
    attributes = {
        name: value
        for name, value in wanted.items()
        if name not in shown or json.dumps(shown[name]) != json.dumps(value)  # to Python, 1 is True
    }
    return fields, {**attributes, **{name: None for name in shown.keys() - wanted.keys()}}


async def export_vehicle(visit: Visit[FileQuery]) -> Response:
    vehicle_id, query = visit.path_parameter("vehicle"), visit.query
    range = read_range(
        last=query.last, start=query.start, end=query.end, now=datetime.now(UTC), longest=VEHICLE_FILE
    )
    if not await visit.services.readings.knows_vehicle(visit.tenant.id, vehicle_id):
        raise VehicleNotFound(repr(vehicle_id))
    return vehicle_file(visit.services, visit.tenant.id, vehicle_id, range, query.form)


PAGES = (
    Download(path=f"{PATH}/export", query=FileQuery, file=export_vehicle),
    Action(path=f"{PATH}/edit", title="Saved", section=FLEET, form=VehicleForm, do=edit_vehicle),
    Page(
        path=PATH,
        title="Vehicle",
        section=FLEET,
        template="vehicle.html",
        show=show_vehicle,
        query=SpanQuery,
        map=True,
    ),
)
