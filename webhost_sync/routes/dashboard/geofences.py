"""The fences of a space on a map and in a list: how large they are, who is inside, what happened last.

/geofences               the page; with `draw` it has the form of a new fence in place of the list
/geofences      POST     adds one
"""

from __future__ import annotations

import json
from uuid import uuid4

from pydantic import BaseModel, Field

from store.geofence_readings import GeofenceRecord
from webhost_sync.fleet.editable import GEOFENCE_TABLE
from webhost_sync.fleet.fence_visits import shape_of_record
from webhost_sync.fleet.row_edit import changes_of
from webhost_sync.fleet.row_editor import Editor
from webhost_sync.routes.dashboard.fence_lines import (
    GEOFENCES_PATH,
    LATER,
    CrossingLine,
    crossing_lines,
    fence_path,
)
from webhost_sync.routes.dashboard.geofence_form import GeofenceForm, new_fields
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import FLEET
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.geofence_models import Geofence, Kind, model_of_record, model_of_row
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import MAX_LIMIT, PagedQuery
from webhost_sync.routes.vehicles import BY_ID

ON_A_PAGE = 200
MOST_PLACES = 1000


class GeofencesQuery(PagedQuery):
    limit: int = Field(ON_A_PAGE, ge=1, le=MAX_LIMIT, description="Fences on a page.")
    draw: Kind | None = Field(None, description="Shows the form of a new one.")


class FenceLine(BaseModel):
    fence: Geofence
    path: str = Field(description="Of its own page, within the space.")
    area_m2: float
    inside: int = Field(description="Vehicles whose latest position is inside.")
    last: CrossingLine | None = Field(description="Who entered or left last.")


class GeofencesPage(BaseModel):
    items: list[FenceLine]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")
    places: str = Field(exclude=True)


async def show_geofences(visit: Visit[GeofencesQuery]) -> GeofencesPage:
    readings, tenant_id = visit.services.geofences, visit.tenant.id

    async def fetch(after: str | None, limit: int) -> list[GeofenceRecord]:
        return await readings.geofences(tenant_id, after=after, limit=limit)

    here = visit.address(GEOFENCES_PATH)
    records, cursor = await page_of(visit.query, here, BY_ID, fetch, lambda record: record.id)
    inside = await visit.services.fence_visits.inside(tenant_id, ["*"], records)
    found = await readings.last_crossings(tenant_id, [record.id for record in records])
    events = await crossing_lines(readings, tenant_id, list(found.values()))
    last = {event.geofence_id: event for event in events}
    return GeofencesPage(
        items=[
            FenceLine(
                fence=model_of_record(record),
                path=fence_path(record.id),
                area_m2=shape_of_record(record).area_m2,
                inside=len(inside[record.id]),
                last=last.get(record.id),
            )
            for record in records
        ],
        next_cursor=cursor,
        places=await _places(visit) if visit.query.draw else "[]",
    )


async def _places(visit: Visit[GeofencesQuery]) -> str:
    """Where vehicles are, for whoever draws: longitude and latitude of some, as JSON."""
    places = await visit.services.geofences.places(visit.tenant.id, ["*"])
    return json.dumps([[round(each.longitude, 5), round(each.latitude, 5)] for each in places[:MOST_PLACES]])


async def add_geofence(visit: Visit[Query], form: GeofenceForm) -> Done:
    changes = changes_of(GEOFENCE_TABLE, new_fields(form), {})
    added = await visit.services.admin.geofences.add(
        visit.tenant.id, str(uuid4()), changes, Editor(visit.visitor.subject), deed=visit.deed
    )
    following = visit.services.admin.following
    if await following.until(visit.tenant.id, GEOFENCE_TABLE.document, added.seq):
        return Done(model_of_row(added.row), "The geofence is there.", to=fence_path(added.row.id))
    return Done(model_of_row(added.row), f"The geofence is saved. {LATER}", to=GEOFENCES_PATH)


PAGES = (
    Page(
        path=GEOFENCES_PATH,
        title="Geofences",
        section=FLEET,
        template="geofences.html",
        show=show_geofences,
        query=GeofencesQuery,
        map=True,
    ),
    Action(path=GEOFENCES_PATH, title="Added", section=FLEET, form=GeofenceForm, do=add_geofence),
)
