"""Many callers, few questions: the invariants of `Together`."""

from __future__ import annotations

import asyncio

import pytest

from webhost_sync.auth.together import Together


class Oracle:
    """Answers with the items when it is let; counts the questions."""

    def __init__(self) -> None:
        self.questions: list[frozenset[int]] = []
        self.let = asyncio.Event()
        self.error: Exception | None = None

    async def put(self, items: frozenset[int]) -> frozenset[int]:
        self.questions.append(items)
        await self.let.wait()
        if self.error is not None:
            raise self.error
        return items


async def settled() -> None:
    """Let every task run until it waits."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_crowd_shares_two_questions() -> None:
    oracle = Oracle()
    together = Together(oracle.put)
    async with asyncio.TaskGroup() as tasks:
        first = tasks.create_task(together.ask(0))
        await settled()
        crowd = [tasks.create_task(together.ask(number)) for number in range(1, 1000)]
        await settled()
        oracle.let.set()
    assert first.result() == {0}
    assert {task.result() for task in crowd} == {frozenset(range(1, 1000))}
    assert len(oracle.questions) == 2


async def test_an_answer_is_never_older_than_its_caller() -> None:
    oracle = Oracle()
    together = Together(oracle.put)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(together.ask(1))
        await settled()
        later = tasks.create_task(together.ask(1))
        await settled()
        oracle.let.set()
    assert later.result() == {1}
    assert oracle.questions == [{1}, {1}]


async def test_all_callers_of_a_question_get_its_error_and_the_next_one_is_asked_anew() -> None:
    oracle = Oracle()
    oracle.error = LookupError()
    together = Together(oracle.put)
    first = asyncio.create_task(together.ask(0))
    await settled()
    crowd = [asyncio.create_task(together.ask(number)) for number in range(1, 9)]
    await settled()
    oracle.let.set()
    assert await asyncio.gather(first, *crowd, return_exceptions=True) == [oracle.error] * 9
    assert oracle.questions == [{0}, set(range(1, 9))]
    oracle.error = None
    assert await together.ask(1) == {1}


async def test_when_the_caller_who_asks_is_cancelled_the_next_one_asks() -> None:
    oracle = Oracle()
    together = Together(oracle.put)
    asking = asyncio.create_task(together.ask(1))
    await settled()
    waiting = [asyncio.create_task(together.ask(number)) for number in (2, 3)]
    await settled()
    asking.cancel()
    await settled()
    waiting[0].cancel()
    oracle.let.set()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert 3 in await waiting[1]
    await asyncio.gather(*waiting, return_exceptions=True)
