"""Positions as the binary chunks of a track document, layout 1.

In come fixes from a device, out goes a chunk; in comes a chunk from a document, out go its fixes or one
ChunkError. Knows no document and judges no position. The format, column by column:

    chunk    = version=1  varuint(count)  varuint(first sequence)  varuint(columns)
               times  latitudes  longitudes  optional columns by rising bit
    times    = first, then first step, then the changes of the step      ms since 1970
    others   = first, then the changes                                   1e-7 degrees, 0.1 m, 0.01 m/s, ...
    optional = presence bitmap, then the values of the fixes present

`docs/layout.md` has the whole of it with worked examples. Scaled values are rounded by
floor(value * scale + 0.5), which IEEE 754 gives alike in every language; every column value is within
2**50, so that no sum or difference leaves JavaScript's 53 bits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag
from itertools import accumulate, pairwise
from typing import Any

from webhost_sync.fleet.json_text import canonical_json, parse_json
from webhost_sync.fleet.layout import MAX_SAFE_INTEGER, LayoutError
from webhost_sync.fleet.varint import ByteReader, ChunkError, write_varuint, write_zigzags

CHUNK_VERSION = 1

MAX_FIXES = 1000
"""More fixes than this in one chunk are refused, so that a reader's work per chunk is bounded."""

MAX_COLUMN_VALUE = 2**50 - 1
"""Changes of changes of such values still fit 53 bits when they are zig-zagged."""

_DEGREE_SCALE = 10_000_000


class Column(IntFlag):
    """The optional columns, in the order in which they stand in a chunk."""

    ALTITUDE = 1
    SPEED = 2
    HEADING = 4
    ACCURACY = 8
    DEVICE_TIME = 16
    VALID = 32
    ATTRIBUTES = 64


_ALL_COLUMNS = sum(Column)
_SCALED = {
    Column.ALTITUDE: ("altitude_m", 10),
    Column.SPEED: ("speed_mps", 100),
    Column.HEADING: ("heading_deg", 10),
    Column.ACCURACY: ("accuracy_m", 10),
}


@dataclass(frozen=True, slots=True)
class Fix:
    """One position as a device recorded it; None is what the device doesn't know.

    `sequence` counts the device's fixes, `valid` is the receiver's own judgement, `attributes` is JSON.
    """

    sequence: int
    fix_time_ms: int
    latitude: float
    longitude: float
    altitude_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    accuracy_m: float | None = None
    device_time_ms: int | None = None
    valid: bool | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)


def encode_chunk(fixes: Sequence[Fix]) -> bytes:
    """Pack fixes of one device, their sequences rising by one. The same fixes give the same bytes.

    Raises: LayoutError naming the fix and the field that can't be packed.
    """
    _require_one_run(fixes)
    optional = {column: body for column in Column if (body := _optional_column(column, fixes))}
    chunk = bytearray([CHUNK_VERSION])
    for number in (len(fixes), fixes[0].sequence, sum(optional)):
        write_varuint(chunk, number)
    first, *steps = _changes([_bounded(fix.fix_time_ms, fix, "fix_time_ms") for fix in fixes])
    write_zigzags(chunk, [first, *_changes(steps)])
    for name in ("latitude", "longitude"):
        write_zigzags(chunk, _changes([_units(fix, name, _DEGREE_SCALE) for fix in fixes]))
    return bytes(chunk) + b"".join(optional.values())


def _require_one_run(fixes: Sequence[Fix]) -> None:
    if not 1 <= len(fixes) <= MAX_FIXES:
        raise LayoutError("fixes", f"are {len(fixes)}; a chunk holds 1 to {MAX_FIXES}")
    first = fixes[0].sequence
    if first < 0 or fixes[-1].sequence > MAX_SAFE_INTEGER:
        raise LayoutError(f"fix {first}", "has a sequence outside 0 to 2**53 - 1")
    for expected, fix in enumerate(fixes, first):
        if fix.sequence != expected:
            raise LayoutError(f"fix {fix.sequence}", f"stands where {expected} comes next")


def _changes(values: Sequence[int]) -> list[int]:
    """The first value, then what each differs from the one before; `accumulate` is the way back."""
    return [*values[:1], *(after - before for before, after in pairwise(values))]


def _bounded(value: int, fix: Fix, name: str) -> int:
    if abs(value) > MAX_COLUMN_VALUE:
        raise LayoutError(f"fix {fix.sequence}: {name}", "is beyond 2**50 units of a chunk")
    return value


def _units(fix: Fix, name: str, scale: int) -> int:
    scaled: float = getattr(fix, name) * float(scale)
    if not math.isfinite(scaled):
        raise LayoutError(f"fix {fix.sequence}: {name}", "is no finite number")
    return _bounded(math.floor(scaled + 0.5), fix, name)


def _optional_column(column: Column, fixes: Sequence[Fix]) -> bytes:
    """Presence bitmap and values of a column, or nothing if no fix has a value."""
    present = [fix for fix in fixes if _has(column, fix)]
    if not present:
        return b""
    body = bytearray(_pack_bits([_has(column, fix) for fix in fixes]))
    match column:
        case Column.DEVICE_TIME:
            write_zigzags(body, _changes([_device_offset(fix) for fix in present]))
        case Column.VALID:
            body += _pack_bits([bool(fix.valid) for fix in present])
        case Column.ATTRIBUTES:
            for fix in present:
                text = _attributes_text(fix)
                write_varuint(body, len(text))
                body += text
        case _:
            name, scale = _SCALED[column]
            write_zigzags(body, _changes([_units(fix, name, scale) for fix in present]))
    return bytes(body)


