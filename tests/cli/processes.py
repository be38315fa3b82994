"""Commands as processes of their own, that are told to stop and are watched while they do."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).parents[2]
SETTINGS = (
    "DATABASE_URL",
    "MIGRATION_DATABASE_URL",
    "TOKEN_SIGNING_SECRET",
    "SECRET_KEY_BASE",
    "ENVIRONMENT",
    "DATA_DIR",
    "PORT",
)


class Command:
    """A running command. Its stderr goes to the file `log`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self.process = process
        self.log = log

    def document(self) -> Any:
        """Wait for the JSON document that it prints when it listens."""
        assert self.process.stdout
        lines: list[str] = []
        while not lines or lines[-1] != "}\n":
            line = self.process.stdout.readline()
            assert line, f"it ended before it said where it listens:\n{self.log.read_text()}"
            lines.append(line)
        return json.loads("".join(lines))

    def stop(self, *, within: float = 15.0) -> int:
        """Send SIGTERM, and return the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(within)


@contextmanager
def command(folder: Path, *arguments: str, **environment: str) -> Iterator[Command]:
    """Run `webhost-sync` in a folder; its standard input stays open until the block ends."""
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    log = folder / f"{arguments[0]}-{len(list(folder.glob('*.log')))}.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "webhost_sync.cli.main", *arguments],
            cwd=folder,
            env={**inherited, "PYTHONPATH": str(REPOSITORY), **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield Command(process, log)
        finally:
            if process.poll() is None:
                process.kill()


def accepts(url: str) -> bool:
    """Whether something listens at the URL."""
    parts = urlsplit(url)
    try:
        socket.create_connection((parts.hostname, parts.port or 80), timeout=1).close()
    except OSError:
        return False
    return True
