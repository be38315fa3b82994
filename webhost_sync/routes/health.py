"""Whether this process is alive, may be sent requests, and can store what it gets.

For orchestrators, load balancers and people; needs no credential, so it tells nothing but that. Never
waits for a database that hangs: `store.probe` does.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal

from starlette.responses import JSONResponse, Response

from webhost_sync import __version__
from webhost_sync.routes import models
from webhost_sync.routes.bodies import NoBody
from webhost_sync.routes.endpoint import Answer, Call, Endpoint, Query
from webhost_sync.routes.services import Services


async def get_health(call: Call[Query, None]) -> Response:
    return _answer(await health_of(call.services))


async def get_readiness(call: Call[Query, None]) -> Response:
    health = await health_of(call.services)
    return _answer(health, is_ready=not health.draining)


async def get_liveness(call: Call[Query, None]) -> Response:
    return JSONResponse(models.Liveness().model_dump(), headers={"Cache-Control": "no-store"})


async def health_of(services: Services) -> models.Health:
    finding = await services.probe.ask()
    live = services.hub.status()
    maintenance = services.maintenance.current
    status: Literal["healthy", "maintenance", "degraded", "unhealthy"] = "healthy"
    if maintenance is not None:
        status = "maintenance"
    if live.draining:
        status = "degraded"
    if finding.problem is not None or live.failing_rooms:
        status = "unhealthy"
    return models.Health(
        status=status,
        maintenance=None if maintenance is None else maintenance.reason,
        database="connected" if finding.problem is None else f"unavailable: {finding.problem}",
        redis=_redis_of(services),
        failing_rooms=live.failing_rooms,
        draining=live.draining,
        timestamp=datetime.now(UTC),
        version=__version__,
        schema_revision=finding.schema_revision,
    )


def _redis_of(services: Services) -> str:
    """Without Redis everything still works, so it says nothing about the status."""
    if services.redis is None:
        return "not configured"
    return "ok" if services.redis.is_up else "unavailable"


def _answer(health: models.Health, *, is_ready: bool = True) -> JSONResponse:
    status = 503 if health.status == "unhealthy" or not is_ready else 200
    return JSONResponse(health.model_dump(mode="json"), status, headers={"Cache-Control": "no-store"})


_HEALTHY = {
    "status": "healthy", "maintenance": None, "database": "connected", "redis": "not configured",
    "failing_rooms": 0,
    "draining": False, "timestamp": "2026-05-01T12:00:00.000000Z", "version": "0.1.0",
    "schema_revision": "0003",
}  # fmt: skip
_SICK = {**_HEALTHY, "status": "unhealthy", "database": "unavailable: no answer", "schema_revision": None}
_WELL_OR_NOT = (
    Answer(200, "Everything can be stored", models.Health, _HEALTHY),
    Answer(
        503,
        "The database doesn't answer, or commits of live documents fail",
        models.Health,
        _SICK,
    ),
)

ENDPOINTS = (
    *(
        Endpoint(
            method="GET",
            path=path,
            tag="health",
            summary=summary,
            description="Answers within two seconds, whatever the database does.",
            handler=get_health,
            query=Query,
            body=NoBody(),
            answers=_WELL_OR_NOT,
            is_open=True,
        )
        for path, summary in (
            ("/health", "Get the health"),
            ("/api/health", "Get the health (same, under /api)"),
        )
    ),
    Endpoint(
        method="GET",
        path="/health/live",
        tag="health",
        summary="Is the process alive?",
        description="Asks nobody else; when this fails, restart the process.",
        handler=get_liveness,
        query=Query,
        body=NoBody(),
        answers=(Answer(200, "It is", models.Liveness, {"status": "alive"}),),
        is_open=True,
    ),
    Endpoint(
        method="GET",
        path="/health/ready",
        tag="health",
        summary="Should it get requests?",
        description="As the health, and not while the process is going away.",
        handler=get_readiness,
        query=Query,
        body=NoBody(),
        answers=(_WELL_OR_NOT[0], Answer(503, "Unhealthy, or going away", models.Health, _SICK)),
        is_open=True,
    ),
)
