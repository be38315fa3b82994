"""Every page and action of the dashboard against everybody: nobody sees or changes what isn't theirs."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from jinja2 import Environment
from sqlalchemy import insert

from store.audit import SYSTEM
from store.contract import NewUpdate, Tenant
from store.keys import Keys
from store.schema import geofence_events, geofences, latest_positions
from store.users import MemberRole, Users
from tests.eventually import eventually
from tests.fleet import Writer
from tests.server.api import error_of
from tests.server.dashboard import Dashboard, Visitor, running_dashboard
from webhost_sync.dashboard.assets import assets
from webhost_sync.dashboard.render import environment
from webhost_sync.routes.dashboard.download import Download
from webhost_sync.routes.dashboard.fleet_live import FleetStream
from webhost_sync.routes.dashboard.page import Action, Page, Stream
from webhost_sync.routes.dashboard.table import PAGES
from webhost_sync.webhooks.kinds import EventKind

SECRET = "the-secret-of-acme"
STRANGE = "00000000-0000-0000-0000-000000000001"
SHOWN: list[Page[Any]] = [page for page in PAGES if isinstance(page, Page)]
ACTIONS = [page for page in PAGES if isinstance(page, Action)]
FILES = [page for page in PAGES if isinstance(page, Download)]
STREAMS = [page for page in PAGES if isinstance(page, Stream | FleetStream)]
FORMS: dict[str, dict[str, object]] = {
    "/keys": {"name": "new", "scopes": ["read"]},
    "/keys/{id}/revoke": {},
    "/keys/playground": {"key_id": STRANGE},
    "/connections/recheck": {},
    "/connections/{id}/close": {},
    "/members": {"email": "new@acme.example", "role": "viewer"},
    "/members/withdraw": {"email": "invited@acme.example"},
    "/members/{id}/role": {"role": "admin"},
    "/members/{id}/remove": {},
    "/documents/versions/{document:path}": {"name": "kept"},
    "/settings/retention": {"history_days": "1"},
    "/settings/webhooks": {"url": "http://127.0.0.1:9/hook", "kinds": ["key.created"]},
    "/settings/webhooks/{id}/enable": {},
    "/settings/webhooks/{id}/remove": {},
    "/settings/webhooks/{id}/replay": {"from_seq": "0"},
    "/documents/delete-version/{document:path}": {"version": STRANGE},
    "/documents/restore/{document:path}": {"at": "0"},
    "/documents/delete/{document:path}": {},
    "/documents/delete-for-good/{document:path}": {"name": SECRET},
    "/documents/bring-back/{document:path}": {},
    "/documents/create/{document:path}": {},
    "/documents/release/{document:path}": {},
    "/documents/erase/{document:path}": {"name": SECRET},
    "/documents/new-epoch/{document:path}": {},
    "/fleet/{vehicle}/edit": {"name": "changed"},
    "/geofences": {"latitude": "1", "longitude": "2", "radius_m": "3"},
    "/geofences/{geofence}/edit": {"name": "changed"},
    "/geofences/{geofence}/remove": {},
}

HOOK_FORMS: dict[str, dict[str, object]] = {"enable": {}, "remove": {}, "replay": {"from_seq": 0}}


def path_of(page: Any, thing: str = STRANGE) -> str:
    path = str(page.path).replace("{id}", thing).replace("{document:path}", SECRET)
    path = path.replace("{vehicle}", SECRET).replace("{geofence}", SECRET)
    return f"{path}?at=0" if path.startswith("/documents/restore") and isinstance(page, Page) else path


async def acme(dashboard: Dashboard) -> Tenant:
    """A tenant with one of everything, each with the secret in it."""
    tenant = await dashboard.app.tenant("acme")
    key = await dashboard.app.key(tenant)
    async with dashboard.app.services.database.owner() as connection:
        await connection.exec_driver_sql(f"update api_keys set name = '{SECRET}'")
        await connection.exec_driver_sql(
            "insert into vehicles (tenant_id, id, name, document_id)"
            f" values ({tenant.id}, '{SECRET}', '{SECRET}', 1)"
        )
        await connection.exec_driver_sql(
            f"insert into documents (tenant_id, name) values ({tenant.id}, '{SECRET}')"
        )
        await connection.exec_driver_sql(
            "insert into projection_rejects (tenant_id, document_id, path, reason, value, seq)"
            f" select tenant_id, id, 'rows/x', name, name, 1 from documents where name = '{SECRET}'"
        )
    log = dashboard.app.services.log
    table = await log.open(tenant.id, "tables/vehicles", create=True)
    row = NewUpdate(Writer(1).row(SECRET, {"name": SECRET}), "key:import", "", (1,))
    await log.append(tenant.id, table.id, [row], epoch=table.epoch)
    await add_fence(dashboard, tenant)
    hook = {"url": f"http://127.0.0.1:9/{SECRET}", "kinds": [EventKind.KEY_REVOKED], "description": SECRET}
    await dashboard.app.services.admin.webhooks.create(tenant.id, **hook, deed=SYSTEM)  # type: ignore[arg-type]
    owner = await dashboard.signed_in(tenant, email=f"{SECRET}@acme.example")
    await owner.post("/members", {"email": "invited@acme.example", "role": "viewer"})
    assert key.record.tenant_id == tenant.id
    return tenant


async def add_fence(dashboard: Dashboard, tenant: Tenant) -> None:
    """A fence in the document and in SQL, and a vehicle that stands in it."""
    shape = {"kind": "circle", "center": {"latitude": 52.0, "longitude": 21.0}, "radius_m": 500.0}
    log = dashboard.app.services.log
    fences = await log.open(tenant.id, "tables/geofences", create=True)
    row = NewUpdate(Writer(1).row(SECRET, {"name": SECRET, **shape}), "key:import", "", (1,))
    await log.append(tenant.id, fences.id, [row], epoch=fences.epoch)
    now, of_it = datetime.now(UTC), {"tenant_id": tenant.id, "vehicle_id": SECRET}
    place = {"latitude": 52.0, "longitude": 21.0, "time": now, "sequence": 1, "device_id": SECRET}
    fence = {"id": SECRET, "name": SECRET, "kind": "circle", "radius_m": 500.0, "document_id": fences.id}
    center = {"center_latitude": 52.0, "center_longitude": 21.0}
    async with dashboard.app.services.database.owner() as connection:
        await connection.execute(insert(geofences).values(tenant_id=tenant.id, **fence, **center))
        await connection.execute(
            insert(geofence_events).values(**of_it, **place, geofence_id=SECRET, enters=True)
        )
        await connection.execute(insert(latest_positions).values(**of_it, **place, received_at=now, flags=0))


async def everything(dashboard: Dashboard, tenant: Tenant) -> tuple[object, ...]:
    """All that a page can change, to be compared."""
    services = dashboard.app.services
    record = await services.archive.document(tenant.id, SECRET)
    return (
        await services.admin.keys.of(tenant.id),
        await services.admin.members.of(tenant),
        await services.admin.retention.of(tenant.id),
        await services.admin.webhooks.states(tenant.id),
        await Keys(services.database).of_tenant(tenant.id),
        await services.archive.versions(record, before=None, limit=10),
        record,
        await services.archive.document(tenant.id, "tables/vehicles"),
        await services.archive.document(tenant.id, "tables/geofences"),
        await services.admin.lives.known(tenant.id, SECRET),
        await services.admin.lives.tombstones(tenant.id, ["*"], after=None, limit=10),
    )


def without_addresses(answer: httpx.Response) -> tuple[int, str, list[str]]:
    """What an answer says, but for the addresses and proofs in it."""
    text = re.sub(r"[0-9a-f]{64}|/dashboard/[^\"'?]*|next=[^\"']*", "", answer.text)
    kept = {"content-length", "date", "x-request-id", "location", "set-cookie"}
    return answer.status_code, text, sorted(name for name in answer.headers if name not in kept)


def test_every_action_is_walked_here() -> None:
    assert {action.path for action in ACTIONS} == set(FORMS)


async def test_whoever_is_not_signed_in_is_asked_to_wherever_they_look(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        before = await everything(dashboard, tenant)
        real = await dashboard.visitor(tenant)
        unreal = Visitor(real.client, "/dashboard/nobody/live")
        for page in PAGES:
            answers = []
            for visitor in (real, unreal):
                if isinstance(page, Action):
                    answer = await visitor.post(path_of(page), FORMS[page.path])
                    program = await visitor.post_json(path_of(page), FORMS[page.path])
                else:
                    answer = await visitor.get(path_of(page))
                    program = await visitor.json(path_of(page))
                assert answer.status_code == 303
                assert answer.headers["Location"].startswith("/dashboard/sign-in")
                assert (program.status_code, error_of(program)) == (401, "not_authenticated")
                answers.append((without_addresses(answer), without_addresses(program)))
            assert answers[0] == answers[1]
        assert await everything(dashboard, tenant) == before


@pytest.mark.parametrize("role", list(MemberRole))
async def test_a_stranger_can_not_tell_a_foreign_space_from_none(database_url: str, role: MemberRole) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        other = await dashboard.app.tenant("other")
        before = await everything(dashboard, tenant)
        own = await dashboard.signed_in(other, role)
        foreign = Visitor(own.client, "/dashboard/acme/live")
        unreal = Visitor(own.client, "/dashboard/nobody/live")
        for page in PAGES:
            answers = []
            for visitor in (foreign, unreal):
                if isinstance(page, Action):
                    answer = await visitor.post(path_of(page), FORMS[page.path])
                    program = await visitor.post_json(path_of(page), FORMS[page.path])
                else:
                    answer, program = await visitor.get(path_of(page)), await visitor.json(path_of(page))
                assert (answer.status_code, program.status_code) == (404, 404)
                assert SECRET not in answer.text + program.text
                answers.append((without_addresses(answer), without_addresses(program)))
            assert answers[0] == answers[1]
        assert await everything(dashboard, tenant) == before


@pytest.mark.parametrize("role", list(MemberRole))
async def test_own_pages_show_nothing_of_another_tenant(database_url: str, role: MemberRole) -> None:
    async with running_dashboard(database_url) as dashboard:
        await acme(dashboard)
        other = await dashboard.app.tenant("other")
        own = await dashboard.signed_in(other, role)
        pages: list[Page[Any] | Download[Any]] = [*SHOWN, *FILES]
        for page in pages:
            answer, twin = await own.get(path_of(page)), await own.json(path_of(page))
            is_theirs = "{" in page.path
            may = 404 if is_theirs else 200
            assert answer.status_code == twin.status_code == (may if role.includes(page.role) else 403)
            if is_theirs:
                nobodys = await own.json(path_of(page).replace(SECRET, "nobody's"))
                assert twin.text.replace(SECRET, "nobody's") == nobodys.text.replace('\\"', "'")
            else:
                assert SECRET not in answer.text + twin.text


async def test_things_of_another_tenant_are_not_found_in_the_own_space(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        other = await dashboard.app.tenant("other")
        before = await everything(dashboard, tenant)
        [key] = await Keys(dashboard.app.services.database).of_tenant(tenant.id)
        [member] = await Users(dashboard.app.services.database).members(tenant.id)
        [hook] = (await dashboard.app.services.admin.webhooks.of(tenant.id)).items
        own = await dashboard.signed_in(other)
        attempts: list[tuple[str, str, dict[str, object]]] = [
            (f"/keys/{key.id}/revoke", f"/keys/{STRANGE}/revoke", {}),
            (f"/members/{member.user.id}/remove", f"/members/{STRANGE}/remove", {}),
            (f"/members/{member.user.id}/role", f"/members/{STRANGE}/role", {"role": "viewer"}),
            *(
                (f"/settings/webhooks/{hook.id}/{what}", f"/settings/webhooks/{STRANGE}/{what}", form)
                for what, form in HOOK_FORMS.items()
            ),
        ]
        for theirs, nobodys, form in attempts:
            answers = [await own.post_json(path, form) for path in (theirs, nobodys)]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].json() == answers[1].json()
        for key_id in (str(key.id), STRANGE):
            assert (await own.post_json("/keys/playground", {"key_id": key_id})).status_code == 404
        assert (await own.post_json(f"/fleet/{SECRET}/edit", {"name": "x"})).status_code == 404
        for action in ("edit", "remove"):
            assert (await own.post_json(f"/geofences/{SECRET}/{action}", {})).status_code == 404
        assert (await own.json(f"/fleet?geofence={SECRET}")).json()["items"] == []
        withdrawn = await own.post_json("/members/withdraw", {"email": "invited@acme.example"})
        assert withdrawn.status_code == 404
        assert await everything(dashboard, tenant) == before


async def test_a_viewer_changes_nothing_and_sees_no_secret(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        [key] = await Keys(dashboard.app.services.database).of_tenant(tenant.id)
        viewer = await dashboard.signed_in(tenant, "viewer")
        [member] = [m for m in await Users(dashboard.app.services.database).members(tenant.id)
                    if m.role is MemberRole.VIEWER]  # fmt: skip
        before = await everything(dashboard, tenant)
        for action in ACTIONS:
            thing = str(member.user.id if action.path.startswith("/members") else key.id)
            answer = await viewer.post(path_of(action, thing), FORMS[action.path])
            assert answer.status_code == 403, action.path
        for page in SHOWN:
            answer = await viewer.get(path_of(page))
            assert answer.status_code == (200 if page.role is MemberRole.VIEWER else 403)
            assert '<form method="post" action="/dashboard/acme' not in answer.text
        assert await everything(dashboard, tenant) == before


async def test_an_admin_makes_nobody_an_owner_and_removes_none(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        admin = await dashboard.signed_in(tenant, "admin")
        members = await Users(dashboard.app.services.database).members(tenant.id)
        owner, me = members[0].user.id, members[1].user.id
        for path, form in (
            (f"/members/{owner}/role", {"role": "viewer"}),
            (f"/members/{owner}/remove", {}),
            (f"/members/{me}/role", {"role": "owner"}),
            ("/members", {"email": "new@acme.example", "role": "owner"}),
        ):
            assert (await admin.post_json(path, form)).status_code == 403
        assert await Users(dashboard.app.services.database).members(tenant.id) == members


async def test_an_action_needs_a_form_of_this_very_session(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        owner, accomplice = [
            await dashboard.signed_in(tenant, email=email) for email in ("a@acme.example", "b@acme.example")
        ]
        foreign = await accomplice.proof()
        before = await everything(dashboard, tenant)
        for action in ACTIONS:
            path, form = path_of(action), FORMS[action.path]
            for wrong in ("", "0" * 64, foreign):
                assert (await owner.post(path, form, proof=wrong)).status_code == 403, path
            for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"},
                            {"Origin": "null"}, {"Sec-Fetch-Site": "same-site"}):  # fmt: skip
                assert (await owner.post(path, form, **headers)).status_code == 403, path
            assert await everything(dashboard, tenant) == before, path


async def test_keys_open_no_page_and_sessions_no_api(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        key = await dashboard.app.key(tenant, "read", "write", "admin")
        nobody = await dashboard.visitor(tenant)
        for path in ("/overview", "/keys", "/audit"):
            answer = await nobody.get(path, Authorization=f"Bearer {key.text}")
            assert answer.status_code == 303
            assert (await nobody.get(f"{path}?apiKey={key.text}")).status_code == 303
        owner = await dashboard.signed_in(tenant)
        for path in ("/api/admin/keys", "/api/vehicles", "/api/documents"):
            assert (await owner.client.get(path)).status_code == 401


async def test_a_removed_member_is_out_at_the_next_click(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant("acme")
        owner, viewer = await dashboard.signed_in(tenant), await dashboard.signed_in(tenant, "viewer")
        assert (await viewer.get("/overview")).status_code == 200
        member = (await Users(dashboard.app.services.database).members(tenant.id))[1]
        assert (await owner.post(f"/members/{member.user.id}/remove")).status_code == 303
        assert (await viewer.get("/overview")).status_code == 404


async def test_the_policy_of_every_page_lets_nothing_in_from_elsewhere(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await acme(dashboard)
        owner = await dashboard.signed_in(tenant)
        for page in SHOWN:
            answer = await owner.get(path_of(page))
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'; script-src 'self'")
            assert "unsafe" not in policy
            assert answer.headers["Cache-Control"] == "no-store"
            assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son[a-z]+=", answer.text)
            assert not re.search(r"(src|href)=[\"'](https?:)?//", answer.text)
            assert len(answer.content) < 300_000


async def test_templates_are_compiled_before_anybody_has_looked(database_url: str) -> None:
    environment.cache_clear()
    async with running_dashboard(database_url):
        await eventually(lambda: _compiled(environment()))


def _compiled(made: Environment) -> bool:
    return {name for _, name in made.cache or ()} == set(made.list_templates())


async def test_files_are_sent_zipped_to_who_can_read_that(database_url: str) -> None:
    asset = assets()["dashboard.css"]
    async with running_dashboard(database_url) as dashboard:
        nobody = await dashboard.visitor()
        for encoding, sent in (("gzip", "gzip"), ("identity", None)):
            answer = await nobody.get(asset.url, **{"Accept-Encoding": encoding})
            assert answer.headers.get("Content-Encoding") == sent
            assert answer.content == asset.content
