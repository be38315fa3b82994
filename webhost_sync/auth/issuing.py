"""Hands out new keys and tokens: checks what is asked for, makes it, and shows it once.

Called by the CLI and the API. Random bytes and the clock are arguments; only the hash of a key goes
to the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from store.audit import SYSTEM, Deed
from store.contract import ApiKey, Environment
from webhost_sync.auth.access import access_token
from webhost_sync.auth.keys import Key, new_key
from webhost_sync.auth.principals import DOCUMENT_SCOPES, Grant, Principal, Scope, parse_scopes
from webhost_sync.auth.tokens import Tokens


class KeyBook(Protocol):
    """Where new keys are kept; `store.keys.Keys` says what it promises."""

    async def create(
        self,
        tenant_id: int,
        *,
        name: str,
        prefix: str,
        key_hash: bytes,
        scopes: Sequence[str],
        documents: Sequence[str],
        expires_at: datetime | None,
        deed: Deed,
    ) -> ApiKey: ...


class KeyOwner(Protocol):
    """The space that a key is for: a tenant, or what a principal knows of its own."""

    @property
    def id(self) -> int: ...
    @property
    def environment(self) -> Environment: ...


async def create_key(
    keys: KeyBook,
    tenant: KeyOwner,
    *,
    name: str,
    secret: bytes,
    scopes: Sequence[str],
    documents: Sequence[str] = ("*",),
    expires_at: datetime | None = None,
    deed: Deed = SYSTEM,
) -> tuple[Key, ApiKey]:
    """Make a key of the tenant from 32 random bytes. Its text is in the first part, and nowhere else.

    Raises: InvalidRequest (an unknown scope, or document rights that make no sense).
    """
    chosen = parse_scopes(scopes)
    if chosen & DOCUMENT_SCOPES:
        for pattern in documents:
            Grant.of(pattern, chosen & DOCUMENT_SCOPES)
    key = new_key(tenant.environment, secret)
    stored = await keys.create(
        tenant.id,
        name=name,
        prefix=key.prefix,
        key_hash=key.hash,
        scopes=sorted(chosen),
        documents=documents,
        expires_at=expires_at,
        deed=deed,
    )
    return key, stored


def issue_token(
    tokens: Tokens,
    issuer: Principal,
    *,
    token_id: str,
    subject: str,
    device: str = "",
    grants: Sequence[Grant],
    scopes: frozenset[Scope] = frozenset(),
    lifetime: timedelta,
    now: datetime,
) -> tuple[str, Principal]:
    """Sign a token for a subject, with a part of the issuing key's rights, and never outliving the key.

    Raises: NotAllowed, InvalidRequest.
    """
    access_token(issuer, grants, scopes)
    ends = [now + lifetime] + ([issuer.expires_at] if issuer.expires_at else [])
    principal = replace(
        issuer,
        subject=subject,
        device=device,
        grants=tuple(grants),
        scopes=scopes,
        token_id=token_id,
        expires_at=min(ends),
    )
    return tokens.issue(principal, now=now), principal
