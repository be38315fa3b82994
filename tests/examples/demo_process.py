"""The demo of `examples/fleet_demo` as a process, and everything that it has started."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from tests.cli.processes import REPOSITORY, SETTINGS


@contextmanager
def demo(data_dir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The demo on an embedded Postgres; killed at the end if it is still there."""
    command = [sys.executable, "-m", "examples.fleet_demo", "--data-dir", str(data_dir)]
    inherited = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    with subprocess.Popen(
        [*command, *options],
        cwd=REPOSITORY,
        env=inherited,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def processes_of(data_dir: Path) -> list[psutil.Process]:
    """Everything that runs for this data folder: the demo, its children, the Postgres server."""
    return [process for process in psutil.process_iter() if _belongs(process, str(data_dir))]


def _belongs(process: psutil.Process, folder: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return folder in " ".join(process.cmdline()) or process.environ().get("DATA_DIR") == folder
    except psutil.Error:
        return False
