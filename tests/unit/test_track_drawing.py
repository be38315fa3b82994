"""The speed along the time, and points as the page's script takes them."""

from __future__ import annotations

import json
import re

from webhost_sync.dashboard.track_drawing import compact, speed_profile
from webhost_sync.fleet.tracks.points import Point
from webhost_sync.fleet.tracks.segments import Kind, Segment

LINE = [
    Point(1_000_000 + 30_000 * n, 52.0, 21.0 + n / 100, speed) for n, speed in enumerate((0.0, 20.0, None))
]


def test_points_are_short_and_begin_at_zero() -> None:
    assert json.loads(compact(LINE)) == [
        [0, 21.0, 52.0, 0.0],
        [30, 21.01, 52.0, 20.0],
        [60, 21.02, 52.0, None],
    ]
    assert compact([]) == "[]"


def test_the_profile_has_a_stripe_for_each_segment_and_an_area_for_each_trip() -> None:
    trip = Segment(Kind.TRIP, 0, 1, 1_000_000, 1_030_000, 700.0, 52, 21, 20.0)
    stop = Segment(Kind.STOP, 1, 2, 1_030_000, 1_060_000, 0.0, 52, 21)
    drawn = str(speed_profile(LINE, [trip, stop]))
    assert re.findall(r'class="(in-\w+)" x="([\d.]+)" width="([\d.]+)"', drawn) == [
        ("in-trip", "0.0", "500.0"),
        ("in-stop", "500.0", "500.0"),
    ]
    assert drawn.count("M") == drawn.count("Z") == 1
    assert speed_profile(LINE[:1], []) == speed_profile([], []) == ""
