"""A token bucket that waits: who sends too fast is read more slowly, and loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from weakref import WeakValueDictionary


class SharedBuckets:
    """One bucket for each name, shared by whoever sends under it; it is gone with the last of them."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._buckets: WeakValueDictionary[int, TokenBucket] = WeakValueDictionary()

    def of(self, name: int) -> TokenBucket:
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = TokenBucket(self._rate, self._clock)
        return bucket


class TokenBucket:
    """Lets `rate` things pass a second, and as many again at once after a quiet second."""

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = rate
        self._filled_at = clock()

    async def take(self, count: float = 1.0) -> None:
        """Pass `count` things, waiting until they may; more than a burst wait for what is above it."""
        now = self._clock()
        self._tokens = min(self._rate, self._tokens + (now - self._filled_at) * self._rate)
        self._filled_at = now
        self._tokens -= count
        if self._tokens < 0:
            await asyncio.sleep(-self._tokens / self._rate)
