"""Rate limits: who is counted for what, what a refusal says, and who never notices those of others."""

from __future__ import annotations

import httpx
from pydantic import SecretStr

from store.contract import Environment
from store.tenants import Tenants
from tests.server.api import error_of, running_api
from tests.server.collab_client import collab_client
from tests.server.dashboard import running_dashboard
from tests.server.test_sync_door import close_code, next_of, socket
from tests.store.proxy import wire_to
from tests.valkey import running_valkey
from webhost_sync.device.wire import MEDIA_TYPE
from webhost_sync.sync.hocuspocus import Address, Token
from webhost_sync.sync.protocol import SyncStep1

UNKNOWN = "whs_live_" + "0" * 64


async def test_answers_say_what_is_left_and_a_refusal_when_to_come_back(database_url: str) -> None:
    async with running_api(database_url, rate_limit_api=3) as api:
        key = await api.app.key(await api.app.tenant())
        answers = [await api.get("/api/vehicles", key.text) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert [answer.headers["RateLimit"].split(";")[:2] for answer in answers] == [
            ['"api"', "r=2"], ['"api"', "r=1"], ['"api"', "r=0"], ['"api"', "r=0"],
        ]  # fmt: skip
        assert answers[0].headers["RateLimit-Policy"] == '"api";q=3;w=60'
        assert error_of(answers[3]) == "too_many_requests"
        assert answers[3].json()["error"]["retry"] is True
        assert 1 <= int(answers[3].headers["Retry-After"]) <= 60


async def test_uploads_have_a_budget_of_their_own(database_url: str) -> None:
    async with running_api(database_url, rate_limit_upload=1, rate_limit_api=100) as api:
        key = await api.app.key(await api.app.tenant())
        large = b"\x01" + bytes(70_000)
        answers = [await api.post("/api/documents/depot/sync", key.text, content=large) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [400, 429]
        assert answers[1].headers["RateLimit-Policy"] == '"upload";q=1;w=60'
        small = await api.post("/api/documents/depot/sync", key.text, content=b"\x01\x00\x00")
        assert (small.status_code, small.headers["Content-Type"]) == (200, MEDIA_TYPE)


async def test_two_hundred_devices_behind_one_address_don_t_notice_each_other(database_url: str) -> None:
    async with running_api(database_url, rate_limit_api=2, rate_limit_stranger=1) as api:
        key = await api.app.key(await api.app.tenant())
        tokens = [api.app.token(key, subject=f"device-{number}") for number in range(200)]
        answers = [await api.get("/api/documents/depot", token) for token in tokens]
        assert {answer.status_code for answer in answers} == {404}
        assert {answer.headers["RateLimit"].split(";")[1] for answer in answers} <= {"r=1"}


async def test_strangers_are_stopped_before_the_database_and_stop_nobody_else(database_url: str) -> None:
    async with (
        wire_to(database_url) as wire,
        running_api(wire.url(database_url), rate_limit_stranger=3) as api,
    ):
        key = await api.app.key(await api.app.tenant())
        assert (await api.get("/api/vehicles", key.text)).status_code == 200
        assert [(await api.get("/api/vehicles", UNKNOWN)).status_code for _ in range(4)] == [
            401,
            401,
            401,
            429,
        ]
        assert (await api.get("/api/vehicles", key.text)).status_code == 200
        assert (await api.get("/api/vehicles", api.app.token(key))).status_code == 200
        assert (await api.get("/health")).status_code == 200
        wire.deaf = True
        stopped = await api.get("/api/vehicles", UNKNOWN)
        assert (stopped.status_code, error_of(stopped)) == (429, "too_many_requests")
        assert stopped.headers["RateLimit-Policy"] == '"stranger";q=3;w=60'
        wire.deaf = False
        await wire.cut()


async def test_a_tenant_can_have_limits_of_its_own(database_url: str) -> None:
    async with running_api(database_url, rate_limit_api=1) as api:
        key = await api.app.key(tenant := await api.app.tenant())
        tenants = Tenants(api.app.services.database)
        await tenants.set_limits(tenant.slug, Environment.LIVE, {"api": 50})
        answer = await api.get("/api/vehicles", key.text)
        assert answer.headers["RateLimit-Policy"] == '"api";q=50;w=60'
        assert await tenants.set_limits(tenant.slug, Environment.LIVE, {"api": None}) == {}


async def test_too_many_sockets_are_told_to_come_back(database_url: str) -> None:
    async with running_api(database_url, rate_limit_connect=2, refusal_hold=0.0) as api:
        app = api.app
        key = await app.key(await app.tenant(), "read", "write", "presence")
        async with socket(app, key.text) as first:
            await next_of(first, SyncStep1)
            async with socket(app, key.text) as second:
                await next_of(second, SyncStep1)
                async with socket(app, key.text) as third:
                    assert await close_code(third) == 4529
            async with socket(app, app.token(key)) as other:
                await next_of(other, SyncStep1)
        text = (await api.get("/metrics")).text
        assert 'webhost_sync_socket_closes_total{code="4529"} 1.0' in text
        assert 'webhost_sync_rate_limited_total{kind="connect"} 1.0' in text


async def test_a_socket_of_many_documents_counts_once(database_url: str) -> None:
    async with running_api(database_url, rate_limit_connect=1) as api:
        key = await api.app.key(await api.app.tenant())
        async with collab_client(api.app) as client:
            for name in ("a", "b", "c"):
                await client.open(key.text, to=Address(name))
        async with collab_client(api.app) as again:
            await again.say(Token(key.text))
            assert await again.close_code() == 4529


async def test_the_dashboard_counts_each_session_generously(database_url: str) -> None:
    async with running_dashboard(database_url, rate_limit_page=6) as board:
        tenant = await board.app.tenant()
        ada = await board.signed_in(tenant)
        bob = await board.signed_in(tenant, email="bob@acme.example")

        async def until_refused() -> httpx.Response:
            while (answer := await ada.get("/dashboard/account")).status_code == 200:
                pass
            return answer

        refused = await until_refused()
        assert (refused.status_code, "Slow down" in refused.text) == (429, True)
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await bob.get("/dashboard/account")).status_code == 200


async def test_two_processes_count_together_and_each_for_itself_while_redis_is_away(
    database_url: str,
) -> None:
    async with running_valkey() as valkey:
        shared = {"redis_url": SecretStr(valkey.url), "rate_limit_api": 4}
        async with running_api(database_url, **shared) as one, running_api(database_url, **shared) as two:
            key = await one.app.key(await one.app.tenant())
            answers = [await api.get("/api/vehicles", key.text) for api in (one, two, one, two, one, two)]
            assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
            valkey.kill()
            away = await one.get("/api/vehicles", key.text)
            assert (away.status_code, away.headers["RateLimit"].split(";")[1]) == (200, "r=3")
            health = await one.get("/health")
            assert (health.status_code, health.json()["status"]) == (200, "healthy")
            assert health.json()["redis"] == "unavailable"
            assert "webhost_sync_redis_up 0.0" in (await one.get("/metrics")).text


async def test_limits_in_the_docs_are_the_limits_of_a_server(database_url: str) -> None:
    async with running_api(database_url, rate_limit_api=7) as api:
        limits = (await api.get("/limits")).json()["limits"]
        assert {limit["value"] for limit in limits if limit["name"] == "rate_limit_api"} == {7}
