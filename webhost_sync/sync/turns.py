"""Rooms compute in turns: whoever else waits for the event loop waits for a few milliseconds, and not for all
that ten busy rooms have to do; and a room with little to do doesn't wait for those with much.

In: work cut into slices, as a generator that yields between them and returns the result. Knows no room.

Who has used least goes first (start-time fair queueing, Goyal et al. 1996), counted by tenant and within
a tenant by room. A newcomer begins a little before where the last to have a turn began: so it comes next,
and yet nobody saves up time by being idle.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from typing import TypeVar
from weakref import WeakValueDictionary

Result = TypeVar("Result")
Slices = Generator[None, None, Result]

LEAST, MOST = 0.002, 0.008
"""Seconds of computing before everybody else has a turn. Between them as many as everybody else took: so
rooms get half of a busy loop, and neither side starves the other."""


class Share:
    """How much time a room has had, or a tenant's rooms together."""

    def __init__(self, within: Share | None = None) -> None:
        self.within = within
        self.used = 0.0
        self.floor = 0.0
        """What the last of those within it to have a turn had used before it."""


class Turns:
    """Of a process.

    Invariants:
    1. One room computes at a time, and no longer than what is left of the turn and one slice more.
    2. While anybody waits, somebody has been given the turn or the next one is on its way.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._all = Share()
        self._tenants: WeakValueDictionary[int, Share] = WeakValueDictionary()
        self._waiting: list[tuple[Share, asyncio.Future[None]]] = []
        self._given: asyncio.Future[None] | None = None
        self._left = LEAST
        self._ended = clock()
        self._renewal: asyncio.Handle | None = None

    def share(self, tenant_id: int) -> Share:
        """For a room of this tenant."""
        return Share(self._tenants.setdefault(tenant_id, Share(self._all)))  # which holds the tenant's

    async def take(self, share: Share, slices: Slices[Result]) -> Result:
        """Do the work, in as many turns as it needs. Raises: whatever it raises."""
        _arrive(share)
        while True:
            if self._left <= 0 or self._waiting or self._given:
                await self._wait(share)
            began = self._clock()
            _begin(share)
            try:
                next(slices)
                while self._clock() - began < self._left:
                    next(slices)
            except StopIteration as ended:
                result: Result = ended.value
                return result
            finally:
                self._spend(share, self._clock() - began)

    async def _wait(self, share: Share) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((share, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if self._given is turn:
                self._given = None
                self._give()
            raise
        self._given = None

    def _spend(self, share: Share, seconds: float) -> None:
        part: Share | None = share
        while part is not None:
            part.used += seconds
            part = part.within
        self._left -= seconds
        self._ended = self._clock()
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().call_soon(self._renew)
        self._give()

    def _renew(self) -> None:
        """Everybody else has had a turn."""
        self._renewal = None
        self._left = min(max(LEAST, self._clock() - self._ended), MOST)
        self._give()

    def _give(self) -> None:
        """The turn to whoever has used least, if anybody waits and nobody has it."""
        # Who has been cancelled may not have noticed yet.
        self._waiting = [each for each in self._waiting if not each[1].done()]
        if self._waiting and self._given is None:
            place = min(range(len(self._waiting)), key=lambda place: _used(self._waiting[place][0]))
            _, self._given = self._waiting.pop(place)
            self._given.set_result(None)


def _arrive(share: Share) -> None:
    part = share
    while part.within is not None:
        part.used = max(part.used, part.within.floor - MOST)
        part = part.within


def _begin(share: Share) -> None:
    part = share
    while part.within is not None:
        part.within.floor = part.used
        part = part.within


def _used(share: Share) -> tuple[float, ...]:
    """By which turns are ordered: the tenant's, then the room's."""
    return () if share.within is None else (*_used(share.within), share.used)
