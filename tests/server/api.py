"""An HTTP client of the running application, and rows as the projector would write them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from sqlalchemy import insert, text

from store.contract import Tenant
from store.schema import gps_positions, latest_positions, vehicles
from tests.app import App, running_app

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Api:
    app: App
    client: httpx.AsyncClient

    async def get(self, path: str, credential: str | None = None, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers_of(credential, headers))

    async def post(
        self, path: str, credential: str | None = None, *, content: bytes = b"", **headers: str
    ) -> httpx.Response:
        kind = {"Content-Type": "application/octet-stream"}
        return await self.client.post(path, content=content, headers=headers_of(credential, kind | headers))

    async def post_json(self, path: str, credential: str | None, body: object) -> httpx.Response:
        return await self.send_json("POST", path, credential, body)

    async def send_json(self, method: str, path: str, credential: str | None, body: object) -> httpx.Response:
        kind = headers_of(credential, {"Content-Type": "application/json"})
        return await self.client.request(method, path, content=json.dumps(body).encode(), headers=kind)

    async def pages(self, path: str, credential: str) -> list[list[dict[str, Any]]]:
        """The items of every page of a list."""
        pages, cursor = [], ""
        while True:
            joint = "&" if "?" in path else "?"
            answer = await self.get(f"{path}{joint}cursor={cursor}" if cursor else path, credential)
            assert answer.status_code == 200, answer.text
            pages.append(answer.json()["items"])
            cursor = answer.json()["next_cursor"]
            if cursor is None:
                return pages

    async def add_vehicles(self, tenant: Tenant, *rows: Mapping[str, Any]) -> None:
        async with self.app.services.database.owner() as connection:
            for row in rows:
                values = {"tenant_id": tenant.id, "document_id": 1, **row}
                await connection.execute(insert(vehicles).values(values))

    async def add_positions(self, tenant: Tenant, vehicle_id: str, *seconds: int) -> None:
        """Fixes of one vehicle, so many seconds after noon; the last one becomes the latest."""
        rows = [position(tenant, vehicle_id, number, at) for number, at in enumerate(seconds)]
        async with self.app.services.database.owner() as connection:
            month = text("select public.ensure_positions_month(:noon)")
            await connection.execute(month, {"noon": NOON})
            await connection.execute(insert(gps_positions), [{**row, "seq": 1} for row in rows])
            latest = {key: value for key, value in rows[-1].items() if key in latest_positions.c}
            await connection.execute(insert(latest_positions).values(latest))


def position(tenant: Tenant, vehicle_id: str, sequence: int, seconds: int) -> dict[str, Any]:
    return {
        "tenant_id": tenant.id, "vehicle_id": vehicle_id, "device_id": "tracker", "sequence": sequence,
        "time": NOON + timedelta(seconds=seconds), "received_at": NOON + timedelta(hours=1),
        "latitude": 52.0, "longitude": 21.0, "speed_mps": 3.5, "flags": 6, "document_id": 1,
    }  # fmt: skip


def headers_of(credential: str | None, headers: Mapping[str, str]) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return named if credential is None else {"Authorization": f"Bearer {credential}", **named}


def error_of(answer: httpx.Response) -> str:
    """The code of an answer that is an error in the one form there is."""
    assert set(answer.json()) == {"error"}
    assert set(answer.json()["error"]) == {"code", "message", "retry"}
    code = answer.json()["error"]["code"]
    assert isinstance(code, str)
    return code


@asynccontextmanager
async def running_api(database_url: str, **changed: object) -> AsyncIterator[Api]:
    async with (
        running_app(database_url, **changed) as app,
        httpx.AsyncClient(base_url=app.url, timeout=30, trust_env=False, verify=False) as client,
    ):
        yield Api(app, client)
