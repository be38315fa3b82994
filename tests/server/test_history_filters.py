"""A history narrowed to an author, a device or a time, and versions that somebody named being deleted."""

from __future__ import annotations

from contextlib import AsyncExitStack
from datetime import UTC, datetime
from uuid import uuid4

from tests.server.api import error_of
from tests.server.dashboard import Dashboard, Visitor
from tests.server.lives import Lives, Writer, open_lives
from tests.store.logs import execute
from webhost_sync.sync.round_trip import RoundTripRequest, encode_request

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HISTORY = "/api/documents/depot/history"


async def written(lives: Lives, url: str) -> None:
    """One update an hour from noon on: ada, bob, ada, bob, ada; the last one goes on for two minutes."""
    ada, bob = (
        lives.api.app.token(lives.key, "read", "write", subject=subject) for subject in ("ada", "bob")
    )
    writer = Writer(1)
    for number, token in enumerate((ada, bob, ada, bob, ada, ada, ada)):
        answer = await lives.api.post(
            "/api/documents/depot/sync",
            token,
            content=encode_request(RoundTripRequest(b"", writer.set(f"k{number}", number))),
        )
        assert answer.status_code == 200
    hours = [0, 60, 120, 180, 240, 241, 242]
    await execute(
        url,
        "update document_updates set received_at = $1::timestamptz + ($2::int[])[seq] * interval '1 min'",
        NOON,
        hours,
    )


async def found(lives: Lives, query: str = "") -> list[tuple[str, int, int]]:
    pages = await lives.api.pages(f"{HISTORY}?limit=2{query}", lives.key.text)
    return [(each["actor"], each["first_seq"], each["last_seq"]) for page in pages for each in page]


async def test_a_history_is_narrowed_and_what_is_left_is_the_same_as_without(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        await written(lives, database_url)
        everything = await found(lives)
        assert everything == [("ada", 5, 7), ("bob", 4, 4), ("ada", 3, 3), ("bob", 2, 2), ("ada", 1, 1)]
        assert await found(lives, "&actor=ada") == [each for each in everything if each[0] == "ada"]
        assert await found(lives, "&actor=ada&from=2026-05-01T13:00:00Z") == everything[:1] + everything[2:3]
        assert await found(lives, "&to=2026-05-01T13:00:00Z") == everything[4:]
        assert await found(lives, "&from=2026-05-01T16:01:30Z") == everything[:1]  # as a whole
        assert await found(lives, "&from=2026-05-01T14:00:00Z&to=2026-05-01T15:00:00.001Z") == everything[1:3]
        assert await found(lives, "&device=none") == []
        strange = await lives.api.get(f"{HISTORY}?from=yesterday", lives.key.text)
        assert (strange.status_code, error_of(strange)) == (400, "invalid_request")
        first = (await lives.api.get(f"{HISTORY}?limit=1&actor=ada", lives.key.text)).json()
        other = await lives.api.get(f"{HISTORY}?limit=1&cursor={first['next_cursor']}", lives.key.text)
        assert other.status_code == 400  # a cursor belongs to its filters


async def shown(visitor: Visitor, query: str) -> list[int]:
    answer = await visitor.json(f"/documents/history/depot?{query}")
    assert answer.status_code == 200, answer.text
    return [each["last_seq"] for each in answer.json()["items"]]


async def test_the_page_narrows_it_by_what_browsers_send(database_url: str) -> None:
    async with open_lives(database_url) as lives, AsyncExitStack() as stack:
        dashboard = Dashboard(lives.api.app, stack)
        await written(lives, database_url)
        viewer = await dashboard.signed_in(lives.key.tenant, "viewer")
        assert await shown(viewer, "") == [7, 4, 3, 2, 1]
        assert await shown(viewer, "actor=bob&device=&from=&to=") == [4, 2]
        assert await shown(viewer, "from=2026-05-01T14:00&to=2026-05-01T15:01") == [4, 3]
        assert await shown(viewer, "at=1&actor=bob") == [4, 2]
        page = (await viewer.get("/documents/history/depot?actor=bob&limit=1")).text
        assert '<option value="bob" selected>bob</option>' in page
        assert "actor=bob&amp;cursor=" in page
        assert "Nothing fits" in (await viewer.get("/documents/history/depot?actor=nobody")).text


async def test_a_named_version_is_deleted_and_one_that_was_made_by_itself_is_not(database_url: str) -> None:
    async with open_lives(database_url) as lives, AsyncExitStack() as stack:
        dashboard = Dashboard(lives.api.app, stack)
        await written(lives, database_url)
        kept, other = [await lives.do_json("versions", {"name": name, "at": 2}) for name in ("one", "two")]
        safety = (await lives.do_json("restore", {"at": 1}))["safety_version"]
        gone = await lives.do("DELETE", f"depot/versions/{kept['id']}")
        assert (gone["id"], gone["name"]) == (kept["id"], "one")
        refused = await lives.ask("DELETE", f"depot/versions/{safety['id']}")
        assert (refused.status_code, error_of(refused)) == (400, "invalid_request")
        assert "was kept by itself (safety)" in refused.text
        for unknown in (kept["id"], str(uuid4())):
            answer = await lives.ask("DELETE", f"depot/versions/{unknown}")
            assert (answer.status_code, error_of(answer)) == (404, "version_not_found")
        reader = await lives.api.app.key(lives.key.tenant, "read", "history")
        assert (await lives.ask("DELETE", f"depot/versions/{other['id']}", reader.text)).status_code == 403
        admin = await dashboard.signed_in(lives.key.tenant, "admin")
        answer = await admin.post_json("/documents/delete-version/depot", {"version": other["id"]})
        assert answer.json()["name"] == "two"
        left = await lives.api.pages("/api/documents/depot/versions", lives.key.text)
        assert [each["id"] for each in left[0]] == [safety["id"]]
        [newest] = (await lives.api.get("/api/admin/audit?limit=1", lives.key.text)).json()["items"]
        assert (newest["action"], newest["detail"]) == (
            "document.version_remove", {"version": "two", "seq": 2},
        )  # fmt: skip


async def test_a_document_whose_name_looks_like_a_version_can_be_deleted(database_url: str) -> None:
    async with open_lives(database_url) as lives:
        for name in ("notes/versions/first", f"notes%2Fversions%2F{uuid4()}"):
            await lives.write(Writer(1).set("a", 1), name=name)
            assert (await lives.do("DELETE", name))["head_seq"] == 1
