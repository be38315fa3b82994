"""Group commit: appends of all rooms and tenants, on a few connections that do nothing else.

Appends come in from `store.updates`, which awaits each until Postgres has committed it; changes go
out to `store.changes` after the commit. Knows neither documents nor their updates: what a batch
means in SQL is in `store.batch`.

There is no timer. Whatever came in while the last commit was in flight is the next batch, so a
lonely append waits for nothing and a busy server commits large batches.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement

from store.batch import APPEND, Append, Batch, Head
from store.changes_contract import Change
from store.contract import Committed, NotStorable, StoreError, Unavailable
from store.outage import AWAY, OBSTRUCTED, REFUSED, Backoff, Connect, describe

MAX_BATCH_ROWS = 1000
MAX_BATCH_BYTES = 1 << 20

# Whatever the server's default is, an append that is answered is on disk; a stronger setting stays.
# The plan that is kept for the statement must not be the one that was best while the table was empty.
# Whoever keeps a document locked must not hold up the others of its lane for long.
SETTINGS = """
select set_config('synchronous_commit', 'on', false)
where current_setting('synchronous_commit') in ('off', 'local');
set enable_seqscan = off;
"""
LOCK_TIMEOUT = "select set_config('lock_timeout', $1, false)"

log = logging.getLogger(__name__)


Note = Callable[[str, int, float], None]
"""Told of a statement, the number of its values, and the seconds until it was answered."""


class Announcer(Protocol):
    """Who is told of commits. Must return at once and must not raise: an append waits behind it."""

    def announce(self, changes: Sequence[Change]) -> None: ...


@dataclass(slots=True, eq=False)
class _Waiting:
    """An append in the queue, and the future that its caller awaits."""

    append: Append
    since: float
    answer: asyncio.Future[Committed]
    alone: bool = False

    def resolve(self, outcome: Committed | StoreError) -> None:
        if self.answer.done():  # the caller was cancelled meanwhile
            return
        if isinstance(outcome, StoreError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


@dataclass(frozen=True, slots=True)
class _Limits:
    waiting_bytes: int
    patience: float
    lock_patience: float
    answer_patience: float


class Committer:
    """The lanes, and which document takes which.

    Invariants:
    1. An append is answered after Postgres has committed or refused it, else with Unavailable.
    2. All appends of a document take the same lane, and a lane keeps the order in which they came.
    3. What was sent is sent again only when Postgres said that it did not happen.
    4. What waits is bounded in bytes; beyond that the callers wait outside.
    """

    def __init__(
        self,
        connect: Connect,
        announcer: Announcer,
        *,
        lanes: int = 1,
        max_waiting_bytes: int = 64 << 20,
        patience: float = 30.0,
        lock_patience: float = 2.0,
        answer_patience: float = 35.0,
        note: Note | None = None,
    ) -> None:
        """`connect` opens a connection of the committer's role. `max_waiting_bytes` is for each lane.

        In seconds: `patience` is how long an append waits for a database that is away before it fails
        with Unavailable, `lock_patience` how long for whoever keeps its document locked, and
        `answer_patience` how long a batch that was sent waits for its answer; the last should be above
        the statement timeout, so that Postgres gives up first where it still answers. `note`, where there
        is one, is told of each statement that was answered.
        """
        limits = _Limits(max_waiting_bytes, patience, lock_patience, answer_patience)
        self._lanes = [_Lane(connect, announcer, limits, note) for _ in range(lanes)]
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Committer:
        self._tasks = [asyncio.create_task(lane.run()) for lane in self._lanes]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Commit what waits, then end. What can't be committed for want of a connection fails."""
        for lane in self._lanes:
            lane.close()
        await asyncio.gather(*self._tasks)

    async def append(self, append: Append) -> Committed:
        """Return after the commit. Raises as `store.contract.UpdateLog.append`."""
        return await self._lanes[append.document_id % len(self._lanes)].append(append)


