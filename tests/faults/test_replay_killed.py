"""The fleet's replay with `kill -9` at random moments: the same exact rows, and nothing shown is lost.

`python -m tests.faults.test_replay_killed server` (or `postgres`) does it with all 183 buses and 20 kills.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import psutil
import pytest

from examples.fleet_demo.recording import read_recording
from tests.eventually import eventually
from tests.faults.witness import Witness
from tests.lengths import rounds

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
KILLS = rounds(6, in_fuzz=20)
BUSES = 12
Victims = Callable[[psutil.Process, Path], Sequence[psutil.Process]]


def server(demo: psutil.Process, data_dir: Path) -> Sequence[psutil.Process]:
    return [child for child in demo.children() if "serve" in child.cmdline()]


def postgres(demo: psutil.Process, data_dir: Path) -> Sequence[psutil.Process]:
    """The postmaster and all its processes, at once: a power cut for the database."""
    return [child for child in demo.children(recursive=True) if child.name().startswith("postgres")]


SPEED = 100
"""Times real time: slow enough that the day lasts longer than all the kills, on a busy machine too. Then
the rest of it is let pass at once."""


async def replay(data_dir: Path, victims: Victims, buses: int, kills: int, seed: int = 20) -> None:
    """Replay, kill, and hold the tables and the witness to what should be there."""
    random = Random(seed)
    recording = read_recording(limit=buses)
    right = f"{len(recording.reports)} rows in gps_positions, {buses} in vehicles: as it should be"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "examples.fleet_demo", "--data-dir", str(data_dir)),
        *("--limit", str(buses), "--port", "0", "--speed", str(SPEED)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output: list[str] = []
    reading = asyncio.create_task(_read(process, output))
    try:
        witness = await _witness(output, data_dir)
        async with asyncio.TaskGroup() as tasks:
            witnessing = [tasks.create_task(witness.watch()), tasks.create_task(witness.write())]
            for _ in range(kills):
                await _kill_once(psutil.Process(process.pid), data_dir, victims, witness, random)
            assert not _verdict(output), "the replay had ended before the last kill"
            process.send_signal(signal.SIGUSR1)
            await eventually(lambda: _verdict(output) is not None, within=400)
            for task in witnessing:
                task.cancel()
        assert right in (_verdict(output) or ""), output[-5:]
        await witness.testify()
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
        await reading


async def _kill_once(
    demo: psutil.Process, data_dir: Path, victims: Victims, witness: Witness, random: Random
) -> None:
    """Kill at a moment that depends on how far the witness is, and wait until it is served again."""
    for _ in range(random.randint(1, 60)):
        await asyncio.wait_for(witness.progress.acquire(), 60)
    found = victims(demo, data_dir)
    assert found, "there was nothing to kill"
    for victim in found:
        victim.kill()
    told = len(witness.told)
    await eventually(lambda: len(witness.told) > told + 1, within=90)


async def _witness(output: list[str], data_dir: Path) -> Witness:
    def said_where() -> bool:
        return any(line.startswith("server ") for line in output)

    await eventually(said_where, within=90)
    url = next(line.split()[1] for line in output if line.startswith("server "))
    key = (data_dir / "demo-key").read_text().strip()
    return Witness(url, key, "notes/witness", "tables/vehicles")


async def _read(process: asyncio.subprocess.Process, output: list[str]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        output.append(line.decode().strip())


def _verdict(output: list[str]) -> str | None:
    return next((line for line in reversed(output) if "rows in gps_positions" in line), None)


@pytest.mark.parametrize("victims", [server, postgres], ids=lambda victims: victims.__name__)
async def test_a_replay_that_is_killed_again_and_again_ends_with_the_same_rows(
    tmp_path: Path, victims: Victims
) -> None:
    await replay(tmp_path / "demo", victims, BUSES, KILLS)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        victims = {"server": server, "postgres": postgres}[sys.argv[1]]
        asyncio.run(replay(Path(folder) / "demo", victims, 183, kills=20))
    sys.stdout.write("20 kills, and everything is there\n")
