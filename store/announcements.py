"""What waits to be announced to other processes, until a task sends it.

Commits and moves of latest positions come in from the committer and the projector, which never wait; the
task takes them by the handful. Knows neither Postgres nor Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from typing import TypeVar

from store.changes_contract import Change, LatestMoved

MAX_PENDING = 10_000
MAX_TAKEN = 500
PAUSE = 0.02
"""Seconds between two sendings. One for each commit would wake every listener as often as rooms commit,
which on a busy server costs more than the commits themselves; the first after a pause goes at once."""

Key = TypeVar("Key")
Item = TypeVar("Item")


class Announcements:
    """One message for each document, and one for each tenant whose latest positions moved.

    Invariants:
    1. Adding never waits.
    2. At most `MAX_PENDING` of either are kept; beyond that the oldest is dropped.
    """

    def __init__(self) -> None:
        self._changes: dict[int, Change] = {}
        self._moved: dict[int, LatestMoved] = {}
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.closed = asyncio.Event()

    def start(self, sending: Coroutine[None, None, None]) -> None:
        """From now on this sends what waits; it ends by itself soon after `closed` is set."""
        self._task = asyncio.create_task(sending)

    async def end(self) -> None:
        """Have what is kept sent, then end."""
        self.closed.set()
        self._arrived.set()
        if self._task is not None:
            await self._task

    def add(self, changes: Sequence[Change]) -> None:
        """Commits. Two of the same document that wait become one."""
        for change in changes:
            earlier = self._changes.pop(change.document_id, None)
            if earlier is not None:
                first_seq = min(earlier.first_seq, change.first_seq)
                last_seq = max(earlier.last_seq, change.last_seq)
                change = replace(change, first_seq=first_seq, last_seq=last_seq)
            self._changes[change.document_id] = change
        _drop_oldest(self._changes)
        self._arrived.set()

    def add_latest(self, moved: LatestMoved) -> None:
        """Latest positions moved. Two of the same tenant that wait become one."""
        earlier = self._moved.pop(moved.tenant_id, moved)
        self._moved[moved.tenant_id] = max(moved, earlier, key=lambda each: each.version)
        _drop_oldest(self._moved)
        self._arrived.set()

    async def some(self) -> bool:
        """Wait until there is something to send; False once closed and nothing is left."""
        while not (self._changes or self._moved or self.closed.is_set()):
            self._arrived.clear()
            await self._arrived.wait()
        return bool(self._changes or self._moved)

    def take(self) -> tuple[list[Change], list[LatestMoved]]:
        """What goes out next, the oldest first."""
        return _take(self._changes), _take(self._moved)

    async def gather_more(self) -> None:
        """Wait for `PAUSE`, or until closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PAUSE):
                await self.closed.wait()


def _drop_oldest(waiting: dict[Key, Item]) -> None:
    while len(waiting) > MAX_PENDING:
        del waiting[next(iter(waiting))]


def _take(waiting: dict[Key, Item]) -> list[Item]:
    return [waiting.pop(key) for key in list(islice(waiting, MAX_TAKEN))]
