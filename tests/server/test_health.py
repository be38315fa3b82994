"""The health pages: they say what is the matter, at once, and nothing that a stranger shouldn't know."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime

import pytest

from store.schema_version import head
from tests.eventually import eventually
from tests.server.api import Api, error_of, running_api
from tests.store.proxy import wire_to
from webhost_sync import __version__


@pytest.mark.parametrize("path", ["/health", "/api/health", "/health/ready"])
async def test_a_server_that_can_store_is_healthy(database_url: str, path: str) -> None:
    async with running_api(database_url) as api:
        answer = await api.get(path)
        health = answer.json()
        assert answer.status_code == 200
        assert datetime.fromisoformat(health.pop("timestamp")).tzinfo is not None
        assert health == {
            "status": "healthy", "maintenance": None, "database": "connected", "redis": "not configured",
            "failing_rooms": 0,
            "draining": False, "version": __version__, "schema_revision": head(),
        }  # fmt: skip


async def test_a_database_that_hangs_is_reported_within_two_seconds_and_again_when_it_is_back(
    database_url: str,
) -> None:
    async with wire_to(database_url) as wire, running_api(wire.url(database_url)) as api:
        wire.deaf = True
        for _ in range(2):
            started = time.monotonic()
            answer = await api.get("/health")
            assert time.monotonic() - started < 2.0
            assert answer.status_code == 503
            assert answer.json()["database"] == "unavailable: no answer"
        assert (await api.get("/health/live")).json() == {"status": "alive"}
        wire.deaf = False
        await wire.cut()
        await eventually(lambda: healthy(api))


async def test_a_database_that_is_away_is_reported_without_its_address(database_url: str) -> None:
    async with wire_to(database_url) as wire, running_api(wire.url(database_url)) as api:
        wire.down = True
        await wire.cut()
        answer = await api.get("/health")
        assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
        assert wire.folder not in answer.text
        refused = await api.get("/api/vehicles", "whs_live_" + "0" * 64)
        assert (refused.status_code, error_of(refused)) == (503, "store_unavailable")
        assert wire.folder not in refused.text
        assert int(refused.headers["Retry-After"]) > 0
        wire.down = False
        await eventually(lambda: healthy(api))


async def test_fifty_who_ask_at_once_are_one_question(database_url: str) -> None:
    async with running_api(database_url) as api:
        answers = await asyncio.gather(*(api.get("/health") for _ in range(50)))
        assert {answer.status_code for answer in answers} == {200}


async def test_a_draining_server_is_alive_but_not_ready(database_url: str) -> None:
    async with running_api(database_url) as api:
        api.app.services.hub.start_draining()
        assert (await api.get("/health/ready")).status_code == 503
        assert (await api.get("/health/live")).status_code == 200
        assert (await api.get("/health")).json()["status"] == "degraded"


async def healthy(api: Api) -> bool:
    return (await api.get("/health")).status_code == 200
