"""The log row that brought a chunk is found in the bytes of the log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tests.fleet import TODAY, Writer, fix
from webhost_sync.fleet.arrivals import Arrival, arrivals_of_rows, find_arrivals
from webhost_sync.fleet.chunk import encode_chunk
from webhost_sync.fleet.names import TrackDocument
from webhost_sync.fleet.projection import project_track

START = datetime(2026, 11, 23, tzinfo=UTC)
TRACK = TrackDocument("bus-7", TODAY.date(), "box")


def arrival(seq: int) -> Arrival:
    return Arrival(seq, START + timedelta(seconds=seq))


@given(st.lists(st.lists(st.integers(0, 300), min_size=1, max_size=3, unique=True), max_size=8))
def test_every_chunk_is_found_in_the_first_update_that_carries_it(described: list[list[int]]) -> None:
    writer = Writer(1)
    rows: list[tuple[Arrival, bytes]] = []
    expected: dict[bytes, Arrival] = {}
    for sequences in described:
        chunk = encode_chunk([fix(sequences[0])])
        rows.append((arrival(len(rows) + 1), writer.raw_chunk(chunk)))
        expected.setdefault(chunk, rows[-1][0])
    assert find_arrivals(expected.keys(), rows) == expected


def test_a_chunk_that_no_row_carries_is_not_found() -> None:
    writer = Writer(1)
    rows = [(arrival(1), writer.chunk(fix(1)))]
    assert find_arrivals([encode_chunk([fix(2)]), b"", b"\x01"], rows) == {}


def test_chunks_that_start_alike_are_told_apart() -> None:
    writer = Writer(1)
    chunks = [encode_chunk([fix(1, latitude=48 + n / 1e6, speed_mps=None)]) for n in range(20)]
    rows = [(arrival(n + 1), writer.raw_chunk(chunk)) for n, chunk in enumerate(chunks)]
    assert find_arrivals(chunks, rows) == {chunk: arrival(n + 1) for n, chunk in enumerate(chunks)}


def test_a_fix_in_two_chunks_came_with_the_first_of_them() -> None:
    early, late = encode_chunk([fix(1), fix(2)]), encode_chunk([fix(2), fix(3)])
    rows = project_track(TRACK, [late, early]).rows
    found = arrivals_of_rows(rows, [late, early], {early: arrival(1), late: arrival(2)})
    assert found == {1: arrival(1), 2: arrival(1), 3: arrival(2)}


def test_the_arrival_is_that_of_the_content_that_became_the_row() -> None:
    chunks = [encode_chunk([fix(1, speed_mps=speed)]) for speed in (10.0, 20.0)]
    [row] = project_track(TRACK, chunks).rows
    found = arrivals_of_rows([row], chunks, {chunks[0]: arrival(1), chunks[1]: arrival(2)})
    assert found == {1: arrival(1 if row.speed_mps == 10.0 else 2)}


def test_a_chunk_without_its_row_makes_the_arrival_of_its_fixes_unknown() -> None:
    gone, known = encode_chunk([fix(1), fix(2)]), encode_chunk([fix(2), fix(3)])
    rows = project_track(TRACK, [gone, known]).rows
    assert arrivals_of_rows(rows, [gone, known], {gone: None, known: arrival(9)}) == {
        1: None,
        2: None,
        3: arrival(9),
    }
