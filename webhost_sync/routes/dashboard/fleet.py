"""The list of a space's vehicles, each with where it was last."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from store.readings import PositionRecord, VehicleFilter, VehicleRecord
from webhost_sync.routes.dashboard.page import Page, Visit
from webhost_sync.routes.dashboard.sections import FLEET
from webhost_sync.routes.paging import page_of
from webhost_sync.routes.queries import PagedQuery
from webhost_sync.routes.vehicles import BY_ID


class FleetQuery(PagedQuery):
    q: str | None = Field(None, max_length=200, description="Part of name or plate.")
    status: str | None = Field(None, max_length=200, description="Exactly this status.")


class VehicleLine(BaseModel):
    id: str
    name: str | None
    plate: str | None
    group: str | None
    driver: str | None
    status: str | None
    archived: bool
    time: datetime | None = Field(description="Of the latest fix; null where there is none.")
    latitude: float | None
    longitude: float | None
    speed_mps: float | None


class FleetPage(BaseModel):
    items: list[VehicleLine]
    next_cursor: str | None = Field(description="The `cursor` of the next page; null on the last one.")


async def show_fleet(visit: Visit[FleetQuery]) -> FleetPage:
    readings, tenant_id, query = visit.services.readings, visit.tenant.id, visit.query
    wanted = VehicleFilter(status=query.status or None, text=query.q or None)

    async def fetch(after: str | None, limit: int) -> list[VehicleRecord]:
        return await readings.vehicles(tenant_id, wanted, after=after, limit=limit)

    records, cursor = await page_of(query, visit.address(FLEET.path), BY_ID, fetch, lambda record: record.id)
    latest = await readings.latest_of(tenant_id, [record.id for record in records])
    return FleetPage(items=[_line(record, latest.get(record.id)) for record in records], next_cursor=cursor)


def _line(vehicle: VehicleRecord, position: PositionRecord | None) -> VehicleLine:
    return VehicleLine(
        id=vehicle.id,
        name=vehicle.name,
        plate=vehicle.plate,
        group=vehicle.group,
        driver=vehicle.driver,
        status=vehicle.status,
        archived=bool(vehicle.archived),
        time=position.time if position else None,
        latitude=position.latitude if position else None,
        longitude=position.longitude if position else None,
        speed_mps=position.speed_mps if position else None,
    )


PAGES = (
    Page(
        path=FLEET.path,
        title="Fleet",
        section=FLEET,
        template="fleet.html",
        show=show_fleet,
        query=FleetQuery,
    ),
)
