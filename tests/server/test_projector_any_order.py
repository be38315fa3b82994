"""Whatever the order, the duplicates and the moments of projecting: the rows are the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from itertools import count
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.fleet import TODAY, Fleet, Rows, Writer, fix, open_fleet, tables, track_name
from tests.lengths import rounds
from tests.postgres import clone_database, drop_database
from webhost_sync.config import Settings
from webhost_sync.fleet.rebuild import rebuild

TRACKS = [
    track_name(),
    track_name(day=TODAY - timedelta(days=1)),
    track_name(day=TODAY - timedelta(days=40)),
    track_name(device="phone"),
    track_name("van"),
]
VEHICLES = "tables/vehicles"
PLACES: list[dict[str, Any]] = [
    *6 * [{}],
    {"latitude": 50.0},
    {"latitude": 0.0, "longitude": 0.0},
    {"latitude": 95.0},
    {"valid": False},
]
VALUES = [None, "x", 1, True, 2.5, [1, {"a": None}], "\0"]

# Everything but what says when and in which document something came.
CONTENT = {
    "vehicles": 'select id, name, "group", archived, odometer_m, attributes from vehicles'
    " where tenant_id = $1 order by id",
    "positions": "select p.vehicle_id, p.device_id, sequence, time, latitude, longitude, speed_mps, valid,"
    " flags, d.name from gps_positions p join documents d on d.id = p.document_id"
    " where p.tenant_id = $1 order by 1, 2, 3, 4",
    "latest": "select vehicle_id, device_id, sequence, time, latitude, flags from latest_positions"
    " where tenant_id = $1 order by 1",
    "conflicts": "select d.name, vehicle_id, device_id, sequence, content_hash, c.reason, content"
    " from position_conflicts c join documents d on d.id = c.document_id"
    " where c.tenant_id = $1 order by 1, 2, 3, 4, 5",
    "rejects": "select d.name, path, r.reason from projection_rejects r"
    " join documents d on d.id = r.document_id where r.tenant_id = $1"
    # The index of a chunk is its place among all writers' chunks, which the order doesn't change.
    " order by 1, 2, 3",
}

Edit = tuple[str, bytes]
tenants = count(1)


@pytest.fixture(scope="module")
def url(template_url: str) -> Iterator[str]:
    url = asyncio.run(clone_database(template_url))
    yield url
    asyncio.run(drop_database(url))


def made_by(random: Random, size: int) -> list[Edit]:
    """Edits of two writers a document, who hear of each other now and then."""
    writers: dict[tuple[str, int], Writer] = {}
    made: list[Edit] = []
    while len(made) < size:
        name = random.choice([*TRACKS, TRACKS[0], TRACKS[1], VEHICLES])
        key = (name, random.randint(0, 1))
        writer = writers.setdefault(key, Writer(2 * len(writers) + 1))
        if random.random() < 0.4:
            writer.take(*(update for other, update in made if other == name))
        edit = _edit_rows if name == VEHICLES else _edit_track
        made.append((name, edit(random, writer)))
    return made


def _edit_track(random: Random, writer: Writer) -> bytes:
    dice = random.random()
    if dice < 0.1 and writer.chunk_count():
        return writer.remove_chunk(random.randrange(writer.chunk_count()))
    if dice < 0.15:
        return writer.raw_chunk(random.choice([b"\x01", b"\x07"]))
    # Mostly where the writer is by now, so that chunks are appended as devices do; else anywhere.
    first = 2 * writer.chunk_count() if dice < 0.6 else random.randint(0, 12)
    late = random.choice([0, 0, 0, -3, 5])
    return writer.chunk(
        *(
            fix(sequence, 100 + sequence + late, **random.choice(PLACES))
            for sequence in range(first, first + random.randint(1, 3))
        )
    )


def _edit_rows(random: Random, writer: Writer) -> bytes:
    key = random.choice(["bus-7", "van"])
    if key not in writer.row_keys():
        return writer.row(key, {"name": key, "seats": 1})
    if random.random() < 0.2:
        return writer.remove_row(key)
    return writer.field(
        key, random.choice(["name", "archived", "odometer_m", "seats"]), random.choice(VALUES)
    )


async def play(fleet: Fleet, tenant_id: int, made: list[Edit], random: Random, *, often: float) -> None:
    """Append everything in some order, some of it twice, in batches, and project now and then."""
    shuffled = random.sample(made, len(made))
    shuffled += random.sample(made, random.randint(0, min(3, len(made))))
    while shuffled:
        batch = shuffled[: random.randint(1, 3)]
        del shuffled[: len(batch)]
        for name, update in batch:
            await fleet.append(name, update, tenant_id=tenant_id)
        if random.random() < often:
            await fleet.projector.catch_up()
    await fleet.projector.catch_up()


async def content(fleet: Fleet, tenant_id: int) -> dict[str, Rows]:
    return {
        name: [tuple(row) for row in await fleet.execute(query, tenant_id)] for name, query in CONTENT.items()
    }


async def example(url: str, random: Random, size: int, cache: int) -> None:
    made = made_by(random, size)
    one, other = next(tenants), next(tenants)
    async with open_fleet(url, cache_bytes=cache) as fleet:
        await play(fleet, one, made, random, often=0.6)
        await play(fleet, other, made, random, often=0.0)
        assert await content(fleet, one) == await content(fleet, other)
        rows = await tables(url)
        await forget(fleet, one)
    async with open_fleet(url) as fleet:
        await fleet.projector.catch_up()
        assert await tables(url) == rows
        await forget(fleet, one)
        await rebuild(fleet.fleet, fleet.store.log, Settings(), tenant_id=one)
        assert await tables(url) == rows


async def forget(fleet: Fleet, tenant_id: int) -> None:
    for table in await tables(fleet.url):
        await fleet.execute(f"delete from {table} where tenant_id = $1", tenant_id)


# Without shrinking: an example takes a second, and a smaller fleet tells little more.
@settings(
    max_examples=rounds(10, in_fuzz=25),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(
    random=st.randoms(use_true_random=False),
    size=st.integers(10, 40),
    cache=st.sampled_from([0, 20_000, 1 << 24]),
)
def test_step_by_step_in_any_order_at_once_and_rebuilt_give_the_same_rows(
    url: str, random: Random, size: int, cache: int
) -> None:
    asyncio.run(example(url, random, size, cache))
