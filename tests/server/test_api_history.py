"""The past of documents over HTTP, against live rooms."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from pycrdt import Doc, Map, Text

from tests.app import Credential
from tests.golden import UPDATES
from tests.server.api import Api, error_of, running_api
from tests.server.test_api_documents import round_trip
from webhost_sync.history.replay import NOTHING, advance
from webhost_sync.routes import history_models as models

NAME = "tables/vehicles"
PATH = f"/api/documents/{NAME}"


@dataclass
class Writer:
    """Somebody whose edits go into the log by HTTP, one row each."""

    past: Past
    token: str
    doc: Doc[Any]

    @property
    def rows(self) -> Any:
        return self.doc.get("rows", type=Map)

    @property
    def notes(self) -> Any:
        return self.doc.get("notes", type=Text)

    async def push(self) -> None:
        """Exchange what there is on either side."""
        answer = await round_trip(
            self.past.api, self.token, self.doc.get_update(), self.doc.get_state(), name=NAME
        )
        self.doc.apply_update(answer.diff)


@dataclass(frozen=True)
class Past:
    api: Api
    key: Credential

    def writer(self, subject: str, client_id: int) -> Writer:
        return Writer(
            self, self.api.app.token(self.key, "read", "write", subject=subject), Doc(client_id=client_id)
        )

    async def get(self, query: str, credential: str | None = None) -> httpx.Response:
        return await self.api.get(f"{PATH}/{query}", credential or self.key.text)

    async def ask(self, query: str) -> Any:
        answer = await self.get(query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, what: str, body: object, credential: str | None = None) -> httpx.Response:
        return await self.api.post_json(f"{PATH}/{what}", credential or self.key.text, body)

    async def restore(self, body: object) -> dict[str, Any]:
        answer = await self.post("restore", body)
        assert answer.status_code == 200, answer.text
        models.RestoreAnswer.model_validate(answer.json())
        found = answer.json()
        assert isinstance(found, dict)
        return found

    async def roots(self) -> Any:
        return (await self.api.get(PATH, self.key.text)).json()["roots"]

    async def head(self) -> int:
        return int((await self.api.get(PATH, self.key.text)).json()["head_seq"])


@asynccontextmanager
async def open_past(database_url: str, **changed: object) -> AsyncIterator[Past]:
    async with running_api(database_url, **changed) as api:
        key = await api.app.key(await api.app.tenant(), "read", "write", "history")
        yield Past(api, key)


@asynccontextmanager
async def two_writers(database_url: str) -> AsyncIterator[tuple[Past, Writer, Writer]]:
    """Four rows: ada makes two vehicles, bob changes one and deletes the other, ada writes notes."""
    async with open_past(database_url) as past:
        ada, bob = past.writer("ada", 11), past.writer("bob", 12)
        ada.rows["bus-7"] = Map({"name": "Bus 7", "status": "active"})
        ada.rows["bus-9"] = Map({"name": "Bus 9"})
        await ada.push()
        await bob.push()
        bob.rows["bus-7"]["status"] = "in repair"
        await bob.push()
        del bob.rows["bus-9"]
        await bob.push()
        await ada.push()
        ada.notes.insert(0, "Brakes checked")
        await ada.push()
        await bob.push()
        yield past, ada, bob


FIRST = {"rows": {"bus-7": {"name": "Bus 7", "status": "active"}, "bus-9": {"name": "Bus 9"}}}
LAST = {"notes": "Brakes checked", "rows": {"bus-7": {"name": "Bus 7", "status": "in repair"}}}


async def test_every_state_can_be_seen_by_seq_and_by_time(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        states = [await past.ask(f"state?at={seq}") for seq in range(5)]
        assert [state["roots"] for state in states] == [
            {},
            FIRST,
            {"rows": {**FIRST["rows"], "bus-7": {"name": "Bus 7", "status": "in repair"}}},
            {"rows": {"bus-7": {"name": "Bus 7", "status": "in repair"}}},
            LAST,
        ]
        for state in states:
            models.PastState.model_validate(state)
            assert (state["name"], state["head_seq"], state["complete"]) == (NAME, 4, True)
        assert (await past.ask("state"))["roots"] == LAST
        assert (await past.ask(f"state?at={states[2]['at']}"))["seq"] == 2
        assert (await past.ask("state?at=2020-01-01T00:00:00Z"))["roots"] == {}


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("state?at=5", 400, "invalid_request"),
        ("state?at=-1", 400, "invalid_request"),
        ("state?at=yesterday", 400, "invalid_request"),
        ("state?at=99999999999999999999", 400, "invalid_request"),
        ("diff", 400, "invalid_request"),
        ("diff?from=7", 400, "invalid_request"),
        ("attribution?path=rows", 400, "invalid_request"),
        ("attribution?path=/rows/nobody", 400, "invalid_request"),
        ("history?cursor=xyz", 400, "invalid_request"),
    ],
)
async def test_a_bad_question_is_told_what_is_wrong(
    database_url: str, query: str, status: int, code: str
) -> None:
    async with two_writers(database_url) as (past, _, _):
        answer = await past.get(query)
        assert (answer.status_code, error_of(answer)) == (status, code)


async def test_what_changed_is_told_by_path(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        found = await past.ask("diff?from=1&to=4")
        models.Difference.model_validate(found)
        assert [found["from"]["seq"], found["to"]["seq"]] == [1, 4]
        assert found["changes"] == [
            {"change": "added", "path": "/notes", "after": "Brakes checked"},
            {"change": "replaced", "path": "/rows/bus-7/status", "before": "active", "after": "in repair"},
            {"change": "removed", "path": "/rows/bus-9", "before": {"name": "Bus 9"}},
        ]
        assert (await past.ask("diff?from=4&to=4"))["changes"] == []
        assert (await past.ask("diff?from=3"))["changes"] == found["changes"][:1]
        assert [change["change"] for change in (await past.ask("diff?from=4&to=1"))["changes"]] == [
            "removed", "replaced", "added",
        ]  # fmt: skip


async def test_every_field_is_told_its_writer(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        pages = await past.api.pages(f"{PATH}/attribution?limit=2", past.key.text)
        marks = [mark for page in pages for mark in page]
        assert [(mark["path"], mark["actor"], mark["seq"], mark["start"], mark["end"]) for mark in marks] == [
            ("/notes", "ada", 4, 0, 14),
            ("/rows/bus-7", "ada", 1, None, None),
            ("/rows/bus-7/name", "ada", 1, None, None),
            ("/rows/bus-7/status", "bob", 2, None, None),
        ]
        earlier = await past.ask("attribution?at=1&path=/rows/bus-7/status")
        assert (earlier["seq"], [mark["actor"] for mark in earlier["items"]]) == (1, ["ada"])
        models.MarkPage.model_validate(earlier)


async def test_activities_are_listed_with_what_they_touched(database_url: str) -> None:
    async with two_writers(database_url) as (past, ada, _):
        first = await past.ask("history?limit=1")
        models.ActivityPage.model_validate(first)
        assert [
            (item["actor"], item["first_seq"], item["last_seq"], item["touched"]) for item in first["items"]
        ] == [("ada", 1, 4, ["/rows/bus-7", "/rows/bus-9", "/notes"])]
        ada.notes.insert(0, "New: ")
        await ada.push()
        second = await past.ask(f"history?limit=1&cursor={first['next_cursor']}")
        assert [(item["actor"], item["updates"], item["touched"]) for item in second["items"]] == [
            ("bob", 2, ["/rows/bus-7", "/rows/bus-9"])
        ]
        assert second["next_cursor"] is None


async def test_a_version_is_kept_and_found_again(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        now = await past.post("versions", {"name": "today"})
        then = await past.post("versions", {"name": "first", "at": 1})
        assert (now.status_code, then.status_code) == (201, 201)
        assert [now.json()["seq"], then.json()["seq"]] == [4, 1]
        pages = await past.api.pages(f"{PATH}/versions?limit=1", past.key.text)
        assert [page[0]["name"] for page in pages] == ["today", "first"]
        assert pages[1][0] == then.json()
        assert then.json()["actor"] == f"key:{past.key.record.prefix}"
        for body in ({}, {"name": ""}, {"name": "a\nb"}, {"name": "x", "at": 9}, {"name": "x", "more": 1}):
            answer = await past.post("versions", body)
            assert (answer.status_code, error_of(answer)) == (400, "invalid_request")


async def test_a_restore_is_a_new_edit_after_a_safety_version(database_url: str) -> None:
    async with two_writers(database_url) as (past, ada, _):
        version = (await past.post("versions", {"name": "first", "at": 1})).json()
        preview = await past.restore({"version": version["id"], "preview": True})
        assert (await past.roots(), await past.head()) == (LAST, 4)
        done = await past.restore({"version": version["id"]})
        assert done["changes"] == preview["changes"] != []
        assert (preview["preview"], preview["safety_version"]) == (True, None)
        assert (done["preview"], done["complete"], done["restored_seq"], done["seq"]) == (False, True, 1, 5)
        assert (await past.ask("state"))["roots"] == FIRST
        assert [state["roots"] for state in [await past.ask(f"state?at={seq}") for seq in (1, 4)]] == [
            FIRST,
            LAST,
        ]
        safety = done["safety_version"]
        assert (safety["kind"], safety["seq"], safety["name"]) == ("safety", 4, "before restoring seq 1")
        await ada.push()
        assert sorted(ada.rows.keys()) == ["bus-7", "bus-9"]
        assert str(ada.notes) == ""
        log = past.api.app.services.log
        record = await log.open(past.key.tenant.id, NAME, create=False)
        [row] = await log.read(record.tenant_id, record.id, after_seq=4)
        assert row.actor == f"restore:key:{past.key.record.prefix}"
        assert all(client < 2**32 for client in row.client_ids)
        assert (await past.restore({"version": safety["id"]}))["seq"] == 6
        assert (await past.ask("state"))["roots"] == LAST


async def test_restoring_what_is_there_already_changes_nothing(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        done = await past.restore({"at": 4})
        assert (done["changes"], done["seq"], done["safety_version"]) == ([], 4, None)
        assert await past.head() == 4
        assert await past.api.pages(f"{PATH}/versions", past.key.text) == [[]]


async def test_one_row_or_field_is_restored_and_the_rest_stays(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        await past.restore({"at": 1, "path": "/rows/bus-7/status"})
        assert await past.roots() == {**LAST, "rows": {"bus-7": {"name": "Bus 7", "status": "active"}}}
        await past.restore({"at": 1, "path": "/rows/bus-9"})
        assert await past.roots() == {**LAST, "rows": FIRST["rows"]}
        await past.restore({"at": 0, "path": "/rows/bus-9"})
        assert "bus-9" not in (await past.roots())["rows"]
        refused = await past.post("restore", {"at": 1, "path": "/rows/bus-9/name"})
        assert (refused.status_code, error_of(refused)) == (400, "invalid_request")
        assert "'/rows/bus-9' isn't there now" in refused.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"at": 1, "version": "5f3c1f0e-2b7d-4a67-8f0b-9b1d6f0c2a44"}, 400, "invalid_request"),
        ({"version": "5f3c1f0e-2b7d-4a67-8f0b-9b1d6f0c2a44"}, 404, "version_not_found"),
        ({"at": 99}, 400, "invalid_request"),
        ({"at": True}, 400, "invalid_request"),
        ({"at": 1, "path": "rows"}, 400, "invalid_request"),
    ],
)
async def test_a_restore_of_nothing_is_refused(
    database_url: str, body: object, status: int, code: str
) -> None:
    async with two_writers(database_url) as (past, _, _):
        answer = await past.post("restore", body)
        assert (answer.status_code, error_of(answer)) == (status, code)
        assert await past.head() == 4


async def test_history_needs_its_scope_and_changing_it_the_right_to_write(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        app = past.api.app
        reader = await app.key(past.key.tenant, "read", "history")
        writer = await app.key(past.key.tenant, "read", "write")
        for query in ("history", "state", "diff?from=0", "attribution", "versions"):
            assert (await past.get(query, reader.text)).status_code == 200
            answer = await past.get(query, writer.text)
            assert (answer.status_code, error_of(answer)) == (403, "not_allowed")
        for key in (reader, writer):
            for what, body in (("versions", {"name": "x"}), ("restore", {"at": 1})):
                answer = await past.post(what, body, key.text)
                assert (answer.status_code, error_of(answer)) == (403, "not_allowed")
        assert await past.head() == 4


async def test_a_document_of_another_tenant_looks_like_one_that_does_not_exist(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        version = (await past.post("versions", {"name": "v"})).json()["id"]
        app = past.api.app
        stranger = await app.key(await app.tenant("other"), "read", "write", "history")
        narrow = await app.key(past.key.tenant, "read", "write", "history", documents=["mine/*"])
        for key in (stranger, narrow):
            for query in ("history", "state?at=1", "diff?from=0", "attribution?path=/rows", "versions"):
                theirs = await past.get(query, key.text)
                unknown = await past.api.get(f"/api/documents/tables/nothing/{query}", key.text)
                assert theirs.status_code == unknown.status_code == 404
                assert theirs.text.replace("vehicles", "nothing") == unknown.text
            for what, body in (
                ("versions", {"name": "x"}),
                ("restore", {"version": version}),
                ("restore", {"at": 1}),
            ):
                theirs = await past.post(what, body, key.text)
                unknown = await past.api.post_json(f"/api/documents/tables/nothing/{what}", key.text, body)
                assert theirs.status_code == unknown.status_code == 404
                assert theirs.text.replace("vehicles", "nothing") == unknown.text
        assert await past.head() == 4


async def test_a_version_of_another_document_is_not_found(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        await round_trip(past.api, past.key.text, name="other")
        version = (
            await past.api.post_json("/api/documents/other/versions", past.key.text, {"name": "v"})
        ).json()["id"]
        answer = await past.post("restore", {"version": version})
        assert (answer.status_code, error_of(answer)) == (404, "version_not_found")


async def test_names_that_end_like_an_endpoint_are_told_apart_by_an_encoded_slash(database_url: str) -> None:
    async with open_past(database_url) as past:
        doc: Doc[Any] = Doc(client_id=3)
        doc.get("rows", type=Map)["a"] = 1
        await round_trip(past.api, past.key.text, doc.get_update(), name="notes%2Fhistory")
        content = await past.api.get("/api/documents/notes%2Fhistory", past.key.text)
        assert (content.json()["name"], content.json()["roots"]) == ("notes/history", {"rows": {"a": 1}})
        history = await past.api.get("/api/documents/notes%2Fhistory/history", past.key.text)
        assert [item["touched"] for item in history.json()["items"]] == [["/rows/a"]]
        assert (await past.api.get("/api/documents/notes/history", past.key.text)).status_code == 404


async def test_what_is_too_old_is_refused_with_what_is_kept(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        version = (await past.post("versions", {"name": "first", "at": 1})).json()
        log = past.api.app.services.log
        record = await log.open(past.key.tenant.id, NAME, create=False)
        rows = await log.read(record.tenant_id, record.id, after_seq=0)
        for seq in (3, 4):
            *_, last = advance(NOTHING, rows[:seq], document_id=record.id, is_wanted=lambda _: False)
            await log.write_snapshot(
                record.tenant_id, record.id, seq=seq, state=last.update, state_vector=b"\0"
            )
        await log.trim(record.tenant_id, record.id, keep_since=None)
        async with running_api(database_url) as other:  # with an empty cache
            answer = await other.get(f"{PATH}/state?at=2", past.key.text)
            assert (answer.status_code, error_of(answer)) == (410, "history_gone")
            assert "from seq 3 of 20" in answer.json()["error"]["message"]
            kept = await other.get(f"{PATH}/state?at=1", past.key.text)
            assert kept.json()["roots"] == FIRST
            done = await other.post_json(f"{PATH}/restore", past.key.text, {"version": version["id"]})
            assert done.status_code == 200
            marks = (await other.get(f"{PATH}/attribution?at=4", past.key.text)).json()["items"]
            assert {mark["path"]: mark["actor"] for mark in marks} == {
                "/notes": "ada",
                "/rows/bus-7": None,
                "/rows/bus-7/name": None,
                "/rows/bus-7/status": None,
            }


async def test_a_document_in_quarantine_is_not_restored(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        log = past.api.app.services.log
        record = await log.open(past.key.tenant.id, NAME, create=False)
        await log.quarantine(record.tenant_id, record.id, reason="a test", seq=None)
        async with running_api(database_url) as other:
            answer = await other.post_json(f"{PATH}/restore", past.key.text, {"at": 1})
            assert (answer.status_code, error_of(answer)) == (503, "document_quarantined")
            assert (await other.get(f"{PATH}/state?at=1", past.key.text)).json()["roots"] == FIRST


async def test_what_cannot_be_read_makes_a_state_incomplete(database_url: str) -> None:
    hook = next(sample.update for sample in UPDATES if sample.name == "XML hook")
    async with two_writers(database_url) as (past, _, _):
        await round_trip(past.api, past.key.text, hook, name=NAME)
        assert (await past.ask("state"))["complete"] is False
        assert (await past.ask("state?at=4"))["complete"] is True
        assert (await past.restore({"at": 1}))["seq"] == 6
        assert (await past.ask("state"))["roots"] == FIRST


async def test_a_document_within_a_document_stays_and_is_not_made_again(database_url: str) -> None:
    async with open_past(database_url) as past:
        writer = past.writer("ada", 11)
        writer.rows["file"] = Doc()
        await writer.push()
        del writer.rows["file"]
        await writer.push()
        done = await past.restore({"at": 1})
        assert done["complete"] is False
        assert (done["changes"], done["safety_version"], done["seq"]) == ([], None, 2)
