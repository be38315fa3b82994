"""Maintenance mode: changes wait, reading goes on, whoever is connected is told, and nothing is lost."""

from __future__ import annotations

from tests.app import running_app
from tests.ops.maintenance import REASON, RETRY_AFTER, maintenance
from tests.postgres import select
from tests.server.api import error_of, running_api
from tests.server.collab_client import SDK, collab_client
from tests.server.dashboard import running_dashboard
from tests.server.test_sync_door import close_code, next_of, socket, update
from webhost_sync.sync.hocuspocus import Authenticated, Close, SyncStatus, Token
from webhost_sync.sync.protocol import PermissionDenied, SyncStep1, SyncStep2, SyncUpdate, encode
from webhost_sync.sync.round_trip import RoundTripRequest, decode_answer, encode_request

TOLD = f"the server is in maintenance: it takes no changes for now, and nothing is lost: {REASON}"
FETCH = encode_request(RoundTripRequest(b"", b""))


async def rows(url: str) -> int:
    return len(await select(url, "select from document_updates"))


async def test_changes_over_http_are_refused_with_the_time_to_come_back_and_reads_go_on(
    database_url: str,
) -> None:
    async with running_api(database_url) as api:
        key = (await api.app.key(await api.app.tenant(), "read", "write", "admin")).text
        path = "/api/documents/depot"
        brought = encode_request(RoundTripRequest(b"", update("before")))
        assert (await api.post(f"{path}/sync", key, content=brought)).status_code == 200
        async with maintenance(api.app):
            for refused in (
                await api.post(
                    f"{path}/sync",
                    key,
                    content=encode_request(RoundTripRequest(b"", update("a", client_id=6))),
                ),
                await api.post("/api/documents/new/sync", key, content=FETCH),
                await api.client.delete(path, headers={"Authorization": f"Bearer {key}"}),
                await api.post_json("/api/admin/keys", key, {"name": "x", "scopes": ["read"]}),
            ):
                assert (refused.status_code, error_of(refused)) == (503, "maintenance")
                assert refused.headers["retry-after"] == str(RETRY_AFTER)
                assert refused.json()["error"]["message"] == TOLD
            fetched = await api.post(f"{path}/sync", key, content=FETCH)
            assert decode_answer(fetched.content).diff == update("before")
            assert (await api.get(path, key)).status_code == 200
            assert (await api.post_json("/api/tokens", key, {})).status_code == 201
            for health in ("/health", "/health/ready"):
                answer = await api.get(health)
                assert (answer.status_code, answer.json()["status"]) == (200, "maintenance")
                assert answer.json()["maintenance"] == REASON
        assert (await api.get("/health")).json()["status"] == "healthy"
        assert (await api.post(f"{path}/sync", key, content=brought)).status_code == 200
    assert await rows(database_url) == 1


async def test_a_lost_key_can_be_revoked_at_any_time(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        admin, lost = await api.app.key(tenant, "admin"), await api.app.key(tenant, "read")
        async with maintenance(api.app):
            revoked = await api.post(f"/api/admin/keys/{lost.record.id}/revoke", admin.text)
            assert revoked.status_code == 200
            assert (await api.get("/api/documents", lost.text)).status_code == 401


async def test_a_socket_stays_reads_on_and_brings_its_edits_when_it_is_over(database_url: str) -> None:
    async with running_app(database_url) as app:
        key = await app.key(await app.tenant())
        async with socket(app, key.text) as writer, socket(app, key.text) as idle:
            await writer.send(encode(SyncUpdate(update("before"))))
            await next_of(idle, SyncUpdate)
            async with maintenance(app):
                assert await next_of(writer, PermissionDenied) == PermissionDenied(TOLD)
                await writer.send(encode(SyncUpdate(update("meanwhile", client_id=6))))
                assert await next_of(writer, PermissionDenied) == PermissionDenied(TOLD)
                async with socket(app, key.text) as late:
                    await late.send(encode(SyncStep1(b"\x00")))
                    assert await next_of(late, SyncStep2) == SyncStep2(update("before"))
                assert await rows(database_url) == 1
            # Who was refused something comes back and is asked for it; who wasn't stays.
            assert await close_code(writer) == 1013
            await idle.send(encode(SyncUpdate(update("after", client_id=7))))
            await next_of(idle, SyncUpdate)
        async with socket(app, key.text) as writer:
            await next_of(writer, SyncStep1)
            await writer.send(encode(SyncStep2(update("meanwhile", client_id=6))))
            await next_of(writer, SyncUpdate)
    assert await rows(database_url) == 3


async def test_our_sdk_is_told_at_once_and_when_it_comes_in_and_called_back_at_the_end(
    database_url: str,
) -> None:
    async with running_app(database_url) as app, collab_client(app) as client, collab_client(app) as stock:
        key = await app.key(await app.tenant())
        await client.open(key.text, version=SDK)
        await stock.open(key.text)
        held = {"code": "maintenance", "message": TOLD, "retry": True}
        async with maintenance(app):
            assert await client.hear_webhost("held") == held
            await client.say(SyncUpdate(update("meanwhile")))
            assert await client.hear_webhost("refused") == held
            assert await client.hear_one() == SyncStatus(False)
            await stock.say(SyncUpdate(update("meanwhile")))
            assert await stock.hear_one() == SyncStatus(False)
            async with collab_client(app) as late:
                await late.say(Token(key.text, SDK))
                assert await late.hear_one() == Authenticated("read-write")
                await late.hear_webhost("document")
                assert await late.hear_webhost("held") == held
                await late.hear(SyncStep1)
        assert (await client.hear(Close)).reason == "the room is closing; try again: changes are taken again"
        await stock.hear(Close)
    assert await rows(database_url) == 0


async def test_the_dashboard_says_it_on_every_page_and_refuses_its_forms(database_url: str) -> None:
    async with running_dashboard(database_url) as dashboard:
        tenant = await dashboard.app.tenant()
        visitor = await dashboard.signed_in(tenant)
        async with maintenance(dashboard.app):
            for path in ("/overview", "/keys", "/documents"):
                page = await visitor.get(path)
                assert page.status_code == 200
                assert REASON in page.text
            refused = await visitor.post("/keys", {"name": "truck", "scopes": "read"})
            assert refused.status_code == 503
            assert REASON in refused.text
        assert REASON not in (await visitor.get("/overview")).text


async def test_a_server_that_starts_meanwhile_takes_nothing_from_the_first_moment(database_url: str) -> None:
    async with running_api(database_url) as api, maintenance(api.app), running_api(database_url) as other:
        assert other.app.services.maintenance.is_on
