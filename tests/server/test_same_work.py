"""Nobody learns by the time of an answer what they may not see: for "not yours" and "not there" the server
does the same work. It is counted in statements of the database, which don't depend on how busy a machine is;
`python -m bench.isolation` measures the time itself."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import uuid4

import httpx
import pytest

from store.users import MemberRole
from tests.app import Credential
from tests.server.api import Api, running_api
from tests.server.dashboard import Visitor, running_dashboard
from tests.server.statements import asked_by_request
from tests.server.test_closed_endpoints import CLOSED, SECRET
from tests.server.test_closed_endpoints import acme as acme_of_api
from tests.server.test_dashboard_access import ACTIONS, FORMS, STRANGE, acme, path_of
from webhost_sync.routes.dashboard.page import Action
from webhost_sync.routes.dashboard.table import PAGES
from webhost_sync.routes.event_stream import MEDIA_TYPE
from webhost_sync.routes.openapi import AnyEndpoint
from webhost_sync.sync.round_trip import RoundTripRequest, encode_request

NOBODYS = "the-secret-of-nobody"
"""As long as the other one."""
ABOUT_ONE = [
    endpoint for endpoint in CLOSED if "{" in endpoint.template and endpoint.answers[0].content != MEDIA_TYPE
]
CHANCE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d{4}-\d\d-\d\dT[\d:.]+Z?")
"""An epoch or a time of what was made just now, in the asker's own space."""
_numbers = count()


@dataclass(frozen=True)
class Seen:
    """An answer without the name that was asked for, and what the database was asked for it."""

    status: int
    text: str
    statements: tuple[str, ...]


async def see(
    asked: Mapping[str, list[str]],
    ask: Callable[[str], Any],
    *hidden: str,
) -> Seen:
    request = f"request-{next(_numbers)}"
    answer: httpx.Response = await ask(request)
    text = answer.text
    for word in hidden:
        text = text.replace(word, "…")
    return Seen(answer.status_code, CHANCE.sub("…", text), tuple(asked.get(request, ())))


async def call(
    api: Api, asked: Mapping[str, list[str]], endpoint: AnyEndpoint, credential: str, thing: str
) -> Seen:
    known = str(uuid4()) if ":uuid}" in endpoint.path else thing
    path = endpoint.template.replace("{id}", known).replace("{name}", thing)
    query = {"from": "0"} if path.endswith("/diff") else None
    headers = {"Authorization": f"Bearer {credential}"}
    arguments: dict[str, Any] = {"params": query}
    if endpoint.body.model is not None:
        arguments["json"] = next(iter(endpoint.body.examples.values()))
    elif path.endswith("/sync"):
        arguments["content"] = encode_request(RoundTripRequest(b"", b""))
        headers["Content-Type"] = "application/octet-stream"

    def ask(request: str) -> Any:
        return api.client.request(
            endpoint.method, path, headers={**headers, "X-Request-Id": request}, **arguments
        )

    return await see(asked, ask, thing, known)


async def credentials(api: Api, tenant: Any) -> list[Credential]:
    """Of another tenant, and of its own one with rights elsewhere; neither may see the secret."""
    everything = ("read", "write", "history", "admin")
    return [
        await api.app.key(await api.app.tenant("other"), *everything),
        await api.app.key(tenant, *everything, documents=("mine/*",)),
        await api.app.key(tenant, "history", "admin"),
    ]


async def test_the_api_does_the_same_for_what_is_not_yours_as_for_what_is_not_there(
    database_url: str,
) -> None:
    with asked_by_request() as asked:
        async with running_api(database_url) as api:
            keys = await credentials(api, await acme_of_api(api))
            tokens = [api.app.token(key, "read", "write", pattern="mine/*") for key in keys[:2]]
            walked = 0
            for credential in (*(key.text for key in keys), *tokens):
                await api.get("/api/documents", credential)  # who it is, is known from here on
                for endpoint in ABOUT_ONE:
                    theirs = await call(api, asked, endpoint, credential, SECRET)
                    nobodys = await call(api, asked, endpoint, credential, NOBODYS)
                    assert theirs == nobodys, f"{endpoint.method} {endpoint.template}"
                    walked += bool(theirs.statements)
            assert walked > 10  # that statements are counted at all


@pytest.mark.parametrize("role", list(MemberRole))
async def test_a_foreign_space_is_as_much_work_as_none(database_url: str, role: MemberRole) -> None:
    with asked_by_request() as asked:
        async with running_dashboard(database_url) as dashboard:
            await acme(dashboard)
            own = await dashboard.signed_in(await dashboard.app.tenant("other"), role)
            proof = await own.proof()
            for page in PAGES:
                foreign = await visit(asked, own, "/dashboard/acme/live", page, proof)
                unreal = await visit(asked, own, "/dashboard/none/live", page, proof)
                assert foreign == unreal, page.path
                assert foreign.status == 404
                assert foreign.statements != ()


async def test_things_of_another_tenant_are_as_much_work_in_the_own_space_as_none(database_url: str) -> None:
    with asked_by_request() as asked:
        async with running_dashboard(database_url) as dashboard:
            tenant = await acme(dashboard)
            services = dashboard.app.services
            [key] = (await services.admin.keys.of(tenant.id)).items
            [member] = (await services.admin.members.of(tenant)).members
            [hook] = (await services.admin.webhooks.of(tenant.id)).items
            things = {"/members": member.id, "/settings/webhooks": hook.id}
            own = await dashboard.signed_in(await dashboard.app.tenant("other"))
            proof = await own.proof()
            for page in PAGES:
                if "{" not in page.path or page.path.startswith("/documents/create"):
                    continue
                found = [thing for start, thing in things.items() if page.path.startswith(start)]
                thing = str(found[0] if found else key.id)
                theirs = await visit(asked, own, own.space, page, proof, thing, SECRET)
                nobodys = await visit(asked, own, own.space, page, proof, STRANGE, NOBODYS)
                assert theirs == nobodys, page.path
                assert theirs.status == 404


async def visit(
    asked: Mapping[str, list[str]],
    visitor: Visitor,
    space: str,
    page: Any,
    proof: str,
    thing: str = STRANGE,
    document: str = SECRET,
) -> Seen:
    headers = {"Accept": "application/json", "X-Form-Proof": proof}
    path = space + path_of(page, thing).replace(SECRET, document)

    def ask(request: str) -> Any:
        named = {**headers, "X-Request-Id": request}
        if isinstance(page, Action):
            fields = {
                name: document if value == SECRET else value for name, value in FORMS[page.path].items()
            }
            return visitor.client.post(path, json=fields, headers=named)
        return visitor.client.get(path, headers=named)

    return await see(asked, ask, thing, document)


def test_every_action_that_is_about_one_thing_is_walked() -> None:
    assert len([action for action in ACTIONS if "{" in action.path]) >= 10
