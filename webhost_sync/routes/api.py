"""The table of every HTTP endpoint. Routing and the OpenAPI document are both made from it."""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from webhost_sync import __version__
from webhost_sync.routes import (
    admin,
    documents,
    download,
    exports,
    geofences,
    health,
    history,
    lifecycle,
    limits,
    live_positions,
    metrics,
    pages,
    positions_feed,
    refused,
    tokens,
    tracks,
    vehicle_edit,
    vehicles,
    versions,
    webhooks,
)
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, EndpointRoute, Query
from webhost_sync.routes.openapi import Json, openapi_document

DESCRIPTION = """\
Clients that edit use a WebSocket (`/sync/{document}`, the y-websocket protocol) or the round trip below;
this API is for everything else. A test key sees test data only, a live key live data only.

**Lists** are paged: `limit` items (100, at most 1000), and `next_cursor` for the next page, null on the
last. Items that come meanwhile move nothing. **Times** are RFC 3339, answered in UTC; `from` is
included, `to` is not. **Units** stand in the names. **What you may not see** looks like what doesn't
exist: 404.

**Errors** are `{"error": {"code", "message", "retry"}}`. Where `retry` is true the same request may
succeed later; wait `Retry-After` seconds, and longer each time. Every answer has an `X-Request-Id`;
name it when you ask for help. **Limits** are at `/limits`.
"""


async def get_openapi(call: Call[Query, None]) -> Response:
    return JSONResponse(described(), headers={"Cache-Control": "no-cache"})


ENDPOINTS: tuple[Endpoint[Any, Any], ...] = (
    *vehicles.ENDPOINTS,
    *vehicle_edit.ENDPOINTS,
    *geofences.ENDPOINTS,
    *tracks.ENDPOINTS,
    *exports.ENDPOINTS,
    *live_positions.ENDPOINTS,
    *positions_feed.ENDPOINTS,
    *refused.ENDPOINTS,
    # Before the documents, whose names may hold slashes.
    *history.ENDPOINTS,
    *versions.ENDPOINTS,
    *download.ENDPOINTS,
    *lifecycle.ENDPOINTS,
    *documents.ENDPOINTS,
    *tokens.ENDPOINTS,
    *admin.ENDPOINTS,
    *webhooks.ENDPOINTS,
    *health.ENDPOINTS,
    *limits.ENDPOINTS,
    *metrics.ENDPOINTS,
    *pages.ENDPOINTS,
    Endpoint(
        method="GET",
        path="/api/openapi.json",
        tag="documentation",
        summary="Get this document",
        description="OpenAPI 3.1.",
        handler=get_openapi,
        query=Query,
        body=NoBody(),
        answers=(Answer(200, "The OpenAPI document", "application/json"),),
        is_open=True,
    ),
)


@cache
def described() -> Json:
    """The OpenAPI document of all endpoints."""
    return openapi_document(ENDPOINTS, version=__version__, description=DESCRIPTION)


def api_routes() -> list[BaseRoute]:
    return [EndpointRoute(endpoint) for endpoint in ENDPOINTS]
