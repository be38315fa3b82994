"""The network between one device and the server: a TCP connection for each of the browser's, to be cut or
muted. Knows of HTTP only the first line, by which it tells sockets of `/collab` from requests.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

COLLAB = b"GET /collab"
TOKEN = b"POST /api/tokens"


class Cable:
    """Invariants: 1. The address stays the same, whatever happens to the cable. 2. What was under way when it
    was cut or muted is lost, as in a real network."""

    def __init__(self, server_port: int) -> None:
        self.dialled = 0
        """How often a device has opened a socket of `/collab`."""
        self.tokens_asked = 0
        """How often it has asked for a token."""
        self.port = 0
        self._server_port = server_port
        self._is_cut = False
        self._is_mute = False
        self._tasks: dict[asyncio.Task[None], bool] = {}

    @property
    def url(self) -> str:
        """The server as the device sees it; without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sockets(self) -> int:
        """How many sockets of `/collab` are open now."""
        return sum(self._tasks.values())

    async def cut(self) -> None:
        """Break every connection, and refuse new ones until `mend`."""
        self._is_cut = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def mute(self) -> None:
        """Lose everything from now on, and tell nobody: connections stay, as when a radio is out of reach."""
        self._is_mute = True

    async def mend(self) -> None:
        """Carry bytes again. Connections that have lost some are broken."""
        if self._is_mute:
            await self.cut()
        self._is_cut = self._is_mute = False

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks[task] = False
        try:
            if not self._is_cut:
                await self._join(task, reader, writer)
                writer.close()
                return
        except (OSError, asyncio.CancelledError):
            pass  # an end is gone, or the cable is
        finally:
            del self._tasks[task]
        writer.transport.abort()

    async def _join(
        self, task: asyncio.Task[None], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        first = await reader.read(65536)
        answers, questions = await asyncio.open_connection("127.0.0.1", self._server_port)
        try:
            if first.startswith(COLLAB):
                self._tasks[task] = True
                self.dialled += 1
            self._lay(questions, first)
            ways = [
                asyncio.ensure_future(self._pass(reader, questions)),
                asyncio.ensure_future(self._pass(answers, writer)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            questions.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while content := await source.read(65536):
            self._lay(sink, content)
            await sink.drain()
        await sink.drain()

    def _lay(self, sink: asyncio.StreamWriter, content: bytes) -> None:
        self.tokens_asked += content.count(TOKEN)
        if not self._is_mute:
            sink.write(content)


@asynccontextmanager
async def laid_cable(server_port: int) -> AsyncIterator[Cable]:
    """A cable to a port of this machine, until the block ends."""
    cable = Cable(server_port)
    async with await asyncio.start_server(cable.connect, "127.0.0.1", 0) as server:
        cable.port = server.sockets[0].getsockname()[1]
        yield cable
        await cable.cut()
