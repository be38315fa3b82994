"""What a projection yields: rows for SQL, and a record of everything that could not become one.

Made by `projection` from merged state, written by the projector. Field names are column names. Tenant,
document, seq and `received_at` are the projector's to add: they are not in the merged state.
"""

from __future__ import annotations

import reprlib
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from webhost_sync.fleet.names import percent_encode
from webhost_sync.fleet.quality import PositionFlag

JsonObject = dict[str, object]


@dataclass(frozen=True, slots=True)
class VehicleRow:
    """One row of `vehicles`; `id` is the row's key as it stands in the document."""

    id: str
    name: str | None = None
    plate: str | None = None
    group: str | None = None
    driver: str | None = None
    status: str | None = None
    icon: str | None = None
    color: str | None = None
    odometer_m: float | None = None
    installed_at: datetime | None = None
    archived: bool | None = None
    attributes: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PositionRow:
    """One row of `gps_positions`; `time` is the fix's, `flags` says what to doubt."""

    vehicle_id: str
    device_id: str
    sequence: int
    time: datetime
    device_time: datetime | None
    latitude: float
    longitude: float
    altitude_m: float | None
    speed_mps: float | None
    heading_deg: float | None
    accuracy_m: float | None
    valid: bool | None
    flags: PositionFlag
    attributes: JsonObject


@dataclass(frozen=True, slots=True, order=True)
class Reject:
    """Something in a document that has no place in a row. One document has at most one per `path`.

    `path` is percent-encoded segments (`rows/bus-7/odometer_m`, `chunks/3`, `sequences/41`), `value` is
    the offending value, shortened. Both fit an indexed text column: short, and without NUL.
    """

    path: str
    reason: str
    value: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Another content for a sequence that has a row. `content_hash` is SHA-256 of the fix as a chunk."""

    vehicle_id: str
    device_id: str
    sequence: int
    content_hash: bytes
    reason: str
    content: JsonObject


@dataclass(frozen=True, slots=True)
class ProjectedTable:
    """The rows of a table's document, by id, and its rejects, by path."""

    rows: tuple[VehicleRow, ...] = ()
    rejects: tuple[Reject, ...] = ()


@dataclass(frozen=True, slots=True)
class ProjectedTrack:
    """The rows and conflicts of a track's document, by sequence, and its rejects, by path."""

    rows: tuple[PositionRow, ...] = ()
    rejects: tuple[Reject, ...] = ()
    conflicts: tuple[Conflict, ...] = ()


class _Shortener(reprlib.Repr):
    """`repr` cut short, without first writing the whole of a long one."""

    def repr_bytes(self, data: bytes, level: int) -> str:
        return repr(bytes(data[:16])) + ("..." if len(data) > 16 else "")

    repr_bytearray = repr_bytes


_SHORTENER = _Shortener()
MAX_SEGMENT = 200
"""Characters of a path's segment; a longer one is cut, and has a hash of the whole at its end."""
_MAX_REASON = 300


def reject(segments: tuple[str, ...], reason: str, value: object) -> Reject:
    """Make a Reject that fits its columns, whatever a client has put into keys and values."""
    path = "/".join(_segment(segment) for segment in segments)
    return Reject(path, reason.replace("\0", "\\0")[:_MAX_REASON], _SHORTENER.repr(value))


def _segment(text: str) -> str:
    encoded = percent_encode(text)
    if len(encoded) <= MAX_SEGMENT:
        return encoded
    return f"{encoded[:MAX_SEGMENT]}~{sha256(text.encode()).hexdigest()[:16]}"
