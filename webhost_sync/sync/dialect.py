"""How the answers of a room are worded for one connection.

A room answers everybody alike: with messages, acknowledgements and refusals. In go those for one
connection, out come frames' bytes as its client understands them. Knows no socket and no document.
Messages are the same bytes in every dialect, behind a prefix; `YWebsocket` is the one without.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from webhost_sync.errors import ProtocolError, SyncError
from webhost_sync.sync.effects import Acknowledge, Refuse
from webhost_sync.sync.protocol import KEEP_ALIVE, PermissionDenied, SyncUpdate, encode


class Dialect(Protocol):
    """What one client understands."""

    @property
    def prefix(self) -> bytes:
        """What stands before each message."""

    @property
    def hears(self) -> bool:
        """Whether it wants to know what others do: broadcasts and presence."""

    @property
    def counts(self) -> bool:
        """Whether it counts acknowledgements and refusals: none may be dropped, whatever else is."""

    @property
    def keep_alive(self) -> bytes | None:
        """What to send after a while of silence; None where that is not the outbox's to do."""

    @property
    def pauses(self) -> bool:
        """Whether its client, once it was told that nothing is taken, sends no more until it comes anew."""

    def acknowledge(self, done: Acknowledge) -> Sequence[bytes]:
        """The frames that say that a message of this client is durable."""

    def refuse(self, refusal: Refuse) -> Sequence[bytes]:
        """The frames that say that a message of this client was not taken."""

    def hold(self, reason: SyncError) -> Sequence[bytes]:
        """The frames that say that no updates are taken for now, where the client understands that."""


class YWebsocket:
    """The client of npm's `y-websocket`, which knows one document and one message a frame."""

    prefix = b""
    hears = True
    counts = False
    keep_alive = KEEP_ALIVE
    pauses = False

    def acknowledge(self, done: Acknowledge) -> Sequence[bytes]:
        """The echo is the acknowledgement; `update` is one that nothing has echoed."""
        return () if done.update is None else (encode(SyncUpdate(done.update)),)

    def refuse(self, refusal: Refuse) -> Sequence[bytes]:
        """A stock client only prints it; whoever breaks the protocol is closed, with a reason there."""
        if isinstance(refusal.error, ProtocolError):
            return ()
        return (encode(PermissionDenied(str(refusal.error))),)

    def hold(self, reason: SyncError) -> Sequence[bytes]:
        """A stock client prints it, and goes on sending; what it sends is refused."""
        return (encode(PermissionDenied(str(reason))),)


Y_WEBSOCKET = YWebsocket()
