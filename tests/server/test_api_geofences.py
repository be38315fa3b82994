"""Fences over HTTP: edits of the document like any other, and what vehicles do at them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from store.audit import Action, AuditFilter
from tests.app import Credential
from tests.fleet import Fleet, Writer, fix, open_fleet, track_name
from tests.server.api import Api, error_of, running_api
from tests.server.test_api_documents import round_trip

TABLE = "tables/geofences"
DEPOT = {
    "id": "depot",
    "kind": "circle",
    "name": "Depot",
    "center": {"latitude": 48.1, "longitude": 11.5},
    "radius_m": 500,
}
CORNERS = [
    {"latitude": 48.09, "longitude": 11.49},
    {"latitude": 48.09, "longitude": 11.51},
    {"latitude": 48.11, "longitude": 11.5},
]
IN, OUT = 48.1, 48.2


@dataclass
class Yard:
    api: Api
    key: Credential
    fleet: Fleet

    async def send(
        self, method: str, path: str = "", fields: object = None, *, credential: str | None = None
    ) -> httpx.Response:
        if fields is None:
            headers = {"Authorization": f"Bearer {credential or self.key.text}"}
            return await self.api.client.request(method, f"/api/geofences{path}", headers=headers)
        return await self.api.send_json(method, f"/api/geofences{path}", credential or self.key.text, fields)

    async def listed(self, path: str = "") -> list[dict[str, Any]]:
        pages = await self.api.pages(f"/api/geofences{path}", self.key.text)
        return [item for page in pages for item in page]

    async def document(self) -> dict[str, Any]:
        content: dict[str, Any] = (await self.api.get(f"/api/documents/{TABLE}", self.key.text)).json()
        return content


@asynccontextmanager
async def running_yard(database_url: str) -> AsyncIterator[Yard]:
    async with running_api(database_url) as api, open_fleet(database_url) as fleet:
        yield Yard(api, await api.app.key(await api.app.tenant()), fleet)


async def test_a_fence_is_added_changed_and_removed_as_edits_of_the_document(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        added = await yard.send("POST", "", {**DEPOT, "attributes": {"gate": 3}})
        assert (added.status_code, added.headers["X-Document-Seq"]) == (201, "1"), added.text
        assert added.json() == {
            **DEPOT, "radius_m": 500.0, "points": None, "color": None, "note": None,
            "attributes": {"gate": 3},
        }  # fmt: skip
        unnamed = await yard.send("POST", "", {"kind": "polygon", "points": CORNERS})
        assert len(unnamed.json()["id"]) == 36
        changed = await yard.send("PATCH", "/depot", {"kind": "polygon", "points": CORNERS, "name": None})
        assert changed.status_code == 200, changed.text
        told = changed.json()
        assert (told["center"], told["radius_m"], told["points"], told["name"]) == (None, None, CORNERS, None)
        row = (await yard.document())["roots"]["rows"]["depot"]
        assert row == {"kind": "polygon", "points": CORNERS, "gate": 3}
        assert (await yard.send("PATCH", "/depot", {"points": CORNERS})).headers["X-Document-Seq"] == "3"

        await yard.fleet.projector.catch_up()
        both = sorted([told, unnamed.json()], key=lambda fence: fence["id"])
        assert await yard.listed("?limit=1") == both
        gone = await yard.send("DELETE", "/depot")
        assert (gone.status_code, gone.text) == (204, "")
        assert "depot" not in (await yard.document())["roots"]["rows"]
        assert (await yard.send("DELETE", "/depot")).status_code == 404


async def test_who_changed_which_fence_is_written_down(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        await yard.send("POST", "", DEPOT)
        for _ in range(2):  # the second time nothing differs
            await yard.send("PATCH", "/depot", {"radius_m": 400, "note": "gate 3"})
        await yard.send("DELETE", "/depot")
        await yard.send("DELETE", "/depot")
        audit, tenant = yard.api.app.services.admin.audit, yard.key.tenant
        lines = await audit.page(tenant.id, AuditFilter(action="geofence"), before=None, limit=10)
        assert {(line.actor, line.target) for line in lines} == {(f"key:{yard.key.record.prefix}", "depot")}
        assert [(line.action, line.detail) for line in reversed(lines)] == [
            (Action.GEOFENCE_CREATE, {"kind": "circle", "name": "Depot", "seq": 1}),
            (Action.GEOFENCE_EDIT, {"fields": ["note", "radius_m"], "seq": 2}),
            (Action.GEOFENCE_REMOVE, {"seq": 3}),
        ]


async def test_vehicles_that_enter_and_leave_are_told_newest_first_page_by_page(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        await yard.send("POST", "", DEPOT)
        for vehicle in ("bus-7", "bus-8"):
            device = Writer(7)
            drive = [
                fix(number, 1000 * number, latitude=place) for number, place in enumerate((OUT, IN, OUT))
            ]
            name = track_name(vehicle)
            await round_trip(yard.api, yard.key.text, device.chunk(*drive), name=name)

        await yard.fleet.projector.catch_up()
        events = await yard.listed("/events?limit=1")
        assert [(event["vehicle_id"], event["event"]) for event in events] == [
            ("bus-8", "exit"), ("bus-7", "exit"), ("bus-8", "enter"), ("bus-7", "enter"),
        ]  # fmt: skip
        assert {event["geofence_id"] for event in events} == {"depot"}
        assert (events[3]["latitude"], events[3]["sequence"]) == (IN, 1)
        assert await yard.listed("/events?vehicle=bus-7") == [events[1], events[3]]
        assert await yard.listed(f"/events?from={events[0]['time']}") == events[:2]
        assert await yard.listed(f"/events?to={events[0]['time']}") == events[2:]
        assert await yard.listed("/events?geofence=other") == []
        part = await yard.api.app.key(yard.key.tenant, documents=("tables/*", "track/bus-8/*"))
        seen = (await yard.send("GET", "/events", credential=part.text)).json()["items"]
        assert seen == [events[0], events[2]], "a vehicle whose tracks are hidden has no events"


async def test_vehicles_are_asked_for_by_the_fence_that_they_are_in(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        await yard.send("POST", "", DEPOT)
        rows = Writer(1)
        for vehicle, places in (("bus-7", (OUT, IN)), ("bus-8", (IN, OUT)), ("bus-9", (IN,))):
            await round_trip(
                yard.api, yard.key.text, rows.row(vehicle, {"name": vehicle}), name="tables/vehicles"
            )
            drive = [fix(number, 1000 * number, latitude=place) for number, place in enumerate(places)]
            await round_trip(yard.api, yard.key.text, Writer(7).chunk(*drive), name=track_name(vehicle))
        await yard.fleet.projector.catch_up()

        async def inside(credential: str, query: str = "") -> list[str]:
            answer = await yard.api.get(f"/api/vehicles?geofence=depot{query}", credential)
            assert answer.status_code == 200, answer.text
            return [vehicle["id"] for vehicle in answer.json()["items"]]

        assert await inside(yard.key.text) == ["bus-7", "bus-9"]
        pages = await yard.api.pages("/api/vehicles?geofence=depot&limit=1", yard.key.text)
        assert [[vehicle["id"] for vehicle in page] for page in pages] == [["bus-7"], ["bus-9"]]
        assert await inside(yard.key.text, "&q=9") == ["bus-9"]
        part = await yard.api.app.key(yard.key.tenant, documents=("tables/*", "track/bus-9/*"))
        assert await inside(part.text) == ["bus-9"], "a vehicle whose tracks are hidden is nowhere"
        blind = await yard.api.app.key(yard.key.tenant, documents=("tables/vehicles", "track/*"))
        assert (await yard.api.get("/api/vehicles?geofence=depot", blind.text)).status_code == 404
        other = await yard.api.app.key(await yard.api.app.tenant("other"))
        assert await inside(other.text) == []
        await yard.send("PATCH", "/depot", {"center": {"latitude": OUT, "longitude": 11.5}})
        await yard.fleet.projector.catch_up()
        assert await inside(yard.key.text) == ["bus-8"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"radius_m": -1}, "radius_m"),
        ({"radius_m": None}, "radius_m"),
        ({"center": {"latitude": 91, "longitude": 0}}, "latitude"),
        ({"kind": "square"}, "kind"),
        ({"kind": "polygon"}, "points"),
        ({"kind": "polygon", "points": [CORNERS[0]] * 3}, "three of them different"),
        ({"name": "a\0b"}, "name"),
        ({"attributes": {"color": "red"}}, "color"),
        ({"area": 5}, "area"),
    ],
)
async def test_what_is_no_fence_is_named_and_nothing_is_changed(
    database_url: str, fields: dict[str, object], named: str
) -> None:
    async with running_yard(database_url) as yard:
        await yard.send("POST", "", DEPOT)
        for answer in (
            await yard.send("PATCH", "/depot", fields),
            await yard.send("POST", "", {**DEPOT, "id": "new", **fields}),
        ):
            assert (answer.status_code, error_of(answer)) == (400, "invalid_request"), answer.text
            assert named in answer.json()["error"]["message"]
        again = await yard.send("POST", "", DEPOT)
        assert "already" in again.json()["error"]["message"]
        assert (await yard.document())["head_seq"] == 1


async def test_only_who_may_write_the_table_changes_fences(database_url: str) -> None:
    async with running_yard(database_url) as yard:
        nothing = await yard.send("DELETE", "/depot")
        assert nothing.status_code == 404
        assert (await yard.api.get("/api/documents", yard.key.text)).json()["items"] == []
        await yard.send("POST", "", DEPOT)
        reader = await yard.api.app.key(yard.key.tenant, "read")
        blind = await yard.api.app.key(yard.key.tenant, documents=["track/*"])
        other = await yard.api.app.key(await yard.api.app.tenant("other"))
        for method, path, body in (("PATCH", "/depot", {"name": "x"}), ("DELETE", "/depot", None)):
            assert (await yard.send(method, path, body, credential=reader.text)).status_code == 403
            for credential in (blind, other):
                hidden = await yard.send(method, path, body, credential=credential.text)
                assert (hidden.status_code, hidden.json()) == (404, nothing.json())
        assert (await yard.send("POST", "", DEPOT, credential=blind.text)).status_code == 404
        assert (await yard.send("GET", "", credential=blind.text)).status_code == 404
        assert (await yard.document())["head_seq"] == 1
