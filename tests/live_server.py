"""Runs an ASGI app under the real server: in the test's own event loop, or as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count

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

    async def main_loop(self) -> None:
        """As uvicorn's, which looks ten times a second whether it is to end: most tests take less."""
        for tick in count():
            if await self.on_tick(tick):
                return
            for _ in range(10):
                if not self.should_exit:
                    await asyncio.sleep(0.01)


SERVING = "live server"
"""The name of the task of each."""


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


@cache
def default_settings() -> Settings:
    """Those of nobody's `.env`; read once, for that takes as long as many a test."""
    return Settings(_env_file=None)  # type: ignore[call-arg]


async def nothing_to_drain() -> None:
    """The drain of an app that keeps nothing."""


@asynccontextmanager
async def live_server(
    app: ASGIApp, settings: Settings | None = None, drain: Drain = nothing_to_drain
) -> AsyncIterator[LiveServer]:
    """Serve `app` on port 0 until the block ends; then fail if the server left a task behind.

    Where several serve in one loop, this is asked when the last of them ends: the others' tasks come and go.
    """
    chosen = (settings or default_settings()).model_copy(update={"port": 0})
    before = asyncio.all_tasks()
    server = TestServer(make_config(app, chosen), drain, chosen.drain_timeout)
    task = asyncio.create_task(server.serve([listen(chosen)]), name=SERVING)
    try:
        await eventually(lambda: (server.started and server.url != "") or task.done())
        live = LiveServer(server.url, server.url.replace("http://", "ws://"), server, task)
        yield live
    finally:
        server.should_exit = True
        await task

    def no_task_left() -> None:
        left = asyncio.all_tasks() - before - {asyncio.current_task()}
        assert not left, f"tasks left behind: {sorted(map(repr, left))}"

    if SERVING not in {task.get_name() for task in asyncio.all_tasks()}:
        await eventually(no_task_left)


@dataclass(frozen=True)
class PythonProcess:
    """A Python program whose standard output the test reads line by line."""

    process: asyncio.subprocess.Process

    async def line_with(self, text: str, *, within: float = 60.0) -> str:
        """Return the next line that holds `text`, without its end; skip those before it."""
        assert self.process.stdout is not None
        async with asyncio.timeout(within):
            while text not in (line := (await self.process.stdout.readline()).decode()):
                assert line, f"the program ended before it said {text!r}"
        return line.rstrip("\n")

    def send_signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self) -> int:
        """Wait for the end; return the exit code (the negative signal, if one killed it)."""
        return await self.process.wait()


@asynccontextmanager
async def python_process(source: str) -> AsyncIterator[PythonProcess]:
    """Run `source` with this interpreter, and kill it at the end if it is still there."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", source, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield PythonProcess(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
