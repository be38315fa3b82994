"""Counts what is done against the budgets, in Redis where all processes share it, else in memory.

In: a kind, and who does it. Out: a verdict. Redis being away is no outage: this process then counts in its
own memory, from nothing, so that for that time an attacker gets a budget of each process. Refusing
everybody instead would turn a lost cache into a lost service. Counted with the library `limits`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Protocol

from limits import RateLimitItem, RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from store.redis_link import RedisLink, away
from webhost_sync.config import Settings
from webhost_sync.limiting.budgets import ADJUSTABLE_BY_TENANT, MAX_AMOUNT, Budget, Kind, Verdict
from webhost_sync.limiting.memory import BoundedMemory

ADDRESS_FACTOR = 10
"""Sockets of an address, in those of a principal: many people and devices share one."""


class Overrides(Protocol):
    async def of(self, tenant_id: int) -> Mapping[str, int]:
        """The amounts that this tenant has instead of the settings'."""
        ...


class Observer(Protocol):
    def note_limit(self, kind: str) -> None:
        """One was refused."""
        ...


class Limiter:
    """The budgets of everybody. A kind whose setting is 0 is not counted."""

    def __init__(
        self, settings: Settings, overrides: Overrides, observer: Observer, link: RedisLink | None
    ) -> None:
        self._window = settings.rate_limit_window
        self._amounts = amounts_of(settings)
        self._overrides = overrides
        self._observer = observer
        self._link = link
        self._here = SlidingWindowCounterRateLimiter(BoundedMemory())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        if link is not None:
            storage = RedisStorage(
                "async+redis://", implementation="redispy", key_prefix=f"{settings.redis_prefix}:limit",
                connection_pool=link.pool,
            )  # fmt: skip
            self._shared = SlidingWindowCounterRateLimiter(storage)

    async def take(self, kind: Kind, who: str, tenant_id: int | None = None) -> Verdict | None:
        """Take one from the budget of `who`, if there is one; None where this kind is not counted."""
        budget = await self._budget(kind, tenant_id)
        return None if budget is None else await self._ask(budget, who, takes=True)

    async def take_from_address(self, kind: Kind, address: str) -> Verdict | None:
        """As `take`, from what an address may do together."""
        amount = min(self._amounts[kind] * ADDRESS_FACTOR, MAX_AMOUNT)
        budget = Budget(kind, amount, self._window)
        return await self._ask(budget, f"address {address}", takes=True) if amount else None

    async def look(self, kind: Kind, who: str) -> Verdict | None:
        """What taking one would come to; nothing is taken."""
        budget = await self._budget(kind, None)
        return None if budget is None else await self._ask(budget, who, takes=False)

    async def budgets_of(self, tenant_id: int) -> tuple[tuple[Budget, bool], ...]:
        """What holds for each principal of a tenant, and whether that is the tenant's own."""
        own = await self._overrides.of(tenant_id)
        kinds = [kind for kind in ADJUSTABLE_BY_TENANT if self._amounts[kind]]
        return tuple(
            (Budget(kind, own.get(kind, self._amounts[kind]), self._window), kind in own) for kind in kinds
        )

    async def _budget(self, kind: Kind, tenant_id: int | None) -> Budget | None:
        amount = self._amounts[kind]
        if tenant_id is not None and amount:
            amount = (await self._overrides.of(tenant_id)).get(kind, amount)
        return Budget(kind, amount, self._window) if amount else None

    async def _ask(self, budget: Budget, who: str, *, takes: bool) -> Verdict:
        verdict = None
        if self._shared is not None and self._link is not None and self._link.is_up:
            try:
                verdict = await _ask(self._shared, budget, who, takes=takes)
            except away() as error:
                self._link.failed(error)
        verdict = verdict or await _ask(self._here, budget, who, takes=takes)
        if not verdict.allowed:
            self._observer.note_limit(budget.kind)
        return verdict


def amounts_of(settings: Settings) -> Mapping[Kind, int]:
    return {
        Kind.API: settings.rate_limit_api,
        Kind.UPLOAD: settings.rate_limit_upload,
        Kind.CONNECT: settings.rate_limit_connect,
        Kind.PAGE: settings.rate_limit_page,
        Kind.STRANGER: settings.rate_limit_stranger,
    }


async def _ask(
    counters: SlidingWindowCounterRateLimiter, budget: Budget, who: str, *, takes: bool
) -> Verdict:
    item: RateLimitItem = RateLimitItemPerSecond(budget.amount, budget.window, namespace=budget.kind)
    allowed = await (counters.hit(item, who) if takes else counters.test(item, who))
    stats = await counters.get_window_stats(item, who)
    return Verdict(budget, allowed, stats.remaining, max(0.0, stats.reset_time - time.time()))
