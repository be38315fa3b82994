"""A wire between the program and Postgres that can be cut, or made deaf in one direction."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

SOCKET = ".s.PGSQL.5432"


class Wire:
    """Passes bytes on. `deaf`: what Postgres answers is dropped. `down`: nobody gets through."""

    def __init__(self, folder: str, postgres: Path) -> None:
        self.folder = folder
        self.deaf = False
        self.down = False
        self._postgres = postgres
        self._pipes: set[asyncio.Task[None]] = set()

    def url(self, url: str) -> str:
        """The same database through this wire."""
        return f"postgresql://postgres@{urlsplit(url).path}?host={self.folder}"

    async def cut(self) -> None:
        """Break every connection there is now."""
        for pipe in self._pipes:
            pipe.cancel()
        await asyncio.gather(*self._pipes, return_exceptions=True)

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._pipes.add(task)
        try:
            if not self.down:
                await self._join(reader, writer)
        finally:
            self._pipes.discard(task)
            writer.transport.abort()

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_unix_connection(self._postgres)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pass(reader, questions, drop=False))
                tasks.create_task(self._pass(answers, writer, drop=True))
        finally:
            questions.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, drop: bool) -> None:
        while content := await source.read(65536):
            if not (drop and self.deaf):
                sink.write(content)
                await sink.drain()
        sink.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncIterator[Wire]:
    """A wire to a Postgres that listens on a socket in a folder."""
    (folder,) = parse_qs(urlsplit(url).query)["host"]
    with tempfile.TemporaryDirectory(prefix="wire-") as own:
        wire = Wire(own, Path(folder) / SOCKET)
        server = await asyncio.start_unix_server(wire.connect, Path(own) / SOCKET)
        async with server:
            yield wire
            await wire.cut()
