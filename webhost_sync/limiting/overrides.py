"""The budgets that single tenants have instead of the settings', read now and then from the store.

An operator changes them (`webhost-sync tenant limits`), and every process follows within `FRESH` seconds.
While the database is away the last known ones hold.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress
from typing import Protocol

from store.contract import StoreError

FRESH = 10.0
MAX_TENANTS = 10_000


class LimitStore(Protocol):
    async def of(self, tenant_id: int) -> Mapping[str, int]: ...


class TenantOverrides:
    """Invariant: of a tenant one question is under way at a time; whoever comes meanwhile gets the last
    answer, or none."""

    def __init__(self, store: LimitStore) -> None:
        self._store = store
        self._known: OrderedDict[int, tuple[float, Mapping[str, int]]] = OrderedDict()
        self._asking: dict[int, asyncio.Lock] = {}

    async def of(self, tenant_id: int) -> Mapping[str, int]:
        asked_at, known = self._known.get(tenant_id, (None, {}))
        if asked_at is not None and time.monotonic() - asked_at < FRESH:
            return known
        lock = self._asking.setdefault(tenant_id, asyncio.Lock())
        if asked_at is not None and lock.locked():
            return known
        async with lock:
            asked_again_at, newer = self._known.get(tenant_id, (None, {}))
            if asked_again_at != asked_at:
                return newer
            with suppress(StoreError):  # requests will say so; a limit must not be the first thing to fail
                known = await self._store.of(tenant_id)
            self._known[tenant_id] = (time.monotonic(), known)
            self._known.move_to_end(tenant_id)
            while len(self._known) > MAX_TENANTS:
                forgotten, _ = self._known.popitem(last=False)
                self._asking.pop(forgotten, None)
        return known
