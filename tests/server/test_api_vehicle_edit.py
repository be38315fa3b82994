"""Changing a vehicle over HTTP: an edit of the document like any other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pycrdt import Array, Doc, Map

from store.audit import Action, AuditEntry, AuditFilter
from tests.app import Credential
from tests.fleet import Writer
from tests.server.api import Api, error_of, running_api
from tests.server.test_api_documents import round_trip

TABLE = "tables/vehicles"
BUS = {"name": "Bus 7", "status": "active", "seats": 44, "odometer_m": 1200.5, "icon": 7}


@dataclass
class Garage:
    """A tenant whose table has one vehicle, and a replica of it."""

    api: Api
    key: Credential
    replica: Writer

    async def change(
        self, fields: object, *, vehicle: str = "bus-7", credential: str | None = None
    ) -> httpx.Response:
        path = f"/api/vehicles/{vehicle}"
        return await self.api.send_json("PATCH", path, credential or self.key.text, fields)

    async def row(self, vehicle: str = "bus-7") -> dict[str, Any]:
        content = (await self.api.get(f"/api/documents/{TABLE}", self.key.text)).json()
        row: dict[str, Any] = content["roots"]["rows"][vehicle]
        return row

    async def head(self) -> int:
        return int((await self.api.get(f"/api/documents/{TABLE}", self.key.text)).json()["head_seq"])

    async def written_down(self) -> list[AuditEntry]:
        """What the audit log has of vehicles, newest first."""
        audit = self.api.app.services.admin.audit
        return await audit.page(self.key.tenant.id, AuditFilter(action="vehicle"), before=None, limit=10)


@asynccontextmanager
async def running_garage(database_url: str) -> AsyncIterator[Garage]:
    async with running_api(database_url) as api:
        garage = Garage(api, await api.app.key(await api.app.tenant()), Writer(1))
        await round_trip(api, garage.key.text, garage.replica.row("bus-7", BUS), name=TABLE)
        yield garage


async def test_what_is_sent_is_changed_and_the_rest_stays(database_url: str) -> None:
    async with running_garage(database_url) as garage:
        answer = await garage.change(
            {
                "driver": "Grace",
                "status": None,
                "installed_at": "2025-11-03T09:00:00+01:00",
                "archived": True,
                "attributes": {"seats": 48, "since": {"$t": "d", "v": 5}, "none": None},
            }
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert (told["name"], told["driver"], told["status"]) == ("Bus 7", "Grace", None)
        assert (told["installed_at"], told["archived"]) == ("2025-11-03T08:00:00Z", True)
        assert told["attributes"] == {"seats": 48, "since": {"$t": "d", "v": 5}}
        assert answer.headers["X-Document-Seq"] == "2"
        row = await garage.row()
        assert "status" not in row
        assert row["installed_at"] == {"$t": "d", "v": 1_762_156_800_000}
        assert row["icon"] == 7, "what the table refuses is left as it is"


async def test_an_edit_merges_field_by_field_and_keeps_its_author(database_url: str) -> None:
    async with running_garage(database_url) as garage:
        offline = garage.replica.field("bus-7", "plate", "WX 1")
        await garage.change({"driver": "Grace"})
        await round_trip(garage.api, garage.key.text, offline, name=TABLE)
        row = await garage.row()
        assert (row["driver"], row["plate"]) == ("Grace", "WX 1")
        token = garage.api.app.token(garage.key, "read", "write", subject="ada")
        await garage.change({"driver": "Ada"}, credential=token)
        key = await garage.api.app.key(garage.key.tenant, "read", "history")
        history = (await garage.api.get(f"/api/documents/{TABLE}/history", key.text)).json()["items"]
        assert history[0]["actor"] == "ada"


async def test_whoever_is_connected_sees_it_and_edits_share_one_writer(database_url: str) -> None:
    async with running_garage(database_url) as garage:
        answers = await asyncio.gather(*(garage.change({"odometer_m": 2000 + n}) for n in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        answer = await round_trip(garage.api, garage.key.text, garage.replica.doc.get_update(), name=TABLE)
        replica: Doc[Any] = Doc()
        replica.apply_update(answer.diff)
        assert replica.get("rows", type=Map)["bus-7"]["odometer_m"] in range(2000, 2008)
        vector = replica.get_state()
        assert vector[0] == 2, "the replica that made the row, and one number for all edits"


async def test_nothing_is_written_where_nothing_differs(database_url: str) -> None:
    async with running_garage(database_url) as garage:
        same = {"name": "Bus 7", "odometer_m": 1200.5, "plate": None, "attributes": {"seats": 44}}
        for fields in (same, {}):
            assert (await garage.change(fields)).json()["name"] == "Bus 7"
        assert await garage.head() == 1
        assert await garage.written_down() == []


async def test_who_changed_what_is_written_down(database_url: str) -> None:
    async with running_garage(database_url) as garage:
        await garage.change({"driver": "Grace", "attributes": {"seats": 48}, "name": "Bus 7"})
        token = garage.api.app.token(garage.key, "read", "write", subject="ada")
        await garage.change({"driver": None}, credential=token)
        assert (await garage.change({"driver": 7})).status_code == 400
        last, first = await garage.written_down()
        assert (first.action, first.target) == (Action.VEHICLE_EDIT, "bus-7")
        assert first.actor == f"key:{garage.key.record.prefix}"
        assert first.detail == {"fields": ["driver", "seats"], "seq": 2}
        assert (last.actor, last.detail) == ("token:ada", {"fields": ["driver"], "seq": 3})
        assert last.address == "127.0.0.1"
        assert last.request_id


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"name": 7}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"colour": "red"}, "colour"),
        ({"odometer_m": "far"}, "odometer_m"),
        ({"installed_at": "today"}, "installed_at"),
        ({"attributes": {"driver": "Ada"}}, "driver"),
        ({"attributes": {"note": "a\0b"}}, "note"),
        ({"attributes": {"note": {"$t": "x"}}}, "note"),
        ({"attributes": {"big": 2**60}}, "big"),
        ([], "body"),
    ],
)
async def test_a_bad_value_is_named_and_nothing_is_changed(
    database_url: str, fields: object, named: str
) -> None:
    async with running_garage(database_url) as garage:
        answer = await garage.change(fields)
        assert (answer.status_code, error_of(answer)) == (400, "invalid_request"), answer.text
        assert named in answer.json()["error"]["message"]
        assert await garage.head() == 1


async def test_only_who_may_write_the_table_changes_a_vehicle(database_url: str) -> None:
    async with running_garage(database_url) as garage:
        blind = await garage.api.app.key(garage.key.tenant, documents=["track/*"])
        reader = await garage.api.app.key(garage.key.tenant, "read")
        forbidden = await garage.change({"name": "x"}, credential=blind.text)
        unknown = await garage.change({"name": "x"}, vehicle="none")
        assert (forbidden.status_code, unknown.status_code) == (404, 404)
        assert forbidden.text == unknown.text.replace("none", "bus-7")
        refused = await garage.change({"name": "x"}, credential=reader.text)
        assert (refused.status_code, error_of(refused)) == (403, "not_allowed")
        other = await garage.api.app.key(await garage.api.app.tenant("other"))
        assert (await garage.change({"name": "x"}, credential=other.text)).status_code == 404
        documents = await garage.api.get("/api/documents", other.text)
        assert documents.json()["items"] == [], "asking made no document"
        assert await garage.head() == 1


async def test_what_is_no_vehicle_or_in_quarantine_takes_no_edit(database_url: str) -> None:
    async with running_garage(database_url) as garage:
        garage.replica.doc.get("rows", type=Map)["odd"] = {"name": "whole"}
        await round_trip(garage.api, garage.key.text, garage.replica.doc.get_update(), name=TABLE)
        assert error_of(await garage.change({"name": "x"}, vehicle="odd")) == "invalid_request"
        garage.replica.doc.get("rows", type=Map)["odd"] = Array([1])
        await round_trip(garage.api, garage.key.text, garage.replica.doc.get_update(), name=TABLE)
        assert error_of(await garage.change({"name": "x"}, vehicle="odd")) == "invalid_request"
        log = garage.api.app.services.log
        record = await log.open(garage.key.tenant.id, TABLE, create=False)
    async with running_api(database_url) as api:
        await api.app.services.log.quarantine(record.tenant_id, record.id, reason="damaged", seq=None)
        again = Garage(api, garage.key, garage.replica)
        answer = await again.change({"name": "x"})
        assert (answer.status_code, error_of(answer)) == (503, "document_quarantined")
