"""What comes in from a socket: whole binary frames, or the news that its client has left.

Asks ASGI for one event at a time, so that a client is read no faster than it is served. Knows no protocol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from webhost_sync.config import KIB
from webhost_sync.errors import ProtocolError, SyncError, TooLarge

BYTES_PER_UPDATE = 4 * KIB
"""So many bytes count as one more update: to read them keeps the whole process busy for up to 1 ms."""
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class ClientLeft(Exception):
    """The client closed the socket or, of many documents on it, this one; or the socket broke."""


async def next_frame(receive: Receive, limit: int) -> bytes:
    """Wait for the next frame. Raises: ClientLeft, ProtocolError, TooLarge."""
    event = await receive()
    if event["type"] == "websocket.disconnect":
        raise ClientLeft
    frame = event.get("bytes")
    if not isinstance(frame, bytes):
        raise ProtocolError("text frames have no meaning here; send binary ones")
    if len(frame) > limit:
        raise TooLarge(f"a frame may have {limit} bytes")
    return frame


def first_of(group: BaseExceptionGroup[SyncError]) -> SyncError:
    """The first error in a group of them."""
    inner = group.exceptions[0]
    return first_of(inner) if isinstance(inner, BaseExceptionGroup) else inner
