"""The demo as its users start it: to the end, again, killed in the middle, and on a taken port."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from examples.fleet_demo.recording import read_recording
from tests.cli.processes import REPOSITORY, SETTINGS
from tests.eventually import eventually

pytestmark = pytest.mark.xdist_group("embedded")
BUSES = 8
POSITIONS = len(read_recording(limit=BUSES).reports)
RIGHT = f"{POSITIONS} rows in gps_positions, {BUSES} in vehicles: as it should be"


@contextmanager
def demo(data_dir: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """The demo with a few buses on an embedded Postgres; killed at the end if it is still there."""
    command = [
        sys.executable,
        "-m",
        "examples.fleet_demo",
        "--data-dir",
        str(data_dir),
        "--limit",
        str(BUSES),
    ]
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


def to_the_end(data_dir: Path, *options: str) -> tuple[int, str]:
    """Run it until it has finished; its exit code and what it said."""
    with demo(data_dir, "--exit-when-done", "--speed", "40000", *options) as process:
        out, _ = process.communicate(timeout=150)
    return process.returncode, out


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


def test_every_position_becomes_one_row_and_again_adds_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        code, out = to_the_end(tmp_path / "demo", "--port", "0")
        assert RIGHT in out
        assert code == 0
    assert processes_of(tmp_path / "demo") == []


async def test_a_demo_that_is_killed_leaves_nothing_running_and_goes_on_later(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo(folder, "--port", "0", "--speed", "20000") as process:
        assert process.stdout
        progress = (re.search(r"(\d+) projected", line) for line in process.stdout)
        next(match for match in progress if match and int(match[1]) > 0)
        assert len(processes_of(folder)) > 3
        process.send_signal(signal.SIGKILL)
    await eventually(lambda: processes_of(folder) == [], within=30.0)

    code, out = to_the_end(folder, "--port", "0")
    assert RIGHT in out
    assert code == 0


def test_replaying_the_day_with_empty_devices_adds_nothing(tmp_path: Path) -> None:
    to_the_end(tmp_path / "demo", "--port", "0")
    shutil.rmtree(tmp_path / "demo" / "devices")
    code, out = to_the_end(tmp_path / "demo", "--port", "0")
    assert (code, RIGHT in out) == (0, True), out


def test_a_taken_port_is_said_and_another_one_used(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with demo(tmp_path / "demo", "--port", str(port)) as process:
            assert process.stdout
            said = [next(process.stdout) for _ in range(2)]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    assert f"Port {port} is taken; using a free one\n" in said
    assert any(re.match(r"server    http://127.0.0.1:\d+$", line) for line in said)
