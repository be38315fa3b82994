"""Thins a line out to a number of points, so that a map and a replay of it stay as true as that allows.

Douglas-Peucker with the time-synchronised distance (top-down time-ratio: Meratnia and de By, Spatiotemporal
Compression Techniques for Moving Point Objects, 2004), best first: the stretch that is worst is split next,
until the number is reached or nothing is worse than the tolerance. The distance is the one between where the
vehicle was and where it would be if it went evenly from point to point that is kept, so slowing down and
standing still are kept as corners are. Distances are in the plane that is true to scale at the middle
latitude of the line. Pure.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from webhost_sync.fleet.quality import EARTH_RADIUS_M
from webhost_sync.fleet.tracks.points import Point


@dataclass(frozen=True, slots=True)
class Simplified:
    """The numbers of the points that are kept, in order, and how far off the worst of the others is."""

    kept: list[int]
    error_m: float


def simplify(
    line: Sequence[Point], *, limit: int, tolerance_m: float = 1.0, keep: Iterable[int] = ()
) -> Simplified:
    """Keep at most `limit` (2 or more) points: the first, the last, those of `keep` where all of them fit
    into the limit, and the others by how much they are missed."""
    if len(line) <= 2:
        return Simplified(list(range(len(line))), 0.0)
    fixed = sorted({0, len(line) - 1, *keep})
    if len(fixed) > limit:
        fixed = [0, len(line) - 1]
    plane = _Plane(line)
    stretches = [plane.worst(first, last) for first, last in pairwise(fixed)]
    heapq.heapify(stretches)
    kept = set(fixed)
    while stretches and len(kept) < limit and -stretches[0][0] > tolerance_m:
        _, first, worst, last = heapq.heappop(stretches)
        kept.add(worst)
        heapq.heappush(stretches, plane.worst(first, worst))
        heapq.heappush(stretches, plane.worst(worst, last))
    return Simplified(sorted(kept), -stretches[0][0] if stretches else 0.0)


class _Plane:
    """The points in metres, east without a jump at the date line."""

    def __init__(self, line: Sequence[Point]) -> None:
        degree_m = math.radians(1) * EARTH_RADIUS_M
        latitudes = [point.latitude for point in line]
        shrink = math.cos(math.radians((min(latitudes) + max(latitudes)) / 2))
        self._norths = [latitude * degree_m for latitude in latitudes]
        self._easts: list[float] = []
        turned, before = 0.0, line[0].longitude
        for point in line:
            if abs(point.longitude - before) > 180:
                turned += math.copysign(360, before - point.longitude)
            before = point.longitude
            self._easts.append((point.longitude + turned) * degree_m * shrink)
        self._times = [float(point.time_ms) for point in line]

    def worst(self, first: int, last: int) -> tuple[float, int, int, int]:
        """The point between two that is farthest from where it would be without it, worst to sort first:
        minus the metres, first, point, last."""
        start, north, east = self._times[first], self._norths[first], self._easts[first]
        span = (self._times[last] - start) or 1.0
        to_north, to_east = (self._norths[last] - north) / span, (self._easts[last] - east) / span
        largest, worst = 0.0, first
        for at in range(first + 1, last):
            passed = self._times[at] - start
            off_north = self._norths[at] - north - to_north * passed
            off_east = self._easts[at] - east - to_east * passed
            square = off_north * off_north + off_east * off_east
            if square > largest:
                largest, worst = square, at
        return -math.sqrt(largest), first, worst, last
