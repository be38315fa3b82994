"""SIGKILL of the embedded Postgres's owner, of Postgres, or of both: nothing acknowledged is lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from store.embedded import embedded, running
from store.postgres_lookup import server_processes
from tests.eventually import eventually
from tests.store.processes import FORGETFUL, Owner, ask, owner_process

pytestmark = pytest.mark.faults

WRITERS = 8
# The last one: asyncpg begins a statement on a connection whose loss it has not noticed yet.
CONNECTION_LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, asyncpg.InternalClientError)
Acknowledged = set[tuple[int, int]]


async def test_the_owners_death_stops_postgres_and_loses_nothing(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        async with _written_to(owner) as acknowledged:
            owner.process.kill()
        await _check_after_restart(tmp_path, acknowledged)


async def test_the_death_of_owner_and_postgres_at_once_loses_nothing(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        async with _written_to(owner) as acknowledged:
            owner.process.kill()
            _kill_server(tmp_path)
        await _check_after_restart(tmp_path, acknowledged)


async def test_the_death_of_postgres_alone_loses_nothing(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        async with _written_to(owner) as acknowledged:
            _kill_server(tmp_path)
        await eventually(lambda: running(tmp_path) is None)
        owner.leave()
        assert owner.process.returncode == 0
        await _check_after_restart(tmp_path, acknowledged)


async def test_a_postmaster_that_died_alone_is_replaced_after_its_children(tmp_path: Path) -> None:
    with owner_process(tmp_path) as owner:
        async with _written_to(owner) as acknowledged:
            os.kill(_postmaster(tmp_path), signal.SIGKILL)
            owner.process.kill()
        await _check_after_restart(tmp_path, acknowledged)


async def test_nothing_of_postgres_outlives_its_owner(tmp_path: Path) -> None:
    with owner_process(tmp_path, FORGETFUL) as owner:
        owner.answer()
        assert server_processes(tmp_path / "cluster")
        owner.process.kill()
        await eventually(lambda: not server_processes(tmp_path / "cluster"))


async def test_a_stale_pid_file_is_not_believed(tmp_path: Path) -> None:
    with owner_process(tmp_path, FORGETFUL) as owner:
        owner.answer()
        pid_file = tmp_path / "cluster" / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
        owner.process.kill()
        _kill_server(tmp_path)
        await eventually(lambda: not server_processes(tmp_path / "cluster"))
    # The number now belongs to a process that is alive, but no Postgres: this one.
    pid_file.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert "ready" in pid_file.read_text()
    assert running(tmp_path) is None
    with embedded(tmp_path) as server:
        assert server.owned
        assert await ask(server.url, "select 1") == 1


@pytest.mark.parametrize("sign", ["new-cluster-*", "new-cluster-*/PG_VERSION", "new-cluster-*/base/5"])
async def test_a_kill_while_the_cluster_is_made_leaves_a_folder_that_works(tmp_path: Path, sign: str) -> None:
    with owner_process(tmp_path, FORGETFUL) as owner:
        await eventually(lambda: any(tmp_path.glob(sign)))
        owner.process.kill()
    with embedded(tmp_path, settings={"fsync": "off"}) as server:
        assert await ask(server.url, "select 1") == 1


@asynccontextmanager
async def _written_to(owner: Owner) -> AsyncIterator[Acknowledged]:
    """Run writers against the owner's server until it goes away; give what was acknowledged to them."""
    url = str(owner.answer()["url"])
    await ask(
        url, "create table written (writer int, number int, filling text, primary key (writer, number))"
    )
    acknowledged: Acknowledged = set()
    async with asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(_write(url, writer, acknowledged))
        await eventually(lambda: len(acknowledged) > 1000)
        yield acknowledged


async def _write(url: str, writer: int, acknowledged: Acknowledged) -> None:
    connection = await asyncpg.connect(url)
    with contextlib.suppress(*CONNECTION_LOST):
        for number in range(1_000_000):
            await connection.execute("insert into written values ($1, $2, $3)", writer, number, "x" * 500)
            acknowledged.add((writer, number))
    connection.terminate()


async def _check_after_restart(data_dir: Path, acknowledged: Acknowledged) -> None:
    started = time.monotonic()
    with embedded(data_dir) as server:
        assert server.owned
        assert time.monotonic() - started < 30
        connection = await asyncpg.connect(server.url)
        found = {(row[0], row[1]) for row in await connection.fetch("select writer, number from written")}
        await connection.close()
    assert len(acknowledged) > 1000
    assert acknowledged <= found


def _postmaster(data_dir: Path) -> int:
    return int((data_dir / "cluster" / "postmaster.pid").read_text().split()[0])


def _kill_server(data_dir: Path) -> None:
    for pid in server_processes(data_dir / "cluster"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
