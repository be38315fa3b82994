"""Keeps the live rooms of this process.

A route asks for a room by tenant and name, and gets the same one as everybody else; fifty that ask
at once share one load. A room that has had no members for a while, and nothing to commit, is
unloaded. Knows no socket.

    cold ──enter──> loading ──> live ──idle──> cold
                       │          ├──lost──> cold (members are told to come back)
                       │          └──deleted, begun anew──> cold (members are told so)
                       └──failed──> remembered for a moment, then cold
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from dataclasses import dataclass

import structlog

from store.changes_contract import Change, LifeChanged
from store.contract import Document as DocumentRecord
from store.contract import UpdateLog
from store.presence import Presence
from webhost_sync.config import Settings
from webhost_sync.errors import Draining, Internal, SyncError
from webhost_sync.sync.beyond import Beyond
from webhost_sync.sync.lives import Key, ends_of
from webhost_sync.sync.receiving import first_of
from webhost_sync.sync.room_maker import RoomMaker
from webhost_sync.sync.runner import LATEST, Runner

logger = structlog.get_logger(__name__)
FAILED_LOAD_REMEMBERED = 2.0
SWEEP_INTERVAL = 1.0


@dataclass(slots=True)
class _Slot:
    """One room on its way through the states.

    `users` keeps it from being unloaded; `last_seq` was committed elsewhere while it was loading, and
    `is_stale` says that the document was deleted, released or begun anew meanwhile.
    """

    runner: asyncio.Future[Runner]
    users: int = 0
    last_seq: int = 0
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class HubStatus:
    """What is live in this process."""

    rooms: int
    connections: int
    failing_rooms: int
    draining: bool


class Hub:
    """The rooms of this process, by (tenant id, document name).

    Invariants:
    1. There is at most one live room for a key.
    2. A room is forgotten only when its last commit has ended, or has been given up.
    3. `due` gets documents whose log has grown enough to be compacted; when it is full they wait
       for their next commit.
    """

    def __init__(
        self,
        log: UpdateLog,
        settings: Settings,
        due: asyncio.Queue[DocumentRecord],
        beyond: Beyond | None = None,
    ) -> None:
        self._log = log
        self._maker = RoomMaker(log, settings, due, beyond)
        self._idle_timeout = settings.room_idle_timeout
        self._slots: dict[Key, _Slot] = {}
        self._live: dict[Key, Runner] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._connection_ids = itertools.count(1)
        self._draining = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Rooms can be entered inside; on the way out their tasks have ended."""
        async with asyncio.TaskGroup() as tasks:
            self._group = tasks
            sweeper = tasks.create_task(self._sweep())
            try:
                yield
            finally:
                self._draining.set()
                sweeper.cancel()
                for task in self._tasks.values():
                    task.cancel()

    @asynccontextmanager
    async def enter(self, tenant_id: int, name: str) -> AsyncIterator[Runner]:
        """The live room of a document, made where it is missing; kept while inside.

        Raises: Draining, DocumentNotFound, StoreUnavailable, UnderMaintenance, Internal.
        """
        if self._draining.is_set():
            raise Draining()
        slot = self._slot((tenant_id, name))
        slot.users += 1
        try:
            runner = await asyncio.shield(slot.runner)
            if self._draining.is_set():
                # Whoever waited for a load was not there yet when everybody was sent away.
                raise Draining()
            yield runner
        finally:
            slot.users -= 1

    def next_connection_id(self) -> int:
        """A number that no other connection of this process has had."""
        return next(self._connection_ids)

    def status(self) -> HubStatus:
        runners = self._live.values()
        return HubStatus(
            rooms=len(runners),
            connections=sum(runner.connections for runner in runners),
            failing_rooms=sum(runner.is_failing for runner in runners),
            draining=self._draining.is_set(),
        )

    def rooms_of(self, tenant_id: int) -> int:
        """How many rooms of this tenant are live in this process."""
        return sum(tenant == tenant_id for tenant, _ in self._live)

    def gaps(self, tenant_id: int) -> dict[str, int]:
        """How many updates wait for their causes, by document, of those that are live in this process."""
        return {name: runner.gaps for (tenant, name), runner in self._live.items() if tenant == tenant_id}

    def changed_elsewhere(self, change: Change) -> None:
        """Some process has committed; where it was not this one, the room here catches up."""
        slot = self._slots.get((change.tenant_id, change.name))
        if slot is not None:
            slot.last_seq = max(slot.last_seq, change.last_seq)
        runner = self._live.get((change.tenant_id, change.name))
        if runner is not None:
            runner.committed_elsewhere(change.last_seq)

    def heard(self, process: str, presence: Presence) -> None:
        """Another process says who is present in a document, or asks."""
        runner = self._live.get((presence.tenant_id, presence.document))
        if runner is not None and presence.update:
            runner.presence.hear(process, presence)
        elif runner is not None:
            runner.presence.say()

    def exchange_presence(self) -> None:
        """Tell other processes of every room who is present, and ask them: they may have missed it."""
        for runner in self._live.values():
            runner.presence.say()
            runner.presence.ask()

    def check_logs(self) -> None:
        """Have every room read its log, because messages about changes may have been lost."""
        for slot in self._slots.values():
            slot.last_seq = LATEST
        for runner in self._live.values():
            runner.check_log()

    async def life_changed(self, changed: LifeChanged) -> None:
        """Some process has deleted, brought back, released or begun anew a document; its room here must not
        go on with what it was. Raises: store.contract.Unavailable."""
        key = (changed.tenant_id, changed.name)
        slot = self._slots.get(key)
        if slot is None:
            return
        slot.is_stale = True
        if key in self._live:
            await self._end_what_is_over([key])
        elif slot.runner.done():  # a failure that is remembered, and that may be none any more
            self._unload(key, slot)

    async def check_lives(self) -> None:
        """Hold every room against its document, because messages may have been lost.

        Raises: store.contract.Unavailable.
        """
        for key, slot in self._slots.items():
            slot.is_stale = slot.is_stale or key not in self._live
        await self._end_what_is_over(list(self._live))

    async def _end_what_is_over(self, keys: Sequence[Key]) -> None:
        runners = {key: self._live[key] for key in keys}
        ends = await ends_of(self._log, {key: runner.record for key, runner in runners.items()})
        for key, error in ends.items():
            if self._live.get(key) is runners[key]:
                logger.info("room ended", tenant=key[0], document=key[1], why=error.code)
                runners[key].close(error)
                self._unload(key, self._slots[key])

    def hold(self, reason: SyncError | None) -> None:
        """Let no room take updates, for this reason, until it is None again. Reading goes on; a document that
        there isn't can't be made meanwhile, so its room is refused for the same reason."""
        self._maker.held = reason
        for runner in self._live.values():
            runner.hold(reason)

    def start_draining(self) -> None:
        """Let nobody in from now on."""
        self._draining.set()

    async def draining(self) -> None:
        """Wait until nobody is let in any more."""
        await self._draining.wait()

    async def settled(self) -> None:
        """Wait until every room has stored what it has received."""
        for runner in list(self._live.values()):
            await runner.settled()

    def _slot(self, key: Key) -> _Slot:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot(asyncio.get_running_loop().create_future())
            # An empty context: the room's log lines aren't those of the request that came first.
            self._tasks[key] = self._group.create_task(
                self._serve(key, slot), name=f"room {key}", context=Context()
            )
        return slot

    async def _serve(self, key: Key, slot: _Slot) -> None:
        """The life of one room: load, run, forget."""
        try:
            runner = await self._maker.make(key)
            while slot.is_stale:
                slot.is_stale = False
                runner.dispose()
                runner = await self._maker.make(key)
        except SyncError as error:
            _fail(slot, error)
            await self._forget_later(key, slot)
            return
        except BaseException:
            _fail(slot, Draining())
            self._forget(key, slot)
            raise
        if self._maker.held is not None:
            runner.hold(self._maker.held)
        slot.runner.set_result(runner)
        self._live[key] = runner
        runner.committed_elsewhere(slot.last_seq)
        runner.presence.ask()
        try:
            await runner.run()
        except* SyncError as lost:
            logger.warning(
                "room lost", tenant=key[0], document=key[1], seq=runner.seq, why=str(lost.exceptions[0])
            )
            runner.close(first_of(lost))
        except* Exception:
            logger.exception("room failed", tenant=key[0], document=key[1], seq=runner.seq)
            runner.close(Internal())
        finally:
            self._forget(key, slot)
            runner.close(Draining())
            runner.dispose()

    async def _forget_later(self, key: Key, slot: _Slot) -> None:
        """A load that fails is not tried again at once, however many ask."""
        try:
            await asyncio.sleep(FAILED_LOAD_REMEMBERED)
        finally:
            self._forget(key, slot)

    def _unload(self, key: Key, slot: _Slot) -> None:
        task = self._tasks[key]
        self._forget(key, slot)
        task.cancel()

    def _forget(self, key: Key, slot: _Slot) -> None:
        if self._slots.get(key) is slot:
            del self._slots[key]
            self._tasks.pop(key, None)
            self._live.pop(key, None)

    async def _sweep(self) -> None:
        """Unload idle rooms, and let presence expire in the others."""
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            now = time.monotonic()
            for key, runner in list(self._live.items()):
                slot = self._slots[key]
                if not slot.users and runner.idle_for(now) > self._idle_timeout:
                    logger.debug("room unloaded", tenant=key[0], document=key[1], seq=runner.seq)
                    self._unload(key, slot)
                else:
                    runner.presence.tick(now)


def _fail(slot: _Slot, error: SyncError) -> None:
    slot.runner.set_exception(error)
    slot.runner.exception()  # whoever waited has it; nobody else must be told
