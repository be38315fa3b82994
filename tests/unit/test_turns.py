"""Rooms compute in turns: some milliseconds, then whoever else waits for the event loop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhost_sync.sync.turns import LEAST, MOST, Share, Turns

SLICE = 0.002
"""Seconds of each in these tests."""
NOBODY = 0.0


class Clock:
    """Tells the time that the work of a test has taken."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """Rooms at work, each slice of which takes its time and is noted; `.` is a turn of everybody else."""

    def __init__(self, others: float = NOBODY) -> None:
        self.clock = Clock()
        self.turns = Turns(self.clock)
        self.seen: list[str] = []
        self._others = others

    def work(self, name: str, slices: int, seconds: float = SLICE) -> Generator[None, None, str]:
        for _ in range(slices):
            self.seen.append(name)
            self.clock.now += seconds
            yield
        return name.upper()

    async def run(self, *rooms: tuple[Share, Generator[None, None, str]]) -> list[str]:
        """All at once, until the last has ended."""
        async with asyncio.TaskGroup() as tasks:
            rest = tasks.create_task(self._rest())
            results = await asyncio.gather(*(self.turns.take(*room) for room in rooms))
            rest.cancel()
        return results

    async def _rest(self) -> None:
        while True:
            self.clock.now += self._others
            self.seen.append(".")
            await asyncio.sleep(0)

    def pieces(self) -> list[str]:
        """What was done between two turns of everybody else."""
        return [piece for piece in "".join(self.seen).split(".") if piece]


async def test_work_without_company_is_done_at_once() -> None:
    bench = Bench()
    assert await bench.turns.take(bench.turns.share(1), bench.work("a", 2)) == "A"


async def test_everybody_else_has_a_turn_after_some_milliseconds() -> None:
    bench = Bench()
    rooms = [(bench.turns.share(1), bench.work(name, 20)) for name in "abc"]
    assert await bench.run(*rooms) == ["A", "B", "C"]
    assert Counter("".join(bench.pieces())) == {"a": 20, "b": 20, "c": 20}
    assert max(map(len, bench.pieces())) <= LEAST / SLICE + 1


@pytest.mark.parametrize(("others", "slices"), [(0.006, 0.006 / SLICE), (1.0, MOST / SLICE)])
async def test_rooms_get_as_much_time_as_everybody_else_within_bounds(others: float, slices: float) -> None:
    bench = Bench(others)
    await bench.run((bench.turns.share(1), bench.work("a", 100)))
    _, *full, _ = bench.pieces()
    assert {len(piece) for piece in full} <= {round(slices), round(slices) + 1}


async def test_a_room_with_little_to_do_does_not_wait_for_those_with_much() -> None:
    bench = Bench()
    busy = [(bench.turns.share(1), bench.work(name, 50)) for name in "abcdefgh"]
    calm = bench.turns.share(1)
    await bench.run(*busy, (calm, bench.work("-", 1)))
    at = bench.seen.index("-")
    assert Counter(bench.seen[:at])["."] <= len(busy) + 2, "it comes when all have had one turn"
    bench.seen.clear()
    busy = [(share, bench.work(name, 50)) for (share, _), name in zip(busy, "abcdefgh", strict=True)]

    async def come_later() -> str:
        for _ in range(30):
            await asyncio.sleep(0)
        bench.seen.append("!")
        return await bench.turns.take(calm, bench.work("-", 1))

    await asyncio.gather(bench.run(*busy), come_later())
    between = bench.seen[bench.seen.index("!") : bench.seen.index("-")]
    assert len(set(between) - {"!", "."}) <= 1, "only the one whose turn it was came before"


async def test_a_tenant_with_many_rooms_gets_no_more_than_one_with_one() -> None:
    bench = Bench()
    many, one = 1, 2
    rooms = [(bench.turns.share(many), bench.work(name, 40)) for name in "abcdefgh"]
    await bench.run(*rooms, (bench.turns.share(one), bench.work("-", 40)))
    until = bench.seen[: len(bench.seen) - bench.seen[::-1].index("-")]
    counts = Counter(until)
    assert sum(counts[name] for name in "abcdefgh") == pytest.approx(counts["-"], abs=8)


async def test_idle_time_is_not_saved_up() -> None:
    bench = Bench()
    first, second = bench.turns.share(1), bench.turns.share(1)
    await bench.run((first, bench.work("a", 100)))
    bench.seen.clear()
    await bench.run((first, bench.work("a", 40)), (second, bench.work("b", 40)))
    done = [name for name in bench.seen if name != "."]
    assert done[:40].count("a") > 10, "the one that comes late doesn't get all that the other has had before"


async def test_work_that_fails_or_is_cancelled_gives_its_turn_away() -> None:
    bench = Bench()
    share = bench.turns.share(1)

    def failing() -> Generator[None, None, None]:
        yield
        raise LookupError

    with pytest.raises(LookupError):
        await bench.turns.take(share, failing())
    assert await bench.turns.take(share, bench.work("a", 1)) == "A"


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30), st.integers(0, 60)), max_size=12))
async def test_whoever_is_cancelled_whenever_all_others_end(plan: list[tuple[int, int, int]]) -> None:
    """Each: tenant, slices, and after how many turns of the loop it is cancelled (over 40: never)."""
    bench = Bench()

    async def cancel_after(task: asyncio.Task[str], turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        if turns <= 40:
            task.cancel()

    tasks = [
        asyncio.create_task(bench.turns.take(bench.turns.share(tenant), bench.work("a", slices)))
        for tenant, slices, _ in plan
    ]
    async with asyncio.timeout(30):
        await asyncio.gather(*map(cancel_after, tasks, (turns for *_, turns in plan)))
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result, (_, _, turns) in zip(results, plan, strict=True):
        assert result == "A" or (turns <= 40 and isinstance(result, asyncio.CancelledError))
