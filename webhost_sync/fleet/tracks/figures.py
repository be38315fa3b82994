"""Sums up segments: of a whole range, and of each UTC day in it.

A segment over midnight counts for both days: its time is split at midnight, its way by the day on which each
leg begins. Trips and stops count on the day on which they begin. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime

from webhost_sync.fleet.layout import MILLISECONDS_PER_DAY
from webhost_sync.fleet.tracks.points import Point, leg_m
from webhost_sync.fleet.tracks.segments import Kind, Segment


@dataclass(frozen=True, slots=True)
class Figures:
    """What a vehicle did: metres, seconds, metres per second."""

    distance_m: float = 0.0
    driving_s: float = 0.0
    standing_s: float = 0.0
    silent_s: float = 0.0
    trips: int = 0
    stops: int = 0
    max_speed_mps: float | None = None

    @property
    def average_speed_mps(self) -> float | None:
        """While it was driving."""
        return self.distance_m / self.driving_s if self.driving_s else None

    def __add__(self, other: Figures) -> Figures:
        speeds = [top for top in (self.max_speed_mps, other.max_speed_mps) if top is not None]
        return Figures(
            self.distance_m + other.distance_m,
            self.driving_s + other.driving_s,
            self.standing_s + other.standing_s,
            self.silent_s + other.silent_s,
            self.trips + other.trips,
            self.stops + other.stops,
            max(speeds, default=None),
        )


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    figures: Figures


def total_of(segments: Iterable[Segment]) -> Figures:
    """The figures of all segments together."""
    total = Figures()
    for segment in segments:
        figures = _of_time(segment.kind, segment.duration_s)
        if segment.kind is Kind.TRIP:
            figures = replace(
                figures, distance_m=segment.distance_m, trips=1, max_speed_mps=segment.max_speed_mps
            )
        total += replace(figures, stops=1) if segment.kind is Kind.STOP else figures
    return total


def days_of(line: Sequence[Point], segments: Iterable[Segment]) -> list[Day]:
    """The figures of each day on which there is a segment, in order."""
    days: dict[int, Figures] = {}

    def add(time_ms: int, figures: Figures) -> None:
        number = time_ms // MILLISECONDS_PER_DAY
        days[number] = days.get(number, Figures()) + figures

    for segment in segments:
        for start_ms, end_ms in _parts(segment.start_ms, segment.end_ms):
            add(start_ms, _of_time(segment.kind, (end_ms - start_ms) / 1000))
        if segment.kind is Kind.STOP:
            add(segment.start_ms, Figures(stops=1))
        elif segment.kind is Kind.TRIP:
            add(segment.start_ms, Figures(trips=1))
            for points in _by_day(line[segment.first : segment.last + 1]):
                way = math.fsum(map(leg_m, points, points[1:]))
                speeds = [point.speed_mps for point in points if point.speed_mps is not None]
                add(points[0].time_ms, Figures(way, max_speed_mps=max(speeds, default=None)))
    return [Day(_date(number), figures) for number, figures in sorted(days.items())]


def _by_day(points: Sequence[Point]) -> Iterator[Sequence[Point]]:
    """The points cut after each midnight; the first of the next day ends the last leg of the one before."""
    first = 0
    for at in range(1, len(points)):
        begins, ends = (points[place].time_ms // MILLISECONDS_PER_DAY for place in (first, at))
        if ends > begins or at == len(points) - 1:
            yield points[first : at + 1]
            first = at


def _of_time(kind: Kind, seconds: float) -> Figures:
    match kind:
        case Kind.TRIP:
            return Figures(driving_s=seconds)
        case Kind.STOP:
            return Figures(standing_s=seconds)
        case Kind.GAP:
            return Figures(silent_s=seconds)


def _parts(start_ms: int, end_ms: int) -> Iterator[tuple[int, int]]:
    """The time cut at each midnight; one part, and be it empty, where there is none between."""
    while (midnight := (start_ms // MILLISECONDS_PER_DAY + 1) * MILLISECONDS_PER_DAY) < end_ms:
        yield start_ms, midnight
        start_ms = midnight
    yield start_ms, end_ms


def _date(number: int) -> date:
    return datetime.fromtimestamp(number * MILLISECONDS_PER_DAY / 1000, UTC).date()
