"""A real receiver of webhooks, and the calls that make and manage them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.app import App
from tests.eventually import eventually
from tests.live_server import live_server

FAST = {"webhook_interval": 0.05, "webhook_throttle": 0.0, "webhook_timeout": 1.0}


@dataclass
class Receiver:
    """Takes messages; answers as it is told."""

    url: str = ""
    status: int = 200
    hangs: bool = False
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        if self.hangs:
            await self.released.wait()
        return Response(status_code=self.status)

    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]

    async def has(self, count: int) -> None:
        await eventually(lambda: len(self.got) >= count)


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    async with live_server(Starlette(routes=[Route("/hook", found.take, methods=["POST"])])) as server:
        found.url = f"{server.url}/hook"
        yield found
        found.released.set()


async def api(app: App, key: str, method: str, path: str, **options: Any) -> Any:
    async with httpx.AsyncClient(base_url=app.url, headers={"Authorization": f"Bearer {key}"}) as client:
        answer = await client.request(method, f"/api/admin/webhooks{path}", **options)
    assert answer.is_success, answer.text
    return answer.json() if answer.content else None
