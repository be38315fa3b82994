"""The whole application under the real server, with tenants and keys at hand."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from store.contract import ApiKey, Tenant
from store.keys import Keys
from store.tenants import Tenants
from tests.live_server import LiveServer, default_settings, live_server
from webhost_sync.app import create_app, drain
from webhost_sync.auth.authenticate import principal_of_key
from webhost_sync.auth.cookies import CookieSigner
from webhost_sync.auth.issuing import create_key, issue_token
from webhost_sync.auth.principals import Grant
from webhost_sync.auth.tokens import Tokens
from webhost_sync.routes.services import Services

WITHOUT_RATE_LIMITS = {
    **{f"rate_limit_{kind}": 0 for kind in ("api", "upload", "connect", "page", "stranger", "hold")},
    "tenant_update_rate": 1_000_000,
}
"""Tests ask as fast as they can, all from one address; those of the limits say which they mean."""


@dataclass(frozen=True)
class Credential:
    """A key as its holder has it, and what the server keeps of it."""

    text: str
    record: ApiKey
    tenant: Tenant


@dataclass(frozen=True)
class App:
    """One running application. `url` is for HTTP, `sync_url` for sockets."""

    services: Services
    tokens: Tokens
    server: LiveServer

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def sync_url(self) -> str:
        return f"{self.server.ws_url}/sync"

    @property
    def collab_url(self) -> str:
        return f"{self.server.ws_url}/collab"

    async def tenant(self, slug: str = "acme") -> Tenant:
        live, _ = await Tenants(self.services.database).create(slug, slug.title())
        return live

    async def key(self, tenant: Tenant, *scopes: str, documents: Sequence[str] = ("*",)) -> Credential:
        key, record = await create_key(
            Keys(self.services.database),
            tenant,
            name="test",
            secret=secrets.token_bytes(32),
            scopes=scopes or ("read", "write"),
            documents=documents,
        )
        return Credential(key.text, record, tenant)

    def token(
        self,
        key: Credential,
        *rights: str,
        pattern: str = "*",
        lifetime: float = 60.0,
        subject: str = "ada",
        ahead: float = 0.0,
    ) -> str:
        """A token that was issued `max(0, -lifetime)` seconds too long ago, if `lifetime` is negative; or by
        a clock that is so many seconds `ahead`."""
        now = datetime.now(UTC) + timedelta(seconds=min(lifetime - 1, 0) + ahead)
        token, _ = issue_token(
            self.tokens,
            principal_of_key(key.record, key.tenant),
            token_id=uuid4().hex,
            subject=subject,
            grants=[Grant.of(pattern, rights or ("read",))],
            lifetime=timedelta(seconds=max(lifetime, 1)),
            now=now,
        )
        return token


@asynccontextmanager
async def running_app(database_url: str, **changed: object) -> AsyncIterator[App]:
    """Serve on a free port until the block ends."""
    settings = default_settings().model_copy(
        update={"access_check_interval": 0.2, "drain_timeout": 2.0, **WITHOUT_RATE_LIMITS, **changed}
    )
    tokens = Tokens(["a secret that is only for tests"], max_lifetime=timedelta(days=1))
    app = create_app(settings, database_url, tokens, CookieSigner(["another secret for tests"]))
    async with live_server(app, settings, lambda: drain(app.state.services)) as server:
        yield App(app.state.services, tokens, server)
        await asyncio.sleep(0)
