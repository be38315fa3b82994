"""Runs an ASGI app under the real server on a free port, in the test's own event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from starlette.types import ASGIApp

from tests.eventually import eventually
from webhost_sync.config import Settings
from webhost_sync.server import Drain, Server, listen, make_config


class TestServer(Server):
    """The server without its signal handlers: several run in one test process, beside pytest's own."""

    __test__ = False

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True)
class LiveServer:
    """Where the server listens: `url` for HTTP, `ws_url` for sockets, both without a slash at the end."""

    url: str
    ws_url: str
    server: TestServer
    task: asyncio.Task[None]

    async def stop(self) -> None:
        """Do what SIGTERM does, and return when the server has ended. The second call changes nothing."""
        self.server.should_exit = True
        await asyncio.shield(self.task)


async def nothing_to_drain() -> None:
    """The drain of an app that keeps nothing."""


@asynccontextmanager
async def live_server(
    app: ASGIApp, settings: Settings | None = None, drain: Drain = nothing_to_drain
) -> AsyncIterator[LiveServer]:
    """Serve `app` on port 0 until the block ends; then fail if the server left a task behind."""
    chosen = (settings or Settings()).model_copy(update={"port": 0})
    before = asyncio.all_tasks()
    server = TestServer(make_config(app, chosen), drain, chosen.drain_timeout)
    task = asyncio.create_task(server.serve([listen(chosen)]), name="live server")
    try:
        await eventually(lambda: (server.started and server.url != "") or task.done())
        live = LiveServer(server.url, server.url.replace("http://", "ws://"), server, task)
        yield live
    finally:
        server.should_exit = True
        await task

    def no_task_left() -> None:
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        assert not left, f"tasks left behind: {sorted(task.get_name() for task in left)}"

    await eventually(no_task_left, within=5.0)
