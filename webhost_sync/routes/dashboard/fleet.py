"""The fleet of a space on a map and in a list, live: where each vehicle is and what it does.

/fleet              the page
/fleet/-/live       positions as they change
/fleet/-/export     the positions of all vehicles as a file
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, Field
from starlette.responses import Response

from store.readings import VehicleFilter, VehicleRecord
from webhost_sync.fleet.motion import MOVING_MPS, OFFLINE_AFTER, Motion
from webhost_sync.fleet.ranges import read_range
from webhost_sync.routes.dashboard.download import Download
from webhost_sync.routes.dashboard.fleet_live import FleetStream
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import FLEET
from webhost_sync.routes.dashboard.spans import FileQuery
from webhost_sync.routes.dashboard.vehicle_lines import VehicleLine, vehicle_line
from webhost_sync.routes.exports import FLEET_FILE, fleet_file
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import MAX_LIMIT, PagedQuery
from webhost_sync.routes.vehicles import BY_ID


class FleetQuery(PagedQuery):
    limit: int = Field(MAX_LIMIT, ge=1, le=MAX_LIMIT, description="Vehicles on a page.")
    q: str | None = Field(None, max_length=200, description="Part of name or plate.")
    status: str | None = Field(None, max_length=200, description="Exactly this status.")
    group: str | None = Field(None, max_length=200, description="Exactly this group.")
    state: Motion | None = Field(None, description="What the vehicle does.")
    archived: Literal["no", "yes", "all"] = Field("no", description="Whether archived vehicles are shown.")
    geofence: str | None = Field(None, description="Only those that are inside of this fence.")


class FleetPage(BaseModel):
    """`counts` and `groups` are of all that the search found, whatever state and group were chosen;
    `geofences` are the names of all fences by their ids."""

    items: list[VehicleLine]
    counts: dict[Motion, int]
    groups: list[str]
    geofences: dict[str, str]
    moving_mps: float = MOVING_MPS
    offline_after: float = OFFLINE_AFTER
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")
    refused: int = Field(description="Rows, fields and positions without a place in the tables.")


async def show_fleet(visit: Visit[FleetQuery]) -> FleetPage:
    readings, tenant_id, query = visit.services.readings, visit.tenant.id, visit.query
    archived = {"no": False, "yes": True, "all": None}[query.archived]
    inside = None
    if query.geofence:
        inside = await visit.services.fence_visits.inside_of(tenant_id, ["*"], query.geofence)
    wanted = VehicleFilter(status=query.status or None, archived=archived, text=query.q or None, ids=inside)

    async def fetch(after: str | None, limit: int) -> list[VehicleRecord]:
        return await readings.vehicles(tenant_id, wanted, after=after, limit=limit)

    records, cursor = await page_of(query, visit.address(FLEET.path), BY_ID, fetch, lambda record: record.id)
    latest = await readings.latest_of(tenant_id, [record.id for record in records])
    now = datetime.now(UTC)
    lines = [vehicle_line(record.id, record, latest.get(record.id), now) for record in records]
    of_group = [line for line in lines if not query.group or line.group == query.group]
    counts = Counter(line.state for line in of_group)
    return FleetPage(
        items=[line for line in of_group if query.state in (None, line.state)],
        counts={motion: counts[motion] for motion in Motion},
        groups=_groups(lines),
        geofences=await visit.services.geofences.fence_names(tenant_id, limit=MAX_LIMIT),
        next_cursor=cursor,
        refused=await visit.services.refused.count(tenant_id),
    )


def _groups(lines: Sequence[VehicleLine]) -> list[str]:
    return sorted({line.group for line in lines if line.group})


async def export_fleet(visit: Visit[FileQuery]) -> Response:
    query = visit.query
    range = read_range(
        last=query.last, start=query.start, end=query.end, now=datetime.now(UTC), longest=FLEET_FILE
    )
    return fleet_file(visit.services, visit.tenant.id, ["*"], range, query.form)


PAGES = (
    FleetStream(path=f"{FLEET.path}/-/live"),
    Download(path=f"{FLEET.path}/-/export", query=FileQuery, file=export_fleet),
    Page(
        path=FLEET.path,
        title="Fleet",
        section=FLEET,
        template="fleet.html",
        show=show_fleet,
        query=FleetQuery,
        map=True,
    ),
)
