"""One fence: where it is, who is inside of it, who entered and left; changing and removing it.

/geofences/{geofence}            the page, with its events page by page; with `edit` its form
/geofences/{geofence}/edit       an edit of its row in `tables/geofences`
/geofences/{geofence}/remove     takes the row out
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel, Field

from store.geofence_readings import CrossingFilter, CrossingKey, CrossingRecord
from store.readings import VehicleFilter
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
from webhost_sync.routes.dashboard.forms import NoFields
from webhost_sync.routes.dashboard.geofence_form import GeofenceForm, changed_fields, shown
from webhost_sync.routes.dashboard.page import Action, Done, Page, Visit
from webhost_sync.routes.dashboard.sections import FLEET
from webhost_sync.routes.dashboard.vehicle_lines import VehicleLine, vehicle_line
from webhost_sync.routes.endpoint import Query
from webhost_sync.routes.geofence_models import Geofence, model_of_record, model_of_row
from webhost_sync.routes.geofences import BY_CROSSING, key_of
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import MAX_LIMIT, PagedQuery

PATH = f"{GEOFENCES_PATH}/{{geofence}}"
ON_A_PAGE = 50


class FenceQuery(PagedQuery):
    limit: int = Field(ON_A_PAGE, ge=1, le=MAX_LIMIT, description="Events on a page.")
    edit: bool = Field(False, description="Shows the form.")


class FencePage(BaseModel):
    fence: Geofence
    area_m2: float
    inside: list[VehicleLine] = Field(description="Vehicles whose latest position is inside.")
    events: list[CrossingLine] = Field(description="Newest first.")
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")
    form: Any = Field(exclude=True)
    form_json: str = Field(exclude=True)


class Removed(BaseModel):
    removed: bool = True


async def show_geofence(visit: Visit[FenceQuery]) -> FencePage:
    fence_id, readings, tenant_id = (
        visit.path_parameter("geofence"),
        visit.services.geofences,
        visit.tenant.id,
    )
    record = await readings.geofence(tenant_id, fence_id)
    if record is None:
        raise GEOFENCE_TABLE.missing(fence_id)

    async def fetch(after: CrossingKey | None, limit: int) -> list[CrossingRecord]:
        wanted = CrossingFilter(geofence_id=fence_id)
        return await readings.crossings(tenant_id, ["*"], wanted, after=after, limit=limit)

    here = visit.address(fence_path(fence_id))
    records, cursor = await page_of(visit.query, here, BY_CROSSING, fetch, key_of)
    fence = model_of_record(record)
    form = shown(fence)
    inside = await visit.services.fence_visits.inside(tenant_id, ["*"], [record])
    return FencePage(
        fence=fence,
        area_m2=shape_of_record(record).area_m2,
        inside=await _lines(visit, inside[fence_id]),
        events=await crossing_lines(readings, tenant_id, records),
        next_cursor=cursor,
        form=form,
        form_json=json.dumps(form, ensure_ascii=False),
    )


async def _lines(visit: Visit[FenceQuery], vehicle_ids: list[str]) -> list[VehicleLine]:
    readings, tenant_id, now = visit.services.readings, visit.tenant.id, datetime.now(UTC)
    wanted = VehicleFilter(ids=vehicle_ids)
    records = await readings.vehicles(tenant_id, wanted, after=None, limit=len(vehicle_ids))
    rows = {record.id: record for record in records}
    latest = await readings.latest_of(tenant_id, vehicle_ids)
    return [vehicle_line(each, rows.get(each), latest.get(each), now) for each in vehicle_ids]


async def edit_geofence(visit: Visit[Query], form: GeofenceForm) -> Done:
    fence_id = visit.path_parameter("geofence")
    changes = changes_of(GEOFENCE_TABLE, changed_fields(form), {})
    edited = await visit.services.admin.geofences.edit(
        visit.tenant.id, fence_id, changes, Editor(visit.visitor.subject), deed=visit.deed
    )
    message = "Nothing differed; nothing was changed."
    if edited.changed:
        message = "Saved." if await _follows(visit, edited.seq) else f"Saved. {LATER}"
    return Done(model_of_row(edited.row), message, to=fence_path(fence_id))


async def remove_geofence(visit: Visit[Query], form: NoFields) -> Done:
    fence_id = visit.path_parameter("geofence")
    seq = await visit.services.admin.geofences.remove(
        visit.tenant.id, fence_id, Editor(visit.visitor.subject), deed=visit.deed
    )
    message = "The geofence is removed."
    if not await _follows(visit, seq):
        message = f"{message} {LATER}"
    return Done(Removed(), message, to=GEOFENCES_PATH)


async def _follows(visit: Visit[Query], seq: int) -> bool:
    """Whether the pages show it already."""
    return await visit.services.admin.following.until(visit.tenant.id, GEOFENCE_TABLE.document, seq)


PAGES = (
    Action(path=f"{PATH}/edit", title="Saved", section=FLEET, form=GeofenceForm, do=edit_geofence),
    Action(path=f"{PATH}/remove", title="Removed", section=FLEET, form=NoFields, do=remove_geofence),
    Page(
        path=PATH,
        title="Geofence",
        section=FLEET,
        template="geofence.html",
        show=show_geofence,
        query=FenceQuery,
        map=True,
    ),
)
