"""Areas and crossings: checked against what is known of the sphere, and of going on from the middle."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.fleet.geofence import Circle, Crossings, Point, Polygon, Shape, distance_m, shape_of
from webhost_sync.fleet.quality import EARTH_RADIUS_M

latitudes = st.floats(-80, 80)
longitudes = st.floats(-180, 180)
places = st.tuples(latitudes, longitudes)


def moved(start: Point, bearing: float, metres: float) -> Point:
    """Where one is after so many metres straight ahead."""
    latitude, longitude = map(math.radians, start)
    reach = metres / EARTH_RADIUS_M
    end = math.asin(
        math.sin(latitude) * math.cos(reach) + math.cos(latitude) * math.sin(reach) * math.cos(bearing)
    )
    turned = math.atan2(
        math.sin(bearing) * math.sin(reach) * math.cos(latitude),
        math.cos(reach) - math.sin(latitude) * math.sin(end),
    )
    return math.degrees(end), (math.degrees(longitude + turned) + 180) % 360 - 180


def square(center: Point, half: float) -> Polygon:
    latitude, longitude = center
    corners = [(-half, -half), (-half, half), (half, half), (half, -half)]
    wrapped = [(latitude + y, (longitude + x + 180) % 360 - 180) for y, x in corners]
    return Polygon(tuple(wrapped))


@given(places, st.floats(0, 2 * math.pi), st.floats(1, 900_000), st.floats(0.01, 3))
def test_a_circle_has_what_is_nearer_than_its_radius(
    center: Point, bearing: float, radius_m: float, share: float
) -> None:
    if abs(share - 1) < 1e-3:
        return
    assert Circle(center, radius_m).contains(moved(center, bearing, radius_m * share)) == (share < 1)


@given(places, st.floats(0.001, 5), st.floats(-2, 2), st.floats(-2, 2))
def test_a_square_has_what_is_between_its_sides_on_any_meridian(
    center: Point, half: float, up: float, right: float
) -> None:
    if min(abs(abs(up) - 1), abs(abs(right) - 1)) < 1e-3:
        return
    point = (center[0] + up * half, (center[1] + right * half + 180) % 360 - 180)
    assert square(center, half).contains(point) == (abs(up) < 1 and abs(right) < 1)


@given(places, st.lists(places, min_size=1, max_size=8))
def test_the_way_a_ring_is_written_does_not_matter(center: Point, points: list[Point]) -> None:
    fence = square(center, 2.0)
    turned = Polygon((*fence.points[2:], *fence.points[:2]))
    back = Polygon(fence.points[::-1])
    for point in points:
        assert fence.contains(point) == turned.contains(point) == back.contains(point)


@given(places, places)
def test_distances_are_the_same_both_ways(one: Point, other: Point) -> None:
    assert distance_m(one, other) == pytest.approx(distance_m(other, one))
    assert distance_m(one, one) == 0


steps = st.lists(st.tuples(st.floats(47.9, 48.1), st.floats(10.9, 11.1)), min_size=1, max_size=30)
FENCES: dict[str, Shape] = {"town": Circle((48.0, 11.0), 3000), "yard": square((48.02, 11.02), 0.03)}


@given(steps, st.data())
def test_going_on_from_the_middle_gives_what_going_through_gave(
    path: list[Point], data: st.DataObject
) -> None:
    whole = Crossings(FENCES)
    expected = [whole.step(point) for point in path]
    start = data.draw(st.integers(0, len(path) - 1))
    later = Crossings(FENCES)
    if start:
        later.begin(path[start - 1])
    assert [later.step(point) for point in path[start:]] == expected[start:]


@given(steps)
def test_enters_and_exits_take_turns(path: list[Point]) -> None:
    crossings = Crossings(FENCES)
    seen: dict[str, list[bool]] = {}
    for point in path:
        for crossed in crossings.step(point):
            seen.setdefault(crossed.fence, []).append(crossed.enters)
    for turns in seen.values():
        assert turns == [number % 2 == 0 for number in range(len(turns))]


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([(0, 0), (0, 1)], "3 to 500"),
        ([(0, 0), (0, 1), (0, 2)], "on a line"),
        ([(91, 0), (0, 1), (1, 1)], "no place"),
        ([(80, 0), (80, 120), (80, -120)], "round a pole"),
        ([(0, -100), (10, 0), (0, 100), (-10, 0)], "less than 180"),
    ],
)
def test_what_is_no_area_is_refused_with_the_reason(points: list[Point], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Polygon(tuple(points))


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (("square", None, None, None), "kind"),
        (("circle", {"latitude": 1, "longitude": True}, 5, None), "center"),
        (("circle", {"latitude": 1, "longitude": 1}, "5", None), "radius_m is no number"),
        (("circle", {"latitude": 1, "longitude": 1}, 0, None), "radius_m must be"),
        (("polygon", None, None, "abc"), "points is no array"),
        (("polygon", None, None, [{"latitude": 1}]), r"points\[0\]"),
    ],
)
def test_a_row_that_is_no_shape_is_refused_with_its_field(row: tuple[object, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        shape_of(*row)


@given(places, st.floats(1, 900_000), st.lists(places, max_size=20))
def test_whatever_is_inside_lies_on_the_latitudes_of_the_shape(
    center: Point, radius_m: float, points: list[Point]
) -> None:
    south_edge = moved(center, math.pi, radius_m * 0.999)
    for shape in (Circle(center, radius_m), square(center, 0.5)):
        south, north = shape.latitudes
        for point in (center, south_edge, *points):
            assert not shape.contains(point) or south <= point[0] <= north


@given(places, st.floats(10, 10_000))
def test_a_polygon_of_many_corners_is_as_large_as_its_circle(center: Point, radius_m: float) -> None:
    ring = tuple(moved(center, 2 * math.pi * number / 400, radius_m) for number in range(400))
    expected = Circle(center, radius_m).area_m2
    assert expected == pytest.approx(math.pi * radius_m**2, rel=1e-5)
    assert Polygon(ring).area_m2 == pytest.approx(expected, rel=1e-3)


def test_a_band_is_as_large_as_the_sphere_says() -> None:
    """A quarter of the zone between the equator and 30 degrees, the same on either side of the date line."""
    zone = 2 * math.pi * EARTH_RADIUS_M**2 * math.sin(math.radians(30))
    for west in (0.0, 135.0):
        east = (west + 90 + 180) % 360 - 180
        corners = ((0.0, west), (0.0, east), (30.0, east), (30.0, west))
        assert Polygon(corners).area_m2 == pytest.approx(zone / 4)
        assert Polygon(corners[::-1]).area_m2 == pytest.approx(zone / 4)