def _has(column: Column, fix: Fix) -> bool:
    match column:
        case Column.DEVICE_TIME:
            return fix.device_time_ms is not None
        case Column.VALID:
            return fix.valid is not None
        case Column.ATTRIBUTES:
            return bool(fix.attributes)
    return getattr(fix, _SCALED[column][0]) is not None


def _device_offset(fix: Fix) -> int:
    return _bounded((fix.device_time_ms or 0) - fix.fix_time_ms, fix, "device_time_ms")


def _attributes_text(fix: Fix) -> bytes:
    try:
        return canonical_json(fix.attributes).encode()
    except ValueError as error:
        raise LayoutError(f"fix {fix.sequence}: attributes", str(error)) from None


def _pack_bits(bits: Sequence[bool]) -> bytes:
    """One bit each, the lowest bit of the first byte first, unused bits zero."""
    packed = sum(1 << index for index, bit in enumerate(bits) if bit)
    return packed.to_bytes((len(bits) + 7) // 8, "little")


def decode_chunk(chunk: bytes) -> tuple[Fix, ...]:
    """Unpack a chunk's fixes in the order of their sequences.

    Raises: ChunkError for an unknown version, a length that doesn't fit, bytes that are left over, and
        whatever else `encode_chunk` doesn't write; only the JSON of attributes may be formatted freely.
    """
    reader = ByteReader(chunk)
    count, first, columns = _read_header(reader)
    times = _read_times(reader, count)
    degrees = [_unscale(_read_sums(reader, count), _DEGREE_SCALE) for _ in ("latitude", "longitude")]
    optional = [
        _read_optional(reader, count, column) if column in columns else [None] * count for column in Column
    ]
    if reader.remaining:
        raise ChunkError(reader.offset, f"{reader.remaining} bytes are left over")
    *scaled, offsets, valid, attributes = optional
    device_times = [
        None if offset is None else time + offset for time, offset in zip(times, offsets, strict=True)
    ]
    sequences = range(first, first + count)
    contents = [{} if given is None else given for given in attributes]
    return tuple(map(Fix, sequences, times, *degrees, *scaled, device_times, valid, contents))


def _read_header(reader: ByteReader) -> tuple[int, int, Column]:
    if not reader.remaining:
        raise ChunkError(0, "the chunk is empty")
    version = reader.read_bytes(1)[0]
    if version != CHUNK_VERSION:
        raise ChunkError(0, f"version {version} is unknown")
    start = reader.offset
    count = reader.read_varuint()
    if not 1 <= count <= MAX_FIXES:
        raise ChunkError(start, f"{count} fixes are announced; a chunk holds 1 to {MAX_FIXES}")
    start = reader.offset
    first = reader.read_varuint()
    if first > MAX_SAFE_INTEGER + 1 - count:
        raise ChunkError(start, "the last sequence has more than 53 bits")
    start = reader.offset
    columns = reader.read_varuint()
    if columns & ~_ALL_COLUMNS:
        raise ChunkError(start, f"columns {columns} are unknown")
    return count, first, Column(columns)


def _read_times(reader: ByteReader, count: int) -> list[int]:
    start = reader.offset
    first, *changes_of_steps = reader.read_zigzags(count)
    return _in_bounds(start, accumulate([first, *accumulate(changes_of_steps)]))


def _read_sums(reader: ByteReader, count: int) -> list[int]:
    start = reader.offset
    return _in_bounds(start, accumulate(reader.read_zigzags(count)))


def _in_bounds(start: int, values: Iterable[int]) -> list[int]:
    column = list(values)
    if max(column) > MAX_COLUMN_VALUE or min(column) < -MAX_COLUMN_VALUE:
        raise ChunkError(start, "the column that starts here leaves 2**50 units")
    return column


def _unscale(units: Sequence[int], scale: int) -> list[float]:
    return [value / scale for value in units]


def _read_optional(reader: ByteReader, count: int, column: Column) -> list[Any]:
    """One value a fix, None where the column's bitmap has no bit."""
    start = reader.offset
    presence = _read_bits(reader, count)
    present = sum(presence)
    if not present:
        raise ChunkError(start, "the column that starts here is empty")
    values = iter(_read_values(reader, present, column))
    return [next(values) if bit else None for bit in presence]


def _read_values(reader: ByteReader, present: int, column: Column) -> Sequence[object]:
    match column:
        case Column.DEVICE_TIME:
            return _read_sums(reader, present)
        case Column.VALID:
            return _read_bits(reader, present)
        case Column.ATTRIBUTES:
            return [_read_attributes(reader) for _ in range(present)]
    return _unscale(_read_sums(reader, present), _SCALED[column][1])


def _read_bits(reader: ByteReader, count: int) -> list[bool]:
    start = reader.offset
    packed = int.from_bytes(reader.read_bytes((count + 7) // 8), "little")
    if packed >> count:
        raise ChunkError(start, "a bitmap has bits beyond its last fix")
    return [bool(packed >> index & 1) for index in range(count)]


def _read_attributes(reader: ByteReader) -> Mapping[str, object]:
    start = reader.offset
    text = reader.read_bytes(reader.read_varuint())
    try:
        attributes = parse_json(text.decode())
    except UnicodeDecodeError:
        raise ChunkError(start, "attributes are no UTF-8") from None
    except ValueError as error:
        raise ChunkError(start, f"the JSON of attributes {error}") from None
    if not isinstance(attributes, dict):
        raise ChunkError(start, "attributes are no JSON object")
    return attributes
