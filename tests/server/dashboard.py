"""Browsers without a screen: each has its cookies and finds the proof for its forms as a page has it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import httpx

from store.audit import SYSTEM
from store.contract import Tenant
from store.sessions import Sessions
from store.users import MemberRole, Users
from tests.app import App, running_app
from webhost_sync.auth.links import sign_in_link
from webhost_sync.auth.passwords import hash_password

PASSWORD = "correct horse battery"
HASHED = hash_password(PASSWORD)
PROOF = re.compile(r'name="proof" value="([0-9a-f]{64})"')


@dataclass
class Visitor:
    """A person's browser; `space` is the address of the space that its pages are about."""

    client: httpx.AsyncClient
    space: str

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """A page by its path within the space, or by its whole address."""
        return await self.client.get(self._address(path), headers={"Accept": "text/html", **headers})

    async def json(self, path: str) -> httpx.Response:
        return await self.client.get(self._address(path), headers={"Accept": "application/json"})

    async def post(
        self, path: str, form: Mapping[str, object] | None = None, *, proof: str | None = None, **headers: str
    ) -> httpx.Response:
        """Send a form as a page would; `proof` in place of the right one."""
        right = await self.proof() if proof is None else proof
        return await self.client.post(
            self._address(path),
            data={"proof": right, **(form or {})},
            headers={"Accept": "text/html", **headers},
        )

    async def post_json(self, path: str, fields: Mapping[str, object]) -> httpx.Response:
        headers = {"Accept": "application/json", "X-Form-Proof": await self.proof()}
        return await self.client.post(self._address(path), json=dict(fields), headers=headers)

    async def proof(self) -> str:
        """What forms carry for this browser."""
        for path in ("/dashboard/account", "/dashboard/sign-in"):
            found = PROOF.search((await self.client.get(path)).text)
            if found:
                return found[1]
        raise AssertionError("no page had a form")

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        return await self.post("/dashboard/sign-in", {"email": email, "password": password})

    def _address(self, path: str) -> str:
        return path if path.startswith("/dashboard") else f"{self.space}{path}"


@dataclass
class Dashboard:
    """A running application, and people who look at it."""

    app: App
    _stack: AsyncExitStack

    async def visitor(self, tenant: Tenant | None = None) -> Visitor:
        """A browser that nobody has signed in with."""
        client = httpx.AsyncClient(base_url=self.app.url, timeout=30, trust_env=False, verify=False)
        await self._stack.enter_async_context(client)
        return Visitor(client, f"/dashboard/{tenant.slug}/{tenant.environment.value}" if tenant else "")

    async def account(
        self, tenant: Tenant, role: str = "owner", email: str | None = None, *, password: bool = False
    ) -> str:
        """An account of the tenant's customer; its email."""
        email = email or f"{role}@{tenant.slug}.example"
        users = Users(self.app.services.database)
        hashed = HASHED if password else None
        await users.create(email, role.title(), hashed, slug=tenant.slug, role=MemberRole(role), deed=SYSTEM)
        return email

    async def signed_in(self, tenant: Tenant, role: str = "owner", email: str | None = None) -> Visitor:
        """A browser in which a new account of this role is signed in."""
        visitor = await self.visitor(tenant)
        await self.follow(visitor, await self.account(tenant, role, email))
        return visitor

    async def follow(self, visitor: Visitor, email: str) -> None:
        """Sign in by a one-time link."""
        sessions = Sessions(self.app.services.database)
        link = await sign_in_link(sessions, email, url=self.app.url, deed=SYSTEM)
        answer = await visitor.post("/dashboard/link", {"token": link.partition("token=")[2]})
        assert answer.status_code == 303, answer.text


@asynccontextmanager
async def running_dashboard(database_url: str, **changed: object) -> AsyncIterator[Dashboard]:
    async with running_app(database_url, **changed) as app, AsyncExitStack() as stack:
        yield Dashboard(app, stack)
