"""What people are told of a reject: where it lies, what it is, and how it is mended."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_projection import DAY, NOON_MS
from webhost_sync.fleet.chunk import Fix, encode_chunk
from webhost_sync.fleet.geofence_rows import project_geofences
from webhost_sync.fleet.names import TableDocument, TrackDocument, percent_decode, percent_encode
from webhost_sync.fleet.projection import project_table, project_track
from webhost_sync.fleet.refused import keys_of, label_of, remedy_of, words_of
from webhost_sync.fleet.rows import Reject, reject

OTHERWISE = "Correct what writes it."
FIX = Fix(1, NOON_MS, 48.1, 11.5)
CIRCLE = {"kind": "circle", "center": {"latitude": 1.0, "longitude": 1.0}, "radius_m": 10.0}


def place_of(path: str) -> str:
    """As `store.refused_readings.PLACE`."""
    return re.sub("^(rows|chunks|sequences)/[^/]+", r"\1/*", path)


def table(rows: object, meta: object = None) -> Reject:
    [found] = project_table(TableDocument("vehicles"), rows, meta).rejects
    return found


def track(chunks: object, vehicle: str = "bus-7") -> Reject:
    [found] = project_track(TrackDocument(vehicle, DAY, "box"), chunks).rejects
    return found


def fence(**fields: Any) -> Reject:
    [found] = project_geofences({"x": {**CIRCLE, **fields}}).rejects
    return found


@given(st.text())
def test_a_segment_is_decoded_to_what_it_was(text: str) -> None:
    assert percent_decode(percent_encode(text)) == text


@pytest.mark.parametrize(
    ("found", "keys", "label", "remedy"),
    [
        (table({"a/b": {"odometer_m": "x"}}), ("rows", "a/b", "odometer_m"), "odometer_m", "as a number"),
        (table({"bus": {"name": 5.0}}), ("rows", "bus", "name"), "name", "as text"),
        (table({"bus": {"50%": float("nan")}}), ("rows", "bus", "50%"), "50%", "with the SDK"),
        (table({"bus": {"note": "a\0"}}), ("rows", "bus", "note"), "note", "NUL"),
        (table({"bus": {"note": {"$t": "?"}}}), ("rows", "bus", "note"), "note", "with the SDK"),
        (table({"bus": {"odometer_m": 2**60}}), ("rows", "bus", "odometer_m"), "odometer_m", "BigInt"),
        (table({"#x": {}}), ("rows", "#x"), "whole row", "another key"),
        (table({"k" * 255 + "é": {}}), None, "whole row", "another key"),
        (table({"bus": 5.0}), ("rows", "bus"), "whole row", "a map of its fields"),
        (table(5.0), ("rows",), "all rows", OTHERWISE),
        (table({}, {"layout": 2.0}), ("meta", "layout"), "layout of the document", "Update this server"),
        (fence(radius_m=-1.0), ("rows", "x"), "whole row", "Correct the fence's shape"),
        (fence(kind="star"), ("rows", "x"), "whole row", "PATCH /api/geofences/{id}"),
        (fence(color=5.0), ("rows", "x", "color"), "color", "as text"),
        (track([b"\x09"]), ("chunks", "0"), "whole chunk of positions", "Update this server"),
        (track([b"\x01\x01"]), ("chunks", "0"), "whole chunk of positions", "bytes were lost"),
        (track(["x"]), ("chunks", "0"), "whole chunk of positions", "a chunk is bytes"),
        (track([encode_chunk([Fix(1, NOON_MS, 95.0, 11.5)])]), None, "position", "Correct the device"),
        (track([encode_chunk([FIX])], vehicle="a\0"), None, "the document's name", "a right name"),
        (track(5.0), ("chunks",), "all positions", OTHERWISE),
        (
            track([encode_chunk([Fix(1, NOON_MS, 48.1, 11.5, device_time_ms=-(10**15))])]),
            None,
            "device_time of a position",
            "the device's clock",
        ),
        (
            track([encode_chunk([Fix(1, NOON_MS, 48.1, 11.5, attributes={"a": "\0"})])]),
            None,
            "attributes of a position",
            "NUL",
        ),
    ],
)
def test_every_reject_says_where_it_is_what_it_is_and_what_to_do(
    found: Reject, keys: tuple[str, ...] | None, label: str, remedy: str
) -> None:
    place = place_of(found.path)
    assert (keys_of(found.path), label_of(place)) == (keys, label)
    assert remedy in remedy_of(place, found.reason), found.reason


def test_a_path_is_shown_decoded() -> None:
    assert words_of(reject(("rows", "a/b", "50%"), "", None).path) == "rows / a/b / 50%"
