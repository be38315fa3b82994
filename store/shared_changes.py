"""Changes between processes over Redis, and over Postgres whenever Redis is away.

Announcements go out as one pipeline of messages; listeners hear both ways at once. Nothing is lost when
Redis goes in the middle: what could not be published is announced by Postgres, and a listener whose
subscription broke, comes back, or is not there yet is told again and again to look for itself (`Missed`).

Revoked rights and ended lives are announced by Postgres alone, in the transactions that decide them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from types import TracebackType
from typing import Generic, TypeVar

from store.announcements import Announcements
from store.changes import PostgresChanges
from store.changes_contract import (
    MISSED,
    Change,
    LatestMoved,
    LevelWanted,
    LifeChanged,
    Missed,
    RightsChanged,
)
from store.contract import Unavailable
from store.messages import (
    LATEST_CHANNEL,
    LOG_CHANNEL,
    decode_change,
    decode_latest,
    encode_change,
    encode_latest,
)
from store.redis_link import RedisLink, away

LOOK_INTERVAL = 1.0
"""Seconds between two looks of a listener that has no subscription."""
PATIENCE = 1.0
MAX_UNREAD = 10_000

Message = TypeVar("Message", Change, LatestMoved)

log = logging.getLogger(__name__)


class SharedChanges:
    """A `store.changes_contract.Changes` that also announces, as `PostgresChanges` does.

    Invariant: a message that Redis did not take is announced by Postgres.
    """

    def __init__(self, postgres: PostgresChanges, link: RedisLink, prefix: str) -> None:
        """`prefix` begins the names of channels; whoever shares it shares the documents."""
        self._postgres = postgres
        self._link = link
        self._prefix = prefix
        self._announcements = Announcements()

    async def __aenter__(self) -> SharedChanges:
        self._announcements.start(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Send what is kept, by whichever way there is."""
        await self._announcements.end()

    def announce(self, changes: Sequence[Change]) -> None:
        """Tell all processes of commits, soon. Two of the same document that wait become one."""
        if self._link.is_up:
            self._announcements.add(changes)
        else:
            self._postgres.announce(changes)

    def announce_latest(self, moved: LatestMoved) -> None:
        """Tell all processes that latest positions moved, soon."""
        if self._link.is_up:
            self._announcements.add_latest(moved)
        else:
            self._postgres.announce_latest(moved)

    def listen(self) -> AbstractAsyncContextManager[AsyncIterator[Change | Missed]]:
        """As `store.changes_contract.Changes.listen`."""
        return self._listen(self._postgres.listen(), LOG_CHANNEL, decode_change)

    def listen_latest(self) -> AbstractAsyncContextManager[AsyncIterator[LatestMoved | Missed]]:
        """As `store.changes_contract.Changes.listen_latest`."""
        return self._listen(self._postgres.listen_latest(), LATEST_CHANNEL, decode_latest)

    def listen_rights(self) -> AbstractAsyncContextManager[AsyncIterator[RightsChanged]]:
        """As `store.changes_contract.Changes.listen_rights`."""
        return self._postgres.listen_rights()

    def listen_lives(self) -> AbstractAsyncContextManager[AsyncIterator[LifeChanged]]:
        """As `store.changes_contract.Changes.listen_lives`."""
        return self._postgres.listen_lives()

    def listen_levels(self) -> AbstractAsyncContextManager[AsyncIterator[LevelWanted]]:
        """As `PostgresChanges.listen_levels`."""
        return self._postgres.listen_levels()

    async def _run(self) -> None:
        while await self._announcements.some():
            changes, moved = self._announcements.take()
            try:
                await self._publish(changes, moved)
            except away() as error:
                self._link.failed(error)
                self._postgres.announce(changes)
                for each in moved:
                    self._postgres.announce_latest(each)
            await self._announcements.gather_more()

    async def _publish(self, changes: Sequence[Change], moved: Sequence[LatestMoved]) -> None:
        async with asyncio.timeout(PATIENCE):
            async with self._link.client.pipeline(transaction=False) as pipeline:
                for change in changes:
                    pipeline.publish(self._channel(LOG_CHANNEL), encode_change(change))
                for each in moved:
                    pipeline.publish(self._channel(LATEST_CHANNEL), encode_latest(each))
                await pipeline.execute()

    @asynccontextmanager
    async def _listen(
        self,
        by_postgres: AbstractAsyncContextManager[AsyncIterator[Message | Missed]],
        channel: str,
        decode: Callable[[str], Message],
    ) -> AsyncIterator[AsyncIterator[Message | Missed]]:
        heard: _Heard[Message] = _Heard()
        async with by_postgres as stream, asyncio.TaskGroup() as tasks:
            listeners = [
                tasks.create_task(heard.pass_on(stream)),
                tasks.create_task(self._subscribe(self._channel(channel), decode, heard)),
            ]
            try:
                yield heard.read()
            finally:
                for listener in listeners:
                    listener.cancel()

    async def _subscribe(
        self, channel: str, decode: Callable[[str], Message], heard: _Heard[Message]
    ) -> None:
        while True:
            if self._link.is_up:
                with suppress(*away()):
                    await self._hear(channel, decode, heard)
            heard.put(MISSED)
            await asyncio.sleep(LOOK_INTERVAL)

    async def _hear(self, channel: str, decode: Callable[[str], Message], heard: _Heard[Message]) -> None:
        """Pass on what is said in a channel. Returns, or raises one of `away()`, when Redis has gone."""
        async with self._link.subscription(channel) as messages:
            heard.put(MISSED)  # what was said before
            async for payload in messages:
                try:
                    heard.put(decode(payload))
                except ValueError as error:
                    log.warning("message ignored: channel %s, error %s", channel, error)

    def _channel(self, name: str) -> str:
        return f"{self._prefix}:{name}"


class _Heard(Generic[Message]):
    """What one listener has not read yet; bounded, for it is told to look where it was too slow."""

    def __init__(self) -> None:
        self._messages: deque[Message | Missed] = deque()
        self._arrived = asyncio.Event()
        self._end: Unavailable | None = None

    def put(self, message: Message | Missed) -> None:
        if len(self._messages) >= MAX_UNREAD:
            self._messages.clear()
            message = MISSED
        self._messages.append(message)
        self._arrived.set()

    async def pass_on(self, stream: AsyncIterator[Message | Missed]) -> None:
        """Until the stream ends."""
        try:
            async for message in stream:
                self.put(message)
        except Unavailable as error:
            self._end = error
            self._arrived.set()

    async def read(self) -> AsyncIterator[Message | Missed]:
        """What was heard, in order; Unavailable when Postgres has gone."""
        while True:
            while self._messages:
                yield self._messages.popleft()
            if self._end is not None:
                raise self._end
            self._arrived.clear()
            await self._arrived.wait()
