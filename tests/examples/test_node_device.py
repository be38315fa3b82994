"""The device in Node as its readers start it: to the end, killed in the middle, and without its settings."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.processes import REPOSITORY
from tests.fleet import open_fleet
from tests.server_process import SyncServer

EXAMPLE = REPOSITORY / "examples" / "node-device"
POSITIONS = len((EXAMPLE / "rescue-flight.csv").read_text().splitlines()) - 1
DONE = "All of it is on the server."


@pytest.fixture(autouse=True)
def installed() -> None:
    if not (EXAMPLE / "node_modules").is_dir():
        raise RuntimeError("the example's packages are not installed; run `npm ci` in examples/node-device")


@contextmanager
def device(folder: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The example in a process of its own; killed at the end if it is still there."""
    with subprocess.Popen(
        ["node", "device.mjs"],
        cwd=EXAMPLE,
        env={**os.environ, "DATA_DIR": str(folder), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def until_some_are_on_the_server(process: subprocess.Popen[str]) -> int:
    """Read what it prints until more is recorded than waits on the device; return how much is recorded."""
    assert process.stdout
    said = ""
    for line in process.stdout:
        said += line
        progress = re.search(r"recorded (\d+)/\d+, (\d+) only on this device \(live\)", line)
        if progress and int(progress[1]) > int(progress[2]) + 10:
            return int(progress[1])
    raise AssertionError(f"it ended before: {said}")


async def settings_for(server: SyncServer) -> dict[str, str]:
    return {"WEBHOST_URL": server.url, "WEBHOST_KEY": await server.key_for("fleet", "read", "write")}


async def test_a_device_that_is_killed_goes_on_and_every_position_becomes_one_row(
    own_server: SyncServer, tmp_path: Path
) -> None:
    settings = await settings_for(own_server)
    with device(tmp_path, SPEED="40", **settings) as process:  # it is far from done when it is killed
        recorded = until_some_are_on_the_server(process)
        process.send_signal(signal.SIGKILL)
    assert recorded < POSITIONS
    with device(tmp_path, SPEED="200", **settings) as process:
        until_some_are_on_the_server(process)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=30)
        assert "Stopped. Start it again" in said
        assert process.returncode == 0
    with device(tmp_path, SPEED="100000", **settings) as process:
        said, _ = process.communicate(timeout=60)
        assert DONE in said
        assert process.returncode == 0
    async with open_fleet(own_server.database_url) as fleet:
        await fleet.projector.catch_up()
        assert await fleet.value("select count(*) from gps_positions") == POSITIONS
        assert await fleet.value("select count(distinct sequence) from gps_positions") == POSITIONS
        assert await fleet.value("select count(*) from position_conflicts") == 0
        assert await fleet.value("select name from vehicles") == "Rescue helicopter"


async def test_a_device_keeps_its_positions_while_the_server_is_away(
    own_server: SyncServer, tmp_path: Path
) -> None:
    settings = await settings_for(own_server)
    own_server.kill()
    with device(tmp_path, SPEED="100000", **settings) as process:
        assert process.stdout
        lines = iter(process.stdout)
        everything = f"recorded {POSITIONS}/{POSITIONS}, {POSITIONS + 1} only on this device"
        next(line for line in lines if everything in line)
        await own_server.start()
        assert any(DONE in line for line in lines)


def test_a_directory_has_one_device_and_settings_are_asked_for(tmp_path: Path) -> None:
    settings = {"WEBHOST_URL": "http://127.0.0.1:9", "WEBHOST_KEY": f"whs_test_{'0' * 64}"}
    with device(tmp_path, **settings) as first:
        assert first.stdout
        next(line for line in first.stdout if "writes to" in line)
        with device(tmp_path, **settings) as second:
            said, _ = second.communicate(timeout=30)
        assert f"is used by process {first.pid}" in said
        assert second.returncode == 1
    with device(tmp_path, WEBHOST_URL="", WEBHOST_KEY="") as process:
        said, _ = process.communicate(timeout=30)
    assert "Set WEBHOST_URL" in said
    assert process.returncode == 2
