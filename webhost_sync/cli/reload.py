"""Serves in a child process, and starts it again when a Python file changes; only for development.

The listening socket and the embedded Postgres stay with this process: clients that come while the
server restarts wait in the socket's queue, and the database stays warm.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import store
import webhost_sync
from webhost_sync.cli.output import note
from webhost_sync.config import Settings

POLL = 0.5
STOP_WITHIN = 30.0


def serve_and_reload(settings: Settings, database_url: str, listening: socket.socket) -> None:
    """Keep a server running until SIGTERM or SIGINT. One that failed is started at the next change."""
    folders = tuple(Path(path) for module in (webhost_sync, store) for path in module.__path__)
    with _stop_signals() as stop:
        while not stop.is_set():
            changed_at = _newest(folders)
            with _child(settings, database_url, listening):
                while not stop.wait(POLL) and _newest(folders) == changed_at:
                    pass
            if not stop.is_set():
                note("a file changed; starting again")


@contextmanager
def _stop_signals() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set, instead of what they did before."""
    stop = threading.Event()

    def set_stop(number: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, set_stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _child(settings: Settings, database_url: str, listening: socket.socket) -> Iterator[None]:
    """One server process. Its group is its own, so that Ctrl-C reaches us alone, and then it, once."""
    command = [sys.executable, "-m", "webhost_sync.cli.main", "serve", "--until-stdin-ends"]
    with subprocess.Popen(
        [*command, "--fd", str(listening.fileno())],
        stdin=subprocess.PIPE,
        pass_fds=(listening.fileno(),),
        process_group=0,
        env={**os.environ, "DATABASE_URL": database_url, "DATA_DIR": str(settings.data_dir)},
    ) as process:
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()


def _newest(folders: tuple[Path, ...]) -> float:
    files = (file for folder in folders for file in folder.rglob("*.py"))
    return max(_modified_at(file) for file in files)


def _modified_at(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # deleted since it was listed
        return 0.0
