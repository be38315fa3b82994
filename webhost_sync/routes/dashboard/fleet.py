"""The fleet of a space on a map and in a list, live: where each vehicle is and what it does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from store.readings import PositionRecord, VehicleFilter, VehicleRecord
from webhost_sync.fleet.motion import MOVING_MPS, OFFLINE_AFTER, Motion, motion_of
from webhost_sync.routes.dashboard.fleet_live import FleetStream
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import FLEET
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


class VehicleLine(BaseModel):
    id: str
    path: str = Field(description="Of its own page, within the space.")
    name: str | None
    plate: str | None
    group: str | None
    driver: str | None
    status: str | None
    archived: bool
    state: Motion
    time: datetime | None = Field(description="Of the latest fix; null where there is none.")
    latitude: float | None
    longitude: float | None
    speed_mps: float | None
    heading_deg: float | None


class FleetPage(BaseModel):
    """`counts` and `groups` are of all that the search found, whatever state and group were chosen."""

    items: list[VehicleLine]
    counts: dict[Motion, int]
    groups: list[str]
    moving_mps: float = MOVING_MPS
    offline_after: float = OFFLINE_AFTER
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")
    refused: int = Field(description="Rows, fields and positions without a place in the tables.")


async def show_fleet(visit: Visit[FleetQuery]) -> FleetPage:
    readings, tenant_id, query = visit.services.readings, visit.tenant.id, visit.query
    archived = {"no": False, "yes": True, "all": None}[query.archived]
    wanted = VehicleFilter(status=query.status or None, archived=archived, text=query.q or None)

    async def fetch(after: str | None, limit: int) -> list[VehicleRecord]:
        return await readings.vehicles(tenant_id, wanted, after=after, limit=limit)

    records, cursor = await page_of(query, visit.address(FLEET.path), BY_ID, fetch, lambda record: record.id)
    latest = await readings.latest_of(tenant_id, [record.id for record in records])
    now = datetime.now(UTC)
    lines = [_line(record, latest.get(record.id), now) for record in records]
    of_group = [line for line in lines if not query.group or line.group == query.group]
    counts = Counter(line.state for line in of_group)
    return FleetPage(
        items=[line for line in of_group if query.state in (None, line.state)],
        counts={motion: counts[motion] for motion in Motion},
        groups=_groups(lines),
        next_cursor=cursor,
        refused=await visit.services.refused.count(tenant_id),
    )


def _groups(lines: Sequence[VehicleLine]) -> list[str]:
    return sorted({line.group for line in lines if line.group})


def _line(vehicle: VehicleRecord, position: PositionRecord | None, now: datetime) -> VehicleLine:
    time, speed_mps = (position.time, position.speed_mps) if position else (None, None)
    return VehicleLine(
        id=vehicle.id,
        path=f"{FLEET.path}/{quote(vehicle.id, safe='')}",
        name=vehicle.name,
        plate=vehicle.plate,
        group=vehicle.group,
        driver=vehicle.driver,
        status=vehicle.status,
        archived=bool(vehicle.archived),
        state=motion_of(time, speed_mps, now),
        time=time,
        latitude=position.latitude if position else None,
        longitude=position.longitude if position else None,
        speed_mps=speed_mps,
        heading_deg=position.heading_deg if position else None,
    )


PAGES = (
    FleetStream(path=f"{FLEET.path}/-/live"),
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
