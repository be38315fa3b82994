"""The server and the projector as processes of their own, kept running and never left behind.

Each has its standard input from us and stops when it ends, so they also end when this process is
killed. The server gets a listening socket that stays with us: a new server is found at the old address.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

STOP_WITHIN = 20.0
START_AGAIN_AFTER = 0.2


@dataclass(frozen=True, slots=True)
class Child:
    """A command of `webhost-sync`; `log` is the file that gets its stderr."""

    arguments: Sequence[str]
    log: Path
    sockets: tuple[int, ...] = ()


@asynccontextmanager
async def running_children(
    database_url: str, data_dir: Path, listening: socket.socket, console: Console
) -> AsyncIterator[None]:
    """Keep a server and a projector running until the block ends; then stop both and wait for them."""
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATA_DIR": str(data_dir),
        "DRAIN_TIMEOUT": "2",  # devices come back by themselves, and nobody waits for a demo to end
    }
    descriptor = listening.fileno()
    server = Child(
        ("serve", "--no-projector", "--fd", str(descriptor)), data_dir / "server.log", (descriptor,)
    )
    projector = Child(("project",), data_dir / "projector.log")
    async with asyncio.TaskGroup() as tasks:
        keepers = [tasks.create_task(_keep(child, environment, console)) for child in (server, projector)]
        try:
            yield
        finally:
            for keeper in keepers:
                keeper.cancel()


async def _keep(child: Child, environment: dict[str, str], console: Console) -> None:
    while True:
        code = await _run(child, environment)
        console.print(
            f"`webhost-sync {child.arguments[0]}` ended with {code} (see {child.log}); starting again"
        )
        await asyncio.sleep(START_AGAIN_AFTER)


async def _run(child: Child, environment: dict[str, str]) -> int:
    """Run it to its end, or until cancelled, and then stop it."""
    with child.log.open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "webhost_sync.cli.main",
            *child.arguments,
            "--until-stdin-ends",
            stdin=asyncio.subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=child.sockets,
            env=environment,
            process_group=0,  # Ctrl-C is for us, and we tell them once
        )
    try:
        return await process.wait()
    finally:
        if process.returncode is None:
            await _stop(process)


async def _stop(process: asyncio.subprocess.Process) -> None:
    assert process.stdin
    process.stdin.close()
    try:
        async with asyncio.timeout(STOP_WITHIN):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
