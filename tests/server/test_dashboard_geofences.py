"""The pages of geofences without a browser: their JSON, their forms, and ids of every kind."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from store.audit import AuditFilter
from store.contract import NewUpdate, Tenant
from store.schema import geofence_events, geofences, latest_positions, vehicles
from tests.fleet import Writer
from tests.server.api import NOON, error_of
from tests.server.dashboard import Dashboard, running_dashboard
from webhost_sync.fleet.editable import GEOFENCE_TABLE

IN = {"latitude": 52.0, "longitude": 21.0}
CIRCLE = {"kind": "circle", "name": "Depot", "center": IN, "radius_m": 500.0}
CORNERS = "52, 21\n52, 22\n53, 21"


async def add(dashboard: Dashboard, tenant: Tenant, fence_id: str) -> None:
    """A fence in the document and in SQL, with a vehicle in it that came, left and came again."""
    log = dashboard.app.services.log
    record = await log.open(tenant.id, GEOFENCE_TABLE.document, create=True)
    update = NewUpdate(Writer(1).row(fence_id, CIRCLE), "key:import", "", (1,))
    await log.append(tenant.id, record.id, [update], epoch=record.epoch)
    of_it = {"tenant_id": tenant.id, "vehicle_id": "bus-7", "device_id": "box", **IN}
    center = {"center_latitude": 52.0, "center_longitude": 21.0, "radius_m": 500.0}
    async with dashboard.app.services.database.owner() as connection:
        row = {"tenant_id": tenant.id, "id": fence_id, "name": "Depot", "kind": "circle", **center}
        await connection.execute(insert(geofences).values(document_id=record.id, **row))
        bus = {"tenant_id": tenant.id, "id": "bus-7", "name": "Seven", "document_id": record.id}
        await connection.execute(insert(vehicles).values(bus))
        for number in range(3):
            event = {**of_it, "time": NOON + timedelta(minutes=number), "sequence": number}
            await connection.execute(
                insert(geofence_events).values(**event, geofence_id=fence_id, enters=number != 1)
            )
        latest = {**of_it, "time": NOON, "received_at": NOON, "sequence": 2, "flags": 0}
        await connection.execute(insert(latest_positions).values(latest))


async def row_of(dashboard: Dashboard, tenant: Tenant, fence_id: str) -> dict[str, Any] | None:
    """The fence as the document holds it."""
    key = await dashboard.app.key(tenant)
    nobody = await dashboard.visitor(tenant)
    path = f"/api/documents/{GEOFENCE_TABLE.document}"
    answer = await nobody.client.get(path, headers={"Authorization": f"Bearer {key.text}"})
    rows: dict[str, Any] = answer.json()["roots"]["rows"]
    return rows.get(fence_id)


@pytest.mark.parametrize("fence_id", ["depot", "a/b", "50%", "ł ö", 'q"<b>&', "-"])
async def test_every_page_has_a_twin_and_every_id_a_page(database_url: str, fence_id: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        await add(dashboard, tenant, fence_id)
        listed = (await viewer.json("/geofences")).json()
        assert (await viewer.get("/geofences.json")).json() == listed
        [line] = listed["items"]
        assert (line["fence"]["id"], line["inside"], line["last"]["event"]) == (fence_id, 1, "enter")
        assert (line["last"]["vehicle_name"], line["last"]["geofence_name"]) == ("Seven", "Depot")
        assert "places" not in listed

        twin = (await viewer.json(line["path"])).json()
        assert (await viewer.get(f"{line['path']}.json")).json() == twin
        assert (twin["fence"], twin["area_m2"]) == (line["fence"], line["area_m2"])
        assert [vehicle["name"] for vehicle in twin["inside"]] == ["Seven"]
        assert [event["event"] for event in twin["events"]] == ["enter", "exit", "enter"]
        assert "form" not in twin
        assert "form_json" not in twin
        page = await viewer.get(line["path"])
        assert "<h1>Depot</h1>" in page.text
        first = (await viewer.json(f"{line['path']}?limit=2")).json()
        rest = (await viewer.json(f"{line['path']}?limit=2&cursor={first['next_cursor']}")).json()
        assert first["events"] + rest["events"] == twin["events"]
        assert rest["next_cursor"] is None

        [vehicle] = (await viewer.json("/fleet")).json()["items"]
        assert (await viewer.json("/fleet")).json()["geofences"] == {fence_id: "Depot"}
        doings = (await viewer.json(vehicle["path"])).json()["geofences"]
        assert [(stay["geofence_id"], stay["since"]) for stay in doings["inside"]] == [
            (fence_id, twin["events"][0]["time"])
        ]
        assert doings["events"] == twin["events"]
        assert "In <a" in (await viewer.get(vehicle["path"])).text


async def test_a_form_adds_changes_and_removes_a_fence(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        sent = {
            "name": "Yard",
            "latitude": "52.5",
            "longitude": "21",
            "radius_m": "250",
            "corners": "ignored",
        }
        fence_id = (await admin.post_json("/geofences", sent)).json()["id"]
        center = {"latitude": 52.5, "longitude": 21.0}
        row = {"kind": "circle", "name": "Yard", "center": center, "radius_m": 250}
        assert await row_of(dashboard, tenant, fence_id) == row

        was = {"kind": "circle", "name": "Yard", "latitude": "52.5", "longitude": "21", "radius_m": "250"}
        same = await admin.post(f"/geofences/{fence_id}/edit", {**was, "was": json.dumps(was)})
        assert same.status_code == 303
        renamed = {**was, "name": "Old yard", "note": "gate 3", "was": json.dumps(was)}
        told = (await admin.post_json(f"/geofences/{fence_id}/edit", renamed)).json()
        assert (told["name"], told["note"], told["radius_m"]) == ("Old yard", "gate 3", 250.0)
        drawn = {"kind": "polygon", "corners": CORNERS, "was": json.dumps(was)}
        told = (await admin.post_json(f"/geofences/{fence_id}/edit", drawn)).json()
        assert (told["kind"], told["center"], told["name"]) == ("polygon", None, None)
        assert len(told["points"]) == 3
        assert (await row_of(dashboard, tenant, fence_id) or {}).keys() == {"kind", "points", "note"}

        gone = await admin.post_json(f"/geofences/{fence_id}/remove", {})
        assert gone.json() == {"removed": True}
        assert await row_of(dashboard, tenant, fence_id) is None
        assert (await admin.post_json(f"/geofences/{fence_id}/remove", {})).status_code == 404
        audit = dashboard.app.services.admin.audit
        lines = await audit.page(tenant.id, AuditFilter(action="geofence"), before=None, limit=10)
        assert [line.action.removeprefix("geofence.") for line in lines] == [
            "remove",
            "edit",
            "edit",
            "create",
        ]
        assert {(line.actor, line.target) for line in lines} == {
            (f"user:admin@{tenant.slug}.example", fence_id)
        }


async def test_where_the_tables_are_behind_nobody_is_led_to_a_page_that_is_not_there_yet(
    database_url: str,
) -> None:
    async with running_dashboard(database_url) as dashboard:  # without a projector
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        sent = {"latitude": "52.5", "longitude": "21", "radius_m": "250"}
        added = await admin.post("/geofences", sent)
        assert added.status_code == 303
        assert added.headers["Location"].endswith("/geofences")
        assert "follow in a moment" in (await admin.get("/geofences")).text


@pytest.mark.parametrize(
    ("form", "named"),
    [
        ({}, "centre and its radius"),
        ({"latitude": "52"}, "centre and its radius"),
        ({"latitude": "52", "longitude": "21", "radius_m": "0"}, "radius_m"),
        ({"latitude": "95", "longitude": "21", "radius_m": "5"}, "latitude"),
        ({"latitude": "nan", "longitude": "21", "radius_m": "5"}, "latitude"),
        ({"kind": "polygon", "corners": "1, 2\n3, 4"}, "three corners"),
        ({"kind": "polygon", "corners": "1, 2\nthere"}, "line 2"),
        ({"kind": "polygon", "corners": "1, 2\n1, 3\n1, 4"}, "area"),
        ({"kind": "square"}, "kind"),
        ({"latitude": "52", "longitude": "21", "radius_m": "5", "name": "a\tb"}, "name"),
    ],
)
async def test_what_is_no_fence_is_named_and_nothing_is_made(
    database_url: str, form: dict[str, object], named: str
) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        await add(dashboard, tenant, "depot")
        answers = [await admin.post_json("/geofences", form)]
        if form:
            was = json.dumps({"kind": "circle", "latitude": "52", "longitude": "21", "radius_m": "500"})
            answers.append(await admin.post_json("/geofences/depot/edit", {**form, "was": was}))
        for answer in answers:
            assert (answer.status_code, error_of(answer)) == (400, "invalid_request"), answer.text
            assert named in answer.json()["error"]["message"]
        for wrong in ("no", "[]", '{"kind": "square"}'):
            answer = await admin.post_json("/geofences/depot/edit", {"was": wrong})
            assert "was" in answer.json()["error"]["message"]
        record = await dashboard.app.services.archive.document(tenant.id, GEOFENCE_TABLE.document)
        assert record.head_seq == 1
