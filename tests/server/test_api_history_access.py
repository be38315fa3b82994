"""Whose past may be seen and changed over HTTP, and under which addresses."""

from __future__ import annotations

from typing import Any

from pycrdt import Doc, Map

from tests.server.api import error_of
from tests.server.pasts import open_past, two_writers
from tests.server.test_api_documents import round_trip


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
