"""Finds the log row that brought a chunk: its seq, and when it was received.

In come the chunks of a document's merged state and rows of its log; out goes the first row whose update
holds the bytes of each chunk. Updates carry binary content as it is, so that this is a search in bytes:
the row that *carried* a chunk is found even where a gap in the log made it visible only later, and the
answer depends on the log alone, not on when it is asked. Knows no document and no store.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from webhost_sync.fleet.chunk import CHUNK_VERSION, Fix, decode_chunk, encode_chunk
from webhost_sync.fleet.layout import milliseconds_from_time
from webhost_sync.fleet.rows import PositionRow
from webhost_sync.fleet.varint import ChunkError

_SHORTEST_CHUNK = 7
"""Version, count, first sequence, columns, one time, one latitude, one longitude."""

_MAX_LENGTHS = 8
"""Chunks that start alike and differ in length; a device makes one or two, only an attacker more."""

_START = bytes([CHUNK_VERSION])


@dataclass(frozen=True, slots=True, order=True)
class Arrival:
    """The log row of a chunk."""

    seq: int
    received_at: datetime


def find_arrivals(chunks: Collection[bytes], rows: Iterable[tuple[Arrival, bytes]]) -> dict[bytes, Arrival]:
    """The first of `rows`, which come in the order of the log, that holds each chunk; without those
    that no row holds. Time is linear in the bytes of the rows."""
    wanted = {chunk for chunk in chunks if len(chunk) >= _SHORTEST_CHUNK}
    lengths = _lengths_by_start(wanted)
    found: dict[bytes, Arrival] = {}
    for arrival, payload in rows:
        if len(found) == len(wanted):
            break
        at = payload.find(_START)
        while at >= 0:
            for length in lengths.get(payload[at : at + _SHORTEST_CHUNK], ()):
                chunk = payload[at : at + length]
                if chunk in wanted:
                    found.setdefault(chunk, arrival)
            at = payload.find(_START, at + 1)
    return found


def _lengths_by_start(chunks: Iterable[bytes]) -> dict[bytes, set[int]]:
    lengths: dict[bytes, set[int]] = {}
    for chunk in chunks:
        known = lengths.setdefault(chunk[:_SHORTEST_CHUNK], set())
        if len(known) < _MAX_LENGTHS:
            known.add(len(chunk))
    return lengths


def arrivals_of_rows(
    rows: Iterable[PositionRow], chunks: Sequence[object], arrivals: Mapping[bytes, Arrival | None]
) -> dict[int, Arrival | None]:
    """The log row that first brought the fix behind each row, by sequence; None where one of the chunks
    that hold it has no row in the log any more, so that it may have come earlier than all that have."""
    sources: dict[int, list[tuple[Fix, Arrival | None]]] = defaultdict(list)
    for chunk in dict.fromkeys(chunk for chunk in chunks if isinstance(chunk, bytes)):
        for fix in _fixes(chunk):
            sources[fix.sequence].append((fix, arrivals.get(chunk)))
    return {row.sequence: _first(row, sources[row.sequence]) for row in rows}


def _first(row: PositionRow, sources: Sequence[tuple[Fix, Arrival | None]]) -> Arrival | None:
    if len(sources) == 1:
        return sources[0][1]
    # Of several contents the smallest became the row, after those that can't be shown were set aside.
    place = (milliseconds_from_time(row.time), row.latitude, row.longitude)
    contents: dict[bytes, list[Arrival | None]] = defaultdict(list)
    for fix, arrival in sources:
        if (fix.fix_time_ms, fix.latitude, fix.longitude) == place:
            contents[encode_chunk([fix])].append(arrival)
    candidates = contents[min(contents)]
    known = [arrival for arrival in candidates if arrival is not None]
    return min(known) if len(known) == len(candidates) else None


def _fixes(chunk: bytes) -> tuple[Fix, ...]:
    try:
        return decode_chunk(chunk)
    except ChunkError:
        return ()
