"""Tokens by API: a key gives away a part of what it may do, and no more, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from store.keys import Keys
from tests.eventually import eventually
from tests.server.api import error_of, running_api
from tests.server.test_api_documents import edit, round_trip

TABLES = {"pattern": "tables/*", "rights": ["read"]}


async def test_a_token_without_wishes_may_do_what_its_key_may_for_an_hour(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant(), documents=["depot", "yard/*"])
        answer = await api.post_json("/api/tokens", key.text, {})
        assert answer.status_code == 201
        assert answer.headers["Cache-Control"] == "no-store"
        given = answer.json()
        assert given["subject"] == f"key:{key.record.prefix}"
        assert [grant["pattern"] for grant in given["documents"]] == ["depot", "yard/*"]
        lifetime = datetime.fromisoformat(given["expires_at"]) - datetime.now(UTC)
        assert timedelta(minutes=59) < lifetime <= timedelta(hours=1)
        await round_trip(api, given["token"], edit("a"))


async def test_a_token_is_for_its_documents_and_rights_only(database_url: str) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant())
        wish = {"subject": "ada", "device": "tablet", "documents": [TABLES], "lifetime_seconds": 60}
        given = (await api.post_json("/api/tokens", key.text, wish)).json()
        assert (given["subject"], given["device"], given["documents"]) == ("ada", "tablet", [TABLES])
        assert (await api.get("/api/vehicles", given["token"])).status_code == 200
        assert (await api.get("/api/vehicles/a/positions", given["token"])).status_code == 404


async def test_a_token_can_not_issue_tokens(database_url: str) -> None:
    async with running_api(database_url) as api:
        token = api.app.token(await api.app.key(await api.app.tenant()))
        assert (await api.post_json("/api/tokens", token, {})).status_code == 403


@pytest.mark.parametrize(
    ("wish", "status", "named"),
    [
        ({"lifetime_seconds": 0}, 400, "lifetime_seconds"),
        ({"lifetime_seconds": 86401}, 400, "86400"),
        ({"lifetime_seconds": "soon"}, 400, "lifetime_seconds"),
        ({"documents": []}, 400, "documents"),
        ({"documents": [{"pattern": "a", "rights": ["admin"]}]}, 400, "documents.0.rights"),
        ({"documents": [{"pattern": "a", "rights": ["write"]}]}, 400, "only with read"),
        ({"documents": [{"pattern": "", "rights": ["read"]}]}, 400, "pattern"),
        ({"documents": [{"pattern": "*", "rights": ["read"]}]}, 403, "'*'"),
        ({"scopes": ["admin"]}, 403, "admin"),
        ({"subject": "a\nb"}, 400, "subject"),
        ({"subject": "x" * 201}, 400, "subject"),
        ({"sub": "ada"}, 400, "sub"),
        ([], 400, "body"),
    ],
)
async def test_a_wish_that_goes_too_far_is_refused_with_its_reason(
    database_url: str, wish: object, status: int, named: str
) -> None:
    async with running_api(database_url) as api:
        key = await api.app.key(await api.app.tenant(), "read", "write", documents=["mine/*"])
        answer = await api.post_json("/api/tokens", key.text, wish)
        assert answer.status_code == status
        assert error_of(answer) == ("invalid_request" if status == 400 else "not_allowed")
        assert named in answer.json()["error"]["message"]


async def test_a_key_that_only_reads_gives_no_right_to_write(database_url: str) -> None:
    async with running_api(database_url) as api:
        reader = await api.app.key(await api.app.tenant(), "read")
        wish = {"documents": [{"pattern": "*", "rights": ["read", "write"]}]}
        answer = await api.post_json("/api/tokens", reader.text, wish)
        assert (answer.status_code, error_of(answer)) == (403, "not_allowed")


async def test_no_request_waits_until_the_use_of_its_key_is_written_down(database_url: str) -> None:
    async with running_api(database_url) as api:
        tenant = await api.app.tenant()
        key = await api.app.key(tenant)
        keys = Keys(api.app.services.database)

        async def used() -> bool:
            (stored,) = await keys.of_tenant(tenant.id)
            return stored.last_used_at is not None

        async with api.app.services.database.owner() as connection:
            await connection.exec_driver_sql("lock table api_keys in share mode")  # it can be read
            assert (await api.get("/api/vehicles", key.text)).status_code == 200
            assert not await used()
        await eventually(used)
