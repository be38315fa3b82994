"""What vehicles do at fences, as lines of lists: with the names of both, and the paths of their pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, Field

from store.geofence_readings import CrossingFilter, CrossingRecord, GeofenceReadings
from webhost_sync.routes.dashboard.vehicle_lines import vehicle_path
from webhost_sync.routes.geofence_models import event_model

GEOFENCES_PATH = "/geofences"
"""Of the page of all fences, within the space."""
LATER = "The pages follow in a moment."
"""Where they are behind: they show rows, which are made of the document after its edit."""
RECENT = 5
"""So many events of a vehicle stand on its page."""


class CrossingLine(BaseModel):
    event: Literal["enter", "exit"]
    time: datetime = Field(description="Of the first fix on the other side.")
    vehicle_id: str
    vehicle_name: str = Field(description="Its id where it has none.")
    vehicle_path: str = Field(description="Of its own page, within the space.")
    geofence_id: str
    geofence_name: str = Field(description="Its id where it has none.")
    geofence_path: str = Field(description="Of its own page, within the space.")
    latitude: float
    longitude: float


class StayLine(BaseModel):
    """A fence that a vehicle is in."""

    geofence_id: str
    geofence_name: str
    geofence_path: str
    since: datetime


class FenceDoings(BaseModel):
    """Of one vehicle: the fences that it is in, and its last events, newest first."""

    inside: list[StayLine]
    events: list[CrossingLine]


def fence_path(fence_id: str) -> str:
    """The path of a fence's own page, within the space."""
    return f"{GEOFENCES_PATH}/{quote(fence_id, safe='')}"


async def crossing_lines(
    readings: GeofenceReadings, tenant_id: int, records: Sequence[CrossingRecord]
) -> list[CrossingLine]:
    """The events, in their order. Raises: Unavailable."""
    fences = await _fence_names(readings, tenant_id, {record.geofence_id for record in records})
    vehicles = await readings.vehicle_names(tenant_id, sorted({record.vehicle_id for record in records}))
    return [
        CrossingLine(
            event=event_model(record).event,
            time=record.time,
            vehicle_id=record.vehicle_id,
            vehicle_name=vehicles.get(record.vehicle_id, record.vehicle_id),
            vehicle_path=vehicle_path(record.vehicle_id),
            geofence_id=record.geofence_id,
            geofence_name=fences.get(record.geofence_id, record.geofence_id),
            geofence_path=fence_path(record.geofence_id),
            latitude=record.latitude,
            longitude=record.longitude,
        )
        for record in records
    ]


async def doings_of(readings: GeofenceReadings, tenant_id: int, vehicle_id: str) -> FenceDoings:
    """Raises: Unavailable."""
    stays = await readings.stays(tenant_id, vehicle_id)
    names = await _fence_names(readings, tenant_id, {stay.geofence_id for stay in stays})
    wanted = CrossingFilter(vehicle_id=vehicle_id)
    events = await readings.crossings(tenant_id, ["*"], wanted, after=None, limit=RECENT)
    return FenceDoings(
        inside=[
            StayLine(
                geofence_id=stay.geofence_id,
                geofence_name=names.get(stay.geofence_id, stay.geofence_id),
                geofence_path=fence_path(stay.geofence_id),
                since=stay.since,
            )
            for stay in stays
        ],
        events=await crossing_lines(readings, tenant_id, events),
    )


async def _fence_names(readings: GeofenceReadings, tenant_id: int, fence_ids: set[str]) -> dict[str, str]:
    return await readings.fence_names(tenant_id, sorted(fence_ids), limit=len(fence_ids))
