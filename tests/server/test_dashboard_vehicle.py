"""The page of one vehicle without a browser: its JSON, its form, and ids of every kind."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from store.audit import SYSTEM
from store.contract import NewUpdate, Tenant
from store.schema import gps_positions, latest_positions, vehicles
from tests.fleet import Writer
from tests.server.api import NOON, error_of, position
from tests.server.dashboard import Dashboard, running_dashboard
from webhost_sync.fleet.editable import VEHICLE_TABLE
from webhost_sync.fleet.row_editor import Editor

DAY = "from=2026-05-01T00:00&to=2026-05-02T00:00"


async def add(dashboard: Dashboard, tenant: Tenant, vehicle_id: str, **fields: object) -> None:
    """A vehicle with a row in the document and in SQL, and two fixes half an hour apart."""
    log = dashboard.app.services.log
    record = await log.open(tenant.id, VEHICLE_TABLE.document, create=True)
    update = NewUpdate(Writer(1).row(vehicle_id, fields), "key:import", "", (1,))
    await log.append(tenant.id, record.id, [update], epoch=record.epoch)
    async with dashboard.app.services.database.owner() as connection:
        row = {"tenant_id": tenant.id, "id": vehicle_id, "document_id": record.id, **fields}
        await connection.execute(insert(vehicles).values(row))
        await connection.execute(text("select public.ensure_positions_month(:noon)"), {"noon": NOON})
        for number in range(2):
            fix = position(tenant, vehicle_id, number, 1800 * number)
            place = {"latitude": 52 + number / 10, "flags": 0, "seq": 1}
            await connection.execute(insert(gps_positions).values({**fix, **place}))


@pytest.mark.parametrize("vehicle_id", ["bus-7", "a/b", "50%", "ł ö", 'q"<b>&'])
async def test_every_page_has_a_twin_and_every_id_a_page(database_url: str, vehicle_id: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        await add(dashboard, tenant, vehicle_id, name="Seven")
        [line] = (await viewer.json("/fleet?archived=all")).json()["items"]
        twin = (await viewer.json(f"{line['path']}?{DAY}")).json()
        assert (twin["id"], twin["vehicle"]["name"], twin["latest"]) == (vehicle_id, "Seven", None)
        assert [item["kind"] for item in twin["trips"]["items"]] == ["trip"]
        assert len(twin["track"]["points"]) == twin["track"]["fixes"] == 2
        assert "drawn" not in twin
        assert (await viewer.get(f"{line['path']}.json?{DAY}")).json() == twin
        page = await viewer.get(f"{line['path']}?{DAY}")
        assert "<h1>Seven" in page.text
        file = await viewer.get(f"{line['path']}/export?form=gpx&{DAY}")
        assert (file.status_code, file.text.count("<trkpt")) == (200, 2)
        assert file.headers["Cache-Control"] == "no-store"


async def test_a_form_changes_only_what_was_changed_in_it(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        await add(dashboard, tenant, "bus-7", name="Seven", plate="WX 1")
        await dashboard.app.services.admin.vehicles.edit(
            tenant.id, "bus-7", {"name": "Eight"}, Editor("key:other"), deed=SYSTEM
        )
        was = {"name": "Seven", "plate": "WX 1", "attributes": "", "archived": False}
        sent = {"name": "Seven", "attributes": "seats: 44", "archived": "true", "was": json.dumps(was)}
        answer = await admin.post_json("/fleet/bus-7/edit", sent)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["name"], told["plate"], told["archived"]) == ("Eight", None, True)
        assert told["attributes"] == {"seats": 44}
        for wrong in ({"was": "no"}, {"was": "[]"}, {"attributes": "no colon"}, {"name": "a\tb"}):
            assert error_of(await admin.post_json("/fleet/bus-7/edit", wrong)) == "invalid_request"
        assert (await admin.post_json("/fleet/none/edit", {"name": "x"})).status_code == 404


async def test_a_color_that_is_none_is_drawn_nowhere(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        await add(dashboard, tenant, "evil", color="url(https://evil.example/x.svg#a)")
        page = (await viewer.get("/fleet/evil")).text
        assert "swatch" not in re.sub(r"<link[^>]*>", "", page)


@pytest.mark.parametrize("query", ["last=1h", "last=7d&from=2026-05-01T00:00", "from=tomorrow"])
async def test_a_bad_range_is_refused(database_url: str, query: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        await add(dashboard, tenant, "bus-7")
        assert error_of(await viewer.json(f"/fleet/bus-7?{query}")) == "invalid_request"


async def test_the_last_day_with_a_fix_is_offered_where_the_range_has_none(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        await add(dashboard, tenant, "bus-7")
        assert "last day with any" not in (await viewer.get("/fleet/bus-7")).text
        long_ago = datetime.now(UTC) - timedelta(days=50)
        latest = {**position(tenant, "bus-7", 9, 0), "time": long_ago, "flags": 0}
        latest.pop("document_id")
        async with dashboard.app.services.database.owner() as connection:
            await connection.execute(insert(latest_positions).values(latest))
        page = (await viewer.get("/fleet/bus-7")).text
        assert f"from={long_ago:%Y-%m-%d}T00%3A00%3A00Z" in page
