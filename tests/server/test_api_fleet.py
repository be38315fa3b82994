"""Vehicles and positions over HTTP: who sees which, and how lists are paged."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from store.contract import Tenant
from store.readings import positions_query
from tests.server.api import NOON, Api, error_of, running_api
from webhost_sync.auth.principals import covers
from webhost_sync.fleet.names import percent_encode

BUS = {"id": "bus-7", "name": "Bus 7", "plate": "WX_1%", "group": "north", "status": "active"}
VAN = {"id": "van/1", "name": "Van", "group": "south", "status": "broken", "archived": True}
CAR = {"id": "car", "name": "Carla", "attributes": {"seats": 4}}


async def test_vehicles_are_listed_by_id_with_their_units_and_other_fields(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_vehicles(key.tenant, VAN, CAR, BUS)
        [page] = await api.pages("/api/vehicles", key.text)
        assert [vehicle["id"] for vehicle in page] == ["bus-7", "car", "van/1"]
        assert page[1]["attributes"] == {"seats": 4}
        assert page[1]["odometer_m"] is None


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=active", ["bus-7"]),
        ("group=south", ["van/1"]),
        ("archived=true", ["van/1"]),
        ("archived=false", ["bus-7", "car"]),
        ("q=bus", ["bus-7"]),
        ("q=wx_1%25", ["bus-7"]),
        ("q=_", ["bus-7"]),
        ("q=%25", ["bus-7"]),
        ("q=\\", []),
        ("status=active&group=south", []),
    ],
)
async def test_vehicles_are_filtered(database_url: str, query: str, found: list[str]) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_vehicles(key.tenant, VAN, CAR, BUS)
        [page] = await api.pages(f"/api/vehicles?{query}", key.text)
        assert [vehicle["id"] for vehicle in page] == found


async def test_a_vehicle_whose_id_holds_a_slash_is_found_by_its_encoded_id(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_vehicles(key.tenant, VAN)
        answer = await api.get("/api/vehicles/van%2F1", key.text)
        assert answer.json()["name"] == "Van"
        assert error_of(await api.get("/api/vehicles/van/1", key.text)) == "no_such_endpoint"


async def test_a_forbidden_vehicle_looks_like_an_unknown_one(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        narrow = await api.app.key(tenant, documents=["track/car/*"])
        wide = await api.app.key(tenant)
        await api.add_vehicles(tenant, BUS)
        await api.add_positions(tenant, "bus-7", 1)
        for path in ("/api/vehicles/{}", "/api/vehicles/{}/positions"):
            unknown = await api.get(path.format("none"), wide.text)
            forbidden = await api.get(path.format("bus-7"), narrow.text)
            assert unknown.status_code == forbidden.status_code == 404
            assert unknown.text.replace("none", "bus-7") == forbidden.text
        assert (await api.get("/api/vehicles", narrow.text)).status_code == 404


async def test_a_device_reads_its_own_positions_without_the_table_of_vehicles(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        narrow = await api.app.key(tenant, documents=["track/bus-7/*"])
        await api.add_positions(tenant, "bus-7", 1, 2)
        [page] = await api.pages("/api/vehicles/bus-7/positions", narrow.text)
        assert page[0]["time"] == "2026-05-01T12:00:01Z"
        assert page[0]["flags"] == ["inaccurate", "zero_island"]


async def test_from_is_included_and_to_is_not(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_positions(key.tenant, "bus-7", 0, 1, 2, 3)
        span = "from=2026-05-01T14:00:01%2B02:00&to=2026-05-01T12:00:03Z"
        [page] = await api.pages(f"/api/vehicles/bus-7/positions?{span}", key.text)
        assert [item["sequence"] for item in page] == [1, 2]


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_hold_every_position_once_also_where_times_are_equal(
    database_url: str, order: str
) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_positions(key.tenant, "bus-7", 0, 1, 1, 1, 2, 3, 3)
        pages = await api.pages(f"/api/vehicles/bus-7/positions?limit=2&order={order}", key.text)
        seen = [item["sequence"] for page in pages for item in page]
        assert [len(page) for page in pages] == [2, 2, 2, 1]
        assert seen == sorted(range(7), reverse=order == "desc")


async def test_rows_that_come_meanwhile_move_no_page(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_vehicles(key.tenant, {"id": "b"}, {"id": "d"}, {"id": "f"})
        first = (await api.get("/api/vehicles?limit=2", key.text)).json()
        await api.add_vehicles(key.tenant, {"id": "a"}, {"id": "c"}, {"id": "e"})
        rest = await api.get(f"/api/vehicles?limit=2&cursor={first['next_cursor']}", key.text)
        assert [item["id"] for item in rest.json()["items"]] == ["e", "f"]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=many", "limit"),
        ("cursor=nonsense", "cursor"),
        ("cursor=WyJhIiwgMV0", "cursor"),
        ("from=yesterday", "from"),
        ("from=2026-05-01", "from"),
        ("from=2026-05-01T12:00:00", "from"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("from=2026-05-01T12:00:00Z&to=2026-05-01T12:00:00Z", "to"),
        ("order=random", "order"),
        ("form=2026-05-01T12:00:00Z", "form"),
        ("limit=1&limit=2", "limit"),
        ("from=%00", "from"),
    ],
)
async def test_a_bad_parameter_is_named(database_url: str, query: str, named: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        answer = await api.get(f"/api/vehicles/bus-7/positions?{query}", key.text)
        assert answer.status_code == 400
        assert error_of(answer) == "invalid_request"
        assert repr(named) in answer.json()["error"]["message"]


async def test_a_cursor_belongs_to_its_filters(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        await api.add_vehicles(key.tenant, {"id": "a"}, {"id": "b"})
        cursor = (await api.get("/api/vehicles?limit=1", key.text)).json()["next_cursor"]
        assert (await api.get(f"/api/vehicles?limit=5&cursor={cursor}", key.text)).status_code == 200
        assert (await api.get(f"/api/vehicles?q=a&cursor={cursor}", key.text)).status_code == 400


ODD_IDS = ("bus-7", "a/b", "a%b", "a_b", "50%", ".", "..", "q?#", "łódź", "back\\slash", "a*b")


@pytest.mark.parametrize(
    "patterns",
    [
        ["*"],
        ["track/*"],
        ["track/bus-*"],
        ["track/a%2Fb/*", "track/a_b/*"],
        ["track/%2E/*"],
        ["tables/*"],
        ["track/bus-7/2026-*"],
        ["track/*\\*"],
        ["track/50%25/*"],
    ],
)
async def test_latest_positions_are_those_whose_tracks_may_be_read(
    database_url: str, patterns: list[str]
) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant(), documents=patterns)
        for vehicle_id in ODD_IDS:
            await api.add_positions(key.tenant, vehicle_id, 0, 5)
        pages = await api.pages("/api/positions/latest?limit=3", key.text)
        readable = {
            vehicle_id
            for vehicle_id in ODD_IDS
            if any(covers(pattern, f"track/{percent_encode(vehicle_id)}/*") for pattern in patterns)
        }
        seen = [item["vehicle_id"] for page in pages for item in page]
        assert set(seen) == readable
        assert len(seen) == len(readable)
        assert all(item["sequence"] == 1 for page in pages for item in page)


async def test_a_page_of_positions_is_read_by_the_index(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        await add_many_positions(api, tenant)
        after = (NOON + timedelta(seconds=500), "tracker", 500)
        for newest_first in (False, True):
            query = positions_query(tenant.id, "bus-3", NOON, None, after, 101, newest_first)
            async with api.app.services.database.tenant(tenant.id) as connection:
                compiled = query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
                lines = (await connection.execute(text(f"explain {compiled}"))).scalars()
                plan = "\n".join(lines)
            assert "vehicle_id_time_idx" in plan
            assert "Seq Scan" not in plan


async def add_many_positions(api: Api, tenant: Tenant) -> None:
    """Enough rows, and what the planner knows of them, to make the choice of a plan mean something."""
    await api.add_positions(tenant, "bus-0", 0)
    rows = """
        insert into gps_positions (tenant_id, vehicle_id, device_id, sequence, time, received_at,
                                   latitude, longitude, document_id, seq)
        select :tenant, 'bus-' || vehicle, 'tracker', number, cast(:noon as timestamptz)
               + number * interval '1 second', now(), 52, 21, 1, 1
        from generate_series(1, 20) vehicle, generate_series(1, 1000) number
    """
    async with api.app.services.database.owner() as connection:
        await connection.execute(text(rows), {"tenant": tenant.id, "noon": NOON})
        await connection.execute(text("analyze gps_positions"))
