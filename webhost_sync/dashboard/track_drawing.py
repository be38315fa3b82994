"""A vehicle's way as what a page's script and its slider need: compact points, and the speed along the time.

Segments and points come in, JSON and SVG go out; colours come from the style sheet by class. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from markupsafe import Markup

from webhost_sync.fleet.tracks.points import Point
from webhost_sync.fleet.tracks.segments import Segment

WIDTH, HEIGHT = 1000.0, 56.0
FLOOR = 2.0
LEAST_TOP_MPS = 50 / 3.6
"""The scale of a vehicle that was never faster than this, so that a crawl doesn't look like a race."""


def compact(points: Sequence[Point]) -> str:
    """`[[seconds since the first, longitude, latitude, m/s or null], …]`"""
    start_ms = points[0].time_ms if points else 0
    rows = [
        [
            round((point.time_ms - start_ms) / 1000, 1),
            round(point.longitude, 6),
            round(point.latitude, 6),
            None if point.speed_mps is None else round(point.speed_mps, 1),
        ]
        for point in points
    ]
    return json.dumps(rows, separators=(",", ":"))


def speed_profile(points: Sequence[Point], segments: Sequence[Segment]) -> Markup:
    """The speed over the time from the first point to the last, over stripes for stops and gaps."""
    if not points or points[-1].time_ms == points[0].time_ms:
        return Markup()
    start_ms, end_ms = points[0].time_ms, points[-1].time_ms
    per_ms = WIDTH / (end_ms - start_ms)
    stripes = Markup().join(
        Markup('<rect class="in-{kind}" x="{x}" width="{width}" height="{height}"/>').format(
            kind=segment.kind.value,
            x=f"{(segment.start_ms - start_ms) * per_ms:.1f}",
            width=f"{max((segment.end_ms - segment.start_ms) * per_ms, 0.5):.1f}",
            height=f"{HEIGHT:g}",
        )
        for segment in segments
    )
    top = max([LEAST_TOP_MPS, *(point.speed_mps or 0.0 for point in points)])
    line = "".join(_line(points, segments, start_ms, per_ms, top))
    return Markup(
        '<svg class="profile" viewBox="0 0 {w} {h}" preserveAspectRatio="none" aria-hidden="true">'
        '{stripes}<path class="profile-area" d="{line}"/></svg>'
    ).format(w=f"{WIDTH:g}", h=f"{HEIGHT:g}", stripes=stripes, line=line)


def _line(
    points: Sequence[Point], segments: Sequence[Segment], start_ms: int, per_ms: float, top: float
) -> Iterator[str]:
    """An area for each trip; between trips the vehicle isn't known to move."""
    for segment in segments:
        if segment.kind.value != "trip":
            continue
        inside = [point for point in points if segment.start_ms <= point.time_ms <= segment.end_ms]
        places = [(point.time_ms - start_ms) * per_ms for point in inside]
        if not places:
            continue
        yield f"M{places[0]:.1f} {HEIGHT:g}"
        for x, point in zip(places, inside, strict=True):
            yield f"L{x:.1f} {HEIGHT - FLOOR - (HEIGHT - 3 * FLOOR) * (point.speed_mps or 0.0) / top:.1f}"
        yield f"L{places[-1]:.1f} {HEIGHT:g}Z"
