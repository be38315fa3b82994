"""Turns a credential into a principal, and finds out later whether it still stands.

Routes ask when somebody comes; the loop over live connections asks again. Nothing is believed from
memory: a revoked key is refused at the next request. A lookup by hash costs one short query; the tokens
of a crowd that comes back at once share one. Only who it seems to be is known without one, for the rate
limits that come before.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

from store.contract import ApiKey, Tenant, Unavailable
from store.fair_share import FairShare
from webhost_sync.auth.keys import is_key, parse_key
from webhost_sync.auth.principals import DOCUMENT_SCOPES, Grant, Principal, Scope
from webhost_sync.auth.together import Together
from webhost_sync.auth.tokens import Tokens
from webhost_sync.errors import KeyRevoked, NotAuthenticated, StoreUnavailable, SyncError, TokenExpired

TOUCH_INTERVAL = timedelta(minutes=1)
LOOKED_UP_AT_ONCE = 4
"""Keys of one tenant, or the same unknown key. Everybody waits in one line for a connection to Postgres, and
a crowd that comes back at once would have all of it."""
REMEMBERED_KEYS = 10_000


class KeyStore(Protocol):
    """What is asked of the store here; `store.keys.Keys` says what each method promises."""

    async def find(self, key_hash: bytes) -> tuple[ApiKey, Tenant] | None: ...
    async def touch(self, tenant_id: int, key_id: UUID) -> None: ...
    async def still_valid(self, key_ids: Iterable[UUID]) -> frozenset[UUID]: ...


def utc_now() -> datetime:
    return datetime.now(UTC)


class Authenticator:
    """Knows keys and tokens; the only place where a credential is believed."""

    def __init__(
        self,
        keys: KeyStore,
        tokens: Tokens,
        *,
        note_use: Callable[[int, UUID], object] | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """`note_use` gets a tenant's id and a key's when the key's last use is to be written down; without
        it that is done before the key lets anybody in."""
        self._keys = keys
        self._tokens = tokens
        self._note_use = note_use
        self._now = now
        self._still_valid = Together(keys.still_valid)
        self._lookups = FairShare(LOOKED_UP_AT_ONCE)
        self._seen: OrderedDict[bytes, Principal] = OrderedDict()
        """Keys that were good when they were last looked up, by their hash."""

    def at_a_glance(self, credential: str | None) -> Principal | None:
        """Who this seems to be, without asking anybody: good for counting, and never for letting in."""
        try:
            if not credential:
                return None
            if is_key(credential):
                return self._seen.get(parse_key(credential).hash)
            return self._tokens.verify(credential, now=self._now())
        except NotAuthenticated:
            return None

    async def authenticate(self, credential: str | None) -> Principal:
        """Find out whose key or token this is.

        Raises: NotAuthenticated (none, malformed or unknown), TokenExpired, KeyRevoked (the key
        itself, or the one that issued the token), StoreUnavailable.
        """
        if not credential:
            raise NotAuthenticated()
        try:
            if is_key(credential):
                return await self._by_key(credential)
            principal = self._tokens.verify(credential, now=self._now())
            if principal.key_id not in await self._still_valid.ask(principal.key_id):
                raise _key_is_gone(principal)
            return principal
        except Unavailable as error:
            raise StoreUnavailable() from error

    async def recheck(self, principals: Sequence[Principal]) -> dict[Principal, SyncError]:
        """Those whose rights have ended, each with the reason. Raises: store.contract.Unavailable."""
        if not principals:
            return {}
        now = self._now()
        different = dict.fromkeys(principals)
        valid = await self._keys.still_valid({principal.key_id for principal in different})
        ended: dict[Principal, SyncError] = {}
        for principal in different:
            if principal.expires_at and principal.expires_at <= now:
                ended[principal] = (
                    TokenExpired() if principal.token_id else _key_expired("", principal.expires_at)
                )
            elif principal.key_id not in valid:
                ended[principal] = _key_is_gone(principal)
        return ended

    async def _by_key(self, credential: str) -> Principal:
        key = parse_key(credential)
        seen = self._seen.get(key.hash)
        async with self._lookups.of(hash(key.hash) if seen is None else seen.tenant_id):
            found = await self._keys.find(key.hash)
        if found is None:
            self._seen.pop(key.hash, None)
            raise NotAuthenticated(
                f"there is no API key {key.prefix}… on this server; it was never made here"
            )
        stored, tenant = found
        now = self._now()
        try:
            _demand_valid(stored, now)
        except NotAuthenticated:
            self._seen.pop(key.hash, None)
            raise
        if stored.last_used_at is None or stored.last_used_at < now - TOUCH_INTERVAL:
            if self._note_use is None:
                await self._keys.touch(tenant.id, stored.id)
            else:
                self._note_use(tenant.id, stored.id)
        principal = self._seen[key.hash] = principal_of_key(stored, tenant)
        while len(self._seen) > REMEMBERED_KEYS:
            self._seen.popitem(last=False)
        return principal


def principal_of_key(key: ApiKey, tenant: Tenant) -> Principal:
    """What a key may do: its document scopes on its documents, and its other scopes.

    A scope that only a newer version of the server knows is worth nothing here.
    """
    scopes = frozenset(scope for scope in Scope if scope in key.scopes)
    rights = scopes & DOCUMENT_SCOPES
    return Principal(
        tenant_id=tenant.id,
        tenant_slug=tenant.slug,
        environment=tenant.environment,
        subject=f"key:{key.prefix}",
        device="",
        grants=tuple(Grant(pattern, rights) for pattern in key.documents),
        scopes=scopes - DOCUMENT_SCOPES,
        key_id=key.id,
        token_id=None,
        expires_at=key.expires_at,
    )


def _demand_valid(key: ApiKey, now: datetime) -> None:
    if key.revoked_at is not None:
        raise KeyRevoked(f"{key.prefix}… since {key.revoked_at:%Y-%m-%d %H:%M} UTC")
    if key.expires_at is not None and key.expires_at <= now:
        raise _key_expired(f" {key.prefix}…", key.expires_at)


def _key_expired(named: str, at: datetime) -> NotAuthenticated:
    return NotAuthenticated(f"the API key{named} expired at {at:%Y-%m-%d %H:%M} UTC; use another one")


def _key_is_gone(principal: Principal) -> KeyRevoked:
    return KeyRevoked("it issued this token, and was revoked or has expired" if principal.token_id else "")
