"""The benchmark's own parts: what it counts must be right before what it measures can be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycrdt import Array, Doc, merge_updates

from bench.dialects import STEP_2, UPDATE, Dialect, hocuspocus, y_websocket
from bench.frames import BINARY, PING, client_frame, split_frames
from bench.isolation import slower_in
from bench.measure import Deliveries, summarise
from bench.report import BEGIN, END, Result, Run, put_between_markers, to_markdown
from bench.scenarios import FanOut, Joins, ManyRooms, Plan
from bench.updates import make_updates, marker, newest


def server_frame(payload: bytes) -> bytes:
    """The same frame without the mask: a server's."""
    frame = client_frame(payload)
    head = len(frame) - len(payload) - 4
    return bytes([frame[0], frame[1] & 0x7F]) + frame[2:head] + payload


@given(st.lists(st.binary(max_size=300) | st.just(bytes(70_000)), max_size=4), st.data())
def test_frames_come_out_whole_wherever_the_stream_is_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(server_frame(payload) for payload in payloads)
    cut = data.draw(st.integers(0, len(stream)))
    early, rest = split_frames(stream[:cut])
    late, rest = split_frames(rest + stream[cut:])
    assert early + late == [(BINARY, payload) for payload in payloads]
    assert rest == b""


def test_a_ping_is_told_from_data() -> None:
    assert split_frames(bytes([0x80 | PING, 1, 65])) == ([(PING, b"A")], b"")


def test_a_masked_frame_from_a_server_is_refused() -> None:
    with pytest.raises(ValueError, match="masked"):
        split_frames(client_frame(b"x"))


@pytest.mark.parametrize("dialect", [y_websocket("größe"), hocuspocus("größe")])
def test_a_dialect_knows_its_own_messages(dialect: Dialect) -> None:
    assert dialect.kind(dialect.update(b"...")) == UPDATE
    assert dialect.kind(dialect.prefix + STEP_2 + b"\x00") == STEP_2


def test_the_newest_update_is_found_in_a_merged_frame() -> None:
    updates = make_updates("a", 300, padding=7)
    other = make_updates("b", 3)
    frame = y_websocket("room").update(merge_updates(*updates[100:200], *other))
    assert newest(frame, marker("a")) == 199
    assert newest(frame, marker("b")) == 2
    assert newest(frame, marker("c")) is None


def test_the_updates_make_one_document() -> None:
    document = Doc[Array[str]]()
    for update in make_updates("a", 20):
        document.apply_update(update)
    assert len(document.get("log", type=Array)) == 20


@given(st.permutations([0, 1, 1, 2, 2, 4]), st.permutations([3, 4, 0]))
def test_delivered_is_what_every_reader_has(first: list[int], second: list[int]) -> None:
    deliveries = Deliveries(2)
    for number in range(5):
        deliveries.note_sent(float(number))
    for seen in first:
        deliveries.note_seen(0, seen, 10.0)
    assert deliveries.delivered == 0
    for seen in second:
        deliveries.note_seen(1, seen, 10.0)
    assert deliveries.delivered == 5
    assert sorted(deliveries.latencies) == [6.0, 6.0, 7.0, 7.0, 8.0, 8.0, 9.0, 9.0, 10.0, 10.0]


def test_the_slowest_reader_decides_what_is_delivered() -> None:
    deliveries = Deliveries(3)
    for _ in range(4):
        deliveries.note_sent(0.0)
    for reader, newest_seen in enumerate((3, 1, 2)):
        deliveries.note_seen(reader, newest_seen, 1.0)
    assert deliveries.delivered == 2


def test_percentiles_are_values_that_were_measured() -> None:
    latency = summarise([number / 1000 for number in range(1, 101)])
    assert (latency.count, latency.p50_ms, latency.p99_ms, latency.max_ms) == (100, 50, 99, 100)


def test_a_page_keeps_what_stands_round_the_results() -> None:
    page = f"# Head\n{BEGIN}\nold\n{END}\nfoot\n"
    assert put_between_markers(page, "new") == f"# Head\n{BEGIN}\n\nnew\n\n{END}\nfoot\n"
    with pytest.raises(ValueError, match="markers"):
        put_between_markers("# Head\n", "new")


def test_the_tables_say_what_failed_and_what_was_lost() -> None:
    latency = summarise([0.001])
    lost = Result(
        "quick",
        "1",
        "in memory",
        FanOut(latency, 12345),
        ManyRooms(latency, 0.5, 2**20),
        Joins(1, 1, 1, None),
    )
    broken = Result("broken", "2", "nowhere", "failed: no answer", "failed: no answer", "failed: no answer")
    text = to_markdown(Run("2026-11-01", "a machine", "python -m bench", Plan(), (lost, broken)))
    assert "12,345" in text
    assert "the content is gone" in text
    assert text.count("failed: no answer") == 3


@given(st.lists(st.integers(0, 9), min_size=1), st.lists(st.integers(0, 9), min_size=1))
def test_how_often_the_one_is_slower_is_counted_over_all_pairs(one: list[int], other: list[int]) -> None:
    pairs = [(a > b) + (a == b) / 2 for a in one for b in other]
    assert slower_in(one, other) == pytest.approx(sum(pairs) / len(pairs))
