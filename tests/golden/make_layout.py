"""Writes `layout.json`, the vectors that every implementation of layout 1 must agree with.

    python -m tests.golden.make_layout

What goes in stands below; what comes out is this implementation's answer, to be read before it is
committed. A change of an existing vector is a change of the format and needs a new layout number.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tests.golden.notation import to_notation
from webhost_sync.errors import InvalidRequest
from webhost_sync.fleet.chunk import Fix, decode_chunk, encode_chunk
from webhost_sync.fleet.keys import Key, decode_key, encode_key
from webhost_sync.fleet.layout import LayoutError, milliseconds_from_time
from webhost_sync.fleet.names import FreeDocument, TableDocument, parse_name, table_name, track_name
from webhost_sync.fleet.values import (
    UNDEFINED,
    BigInt,
    BinaryView,
    MapEntries,
    SetItems,
    decode_value,
    encode_value,
)
from webhost_sync.fleet.varint import ChunkError

Vector = dict[str, Any]

GOLDEN = Path(__file__).with_name("layout.json")
DAY = date(2026, 11, 23)
NOON = datetime(2026, 11, 23, 12, 0, 0, 250_000, UTC)
NOON_MS = milliseconds_from_time(NOON)

NAMES = [
    table_name("vehicles"),
    table_name("a/b %?#\0 ü"),
    table_name(".."),
    track_name("bus-7", DAY, "box-1"),
    track_name("a/b", date(2024, 2, 29), "."),
    track_name("..", DAY, "50%"),
    "notes", "a//b", "/", "tables", "track", "Tables/vehicles", "über/depot", "%zz", "n" * 255,
    "tables/", "tables/a/b", "tables/a%2fb", "tables/%41", "tables/100%",
    "track/bus-7", "track/bus-7/2026-11-23", "track//2026-11-23/box", "track/bus-7/2026-02-29/box",
    "track/bus-7/20261123/box", "track/bus-7/2026-W48-1/box", "track/bus-7/2026-11-23/box/more",
]  # fmt: skip
BAD_NAMES = ["", "n" * 256, "ü" * 128, "a\0b", "a?b", "a#b", ".", "..", "a/./b", "../a", "a/..", "\ud800"]

KEYS: list[Key] = [
    "bus-7", "", "ü😀", "#", "#n5", "##", 0, 5, -5, 0.5, -0.1, 1e21, 1.5e300, 1e-7, 0.000001, 2**53 - 1,
    1.2345678901234568e20, 5e-324, float("inf"), float("-inf"), NOON,
    datetime(1969, 12, 31, 23, 59, 59, 999_000, UTC), b"", b"\x00\xff\x10", (), ("a", 1),
    ("a", ("#b", 2.5), b"\x01", NOON, 'quote " back \\ line \n bell \x07 ü'),
]  # fmt: skip
BAD_KEYS = [
    "#", "#x", "#n", "#n05", "#n5.0", "#n+5", "#n-0", "#n1e21", "#nNaN", "#nabc", "#n9007199254740993", "#d",
    "#d1.5", "#d-0", "#d01", "#d9e15", "#d8640000000000000", "#bAA", "#bAB==", "#b!!", "#a", "#a{}",
    "#a[1]", '#a["a", "b"]', '#a["#n05"]', '#a["\\u0061"]', '#a["#"]',
]  # fmt: skip

VALUES: list[Any] = [
    None, True, False, 0, 5, -5, 2**53 - 1, 0.5, -1e-9, 1e300, "", "text", "ü😀", [], {}, b"", b"\x00\xff",
    NOON, BigInt(5), BigInt(-(2**70)), BinaryView("Float32Array", bytes.fromhex("0000803f")),
    BinaryView("ArrayBuffer", b""), MapEntries(((1, "one"), ("two", NOON), (UNDEFINED, [UNDEFINED]))),
    MapEntries(()), SetItems((1, "a", b"\x01")), [1, UNDEFINED, None, [UNDEFINED]],
    {"$t": "d", "v": 1}, {"$$t": 1, "$t": {"$t": 2}, "t": 3, "$v": 4},
    {"tags": ["a", {"since": NOON, "blob": b"\x01"}]},
]  # fmt: skip
BAD_STORED: list[Any] = [
    float("nan"), float("inf"), {"$t": "x"}, {"$t": "d"}, {"$t": "d", "v": 1.5}, {"$t": "d", "v": "1"},
    {"$t": "d", "v": True}, {"$t": "d", "v": 1, "w": 2}, {"$t": "d", "v": 1e18},
    {"$t": "n", "v": 5}, {"$t": "n", "v": "05"}, {"$t": "n", "v": "-0"},
    {"$t": "b", "k": "Int7Array", "v": ""}, {"$t": "b", "v": "AA=="},
    {"$t": "b", "k": "Int8Array", "v": "A"}, {"$t": "m", "v": [[1]]}, {"$t": "m", "v": {}}, {"$t": "s"},
    {"$t": "u"}, {"a": {"$t": "u"}}, {"$t": None}, {"a": [1, {"$t": "x"}]},
]  # fmt: skip
REFUSED_VALUES: list[Any] = [
    float("nan"), float("-inf"), UNDEFINED, {"a": UNDEFINED}, {"tags": [1, {"b": float("nan")}]},
]  # fmt: skip


def walk(count: int) -> list[Fix]:
    """A short drive that uses every column, with gaps."""
    return [
        Fix(
            sequence=41 + i,
            fix_time_ms=NOON_MS + 1000 * i + (7 if i == 2 else 0),
            latitude=48.137154 + i * 0.00011,
            longitude=11.576124 - i * 0.00007,
            altitude_m=519.3 - i if i != 1 else None,
            speed_mps=13.89 + i * 0.05,
            heading_deg=359.9 if i % 2 else None,
            accuracy_m=4.5,
            device_time_ms=NOON_MS + 1000 * i + 120 if i else None,
            valid=(True, None, False)[i % 3],
            attributes={"ignition": True, "fuel": 0.5, "10": 1, "9": "ü"} if i == 1 else {},
        )
        for i in range(count)
    ]


FAR = 2**50 - 1
CHUNKS: dict[str, list[Fix]] = {
    "one fix, required columns only": [Fix(0, NOON_MS, 48.137154, 11.576124)],
    "three fixes a second apart": [
        Fix(7 + i, NOON_MS + 1000 * i, 48.137154 + i / 1e5, 11.576124) for i in range(3)
    ],
    "two fixes with optional columns": [
        Fix(8, NOON_MS, 48.137154, 11.576124, speed_mps=13.89, device_time_ms=NOON_MS + 120, valid=True),
        Fix(9, NOON_MS + 1000, 48.137164, 11.576114, speed_mps=13.5, valid=False, attributes={"fuel": 0.5}),
    ],
    "every column, with gaps": walk(9),
    "south, west, before 1970, time going back": [Fix(1, -5, -33.9, -70.5), Fix(2, -1005, -33.9, -70.6)],
    "the largest numbers": [
        Fix(2**53 - 2, FAR, FAR / 1e7, -FAR / 1e7),
        Fix(2**53 - 1, -FAR, -FAR / 1e7, FAR / 1e7),
    ],
    "halves round up": [
        Fix(0, 0, 0.00000005, -0.00000005, altitude_m=-0.05, speed_mps=0.125, accuracy_m=0.25),
    ],
}  # fmt: skip
REFUSED_FIXES: dict[str, list[Fix]] = {
    "no fix": [],
    "sequences with a hole": [Fix(1, 0, 0, 0), Fix(3, 0, 0, 0)],
    "a negative sequence": [Fix(-1, 0, 0, 0)],
    "a latitude that is no number": [Fix(0, 0, float("nan"), 0)],
    "an infinite speed": [Fix(0, 0, 0, 0, speed_mps=float("inf"))],
    "a time too far": [Fix(0, 2**50, 0, 0)],
    "attributes that hold NaN": [Fix(0, 0, 0, 0, attributes={"a": float("nan")})],
}


def one_fix_with(attributes: bytes) -> str:
    """The hex of a chunk of one fix with these bytes as its attributes."""
    return f"01 01 00 40 00 00 00 01 {len(attributes):02x} {attributes.hex()}"


BAD_CHUNKS = {
    "nothing": "",
    "version 0": "000100000000 00",
    "version 2": "020100000000 00",
    "cut after the version": "01",
    "no fix": "01000000",
    "more fixes than allowed": "01e907000000",
    "an absurd count": "01ffffffffffffff0f0000",
    "more fixes than bytes": "01e8070000000000",
    "a number of 54 bits": "01 ffffffffffffff10 00 00",
    "a number of nine bytes": "01 808080808080808001 00 00",
    "a count longer than needed": "01 8100 00 00 000000",
    "a last sequence beyond 53 bits": "01 02 ffffffffffffff0f 00 000000000000",
    "an unknown column": "01 01 00 8001 000000",
    "a latitude cut off": "01 01 00 00 00 80",
    "a time out of bounds": "01 01 00 00 8080808080808004 00 00",
    "bytes left over": "01 01 00 00 00 00 00 00",
    "an empty column": "01 01 00 01 00 00 00 00",
    "a bitmap with a bit too many": "01 01 00 01 00 00 00 03 00",
    "valid bits beyond the last": "01 01 00 20 00 00 00 01 02",
    "attributes cut off": "01 01 00 40 00 00 00 01 05 7b7d",
    "attributes of absurd length": "01 01 00 40 00 00 00 01 ffffffffffffff0f 7b7d",
    "attributes that are no UTF-8": one_fix_with(b"{\xff}"),
    "attributes that are no JSON": one_fix_with(b"{{"),
    "attributes that are a list": one_fix_with(b"[]"),
    "attributes with NaN": one_fix_with(b'{"a":NaN}'),
    "attributes with 1e999": one_fix_with(b'{"a":1e999}'),
    "attributes with half a character": one_fix_with(b'{"a":"\\ud800"}'),
}


def problem(call: Callable[..., object], *arguments: object) -> Vector:
    """What the refusal of a bad input says."""
    try:
        call(*arguments)
    except ChunkError as error:
        return {"offset": error.offset, "reason": error.reason}
    except LayoutError as error:
        return {"path": error.path, "problem": error.problem}
    except InvalidRequest as error:
        return {"problem": error.detail}
    raise AssertionError(f"a bad vector was accepted: {arguments}")


def name_vector(name: str) -> Vector:
    """What a name means; a misfit is free, and `misfit` says why it has no rows."""
    document = parse_name(name)
    match document:
        case TableDocument(table):
            return {"name": name, "kind": "table", "table": table}
        case FreeDocument(_, misfit):
            return {"name": name, "kind": "free", "misfit": misfit}
    return {
        "name": name,
        "kind": "track",
        "vehicle": document.vehicle,
        "day": document.day.isoformat(),
        "device": document.device,
    }


def key_vector(key: Key) -> Vector:
    """A key and its spelling."""
    text = encode_key(key)
    assert decode_key(text) == key
    return {"key": to_notation(key), "text": text}


def value_vector(value: Any) -> Vector:
    """A value and its stored form."""
    stored = encode_value(value, "value")
    assert decode_value(stored, "value") == value
    return {"value": to_notation(value), "stored": to_notation(stored)}


def fix_fields(fix: Fix) -> Vector:
    """A fix without what it doesn't know."""
    return {name: value for name, value in asdict(fix).items() if value not in (None, {})}


