"""What the dashboard and `/api/admin` do: keys, tokens, connections, members, and the lines they leave."""

from __future__ import annotations

import json
from typing import Any

import pytest

from store.keys import Keys
from tests.eventually import eventually
from tests.server.api import error_of
from tests.server.dashboard import Dashboard, Visitor, running_dashboard
from tests.server.test_sync_door import close_code, socket, update
from webhost_sync.sync.protocol import SyncUpdate, encode


async def actions(visitor: Visitor, query: str = "") -> list[tuple[str, str, str]]:
    """The audit log, newest first: who, what, which."""
    entries = (await visitor.json(f"/audit{query}")).json()["items"]
    return [(entry["actor"], entry["action"], entry["target"]) for entry in entries]


async def admin_call(dashboard: Dashboard, method: str, path: str, credential: str, body: Any = None) -> Any:
    visitor = await dashboard.visitor()
    headers = {"Authorization": f"Bearer {credential}", "Content-Type": "application/json"}
    content = None if body is None else json.dumps(body)
    return await visitor.client.request(method, f"/api/admin/{path}", headers=headers, content=content)


async def test_a_key_is_shown_once_works_and_is_written_down(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        form = {"name": "truck", "scopes": ["read", "write"], "documents": "tables/*\ntrack/7/*",
                "expires_in_days": "30"}  # fmt: skip
        made = await admin.post_json("/keys", {**form, "expires_in_days": 30})
        key = made.json()["key"]
        assert made.json()["record"]["documents"] == ["tables/*", "track/7/*"]
        page = await admin.post("/keys", form)
        assert page.status_code == 200
        assert "whs_live_" in page.text
        for shown in ((await admin.get("/keys")).text, (await admin.json("/keys")).text):
            assert key not in shown
            assert key[:17] in shown
        async with socket(dashboard.app, key, "tables/vehicles") as connection:
            assert await connection.recv()
        assert ("user:admin@acme.example", "key.create", key[:17]) in await actions(admin)


async def test_a_revoked_key_ends_its_sockets_and_tokens(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        key = await dashboard.app.key(tenant)
        admin = await dashboard.signed_in(tenant, "admin")
        async with (
            socket(dashboard.app, key.text) as one,
            socket(dashboard.app, dashboard.app.token(key)) as two,
        ):
            revoked = await admin.post(f"/keys/{key.record.id}/revoke")
            assert (revoked.status_code, revoked.headers["Location"]) == (303, f"{admin.space}/keys")
            assert (await close_code(one), await close_code(two)) == (4401, 4401)
        assert (await actions(admin))[0] == ("user:admin@acme.example", "key.revoke", key.record.prefix)
        assert "is revoked" in (await admin.get("/keys")).text
        assert "is revoked; its" not in (await admin.get("/keys")).text  # said once


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"scopes": ["write"]}, "only with read"),
        ({}, "scopes"),
        ({"scopes": ["fly"]}, "scopes"),
        ({"scopes": ["read"], "expires_in_days": 0}, "expires_in_days"),
        ({"scopes": ["read"], "colour": "red"}, "colour"),
        ({"scopes": ["read"], "name": "x" * 201}, "name"),
    ],
)
async def test_a_wrong_form_names_the_field_and_makes_nothing(
    database_url: str, form: dict[str, Any], words: str
) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        refused = await admin.post_json("/keys", form)
        assert (refused.status_code, error_of(refused)) == (400, "invalid_request")
        assert words in refused.text
        fragment = await admin.post("/keys", form, **{"HX-Request": "true"})
        assert fragment.headers["HX-Retarget"] == "find .form-error"
        assert words in fragment.text
        assert "<html" not in fragment.text
        assert await Keys(dashboard.app.services.database).of_tenant(tenant.id) == ()


