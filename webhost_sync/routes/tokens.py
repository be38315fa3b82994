"""Hands out tokens: a server that holds a key asks for one, and gives it to its browser or device."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta

from starlette.responses import JSONResponse, Response

from webhost_sync.auth.issuing import issue_token
from webhost_sync.auth.principals import DOCUMENT_SCOPES, Grant, Principal, Scope
from webhost_sync.config import Settings
from webhost_sync.errors import InvalidRequest, NotAllowed, TooLarge
from webhost_sync.routes import models
from webhost_sync.routes.bodies import JsonBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query

TOKEN_ID_BYTES = 16


async def create_token(call: Call[Query, models.TokenRequest]) -> Response:
    issuer, wanted = call.principal, call.body
    token, holder = issue_token(
        call.services.tokens,
        issuer,
        token_id=secrets.token_hex(TOKEN_ID_BYTES),
        subject=wanted.subject or issuer.subject,
        device=wanted.device,
        grants=_grants(issuer, wanted),
        scopes=frozenset(wanted.scopes),
        lifetime=_lifetime(wanted, call.services.settings),
        now=datetime.now(UTC),
    )
    assert holder.expires_at is not None
    answer = models.TokenAnswer(
        token=token,
        expires_at=holder.expires_at,
        subject=holder.subject,
        device=holder.device,
        environment=holder.environment,
        documents=[_described(grant) for grant in holder.grants],
        scopes=sorted(holder.scopes),
    )
    return JSONResponse(answer.model_dump(mode="json"), 201, headers={"Cache-Control": "no-store"})


def _grants(issuer: Principal, wanted: models.TokenRequest) -> list[Grant]:
    """What is asked for, or else everything that the key may do with documents.

    Raises: InvalidRequest.
    """
    if wanted.documents is not None:
        return [Grant.of(grant.pattern, grant.rights) for grant in wanted.documents]
    grants = [grant for grant in issuer.grants if Scope.READ in grant.rights]
    if not grants and not wanted.scopes:
        raise InvalidRequest("the key itself has no rights on documents, so a token must ask for scopes")
    return grants


def _lifetime(wanted: models.TokenRequest, settings: Settings) -> timedelta:
    if wanted.lifetime_seconds is None:
        return timedelta(seconds=min(settings.token_lifetime, settings.token_max_lifetime))
    if wanted.lifetime_seconds > settings.token_max_lifetime:
        raise InvalidRequest(
            f"field 'lifetime_seconds' of the body: at most {settings.token_max_lifetime:g} here"
        )
    return timedelta(seconds=wanted.lifetime_seconds)


def _described(grant: Grant) -> models.TokenGrant:
    rights = sorted(grant.rights & DOCUMENT_SCOPES)
    return models.TokenGrant.model_validate({"pattern": grant.pattern, "rights": rights})


_REQUEST = {
    "subject": "ada", "device": "tablet-3", "lifetime_seconds": 3600,
    "documents": [{"pattern": "tables/*", "rights": ["read", "write"]}],
}  # fmt: skip
_TOKEN = {
    "token": "eyJ2IjoxLCJ0aWQiOiI5….kq3J8…", "expires_at": "2026-05-01T13:00:00Z", "subject": "ada",
    "device": "tablet-3", "environment": "live",
    "documents": [{"pattern": "tables/*", "rights": ["read", "write"]}], "scopes": [],
}  # fmt: skip

ENDPOINTS = (
    Endpoint(
        method="POST",
        path="/api/tokens",
        tag="tokens",
        summary="Issue a token",
        goes_on=True,
        description="A short-lived token with a part of the key's rights, for whoever must not have the key. "
        "Needs an API key: a token can't issue tokens. It ends with its key, by expiry and by revocation.",
        handler=create_token,
        query=Query,
        body=JsonBody(
            models.TokenRequest,
            "Every field may be left out.",
            {"one table, to read and write": _REQUEST, "everything that the key may do": {}},
        ),
        answers=(Answer(201, "The token; it is shown once", models.TokenAnswer, _TOKEN),),
        errors=(InvalidRequest, NotAllowed, TooLarge),
    ),
)
