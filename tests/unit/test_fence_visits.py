"""Who is inside: the same as holding every vehicle against every fence."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from store.geofence_readings import PlaceRecord
from webhost_sync.fleet.fence_visits import visitors
from webhost_sync.fleet.geofence import Circle, Polygon, Shape

spots = st.tuples(st.floats(-3, 3), st.floats(-3, 3))
circles = st.builds(Circle, spots, st.floats(1, 400_000))
triangle = Polygon(((-1.0, -1.0), (2.0, 0.0), (0.0, 2.0)))


@given(st.lists(spots, max_size=30), st.lists(circles, max_size=5))
def test_everybody_inside_is_found_and_nobody_else(
    places: list[tuple[float, float]], round_ones: list[Circle]
) -> None:
    records = [PlaceRecord(f"bus-{number:02}", *place) for number, place in enumerate(places)]
    shapes: dict[str, Shape] = {"triangle": triangle}
    shapes |= {f"circle-{number}": circle for number, circle in enumerate(round_ones)}
    assert visitors(shapes, records[::-1]) == {
        name: [each.vehicle_id for each in records if shape.contains((each.latitude, each.longitude))]
        for name, shape in shapes.items()
    }
