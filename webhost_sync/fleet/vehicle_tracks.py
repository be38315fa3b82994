"""Where a vehicle was in a range of time, and what that comes to, for the API and the dashboard.

Fixes come from the store; what is made of them is pure (`tracks`), and done in a thread where they are many.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from store.track_readings import LineFixes, TrackReadings
from webhost_sync.fleet.ranges import TimeRange
from webhost_sync.fleet.tracks.figures import Day, Figures, days_of, total_of
from webhost_sync.fleet.tracks.points import UNPLACED, Point, line_of
from webhost_sync.fleet.tracks.segments import Segment, segments_of
from webhost_sync.fleet.tracks.simplify import Simplified, simplify

MAX_FIXES = 50_000
"""Of more fixes than this an even part is read: a day each two seconds, 31 days each minute."""
FEW = 2_000
"""So few are worked on in a few milliseconds, on the event loop."""
AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class VehicleTrack:
    """What a vehicle did in a range. `fixes` are in it, `doubtful` of them were left out; where they were too
    many, only one of every `sampled_every_s` seconds was looked at. `thin`: which points of the line to show.
    """

    range: TimeRange
    fixes: int
    doubtful: int
    sampled_every_s: int | None
    line: list[Point]
    segments: list[Segment]
    total: Figures
    days: list[Day]
    thin: Simplified


class VehicleTracks:
    """The tracks of all tenants, a few at a time: each of them may hold `MAX_FIXES` points in memory."""

    def __init__(self, readings: TrackReadings) -> None:
        self._readings = readings
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def of(self, tenant_id: int, vehicle_id: str, range: TimeRange, *, points: int) -> VehicleTrack:
        """What the vehicle did, with a line of at most so many points. Raises: Unavailable."""
        async with self._turns:
            found = await self._readings.line(
                tenant_id, vehicle_id, range.start, range.end, limit=MAX_FIXES, doubtful=int(UNPLACED)
            )
            if len(found.fixes) <= FEW:
                return _track(range, found, points)
            return await asyncio.to_thread(_track, range, found, points)


def _track(range: TimeRange, found: LineFixes, points: int) -> VehicleTrack:
    line = line_of(Point(*fix) for fix in found.fixes)
    segments = segments_of(line)
    ends = {place for segment in segments for place in (segment.first, segment.last)}
    return VehicleTrack(
        range=range,
        fixes=found.total,
        doubtful=found.doubtful,
        sampled_every_s=found.every_s,
        line=line,
        segments=segments,
        total=total_of(segments),
        days=days_of(line, segments),
        thin=simplify(line, limit=points, keep=ends),
    )


def time_of(time_ms: int) -> datetime:
    """The time of a point or segment, in UTC."""
    return datetime.fromtimestamp(time_ms / 1000, UTC)
