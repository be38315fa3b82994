"""The long-running commands on an embedded Postgres: how they start, share it, and end."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from store.embedded import running
from tests.cli.processes import Command, accepts, command
from tests.eventually import eventually
from webhost_sync.cli import reload

pytestmark = pytest.mark.xdist_group("embedded")
SECONDS_TO_STOP = 15.0


async def ready(server: Command) -> str:
    """Where it listens, once its log says that it serves."""
    url = str(server.document()["url"])
    await eventually(lambda: "server ready" in server.log.read_text(), within=90)
    return url


def logs(folder: Path) -> str:
    """Everything that the commands of this folder wrote to stderr."""
    return "".join(log.read_text() for log in folder.glob("*.log"))


@contextmanager
def touched(file: Path) -> Iterator[None]:
    """Let a file look changed for the length of the block."""
    before = file.stat()
    os.utime(file, (time.time(), time.time()))
    try:
        yield
    finally:
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


async def test_dev_starts_on_a_bare_folder_and_ends_with_code_0(tmp_path: Path) -> None:
    with command(tmp_path, "dev", "--port", "0", "--json") as dev:
        url = await ready(dev)
        await eventually(lambda: httpx.get(f"{url}/health").raise_for_status())
        assert dev.stop() == 0
    assert running(tmp_path / ".data" / "postgres") is None


def test_dev_shows_its_key_at_the_first_start_only(tmp_path: Path) -> None:
    documents = []
    for _ in range(2):
        with command(tmp_path, "dev", "--port", "0", "--json") as dev:
            documents.append(dev.document())
            dev.stop()

    first, second = documents
    key_file = tmp_path / first["key_file"]
    assert key_file.read_text().strip() == first["key"]
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert second["key"] is None
    assert first["key"] not in logs(tmp_path)


async def test_two_processes_share_one_embedded_postgres(tmp_path: Path) -> None:
    with command(tmp_path, "dev", "--port", "0", "--json") as dev:
        await ready(dev)
        with command(tmp_path, "serve", "--port", "0", "--json") as second:
            assert accepts(await ready(second))
            assert second.stop() == 0
        with command(tmp_path, "tenant", "list", "--json") as listing:
            out, _ = listing.process.communicate(timeout=30)
        assert '"slug": "dev"' in out
        assert dev.process.poll() is None


async def test_a_server_ends_when_its_parent_is_gone(tmp_path: Path, database_url: str) -> None:
    arguments = ("serve", "--port", "0", "--json", "--until-stdin-ends")
    with command(tmp_path, *arguments, DATABASE_URL=database_url) as server:
        await ready(server)
        assert server.process.stdin
        server.process.stdin.close()
        assert server.process.wait(SECONDS_TO_STOP) == 0


async def test_a_taken_port_is_named_before_postgres_is_started(tmp_path: Path) -> None:
    with command(tmp_path, "dev", "--port", "0", "--json") as dev:
        port = (await ready(dev)).rpartition(":")[2]
        other = tmp_path / "other"
        other.mkdir()
        with command(other, "dev", "--port", port) as second:
            assert second.process.wait(SECONDS_TO_STOP) == 1
        assert f"port {port}: address already in use" in second.log.read_text()
        assert not (other / ".data").exists()


async def test_a_changed_file_starts_the_server_again(tmp_path: Path) -> None:
    with command(tmp_path, "dev", "--port", "0", "--json", "--reload") as dev:
        url = await ready(dev)
        with touched(Path(reload.__file__)):
            await eventually(lambda: dev.log.read_text().count("server ready") == 2, within=90)
        assert accepts(url)
        dev.process.send_signal(signal.SIGINT)
        assert dev.process.wait(SECONDS_TO_STOP) == 0
        assert not accepts(url)
