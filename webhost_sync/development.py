"""A tenant with a key for a laptop: made at the first start, found again at the next.

Called by `webhost-sync dev` and the demo. The database keeps only the key's hash, so the key itself
lies in a file of the data folder that only its owner can read. Never called in production.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import NamedTemporaryFile
from uuid import uuid4

from store.audit import SYSTEM
from store.contract import Environment, Tenant
from store.database import Database
from store.keys import Keys
from store.sessions import Sessions
from store.tenants import Tenants
from store.users import MemberRole, Users
from webhost_sync.auth.authenticate import Authenticator
from webhost_sync.auth.issuing import create_key, issue_token
from webhost_sync.auth.links import sign_in_link
from webhost_sync.auth.principals import Grant, Principal, Scope
from webhost_sync.auth.tokens import Tokens
from webhost_sync.errors import NotAuthenticated

ALL_SCOPES = tuple(Scope)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a developer signs in with. `made_now` is true only at the start that made the key."""

    tenant: Tenant
    key: str
    key_file: Path
    token: str
    token_expires_at: datetime
    made_now: bool

    def __repr__(self) -> str:
        return f"Credentials({self.tenant.slug!r}, {str(self.key_file)!r})"


async def development_credentials(
    database: Database, tokens: Tokens, data_dir: Path, *, slug: str, name: str, lifetime: timedelta
) -> Credentials:
    """Find or make the tenant, the key in `data_dir/{slug}-key`, and a fresh token for everything.

    A key that the database doesn't know (it was emptied) or that was revoked is replaced.
    Raises: store.contract.StoreError, OSError.
    """
    keys, tenants = Keys(database), Tenants(database)
    tenant = await tenants.find(slug, Environment.LIVE) or (await tenants.create(slug, name))[0]
    authenticator = Authenticator(keys, tokens)
    key_file = data_dir / f"{slug}-key"
    text = await asyncio.to_thread(_kept, key_file)
    principal = await _holder(authenticator, text)
    made_now = principal is None
    if principal is None:
        key, _ = await create_key(
            keys, tenant, name="development", secret=secrets.token_bytes(32), scopes=ALL_SCOPES
        )
        text = key.text
        await asyncio.to_thread(_keep, key_file, text)
        principal = await authenticator.authenticate(text)
    token, signed = _token(tokens, principal, lifetime)
    assert signed.expires_at is not None
    return Credentials(tenant, text, key_file, token, signed.expires_at, made_now)


async def development_link(database: Database, tenant: Tenant, *, url: str) -> str:
    """A one-time link by which an owner of the tenant signs in to the dashboard of the server at `url`.

    Raises: store.contract.StoreError.
    """
    users, email = Users(database), f"owner@{tenant.slug}.example"
    if await users.find(email) is None:
        await users.create(email, "Owner", None, slug=tenant.slug, role=MemberRole.OWNER, deed=SYSTEM)
    return await sign_in_link(Sessions(database), email, url=url, deed=SYSTEM)


async def _holder(authenticator: Authenticator, key: str) -> Principal | None:
    """Who the key is, or None where it is worth nothing."""
    try:
        return await authenticator.authenticate(key)
    except NotAuthenticated:
        return None


def _token(tokens: Tokens, principal: Principal, lifetime: timedelta) -> tuple[str, Principal]:
    everything: Sequence[Grant] = [Grant.of("*", (Scope.READ, Scope.WRITE, Scope.PRESENCE))]
    return issue_token(
        tokens,
        principal,
        token_id=uuid4().hex,
        subject="developer",
        grants=everything,
        scopes=principal.scopes,
        lifetime=lifetime,
        now=datetime.now(UTC),
    )


def _kept(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


def _keep(path: Path, text: str) -> None:
    """Write the file whole or not at all; it is for its owner alone from the start (0600)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=path.parent, delete=False) as draft:
        draft.write(text + "\n")
    Path(draft.name).replace(path)
