"""The demo as its users start it: to the end, again, killed in the middle, and on a taken port."""

from __future__ import annotations

import re
import shutil
import signal
import socket
from pathlib import Path

import pytest

from examples.fleet_demo.recording import read_recording
from tests.eventually import eventually
from tests.examples.demo_process import demo, processes_of

pytestmark = pytest.mark.xdist_group("embedded")
BUSES = 8
LIMIT = ("--limit", str(BUSES))
POSITIONS = len(read_recording(limit=BUSES).reports)
RIGHT = f"{POSITIONS} rows in gps_positions, {BUSES} in vehicles: as it should be"


def to_the_end(data_dir: Path, *options: str) -> tuple[int, str]:
    """Run it until it has finished; its exit code and what it said."""
    with demo(data_dir, *LIMIT, "--exit-when-done", "--speed", "40000", *options) as process:
        out, _ = process.communicate(timeout=150)
    return process.returncode, out


def test_every_position_becomes_one_row_and_again_adds_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        code, out = to_the_end(tmp_path / "demo", "--port", "0")
        assert RIGHT in out
        assert code == 0
    assert processes_of(tmp_path / "demo") == []


async def test_a_demo_that_is_killed_leaves_nothing_running_and_goes_on_later(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with demo(folder, *LIMIT, "--port", "0", "--speed", "20000") as process:
        assert process.stdout
        progress = (re.search(r"(\d+) projected", line) for line in process.stdout)
        next(match for match in progress if match and int(match[1]) > 0)
        assert len(processes_of(folder)) > 3
        process.send_signal(signal.SIGKILL)
    await eventually(lambda: processes_of(folder) == [], within=90)

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
        with demo(tmp_path / "demo", *LIMIT, "--port", str(port)) as process:
            assert process.stdout
            said = [next(process.stdout) for _ in range(2)]
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0
    assert f"Port {port} is taken; using a free one\n" in said
    assert any(re.match(r"server    http://127.0.0.1:\d+$", line) for line in said)
