"""What was appended to a track is projected by itself only where that gives the same as the whole."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.fleet import TODAY, fix, fixes
from webhost_sync.fleet.appended import end_of_track, project_appended
from webhost_sync.fleet.chunk import encode_chunk
from webhost_sync.fleet.names import TrackDocument
from webhost_sync.fleet.projection import project_track

TRACK = TrackDocument("bus-7", TODAY.date(), "box")
META = {"layout": 1}

PLACES: list[dict[str, Any]] = [
    {}, {}, {"latitude": 50.0}, {"latitude": 0.0, "longitude": 0.0}, {"valid": False}, {"speed_mps": -1.0},
    {"latitude": 95.0}, {"attributes": {"a": "\0"}},
]  # fmt: skip


@st.composite
def chunks(draw: st.DrawFn) -> list[bytes]:
    """Mostly one after the other, as a device writes them; at times back over what was there."""
    made: list[bytes] = []
    first, second = draw(st.integers(0, 3)), 0.0
    for _ in range(draw(st.integers(0, 5))):
        points = []
        for place in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3)):
            points.append(fix(first, second, **place))
            first += 1
            second += draw(st.sampled_from([1.0, 1.0, 5.0, 0.0, -3.0]))
        made.append(encode_chunk(points))
        first = max(0, first + draw(st.sampled_from([0, 0, 0, 2, -1, -2])))
    return made + draw(st.lists(st.just(b"\x01"), max_size=1))


@given(chunks(), st.integers(0, 6))
def test_what_is_appended_and_what_was_there_are_together_the_whole(made: list[bytes], old: int) -> None:
    before = project_track(TRACK, made[:old], META)
    whole = project_track(TRACK, made, META)
    end = end_of_track(made[:old], META, before.rows)
    added = None if end is None else project_appended(TRACK, end, made, META)
    if added is not None:
        assert before.rows + added == whole.rows
        assert (before.rejects, before.conflicts) == (whole.rejects, whole.conflicts)


def test_an_ordinary_drive_is_projected_by_what_is_appended() -> None:
    made = [encode_chunk(fixes(first, 5)) for first in (0, 5, 10)]
    end = end_of_track(made[:2], META, project_track(TRACK, made[:2], META).rows)
    assert end is not None
    assert project_appended(TRACK, end, made, META) == project_track(TRACK, made, META).rows[10:]


def test_the_same_fix_once_more_is_no_appended_fix() -> None:
    made = [encode_chunk([fix(1)]), encode_chunk([fix(1, speed_mps=None)])]
    end = end_of_track(made[:1], META, project_track(TRACK, made[:1], META).rows)
    assert end is not None
    assert project_appended(TRACK, end, made, META) is None


def test_a_track_whose_start_has_changed_is_projected_whole() -> None:
    made = [encode_chunk(fixes(first, 5)) for first in (0, 5)]
    end = end_of_track(made[:1], META, project_track(TRACK, made[:1], META).rows)
    assert end is not None
    assert project_appended(TRACK, end, made[1:], META) is None
    assert project_appended(TRACK, end, made, {"layout": 2}) is None
