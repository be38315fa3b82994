"""A vehicle as a line of a list: what it is called, where it is, and what it does."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel, Field

from store.readings import PositionRecord, VehicleRecord
from webhost_sync.fleet.motion import Motion, motion_of
from webhost_sync.routes.dashboard.sections import FLEET


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


def vehicle_path(vehicle_id: str) -> str:
    """The path of a vehicle's own page, within the space."""
    return f"{FLEET.path}/{quote(vehicle_id, safe='')}"


def vehicle_line(
    vehicle_id: str, vehicle: VehicleRecord | None, position: PositionRecord | None, now: datetime
) -> VehicleLine:
    """Of a vehicle that has a row, or a latest position, or both."""
    time, speed_mps = (position.time, position.speed_mps) if position else (None, None)
    return VehicleLine(
        id=vehicle_id,
        path=vehicle_path(vehicle_id),
        name=vehicle.name if vehicle else None,
        plate=vehicle.plate if vehicle else None,
        group=vehicle.group if vehicle else None,
        driver=vehicle.driver if vehicle else None,
        status=vehicle.status if vehicle else None,
        archived=bool(vehicle and vehicle.archived),
        state=motion_of(time, speed_mps, now),
        time=time,
        latitude=position.latitude if position else None,
        longitude=position.longitude if position else None,
        speed_mps=speed_mps,
        heading_deg=position.heading_deg if position else None,
    )
