"""The feed of positions: everything in the order of commits, whoever writes at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text

from store.positions_feed import PositionsFeed, page_query
from tests.app import Credential
from tests.fleet import Fleet, Writer, fix, fixes, open_fleet, track_name
from tests.server.api import NOON, Api, error_of, running_api
from tests.server.streams import Traffic

PATH = "/api/feed/positions"


@asynccontextmanager
async def running_city(database_url: str) -> AsyncIterator[tuple[Api, Fleet, Credential]]:
    async with running_api(database_url) as api, open_fleet(database_url) as fleet:
        yield api, fleet, await api.app.key(await api.app.tenant())


async def read(
    api: Api, key: Credential, after: str = "", limit: int = 100
) -> tuple[list[dict[str, Any]], str]:
    """Everything from a cursor on, and the cursor at the end."""
    items: list[dict[str, Any]] = []
    while True:
        answer = await api.get(
            f"{PATH}?limit={limit}" + (f"&after={quote(after)}" if after else ""), key.text
        )
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items, after = items + page["items"], page["next_cursor"]
        if not page["has_more"]:
            return items, after


def named(items: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(item["vehicle_id"], item["sequence"]) for item in items]


@pytest.mark.parametrize("limit", [2, 100])
async def test_positions_come_in_the_order_in_which_they_were_written(database_url: str, limit: int) -> None:
    async with running_city(database_url) as (api, fleet, key):
        bus, van, tenant_id = Writer(1), Writer(2), key.tenant.id
        await fleet.project(track_name("bus"), bus.chunk(*fixes(10, 3)), tenant_id=tenant_id)
        await fleet.project(track_name("van"), van.chunk(*fixes(1, 2)), tenant_id=tenant_id)
        items, cursor = await read(api, key, limit=limit)
        assert named(items) == [("bus", 10), ("bus", 11), ("bus", 12), ("van", 1), ("van", 2)]
        assert await read(api, key, cursor) == ([], cursor)
        await fleet.project(track_name("bus"), bus.chunk(*fixes(1, 2)), tenant_id=tenant_id)
        items, _ = await read(api, key, cursor, limit=limit)
        assert named(items) == [("bus", 1), ("bus", 2)]
        pages = await api.pages("/api/vehicles/bus/positions?limit=2", key.text)
        assert items == pages[0]


async def test_a_position_whose_flags_change_comes_again(database_url: str) -> None:
    async with running_city(database_url) as (api, fleet, key):
        bus, tenant_id = Writer(1), key.tenant.id
        await fleet.project(track_name("bus"), bus.chunk(fix(1)), bus.chunk(fix(3)), tenant_id=tenant_id)
        _, cursor = await read(api, key)
        await fleet.project(track_name("bus"), bus.chunk(fix(2, latitude=50.0)), tenant_id=tenant_id)
        items, _ = await read(api, key, cursor)
        assert ("bus", 2) in named(items)
        assert [item["flags"] for item in items if item["sequence"] == 3] == [["impossible_jump"]]


async def test_nothing_is_missed_while_several_projectors_write(database_url: str) -> None:
    async with running_city(database_url) as (api, fleet, key), open_fleet(database_url) as other:
        vehicles, rounds = [f"bus-{number}" for number in range(8)], 12
        writers = {vehicle: Writer(number + 1) for number, vehicle in enumerate(vehicles)}

        async def write() -> None:
            for number in range(rounds):
                for vehicle, writer in writers.items():
                    chunk = writer.chunk(*fixes(10 * number, 10))
                    await fleet.append(track_name(vehicle), chunk, tenant_id=key.tenant.id)
                await asyncio.gather(fleet.projector.catch_up(), other.projector.catch_up())

        writing, seen, cursor = asyncio.create_task(write()), list[tuple[str, int]](), ""
        while not writing.done():
            items, cursor = await read(api, key, cursor, limit=37)
            seen += named(items)
        await writing
        items, _ = await read(api, key, cursor)
        seen += named(items)
        assert sorted(seen) == sorted(
            (vehicle, number) for vehicle in vehicles for number in range(10 * rounds)
        )


async def test_tenants_and_vehicles_are_apart(database_url: str) -> None:
    async with running_city(database_url) as (api, fleet, key):
        other = await api.app.key(await api.app.tenant("other"))
        narrow = await api.app.key(key.tenant, documents=["track/bus-1/*", "track/bus-2/2026-*"])
        await Traffic(fleet, key.tenant).move("bus-2", "bus-1", "bus-2")
        assert named((await read(api, narrow, limit=1))[0]) == [("bus-1", 1)]
        assert (await read(api, other))[0] == []
        _, theirs = await read(api, other)
        _, narrower = await read(api, narrow)
        for foreign in (theirs, narrower):
            answer = await api.get(f"{PATH}?after={foreign}", key.text)
            assert (answer.status_code, error_of(answer)) == (400, "invalid_request")


@pytest.mark.parametrize("change", ["epoch = gen_random_uuid()", "version = 0"])
async def test_a_cursor_of_a_database_that_was_put_back_is_refused(database_url: str, change: str) -> None:
    async with running_city(database_url) as (api, fleet, key):
        await Traffic(fleet, key.tenant).move("bus-1")
        _, cursor = await read(api, key)
        await fleet.execute(f"update position_feeds set {change}")
        answer = await api.get(f"{PATH}?after={cursor}", key.text)
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request")
        assert "numbered anew" in answer.json()["error"]["message"]


async def test_a_cursor_from_before_the_first_position_is_good(database_url: str) -> None:
    async with running_city(database_url) as (api, fleet, key):
        items, cursor = await read(api, key)
        assert items == []
        await Traffic(fleet, key.tenant).move("bus-1")
        assert named((await read(api, key, cursor))[0]) == [("bus-1", 1)]


@pytest.mark.parametrize("query", ["after=garbage", "limit=0", "limit=1001", "cursor=x"])
async def test_a_bad_parameter_is_named(database_url: str, query: str) -> None:
    async with running_city(database_url) as (api, _, key):
        answer = await api.get(f"{PATH}?{query}", key.text)
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request")
        assert repr(query.partition("=")[0]) in answer.json()["error"]["message"]


async def test_a_page_is_read_by_the_index_of_versions(database_url: str) -> None:
    rows = """
        insert into gps_positions (tenant_id, vehicle_id, device_id, sequence, time, received_at,
                                   latitude, longitude, document_id, seq, version)
        select 1, 'bus', 'box', n, $1::timestamptz + n * interval '1 second', now(), 52, 21, 1, 1, n
        from generate_series(1, 20000) n
    """
    async with open_fleet(database_url) as fleet:
        await fleet.execute("select public.ensure_positions_month($1)", NOON)
        await fleet.execute("insert into position_feeds (tenant_id, version) values (1, 20000)")
        await fleet.execute(rows, NOON)
        await fleet.execute("analyze gps_positions")
        async with fleet.store.database.tenant(1) as connection:
            compiled = page_query(1, 10_000, 100).compile(
                dialect=connection.dialect, compile_kwargs={"literal_binds": True}
            )
            plan = "\n".join((await connection.execute(text(f"explain {compiled}"))).scalars())
        assert "tenant_id_version_idx" in plan
        assert "Seq Scan on gps_positions" not in plan
        page = await PositionsFeed(fleet.store.database).page(1, after=10_000, limit=100)
        assert [version for version, _ in page.positions] == list(range(10_001, 10_101))
