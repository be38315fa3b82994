"""Who is refused again and again is held longer; how many are held at once is bounded."""

from __future__ import annotations

import asyncio

import pytest

from webhost_sync.sync import refusals as refusals_module
from webhost_sync.sync.refusals import Refusals

CLIENT = ("192.0.2.1", "hash of a key")


def test_the_first_refusal_is_told_at_once_and_each_later_one_held_longer() -> None:
    refusals = Refusals(first=5.0, longest=60.0)
    assert [refusals.note(CLIENT, now) for now in range(6)] == [0.0, 5.0, 10.0, 20.0, 40.0, 60.0]


def test_ten_quiet_minutes_are_forgiven() -> None:
    refusals = Refusals(first=5.0, longest=60.0)
    refusals.note(CLIENT, 0.0)
    assert refusals.note(CLIENT, 601.0) == 0.0


async def test_no_more_sockets_than_the_limit_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals_module, "MOST_HELD", 1)
    refusals = Refusals(first=60.0, longest=60.0)
    held = asyncio.create_task(refusals.hold(60.0))
    await asyncio.sleep(0)
    async with asyncio.timeout(1):
        await refusals.hold(60.0)
    assert not held.done()
    refusals.release()
    await held


async def test_nobody_is_held_by_a_server_that_stops() -> None:
    refusals = Refusals(first=60.0, longest=60.0)
    refusals.release()
    async with asyncio.timeout(1):
        await refusals.hold(60.0)
