"""Times and points of a document's history as people and programs write them: text comes in, values go out.

Pure; the commands and the API read them alike.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def read_time(text: object) -> datetime:
    """Read RFC 3339 text as a time in UTC. Raises: ValueError."""
    if not isinstance(text, str) or not _RFC_3339.fullmatch(text):
        raise ValueError(
            "a time is RFC 3339 with its offset, as 2026-05-01T12:00:00Z (in a query a + is written %2B)"
        )
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time lies within the years 1 to 9999 in UTC") from error


def read_point(value: object) -> int | datetime:
    """Read a point in a document's history: the seq of an update, or a time. Raises: ValueError."""
    if isinstance(value, str) and value.isascii() and value.isdecimal():
        value = int(value[:20])
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 2**63:
            raise ValueError("a seq is 0 or more, and below 2**63")
        return value
    if not isinstance(value, str):
        raise ValueError("it is the seq of an update, or a time")
    return read_time(value)
