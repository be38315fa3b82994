"""Fences, and the events of vehicles at them, as the projector writes them (see `store.fleet_contract`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Geofence:
    """A row of `geofences`, but for tenant and document. A circle has centre and radius; a polygon has
    `points`, a JSON list of objects with latitude and longitude. `attributes` is JSON text."""

    id: str
    name: str | None
    kind: str
    center_latitude: float | None
    center_longitude: float | None
    radius_m: float | None
    points: str | None
    color: str | None
    note: str | None
    attributes: str


@dataclass(frozen=True, slots=True)
class FenceFix:
    """A fix of the vehicle: latitude and longitude are its `place`."""

    time: datetime
    sequence: int
    device_id: str
    place: tuple[float, float]


@dataclass(frozen=True, slots=True)
class FenceEvent:
    """A row of `geofence_events`, but for tenant and vehicle: the first fix on the other side."""

    geofence_id: str
    time: datetime
    sequence: int
    device_id: str
    enters: bool
    latitude: float
    longitude: float


class FenceTurn(Protocol):
    """One transaction in which one vehicle goes through the fences of its tenant from when it moved on.

    Moves that are noted meanwhile wait for its end. Raises: Unavailable, NotStorable.
    """

    async def geofences(self) -> tuple[Geofence, ...]:
        """All fences of the tenant."""
        ...

    async def drop_events(self) -> None:
        """Delete the vehicle's events from then on."""
        ...

    async def place_before(self) -> tuple[float, float] | None:
        """Where the vehicle was last before that."""
        ...

    def fixes(self) -> AsyncIterator[Sequence[FenceFix]]:
        """Its fixes from then on, in the order of time, sequence and device id."""
        ...

    async def put_events(self, events: Sequence[FenceEvent]) -> None:
        """Add events."""
        ...
