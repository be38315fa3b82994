"""What admins see and do, for keys and tokens with the scope `admin`: the same as the dashboard's pages.

People are not managed here: who may sign in is for people to say, and for commands on the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from store.contract import Environment
from webhost_sync.admin import models
from webhost_sync.auth.access import access_api, access_new_key
from webhost_sync.auth.principals import DOCUMENT_SCOPES, Grant, Scope
from webhost_sync.errors import InvalidRequest, NotAllowed, NotFound, TooLarge
from webhost_sync.routes.audit_query import AuditQuery, audit_page
from webhost_sync.routes.bodies import JsonBody, NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.models import PlainText

TAG = "admin"
NEEDS = "Needs the scope `admin`."


class ConnectionsQuery(Query):
    q: str = Field("", max_length=200, description="Part of who, device or document.")


class KeyRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: PlainText = Field("", description="What it is for, shown in lists.")
    scopes: list[Scope] = Field(min_length=1, description="None that this key hasn't itself.")
    documents: list[PlainText] = Field(["*"], min_length=1, max_length=50, description="Patterns.")
    lifetime_seconds: float | None = Field(
        None, gt=0, le=3650 * 86400, description="When it ends; default: never, or with this key."
    )


@dataclass(frozen=True, slots=True)
class _Space:
    """What a principal knows of its own tenant."""

    id: int
    environment: Environment


async def get_overview(call: Call[Query, None]) -> Response:
    return _json(await call.services.admin.overviews.of(_admin_of(call)))


async def list_keys(call: Call[Query, None]) -> Response:
    return _json(await call.services.admin.keys.of(_admin_of(call)))


async def create_key(call: Call[Query, KeyRequest]) -> Response:
    tenant_id, wanted, principal = _admin_of(call), call.body, call.principal
    scopes = frozenset(wanted.scopes)
    rights = scopes & DOCUMENT_SCOPES
    grants = [Grant.of(pattern, rights) for pattern in wanted.documents] if rights else []
    access_new_key(principal, grants, scopes - DOCUMENT_SCOPES)
    lifetime = None if wanted.lifetime_seconds is None else timedelta(seconds=wanted.lifetime_seconds)
    if principal.expires_at is not None:
        left = principal.expires_at - datetime.now(UTC)
        lifetime = left if lifetime is None else min(lifetime, left)
    made = await call.services.admin.keys.create(
        _Space(tenant_id, principal.environment),
        name=wanted.name,
        scopes=sorted(scopes),
        documents=wanted.documents,
        lifetime=lifetime,
        deed=call.deed,
    )
    return _json(made, 201)


async def revoke_key(call: Call[Query, None]) -> Response:
    tenant_id = _admin_of(call)
    try:
        key_id = UUID(call.path_parameter("id"))
    except ValueError as error:
        raise NotFound("no such key") from error
    return _json(await call.services.admin.keys.revoke(tenant_id, key_id, deed=call.deed))


async def list_connections(call: Call[ConnectionsQuery, None]) -> Response:
    return _json(call.services.admin.connections.of(_admin_of(call), call.query.q))


async def close_connection(call: Call[Query, None]) -> Response:
    tenant_id, number = _admin_of(call), call.path_parameter("id")
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise NotFound("no such connection")
    connections = call.services.admin.connections
    return _json(await connections.close(tenant_id, int(number), deed=call.deed))


async def recheck_connections(call: Call[Query, None]) -> Response:
    tenant_id = _admin_of(call)
    return _json(await call.services.admin.connections.recheck(tenant_id, deed=call.deed))


async def list_audit(call: Call[AuditQuery, None]) -> Response:
    tenant_id, path = _admin_of(call), call.request.url.path
    return _json(await audit_page(call.services.admin.audit, tenant_id, call.query, path))


async def get_retention(call: Call[Query, None]) -> Response:
    return _json(await call.services.admin.retention.of(_admin_of(call)))


async def choose_retention(call: Call[Query, models.RetentionChoice]) -> Response:
    tenant_id = _admin_of(call)
    return _json(await call.services.admin.retention.choose(tenant_id, call.body, deed=call.deed))


async def list_rate_limits(call: Call[Query, None]) -> Response:
    found = await call.services.admission.budgets_of(_admin_of(call))
    return _json(models.RateLimits.of(found))


def _admin_of(call: Call[Any, Any]) -> int:
    """The tenant of whoever calls. Raises: NotAllowed."""
    access_api(call.principal, Scope.ADMIN)
    return call.principal.tenant_id


def _json(answer: BaseModel, status: int = 200) -> Response:
    return JSONResponse(answer.model_dump(mode="json"), status, headers={"Cache-Control": "no-store"})


_A_KEY = {
    "id": "3f1f7f5e-8d0c-4a3f-9d64-0d9a1c6f2b11", "prefix": "whs_live_1a2b3c4d", "name": "truck 7",
    "state": "valid", "environment": "live", "scopes": ["read", "write"], "documents": ["tables/*"],
    "created_at": "2026-05-01T12:00:00Z", "expires_at": None, "last_used_at": None, "revoked_at": None,
}  # fmt: skip
_NEW_KEY = {"key": "whs_live_1a2b3c4d…", "record": _A_KEY}
_A_CONNECTION = {
    "id": 41, "subject": "ada", "device": "tablet-3", "credential": "token",
    "key_id": "3f1f7f5e-8d0c-4a3f-9d64-0d9a1c6f2b11", "document": "tables/vehicles",
    "dialect": "y-websocket", "since": "2026-05-01T12:00:00Z", "pending_bytes": 0,
}  # fmt: skip
_AN_ENTRY = {
    "id": 7, "happened_at": "2026-05-01T12:00:00Z", "actor": "user:ada@acme.example", "action": "key.revoke",
    "target": "whs_live_1a2b3c4d", "detail": {"name": "truck 7"}, "address": "192.0.2.7",
    "request_id": "0f6c2d",
}  # fmt: skip
_RETENTION = {
    "history_days": {"days": 7, "own": 7, "by_default": 30},
    "history_hourly_days": {"days": 90, "own": None, "by_default": 90},
    "history_daily_days": {"days": 730, "own": None, "by_default": 730},
    "deleted_documents_days": {"days": 30, "own": None, "by_default": 30},
}
_A_LIMIT = {"kind": "api", "amount": 100, "window_seconds": 60, "is_own": False}
_KEY_ID = Parameter("id", "The key's id, as the list has it.", str(_A_KEY["id"]))
_CONNECTION_ID = Parameter("id", "The connection's number in this server process.", "41")


def _endpoint(
    method: str,
    path: str,
    summary: str,
    description: str,
    handler: Any,
    answer: Answer,
    *,
    query: type[Query] = Query,
    body: Any = None,
    errors: tuple[Any, ...] = (),
    path_parameters: tuple[Parameter, ...] = (),
    goes_on: bool = False,
) -> Endpoint[Any, Any]:
    return Endpoint(
        method=method,
        path=f"/api/admin/{path}",
        tag=TAG,
        summary=summary,
        description=f"{description} {NEEDS}",
        handler=handler,
        query=query,
        body=body or NoBody(),
        answers=(answer,),
        errors=(InvalidRequest, NotAllowed, *errors),
        path_parameters=path_parameters,
        goes_on=goes_on,
    )


ENDPOINTS = (
    _endpoint(
        "GET", "overview", "Get the overview",
        "Health, traffic, load, storage and alerts of the space, as this server process sees them.",
        get_overview, Answer(200, "The overview", models.Overview),
    ),
    _endpoint(
        "GET", "keys", "List the keys", "Every key of the space, without the keys themselves.",
        list_keys, Answer(200, "The keys", models.Keys, {"items": [_A_KEY]}),
    ),
    _endpoint(
        "POST", "keys", "Make a key",
        "A key with a part of this one's rights, which ends no later. A token can't make keys.",
        create_key, Answer(201, "The key; it is shown once", models.NewKey, _NEW_KEY),
        body=JsonBody(
            KeyRequest, "What it may do, where, and for how long.",
            {"for a truck": {"name": "truck 7", "scopes": ["read", "write"], "documents": ["tables/*"]}},
        ),
        errors=(TooLarge,),
    ),
    _endpoint(
        "POST", "keys/{id}/revoke", "Revoke a key",
        "Ends the key for ever, and its tokens; their connections close within seconds.",
        revoke_key, Answer(200, "What is kept of it", models.Key, _A_KEY),
        errors=(NotFound,), path_parameters=(_KEY_ID,), goes_on=True,
    ),
    _endpoint(
        "GET", "connections", "List live connections", "Those to this server process, the oldest first.",
        list_connections,
        Answer(200, "The connections", models.Connections, {"items": [_A_CONNECTION], "total": 1}),
        query=ConnectionsQuery,
    ),
    _endpoint(
        "POST", "connections/recheck", "Check rights now",
        "Closes the connections whose key was revoked or whose token has expired. Happens by itself as well.",
        recheck_connections, Answer(200, "How many were closed", models.Closed, {"closed": 0}),
    ),
    _endpoint(
        "POST", "connections/{id}/close", "Disconnect",
        "Closes one connection; the client comes back if it still may. To keep it out, revoke its key.",
        close_connection, Answer(200, "It was closed", models.Closed, {"closed": 1}),
        errors=(NotFound,), path_parameters=(_CONNECTION_ID,),
    ),
    _endpoint(
        "GET", "retention", "Get for how long what is kept",
        "Of the past of documents, and of deleted ones.",
        get_retention, Answer(200, "Days, with the server's own", models.Retention, _RETENTION),
    ),
    _endpoint(
        "PUT", "retention", "Choose for how long what is kept",
        "All of it anew: what is left out or null is what the server's settings say. What is older than a "
        "shorter time goes when its document is next compacted.",
        choose_retention, Answer(200, "What counts now", models.Retention, _RETENTION),
        body=JsonBody(
            models.RetentionChoice, "Days.", {"a week of single updates": {"history_days": 7}},
        ),
        errors=(TooLarge,),
    ),
    _endpoint(
        "GET", "limits", "List the rate limits",
        "What each principal of the space may do how often. The server's operator can change them.",
        list_rate_limits, Answer(200, "The rate limits", models.RateLimits, {"items": [_A_LIMIT]}),
    ),
    _endpoint(
        "GET", "audit", "List what was changed", "The audit log of the space, newest first.",
        list_audit, Answer(200, "A page", models.AuditPage, {"items": [_AN_ENTRY], "next_cursor": None}),
        query=AuditQuery,
    ),
)  # fmt: skip
