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
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from types import TracebackType
from typing import Generic, TypeVar

from sqlalchemy import text

from store.announcements import Announcements
from store.changes_contract import Change, LatestMoved, LevelWanted, LifeChanged, RightsChanged
from store.contract import StoreError, Unavailable
from store.database import Database
from store.messages import (
    ACCESS_CHANNEL,
    LATEST_CHANNEL,
    LEVELS_CHANNEL,
    LIVES_CHANNEL,
    LOG_CHANNEL,
    decode_change,
    decode_latest,
    decode_level,
    decode_life,
    decode_rights,
    encode_change,
    encode_latest,
)
from store.outage import AWAY, Backoff, Connect, describe

ANSWER_TIMEOUT = 10.0
# A notification is written nowhere that outlives a crash, yet its commit would wait for a flush.
FORGETFUL = "set synchronous_commit = off"
NOTIFY = """
select pg_notify($1, payload) from unnest($2::text[]) as payload
union all select pg_notify($3, payload) from unnest($4::text[]) as payload
"""

Message = TypeVar("Message", Change, RightsChanged, LifeChanged, LatestMoved, LevelWanted)

log = logging.getLogger(__name__)


async def announce_level(database: Database, level: str) -> None:
    """Tell all processes at which level to log. Raises: Unavailable."""
    async with database.owner() as connection:
        await connection.execute(
            text("select pg_notify(:channel, :level)"), {"channel": LEVELS_CHANNEL, "level": level}
        )


class PostgresChanges:
    """Announces, and listens. Announcing never waits: a task sends what waits (`store.announcements`)."""

    def __init__(self, connect: Connect, *, max_unread: int = 10_000) -> None:
        """`max_unread` is how many messages a listener may be behind before it is cut off."""
        self._connect = connect
        self._max_unread = max_unread
        self._announcements = Announcements()

    async def __aenter__(self) -> PostgresChanges:
        self._announcements.start(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is kept if Postgres takes it at the first attempt, then end."""
        await self._announcements.end()

    def announce(self, changes: Sequence[Change]) -> None:
        """Tell all processes of commits, soon. Two of the same document that wait become one."""
        self._announcements.add(changes)

    def announce_latest(self, moved: LatestMoved) -> None:
        """Tell all processes that latest positions moved, soon. Two of the same tenant that wait become
        one."""
        self._announcements.add_latest(moved)

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[Change]]:
        """As `store.changes_contract.Changes.listen`."""
        return self._listen(LOG_CHANNEL, decode_change)

    def listen_rights(self) -> AbstractAsyncContextManager[AsyncIterator[RightsChanged]]:
        """As `store.changes_contract.Changes.listen_rights`."""
        return self._listen(ACCESS_CHANNEL, decode_rights)

    def listen_lives(self) -> AbstractAsyncContextManager[AsyncIterator[LifeChanged]]:
        """As `store.changes_contract.Changes.listen_lives`."""
        return self._listen(LIVES_CHANNEL, decode_life)

    def listen_latest(self) -> AbstractAsyncContextManager[AsyncIterator[LatestMoved]]:
        """As `store.changes_contract.Changes.listen_latest`."""
        return self._listen(LATEST_CHANNEL, decode_latest)

    def listen_levels(self) -> AbstractAsyncContextManager[AsyncIterator[LevelWanted]]:
        """Log levels that operators want from now on. Ends as `listen` does."""
        return self._listen(LEVELS_CHANNEL, decode_level)

    async def _run(self) -> None:
        waiting = self._announcements
        backoff = Backoff(waiting.closed)
        while await waiting.some():
            try:
                async with self._connect() as connection:
                    await connection.execute(FORGETFUL)
                    while await waiting.some() and not connection.is_closed():
                        changes, moved = waiting.take()
                        channels = (
                            LOG_CHANNEL,
                            list(map(encode_change, changes)),
                            LATEST_CHANNEL,
                            list(map(encode_latest, moved)),
                        )
                        await connection.execute(NOTIFY, *channels, timeout=ANSWER_TIMEOUT)
                        backoff.reset()
                        await waiting.gather_more()
            except (StoreError, *AWAY) as error:
                log.warning("notify failed: error %s", describe(error))
                if waiting.closed.is_set():
                    return
                await backoff.pause()

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
