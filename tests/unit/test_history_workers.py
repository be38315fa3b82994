"""Whoever asks for much of the past holds up others who do, and nobody else."""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar

import pytest

from webhost_sync.history.workers import THREADS, in_history_thread


async def test_at_most_so_many_work_at_once_and_the_threads_of_others_stay_free() -> None:
    may_end = threading.Event()
    begun: list[int] = []
    are_busy = threading.Semaphore(0)

    def work(number: int) -> int:
        begun.append(number)
        are_busy.release()
        may_end.wait(30)
        return number

    asked = [asyncio.create_task(in_history_thread(work, number)) for number in range(50)]
    try:
        for _ in range(THREADS):
            await asyncio.to_thread(are_busy.acquire)
        assert await asyncio.to_thread(len, begun) == THREADS
        for cancelled in asked[THREADS:40]:
            cancelled.cancel()
        await asyncio.wait(asked[THREADS:40])
    finally:
        may_end.set()
    done = await asyncio.gather(*asked, return_exceptions=True)
    assert [each for each in done if isinstance(each, int)] == [*range(THREADS), *range(40, 50)]
    assert sorted(begun) == [*range(THREADS), *range(40, 50)]


async def test_work_knows_the_context_of_whoever_asked() -> None:
    asker = ContextVar("asker", default="nobody")
    asker.set("ada")
    assert await in_history_thread(asker.get) == "ada"


async def test_an_error_of_the_work_comes_out() -> None:
    with pytest.raises(ValueError, match="no number"):
        await in_history_thread(int, "no number")
