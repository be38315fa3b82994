"""What the views hold and for whom, and the queries of docs/sql.md."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from store.checkup import Checkup
from store.database import Database
from store.schema_version import check
from tests.docs.pages import REPOSITORY, blocks
from tests.postgis.conftest import Site
from tests.postgis.fleets import NAMES
from tests.postgres import select
from tests.store.test_migrations import differences
from webhost_sync.fleet.geofence import Circle, Shape, shape_of

pytestmark = pytest.mark.xdist_group("postgis")

QUERIES = [block.text for block in blocks(REPOSITORY / "docs" / "sql.md") if block.language == "sql"]
NEAR, DRIVEN, INSIDE, INDEX = 1, 2, 3, 4
NINE = datetime(2026, 5, 1, 9, tzinfo=UTC)


@pytest.fixture(scope="module")
def url(site: Site) -> str:
    """Of the schema's owner, with the views."""
    site.with_postgis()
    return site.owner_url


async def of_tenant(url: str, tenant_id: int, query: str) -> list[tuple[Any, ...]]:
    """As the server asks."""
    async with Database(url) as database, database.tenant(tenant_id) as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


@pytest.mark.parametrize("view", NAMES)
async def test_a_tenant_sees_its_own_rows_and_no_others(url: str, view: str) -> None:
    table = view.removesuffix("_geo")
    for tenant_id in (1, 2, 3):
        seen = await of_tenant(url, tenant_id, f"select tenant_id from {view}")
        assert seen == await of_tenant(url, tenant_id, f"select tenant_id from {table}")
        assert {tenant for (tenant,) in seen} <= {tenant_id}
    async with Database(url) as database:
        with pytest.raises(DBAPIError, match="no tenant is set"):
            async with database.no_tenant() as connection:
                await connection.execute(text(f"select * from {view}"))
        async with database.projector() as connection:
            found = await connection.execute(text(f"select distinct tenant_id from {view} order by 1"))
            assert found.scalars().all() == [1, 2]
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.accounts() as connection:
                await connection.execute(text(f"select * from {view}"))


@pytest.mark.parametrize("view", NAMES)
async def test_a_view_has_all_columns_of_its_table_as_they_are(url: str, view: str) -> None:
    plain = await select(url, f"select * from {view.removesuffix('_geo')} t order by t")
    [*shown] = await select(url, f"select * from {view} t order by t")
    assert [list(row.keys()) for row in shown] == [[*row.keys(), "geog"] for row in plain]
    assert [tuple(row)[:-1] for row in shown] == [tuple(row) for row in plain]


async def test_schema_checks_don_t_stumble_over_the_extension(url: str) -> None:
    async with Database(url) as database:
        await check(database)
        async with database.owner() as connection:
            assert await connection.run_sync(differences) == []
        checkup = Checkup(database)
        isolation, indexes = await checkup.isolation(), await checkup.indexes()
    assert (isolation.open_tables, isolation.refuses_without_tenant) == ((), True)
    assert (indexes.missing, indexes.invalid) == ((), ())


def query(number: int) -> str:
    return QUERIES[number].rstrip().removesuffix(";")


async def test_the_queries_of_the_docs_answer(url: str) -> None:
    assert await of_tenant(url, 1, query(NEAR)) == [
        ("bus-7", NINE, 39.0),
        ("bus-8", NINE, 289.0),
    ]
    # A tenth of a degree on the equator, there and back; the jump between counts for nothing.
    assert await of_tenant(url, 1, query(DRIVEN)) == [(2 * 11132.0,)]
    assert await of_tenant(url, 1, query(INSIDE)) == [("Depot", "bus-7", NINE)]
    for number in (NEAR, DRIVEN, INSIDE):
        assert await of_tenant(url, 2, query(number)) == []


async def test_whoever_isn_t_the_owner_asks_for_one_tenant(site: Site) -> None:
    asked = QUERIES[0].replace(
        "select vehicle_id, time", "create temporary table seen as select vehicle_id, time"
    )
    connection = await asyncpg.connect(site.url)
    try:
        await connection.execute(asked)
        seen = await connection.fetch("select vehicle_id from seen order by 1")
        await connection.execute("drop table seen")
    finally:
        await connection.close()
    assert [row["vehicle_id"] for row in seen] == ["bus-7", "bus-8", "bus-9"]


async def test_an_index_of_places_serves_the_owner_and_not_the_role_of_the_server(url: str) -> None:
    """Why none is made: row-level security comes before functions that Postgres doesn't know as harmless."""
    near = text(f"explain {query(NEAR)}")
    async with Database(url) as database, database.owner() as connection:
        await connection.execute(text(query(INDEX)))
        await connection.execute(text("set local enable_seqscan = off"))
        [*plan] = await connection.scalars(near)
        assert "latest_positions_place" in "".join(plan)
        await connection.execute(text("set local role webhost_app"))
        await connection.execute(text("select set_config('app.tenant_id', '1', true)"))
        [*plan] = await connection.scalars(near)
        assert "latest_positions_place" not in "".join(plan)
        await connection.rollback()


def around(shape: Shape) -> Iterator[tuple[float, float]]:
    """Points (latitude, longitude) on both sides of its edge, and its middle."""
    if isinstance(shape, Circle):
        (latitude, longitude), reach = shape.center, math.degrees(shape.radius_m / 6_371_008.8)
        for bearing in range(0, 360, 15):
            for share in (0.99, 1.01):
                north = share * reach * math.cos(math.radians(bearing))
                east = share * reach * math.sin(math.radians(bearing)) / math.cos(math.radians(latitude))
                yield latitude + north, (longitude + east + 180) % 360 - 180
        return
    latitudes = sorted({latitude for latitude, _ in shape.points})
    longitudes = sorted({longitude for _, longitude in shape.points})
    for latitude in latitudes:
        for longitude in longitudes:
            for north in (-0.0005, 0.0005):
                for east in (-0.0005, 0.0005):
                    yield latitude + north, longitude + east


@pytest.mark.parametrize("fence", ["depot", "north", "strait", "lagoon"])
async def test_fences_are_areas_as_the_server_takes_them(url: str, fence: str) -> None:
    [row] = await select(url, f"select * from geofences where id = '{fence}'")
    center = {"latitude": row["center_latitude"], "longitude": row["center_longitude"]}
    points = json.loads(row["points"]) if row["points"] else None
    shape = shape_of(row["kind"], center, row["radius_m"], points)
    asked = list(around(shape))
    covers = (
        "select p.n, st_covers(f.geog, st_point(p.longitude, p.latitude)::geography) "
        "from geofences_geo f, unnest($1::float8[], $2::float8[]) with ordinality p (latitude, longitude, n) "
        f"where f.id = '{fence}' order by p.n"
    )
    found = await select(url, covers, [each[0] for each in asked], [each[1] for each in asked])
    expected = [shape.contains(point) for point in asked]
    assert {True, False} == set(expected)
    assert [row["st_covers"] for row in found] == expected


async def test_a_circle_s_corners_lie_on_it_however_far_north(url: str) -> None:
    corners = (
        "select id, radius_m, st_distance(st_point(center_longitude, center_latitude)::geography, "
        "(st_dumppoints(geog::geometry)).geom::geography) as away from geofences_geo where kind = 'circle'"
    )
    found = await select(url, corners)
    assert {row["id"] for row in found} == {"depot", "lagoon", "cape"}
    assert max(abs(row["away"] / row["radius_m"] - 1) for row in found) < 1e-6
