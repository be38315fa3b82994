"""Projects only what was appended to a track, where that gives the same as projecting the whole.

A device appends chunk after chunk to a document that may hold a day of fixes. As long as the new fixes
are later than all others, by sequence and by time, they change nothing that is there, and their flags
depend on the last fix before them alone. Anything else (a late batch, a duplicate, a removed chunk, one
that can't be read) is answered with None: then the whole document is projected. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from webhost_sync.fleet.chunk import Fix, encode_chunk
from webhost_sync.fleet.layout import milliseconds_from_time
from webhost_sync.fleet.names import TrackDocument
from webhost_sync.fleet.projection import project_track
from webhost_sync.fleet.quality import PositionFlag
from webhost_sync.fleet.rows import PositionRow

_NOT_FROM_HERE = PositionFlag.NOT_VALID | PositionFlag.ZERO_ISLAND | PositionFlag.DUPLICATE_TIME
"""A fix with one of these is no place from which a jump is judged."""


@dataclass(frozen=True, slots=True)
class TrackEnd:
    """A projected track, as far as what is appended to it depends on it."""

    chunks: tuple[object, ...]
    meta: object
    last_sequence: int
    last_time: datetime
    anchor: Fix


def end_of_track(chunks: Sequence[object], meta: object, rows: Sequence[PositionRow]) -> TrackEnd | None:
    """The end of a track with these rows; None where the next fixes would depend on more than the last."""
    if not rows:
        return None
    last = max(rows, key=lambda row: (row.time, row.sequence))
    if last.flags & _NOT_FROM_HERE:
        return None
    anchor = Fix(last.sequence, milliseconds_from_time(last.time), last.latitude, last.longitude)
    last_sequence = max(row.sequence for row in rows)
    return TrackEnd(tuple(chunks), meta, last_sequence, last.time, anchor)


def project_appended(
    document: TrackDocument, before: TrackEnd, chunks: Sequence[object], meta: object
) -> tuple[PositionRow, ...] | None:
    """The rows that `chunks` has beyond those of `before`; None where the whole must be projected."""
    old = len(before.chunks)
    if meta != before.meta or tuple(chunks[:old]) != before.chunks:
        return None
    new = chunks[old:]
    projected = project_track(document, new, meta)
    if projected.rejects or projected.conflicts:
        return None
    if any(row.sequence <= before.last_sequence or row.time <= before.last_time for row in projected.rows):
        return None
    # Once more behind the last fix, which now can't be mistaken for one of the new ones.
    rows = project_track(document, [encode_chunk([before.anchor]), *new], meta).rows
    return tuple(row for row in rows if row.sequence > before.last_sequence)
