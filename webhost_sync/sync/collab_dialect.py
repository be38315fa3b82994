"""How a document's answers are worded for a client that speaks the Hocuspocus protocol.

In go acknowledgements, refusals and the end of a document; out come frames of that document. Knows no
socket and no document.
"""

from __future__ import annotations

from collections.abc import Sequence

from webhost_sync.errors import ProtocolError, SyncError, TooLarge, TryAgain
from webhost_sync.sync.effects import Acknowledge, Refuse
from webhost_sync.sync.extension import Extension, denied_text, held_text, refused_text
from webhost_sync.sync.hocuspocus import (
    Address,
    Close,
    Known,
    Stateless,
    SyncStatus,
    encode,
    prefix_of,
)
from webhost_sync.sync.protocol import PermissionDenied

RESET = "Reset Connection"
"""What Hocuspocus' own server says to whoever broke the protocol."""
MAX_HELD_STATUSES = 10_000


class HocuspocusDialect:
    """The client of one document on one socket.

    Invariants:
    1. One status leaves for each step 2 and each update, in the order in which they came.
    2. To a stock provider none leaves before the status of its answer to our step 1. It begins to count
       at 1, for that answer, and forgets what it counted before; what it wrote before it was connected
       it sends earlier all the same. Statuses for that would let it reach zero, which means "all is
       saved", while the answer, which holds all the rest, is still on its way.
    """

    counts = True
    keep_alive = None
    """The socket's, not the document's."""

    @property
    def pauses(self) -> bool:
        """As ours does."""
        return self.extension is not None

    def __init__(self, address: Address, extension: Extension | None = None) -> None:
        self.prefix = prefix_of(address)
        self.hears = extension is None or not extension.send_only
        self.extension = extension
        self._hold = extension is None
        self._held: list[bytes] = []
        self._due: int | None = None
        self._updates = 0

    def frame(self, message: Known) -> bytes:
        """One message of this document."""
        return self.prefix + encode(message)

    def expect_status(self, *, answers_step_1: bool) -> None:
        """Note that one more step 2 (`answers_step_1`) or update goes to the room."""
        self._updates += 1
        if answers_step_1 and self._due is None:
            self._due = self._updates

    def acknowledge(self, done: Acknowledge) -> Sequence[bytes]:
        """`SyncStatus(1)`; the echo, which comes as well, is no acknowledgement here."""
        return self._status(self.frame(SyncStatus(True)))

    def refuse(self, refusal: Refuse) -> Sequence[bytes]:
        """`SyncStatus(0)`, and before it, to a client of ours, why. Other messages have no refusal."""
        if not refusal.of_update:
            return ()
        refused = self.frame(SyncStatus(False))
        if self.extension is None:
            # With a broken protocol the document ends: what is held back is never told.
            return (refused,) if isinstance(refusal.error, ProtocolError) else self._status(refused)
        return self.frame(Stateless(refused_text(refusal.error))), refused

    def hold(self, reason: SyncError) -> Sequence[bytes]:
        """Told to a client of ours alone: a stock provider has no word for it, and keeps what is refused."""
        return () if self.extension is None else (self.frame(Stateless(held_text(reason))),)

    def farewell(self, error: SyncError, *, was_open: bool) -> Sequence[bytes]:
        """What ends the document on this socket, which stays.

        A stock provider takes PermissionDenied for a wrong token, so it hears it only where that, or
        something like it, is the reason.
        """
        if isinstance(error, ProtocolError):
            return (self.frame(Close(RESET)),)
        if isinstance(error, TooLarge) or (isinstance(error, TryAgain) and (was_open or not self.extension)):
            return (self.frame(Close(error.reason)),)
        denied = self.frame(PermissionDenied(str(error)))
        if self.extension is None:
            return (denied,)
        return self.frame(Stateless(denied_text(error))), denied

    def _status(self, frame: bytes) -> Sequence[bytes]:
        if not self._hold:
            return (frame,)
        self._held.append(frame)
        if len(self._held) != self._due and len(self._held) < MAX_HELD_STATUSES:
            return ()
        self._hold = False
        held, self._held = self._held, []
        return held
