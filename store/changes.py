"""LISTEN and NOTIFY: what this process committed goes out to the others, and theirs comes in.

The committer announces changes, the projector which tenants' latest positions moved, and whoever
revokes a right notifies in its own transaction; rooms, sockets, streams and the projector of every
process listen. Knows no update, only who changed and up to which seq or version.

Changes go out on a connection of their own, after the commit: inside the writing transaction
they would serialise all commits, since Postgres holds one lock from NOTIFY until the flush. So a
message may be lost (a crash between the two, a listener that was away), and nothing may rest on it:
whoever listens reads by seq or version, and polls now and then.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from itertools import islice
from types import TracebackType
from typing import Generic, TypeVar
from uuid import UUID

from sqlalchemy import text

from store.contract import (
    Change,
    LatestMoved,
    LevelWanted,
    LifeChanged,
    RightsChanged,
    StoreError,
    Unavailable,
)
from store.database import Database
from store.outage import AWAY, Backoff, Connect, describe

LOG_CHANNEL = "webhost_log"
ACCESS_CHANNEL = "webhost_access"
LIVES_CHANNEL = "webhost_lives"
LATEST_CHANNEL = "webhost_latest"
LEVELS_CHANNEL = "webhost_levels"
LEVELS = frozenset({"", "debug", "info", "warning", "error"})
MAX_PAYLOAD_BYTES = 7900  # Postgres refuses 8000
MAX_PENDING = 10_000
MAX_PER_NOTIFY = 500
ANSWER_TIMEOUT = 10.0
PAUSE = 0.02
"""Seconds between two statements. One for each commit would wake every listener as often as rooms commit,
which on a busy server costs more than the commits themselves; the first after a pause goes at once."""

# A notification is written nowhere that outlives a crash, yet its commit would wait for a flush.
FORGETFUL = "set synchronous_commit = off"
NOTIFY = """
select pg_notify($1, payload) from unnest($2::text[]) as payload
union all select pg_notify($3, payload) from unnest($4::text[]) as payload
"""

Message = TypeVar("Message", Change, RightsChanged, LifeChanged, LatestMoved, LevelWanted)
Key = TypeVar("Key")
Item = TypeVar("Item")

log = logging.getLogger(__name__)

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def encode_change(change: Change) -> str:
    """`[tenant_id, document_id, first_seq, last_seq, name]`; the name is left empty where it is too long."""
    numbers = [change.tenant_id, change.document_id, change.first_seq, change.last_seq]
    text = _encode([*numbers, change.name])
    return text if len(text.encode()) <= MAX_PAYLOAD_BYTES else _encode([*numbers, ""])


def decode_change(payload: str) -> Change:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), int(document_id), int(first_seq), int(last_seq), str(name)]:
            return Change(tenant_id, document_id, name, first_seq, last_seq)
    raise ValueError(f"no change: {payload[:100]}")


def encode_rights(changed: RightsChanged) -> str:
    """`[tenant_id, key_id]`."""
    return _encode([changed.tenant_id, str(changed.key_id)])


def decode_rights(payload: str) -> RightsChanged:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), str(key_id)]:
            return RightsChanged(tenant_id, UUID(key_id))
    raise ValueError(f"no change of rights: {payload[:100]}")


def encode_life(changed: LifeChanged) -> str:
    """`[tenant_id, document_id, name]`."""
    return _encode([changed.tenant_id, changed.document_id, changed.name])


def decode_life(payload: str) -> LifeChanged:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), int(document_id), str(name)]:
            return LifeChanged(tenant_id, document_id, name)
    raise ValueError(f"no change of a document's life: {payload[:100]}")


def encode_latest(moved: LatestMoved) -> str:
    """`[tenant_id, version]`."""
    return _encode([moved.tenant_id, moved.version])


def decode_latest(payload: str) -> LatestMoved:
    """Raises: ValueError (from a program that speaks another version)."""
    match json.loads(payload):
        case [int(tenant_id), int(version)]:
            return LatestMoved(tenant_id, version)
    raise ValueError(f"no move of latest positions: {payload[:100]}")


def decode_level(payload: str) -> LevelWanted:
    """Raises: ValueError (from a program that speaks another version)."""
    if payload not in LEVELS:
        raise ValueError(f"no log level: {payload[:100]}")
    return LevelWanted(payload)


async def announce_level(database: Database, level: str) -> None:
    """Tell all processes at which level to log. Raises: Unavailable."""
    async with database.owner() as connection:
        await connection.execute(
            text("select pg_notify(:channel, :level)"), {"channel": LEVELS_CHANNEL, "level": level}
        )


class Waiting:
    """What waits to be announced: one message for each document, and one for each tenant whose latest
    positions moved. At most `MAX_PENDING` of either are kept; beyond that the oldest is dropped."""

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._moved: dict[int, LatestMoved] = {}

    def __bool__(self) -> bool:
        return bool(self._changes or self._moved)

    def add(self, changes: Sequence[Change]) -> None:
        for change in changes:
            earlier = self._changes.pop(change.document_id, None)
            if earlier is not None:
                first_seq = min(earlier.first_seq, change.first_seq)
                last_seq = max(earlier.last_seq, change.last_seq)
                change = replace(change, first_seq=first_seq, last_seq=last_seq)
            self._changes[change.document_id] = change
        _drop_oldest(self._changes)

    def add_latest(self, moved: LatestMoved) -> None:
        earlier = self._moved.pop(moved.tenant_id, moved)
        self._moved[moved.tenant_id] = max(moved, earlier, key=lambda each: each.version)
        _drop_oldest(self._moved)

    def take(self) -> tuple[list[Change], list[LatestMoved]]:
        """What goes out next, the oldest first."""
        return _take(self._changes), _take(self._moved)


class PostgresChanges:
    """Announces, and listens.

    Invariants:
    1. Announcing never waits: messages are kept, one for each document, and one for each tenant whose
       latest positions moved, and sent by a task.
    2. At most `MAX_PENDING` of either are kept; beyond that the oldest is dropped.
    """

    def __init__(self, connect: Connect, *, max_unread: int = 10_000) -> None:
        """`max_unread` is how many messages a listener may be behind before it is cut off."""
        self._connect = connect
        self._max_unread = max_unread
        self._waiting = Waiting()
        self._arrived = asyncio.Event()
        self._closed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> PostgresChanges:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is kept if Postgres takes it at the first attempt, then end."""
        self._closed.set()
        self._arrived.set()
        if self._task is not None:
            await self._task

    def announce(self, changes: Sequence[Change]) -> None:
        """Tell all processes of commits, soon. Two of the same document that wait become one."""
        self._waiting.add(changes)
        self._arrived.set()

    def announce_latest(self, moved: LatestMoved) -> None:
        """Tell all processes that latest positions moved, soon. Two of the same tenant that wait become
        one."""
        self._waiting.add_latest(moved)
        self._arrived.set()

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """As `store.contract.Changes.listen`."""
        return self._listen(LOG_CHANNEL, decode_change)

    def listen_rights(self) -> AbstractAsyncContextManager[AsyncIterator[RightsChanged]]:
        """As `store.contract.Changes.listen_rights`."""
        return self._listen(ACCESS_CHANNEL, decode_rights)

    def listen_lives(self) -> AbstractAsyncContextManager[AsyncIterator[LifeChanged]]:
        """As `store.contract.Changes.listen_lives`."""
        return self._listen(LIVES_CHANNEL, decode_life)

    def listen_latest(self) -> AbstractAsyncContextManager[AsyncIterator[LatestMoved]]:
        """As `store.contract.Changes.listen_latest`."""
        return self._listen(LATEST_CHANNEL, decode_latest)

    def listen_levels(self) -> AbstractAsyncContextManager[AsyncIterator[LevelWanted]]:
        """Log levels that operators want from now on. Ends as `listen` does."""
        return self._listen(LEVELS_CHANNEL, decode_level)

    async def _run(self) -> None:
        backoff = Backoff(self._closed)
        while await self._something_waits():
            try:
                async with self._connect() as connection:
                    await connection.execute(FORGETFUL)
                    while await self._something_waits() and not connection.is_closed():
                        changes, moved = self._waiting.take()
                        channels = (
                            LOG_CHANNEL,
                            list(map(encode_change, changes)),
                            LATEST_CHANNEL,
                            list(map(encode_latest, moved)),
                        )
                        await connection.execute(NOTIFY, *channels, timeout=ANSWER_TIMEOUT)
                        backoff.reset()
                        await self._gather_more()
            except (StoreError, *AWAY) as error:
                log.warning("notify failed: error %s", describe(error))
                if self._closed.is_set():
                    return
                await backoff.pause()

    async def _something_waits(self) -> bool:
        while not (self._waiting or self._closed.is_set()):
            self._arrived.clear()
            await self._arrived.wait()
        return bool(self._waiting)

    async def _gather_more(self) -> None:
        """Wait for `PAUSE`, or until closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await self._closed.wait()

    @asynccontextmanager
    async def _listen(
        self, channel: str, decode: Callable[[str], Message]
    ) -> AsyncIterator[AsyncIterator[Message]]:
        inbox: _Inbox[Message] = _Inbox(decode, self._max_unread)
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._connect())
                connection.add_termination_listener(inbox.broken)
                await connection.add_listener(channel, inbox.put)
            except AWAY as error:
                raise Unavailable(f"can't listen: {describe(error)}") from error
            yield inbox.read()


def _drop_oldest(waiting: dict[Key, Item]) -> None:
    while len(waiting) > MAX_PENDING:
        del waiting[next(iter(waiting))]


def _take(waiting: dict[Key, Item]) -> list[Item]:
    """What goes into the next statement, oldest first."""
    return [waiting.pop(key) for key in list(islice(waiting, MAX_PER_NOTIFY))]


class _Inbox(Generic[Message]):
    """What one listener has not read yet; bounded."""

    def __init__(self, decode: Callable[[str], Message], max_unread: int) -> None:
        self._decode: Callable[[str], Message] = decode
        self._max_unread = max_unread
        self._messages: deque[Message] = deque()
        self._arrived = asyncio.Event()
        self._end: str | None = None

    def put(self, connection: object, pid: int, channel: str, payload: object) -> None:
        if self._end is not None:
            return
        if len(self._messages) >= self._max_unread:
            self._close("the listener is too far behind")
            return
        try:
            self._messages.append(self._decode(str(payload)))
        except ValueError as error:
            log.warning("notification ignored: channel %s, error %s", channel, error)
        self._arrived.set()

    def broken(self, connection: object) -> None:
        self._close("the connection that listens has broken")

    async def read(self) -> AsyncIterator[Message]:
        """What came in, in order; Unavailable once it is certain that something was missed."""
        while True:
            while self._messages:
                yield self._messages.popleft()
            if self._end is not None:
                raise Unavailable(f"changes were missed: {self._end}; read the log")
            self._arrived.clear()
            await self._arrived.wait()

    def _close(self, reason: str) -> None:
        self._end = self._end or reason
        self._arrived.set()
