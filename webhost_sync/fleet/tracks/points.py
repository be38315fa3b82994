"""The fixes of one vehicle as one line through time.

Rows of `gps_positions` come in, in any order; out go the points that trips and lines are made of, each later
than the one before it. Fixes in doubt about where the vehicle was are left out. Where two devices report for
one vehicle their errors differ, and going back and forth between them would look like driving: so one device
is followed until it has been silent for `DEVICE_PATIENCE_MS`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

from webhost_sync.fleet.quality import PositionFlag, distance_m

UNPLACED = (
    PositionFlag.NOT_VALID
    | PositionFlag.INACCURATE
    | PositionFlag.ZERO_ISLAND
    | PositionFlag.DUPLICATE_TIME
    | PositionFlag.IMPOSSIBLE_JUMP
)
"""Flags of fixes that don't say where the vehicle was."""

DEVICE_PATIENCE_MS = 60_000


class Point(NamedTuple):
    """A fix, reduced to what a line through it needs. Degrees, metres per second, ms since 1970."""

    time_ms: int
    latitude: float
    longitude: float
    speed_mps: float | None = None
    heading_deg: float | None = None
    device_id: str = ""
    flags: int = 0


def line_of(fixes: Iterable[Point]) -> list[Point]:
    """The points of the line, in the order of time. The same fix twice is one point."""
    line: list[Point] = []
    for fix in sorted(fixes, key=_order):
        if fix.flags & UNPLACED:
            continue
        if line:
            passed_ms = fix.time_ms - line[-1].time_ms
            if passed_ms <= 0 or (fix.device_id != line[-1].device_id and passed_ms < DEVICE_PATIENCE_MS):
                continue
        line.append(fix._replace(speed_mps=None) if fix.flags & PositionFlag.SPEED_OUT_OF_RANGE else fix)
    return line


def leg_m(before: Point, after: Point) -> float:
    """Metres from one point to another, as the crow flies."""
    return distance_m(before.latitude, before.longitude, after.latitude, after.longitude)


def legs_of(line: list[Point]) -> list[float]:
    """Metres from each point to the next; one fewer than there are points."""
    return [leg_m(before, after) for before, after in pairwise(line)]


def _order(fix: Point) -> tuple[int, str, float, float]:
    return fix.time_ms, fix.device_id, fix.latitude, fix.longitude