def chunk_vector(about: str, fixes: list[Fix]) -> Vector:
    """Fixes, their bytes, and what the bytes say, which is rounded."""
    chunk = encode_chunk(fixes)
    read = decode_chunk(chunk)
    assert encode_chunk(read) == chunk
    return {
        "about": about,
        "fixes": [fix_fields(fix) for fix in fixes],
        "hex": chunk.hex(),
        "decoded": [fix_fields(fix) for fix in read],
    }


def vectors() -> Vector:
    """All of `layout.json`."""
    return {
        "about": "Vectors of layout 1. Values that JSON lacks are objects with the key '@': see notation.py.",
        "names": {
            "good": [name_vector(name) for name in NAMES],
            "bad": [{"name": name, **problem(parse_name, name)} for name in BAD_NAMES],
        },
        "keys": {
            "good": [key_vector(key) for key in KEYS],
            "bad": [{"text": text, **problem(decode_key, text)} for text in BAD_KEYS],
        },
        "values": {
            "good": [value_vector(value) for value in VALUES],
            "bad": [
                {"stored": to_notation(stored), **problem(decode_value, stored, "value")}
                for stored in BAD_STORED
            ],
            "refused": [
                {"value": to_notation(value), **problem(encode_value, value, "value")}
                for value in REFUSED_VALUES
            ],
        },
        "chunks": {
            "good": [chunk_vector(about, fixes) for about, fixes in CHUNKS.items()],
            "bad": [
                {"about": about, "hex": bytes.fromhex(digits).hex(), **problem(decode, digits)}
                for about, digits in BAD_CHUNKS.items()
            ],
            "refused": [
                {"about": about, "fixes": to_notation([fix_fields(fix) for fix in fixes])}
                | problem(encode_chunk, fixes)
                for about, fixes in REFUSED_FIXES.items()
            ],
        },
    }


def decode(digits: str) -> tuple[Fix, ...]:
    """Unpack a chunk that is given as hex, with spaces."""
    return decode_chunk(bytes.fromhex(digits))


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(vectors(), indent=1) + "\n")
