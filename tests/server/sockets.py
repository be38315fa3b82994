"""A small ASGI app whose sockets a test holds in its hands: the server's transport and the client's end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection, connect

from tests.live_server import LiveServer, live_server
from webhost_sync.config import Settings
from webhost_sync.sync.transport import BUFFER_LIMIT, EXTENSION, Transport, open_transport


@dataclass
class Server:
    """Accepts sockets, notes what it hears, and reads only while `reading` is set."""

    direct: bool
    limit: int = BUFFER_LIMIT
    settings: Settings = field(default_factory=Settings)
    opened: asyncio.Queue[Transport] = field(default_factory=asyncio.Queue)
    received: list[bytes] = field(default_factory=list)
    disconnects: list[int] = field(default_factory=list)
    reading: asyncio.Event = field(default_factory=asyncio.Event)
    live: LiveServer | None = None

    def __post_init__(self) -> None:
        self.reading.set()

    async def endpoint(self, websocket: WebSocket) -> None:
        await websocket.accept()
        async with open_transport(websocket, self.limit) as transport:
            self.opened.put_nowait(transport)
            while True:
                await self.reading.wait()
                message = await websocket.receive()
                if message["type"] == "websocket.disconnect":
                    self.disconnects.append(message["code"])
                    return
                if message["bytes"] == b"fail":
                    raise LookupError("the endpoint failed")
                if message["bytes"] == b"cancel":
                    raise asyncio.CancelledError
                if message["bytes"] == b"leave":
                    return
                self.received.append(message["bytes"])

    @property
    def app(self) -> ASGIApp:
        routed = Starlette(routes=[WebSocketRoute("/", self.endpoint)])
        return routed if self.direct else without_extension(routed)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Server]:
        async with live_server(self.app, self.settings) as self.live:
            yield self

    @asynccontextmanager
    async def client(self) -> AsyncIterator[tuple[Transport, ClientConnection]]:
        """One connection, from both ends. The client buffers a single message it has not yet asked for."""
        assert self.live is not None
        async with connect(self.live.ws_url, max_size=None, max_queue=1, close_timeout=1) as client:
            yield await self.opened.get(), client


def without_extension(app: ASGIApp) -> ASGIApp:
    """What `app` looks like under an ASGI server that doesn't offer its sockets."""

    async def plain(scope: Scope, receive: Receive, send: Send) -> None:
        extensions = {key: value for key, value in scope.get("extensions", {}).items() if key != EXTENSION}
        await app({**scope, "extensions": extensions}, receive, send)

    return plain
