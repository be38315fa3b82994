"""A device whose process dies at any moment loses and doubles nothing.

SIGKILL stops the process, not the disk: what the kernel had taken it still writes. That a commit also
waits for the disk is SQLite's promise (`synchronous = FULL`), which no kill can test.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from random import Random

import pytest
from pycrdt import Array

from tests.device.conftest import NOON_MS
from tests.device.sync_server import KEY, SyncServer, sync_server
from webhost_sync.device import Device

CUTS = 20


async def start(path: Path, server: SyncServer) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.device.recorder",
        str(path),
        server.url,
        KEY,
        str(NOON_MS),
        stdout=PIPE,
    )


async def run_until_cut(process: Process, lines: int, delay_seconds: float) -> list[str]:
    """Let the process make some promises, kill it soon after, and return all that it made."""
    assert process.stdout is not None
    promises = [(await process.stdout.readline()).decode() for _ in range(lines)]
    await asyncio.sleep(delay_seconds)
    process.kill()
    # A last line without its end was never handed over whole: no promise.
    rest = (await process.stdout.read()).decode().splitlines(keepends=True)
    await process.wait()
    return [line.strip() for line in promises + rest if line.endswith("\n")]


@pytest.mark.faults
async def test_what_was_stored_survives_every_power_cut_exactly_once(tmp_path: Path) -> None:
    random, promised = Random(20_260_921), list[str]()
    path = tmp_path / "device.db"
    async with sync_server() as server:
        for _ in range(CUTS):
            process = await start(path, server)
            promised += await run_until_cut(process, random.randrange(1, 60), random.random() / 50)
        assert len(promised) == len(set(promised))
        async with Device(path, url=server.url, credential=KEY, vehicle_id="truck-7") as device:
            await device.sync()
            status = device.status
            assert status.everything_durable
        sequences = [fix.sequence for fix in server.fixes()]
        edits = [int(number) for number in server.room("edits").doc.get("sequences", type=Array)]
    # A fix can be stored without the promise having been printed, so there may be a few more.
    assert sequences == list(range(1, status.recorded_fixes + 1))
    assert {int(line.split()[1]) for line in promised if line.startswith("fix")} <= set(sequences)
    assert len(edits) == len(set(edits))
    assert {int(line.split()[1]) for line in promised if line.startswith("edit")} <= set(edits)