class _Lane:
    """One connection, one task, one queue."""

    def __init__(self, connect: Connect, announcer: Announcer, limits: _Limits, note: Note | None) -> None:
        self._note = note
        self._connect = connect
        self._announcer = announcer
        self._limits = limits
        self._queue: deque[_Waiting] = deque()
        self._in_flight: list[_Waiting] = []
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._space = asyncio.Event()
        self._closed = asyncio.Event()

    async def append(self, append: Append) -> Committed:
        while self._queue and self._waiting_bytes + append.byte_count > self._limits.waiting_bytes:
            self._space.clear()
            await self._space.wait()
        if self._closed.is_set():
            raise Unavailable("the committer has been closed; nothing was appended")
        loop = asyncio.get_running_loop()
        waiting = _Waiting(append, loop.time(), loop.create_future())
        self._waiting_bytes += append.byte_count
        self._queue.append(waiting)
        self._arrived.set()
        return await waiting.answer

    def close(self) -> None:
        self._closed.set()
        self._arrived.set()
        self._space.set()

    async def run(self) -> None:
        """Commit batch after batch until closed and empty."""
        backoff = Backoff(self._closed)
        try:
            while await self._something_waits():
                try:
                    async with self._connect() as connection:
                        await connection.execute(SETTINGS)
                        await connection.execute(
                            LOCK_TIMEOUT, f"{round(1000 * self._limits.lock_patience)}ms"
                        )
                        statement = await connection.prepare(APPEND)
                        backoff.reset()
                        await self._serve(connection, statement)
                except (StoreError, *AWAY) as error:
                    log.warning("committer can't connect: waiting %d, error %s", len(self._queue), error)
                    self._give_up(describe(error))
                    await backoff.pause()
        finally:
            self.close()
            self._fail([*self._in_flight, *self._queue], "the committer has ended")

    async def _serve(
        self, connection: asyncpg.Connection[asyncpg.Record], statement: PreparedStatement[asyncpg.Record]
    ) -> None:
        """Commit until closed and empty, or until the connection is of no more use."""
        while await self._something_waits() and not connection.is_closed():
            self._in_flight = self._take()
            try:
                await self._commit(statement, self._in_flight)
            except AWAY as error:
                # Sent but not answered: nobody knows what became of it, so it must not be sent again.
                log.warning("commit failed: appends %d, error %s", len(self._in_flight), describe(error))
                self._fail(self._in_flight, f"the outcome of the commit is unknown: {describe(error)}")
                connection.terminate()
            self._in_flight = []

    async def _something_waits(self) -> bool:
        while not self._queue and not self._closed.is_set():
            self._arrived.clear()
            await self._arrived.wait()
        return bool(self._queue)

    def _take(self) -> list[_Waiting]:
        """Take the next batch: at least one append, and at most as much as the limits say."""
        batch: list[_Waiting] = []
        rows = size = 0
        while self._queue:
            waiting = self._queue[0]
            rows += len(waiting.append.rows)
            size += waiting.append.byte_count
            if batch and (rows > MAX_BATCH_ROWS or size > MAX_BATCH_BYTES or waiting.alone):
                break
            batch.append(self._queue.popleft())
            self._waiting_bytes -= waiting.append.byte_count
            if waiting.alone:
                break
        self._space.set()
        return batch

    async def _commit(self, statement: PreparedStatement[asyncpg.Record], batch: list[_Waiting]) -> None:
        work = Batch([waiting.append for waiting in batch])
        arguments, started = work.arguments(), time.monotonic()
        try:
            records = await statement.fetch(*arguments, timeout=self._limits.answer_patience)
        except (*REFUSED, *OBSTRUCTED) as error:
            self._rolled_back(batch, error)
            return
        if self._note is not None:
            self._note(APPEND, len(arguments), time.monotonic() - started)
        heads = [Head(*record) for record in records]
        for waiting, outcome in zip(batch, work.outcomes(heads), strict=True):
            waiting.resolve(outcome)
        self._announcer.announce(work.changes(heads))

    def _rolled_back(self, batch: list[_Waiting], error: Exception) -> None:
        """Nothing happened, for the sake of one append. To find out which, send each alone."""
        if len(batch) == 1:
            kind = NotStorable if isinstance(error, REFUSED) else Unavailable
            batch[0].resolve(kind(f"nothing was appended: {describe(error)}"))
            return
        for waiting in reversed(batch):
            waiting.alone = True
            self._waiting_bytes += waiting.append.byte_count
            self._queue.appendleft(waiting)

    def _fail(self, waiting: Sequence[_Waiting], reason: str) -> None:
        for each in waiting:
            each.resolve(Unavailable(reason))

    def _give_up(self, reason: str) -> None:
        """Fail what has waited too long, or everything when there will be no later attempt."""
        limit = asyncio.get_running_loop().time() - self._limits.patience
        while self._queue and (self._closed.is_set() or self._queue[0].since <= limit):
            waiting = self._queue.popleft()
            self._waiting_bytes -= waiting.append.byte_count
            waiting.resolve(Unavailable(f"Postgres is away, nothing was appended: {reason}"))
        self._space.set()
