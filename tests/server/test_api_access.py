"""Every endpoint against everybody who may not use it: none tells anything that isn't theirs."""

from __future__ import annotations

import pytest

from store.contract import Environment, Tenant
from store.keys import Keys
from store.tenants import Tenants
from tests.server.api import Api, error_of, headers_of, running_api
from tests.server.test_api_documents import edit, round_trip
from webhost_sync.routes.api import ENDPOINTS
from webhost_sync.routes.event_stream import MEDIA_TYPE
from webhost_sync.routes.openapi import AnyEndpoint
from webhost_sync.sync.round_trip import RoundTripRequest, encode_request

SECRET = "the-secret-of-acme"
STRANGE = "00000000-0000-0000-0000-000000000001"
CLOSED = [endpoint for endpoint in ENDPOINTS if not endpoint.is_open]
NAMES = [f"{endpoint.method} {endpoint.template}" for endpoint in CLOSED]
CLOSED_TO_READERS = ("history", "lifecycle", "admin")
each_closed = pytest.mark.parametrize("endpoint", CLOSED, ids=NAMES)


async def call(api: Api, endpoint: AnyEndpoint, credential: str | None, **headers: str) -> tuple[int, str]:
    """Call the endpoint about what acme has. Its answer's status and text."""
    thing = STRANGE if ":uuid}" in endpoint.path else SECRET
    path = endpoint.template.replace("{id}", thing).replace("{name}", SECRET)
    if endpoint.answers[0].content == MEDIA_TYPE:
        return await call_stream(api, path, credential)
    if endpoint.method in ("PUT", "DELETE"):
        body = None if endpoint.body.model is None else next(iter(endpoint.body.examples.values()))
        answer = await api.client.request(
            endpoint.method, path, headers=headers_of(credential, headers), json=body
        )
    elif endpoint.method == "GET":
        query = "?from=0" if path.endswith("/diff") else ""
        answer = await api.get(path + query, credential, **headers)
    elif endpoint.path == "/api/tokens":
        answer = await api.post_json(path, credential, {})
    elif endpoint.body.model is not None:
        body = next(iter(endpoint.body.examples.values()))
        answer = await api.send_json(endpoint.method, path, credential, body)
    else:
        body = encode_request(RoundTripRequest(b"", edit("intruder", 66)))
        answer = await api.post(path, credential, content=body, **headers)
    if answer.status_code >= 400:
        error_of(answer)
    return answer.status_code, answer.text.replace(f"'{SECRET}'", "")


async def call_stream(api: Api, path: str, credential: str | None) -> tuple[int, str]:
    """Call an endpoint whose answer has no end; what it tells at first."""
    async with api.client.stream("GET", path, headers=headers_of(credential, {})) as answer:
        told = ""
        async for part in answer.aiter_text():
            told += part
            if "event: ready" in told:
                break
        return answer.status_code, told


async def acme(api: Api) -> Tenant:
    """A tenant that has one of everything, each with the secret in it."""
    tenant = await api.app.tenant("acme")
    key = await api.app.key(tenant)
    await api.add_vehicles(tenant, {"id": SECRET, "name": SECRET})
    await api.add_positions(tenant, SECRET, 1)
    await round_trip(api, key.text, edit(SECRET), name=SECRET)
    async with api.app.services.database.owner() as connection:
        await connection.exec_driver_sql(
            "insert into projection_rejects (tenant_id, document_id, path, reason, value, seq)"
            f" select tenant_id, id, 'rows/x', name, name, 1 from documents where name = '{SECRET}'"
        )
    return tenant


@each_closed
async def test_whoever_has_no_good_credential_is_told_to_sign_in(
    database_url: str,
    endpoint: AnyEndpoint,
) -> None:
    async with running_api(database_url) as api:
        tenant = await acme(api)
        key = await api.app.key(tenant, "read", "write")
        late = api.app.token(key, lifetime=-5)
        lent = api.app.token(key, "read", "write")
        gone = await api.app.key(tenant)
        await Keys(api.app.services.database).revoke(tenant.id, gone.record.id)
        # Not its last letter, some bits of which mean nothing.
        forged = lent[:-9] + ("A" if lent[-9] != "A" else "B") + lent[-8:]
        for credential in (None, "garbage", "whs_live_" + "0" * 64, key.text[:-1], forged, late):
            assert (await call(api, endpoint, credential))[0] == 401
        assert (await call(api, endpoint, gone.text))[0] == 401
        await Keys(api.app.services.database).revoke(tenant.id, key.record.id)
        for credential in (key.text, lent):
            status, told = await call(api, endpoint, credential)
            assert (status, "key_revoked" in told) == (401, True)


@each_closed
async def test_other_tenants_and_the_own_test_key_see_nothing_of_it(
    database_url: str,
    endpoint: AnyEndpoint,
) -> None:
    async with running_api(database_url) as api:
        await acme(api)
        other = await api.app.tenant("other")
        test = await Tenants(api.app.services.database).find("acme", Environment.TEST)
        assert test is not None
        for stranger in (other, test):
            key = await api.app.key(stranger, "read", "write")
            for credential in (key.text, api.app.token(key, "read", "write")):
                _, told = await call(api, endpoint, credential)
                assert SECRET not in told


@each_closed
async def test_a_key_without_rights_sees_nothing_of_its_own_tenant(
    database_url: str,
    endpoint: AnyEndpoint,
) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await acme(api), "history")
        _, told = await call(api, endpoint, key.text)
        assert SECRET not in told


@each_closed
async def test_a_read_only_token_changes_nothing(
    database_url: str,
    endpoint: AnyEndpoint,
) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await acme(api), "read", "write")
        status, _ = await call(api, endpoint, api.app.token(key, "read"))
        assert status == (200 if endpoint.method == "GET" and endpoint.tag not in CLOSED_TO_READERS else 403)
        content = await api.get(f"/api/documents/{SECRET}", key.text)
        assert content.json()["head_seq"] == 1


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
