"""How a server is run that is to be measured: started in a folder of its own on a free port, watched
together with its children (Postgres is one of ours), ended and started again. Knows none by name.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from bench.dialects import Dialect

START_SECONDS = 60.0
STOP_SECONDS = 15.0


class CannotRun(Exception):
    """the server is not installed, or did not start; the message says what to do"""


@dataclass(frozen=True, slots=True)
class Contestant:
    """One server. `path` holds `{document}`; `visible_means` says where an update is when others see it.
    `prepare` are commands that are run once, in order, before the first start; `query` makes a client's
    query string of what the last of them printed.
    """

    name: str
    version: str
    visible_means: str
    command: tuple[str, ...]
    path: str
    dialect: Callable[[str], Dialect]
    environment: Mapping[str, str] = field(default_factory=dict)
    installed: Path = Path(__file__)
    """A path that exists once the server's packages are installed."""
    prepare: tuple[tuple[str, ...], ...] = ()
    query: Callable[[bytes], str] = lambda _: ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Processor time since the start in seconds, and memory (proportional set size) in bytes."""

    cpu_seconds: float
    memory: int


class RunningServer:
    """A server's processes. Invariant: `url` stays the same over a restart, and so does the folder."""

    def __init__(self, contestant: Contestant, folder: Path) -> None:
        self.contestant = contestant
        self._folder = folder
        self._port = free_port()
        self._query = ""
        self._process: asyncio.subprocess.Process | None = None

    def url(self, document: str) -> str:
        """Where a client finds this document."""
        return f"ws://127.0.0.1:{self._port}{self.contestant.path.format(document=document)}{self._query}"

    def dialect(self, document: str) -> Dialect:
        """How one speaks of this document with this server."""
        return self.contestant.dialect(document)

    async def prepare(self) -> None:
        """Do what has to be done once before the first start. Raises: CannotRun."""
        printed = b""
        for command in self.contestant.prepare:
            process = await self._run(command, subprocess.PIPE)
            printed, _ = await process.communicate()
            if process.returncode:
                raise CannotRun(f"{self.contestant.name}: {' '.join(command)} failed: {self._last_words()}")
        self._query = self.contestant.query(printed)

    async def start(self) -> None:
        """Raises: CannotRun when the server ends or does not answer within a minute."""
        self._process = await self._run(self.contestant.command)
        deadline = time.monotonic() + START_SECONDS
        while not await answers(self._port):
            if self._process.returncode is not None or time.monotonic() > deadline:
                raise CannotRun(f"{self.contestant.name} did not start: {self._last_words()}")
            await asyncio.sleep(0.05)

    async def stop(self) -> None:
        """Ask the server to end, and make it when it does not. Does nothing when none runs."""
        if self._process is None or self._process.returncode is not None:
            return
        self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    def usage(self) -> Usage:
        """Sum over the server and its children."""
        assert self._process is not None
        root = psutil.Process(self._process.pid)
        cpu, memory = 0.0, 0
        for process in (root, *root.children(recursive=True)):
            try:
                times = process.cpu_times()
                memory += process.memory_full_info().pss
            except psutil.NoSuchProcess:
                continue
            cpu += times.user + times.system
        return Usage(cpu, memory)

    async def _run(self, command: tuple[str, ...], stdout: int | None = None) -> asyncio.subprocess.Process:
        environment = {**os.environ, **self.contestant.environment, **self._places()}
        with (self._folder / "log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command, cwd=self._folder, env=environment, stdout=stdout or log, stderr=log
            )

    def _places(self) -> dict[str, str]:
        return {"HOST": "127.0.0.1", "PORT": str(self._port), "DATA_DIR": str(self._folder / "data")}

    def _last_words(self) -> str:
        return (self._folder / "log").read_text(errors="replace")[-1000:]


@asynccontextmanager
async def running(contestant: Contestant) -> AsyncIterator[RunningServer]:
    """Start a server in a temporary folder; stop it and remove the folder in the end.

    Raises: CannotRun when its packages are not installed or it does not start.
    """
    if not contestant.installed.exists():
        raise CannotRun(f"{contestant.name} is not installed: run `npm ci` in {contestant.installed.parent}")
    with TemporaryDirectory(prefix="bench-") as folder:
        server = RunningServer(contestant, Path(folder))
        try:
            await server.prepare()
            await server.start()
            yield server
        finally:
            await server.stop()


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def answers(port: int) -> bool:
    """Whether an HTTP request gets any answer: a server may listen some time before it serves."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        first = await reader.read(1)
        writer.close()
        await writer.wait_closed()
    except OSError:
        return False
    return bool(first)
