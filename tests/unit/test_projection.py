"""Merged state becomes rows, and what can't become one is recorded and costs only itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.fixes import contents, run
from webhost_sync.fleet.chunk import Fix, encode_chunk
from webhost_sync.fleet.layout import milliseconds_from_time
from webhost_sync.fleet.names import TableDocument, TrackDocument
from webhost_sync.fleet.projection import project_table, project_track
from webhost_sync.fleet.quality import PositionFlag, distance_m
from webhost_sync.fleet.rows import ProjectedTrack, VehicleRow
from webhost_sync.fleet.values import encode_row

VEHICLES = TableDocument("vehicles")
DAY = date(2026, 11, 23)
TRACK = TrackDocument("bus-7", DAY, "box-1")
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOON_MS = milliseconds_from_time(NOON)
GOOD_ROW = {"name": "Bus 7", "odometer_m": 1000.0, "seats": 40.0}


def fix(sequence: int, **fields: Any) -> Fix:
    """A fix of an ordinary drive, a second after the one before."""
    return replace(Fix(sequence, NOON_MS + 1000 * sequence, 48.1 + sequence / 1e4, 11.5), **fields)


def track(*chunks: object) -> ProjectedTrack:
    return project_track(TRACK, list(chunks), {"layout": 1.0})


def flags_of(*fixes: Fix) -> list[PositionFlag]:
    return [row.flags for row in track(encode_chunk(fixes)).rows]


def test_a_row_has_its_known_fields_in_columns_and_the_rest_in_attributes() -> None:
    fields = encode_row(
        "vehicles",
        "bus-7",
        {
            "name": "Bus 7", "plate": "M-AB 7", "group": "north", "driver": "Ada", "status": "active",
            "icon": "bus", "color": "#fff", "odometer_m": 12, "installed_at": NOON, "archived": False,
            "seats": 40.0, "serviced": NOON, "photo": b"\x01", "tags": ["a", 1.0],
        },
    )  # fmt: skip
    projected = project_table(VEHICLES, {"bus-7": fields}, {"layout": 1.0, "codec": 1.0})
    assert projected.rejects == ()
    assert projected.rows == (
        VehicleRow(
            id="bus-7", name="Bus 7", plate="M-AB 7", group="north", driver="Ada", status="active",
            icon="bus", color="#fff", odometer_m=12.0, installed_at=NOON, archived=False,
            attributes={
                "seats": 40,
                "serviced": {"$t": "d", "v": NOON_MS},
                "photo": {"$t": "b", "k": "Uint8Array", "v": "AQ=="},
                "tags": ["a", 1],
            },
        ),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", 5.0, "name is a number, not text"),
        ("odometer_m", "5", "odometer_m is text, not a number"),
        ("odometer_m", True, "odometer_m is true or false, not a number"),
        ("odometer_m", float("nan"), "odometer_m is no finite number"),
        ("odometer_m", {"$t": "n", "v": "5"}, "odometer_m is a BigInt, not a number"),
        ("installed_at", "2026-11-23", "installed_at is text, not a date"),
        ("installed_at", {"$t": "d", "v": 1e18}, "installed_at is a time outside the years 1 to 9999"),
        ("archived", 1.0, "archived is a number, not true or false"),
        ("plate", "a\0b", "plate holds a NUL character, which Postgres can't store"),
        ("notes", {"a": ["b\0"]}, "notes holds a NUL character, which Postgres can't store"),
        (
            "notes",
            {"a": [{"$t": "x"}]},
            "notes.a[0] has the tag 'x', which the codec doesn't know in this form",
        ),
    ],
)
def test_a_field_that_does_not_fit_is_named_and_the_others_are_projected(
    field: str, value: object, reason: str
) -> None:
    projected = project_table(VEHICLES, {"bus-7": {"driver": "Ada", **GOOD_ROW, field: value}})
    (rejected,) = projected.rejects
    assert (rejected.path, rejected.reason) == (f"rows/bus-7/{field}", reason)
    (row,) = projected.rows
    assert row.driver == "Ada"
    assert getattr(row, field, None) is None
    assert field not in row.attributes


@pytest.mark.parametrize(
    ("key", "stored", "path"),
    [
        ("bus-8", "text", "rows/bus-8"),
        ("bus-8", None, "rows/bus-8"),
        ("#x", GOOD_ROW, "rows/%23x"),
        ("a/b", [1.0], "rows/a%2Fb"),
        ("a\0b", GOOD_ROW, "rows/a%00b"),
        ("k" * 256, GOOD_ROW, f"rows/{'k' * 200}~"),
    ],
)
def test_a_row_that_is_none_costs_only_itself(key: str, stored: object, path: str) -> None:
    projected = project_table(VEHICLES, {key: stored, "bus-7": GOOD_ROW})
    (rejected,) = projected.rejects
    assert rejected.path.startswith(path)
    assert [row.id for row in projected.rows] == ["bus-7"]


def test_a_key_that_is_no_text_keeps_its_spelling_as_id() -> None:
    assert [row.id for row in project_table(VEHICLES, {"#n5": {}, "5": {}}).rows] == ["#n5", "5"]


def test_null_and_absent_fields_are_both_empty() -> None:
    assert project_table(VEHICLES, {"bus-7": {"name": None}}).rows == (VehicleRow(id="bus-7"),)


def test_other_tables_have_no_rows_and_no_rejects() -> None:
    projected = project_table(TableDocument("trips"), {"a": 5}, None)
    assert (projected.rows, projected.rejects) == ((), ())


@pytest.mark.parametrize("meta", [{"layout": 2.0}, {"layout": 1.0, "codec": 2.0}, {"layout": "1"}, 5.0])
def test_a_document_of_another_layout_is_refused_whole(meta: object) -> None:
    table = project_table(VEHICLES, {"bus-7": GOOD_ROW}, meta)
    assert (len(table.rows), len(table.rejects)) == (0, 1)
    positions = project_track(TRACK, [encode_chunk([fix(1)])], meta)
    assert (len(positions.rows), len(positions.rejects)) == (0, 1)


@pytest.mark.parametrize("root", [None, 5.0, "text", b"bytes"])
def test_a_root_of_the_wrong_kind_is_one_reject(root: object) -> None:
    assert [rejected.path for rejected in project_table(VEHICLES, root).rejects] == ["rows"]
    assert [rejected.path for rejected in project_track(TRACK, root).rejects] == ["chunks"]


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.binary(max_size=5).map(bytearray),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5) | st.just("$t"), inner),
    max_leaves=6,
)
KNOWN_NAMES = st.sampled_from(["name", "odometer_m", "installed_at", "archived"])


@given(st.dictionaries(KNOWN_NAMES | st.text(max_size=4), ANYTHING, max_size=4) | ANYTHING)
def test_a_mangled_row_never_harms_another(stored: object) -> None:
    alone = project_table(VEHICLES, {"bus-7": GOOD_ROW}).rows
    projected = project_table(VEHICLES, {"bus-7": GOOD_ROW, "mangled": stored})
    assert tuple(row for row in projected.rows if row.id == "bus-7") == alone
    assert all(rejected.path.startswith("rows/mangled") for rejected in projected.rejects)
    assert len({rejected.path for rejected in projected.rejects}) == len(projected.rejects)
    assert not any(
        "\0" in f"{rejected.path}{rejected.reason}{rejected.value}" for rejected in projected.rejects
    )


@given(ANYTHING | st.lists(ANYTHING), ANYTHING)
def test_no_content_of_the_roots_stops_a_projection(root: object, meta: object) -> None:
    for rejected in (*project_track(TRACK, root, meta).rejects, *project_table(VEHICLES, root, meta).rejects):
        assert "\0" not in f"{rejected.path}{rejected.reason}{rejected.value}"


def test_a_fix_becomes_a_position_with_everything_that_it_says() -> None:
    told = fix(
        3,
        altitude_m=519.3,
        speed_mps=13.89,
        heading_deg=90.5,
        accuracy_m=4.5,
        device_time_ms=NOON_MS,
        valid=True,
        attributes={"ignition": True},
    )
    (row,) = track(bytearray(encode_chunk([told]))).rows
    assert (row.vehicle_id, row.device_id, row.sequence) == ("bus-7", "box-1", 3)
    assert (row.time, row.device_time) == (NOON.replace(second=3), NOON)
    assert (row.latitude, row.longitude, row.altitude_m) == (48.1003, 11.5, 519.3)
    assert (row.speed_mps, row.heading_deg, row.accuracy_m) == (13.89, 90.5, 4.5)
    assert (row.valid, row.flags, row.attributes) == (True, 0, {"ignition": True})


def test_a_bad_chunk_is_one_reject_and_the_others_are_projected() -> None:
    good = encode_chunk([fix(1)])
    projected = track(good, b"\x02", "text", encode_chunk([fix(2)]))
    assert [row.sequence for row in projected.rows] == [1, 2]
    assert [(rejected.path, rejected.reason) for rejected in projected.rejects] == [
        ("chunks/1", "version 2 is unknown (byte 0)"),
        ("chunks/2", "is text, not bytes"),
    ]


@pytest.mark.parametrize("fields", [{"latitude": 90.1}, {"longitude": -180.1}, {"fix_time_ms": 2**49}])
def test_a_fix_that_can_not_be_shown_is_rejected_alone(fields: dict[str, Any]) -> None:
    projected = track(encode_chunk([fix(1), fix(2, **fields), fix(3)]))
    assert [row.sequence for row in projected.rows] == [1, 3]
    assert [rejected.path for rejected in projected.rejects] == ["sequences/2"]


def test_a_part_of_a_fix_that_can_not_be_stored_leaves_the_position() -> None:
    projected = track(encode_chunk([fix(1, attributes={"a": "\0"}, device_time_ms=2**49)]))
    assert [(row.attributes, row.device_time) for row in projected.rows] == [({}, None)]
    assert [rejected.path for rejected in projected.rejects] == [
        "sequences/1/attributes",
        "sequences/1/device_time",
    ]


def test_ids_that_sql_text_can_not_hold_refuse_the_track() -> None:
    projected = project_track(replace(TRACK, device="a\0b"), [encode_chunk([fix(1)])])
    assert [rejected.path for rejected in projected.rejects] == ["name"]


def test_the_same_fix_in_two_chunks_is_one_row() -> None:
    projected = track(encode_chunk([fix(1), fix(2)]), encode_chunk([fix(2), fix(3)]))
    assert [row.sequence for row in projected.rows] == [1, 2, 3]
    assert projected.conflicts == ()


def test_another_content_under_one_sequence_is_a_conflict() -> None:
    one, other = encode_chunk([fix(1)]), encode_chunk([fix(1, attributes={"ignition": True})])
    projected = track(other, one)
    assert len(projected.rows) == 1
    (conflict,) = projected.conflicts
    assert conflict.sequence == 1
    assert conflict.content["chunk"] == max(one, other).hex()
    assert projected == track(one, other)


def test_true_and_one_are_not_the_same_content() -> None:
    true, one = encode_chunk([fix(1, attributes={"a": True})]), encode_chunk([fix(1, attributes={"a": 1})])
    assert len(track(true, one).conflicts) == 1


@pytest.mark.parametrize(
    ("fields", "flag"),
    [
        ({"valid": False}, PositionFlag.NOT_VALID),
        ({"accuracy_m": 200.1}, PositionFlag.INACCURATE),
        ({"accuracy_m": -1.0}, PositionFlag.INACCURATE),
        ({"latitude": 0.0, "longitude": 0.0}, PositionFlag.ZERO_ISLAND),
        ({"speed_mps": -0.1}, PositionFlag.SPEED_OUT_OF_RANGE),
        ({"speed_mps": 150.1}, PositionFlag.SPEED_OUT_OF_RANGE),
        ({"heading_deg": 360.1}, PositionFlag.HEADING_OUT_OF_RANGE),
        ({"heading_deg": -1.0}, PositionFlag.HEADING_OUT_OF_RANGE),
        ({"fix_time_ms": NOON_MS + 2000}, PositionFlag.DUPLICATE_TIME),
        ({"latitude": 48.2}, PositionFlag.IMPOSSIBLE_JUMP),
        ({"fix_time_ms": NOON_MS + 12 * 3_600_000}, PositionFlag.OUTSIDE_DAY),
        ({"fix_time_ms": NOON_MS - 12 * 3_600_000 - 1}, PositionFlag.OUTSIDE_DAY),
    ],
)
def test_a_doubtful_fix_is_flagged_and_kept(fields: dict[str, Any], flag: PositionFlag) -> None:
    assert flags_of(fix(1), fix(2), fix(3, **fields)) == [0, 0, flag]


def test_a_stray_flags_itself_and_the_way_back_only() -> None:
    jump = PositionFlag.IMPOSSIBLE_JUMP
    assert flags_of(fix(1), fix(2, latitude=49.0), fix(3), fix(4)) == [0, jump, jump, 0]


def test_a_fix_on_zero_island_is_no_start_for_a_jump() -> None:
    assert flags_of(fix(1), fix(2, latitude=0.0, longitude=0.0), fix(3)) == [0, PositionFlag.ZERO_ISLAND, 0]


def test_a_distance_is_that_of_the_globe() -> None:
    assert distance_m(48.137, 11.575, 52.520, 13.405) == pytest.approx(504_300, rel=0.002)
    assert distance_m(0, 179.9, 0, -179.9) == pytest.approx(22_239, rel=0.001)


DEGREES = st.integers(-910_000_000, 910_000_000)
CHUNKS = st.lists(
    st.builds(run, st.integers(0, 6), st.lists(contents(DEGREES), min_size=1, max_size=3)).map(encode_chunk),
    min_size=1,
    max_size=5,
)


@given(CHUNKS, st.randoms(use_true_random=False))
def test_the_order_of_chunks_and_their_repetition_change_nothing(chunks: list[bytes], random: Any) -> None:
    shuffled = chunks + random.choices(chunks, k=3)
    random.shuffle(shuffled)
    assert track(*shuffled) == track(*chunks)


@given(CHUNKS)
def test_a_sequence_has_one_row_and_a_path_has_one_reject(chunks: list[bytes]) -> None:
    projected = track(*chunks)
    sequences = [row.sequence for row in projected.rows]
    assert sequences == sorted(set(sequences))
    assert {conflict.sequence for conflict in projected.conflicts} <= set(sequences)
    assert len({rejected.path for rejected in projected.rejects}) == len(projected.rejects)


@given(CHUNKS, st.binary(max_size=30), st.integers(0, 5))
def test_a_mangled_chunk_costs_only_itself(chunks: list[bytes], mangled: bytes, index: int) -> None:
    mangled = b"\xff" + mangled
    clean, harmed = track(*chunks), track(*chunks[:index], mangled, *chunks[index:])
    assert (harmed.rows, harmed.conflicts) == (clean.rows, clean.conflicts)
    assert len(harmed.rejects) == len(clean.rejects) + 1
