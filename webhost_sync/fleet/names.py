"""Document names: which are allowed, and which say what the document holds.

In comes a name from a client, out goes what it means; or ids go in and a name comes out. Knows no
document and no tenant: a name is looked up within one tenant by others.

    name   = 1 to 255 bytes of UTF-8, without NUL ? #, and without a segment . or ..
    table  = "tables/" id
    track  = "track/" id "/" yyyy-mm-dd "/" id
    id     = text with / % ? # NUL written as %2F %25 %3F %23 %00; the ids . and .. as %2E and %2E%2E

Every other name is a free document. One id has one spelling, so one identity has one document.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from webhost_sync.errors import InvalidRequest

MAX_NAME_BYTES = 255

_FORBIDDEN = {"\0": "a NUL character", "?": "a '?'", "#": "a '#'"}
_ESCAPES = str.maketrans({character: f"%{ord(character):02X}" for character in "/%?#\0"})
_ESCAPE = re.compile("%(2F|25|3F|23|00|2E)")


@dataclass(frozen=True, slots=True)
class TableDocument:
    """A document of rows; `tables/{table}`."""

    table: str


@dataclass(frozen=True, slots=True)
class TrackDocument:
    """The positions that one device recorded for one vehicle on one UTC day."""

    vehicle: str
    day: date
    device: str


@dataclass(frozen=True, slots=True)
class FreeDocument:
    """A document that is synced and kept, but not projected.

    `misfit` says why a name that starts with `tables/` or `track/` is no such document, so that an
    admin can see why its rows never come.
    """

    name: str
    misfit: str | None = None


def validate_name(name: str) -> str:
    """Give the name back if it is allowed.

    Raises: InvalidRequest, saying what is wrong with it.
    """
    if not name:
        raise InvalidRequest("a document name must not be empty")
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(
            "a document name must be well-formed Unicode; it holds half a character"
        ) from None
    if length > MAX_NAME_BYTES:
        raise InvalidRequest(
            f"a document name has at most {MAX_NAME_BYTES} bytes of UTF-8, this one has {length}"
        )
    for character, what in _FORBIDDEN.items():
        if character in name:
            raise InvalidRequest(
                f"document name {name!r} holds {what}; inside an id write it percent-encoded"
            )
    if not {".", ".."}.isdisjoint(name.split("/")):
        raise InvalidRequest(f"document name {name!r} has a segment '.' or '..'; write its dots as %2E")
    return name


def parse_name(name: str) -> TableDocument | TrackDocument | FreeDocument:
    """Say what a document of this name holds.

    Raises: InvalidRequest for a name that is not allowed at all.
    """
    prefix, *ids = validate_name(name).split("/")
    try:
        if prefix == "tables" and ids:
            return _table(ids)
        if prefix == "track" and ids:
            return _track(ids)
    except ValueError as error:
        return FreeDocument(name, str(error))
    return FreeDocument(name)


def table_name(table: str) -> str:
    """The name of the document that holds the rows of a table.

    Raises: InvalidRequest for an empty table or one that makes the name too long.
    """
    return validate_name(f"tables/{_encode_id(table)}")


def track_name(vehicle: str, day: date, device: str) -> str:
    """The name of the document for the fixes of one vehicle, UTC day and device.

    Raises: InvalidRequest for an empty id or ids that make the name too long.
    """
    return validate_name(f"track/{_encode_id(vehicle)}/{day.isoformat()}/{_encode_id(device)}")


def _table(ids: list[str]) -> TableDocument:
    if len(ids) != 1:
        raise ValueError("a table's name is tables/{table}")
    return TableDocument(_decode_id(ids[0]))


def _track(ids: list[str]) -> TrackDocument:
    if len(ids) != 3:
        raise ValueError("a track's name is track/{vehicle}/{yyyy-mm-dd}/{device}")
    vehicle, day, device = ids
    return TrackDocument(_decode_id(vehicle), _decode_day(day), _decode_id(device))


def percent_encode(text: str) -> str:
    """Write any text so that it can be one segment of a name or of a path, and tell it from all others."""
    encoded = text.translate(_ESCAPES)
    return encoded.replace(".", "%2E") if encoded in {".", ".."} else encoded


def percent_decode(segment: str) -> str:
    """The text that `percent_encode` wrote so; other text stays as it is."""
    return _ESCAPE.sub(lambda escape: chr(int(escape[1], 16)), segment)


def _encode_id(text: str) -> str:
    if not text:
        raise InvalidRequest("an id inside a document name must not be empty")
    return percent_encode(text)


def _decode_id(segment: str) -> str:
    if not segment:
        raise ValueError("an id in the name is empty")
    text = percent_decode(segment)
    if percent_encode(text) != segment:
        spelling = percent_encode(text)
        raise ValueError(f"{segment!r} is not how an id is percent-encoded; it would be {spelling!r}")
    return text


def _decode_day(segment: str) -> date:
    try:
        day = date.fromisoformat(segment)
    except ValueError:
        raise ValueError(f"{segment!r} is no day yyyy-mm-dd") from None
    if day.isoformat() != segment:
        raise ValueError(f"{segment!r} is no day yyyy-mm-dd")
    return day
