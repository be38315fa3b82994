"""How long a refused socket is held before it is closed: longer each time the same client comes back.

y-websocket up to 3.0 comes back nine times a second after a refusal that closes at once, whatever
the code. So the first refusal is told at once (3.1 stops there), and repeated ones are held.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import suppress

MEMORY = 10_000
MOST_HELD = 1000
FORGET_AFTER = 600.0


class Refusals:
    """Counts refusals by whatever identifies a client; forgets after ten quiet minutes.

    Invariants:
    1. At most `MEMORY` clients are remembered, the longest quiet are forgotten first.
    2. At most `MOST_HELD` sockets are held; beyond that, and after `release()`, nobody is.
    """

    def __init__(self, first: float, longest: float) -> None:
        """`first` and `longest` hold are seconds."""
        self._first = first
        self._longest = longest
        self._seen: OrderedDict[tuple[str, str], tuple[int, float]] = OrderedDict()
        self._held = 0
        self._released = asyncio.Event()

    async def hold(self, seconds: float) -> None:
        """Wait for as long as one refused socket is to be held."""
        if not seconds or self._held >= MOST_HELD:
            return
        self._held += 1
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._released.wait()
        finally:
            self._held -= 1

    def release(self) -> None:
        """Hold nobody from now on."""
        self._released.set()

    def note(self, client: tuple[str, str], now: float) -> float:
        """Note one more refusal of `client`; seconds to hold this one."""
        count, last = self._seen.pop(client, (0, now))
        if now - last > FORGET_AFTER:
            count = 0
        self._seen[client] = (count + 1, now)
        if len(self._seen) > MEMORY:
            self._seen.popitem(last=False)
        if count == 0:
            return 0.0
        return min(self._first * 2.0 ** min(count - 1, 10), self._longest)
