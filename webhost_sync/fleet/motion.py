"""What a vehicle is doing, as far as its latest fix tells: moving, stopped, or out of touch. Pure."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

MOVING_MPS = 1.0
"""Slower than this is no driving: receivers at rest report up to half of it."""
OFFLINE_AFTER = 600.0
"""Seconds since the latest fix after which nobody can say what the vehicle does."""


class Motion(StrEnum):
    MOVING = "moving"
    STOPPED = "stopped"
    OFFLINE = "offline"


def motion_of(time: datetime | None, speed_mps: float | None, now: datetime) -> Motion:
    """Without a fix, offline; without a speed, stopped."""
    if time is None or (now - time).total_seconds() > OFFLINE_AFTER:
        return Motion.OFFLINE
    return Motion.MOVING if (speed_mps or 0.0) >= MOVING_MPS else Motion.STOPPED
