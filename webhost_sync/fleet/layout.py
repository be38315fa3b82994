"""What every codec of the fleet layout shares: version, error, plain forms of times and bytes.

Comes in and goes out: plain Python values. Knows no document, no row and no clock.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from datetime import UTC, date, datetime, timedelta

from webhost_sync.errors import InvalidRequest

LAYOUT_VERSION = 1
CODEC_VERSION = 1

MAX_SAFE_INTEGER = 2**53 - 1
"""The largest integer that every client can hold exactly (JavaScript's `Number.MAX_SAFE_INTEGER`)."""

MAX_DEPTH = 64
"""Arrays and objects may be nested this deep; beyond it a recursive reader somewhere would give up."""

MILLISECONDS_PER_DAY = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


class LayoutError(InvalidRequest):
    """the value doesn't fit the layout"""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path} {problem}", path=path, problem=problem)
        self.path = path
        self.problem = problem


def milliseconds_from_time(time: datetime) -> int:
    """Whole milliseconds since 1970-01-01 UTC; what is finer is cut off downwards, as a Date has none.

    Raises: ValueError for a time without a zone, because its instant is unknown.
    """
    if time.utcoffset() is None:
        raise ValueError("is a time without a zone; give one, best UTC")
    return (time - _EPOCH) // _MILLISECOND


def milliseconds_from_day(day: date) -> int:
    """Milliseconds from 1970 to the start of a UTC day."""
    return (day - _EPOCH.date()).days * MILLISECONDS_PER_DAY


def time_from_milliseconds(milliseconds: int) -> datetime:
    """The instant in UTC.

    Raises: ValueError outside the years 1 to 9999, which neither this nor most other readers can show.
    """
    try:
        return _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        raise ValueError("is a time outside the years 1 to 9999") from None


def base64_from_bytes(data: bytes) -> str:
    """RFC 4648 base64 with padding."""
    return b64encode(data).decode()


def bytes_from_base64(text: str) -> bytes:
    """The bytes before `base64_from_bytes`.

    Raises: ValueError for text that it would not have written.
    """
    try:
        data = b64decode(text, validate=True)
    except ValueError:
        raise ValueError("holds no base64") from None
    if base64_from_bytes(data) != text:
        raise ValueError("holds no base64")
    return data
