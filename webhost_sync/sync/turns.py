"""Rooms compute in turns, a little each: whoever else waits for the event loop waits for one slice, and not
for all that ten busy rooms have to do.

In: work cut into slices, as a generator that yields between them and returns the result. Knows no room.
"""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import TypeVar

Result = TypeVar("Result")
Slices = Generator[None, None, Result]


class Turns:
    """Of a process. Invariant: a turn of the event loop has one slice; who comes first is first."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def take(self, slices: Slices[Result]) -> Result:
        """Do the work, a slice a turn. Raises: whatever it raises."""
        loop = asyncio.get_running_loop()
        while True:
            await self._lock.acquire()
            try:
                next(slices)
            except StopIteration as ended:
                result: Result = ended.value
                return result
            finally:
                # Not at once: another room would compute in the same turn, before sockets are looked at.
                loop.call_soon(self._lock.release)


def at_once(slices: Slices[Result]) -> Result:
    """Do the work in one go, for whoever has no event loop to share."""
    while True:
        try:
            next(slices)
        except StopIteration as ended:
            result: Result = ended.value
            return result
