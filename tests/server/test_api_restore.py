"""Versions and restoring over HTTP, against live rooms."""

from __future__ import annotations

import pytest
from pycrdt import Doc

from tests.server.api import error_of, running_api
from tests.server.pasts import FIRST, LAST, NAME, PATH, open_past, two_writers


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


async def test_a_document_in_quarantine_is_not_restored(database_url: str) -> None:
    async with two_writers(database_url) as (past, _, _):
        log = past.api.app.services.log
        record = await log.open(past.key.tenant.id, NAME, create=False)
        await log.quarantine(record.tenant_id, record.id, reason="a test", seq=None)
        async with running_api(database_url) as other:
            answer = await other.post_json(f"{PATH}/restore", past.key.text, {"at": 1})
            assert (answer.status_code, error_of(answer)) == (503, "document_quarantined")
            assert (await other.get(f"{PATH}/state?at=1", past.key.text)).json()["roots"] == FIRST


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
