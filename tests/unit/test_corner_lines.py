"""Corners as lines: whatever is shown is read back as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.dashboard.corner_lines import corner_lines, read_corners
from webhost_sync.errors import InvalidRequest

degrees = st.integers(-180_000_000, 180_000_000).map(lambda millionths: millionths / 1e6)
corners = st.fixed_dictionaries({"latitude": degrees, "longitude": degrees})


@given(st.lists(corners, max_size=5))
def test_what_is_shown_is_read_back(points: list[dict[str, float]]) -> None:
    assert read_corners(corner_lines(points)) == points


def test_lines_are_what_a_person_would_type() -> None:
    text = "52.2297, 21.0122\n\n  -5 7 \n1.5;-0.25\n"
    points = read_corners(text)
    assert points == [
        {"latitude": 52.2297, "longitude": 21.0122},
        {"latitude": -5.0, "longitude": 7.0},
        {"latitude": 1.5, "longitude": -0.25},
    ]
    assert corner_lines(points) == "52.2297, 21.0122\n-5, 7\n1.5, -0.25"


@pytest.mark.parametrize("line", ["52.2", "52.2, 21.0, 5", "52,2; 21,0", "here, there", ","])
def test_a_line_that_is_no_place_is_named(line: str) -> None:
    with pytest.raises(InvalidRequest, match="line 2"):
        read_corners(f"1, 2\n{line}")
