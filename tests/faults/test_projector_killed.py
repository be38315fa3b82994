"""A projector that is killed anywhere leaves work undone, never half done or done twice."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from random import Random

import pytest

from tests.eventually import eventually
from tests.fleet import Fleet, Writer, fixes, open_fleet, tables, track_name
from tests.store.processes import REPOSITORY

pytestmark = pytest.mark.faults

BUSES = 40
CHUNKS = 10
FIXES = 18
KILLS = 8


@contextmanager
def projector_process(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A projector that is killed at the end, if it has not been before."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.faults.projector_process", url], cwd=REPOSITORY
    ) as process:
        try:
            yield process
        finally:
            process.kill()


async def write(fleet: Fleet) -> None:
    """A day of a fleet, chunk by chunk for all buses at once, and a row of a table now and then."""
    devices = [Writer(bus + 1) for bus in range(BUSES)]
    app = Writer(BUSES + 1)
    for chunk in range(CHUNKS):
        for bus, device in enumerate(devices):
            await fleet.append(track_name(f"bus-{bus}"), device.chunk(*fixes(chunk * FIXES, FIXES)))
        await fleet.append("tables/vehicles", app.row(f"bus-{chunk}", {"name": f"Bus {chunk}"}))


async def is_consistent(fleet: Fleet) -> None:
    """At any moment, the rows of a document are those of all its chunks up to its checkpoint."""
    wrong = await fleet.execute(
        "select c.document_id, c.seq, count(p.*) from projection_checkpoints c"
        " join documents d on d.id = c.document_id and d.name like 'track/%'"
        " left join gps_positions p on p.document_id = c.document_id"
        f" group by 1, 2 having count(p.*) <> {FIXES} * c.seq"
    )
    assert wrong == []


async def test_a_projector_that_is_killed_again_and_again_projects_everything_once(database_url: str) -> None:
    random = Random(7)
    async with open_fleet(database_url) as fleet:
        async with asyncio.TaskGroup() as group:
            group.create_task(write(fleet))
            for _ in range(KILLS):
                before = await fleet.value("select coalesce(sum(seq), 0) from projection_checkpoints")
                with projector_process(database_url):
                    # In the midst of its work: after so many more documents.
                    goal = min(before + random.randint(1, 60), BUSES * CHUNKS + CHUNKS)
                    await eventually(partial(reached, fleet, goal))
                await is_consistent(fleet)
        await fleet.projector.catch_up()
        await is_consistent(fleet)
        assert await fleet.value("select count(*) from gps_positions") == BUSES * CHUNKS * FIXES
        assert await fleet.value("select count(*) from vehicles") == CHUNKS
        latest = await fleet.execute("select sequence from latest_positions")
        assert [row[0] for row in latest] == [CHUNKS * FIXES - 1] * BUSES
        rows = await tables(database_url)
        for table in rows:
            await fleet.execute(f"delete from {table}")
        await fleet.projector.catch_up()
        assert await tables(database_url) == rows


async def reached(fleet: Fleet, goal: int) -> bool:
    return bool(await fleet.value("select coalesce(sum(seq), 0) >= $1 from projection_checkpoints", goal))


async def test_two_processes_and_a_killed_one_share_the_work(database_url: str) -> None:
    async with open_fleet(database_url) as fleet:
        await write(fleet)
        with projector_process(database_url), projector_process(database_url):
            with projector_process(database_url):
                await eventually(lambda: reached(fleet, BUSES))
            await eventually(lambda: reached(fleet, BUSES * CHUNKS + CHUNKS))
        await is_consistent(fleet)
        assert await fleet.value("select count(*) from gps_positions") == BUSES * CHUNKS * FIXES
        assert await fleet.value("select count(*) from projection_failures") == 0
