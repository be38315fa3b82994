"""Counters of rate limits in the memory of this process, bounded however many addresses come.

A storage for the library `limits`, in place of its own, which goes through all of its keys with every
request and keeps as many as there are. Of two processes each counts for itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from math import floor

from limits.aio.storage import SlidingWindowCounterSupport, Storage

MAX_KEYS = 50_000
"""Some 10 MB."""


class BoundedMemory(Storage, SlidingWindowCounterSupport):
    """Counts by key and window.

    Invariant: at most `MAX_KEYS` are kept; the one not taken from for longest is forgotten first.
    """

    STORAGE_SCHEME = ["webhost-sync-memory"]  # noqa: RUF012 - the library declares it so

    def __init__(self) -> None:
        super().__init__()
        self._counts: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        """By key: the number of its newest window, the count in it, and in the one before."""

    async def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        now = time.time()
        window, current, previous = self._at(key, expiry, now)
        if floor(previous * _share_left(now, expiry) + current) + amount > limit:
            return False
        self._counts[key] = (window, current + amount, previous)
        self._counts.move_to_end(key)
        if len(self._counts) > MAX_KEYS:
            self._counts.popitem(last=False)
        return True

    async def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """Count of the window before and seconds until it counts no more; the same of this one."""
        now = time.time()
        _, current, previous = self._at(key, expiry, now)
        left = _share_left(now, expiry) * expiry
        return previous, left if previous else 0.0, current, left + expiry

    async def clear_sliding_window(self, key: str, expiry: int) -> None:
        self._counts.pop(key, None)

    def _at(self, key: str, expiry: int, now: float) -> tuple[int, int, int]:
        window = int(now // expiry)
        newest, current, previous = self._counts.get(key, (window, 0, 0))
        match window - newest:
            case 0:
                return window, current, previous
            case 1:
                return window, 0, current
            case _:
                return window, 0, 0

    # The rest of the interface belongs to the strategies of the library that are not used here.

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("fixed windows are not counted here")

    async def get(self, key: str) -> int:
        raise NotImplementedError("fixed windows are not counted here")

    async def get_expiry(self, key: str) -> float:
        raise NotImplementedError("fixed windows are not counted here")

    async def check(self) -> bool:
        return True

    async def reset(self) -> int | None:
        count = len(self._counts)
        self._counts.clear()
        return count

    async def clear(self, key: str) -> None:
        self._counts.pop(key, None)


def _share_left(now: float, expiry: int) -> float:
    """How much of the present window is still to come, 0 to 1: what the one before counts for."""
    return 1 - (now / expiry) % 1
