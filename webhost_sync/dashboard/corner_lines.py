"""Corners of a polygon as people type them, one a line: `52.2297, 21.0122`. Pure.

line = latitude, longitude     with a comma, a semicolon or blanks between
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from webhost_sync.errors import InvalidRequest

DIGITS = 6
"""After the point: a tenth of a metre."""
_BETWEEN = re.compile(r"[,;\s]\s*")


def corner_lines(points: Iterable[Mapping[str, float]]) -> str:
    """The corners, one a line."""
    return "\n".join(f"{degrees(point['latitude'])}, {degrees(point['longitude'])}" for point in points)


def read_corners(text: str) -> list[dict[str, float]]:
    """The corners before `corner_lines`. Raises: InvalidRequest, naming the line."""
    corners = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            latitude, longitude = (float(part) for part in _BETWEEN.split(line.strip()))
        except ValueError as error:
            raise InvalidRequest(
                f"corners, line {number}: write latitude and longitude in degrees, as 52.2297, 21.0122"
            ) from error
        corners.append({"latitude": latitude, "longitude": longitude})
    return corners


def degrees(value: float) -> str:
    """As short as it can be written: 52.2297."""
    return f"{value:.{DIGITS}f}".rstrip("0").rstrip(".")
