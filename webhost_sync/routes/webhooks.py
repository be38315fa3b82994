"""The webhooks of a space over HTTP, for keys and tokens with the scope `admin`."""

from __future__ import annotations

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import JSONResponse, Response

from webhost_sync.admin import webhooks as models
from webhost_sync.auth.access import access_api
from webhost_sync.auth.principals import Scope
from webhost_sync.errors import InvalidRequest, NotAllowed, NotFound, TooLarge
from webhost_sync.routes.bodies import JsonBody, NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Parameter, Query
from webhost_sync.routes.models import PlainText
from webhost_sync.webhooks.kinds import EventKind

TAG = "admin"


class WebhookRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    url: str = Field(description="https; http on loopback in development.", max_length=2000)
    kinds: list[EventKind] = Field(min_length=1, description="What it is told of.")
    description: PlainText = Field("", description="What it is for.")


class ReplayRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    from_seq: int = Field(ge=0, lt=2**63, description="The first message that is sent again.")


class MessagesQuery(Query):
    state: Literal["pending", "delivered", "dead"] | None = Field(None, description="Only these.")
    before: int | None = Field(None, ge=1, lt=2**63, description="Only messages before this seq.")
    limit: int = Field(100, ge=1, le=1000, description="So many at most.")


async def list_webhooks(call: Call[Query, None]) -> Response:
    return _json(await call.services.admin.webhooks.of(_admin_of(call)))


async def create_webhook(call: Call[Query, WebhookRequest]) -> Response:
    tenant_id, wanted = _admin_of(call), call.body
    made = await call.services.admin.webhooks.create(
        tenant_id, url=wanted.url, kinds=wanted.kinds, description=wanted.description, deed=call.deed
    )
    return _json(made, 201)


async def remove_webhook(call: Call[Query, None]) -> Response:
    tenant_id = _admin_of(call)
    await call.services.admin.webhooks.remove(tenant_id, _id_of(call), deed=call.deed)
    return Response(status_code=204)


async def enable_webhook(call: Call[Query, None]) -> Response:
    tenant_id = _admin_of(call)
    return _json(await call.services.admin.webhooks.enable(tenant_id, _id_of(call), deed=call.deed))


async def list_webhook_messages(call: Call[MessagesQuery, None]) -> Response:
    tenant_id, query = _admin_of(call), call.query
    found = await call.services.admin.webhooks.messages(
        tenant_id, _id_of(call), state=query.state, before=query.before, limit=query.limit
    )
    return _json(found)


async def replay_webhook(call: Call[Query, ReplayRequest]) -> Response:
    tenant_id = _admin_of(call)
    done = await call.services.admin.webhooks.replay(
        tenant_id, _id_of(call), call.body.from_seq, deed=call.deed
    )
    return _json(done)


def _admin_of(call: Call[Any, Any]) -> int:
    """The tenant of whoever calls. Raises: NotAllowed."""
    access_api(call.principal, Scope.ADMIN)
    return call.principal.tenant_id


def _id_of(call: Call[Any, Any]) -> UUID:
    try:
        return UUID(call.path_parameter("id"))
    except ValueError as error:
        raise NotFound("no such webhook") from error


def _json(answer: BaseModel, status: int = 200) -> Response:
    return JSONResponse(answer.model_dump(mode="json"), status, headers={"Cache-Control": "no-store"})


_A_WEBHOOK = {
    "id": "6c8f2d0e-52f4-4b0e-9a43-0f0b1c2d3e4f", "url": "https://example.com/hooks/sync",
    "description": "dispatch", "kinds": ["document.changed", "key.revoked"], "enabled": True,
    "failing_since": None, "disabled_reason": None, "created_at": "2026-05-01T12:00:00Z",
}  # fmt: skip
_A_MESSAGE = {
    "seq": 4711, "id": "0d6f0c4e-7b7c-4a52-8d0f-5a4b3c2d1e0f", "kind": "document.changed",
    "state": "delivered", "attempts": 1, "next_attempt_at": "2026-05-01T12:00:40Z", "last_status": 200,
    "last_error": "", "created_at": "2026-05-01T12:00:00Z", "delivered_at": "2026-05-01T12:00:01Z",
}  # fmt: skip
_REQUEST = {"url": "https://example.com/hooks/sync", "kinds": ["document.changed", "key.revoked"]}
_ID = Parameter("id", "The webhook's id.", "6c8f2d0e-52f4-4b0e-9a43-0f0b1c2d3e4f")


def _endpoint(
    method: str, path: str, summary: str, description: str, handler: Any, answer: Answer, **more: Any
) -> Endpoint[Any, Any]:
    has_id = "{id}" in path
    return Endpoint(
        method=method,
        path=f"/api/admin/webhooks{path}",
        tag=TAG,
        summary=summary,
        description=f"{description} Needs the scope `admin`.",
        handler=handler,
        query=more.get("query", Query),
        body=more.get("body") or NoBody(),
        answers=(answer,),
        errors=(
            InvalidRequest, NotAllowed,
            *([NotFound] if has_id else []), *([TooLarge] if "body" in more else []),
        ),
        path_parameters=(_ID,) if has_id else (),
    )  # fmt: skip


ENDPOINTS = (
    _endpoint(
        "GET", "", "List the webhooks", "Without the secrets.",
        list_webhooks, Answer(200, "The webhooks", models.WebhookList, {"items": [_A_WEBHOOK]}),
    ),
    _endpoint(
        "POST", "", "Make a webhook", "It is told of what happens from now on; its secret is shown once.",
        create_webhook,
        Answer(
            201, "The webhook and its secret", models.NewWebhook,
            {"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "webhook": _A_WEBHOOK},
        ),
        body=JsonBody(WebhookRequest, "Where to, and of what.", {"changes": _REQUEST}),
    ),
    _endpoint(
        "DELETE", "/{id}", "Remove a webhook", "With all of its messages.",
        remove_webhook, Answer(204, "It is gone"),
    ),
    _endpoint(
        "POST", "/{id}/enable", "Switch a webhook on",
        "One that was switched off because it failed for days; what waits is tried at once.",
        enable_webhook, Answer(200, "The webhook", models.Webhook, _A_WEBHOOK),
    ),
    _endpoint(
        "GET", "/{id}/messages", "List the messages of a webhook",
        "The newest first; those that were given up have the state `dead`.",
        list_webhook_messages, Answer(200, "The messages", models.MessageList, {"items": [_A_MESSAGE]}),
        query=MessagesQuery,
    ),
    _endpoint(
        "POST", "/{id}/replay", "Send messages again",
        "All that are kept from a seq on, in order, with the ids they had.",
        replay_webhook, Answer(200, "How many", models.Replayed, {"messages": 12}),
        body=JsonBody(ReplayRequest, "From where on.", {"from a seq": {"from_seq": 4711}}),
    ),
)  # fmt: skip
