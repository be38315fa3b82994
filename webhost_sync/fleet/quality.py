"""What to doubt about positions.

In come the fixes of one track document, out goes a set of flags for each. A flagged fix is kept: the
reader of the table decides. Flags are a function of the document's fixes alone, whatever the order in
which they came, so that projecting step by step and rebuilding give the same. A fix from the future is
therefore no flag: that takes the time at which it was received, and is decided where that is stored.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date
from enum import IntFlag

from webhost_sync.fleet.chunk import Fix
from webhost_sync.fleet.layout import MILLISECONDS_PER_DAY, milliseconds_from_day

MAX_SPEED_MPS = 150.0
"""Faster than any road vehicle or helicopter (540 km/h)."""

MAX_ACCURACY_M = 200.0
"""A radius of doubt beyond this says little about which road a vehicle is on."""

MIN_JUMP_M = 300.0
"""Shorter leaps are a receiver's noise, however short the time between two fixes."""

ZERO_ISLAND_DEG = 0.0001
"""How near to 0, 0 a receiver without a fix reports."""

EARTH_RADIUS_M = 6_371_008.8


class PositionFlag(IntFlag):
    """Reasons to doubt a position, as bits of the column `flags`."""

    NOT_VALID = 1
    """The receiver itself says so."""
    INACCURATE = 2
    """The radius of doubt is negative or beyond MAX_ACCURACY_M."""
    ZERO_ISLAND = 4
    """At latitude 0 and longitude 0, where receivers without a fix are."""
    SPEED_OUT_OF_RANGE = 8
    """Negative or beyond MAX_SPEED_MPS."""
    HEADING_OUT_OF_RANGE = 16
    """Not within 0 and 360 degrees."""
    DUPLICATE_TIME = 32
    """An earlier sequence in this document has the same fix time."""
    IMPOSSIBLE_JUMP = 64
    """Too far from the fix before it (by time) to have been driven."""
    OUTSIDE_DAY = 128
    """Not on the UTC day in the document's name."""


_NOT_PLACED = PositionFlag.NOT_VALID | PositionFlag.ZERO_ISLAND | PositionFlag.DUPLICATE_TIME


def names_of(flags: int) -> list[str]:
    """The flags that are set, as answers and files name them: `not_valid`, `inaccurate` and so on."""
    return [flag.name.lower() for flag in PositionFlag if flag.name and flag & flags]


def flag_fixes(fixes: Iterable[Fix], day: date) -> dict[int, PositionFlag]:
    """Flags by sequence. A jump is judged from the nearest earlier fix that is placed at all, so a
    single stray flags itself and the way back, never all that follows."""
    flags: dict[int, PositionFlag] = {}
    day_start_ms = milliseconds_from_day(day)
    previous: Fix | None = None
    previous_time_ms: int | None = None
    for fix in sorted(fixes, key=lambda fix: (fix.fix_time_ms, fix.sequence)):
        flag = _flags_of_one(fix, day_start_ms)
        if fix.fix_time_ms == previous_time_ms:
            flag |= PositionFlag.DUPLICATE_TIME
        previous_time_ms = fix.fix_time_ms
        if not flag & _NOT_PLACED:
            if previous is not None and _is_jump(previous, fix):
                flag |= PositionFlag.IMPOSSIBLE_JUMP
            previous = fix
        flags[fix.sequence] = flag
    return flags


def distance_m(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Great-circle distance in metres between two places in degrees (haversine, mean earth radius)."""
    north, other_north = math.radians(latitude), math.radians(other_latitude)
    half_chord = (
        math.sin((other_north - north) / 2) ** 2
        + math.cos(north)
        * math.cos(other_north)
        * math.sin(math.radians(other_longitude - longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half_chord)))


def _flags_of_one(fix: Fix, day_start_ms: int) -> PositionFlag:
    flag = PositionFlag(0)
    if fix.valid is False:
        flag |= PositionFlag.NOT_VALID
    if fix.accuracy_m is not None and not 0 <= fix.accuracy_m <= MAX_ACCURACY_M:
        flag |= PositionFlag.INACCURATE
    if abs(fix.latitude) < ZERO_ISLAND_DEG and abs(fix.longitude) < ZERO_ISLAND_DEG:
        flag |= PositionFlag.ZERO_ISLAND
    if fix.speed_mps is not None and not 0 <= fix.speed_mps <= MAX_SPEED_MPS:
        flag |= PositionFlag.SPEED_OUT_OF_RANGE
    if fix.heading_deg is not None and not 0 <= fix.heading_deg <= 360:
        flag |= PositionFlag.HEADING_OUT_OF_RANGE
    if not 0 <= fix.fix_time_ms - day_start_ms < MILLISECONDS_PER_DAY:
        flag |= PositionFlag.OUTSIDE_DAY
    return flag


def _is_jump(before: Fix, after: Fix) -> bool:
    # Nearly all fixes are this near, and a degree is nowhere longer than 112 km.
    if abs(after.latitude - before.latitude) + abs(after.longitude - before.longitude) < MIN_JUMP_M / 112_000:
        return False
    distance = distance_m(before.latitude, before.longitude, after.latitude, after.longitude)
    seconds = (after.fix_time_ms - before.fix_time_ms) / 1000
    return distance > MIN_JUMP_M and distance > MAX_SPEED_MPS * seconds
