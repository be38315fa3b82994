"""Budgets of requests: counted in a window that slides, bounded in memory, and said in headers."""

from __future__ import annotations

import pytest
from limits import RateLimitItemPerSecond
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from tests.unit.principals import principal
from webhost_sync.errors import TooManyRequests
from webhost_sync.limiting import memory
from webhost_sync.limiting.admission import name_of, network_of
from webhost_sync.limiting.budgets import Budget, Kind, Verdict
from webhost_sync.limiting.memory import BoundedMemory

BUDGET = Budget(Kind.API, 100, 60)


def test_headers_say_what_holds_and_what_is_left() -> None:
    verdict = Verdict(BUDGET, True, 42, 2.3)
    assert verdict.headers == {"RateLimit-Policy": '"api";q=100;w=60', "RateLimit": '"api";r=42;t=3'}


def test_whoever_is_refused_learns_when_to_come_back() -> None:
    with pytest.raises(TooManyRequests, match="come back in 1 s"):
        Verdict(BUDGET, False, 0, 0.01).demand()
    Verdict(BUDGET, True, 0, 60).demand()


async def test_the_window_slides(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000_020.0
    monkeypatch.setattr("time.time", lambda: now)
    limiter, item = SlidingWindowCounterRateLimiter(BoundedMemory()), RateLimitItemPerSecond(10, 60)
    assert [await limiter.hit(item, "ada") for _ in range(11)] == [True] * 10 + [False]
    now += 60  # into the next window, where what was done counts less and less
    taken = 0
    for _ in range(60):
        now += 1
        taken += await limiter.hit(item, "ada")
    assert 9 <= taken <= 11


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_KEYS", 3)
    storage = BoundedMemory()
    limiter, item = SlidingWindowCounterRateLimiter(storage), RateLimitItemPerSecond(2, 60)
    for who in "abcd":
        await limiter.hit(item, who)
    assert await storage.reset() == 3


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
    ],
)
def test_an_ipv6_customer_has_one_budget_however_many_addresses(address: str, network: str) -> None:
    assert network_of(address) == network


def test_a_device_has_a_budget_wherever_it_is_and_a_key_one_for_each_address() -> None:
    device = principal(subject="ada", device="tablet", token_id="t1")
    assert name_of(device, "192.0.2.1") == name_of(device, "192.0.2.2")
    key = principal(subject="key:whs_live_1", device="")
    assert name_of(key, "192.0.2.1") != name_of(key, "192.0.2.2")
