"""Which vehicles are inside of which fences now, for the API and the dashboard.

Where vehicles were last, and fences, come from the store. A vehicle is inside where its latest position is.
Its last events at the fences say the same, but they become more with the years.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence

from store.geofence_readings import GeofenceReadings, GeofenceRecord, PlaceRecord
from webhost_sync.fleet.geofence import Shape, shape_of


class FenceVisits:
    """Every method sees one tenant, and of it the vehicles all of whose tracks (`track/{vehicle}/*`) fit one
    of the patterns. Every method raises Unavailable."""

    def __init__(self, geofences: GeofenceReadings) -> None:
        self._geofences = geofences

    async def inside(
        self, tenant_id: int, patterns: Sequence[str], fences: Sequence[GeofenceRecord]
    ) -> dict[str, list[str]]:
        """The ids of the vehicles inside of each of the fences, in their order, by the fence's id."""
        if not fences:
            return {}
        places = await self._geofences.places(tenant_id, patterns)
        return visitors({fence.id: shape_of_record(fence) for fence in fences}, places)

    async def inside_of(self, tenant_id: int, patterns: Sequence[str], fence_id: str) -> list[str]:
        """The ids of the vehicles inside of one fence; none where there is no such fence."""
        fence = await self._geofences.geofence(tenant_id, fence_id)
        return [] if fence is None else (await self.inside(tenant_id, patterns, [fence]))[fence_id]


def visitors(shapes: Mapping[str, Shape], places: Sequence[PlaceRecord]) -> dict[str, list[str]]:
    """The vehicles inside of each shape. Only those on its latitudes are looked at closely."""
    by_latitude = sorted(places, key=_latitude)
    found = {}
    for name, shape in shapes.items():
        south, north = shape.latitudes
        first = bisect_left(by_latitude, south, key=_latitude)
        near = by_latitude[first : bisect_right(by_latitude, north, key=_latitude)]
        inside = (place for place in near if shape.contains((place.latitude, place.longitude)))
        found[name] = sorted(place.vehicle_id for place in inside)
    return found


def shape_of_record(fence: GeofenceRecord) -> Shape:
    """The shape of a fence that was stored, and so is one."""
    center = {"latitude": fence.center_latitude, "longitude": fence.center_longitude}
    return shape_of(fence.kind, center, fence.radius_m, fence.points)


def _latitude(place: PlaceRecord) -> float:
    return place.latitude
