"""Carries out what a room decides: writes batches to the log, then shows them to the members.

Connections submit messages; the log is written; outboxes are filled. The runner waits so that the
room need not. It decides nothing about documents, and knows no socket.

    idle ──submit──> applying ──rows──> committing ──committed──> showing ──> idle
                        └──no rows─────────────────────────────────┘
    committing ──no answer──> asking again ──too long──> lost (the room is reloaded from the log)
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog

from store.contract import Document
from webhost_sync.config import Settings
from webhost_sync.errors import SyncError, WrongEpoch
from webhost_sync.sync.beyond import Beyond
from webhost_sync.sync.document import EMPTY_STATE_VECTOR, BrokenDocument
from webhost_sync.sync.effects import (
    Acknowledge,
    Answer,
    Batch,
    Broadcast,
    Effect,
    Exchange,
    Member,
    Refuse,
    Request,
    Send,
)
from webhost_sync.sync.growth import Growth
from webhost_sync.sync.holding import Holding
from webhost_sync.sync.loading import Loaded
from webhost_sync.sync.outbox import Outbox
from webhost_sync.sync.protocol import AwarenessUpdate, Message, encode
from webhost_sync.sync.room import Room
from webhost_sync.sync.room_log import RoomLog
from webhost_sync.sync.room_presence import RoomPresence
from webhost_sync.sync.transport import Frames
from webhost_sync.sync.turns import Turns

logger = structlog.get_logger(__name__)
LATEST = 2**63 - 1


class Runner:
    """One room at work.

    Invariants:
    1. One task, `run()`, begins batches; there is never more than one commit in flight for a room.
    2. The effects of a batch are carried out in order, after its rows are committed.
    3. `seq` is the last sequence whose content is in the document.
    """

    def __init__(
        self,
        room: Room,
        record: Document,
        log: RoomLog,
        settings: Settings,
        growth: Growth,
        reload: Callable[[frozenset[bytes]], Awaitable[Loaded]],
        turns: Turns,
        beyond: Beyond | None = None,
    ) -> None:
        """`turns` are those of all rooms. `growth` is told of what is appended, and `beyond` of presence, if
        anybody is there. `reload` rebuilds the document from the log, after an update has broken the one in
        memory; its argument are updates of the log to set aside.
        """
        self._room = room
        self._record = record
        self._log = log
        self._settings = settings
        self._growth = growth
        self._reload = reload
        self._turns = turns
        self._share = turns.share(record.tenant_id)
        self._aside: frozenset[bytes] = frozenset()
        self._seq = record.head_seq
        self._foreign_seq = record.head_seq
        self._outboxes: dict[int, Outbox] = {}
        self._presence = RoomPresence(room, record, self._outboxes, settings.presence_interval, beyond)
        self._exchanges: dict[int, asyncio.Future[Answer | SyncError]] = {}
        self._wake = asyncio.Event()
        self._space = asyncio.Event()
        self._settled = asyncio.Event()
        self._settled.set()
        self._ended: SyncError | None = None
        self._holding = Holding()
        self._last_active = time.monotonic()

    @property
    def record(self) -> Document:
        """The document as it was when it was loaded."""
        return self._record

    @property
    def seq(self) -> int:
        return self._seq

    @property
    def presence(self) -> RoomPresence:
        return self._presence

    @property
    def connections(self) -> int:
        return len(self._outboxes)

    @property
    def gaps(self) -> int:
        return len(self._room.document.kept)

    @property
    def is_failing(self) -> bool:
        """Whether the room waits for a database that does not answer."""
        return self._log.is_failing

    async def settled(self) -> None:
        """Wait until everything that was received is stored and shown, or the room has ended."""
        await self._settled.wait()

    def idle_for(self, now: float) -> float:
        """Seconds since the last member left; 0 while the room has members or work."""
        if self._outboxes or self._exchanges or not self._settled.is_set():
            return 0.0
        return now - self._last_active

    def join(self, member: Member, outbox: Outbox) -> None:
        if self._ended is not None:
            outbox.close(self._ended)
        self._outboxes[member.connection_id] = outbox
        self._holding.joined(member.connection_id, outbox)
        self._room.join(member)
        self._start()

    def leave(self, connection_id: int) -> None:
        self._last_active = time.monotonic()
        self._outboxes.pop(connection_id, None)
        self._holding.left(connection_id)
        self._room.leave(connection_id, self._last_active)
        self._presence.wake()

    async def submit(self, member: Member, message: Message | Request) -> None:
        """Hand one message to the room; waits while too much is waiting, so that the socket is not read.

        Raises: ClientFault when the message breaks the protocol, or the SyncError that ended the room.
        """
        while self._is_full() and self._ended is None:
            self._space.clear()
            await self._space.wait()
        if self._ended is not None:
            raise self._ended
        self._carry_out(self._room.receive(member, message, time.monotonic()), b"")
        if isinstance(message, AwarenessUpdate):
            self._presence.wake()
        if self._room.waiting:
            self._start()

    async def exchange(self, member: Member, exchange: Exchange) -> Answer:
        """Take an update and answer with a diff, once everything is committed.

        Raises: the SyncError that refused it, or that ended the room.
        """
        answer: asyncio.Future[Answer | SyncError] = asyncio.get_running_loop().create_future()
        self._exchanges[member.connection_id] = answer
        try:
            await self.submit(member, exchange)
            result = await answer
        finally:
            self._last_active = time.monotonic()
            del self._exchanges[member.connection_id]
        if isinstance(result, SyncError):
            raise result
        return result

    def committed_elsewhere(self, last_seq: int) -> None:
        """Another process has appended up to `last_seq`; what is not here yet is read from the log."""
        if last_seq > self._seq:
            self._foreign_seq = max(self._foreign_seq, last_seq)
            self._start()

    def check_log(self) -> None:
        """Read whatever the log holds beyond what is known here."""
        self.committed_elsewhere(LATEST)

    def hold(self, reason: SyncError | None) -> None:
        """Take no updates from now on, for this reason, and tell the members; or take them again."""
        self._room.hold(reason)
        if reason is None:
            self._holding.end(self._outboxes)
        else:
            self._holding.begin(reason, self._outboxes)

    def close(self, error: SyncError) -> None:
        """End the room: close every member, and end every exchange, with `error`; the first one counts."""
        self._ended = self._ended or error
        self._space.set()
        self._settled.set()
        for outbox in self._outboxes.values():
            outbox.close(error)
        for connection_id in self._exchanges:
            self._settle(connection_id, error)

    def dispose(self) -> None:
        """Free the document. Nothing may be asked of the runner after it."""
        self._room.document.close()

    async def run(self) -> None:
        """Serve until cancelled. Raises: a group with the SyncError by which the room is lost."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._presence.run())
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._foreign_seq > self._seq or self._room.waiting:
                    # Noted before it is read: what is heard of meanwhile is read in the next turn.
                    known_seq, self._foreign_seq = self._foreign_seq, self._seq
                    await self._learn_up_to(known_seq)
                    await self._run_batch()
                    await asyncio.sleep(0)  # a batch without rows waits for nothing, and others want a turn
                self._settled.set()

    def _start(self) -> None:
        self._settled.clear()
        self._wake.set()

    async def _run_batch(self) -> None:
        batch = await self._begin()
        self._space.set()
        if batch.rows:
            committed = await self._log.append(batch.rows, self._seq)
            # Where another process wrote in between its rows come first, here as in the log.
            await self._learn_up_to(committed.first_seq - 1, batch.before)
            self._seq = committed.last_seq
            self._growth.note(batch.rows)
        self._carry_out(batch.effects, batch.before)

    async def _begin(self) -> Batch:
        """Begin a batch; whoever breaks the document is refused, and the others don't notice."""
        while True:
            try:
                return await self._turns.take(self._share, self._room.begin())
            except BrokenDocument as error:
                culprit = self._room.culprit
                logger.warning(
                    "update refused", document=self._record.name, connection=culprit, why=str(error)
                )
                if culprit is None:
                    # It had waited in the log for its causes, which have come: it must not get them.
                    self._aside |= {error.update}
                loaded = await self._reload(self._aside)
                self._room.replace_document(loaded.document, loaded.size)
                if loaded.quarantined is not None:
                    raise loaded.quarantined from error
                if loaded.record.epoch != self._record.epoch:
                    raise WrongEpoch() from error
                # Rows of other processes came with it: they are learned again, to be shown.
                await self._learn_up_to(loaded.record.head_seq, EMPTY_STATE_VECTOR)

    async def _learn_up_to(self, seq: int, before: bytes | None = None) -> None:
        """Read what other processes appended, and show it to the members here.

        `before` is given while a batch of ours is applied but not shown: a reader that is skipped
        now lacks that batch too.
        """
        while self._seq < seq:
            rows = [row for row in await self._log.read(self._seq) if row.seq <= seq]
            if not rows:
                return
            batch = await self._turns.take(self._share, self._room.learn([row.payload for row in rows]))
            self._seq = rows[-1].seq
            self._carry_out(batch.effects, batch.before if before is None else before)

    def _is_full(self) -> bool:
        return (
            self._room.waiting >= self._settings.inbox_limit
            or self._room.waiting_bytes > self._settings.uncommitted_limit
        )

    def _carry_out(self, effects: Iterable[Effect], before: bytes) -> None:
        for effect in effects:
            match effect:
                case Broadcast(message):
                    frames = Frames(encode(message))
                    for outbox in self._outboxes.values():
                        outbox.show(frames, before)
                case Answer(connection_id):
                    self._settle(connection_id, effect)
                case Refuse(connection_id, error) if connection_id in self._exchanges:
                    self._settle(connection_id, error)
                case Send(connection_id) | Acknowledge(connection_id) | Refuse(connection_id):
                    self._holding.told(effect)
                    if recipient := self._outboxes.get(connection_id):
                        recipient.deliver(effect)

    def _settle(self, connection_id: int, result: Answer | SyncError) -> None:
        answer = self._exchanges.get(connection_id)
        if answer is not None and not answer.done():
            answer.set_result(result)
