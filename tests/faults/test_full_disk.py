"""Full disks: a backup leaves nothing that looks whole, and clients lose nothing while nothing is stored."""

# ruff: noqa: F811 - fixtures of another folder
from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from pycrdt import Array, Doc
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from store.migrate import upgrade
from tests.backup.conftest import Site, site  # noqa: F401 - a fixture
from tests.cli.processes import REPOSITORY
from tests.eventually import eventually
from tests.postgres import select
from tests.server.test_sync_door import next_of
from tests.server_process import SyncServer
from tests.small_disk import LIMITED, WAYS, WAYS_OF_POSTGRES, SmallDisk, limit_files, small_disk
from tests.store.processes import owner_process
from webhost_sync.sync.protocol import SyncStep1, SyncStep2, SyncUpdate, encode

pytestmark = pytest.mark.faults

MIB = 1024 * 1024
SAYS = {LIMITED: "file too large"}


async def run(disk: SmallDisk, url: str, *arguments: str, **environment: str) -> tuple[int, str, str]:
    """A command with this disk: its exit code and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *disk.inside,
        *(sys.executable, "-m", "webhost_sync.cli.main", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "DATABASE_URL": url, **environment},
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def findings(disk: SmallDisk, url: str, *options: str, **environment: str) -> dict[str, Any]:
    _, out, err = await run(disk, url, "doctor", "--json", *options, **environment)
    assert out, err
    return {each["check"]: each for each in json.loads(out)["findings"]}


@pytest.mark.parametrize("way", WAYS)
async def test_a_backup_onto_a_disk_that_fills_up_leaves_nothing_and_the_next_is_good(
    way: str, site: Site, tmp_path: Path
) -> None:
    # A small one first: the next is expected to be about as large, and its disk to have room for it.
    size = 4 * MIB if way == LIMITED else 24 * MIB
    with small_disk(way, tmp_path / "shelf", size) as disk:
        where = str(disk.folder)
        code, out, err = await run(disk, site.url, "backup", where, "--json")
        assert code == 0, err
        first = json.loads(out)["name"]
        dice = random.Random(7)
        for number in range(7):
            await site.write(site.tenants[0], f"photos-{number}", picture=dice.randbytes(4 * MIB))
        code, _, err = await run(disk, site.url, "backup", where)
        assert code == 1
        assert f"{where}: {SAYS.get(way, 'no space left on device')}" in err
        assert "choose another target" in err
        assert [path.name for path in disk.seen.iterdir()] == [first]
        last = (await findings(disk, site.url))["last backup"]
        assert last["verdict"] == "failed"
        assert SAYS.get(way, "no space left on device") in last["evidence"]

        disk.grow()
        code, _, err = await run(disk, site.url, "backup", where)
        assert code == 0, err
        assert len(list(disk.seen.iterdir())) == 2
        code, _, err = await run(disk, site.url, "verify", "latest", "--from", where)
        assert code == 0, err
        assert (await findings(disk, site.url))["last backup"]["verdict"] == "ok"


class Writer:
    """A client that appends to a document of its own, and brings again what wasn't acknowledged."""

    def __init__(self, url: str, updates: Sequence[bytes]) -> None:
        self._url = url
        self._updates = updates
        self.acknowledged: list[bytes] = []

    async def run(self) -> None:
        while len(self.acknowledged) < len(self._updates):
            try:
                async with connect(self._url, max_size=None) as socket:
                    await socket.send(encode(SyncStep1(b"\x00")))
                    await next_of(socket, SyncStep2)
                    for update in self._updates[len(self.acknowledged) :]:
                        await socket.send(encode(SyncUpdate(update)))
                        await next_of(socket, SyncUpdate)
                        self.acknowledged.append(update)
            except (ConnectionClosed, InvalidStatus, OSError, TimeoutError):
                await asyncio.sleep(0.1)  # as any client, not at once


def pictures(writer: int, count: int, size: int) -> list[bytes]:
    doc: Doc[Any] = Doc(client_id=writer + 1)
    dice, made = random.Random(writer), []
    for _ in range(count):
        before = doc.get_state()
        doc.get("pictures", type=Array).append(dice.randbytes(size))
        made.append(doc.get_update(before))
    return made


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """One whose name leaves room for that of a socket in it."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        yield Path(folder)


async def next_log_file(url: str) -> None:
    """Postgres reserves its write-ahead log in pieces; a new one leaves room in it for the test."""
    connection = await asyncpg.connect(url)
    await connection.execute("select pg_switch_wal()")
    await connection.execute("create table filling as select 1 as one")
    await connection.close()


@pytest.mark.parametrize("way", WAYS_OF_POSTGRES)
async def test_clients_lose_nothing_while_the_disk_of_postgres_is_full(
    way: str, short_folder: Path, tmp_path: Path
) -> None:
    with (
        small_disk(way, short_folder, 300 * MIB) as disk,
        owner_process(short_folder, inside=() if way == LIMITED else disk.inside) as owner,
    ):
        there = str(owner.answer()["url"])
        url = there.replace(str(short_folder), str(disk.seen))
        await asyncio.to_thread(upgrade, url)
        server = SyncServer(url, tmp_path, {"UNCOMMITTED_TIMEOUT": "2"})
        await server.start()
        try:
            key = await server.key_for("acme", "read", "write", "admin")
            writers = [
                Writer(f"{server.sync_url}/album-{number}?apiKey={key}", pictures(number, 40, 200_000))
                for number in range(3)
            ]
            async with asyncio.TaskGroup() as tasks, httpx.AsyncClient(trust_env=False) as client:
                running = [tasks.create_task(writer.run()) for writer in writers]
                await eventually(lambda: all(writer.acknowledged for writer in writers), within=90)
                await next_log_file(url)
                if way == LIMITED:
                    limit_files(short_folder / "cluster", 17 * MIB)
                else:
                    filler = await asyncio.to_thread(disk.fill, but=MIB // 2)

                async def is_unhealthy() -> bool:
                    answer = await client.get(f"{server.url}/health")
                    return (answer.status_code, answer.json()["status"]) == (503, "unhealthy")

                await eventually(is_unhealthy, within=90)
                assert not all(task.done() for task in running)
                if way != LIMITED:
                    found = await findings(disk, there, DATA_DIR=str(short_folder))
                    assert found["disk of Postgres"]["verdict"] == "failed"
                    assert found["writes"]["verdict"] == "failed"
                    assert "No space left on device" in found["writes"]["evidence"]
                outside = SmallDisk((), short_folder, short_folder)

                async def is_found(outside: SmallDisk = outside) -> bool:
                    """A small write may find room in between, and the server is healthy for a moment."""
                    health = (await findings(outside, url, "--url", server.url, WEBHOST_SYNC_KEY=key))[
                        "health"
                    ]
                    return (health["verdict"], health["remedy"]) == (
                        "failed",
                        "webhost-sync doctor  (on the server)",
                    )

                await eventually(is_found, within=120)

                if way == LIMITED:
                    limit_files(short_folder / "cluster", -1)
                else:
                    filler.unlink()
                await asyncio.gather(*running)
                assert (await client.get(f"{server.url}/health")).status_code == 200
            stored = {row["payload"] for row in await select(url, "select payload from document_updates")}
            for writer in writers:
                assert len(writer.acknowledged) == 40
                assert stored >= set(writer.acknowledged)
        finally:
            server.kill()
