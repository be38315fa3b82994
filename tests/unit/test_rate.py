"""Who sends too fast is read more slowly."""

from __future__ import annotations

import asyncio

import pytest

from webhost_sync.sync.rate import TokenBucket


async def test_a_burst_of_one_second_passes_at_once() -> None:
    bucket = TokenBucket(10.0, lambda: 0.0)
    async with asyncio.timeout(0.05):
        for _ in range(10):
            await bucket.take()


async def test_what_counts_as_many_waits_for_as_many() -> None:
    bucket = TokenBucket(10.0, lambda: 0.0)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await bucket.take(30.0)


async def test_a_quiet_second_fills_the_bucket_again() -> None:
    now = 0.0
    bucket = TokenBucket(10.0, lambda: now)
    await bucket.take(10.0)
    now = 1.0
    async with asyncio.timeout(0.05):
        await bucket.take(10.0)
