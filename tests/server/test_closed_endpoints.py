"""Every endpoint against everybody who may not use it: none tells anything that isn't theirs.

One running application for them all, and tenants of its own for each.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
import pytest_asyncio

from store.contract import Environment, Tenant
from store.keys import Keys
from store.tenants import Tenants
from tests.postgres import cloned_database
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
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(template_url: str) -> AsyncIterator[Api]:
    async with cloned_database(template_url) as url, running_api(url) as api:
        yield api


async def new_tenant(api: Api) -> Tenant:
    return await api.app.tenant(f"t-{uuid4().hex}")


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
    tenant = await new_tenant(api)
    key = await api.app.key(tenant)
    await api.add_vehicles(tenant, {"id": SECRET, "name": SECRET})
    await api.add_positions(tenant, SECRET, 1)
    await round_trip(api, key.text, edit(SECRET), name=SECRET)
    async with api.app.services.database.owner() as connection:
        await connection.exec_driver_sql(
            "insert into projection_rejects (tenant_id, document_id, path, reason, value, seq)"
            f" select tenant_id, id, 'rows/x', name, name, 1 from documents where tenant_id = {tenant.id}"
        )
    return tenant


@each_closed
async def test_whoever_has_no_good_credential_is_told_to_sign_in(api: Api, endpoint: AnyEndpoint) -> None:
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
async def test_other_tenants_and_the_own_test_key_see_nothing_of_it(api: Api, endpoint: AnyEndpoint) -> None:
    ours = await acme(api)
    other = await new_tenant(api)
    test = await Tenants(api.app.services.database).find(ours.slug, Environment.TEST)
    assert test is not None
    for tenant in (other, test):
        key = await api.app.key(tenant, "read", "write")
        for credential in (key.text, api.app.token(key, "read", "write")):
            _, told = await call(api, endpoint, credential)
            assert SECRET not in told


@each_closed
async def test_a_key_without_rights_sees_nothing_of_its_own_tenant(api: Api, endpoint: AnyEndpoint) -> None:
    key = await api.app.key(await acme(api), "history")
    _, told = await call(api, endpoint, key.text)
    assert SECRET not in told


@each_closed
async def test_a_read_only_token_changes_nothing(api: Api, endpoint: AnyEndpoint) -> None:
    key = await api.app.key(await acme(api), "read", "write")
    status, _ = await call(api, endpoint, api.app.token(key, "read"))
    assert status == (200 if endpoint.method == "GET" and endpoint.tag not in CLOSED_TO_READERS else 403)
    content = await api.get(f"/api/documents/{SECRET}", key.text)
    assert content.json()["head_seq"] == 1
