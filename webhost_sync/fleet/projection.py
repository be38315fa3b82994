"""Turns the merged state of one document into rows.

In come the plain values of a table's or a track's roots, as pycrdt's `to_py` gives them; out go rows,
and a record of whatever has no place in one. A pure function: the same state gives the same rows, so
they can be made again at any time, and an item that can't be read costs only itself. Knows no store, no
tenant and no clock; what depends on when an update came (a fix from the future) is not decided here.

A document without `meta` is read as layout 1, since its `meta` may still be on the way; one of another
layout is refused whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from webhost_sync.fleet.chunk import Fix, decode_chunk, encode_chunk
from webhost_sync.fleet.keys import decode_key
from webhost_sync.fleet.layout import CODEC_VERSION, LAYOUT_VERSION, LayoutError, time_from_milliseconds
from webhost_sync.fleet.names import MAX_NAME_BYTES, TableDocument, TrackDocument
from webhost_sync.fleet.quality import PositionFlag, flag_fixes
from webhost_sync.fleet.rows import (
    Conflict,
    JsonObject,
    PositionRow,
    ProjectedTable,
    ProjectedTrack,
    Reject,
    VehicleRow,
    reject,
)
from webhost_sync.fleet.values import BigInt, decode_value, json_value
from webhost_sync.fleet.varint import ChunkError

VEHICLES = "vehicles"

_NUL = "holds a NUL character, which Postgres can't store"

_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,),
    "a number": (int, float),
    "a date": (datetime,),
    "true or false": (bool,),
}
KNOWN_FIELDS = {
    **dict.fromkeys(("name", "plate", "group", "driver", "status", "icon", "color"), "text"),
    "odometer_m": "a number",
    "installed_at": "a date",
    "archived": "true or false",
}


def project_table(document: TableDocument, rows: object, meta: object = None) -> ProjectedTable:
    """Make the rows of a table's document from its roots `rows` and `meta`. Only `vehicles` has any."""
    if document.table != VEHICLES:
        return ProjectedTable()
    if refused := refuse_other_layout(meta):
        return ProjectedTable(rejects=(refused,))
    if not isinstance(rows, Mapping):
        return ProjectedTable(rejects=(reject(("rows",), "is no map", rows),))
    vehicles: list[VehicleRow] = []
    rejects: list[Reject] = []
    for key, stored in sorted(rows.items()):
        try:
            vehicles.append(_vehicle(key, stored, rejects))
        except LayoutError as error:
            rejects.append(reject(("rows", key), error.problem, stored))
    return ProjectedTable(tuple(vehicles), tuple(sorted(rejects)))


def project_track(document: TrackDocument, chunks: object, meta: object = None) -> ProjectedTrack:
    """Make the rows of a track's document from its roots `chunks` and `meta`.

    One sequence gives one row, however often and in whatever order its chunks stand there. Of several
    contents the one whose chunk has the smallest bytes becomes the row, the others are conflicts.
    """
    if refused := refuse_other_layout(meta):
        return ProjectedTrack(rejects=(refused,))
    if not isinstance(chunks, list):
        return ProjectedTrack(rejects=(reject(("chunks",), "is no array", chunks),))
    if _holds_nul([document.vehicle, document.device]):
        return ProjectedTrack(rejects=(reject(("name",), _NUL, document.vehicle),))
    rejects: dict[str, Reject] = {}
    versions = _versions(chunks, rejects)
    fixes = [contents[0] for contents in versions.values()]
    flags = flag_fixes(fixes, document.day)
    rows = tuple(_position(document, fix, flags[fix.sequence], rejects) for fix in fixes)
    conflicts = tuple(_conflict(document, fix) for contents in versions.values() for fix in contents[1:])
    return ProjectedTrack(rows, tuple(sorted(rejects.values())), conflicts)


def refuse_other_layout(meta: object) -> Reject | None:
    """The reject of a document that says it is of another layout."""
    if meta is None:
        return None
    if not isinstance(meta, Mapping):
        return reject(("meta",), "is no map", meta)
    for name, version in (("layout", LAYOUT_VERSION), ("codec", CODEC_VERSION)):
        if meta.get(name, version) != version:
            return reject(("meta", name), f"this server reads {name} {version} only", meta[name])
    return None


def demand_key(key: str) -> None:
    """Raises: LayoutError for a row's key that can't be an id in SQL."""
    decode_key(key)
    if "\0" in key or len(key.encode()) > MAX_NAME_BYTES:
        raise LayoutError(key, f"is no id for SQL: at most {MAX_NAME_BYTES} bytes of UTF-8, without NUL")


def _vehicle(key: str, stored: object, rejects: list[Reject]) -> VehicleRow:
    """Make a row, adding to `rejects` the fields that it goes without.

    Raises: LayoutError for a row that can't be one at all.
    """
    demand_key(key)
    if not isinstance(stored, Mapping):
        raise LayoutError(key, "is no map of fields")
    known: dict[str, Any] = {}
    attributes: JsonObject = {}
    for name, value in sorted(stored.items()):
        try:
            if name in KNOWN_FIELDS:
                known[name] = known_field(name, decode_value(value, name), KNOWN_FIELDS[name])
            else:
                attributes[name] = storable({name: json_value(decode_value(value, name))})[name]
        except LayoutError as error:
            rejects.append(reject(("rows", key, name), f"{error.path} {error.problem}", value))
    return VehicleRow(id=key, attributes=attributes, **known)


