"""The presence of one room at work: shown to the members here, coalesced, and told to other processes.

The room decides who is present; the runner wakes this when somebody came, left or moved. Presence is never
stored, so it passes by the log. Knows no socket.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import structlog

from store.contract import Document
from store.presence import Presence
from webhost_sync.config import MIB
from webhost_sync.errors import ClientFault
from webhost_sync.sync.beyond import Beyond
from webhost_sync.sync.effects import Tell
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.protocol import AwarenessUpdate, decode, encode
from webhost_sync.sync.room import Room
from webhost_sync.sync.transport import Frames

logger = structlog.get_logger(__name__)
BYTES_PER_SECOND = 200 * MIB
"""What one room may write to all its members together before its presence is slowed down."""


class RoomPresence:
    """Invariant: what changes within `interval` seconds leaves as one message."""

    def __init__(
        self,
        room: Room,
        record: Document,
        outboxes: Mapping[int, Outbox],
        interval: float,
        beyond: Beyond | None,
    ) -> None:
        """`outboxes` are those of whoever is a member at the time; `beyond` is told, if anybody is there."""
        self._room = room
        self._record = record
        self._outboxes = outboxes
        self._interval = interval
        self._beyond = beyond
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Show soon what has changed."""
        self._wake.set()

    def tick(self, now: float) -> None:
        """Let presence expire, if any is that old."""
        if self._room.has_stale_presence(now):
            self._wake.set()

    async def run(self) -> None:
        """Show what changes until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            pause = self._interval
            for effect in self._room.flush_presence(time.monotonic()):
                if isinstance(effect, Tell):
                    self._tell(effect)
                    continue
                frames = Frames(encode(effect.message))
                for outbox in self._outboxes.values():
                    outbox.mention(frames)
                # A crowd of large presences would keep the whole process busy: it is told more rarely.
                pause += len(frames.message) * len(self._outboxes) / BYTES_PER_SECOND
            await asyncio.sleep(pause)

    def say(self) -> None:
        """Tell other processes who is present here: one of them asks."""
        for each in self._room.present_here():
            self._tell(each)

    def ask(self) -> None:
        """Ask other processes who is present in them."""
        if self._beyond is not None:
            self._beyond.say(Presence(self._record.tenant_id, self._record.name))

    def hear(self, process: str, presence: Presence) -> None:
        """Take in who is present in another process."""
        try:
            [message] = decode(presence.update)
            if isinstance(message, AwarenessUpdate):
                self._room.hear_of(process, presence.owner, message, time.monotonic())
        except (ClientFault, ValueError) as error:
            logger.warning("presence ignored", document=self._record.name, why=str(error))
        self._wake.set()

    def _tell(self, told: Tell) -> None:
        if self._beyond is not None:
            record = self._record
            update = encode(told.message)
            self._beyond.say(Presence(record.tenant_id, record.name, told.owner, update))
