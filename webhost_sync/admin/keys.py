"""API keys of a space, and tokens made from them to try something out."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from store.audit import Action, AuditLog, Deed
from store.contract import ApiKey, Tenant
from store.keys import Keys, UnknownKey
from webhost_sync.admin import models
from webhost_sync.admin.snippets import snippets
from webhost_sync.auth.authenticate import principal_of_key
from webhost_sync.auth.issuing import KeyOwner, create_key, issue_token
from webhost_sync.auth.keys import SECRET_BYTES
from webhost_sync.auth.principals import Grant, Scope
from webhost_sync.auth.tokens import Tokens
from webhost_sync.errors import InvalidRequest, NotFound

TOKEN_ID_BYTES = 16


class KeyRing:
    """The keys of all spaces, one at a time."""

    def __init__(self, keys: Keys, tokens: Tokens, audit: AuditLog) -> None:
        self._keys = keys
        self._tokens = tokens
        self._audit = audit

    async def of(self, tenant_id: int) -> models.Keys:
        now = datetime.now(UTC)
        found = [key_model(key, now) for key in await self._keys.of_tenant(tenant_id)]
        found.sort(key=lambda key: (key.state == "valid", key.created_at), reverse=True)
        return models.Keys(items=found)

    async def create(
        self,
        tenant: KeyOwner,
        *,
        name: str,
        scopes: Sequence[Scope],
        documents: Sequence[str],
        lifetime: timedelta | None,
        deed: Deed,
    ) -> models.NewKey:
        """Raises: InvalidRequest."""
        now = datetime.now(UTC)
        key, record = await create_key(
            self._keys,
            tenant,
            name=name,
            secret=secrets.token_bytes(SECRET_BYTES),
            scopes=scopes,
            documents=documents,
            expires_at=None if lifetime is None else now + lifetime,
            deed=deed,
        )
        return models.NewKey(key=key.text, record=key_model(record, now))

    async def revoke(self, tenant_id: int, key_id: UUID, *, deed: Deed) -> models.Key:
        """End a key, and with it its tokens and, within seconds, its connections. Raises: NotFound."""
        try:
            record = await self._keys.revoke(tenant_id, key_id, deed=deed)
        except UnknownKey as error:
            raise NotFound("no such key") from error
        return key_model(record, datetime.now(UTC))

    async def issue(
        self,
        tenant: Tenant,
        key_id: UUID,
        *,
        subject: str,
        grant: Grant,
        lifetime: timedelta,
        server_url: str,
        deed: Deed,
    ) -> models.IssuedToken:
        """A token with a part of the key's rights. Raises: NotFound, NotAllowed, InvalidRequest."""
        now = datetime.now(UTC)
        found = [key for key in await self._keys.of_tenant(tenant.id) if key.id == key_id]
        if not found:
            raise NotFound("no such key")
        if key_model(found[0], now).state != "valid":
            raise InvalidRequest("this key has ended; choose one that is valid")
        token, holder = issue_token(
            self._tokens,
            principal_of_key(found[0], tenant),
            token_id=secrets.token_hex(TOKEN_ID_BYTES),
            subject=subject,
            grants=[grant],
            lifetime=lifetime,
            now=now,
        )
        rights = sorted(grant.rights)
        await self._audit.add(
            tenant.id, deed, Action.TOKEN_ISSUE, subject,
            key=found[0].prefix, pattern=grant.pattern, rights=[right.value for right in rights],
        )  # fmt: skip
        assert holder.expires_at is not None
        return models.IssuedToken(
            token=token,
            expires_at=holder.expires_at,
            subject=subject,
            pattern=grant.pattern,
            rights=[right.value for right in rights],
            snippets=snippets(server_url, token, grant.pattern),
        )


def key_model(key: ApiKey, now: datetime) -> models.Key:
    state: str = "valid"
    if key.revoked_at is not None:
        state = "revoked"
    elif key.expires_at is not None and key.expires_at <= now:
        state = "expired"
    return models.Key.model_validate(
        {**{name: getattr(key, name) for name in models.Key.model_fields if name != "state"}, "state": state}
    )
