"""Cuts a vehicle's line through time into trips, stops and gaps.

The points of `points.line_of` come in; out go segments that follow on each other and cover the whole time
from the first point to the last. The method, step by step:

1. A *gap* is a silence of more than `gap_s` after which the vehicle is somewhere else. A silent vehicle that
   is still where it was has stood there: a box that sleeps while it is parked makes no gap.
2. A *stop* is a stay point (Li and others, Mining User Similarity Based on Location History, 2008): fixes
   over at least `stop_s` that all lie within `stop_radius_m` of the first of them. With hysteresis, it goes
   on until a fix lies beyond the wider `leave_radius_m` around the middle of the stop so far, and one stray
   fix beyond it ends nothing if the next is back in no more than `stray_s`.
3. What lies between is a *trip*. One of less than `trip_m` along the way was jitter, or a move within the
   yard, and is part of the stops beside it; where there are none it is a stop of its own, however short.

The defaults of time and way are those of Traccar's reports (180 s, 200 m, 3600 s), which fleets know. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from webhost_sync.fleet.quality import distance_m
from webhost_sync.fleet.tracks.points import Point, legs_of


class Kind(StrEnum):
    TRIP = "trip"
    STOP = "stop"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Rules:
    """Seconds and metres; what each is for stands on top."""

    stop_s: float = 180.0
    stop_radius_m: float = 60.0
    leave_radius_m: float = 100.0
    stray_s: float = 120.0
    trip_m: float = 200.0
    gap_s: float = 3600.0


@dataclass(frozen=True, slots=True)
class Segment:
    """One stretch of time, from point `first` to point `last` of the line (both are part of it).

    `distance_m` is the way of a trip, leg by leg; of a gap it is as the crow flies, of a stop 0. The top
    speed is the highest that was reported, or where none was the highest between two fixes; it and the
    average are only of trips. `latitude`, `longitude`: the middle of a stop, else of the first point.
    """

    kind: Kind
    first: int
    last: int
    start_ms: int
    end_ms: int
    distance_m: float
    latitude: float
    longitude: float
    max_speed_mps: float | None = None

    @property
    def duration_s(self) -> float:
        return (self.end_ms - self.start_ms) / 1000

    @property
    def average_speed_mps(self) -> float | None:
        return self.distance_m / self.duration_s if self.kind is Kind.TRIP and self.duration_s else None


Stretch = tuple[Kind, int, int]
"""Kind, first and last point."""


def segments_of(line: list[Point], rules: Rules | None = None) -> list[Segment]:
    """The segments of a line, in order; none of an empty one."""
    if not line:
        return []
    legs, rules = legs_of(line), rules or Rules()
    return [_segment(line, legs, *stretch) for stretch in _stretches(line, legs, rules)]


def _stretches(line: list[Point], legs: list[float], rules: Rules) -> Iterator[Stretch]:
    first = 0
    for place, leg in enumerate(legs):
        silent_s = (line[place + 1].time_ms - line[place].time_ms) / 1000
        if silent_s > rules.gap_s and leg > rules.leave_radius_m:
            yield from _between_gaps(line, legs, first, place, rules)
            yield Kind.GAP, place, place + 1
            first = place + 1
    yield from _between_gaps(line, legs, first, len(line) - 1, rules)


def _between_gaps(
    line: list[Point], legs: list[float], first: int, last: int, rules: Rules
) -> Iterator[Stretch]:
    """Stops and the trips between them, where a trip is far enough to be one."""
    found: list[Stretch] = []

    def add(kind: Kind, start: int, end: int) -> None:
        if kind is Kind.TRIP and math.fsum(legs[start:end]) < rules.trip_m:
            kind = Kind.STOP
        if kind is Kind.STOP and found and found[-1][0] is Kind.STOP:
            start = found.pop()[1]
        found.append((kind, start, end))

    at = first
    for start, end in _stops(line, first, last, rules):
        if start > at:
            add(Kind.TRIP, at, start)
        add(Kind.STOP, start, end)
        at = end
    if at < last or not found:
        add(Kind.TRIP, at, last)
    yield from found


def _stops(line: list[Point], first: int, last: int, rules: Rules) -> Iterator[tuple[int, int]]:
    at = enough = first
    while at < last:
        enough = max(enough, at)
        while enough <= last and line[enough].time_ms - line[at].time_ms < rules.stop_s * 1000:
            enough += 1
        if enough > last:
            return  # what is left is shorter than a stop
        # From the far end: nearly every fix of a trip is told by the first comparison.
        if all(_is_near(line[at], line[other], rules) for other in range(enough, at, -1)):
            end = _end_of_stop(line, at, enough, last, rules)
            yield at, end
            at = end
        else:
            at += 1


def _is_near(one: Point, other: Point, rules: Rules) -> bool:
    return distance_m(one.latitude, one.longitude, other.latitude, other.longitude) <= rules.stop_radius_m


def _end_of_stop(line: list[Point], first: int, known: int, last: int, rules: Rules) -> int:
    """The last point of a stop that is known to last up to a point."""
    middle = _Middle(line[first : known + 1])
    at = known
    while at < last:
        if middle.distance_m(line[at + 1]) <= rules.leave_radius_m:
            at += 1
        elif (
            at + 2 <= last
            and line[at + 2].time_ms - line[at].time_ms <= rules.stray_s * 1000
            and middle.distance_m(line[at + 2]) <= rules.leave_radius_m
        ):
            at += 2
        else:
            break
        middle.add(line[at])
    return at


class _Middle:
    """The middle of points that lie close together, also across the date line."""

    def __init__(self, points: Sequence[Point]) -> None:
        self._origin = points[0]
        self._north = self._east = 0.0
        self._count = 0
        for point in points:
            self.add(point)

    def add(self, point: Point) -> None:
        self._north += point.latitude - self._origin.latitude
        self._east += (point.longitude - self._origin.longitude + 540) % 360 - 180
        self._count += 1

    @property
    def place(self) -> tuple[float, float]:
        longitude = self._origin.longitude + self._east / self._count
        return self._origin.latitude + self._north / self._count, (longitude + 540) % 360 - 180

    def distance_m(self, point: Point) -> float:
        return distance_m(*self.place, point.latitude, point.longitude)


def _segment(line: list[Point], legs: list[float], kind: Kind, first: int, last: int) -> Segment:
    start = line[first]
    latitude, longitude = start.latitude, start.longitude
    if kind is Kind.STOP:
        latitude, longitude = _Middle(line[first : last + 1]).place
    return Segment(
        kind=kind,
        first=first,
        last=last,
        start_ms=start.time_ms,
        end_ms=line[last].time_ms,
        distance_m=0.0 if kind is Kind.STOP else math.fsum(legs[first:last]),
        latitude=latitude,
        longitude=longitude,
        max_speed_mps=_top_speed(line, legs, first, last) if kind is Kind.TRIP else None,
    )


def _top_speed(line: list[Point], legs: list[float], first: int, last: int) -> float | None:
    reported = [point.speed_mps for point in line[first : last + 1] if point.speed_mps is not None]
    if reported:
        return max(reported)
    return max(
        (legs[at] / ((line[at + 1].time_ms - line[at].time_ms) / 1000) for at in range(first, last)),
        default=None,
    )
