"""The pages of documents: what they hold and held, who wrote it, versions, going back, and files."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from pycrdt import Doc, Map, Text, TransactionEvent

from store.contract import Document, NewUpdate, Tenant
from tests.eventually import eventually
from tests.server.api import error_of
from tests.server.dashboard import Dashboard, Visitor, running_dashboard
from tests.server.typists import typist
from tests.trace import ROOT

NAME = "tables/vehicles"
STRANGE_NAMES = ("notes/ä b", "config.json", "a/history", "100%2F/x", "<b>&amp;'\"")


@dataclass
class Edited:
    """A document that ada and bob have edited in turns, a row of the log for each edit."""

    dashboard: Dashboard
    tenant: Tenant
    record: Document
    doc: Doc[Any]

    async def edit(self, actor: str, change: Callable[[], object], device: str = "") -> None:
        made: list[bytes] = []

        def note(event: TransactionEvent) -> None:
            made.append(event.update)

        subscription = self.doc.observe(note)
        with self.doc.transaction():
            change()
        self.doc.unobserve(subscription)
        log = self.dashboard.app.services.log
        await log.append(
            self.tenant.id, self.record.id, [NewUpdate(made[0], actor, device, (7,))], epoch=self.record.epoch
        )

    async def head(self) -> int:
        log = self.dashboard.app.services.log
        return (await log.open(self.tenant.id, self.record.name, create=False)).head_seq


@asynccontextmanager
async def edited(database_url: str, name: str = NAME) -> AsyncIterator[Edited]:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        record = await dashboard.app.services.log.open(tenant.id, name, create=True)
        document = Edited(dashboard, tenant, record, Doc(client_id=7))
        rows, text = document.doc.get("rows", type=Map), document.doc.get(ROOT, type=Text)
        await document.edit("ada", lambda: rows.update({"a": Map({"name": "A", "plate": "1"})}), "tablet")
        await document.edit("bob", lambda: rows["a"].update({"plate": "2"}))
        await document.edit("bob", lambda: rows.update({"b": Map({"name": "B"})}))
        await document.edit("ada", lambda: text.insert(0, "brakes checked"))
        yield document


def page(what: str, name: str = NAME, query: str = "") -> str:
    return f"/documents/{what}/{quote(name)}{query}"


async def shown(visitor: Visitor, what: str, query: str = "", name: str = NAME) -> Any:
    answer = await visitor.json(page(what, name, query))
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_list_says_who_is_there_and_finds_parts_of_names(database_url: str) -> None:
    async with edited(database_url) as document:
        viewer = await document.dashboard.signed_in(document.tenant, "viewer")
        app = document.dashboard.app
        token = app.token(await app.key(document.tenant), "read")

        async def clients() -> int:
            [found] = (await viewer.json("/documents?q=VEHIC")).json()["items"]
            return int(found["clients"])

        async with typist(app, token, NAME, client_id=31, letter="x"):
            assert await clients() == 1
            [found] = (await viewer.json("/documents?state=active")).json()["items"]
            assert (found["head_seq"], found["gaps"], found["reason"]) == (4, 0, None)
        assert (await viewer.json("/documents?q=hicls")).json()["items"] == []
        assert (await viewer.json("/documents?state=quarantined")).json()["items"] == []


async def test_every_value_has_its_writer(database_url: str) -> None:
    async with edited(database_url) as document:
        viewer = await document.dashboard.signed_in(document.tenant, "viewer")
        found = await shown(viewer, "content")
        assert found["content"] == {
            "rows": {"a": {"name": "A", "plate": "2"}, "b": {"name": "B"}}, ROOT: "brakes checked",
        }  # fmt: skip
        writers = {mark["path"]: (mark["actor"], mark["device"], mark["seq"]) for mark in found["authors"]}
        assert writers["/rows/a/name"] == ("ada", "tablet", 1)
        assert writers["/rows/a/plate"] == ("bob", "", 2)
        text = (await viewer.get(page("content"))).text
        assert 'data-p="/rows/a/plate" data-s="2"' in text
        assert 'data-w="bob"' in text


async def test_a_state_is_found_by_seq_by_time_and_by_path(database_url: str) -> None:
    async with edited(database_url) as document:
        viewer = await document.dashboard.signed_in(document.tenant, "viewer")
        assert (await shown(viewer, "content", "?at=1&path=/rows/a/plate"))["content"] == "1"
        assert (await shown(viewer, "content", "?at=1&path=/rows/b"))["content"] is None
        assert "Nothing lies here" in (await viewer.get(page("content", query="?at=1&path=/rows/b"))).text
        at = (await shown(viewer, "content"))["at"]
        assert (await shown(viewer, "content", f"?at={quote(at)}"))["seq"] == 4
        for minute in ("2999-01-01T12:00", "2999-01-01 12:00:30"):
            assert (await shown(viewer, "history", f"?at={quote(minute)}"))["state"]["seq"] == 4
        for wrong in ("99", "soon", "-1"):
            refused = await viewer.json(page("content", query=f"?at={wrong}"))
            assert (refused.status_code, error_of(refused)) == (400, "invalid_request")


async def test_the_history_tells_who_did_what_page_by_page(database_url: str) -> None:
    async with edited(database_url) as document:
        viewer = await document.dashboard.signed_in(document.tenant, "viewer")
        found = await shown(viewer, "history", "?limit=1&at=2")
        assert [(item["actor"], item["touched"]) for item in found["items"]] == [("ada", [f"/{ROOT}"])]
        rest = await shown(viewer, "history", f"?limit=2&cursor={found['next_cursor']}")
        assert [(item["actor"], item["updates"]) for item in rest["items"]] == [("bob", 2), ("ada", 1)]
        assert found["state"]["content"]["rows"] == {"a": {"name": "A", "plate": "2"}}
        text = (await viewer.get(page("history"))).text
        assert text.count('class="strip') == 3


async def test_what_changed_is_told(database_url: str) -> None:
    async with edited(database_url) as document:
        viewer = await document.dashboard.signed_in(document.tenant, "viewer")
        found = await shown(viewer, "compare", "?from=1&to=3")
        assert (found["from"]["seq"], found["to"]["seq"]) == (1, 3)
        assert [(change["change"], change["path"]) for change in found["changes"]] == [
            ("replaced", "/rows/a/plate"),
            ("added", "/rows/b"),
        ]
        last = await shown(viewer, "compare")
        assert [change["path"] for change in last["changes"]] == [f"/{ROOT}"]
        assert "No difference" in (await viewer.get(page("compare", query="?from=2&to=2"))).text


async def test_a_version_is_kept_and_written_down(database_url: str) -> None:
    async with edited(database_url) as document:
        admin = await document.dashboard.signed_in(document.tenant, "admin")
        kept = await admin.post(page("versions"), {"name": "before the move", "at": "2"})
        assert kept.headers["Location"].endswith(page("versions"))
        [version] = (await shown(admin, "versions"))["items"]
        assert (version["name"], version["seq"], version["kind"]) == ("before the move", 2, "named")
        assert version["actor"] == "user:admin@acme.example"
        entry = (await admin.json("/audit?action=document")).json()["items"][0]
        assert (entry["action"], entry["target"]) == ("document.version", NAME)
        refused = await admin.post_json(page("versions"), {"name": ""})
        assert (refused.status_code, error_of(refused)) == (400, "invalid_request")


async def test_one_field_goes_back_as_a_new_edit_that_others_see(database_url: str) -> None:
    async with edited(database_url) as document:
        admin = await document.dashboard.signed_in(document.tenant, "admin")
        preview = await shown(admin, "restore", "?at=1&path=/rows/a/plate")
        assert [change["path"] for change in preview["changes"]] == ["/rows/a/plate"]
        assert await document.head() == 4
        done = (await admin.post_json(page("restore"), {"at": 1, "path": "/rows/a/plate"})).json()
        assert (done["seq"], done["safety_version"]["seq"]) == (5, 4)
        now = await shown(admin, "content")
        assert now["content"] == {
            "rows": {"a": {"name": "A", "plate": "1"}, "b": {"name": "B"}}, ROOT: "brakes checked",
        }  # fmt: skip
        [mark] = [mark for mark in now["authors"] if mark["path"] == "/rows/a/plate"]
        assert mark["actor"] == "restore:user:admin@acme.example"
        entry = (await admin.json("/audit?action=document")).json()["items"][0]
        assert (entry["action"], entry["detail"]["path"]) == ("document.restore", "/rows/a/plate")


async def test_a_restore_while_somebody_types_keeps_what_they_type(database_url: str) -> None:
    async with edited(database_url) as document:
        app = document.dashboard.app
        admin = await document.dashboard.signed_in(document.tenant, "admin")
        token = app.token(await app.key(document.tenant), "read", "write")
        async with typist(app, token, NAME, client_id=31, letter="①") as client:
            await client.type(after="brakes")
            assert (await admin.post(page("restore"), {"at": "4"})).status_code == 303
            await client.type(after="brakes")

            async def both_are_there() -> bool:
                found = (await shown(admin, "content"))["content"][ROOT]
                return bool(found == client.text and "①" in found)

            await eventually(both_are_there)
        message = (await admin.get(page("history"))).text
        assert "is kept as" in message or "Nothing differed" in message


async def test_a_version_is_gone_back_to_and_the_safety_version_takes_it_back(database_url: str) -> None:
    async with edited(database_url) as document:
        admin = await document.dashboard.signed_in(document.tenant, "admin")
        before = (await shown(admin, "content"))["content"]
        await admin.post(page("versions"), {"name": "one", "at": "1"})
        [version] = (await shown(admin, "versions"))["items"]
        assert (await admin.post(page("restore"), {"version": version["id"]})).status_code == 303
        assert (await shown(admin, "content"))["content"] == {"rows": {"a": {"name": "A", "plate": "1"}}}
        [safety] = [each for each in (await shown(admin, "versions"))["items"] if each["kind"] == "safety"]
        assert (await admin.post(page("restore"), {"version": safety["id"]})).status_code == 303
        assert (await shown(admin, "content"))["content"] == before
        for wrong in ({}, {"at": "1", "version": version["id"]}):
            assert (await admin.post_json(page("restore"), wrong)).status_code == 400


async def test_a_document_is_downloaded_as_json_and_as_an_update(database_url: str) -> None:
    async with edited(database_url) as document:
        viewer = await document.dashboard.signed_in(document.tenant, "viewer")
        content = await viewer.get(page("download", query="?format=json&at=2"))
        found = json.loads(content.text)
        assert (found["seq"], found["roots"]) == (2, {"rows": {"a": {"name": "A", "plate": "2"}}})
        assert content.headers["Content-Disposition"].startswith(
            'attachment; filename="tables_vehicles.2.json"'
        )
        update = await viewer.get(page("download", query="?format=update"))
        assert update.headers["Content-Type"] == "application/octet-stream"
        copy: Doc[Any] = Doc()
        copy.apply_update(update.content)
        assert str(copy.get(ROOT, type=Text)) == "brakes checked"


@pytest.mark.parametrize("name", STRANGE_NAMES)
async def test_any_name_has_its_pages_and_is_escaped(database_url: str, name: str) -> None:
    async with edited(database_url, name) as document:
        admin = await document.dashboard.signed_in(document.tenant, "admin")
        for what in ("content", "history", "compare", "versions"):
            answer = await admin.get(page(what, name))
            assert answer.headers["Content-Type"].startswith("text/html")
            assert name not in answer.text or "<" not in name
            assert (await shown(admin, what, name=name))["document"]["name"] == name
        assert (await admin.post(page("restore", name), {"at": "1"})).status_code == 303
        listed = (await admin.get("/documents")).text
        assert f'/documents/content/{quote(name)}"' in listed


async def test_what_can_still_be_read_of_a_damaged_document_is_shown(database_url: str) -> None:
    async with edited(database_url) as document:
        services = document.dashboard.app.services
        async with services.database.owner() as connection:
            await connection.exec_driver_sql("update document_updates set payload = 'x' where seq = 3")
            await connection.exec_driver_sql(
                "update documents set state = 'quarantined', reason = 'row 3 fails its checksum'"
            )
        admin = await document.dashboard.signed_in(document.tenant, "admin")
        found = await shown(admin, "content")
        assert found["content"]["rows"] == {"a": {"name": "A", "plate": "2"}}
        assert (found["complete"], found["document"]["reason"]) == (False, "row 3 fails its checksum")
        text = (await admin.get(page("content"))).text
        assert "row 3 fails its checksum" in text
        assert "Keep as version" not in text
        assert (await admin.get(page("content", query="?at=2"))).status_code == 200
