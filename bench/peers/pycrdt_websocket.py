"""pycrdt-websocket as its documentation starts it: an ASGI app under uvicorn, documents in memory."""

from __future__ import annotations

import asyncio
import os

import uvicorn
from pycrdt.websocket import ASGIServer, WebsocketServer


async def serve() -> None:
    """Serve every path as a room until the process is told to stop."""
    async with WebsocketServer() as websocket_server:
        app = ASGIServer(websocket_server)
        config = uvicorn.Config(app, port=int(os.environ["PORT"]), log_level="warning")
        await uvicorn.Server(config).serve()


if __name__ == "__main__":
    asyncio.run(serve())
