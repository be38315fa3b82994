"""What has no place in the tables, over HTTP and as pages: where, why and what to do; and gone once mended.
The rejects are those of a projector."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import text

from store.contract import NewUpdate, Tenant
from tests.app import App, Credential
from tests.fleet import Fleet, Writer, fix, open_fleet, track_name
from tests.server.api import Api, error_of, running_api
from tests.server.dashboard import running_dashboard

VEHICLES = "tables/vehicles"
EMOJI = "\N{GRINNING FACE}"


@dataclass
class Yard:
    api: Api
    tenant: Tenant
    key: Credential
    fleet: Fleet

    async def listed(self, query: str = "") -> list[dict[str, Any]]:
        pages = await self.api.pages(f"/api/refused{query}", self.key.text)
        return [item for page in pages for item in page]


async def write(app: App, tenant: Tenant, name: str, *updates: bytes) -> None:
    record = await app.services.log.open(tenant.id, name, create=True)
    new = [NewUpdate(update, "key:import", "", (1,)) for update in updates]
    await app.services.log.append(tenant.id, record.id, new, epoch=record.epoch)


async def write_wrongly(app: App, tenant: Tenant) -> Writer:
    """Four fields and a whole row of the table, two fixes beyond the poles, a chunk that is none."""
    table, device = Writer(1), Writer(2)
    rows = [
        table.row("bus-7", {"name": "Seven", "odometer_m": "12 km"}),
        table.row("a/b", {"odometer_m": "<script>alert(1)</script>", "name": 5.0}),
        table.row(EMOJI * 200, {EMOJI * 200: float("nan")}),
    ]
    await write(app, tenant, VEHICLES, *rows)
    chunks = device.chunk(fix(1), fix(2, latitude=95.0), fix(3, latitude=96.5)), device.raw_chunk(b"\x01\x02")
    await write(app, tenant, track_name(), *chunks)
    return table


@asynccontextmanager
async def running_yard(database_url: str) -> AsyncIterator[Yard]:
    async with running_api(database_url) as api, open_fleet(database_url) as fleet:
        tenant = await api.app.tenant()
        yield Yard(api, tenant, await api.app.key(tenant), fleet)


async def test_everything_that_was_refused_is_listed_with_its_place_and_a_remedy(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        assert await yard.listed() == []
        await write_wrongly(yard.api.app, yard.tenant)
        await yard.fleet.projector.catch_up()
        found = await yard.listed("?limit=1")
        assert found == await yard.listed()
        told = {item["path"]: item for item in found}
        assert told.keys() >= {
            "chunks/1", "sequences/2", "sequences/3", "rows/bus-7/odometer_m", "rows/a%2Fb/odometer_m",
            "rows/a%2Fb/name",
        }  # fmt: skip
        one = told["rows/a%2Fb/odometer_m"]
        assert one | {"refused_since": ""} == {
            "document": VEHICLES,
            "path": "rows/a%2Fb/odometer_m",
            "pointer": "/rows/a~1b/odometer_m",
            "place": "rows/*/odometer_m",
            "reason": "odometer_m is text, not a number",
            "value": "'<script>alert(1)</script>'",
            "remedy": "Write the field as a number; until then its row goes without it.",
            "seq": 3,
            "refused_since": "",
        }
        assert (told["chunks/1"]["pointer"], told["sequences/2"]["pointer"]) == ("/chunks/1", None)
        assert [item["path"] for item in await yard.listed("?document=tables/vehicles&q=BUS-7")] == [
            "rows/bus-7/odometer_m"
        ]
        content = await yard.api.get(f"/api/documents/{VEHICLES}", yard.key.text)
        assert content.json()["roots"]["rows"]["a/b"]["odometer_m"] == "<script>alert(1)</script>"


async def test_kinds_are_counted_the_most_frequent_first(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        await write_wrongly(yard.api.app, yard.tenant)
        await yard.fleet.projector.catch_up()
        kinds = await yard.listed("/kinds?limit=1")
        assert kinds == await yard.listed("/kinds")
        assert [kind["count"] for kind in kinds] == sorted((kind["count"] for kind in kinds), reverse=True)
        [beyond] = [kind for kind in kinds if kind["place"] == "sequences/*"]
        assert (beyond["document"], beyond["count"]) == (track_name(), 2)
        assert beyond["reason"] == "latitude 95.0 is beyond 90 degrees"
        for kind in kinds:
            chosen = {name: kind[name] for name in ("document", "place", "reason")}
            answer = await yard.api.client.get(
                "/api/refused", params=chosen, headers={"Authorization": f"Bearer {yard.key.text}"}
            )
            assert len(answer.json()["items"]) == kind["count"]


async def test_what_is_mended_is_gone_and_what_stays_keeps_its_time(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        table = await write_wrongly(yard.api.app, yard.tenant)
        await yard.fleet.projector.catch_up()
        before = {item["path"]: item["refused_since"] for item in await yard.listed()}
        await write(yard.api.app, yard.tenant, VEHICLES, table.field("bus-7", "odometer_m", 12_000.0))
        await yard.fleet.projector.catch_up()
        after = {item["path"]: item["refused_since"] for item in await yard.listed()}
        assert before.pop("rows/bus-7/odometer_m")
        assert after == before


async def test_only_who_may_read_a_document_sees_what_of_it_was_refused(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        await write_wrongly(yard.api.app, yard.tenant)
        await yard.fleet.projector.catch_up()
        tracks = await yard.api.app.key(yard.tenant, "read", documents=["track/*"])
        deaf = await yard.api.app.key(yard.tenant, "history")
        other = await yard.api.app.key(await yard.api.app.tenant("other"))
        for path in ("/api/refused", "/api/refused/kinds"):
            for key, documents in ((tracks, {track_name()}), (deaf, set()), (other, set())):
                found = (await yard.api.get(path, key.text)).json()["items"]
                assert {item["document"] for item in found} == documents
            hidden = await yard.api.get(f"{path}?document={VEHICLES}", tracks.text)
            nothing = await yard.api.get(f"{path}?document=tables/nothing", tracks.text)
            assert (hidden.status_code, hidden.json()) == (nothing.status_code, nothing.json())


async def test_a_deleted_document_is_left_out_and_there_again_once_it_is_brought_back(
    database_url: str,
) -> None:
    async with running_yard(database_url) as yard:
        await write_wrongly(yard.api.app, yard.tenant)
        await yard.fleet.projector.catch_up()
        admin = await yard.api.app.key(yard.tenant, "read", "write", "admin")
        before = await yard.listed(f"?document={VEHICLES}")
        await yard.api.client.delete(
            f"/api/documents/{VEHICLES}", headers={"Authorization": f"Bearer {admin.text}"}
        )
        assert {item["document"] for item in await yard.listed()} == {track_name()}
        assert {kind["document"] for kind in await yard.listed("/kinds")} == {track_name()}
        await yard.api.post(f"/api/documents/{VEHICLES}/bring-back", admin.text)
        await yard.fleet.projector.catch_up()
        assert [item["path"] for item in await yard.listed(f"?document={VEHICLES}")] == [
            item["path"] for item in before
        ]


@pytest.mark.parametrize("query", ["?cursor=x", "?limit=0", "?field=name", "?q="])
async def test_a_query_that_can_not_be_meant_is_refused(database_url: str, query: str) -> None:
    async with running_yard(database_url) as yard:
        for path in ("/api/refused", "/api/refused/kinds"):
            answer = await yard.api.get(path + query, yard.key.text)
            assert (answer.status_code, error_of(answer)) == (400, "invalid_request")


async def test_pages_show_the_same_and_lead_to_the_place_in_the_document(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard, open_fleet(database_url) as fleet:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        assert "Nothing was refused" in (await viewer.get("/fleet/-/refused")).text
        assert "refused" not in (await viewer.get("/fleet")).text
        await write_wrongly(dashboard.app, tenant)
        await fleet.projector.catch_up()
        total = (await viewer.json("/fleet")).json()["refused"]
        twin = (await viewer.get("/fleet/-/refused.json")).json()
        assert twin.keys() == {"items", "next_cursor"}
        assert sum(kind["count"] for kind in twin["items"]) == total
        assert f"{total} refused" in (await viewer.get("/fleet")).text
        one = await viewer.get("/fleet/-/refused/all?document=tables/vehicles&place=rows/*/odometer_m")
        assert "&lt;script&gt;alert(1)" in one.text
        assert "<script>alert" not in one.text
        link = f"{viewer.space}/documents/content/tables/vehicles?path=/rows/a~1b/odometer_m"
        assert f'href="{link}"' in one.text
        assert (await viewer.get(link)).status_code == 200
        document = await viewer.get("/documents/content/tables/vehicles")
        assert "/fleet/-/refused?document=tables/vehicles" in document.text
        assert "no place in the tables" not in (await viewer.get("/documents/content/notes")).text
        page, seen = "/fleet/-/refused/all?limit=1", 0
        while page:
            answer = (await viewer.json(page)).json()
            seen += len(answer["items"])
            cursor = answer["next_cursor"]
            page = f"/fleet/-/refused/all?limit=1&cursor={cursor}" if cursor else ""
        assert seen == total


async def test_a_vehicle_of_that_name_keeps_its_page(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        async with dashboard.app.services.database.owner() as connection:
            await connection.execute(
                text("insert into vehicles (tenant_id, id, document_id) values (:tenant, :id, 1)"),
                [{"tenant": tenant.id, "id": name} for name in ("refused", "-")],
            )
        viewer = await dashboard.signed_in(tenant, "viewer")
        for name in ("refused", "-"):
            assert (await viewer.json(f"/fleet/{name}")).json()["id"] == name
