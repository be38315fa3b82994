"""What every endpoint has in common: how it refuses, what is in its answers, and who may read them."""

from __future__ import annotations

import pytest

from store.contract import Environment
from store.tenants import Tenants
from tests.server.api import error_of, running_api


async def test_a_test_key_is_told_that_it_sees_no_live_data(database_url: str) -> None:
    async with running_api(database_url) as api:
        await api.app.tenant()
        test = await Tenants(api.app.services.database).find("acme", Environment.TEST)
        assert test is not None
        key = await api.app.key(test, "read", documents=("notes",))
        for path in ("/api/documents/notes", "/api/documents/forbidden", "/api/vehicles/bus-7"):
            answer = await api.get(path, key.text)
            assert answer.status_code == 404
            assert answer.json()["error"]["message"].endswith(
                "(a test key sees the test space, and no live data)"
            )


async def test_a_credential_may_come_in_the_query(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        assert (await api.get(f"/api/vehicles?apiKey={key.text}")).status_code == 200
        assert (await api.get(f"/api/vehicles?token={api.app.token(key)}")).status_code == 200


async def test_a_refusal_says_how_to_sign_in(database_url: str) -> None:
    async with running_api(database_url) as api:
        answer = await api.get("/api/vehicles")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert error_of(answer) == "not_authenticated"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "no_such_endpoint"),
        ("GET", "/api/vehicles/", 404, "vehicle_not_found"),
        ("DELETE", "/api/vehicles", 405, "method_not_allowed"),
        ("GET", "/api/tokens", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_an_error_of_the_same_form(
    database_url: str, method: str, path: str, status: int, code: str
) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        answer = await api.client.request(method, path, headers={"Authorization": f"Bearer {key.text}"})
        assert status == answer.status_code
        assert error_of(answer) in (code, "no_such_endpoint")


async def test_what_nobody_expected_is_answered_without_a_word_of_it(
    database_url: str,
) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        async with api.app.services.database.owner() as connection:
            await connection.exec_driver_sql("drop table vehicles")
        answer = await api.get("/api/vehicles", key.text, X_Request_Id="my-request.1")
        assert (answer.status_code, error_of(answer)) == (500, "internal")
        assert "vehicles" not in answer.text
        assert answer.headers["X-Request-Id"] == "my-request.1"


async def test_every_answer_has_a_request_id_and_a_sane_one_is_kept(database_url: str) -> None:
    async with running_api(database_url) as api:
        for path in ("/health/live", "/nowhere", "/api/vehicles", "/"):
            assert (await api.get(path, X_Request_Id="abc-1")).headers["X-Request-Id"] == "abc-1"
            for insane in ("x" * 65, "a b", "a\tb"):
                given = (await api.get(path, X_Request_Id=insane)).headers["X-Request-Id"]
                assert given != insane
                assert len(given) == 32


async def test_pages_of_any_origin_may_call_the_api_but_never_with_cookies(database_url: str) -> None:
    async with running_api(database_url) as api:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        preflight = await api.client.options(
            "/api/documents/a/sync", headers={"Origin": "https://a.example", **asked}
        )
        assert preflight.status_code == 200
        assert preflight.headers["Access-Control-Allow-Origin"] == "*"
        assert "X-Request-Id" in preflight.headers
        refused = await api.get("/api/vehicles", Origin="https://a.example")
        assert refused.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in refused.headers
        assert "Access-Control-Allow-Origin" not in (await api.get("/", Origin="https://a.example")).headers


async def test_only_the_allowed_origins_may_where_some_are_named(database_url: str) -> None:
    async with running_api(database_url, allowed_origins=("https://fleet.example",)) as api:
        ours = await api.get("/health", Origin="https://fleet.example")
        theirs = await api.get("/health", Origin="https://evil.example")
        assert ours.headers["Access-Control-Allow-Origin"] == "https://fleet.example"
        assert "Access-Control-Allow-Origin" not in theirs.headers
