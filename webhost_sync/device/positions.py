"""Fixes into chunks: which track a fix belongs to and how a batch of fixes is cut.

Fixes come in from `tracks`, names and chunks go out. Knows no clock and no storage.
"""

from __future__ import annotations

from collections.abc import Sequence

from webhost_sync.fleet.chunk import Fix, encode_chunk
from webhost_sync.fleet.layout import LayoutError, time_from_milliseconds
from webhost_sync.fleet.names import track_name


def track_of(vehicle: str, device: str, fix: Fix) -> str:
    """The document for a fix: its vehicle's, of the UTC day on which it was fixed, by this device.

    Raises LayoutError for a time that has no day.
    """
    try:
        day = time_from_milliseconds(fix.fix_time_ms).date()
    except ValueError as error:
        raise LayoutError("fix_time_ms", str(error)) from error
    return track_name(vehicle, day, device)


def cut(fixes: Sequence[Fix], size: int) -> list[bytes]:
    """Pack fixes, their sequences rising, into chunks of at most `size`.

    A chunk's sequences rise by one, so a gap (a fix of another day, or one dropped by retention) ends it.
    """
    chunks: list[bytes] = []
    run: list[Fix] = []
    for fix in fixes:
        if run and (len(run) == size or fix.sequence != run[-1].sequence + 1):
            chunks.append(encode_chunk(run))
            run = []
        run.append(fix)
    return [*chunks, encode_chunk(run)] if run else chunks
