"""What a room says to the rooms of the same document in other processes: who is present here.

Runners put it into one bounded queue of the process; a relay carries it on (`relay_presence`). Presence may
be lost: whoever is present says so again each 15 s. Knows no Redis.
"""

from __future__ import annotations

import asyncio

from store.presence import Presence

MOST_WAITING = 10_000


class Beyond:
    """Invariant: saying never waits; what finds no place is dropped."""

    def __init__(self) -> None:
        self._waiting: asyncio.Queue[Presence] = asyncio.Queue(MOST_WAITING)

    def say(self, presence: Presence) -> None:
        """Tell the others, soon."""
        if not self._waiting.full():
            self._waiting.put_nowait(presence)

    async def take(self, most: int) -> list[Presence]:
        """What waits, the oldest first; waits for something."""
        found = [await self._waiting.get()]
        while len(found) < most and not self._waiting.empty():
            found.append(self._waiting.get_nowait())
        return found