def known_field(name: str, value: object, wanted: str) -> object:
    """The value as its column takes it; null is no value.

    Raises: LayoutError for a value of another type than the column's.
    """
    if value is None:
        return None
    # By exact type: to isinstance, True and a BigInt are ints.
    if type(value) not in _TYPES[wanted]:
        raise LayoutError(name, f"is {_kind_of(value)}, not {wanted}")
    storable({name: value})
    return float(value) if type(value) is int else value


def _kind_of(value: object) -> str:
    """What a value is, in the words of whoever wrote it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case BigInt():
            return "a BigInt"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case bytes() | bytearray():
            return "bytes"
        case datetime():
            return "a date"
        case Mapping():
            return "a map"
        case list():
            return "an array"
    return "something else"


def storable(fields: JsonObject) -> JsonObject:
    """Give fields back if Postgres can hold them, in jsonb as in text.

    Raises: LayoutError for the one character that it can't.
    """
    for name, value in fields.items():
        if _holds_nul(name) or _holds_nul(value):
            raise LayoutError(name, _NUL)
    return fields


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(name) or _holds_nul(item) for name, item in value.items())
    return isinstance(value, list) and any(_holds_nul(item) for item in value)


def _versions(chunks: list[object], rejects: dict[str, Reject]) -> dict[int, list[Fix]]:
    """The different contents of each sequence that can be shown, in canonical order."""
    found: dict[int, list[Fix]] = {}
    for fix in _showable(_read_chunks(chunks, rejects), rejects):
        found.setdefault(fix.sequence, []).append(fix)
    return {
        sequence: contents if len(contents) == 1 else _distinct(contents)
        for sequence, contents in sorted(found.items())
    }


def _distinct(contents: list[Fix]) -> list[Fix]:
    # Compared as bytes: to Python, attributes {"a": 1} and {"a": True} are equal.
    return [fix for _, fix in sorted({encode_chunk([fix]): fix for fix in contents}.items())]


def _read_chunks(chunks: list[object], rejects: dict[str, Reject]) -> Iterable[Fix]:
    seen: set[bytes] = set()
    for index, chunk in enumerate(chunks):
        if not isinstance(chunk, bytes | bytearray):
            _add(rejects, reject(("chunks", str(index)), f"is {_kind_of(chunk)}, not bytes", chunk))
            continue
        data = bytes(chunk)
        if data in seen:
            continue
        try:
            yield from decode_chunk(data)
            seen.add(data)
        except ChunkError as error:
            _add(rejects, reject(("chunks", str(index)), str(error), data))


def _showable(fixes: Iterable[Fix], rejects: dict[str, Reject]) -> Iterable[Fix]:
    for fix in fixes:
        try:
            time_from_milliseconds(fix.fix_time_ms)
            _require_place(fix)
        except ValueError as error:
            place = (fix.fix_time_ms, fix.latitude, fix.longitude)
            _add(rejects, reject(("sequences", str(fix.sequence)), str(error), place))
        else:
            yield fix


def _require_place(fix: Fix) -> None:
    for name, degrees, limit in (("latitude", fix.latitude, 90), ("longitude", fix.longitude, 180)):
        if abs(degrees) > limit:
            raise ValueError(f"{name} {degrees} is beyond {limit} degrees")


def _add(rejects: dict[str, Reject], rejected: Reject) -> None:
    """Keep one reject a path, the same one whatever the order in which they were found."""
    rejects[rejected.path] = min(rejected, rejects.get(rejected.path, rejected))


def _position(
    document: TrackDocument, fix: Fix, flags: PositionFlag, rejects: dict[str, Reject]
) -> PositionRow:
    device_time, attributes = None, dict(fix.attributes)
    sequence = ("sequences", str(fix.sequence))
    try:
        if fix.device_time_ms is not None:
            device_time = time_from_milliseconds(fix.device_time_ms)
    except ValueError as error:
        _add(rejects, reject((*sequence, "device_time"), str(error), fix.device_time_ms))
    try:
        storable(attributes)
    except LayoutError as error:
        _add(rejects, reject((*sequence, "attributes"), f"{error.path} {error.problem}", attributes))
        attributes = {}
    return PositionRow(
        vehicle_id=document.vehicle,
        device_id=document.device,
        sequence=fix.sequence,
        time=time_from_milliseconds(fix.fix_time_ms),
        device_time=device_time,
        latitude=fix.latitude,
        longitude=fix.longitude,
        altitude_m=fix.altitude_m,
        speed_mps=fix.speed_mps,
        heading_deg=fix.heading_deg,
        accuracy_m=fix.accuracy_m,
        valid=fix.valid,
        flags=flags,
        attributes=attributes,
    )


def _conflict(document: TrackDocument, fix: Fix) -> Conflict:
    """Keep the other content whole, as the bytes of a chunk, with what a person looks for beside it."""
    chunk = encode_chunk([fix])
    return Conflict(
        vehicle_id=document.vehicle,
        device_id=document.device,
        sequence=fix.sequence,
        content_hash=sha256(chunk).digest(),
        reason="another content has this sequence",
        content={
            "fix_time_ms": fix.fix_time_ms,
            "latitude": fix.latitude,
            "longitude": fix.longitude,
            "speed_mps": fix.speed_mps,
            "chunk": chunk.hex(),
        },
    )
