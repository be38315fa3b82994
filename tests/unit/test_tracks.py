"""Trips, stops and gaps out of fixes: what any line promises, and drives that a person would cut alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import accumulate, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.fleet.quality import PositionFlag
from webhost_sync.fleet.tracks.figures import days_of, total_of
from webhost_sync.fleet.tracks.points import Point, leg_m, legs_of, line_of
from webhost_sync.fleet.tracks.segments import Kind, Segment, segments_of
from webhost_sync.fleet.tracks.simplify import simplify

NOON_MS = 1_777_636_800_000  # 2026-05-01 12:00 UTC
METRE = 1 / 111_195  # degrees of latitude


@st.composite
def drives(draw: st.DrawFn) -> list[Point]:
    """Fixes of a vehicle that stands, jitters, drives, jumps and falls silent."""
    steps = draw(
        st.lists(
            st.tuples(
                st.sampled_from((1, 10, 30, 200, 3_000, 4_000, 40_000)),
                st.sampled_from((0.0, 5.0, 40.0, 90.0, 150.0, 2_000.0)),
                st.floats(0, 2 * math.pi),
                st.sampled_from((None, 0.0, 12.5)),
                st.sampled_from(("box", "box", "phone")),
            ),
            max_size=60,
        )
    )
    latitude, longitude = draw(st.sampled_from(((52.0, 21.0), (0.0, 179.999), (-70.0, -180.0))))
    time_ms, fixes = NOON_MS, []
    for seconds, metres, course, speed, device in steps:
        time_ms += seconds * 1000
        latitude += metres * METRE * math.cos(course)
        longitude += metres * METRE * math.sin(course)
        longitude = (longitude + 540) % 360 - 180
        fixes.append(Point(time_ms, latitude, longitude, speed, None, device))
    return fixes


@given(drives())
def test_segments_cover_the_time_without_overlap(fixes: list[Point]) -> None:
    line = line_of(fixes)
    segments = segments_of(line)
    if not line:
        assert segments == []
        return
    assert (segments[0].first, segments[-1].last) == (0, len(line) - 1)
    assert all(before.last == after.first for before, after in pairwise(segments))
    assert all(one.end_ms == line[one.last].time_ms for one in segments)
    assert math.fsum(one.duration_s for one in segments) == pytest.approx(
        (line[-1].time_ms - line[0].time_ms) / 1000
    )
    assert not any(a.kind is b.kind is Kind.STOP for a, b in pairwise(segments))


@given(drives())
def test_the_distance_of_trips_is_that_of_their_legs(fixes: list[Point]) -> None:
    line = line_of(fixes)
    segments, legs = segments_of(line), legs_of(line)
    for one in segments:
        way = math.fsum(legs[one.first : one.last])
        assert one.distance_m == pytest.approx(0.0 if one.kind is Kind.STOP else way)
        assert one.kind is not Kind.TRIP or one.distance_m >= 200
    total = total_of(segments)
    assert total.distance_m <= math.fsum(legs) * (1 + 1e-9)
    assert total.driving_s + total.standing_s + total.silent_s == pytest.approx(
        math.fsum(one.duration_s for one in segments)
    )


@given(drives())
def test_days_add_up_to_the_total(fixes: list[Point]) -> None:
    line = line_of(fixes)
    segments = segments_of(line)
    days, total = days_of(line, segments), total_of(segments)
    for name in ("distance_m", "driving_s", "standing_s", "silent_s", "trips", "stops"):
        assert math.fsum(getattr(day.figures, name) for day in days) == pytest.approx(getattr(total, name))
    assert [day.day for day in days] == sorted({day.day for day in days})


@given(drives(), st.data())
def test_the_same_fixes_again_in_any_order_change_nothing(fixes: list[Point], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(fixes), max_size=20)) if fixes else []
    mixed = data.draw(st.permutations([*fixes, *again]))
    assert line_of(mixed) == line_of(fixes)


@given(drives(), st.data())
def test_doubtful_fixes_change_nothing(fixes: list[Point], data: st.DataObject) -> None:
    if not fixes:
        return
    place = data.draw(st.integers(0, len(fixes) - 1))
    flag = data.draw(st.sampled_from([1, 2, 4, 32, 64]))
    stray = fixes[place]._replace(latitude=0.0, longitude=0.0, time_ms=fixes[place].time_ms + 1, flags=flag)
    assert line_of([*fixes, stray]) == line_of(fixes)


@given(drives(), st.integers(2, 40), st.sampled_from([0.0, 1.0, 50.0]))
def test_a_thinned_line_is_bounded_in_number_and_error(
    fixes: list[Point], limit: int, tolerance_m: float
) -> None:
    line = line_of(fixes)
    thin = simplify(line, limit=limit, tolerance_m=tolerance_m)
    assert len(thin.kept) <= max(limit, min(len(line), 2))
    assert thin.kept == sorted(set(thin.kept))
    if line:
        assert (thin.kept[0], thin.kept[-1]) == (0, len(line) - 1)
    for first, last in pairwise(thin.kept):
        for at in range(first + 1, last):
            assert _off_m(line[first], line[at], line[last]) <= thin.error_m * 1.02 + 0.01
    if len(thin.kept) < min(limit, len(line)):
        assert thin.error_m <= tolerance_m


def _off_m(start: Point, point: Point, end: Point) -> float:
    """How far a point is from where an even drive from start to end would be, by great circles."""
    share = (point.time_ms - start.time_ms) / (end.time_ms - start.time_ms)
    east = (end.longitude - start.longitude + 540) % 360 - 180
    latitude = start.latitude + share * (end.latitude - start.latitude)
    return leg_m(point, point._replace(latitude=latitude, longitude=start.longitude + share * east))


@given(drives())
def test_a_thinned_line_keeps_the_ends_of_segments_where_there_is_room(fixes: list[Point]) -> None:
    line = line_of(fixes)
    ends = {place for one in segments_of(line) for place in (one.first, one.last)}
    assert ends <= set(simplify(line, limit=max(2, len(line)), tolerance_m=1e9, keep=ends).kept)


def drive(*parts: tuple[float, float, int], step_s: int = 30) -> list[Point]:
    """Fixes each `step_s`: for so many seconds at so many metres per second, jittering by so many metres."""
    paces = [(speed, jitter) for seconds, speed, jitter in parts for _ in range(int(seconds // step_s))]
    ways = accumulate((speed * step_s for speed, _ in paces), initial=0.0)
    return [
        Point(NOON_MS + number * step_s * 1000, 52 + way * METRE + sign * jitter * METRE, 21.0)
        for number, (way, (_, jitter)) in enumerate(zip(ways, [(0.0, 0), *paces], strict=True))
        for sign in [(-1) ** number]
    ]


def kinds(segments: Iterable[Segment]) -> list[str]:
    return [one.kind.value for one in segments]


def test_a_drive_with_a_stop_is_two_trips() -> None:
    segments = segments_of(line_of(drive((600, 10, 0), (600, 0, 20), (600, 10, 0))))
    assert kinds(segments) == ["trip", "stop", "trip"]
    assert segments[1].duration_s == pytest.approx(600, abs=60)
    assert segments[0].distance_m == pytest.approx(6000, abs=100)
    assert segments[0].average_speed_mps == pytest.approx(10, abs=0.5)


def test_a_red_light_is_no_stop() -> None:
    assert kinds(segments_of(line_of(drive((600, 10, 0), (120, 0, 0), (600, 10, 0))))) == ["trip"]


def test_a_parked_vehicle_that_jitters_drives_nowhere() -> None:
    line = line_of(drive((7200, 0, 28)))
    assert kinds(segments_of(line)) == ["stop"]
    assert math.fsum(legs_of(line)) > 10_000


def test_one_stray_fix_ends_no_stop_and_two_do() -> None:
    parked = drive((1800, 0, 0))
    stray = [p._replace(latitude=p.latitude + 300 * METRE) if n == 20 else p for n, p in enumerate(parked)]
    assert kinds(segments_of(line_of(stray))) == ["stop"]
    gone = [
        p._replace(latitude=p.latitude + 300 * METRE) if n in (20, 21) else p for n, p in enumerate(parked)
    ]
    assert kinds(segments_of(line_of(gone))) == ["stop", "trip", "stop"]


def test_a_move_within_the_yard_is_part_of_the_stop() -> None:
    segments = segments_of(line_of(drive((600, 0, 0), (30, 5, 0), (600, 0, 0))))
    assert kinds(segments) == ["stop"]
    assert segments[0].duration_s == 1230


def test_a_silence_is_a_gap_only_where_the_vehicle_has_moved() -> None:
    before = drive((600, 10, 0))
    later = [point._replace(time_ms=point.time_ms + 8 * 3_600_000) for point in before]
    asleep = [
        point._replace(latitude=point.latitude + before[-1].latitude - before[0].latitude) for point in later
    ]
    assert kinds(segments_of(line_of(before + later))) == ["trip", "gap", "trip"]
    assert kinds(segments_of(line_of(before + asleep))) == ["trip", "stop", "trip"]


def test_a_second_device_beside_the_first_makes_no_way() -> None:
    box = [point._replace(device_id="box") for point in drive((600, 10, 0))]
    phone = [
        point._replace(device_id="phone", longitude=21.001, time_ms=point.time_ms + 1000) for point in box
    ]
    assert line_of(box + phone) == box
    after = [point._replace(time_ms=point.time_ms + 3_600_000) for point in phone]
    assert line_of(box + after) == box + after


def test_a_wrong_speed_is_forgotten_and_its_place_is_not() -> None:
    [point] = line_of([Point(NOON_MS, 52, 21, 900.0, flags=PositionFlag.SPEED_OUT_OF_RANGE)])
    assert point.speed_mps is None


def test_a_night_drive_counts_for_both_days() -> None:
    midnight_ms = NOON_MS + 12 * 3_600_000
    line = [point._replace(time_ms=point.time_ms + 11 * 3_600_000) for point in drive((7200, 10, 0))]
    first, second = days_of(line, segments_of(line))
    assert (first.figures.trips, second.figures.trips) == (1, 0)
    assert first.figures.driving_s == (midnight_ms - line[0].time_ms) / 1000
    assert second.figures.distance_m == pytest.approx(36_000, abs=300)
