"""Short-lived tokens: a principal as signed text, and back.

    token   = base64url(JSON payload) "." base64url(HMAC-SHA-256), as itsdangerous writes it
    payload = v 1, tid token id, key issuing key, ten tenant id, slug, env, sub subject, dev device,
              docs [[pattern, right, …], …], scopes, iat and exp (Unix seconds)

The times are in the payload and not in itsdangerous' own timestamp, which is read from the wall
clock and knows no time of expiry. Several secrets: the first signs, all verify, so a secret is
replaced by putting a new one in front and dropping the old one after the longest lifetime.
Pure: clock and token id are arguments. A token can't be revoked by itself, its key can.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from uuid import UUID

from itsdangerous import BadData, URLSafeSerializer
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.contract import Environment
from webhost_sync.auth.principals import Grant, Principal, Scope
from webhost_sync.errors import InvalidRequest, NotAuthenticated, TokenExpired

SALT = "webhost-sync token 1"
SIGNER = {"digest_method": hashlib.sha256, "key_derivation": "hmac"}
MAX_TOKEN_CHARACTERS = 6000
"""What fits into a URL or a header everywhere (uvicorn takes 64 KiB, many proxies 8 KiB)."""
CLOCK_DIFFERENCE = timedelta(seconds=60)
"""How far the clock of the server that issued a token may be ahead of ours."""


class _Payload(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    v: Literal[1] = 1
    tid: str
    key: UUID
    ten: int
    slug: str
    env: Environment
    sub: str
    dev: str
    docs: tuple[Annotated[tuple[str, ...], Field(min_length=2)], ...]
    scopes: tuple[Scope, ...]
    iat: float
    exp: float


class Tokens:
    """Issues and verifies tokens with one list of secrets. No token lives longer than `max_lifetime`,
    not even one that was signed when a longer one was allowed."""

    def __init__(self, secrets: Sequence[str], *, max_lifetime: timedelta) -> None:
        """Raises: ValueError without a secret."""
        if not secrets:
            raise ValueError("tokens need a secret to be signed with")
        self._max_lifetime = max_lifetime
        self._serializer = URLSafeSerializer(
            list(reversed(secrets)),  # itsdangerous signs with the last
            salt=SALT,
            signer_kwargs=SIGNER,
        )

    def issue(self, principal: Principal, *, now: datetime) -> str:
        """Sign what the principal is and may do; `token_id` and `expires_at` must be set.

        Whether it may have this token is for `access.access_token` to say.
        Raises: InvalidRequest (it would live too long, or be too long to send).
        """
        if principal.token_id is None or principal.expires_at is None:
            raise InvalidRequest("a token has an id and a time at which it expires")
        if not now < principal.expires_at <= now + self._max_lifetime:
            seconds = self._max_lifetime.total_seconds()
            raise InvalidRequest(f"a token lives longer than 0 and at most {seconds:g} seconds")
        payload = _payload_of(principal, principal.token_id, now, principal.expires_at)
        token = self._serializer.dumps(payload.model_dump(mode="json"))
        text = token.decode() if isinstance(token, bytes) else token
        if len(text) > MAX_TOKEN_CHARACTERS:
            raise InvalidRequest(
                f"a token has at most {MAX_TOKEN_CHARACTERS} characters; grant fewer patterns"
            )
        return text

    def verify(self, token: str, *, now: datetime) -> Principal:
        """Read a token that one of the secrets signed. Whether its key still stands is not known here.

        Raises: TokenExpired; NotAuthenticated (not a token, or signed by somebody else).
        """
        if len(token) > MAX_TOKEN_CHARACTERS:
            raise NotAuthenticated("this is too long for a token")
        try:
            payload = _Payload.model_validate(self._serializer.loads(token))
            principal = _principal_of(payload, _time(payload.exp))
        except BadData as error:
            raise NotAuthenticated("this is no token of this server, or its secret was replaced") from error
        except (ValidationError, InvalidRequest) as error:
            raise NotAuthenticated("the token is of another version of the server; get a new one") from error
        issued = _time(payload.iat)
        if issued > now + CLOCK_DIFFERENCE:
            raise NotAuthenticated("the token is from the future; compare the clocks of the servers")
        expires = min(_time(payload.exp), issued + self._max_lifetime)
        if expires <= now:
            raise TokenExpired(f"it was valid until {expires:%Y-%m-%d %H:%M:%S} UTC")
        return replace(principal, expires_at=expires)


def _payload_of(principal: Principal, token_id: str, issued: datetime, expires: datetime) -> _Payload:
    return _Payload(
        tid=token_id,
        key=principal.key_id,
        ten=principal.tenant_id,
        slug=principal.tenant_slug,
        env=principal.environment,
        sub=principal.subject,
        dev=principal.device,
        docs=tuple((grant.pattern, *sorted(grant.rights)) for grant in principal.grants),
        scopes=tuple(sorted(principal.scopes)),
        iat=issued.timestamp(),
        exp=expires.timestamp(),
    )


def _principal_of(payload: _Payload, expires: datetime) -> Principal:
    return Principal(
        tenant_id=payload.ten,
        tenant_slug=payload.slug,
        environment=payload.env,
        subject=payload.sub,
        device=payload.dev,
        grants=tuple(Grant.of(pattern, rights) for pattern, *rights in payload.docs),
        scopes=frozenset(payload.scopes),
        key_id=payload.key,
        token_id=payload.tid,
        expires_at=expires,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
