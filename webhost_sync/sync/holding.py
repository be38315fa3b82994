"""A room that takes no updates for a while: why, and which of its members must come back when it is over.

The runner tells who comes, goes and was refused. Knows no document.
"""

from __future__ import annotations

from collections.abc import Mapping

from webhost_sync.errors import RoomClosing, SyncError
from webhost_sync.sync.effects import Acknowledge, Refuse, Send
from webhost_sync.sync.outbox import Outbox


class Holding:
    """Invariant: whoever was refused an update for this reason, or was told and sends none, is sent away at
    the end; so the handshake brings what they hold. The others stay."""

    def __init__(self) -> None:
        self._reason: SyncError | None = None
        self._back: set[int] = set()

    def begin(self, reason: SyncError, members: Mapping[int, Outbox]) -> None:
        self._reason = reason
        for connection_id, outbox in members.items():
            self.joined(connection_id, outbox)

    def end(self, members: Mapping[int, Outbox]) -> None:
        self._reason = None
        for connection_id in self._back & members.keys():
            members[connection_id].close(RoomClosing("changes are taken again"))
        self._back.clear()

    def joined(self, connection_id: int, outbox: Outbox) -> None:
        if self._reason is not None and outbox.hold(self._reason):
            self._back.add(connection_id)

    def left(self, connection_id: int) -> None:
        self._back.discard(connection_id)

    def told(self, effect: Send | Acknowledge | Refuse) -> None:
        """Note whom a refusal for this reason goes to."""
        if isinstance(effect, Refuse) and effect.error is self._reason:
            self._back.add(effect.connection_id)