async def test_a_token_of_the_playground_has_a_part_of_its_key(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        key = await dashboard.app.key(tenant, "read", documents=("tables/*",))
        admin = await dashboard.signed_in(tenant, "admin")
        form = {"key_id": str(key.record.id), "pattern": "tables/*", "rights": "read", "minutes": 5}
        issued = (await admin.post_json("/keys/playground", form)).json()
        assert [snippet["name"] for snippet in issued["snippets"]] == ["y-websocket", "SDK", "curl"]
        assert all(issued["token"] in snippet["text"] for snippet in issued["snippets"])
        async with socket(dashboard.app, issued["token"], "tables/vehicles") as connection:
            assert await connection.recv()
        for more in ({"pattern": "*"}, {"rights": "write"}):
            assert (await admin.post_json("/keys/playground", {**form, **more})).status_code == 403
        assert (await actions(admin))[0] == ("user:admin@acme.example", "token.issue", "playground")


async def test_connections_are_listed_found_and_sent_away(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        key = await dashboard.app.key(tenant)
        admin = await dashboard.signed_in(tenant, "admin")
        async with (
            socket(dashboard.app, key.text, "tables/vehicles") as stays,
            socket(dashboard.app, dashboard.app.token(key), "notes/depot") as goes,
        ):
            await eventually(lambda: len(dashboard.app.services.live) == 2)
            shown = (await admin.json("/connections?q=NOTES")).json()
            assert shown["total"] == 2
            [found] = shown["items"]
            assert (found["subject"], found["credential"], found["dialect"]) == (
                "ada",
                "token",
                "y-websocket",
            )
            closed = await admin.post_json(f"/connections/{found['id']}/close", {})
            assert closed.json() == {"closed": 1}
            assert await close_code(goes) == 1013
            assert (await actions(admin))[0][1:] == ("connection.close", "notes/depot")
            assert (await admin.post_json(f"/connections/{found['id']}/close", {})).status_code == 404
            assert await stays.recv()


async def test_rights_can_be_checked_at_once(database_url: str) -> None:
    async with running_dashboard(database_url, access_check_interval=1000.0) as dashboard:
        tenant = await dashboard.app.tenant()
        key = await dashboard.app.key(tenant)
        admin = await dashboard.signed_in(tenant, "admin")
        async with socket(dashboard.app, key.text) as connection:
            await connection.recv()
            await Keys(dashboard.app.services.database).revoke(tenant.id, key.record.id)
            assert (await admin.post_json("/connections/recheck", {})).json() == {"closed": 1}
            assert await close_code(connection) == 4401


async def test_connections_of_others_can_not_be_closed(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant, other = await dashboard.app.tenant("acme"), await dashboard.app.tenant("other")
        stranger = await dashboard.signed_in(other)
        key = await dashboard.app.key(tenant)
        theirs = await dashboard.app.key(other, "read", "admin")
        async with socket(dashboard.app, key.text) as connection:
            await connection.recv()
            [live] = dashboard.app.services.live
            path = f"connections/{live.connection_id}/close"
            assert (await stranger.post_json(f"/{path}", {})).status_code == 404
            assert (await admin_call(dashboard, "POST", path, theirs.text)).status_code == 404
            assert (await stranger.json("/connections")).json() == {"items": [], "total": 0}
            await connection.ping()


async def test_the_audit_log_is_filtered_and_paged(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        admin = await dashboard.signed_in(tenant, "admin")
        for number in range(5):
            await admin.post_json("/keys", {"name": f"key {number}", "scopes": ["read"]})
        assert {action for _, action, _ in await actions(admin, "?action=key")} == {"key.create"}
        assert len(await actions(admin, "?action=key.create&actor=user:admin@acme.example")) == 5
        assert await actions(admin, "?q=nobody") == []
        seen: list[int] = []
        cursor = ""
        while cursor is not None:
            page = (await admin.json(f"/audit?action=key&limit=2{cursor}")).json()
            seen += [entry["id"] for entry in page["items"]]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        assert seen == sorted(seen, reverse=True)
        assert len(seen) == 5


async def test_what_concerns_the_customer_stands_in_both_spaces(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        owner = await dashboard.signed_in(tenant)
        await owner.post("/members", {"email": "new@acme.example"})
        for space in ("live", "test"):
            visitor = Visitor(owner.client, f"/dashboard/acme/{space}")
            assert (await actions(visitor))[0] == (
                "user:owner@acme.example",
                "member.invite",
                "new@acme.example",
            )


async def test_a_member_gets_another_role_and_the_last_owner_stays(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        owner = await dashboard.signed_in(tenant)
        await dashboard.account(tenant, "viewer")
        members = {m["email"]: m["id"] for m in (await owner.json("/members")).json()["members"]}
        viewer, me = members["viewer@acme.example"], members["owner@acme.example"]
        for path, form in ((f"/members/{me}/remove", {}), (f"/members/{me}/role", {"role": "admin"})):
            refused = await owner.post_json(path, form)
            assert (refused.status_code, "at least one owner" in refused.text) == (400, True)
        assert (await owner.post_json(f"/members/{viewer}/role", {"role": "owner"})).status_code == 200
        assert (await owner.post_json(f"/members/{me}/role", {"role": "viewer"})).status_code == 200
        assert (await owner.json("/members")).status_code == 403


async def test_a_key_with_the_scope_admin_sees_and_does_the_same(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        key = await dashboard.app.key(tenant, "read", "admin", documents=("tables/*",))
        assert (await admin_call(dashboard, "GET", "overview", key.text)).json()["status"] == "healthy"
        wanted = {"name": "child", "scopes": ["read"], "documents": ["tables/a*"]}
        made = (await admin_call(dashboard, "POST", "keys", key.text, wanted)).json()
        listed = (await admin_call(dashboard, "GET", "keys", key.text)).json()["items"]
        assert {record["name"] for record in listed} == {"test", "child"}
        path = f"keys/{made['record']['id']}/revoke"
        assert (await admin_call(dashboard, "POST", path, key.text)).json()["state"] == "revoked"
        entries = (await admin_call(dashboard, "GET", "audit?limit=2", key.text)).json()["items"]
        assert [(entry["actor"], entry["action"]) for entry in entries] == [
            (f"key:{key.record.prefix}", "key.revoke"),
            (f"key:{key.record.prefix}", "key.create"),
        ]


@pytest.mark.parametrize(
    "wanted",
    [
        {"scopes": ["read"]},
        {"scopes": ["read", "write"], "documents": ["tables/*"]},
        {"scopes": ["history"]},
    ],
)
async def test_a_key_makes_no_key_that_may_more_than_itself(
    database_url: str, wanted: dict[str, object]
) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        key = await dashboard.app.key(tenant, "read", "admin", documents=("tables/*",))
        refused = await admin_call(dashboard, "POST", "keys", key.text, wanted)
        assert (refused.status_code, error_of(refused)) == (403, "not_allowed")


async def test_the_stream_stays_fresh_and_ends_with_the_session(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        proof = await viewer.proof()
        events: list[str] = []
        async with viewer.client.stream("GET", f"{viewer.space}/overview/live") as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    events.append(line)
                    if len(events) == 2:
                        await viewer.post("/dashboard/sign-out", proof=proof)
        assert events[:2] == ["event: fresh", "event: fresh"]
        assert events[-1] == "event: over"


async def test_a_server_that_stops_ends_its_streams(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        viewer = await dashboard.signed_in(tenant, "viewer")
        async with viewer.client.stream("GET", f"{viewer.space}/overview/live") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: fresh"
            dashboard.app.server.server.should_exit = True
            assert "event: restart" in [line async for line in lines]


async def test_the_overview_counts_what_is_written(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        overviews = dashboard.app.services.admin.overviews
        viewer = await dashboard.signed_in(tenant, "viewer")
        before = (await overviews.of(tenant.id)).traffic
        assert before.commit_ms_p95 is None
        key = await dashboard.app.key(tenant)
        async with socket(dashboard.app, key.text) as connection:
            await connection.recv()
            await connection.send(encode(SyncUpdate(update("a"))))

            async def counted() -> bool:
                shown = (await viewer.json("/overview")).json()
                return shown["traffic"]["commit_ms_p95"] is not None and shown["connections"] == 1

            await eventually(counted)
        assert sum((await overviews.of(tenant.id)).traffic.updates_series) > 0
        other = await dashboard.app.tenant("other")
        assert sum((await overviews.of(other.id)).traffic.updates_series) == 0


async def test_files_are_kept_for_ever_and_change_their_name_with_their_content(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        visitor = await dashboard.visitor()
        page = (await visitor.get("/dashboard/sign-in")).text
        style = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        answer = await visitor.client.get(style)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["Content-Encoding"] == "gzip"
        assert answer.headers["Content-Type"].startswith("text/css")
        for wrong in ("dashboard.css", "dashboard.00000000.css", "htmx.LICENSE", "../render.py"):
            assert (await visitor.client.get(f"/dashboard/static/{wrong}")).status_code in (303, 404)
