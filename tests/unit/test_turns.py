"""Rooms compute in turns: one slice of one room, then whoever else waits for the event loop."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Generator

import pytest

from webhost_sync.sync.turns import Turns, at_once


def work(name: str, slices: int, seen: list[str]) -> Generator[None, None, str]:
    for number in range(slices):
        seen.append(f"{name}{number}")
        yield
    return name.upper()


async def test_between_two_slices_the_loop_has_its_turn_and_rooms_take_theirs() -> None:
    turns, seen = Turns(), list[str]()

    async def others() -> None:
        for _ in range(40):
            seen.append(".")
            await asyncio.sleep(0)

    [a, b, _] = await asyncio.gather(turns.take(work("a", 3, seen)), turns.take(work("b", 3, seen)), others())
    assert (a, b) == ("A", "B")
    assert [each for each in seen if each in ("a0", "a1", "a2")] == ["a0", "a1", "a2"]
    places = [place for place, each in enumerate(seen) if each != "."]
    assert len(places) == 6
    assert all(after - before > 1 for before, after in itertools.pairwise(places)), seen
    assert seen.index("b0") < seen.index("a2"), "who comes first does not do all of it first"


async def test_work_that_fails_gives_its_turn_away() -> None:
    turns = Turns()

    def failing() -> Generator[None, None, None]:
        yield
        raise LookupError

    with pytest.raises(LookupError):
        await turns.take(failing())
    assert await turns.take(work("a", 1, [])) == "A"


def test_without_a_loop_it_is_done_in_one_go() -> None:
    seen: list[str] = []
    assert at_once(work("a", 2, seen)) == "A"
    assert seen == ["a0", "a1"]
