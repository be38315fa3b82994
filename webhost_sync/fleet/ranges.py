"""Ranges of time that people and programs ask for, in UTC.

In come the words of a request (`24h`, or two times) and the present, out goes a start that is included and
an end that is not. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from webhost_sync.errors import InvalidRequest

LAST: Mapping[str, timedelta] = {"24h": timedelta(hours=24), "7d": timedelta(days=7)}
"""Ranges that end now, by their names."""
DEFAULT = "24h"


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`start` <= time < `end`; both in UTC."""

    start: datetime
    end: datetime


def read_range(
    *,
    last: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    now: datetime,
    longest: timedelta,
) -> TimeRange:
    """The range that is meant: one of `LAST`, or from `start` (default: 24 hours before the end) to `end`
    (default: now, or `longest` after the start where that is earlier).

    Raises: InvalidRequest, naming the parameter.
    """
    if last is not None:
        if start is not None or end is not None:
            raise InvalidRequest("query parameter 'last' goes without 'from' and 'to'")
        if last not in LAST:
            raise InvalidRequest(f"query parameter 'last' is one of {', '.join(LAST)}")
        return TimeRange(now - LAST[last], now)
    try:
        if end is None:
            end = now if start is None else max(min(now, start + longest), start + timedelta(seconds=1))
        if start is None:
            start = end - LAST[DEFAULT]
    except OverflowError as error:
        raise InvalidRequest("query parameters 'from' and 'to' lie within the years 1 to 9999") from error
    if start >= end:
        raise InvalidRequest("query parameter 'to' must be later than 'from'")
    if end - start > longest:
        raise InvalidRequest(
            f"query parameter 'to' may be at most {longest.days} days later than 'from'; ask several times"
        )
    return TimeRange(start, end)
