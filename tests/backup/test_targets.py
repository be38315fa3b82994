"""Where archives lie: nothing half written is ever taken for one, in a folder and in a bucket."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from tests.backup.conftest import Site, rows_of
from tests.cli.processes import REPOSITORY
from tests.eventually import eventually
from webhost_sync.backup.manifest import name_of
from webhost_sync.backup.places import find_archive, shelf_at
from webhost_sync.backup.restoring import chain_of, restore_into
from webhost_sync.backup.retention import Keep, expired
from webhost_sync.backup.s3_uploads import UnfinishedUploads, query_line, sign, uploads_in
from webhost_sync.backup.shelf import Entry, FolderShelf, Shelf, ShelfError

SLOW = """
import asyncio, sys
from pathlib import Path
from webhost_sync.backup.shelf import FolderShelf

async def main():
    async with FolderShelf(Path(sys.argv[1])).write(sys.argv[2]) as put:
        await put(b"WHSBKUP" * 1000)
        print("half", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_killed_backup_leaves_nothing_that_looks_whole_and_the_next_clears_it_away(
    site: Site,
) -> None:
    name = name_of(datetime.now(UTC), "full", None)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        SLOW,
        str(site.folder),
        name,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout
    assert await process.stdout.readline() == b"half\n"
    made = await site.back_up()  # while the other one still writes
    assert len(list(site.folder.iterdir())) == 2
    process.send_signal(signal.SIGKILL)
    await process.wait()
    assert [entry.name for entry in await site.shelf.entries()] == [made.name]
    await site.back_up()
    assert len(list(site.folder.iterdir())) == 2
    assert len(await site.shelf.entries()) == 2


async def write_half(shelf: Shelf, data: bytes) -> None:
    async with shelf.write(name_of(datetime.now(UTC), "full", None)) as put:
        await put(data)
        raise RuntimeError


async def test_an_interrupted_backup_leaves_no_file(site: Site) -> None:
    with pytest.raises(RuntimeError):
        await write_half(site.shelf, b"half")
    assert list(site.folder.iterdir()) == []


@pytest.fixture
async def bucket(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[str]:
    """A bucket of a server that speaks S3, on loopback."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from moto.server import ThreadedMotoServer as S; import time\n"
        "s = S(ip_address='127.0.0.1', port=0, verbose=False); s.start()\n"
        "print(s.get_host_and_port()[1], flush=True); time.sleep(600)",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout
        port = int(await process.stdout.readline())
        monkeypatch.setenv("AWS_ENDPOINT", f"http://127.0.0.1:{port}")
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "an-id")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-of-tests")
        monkeypatch.setenv("AWS_REGION", "us-east-1")
        async with httpx.AsyncClient() as client:
            (await client.put(f"http://127.0.0.1:{port}/backups")).raise_for_status()
        yield "s3://backups/some/prefix"
    finally:
        process.kill()
        await process.wait()


async def test_a_bucket_keeps_and_gives_back(site: Site, empty_url: str, bucket: str) -> None:
    site.shelf = shelf_at(bucket)  # type: ignore[assignment]
    full = await site.back_up()
    await site.write(site.tenants[0], "notes", c=3)
    one = await site.back_up(incremental=True)
    assert [entry.name for entry in await site.shelf.entries()] == [full.name, one.name]
    assert [entry.size for entry in await site.shelf.entries()] == [full.size, one.size]
    shelf, name = await find_archive("latest", bucket)
    await restore_into(empty_url, shelf, await chain_of(shelf, name), as_it_was=True)
    assert await rows_of(empty_url) == await rows_of(site.url)
    with pytest.raises(RuntimeError):
        await write_half(shelf, b"half" * 5_000_000)
    assert len(await shelf.entries()) == 2
    await shelf.delete(one.name)
    assert [entry.name for entry in await shelf.entries()] == [full.name]


UPLOADING = """
import asyncio, os, sys
from webhost_sync.backup.places import shelf_at

async def main():
    async with shelf_at(sys.argv[1]).write(sys.argv[2]) as put:
        await put(os.urandom(20_000_000))
        print("half", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def uploads(prefix: str) -> list[str]:
    """The names of all that are under way in the bucket, asked for without a signature."""
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"{os.environ['AWS_ENDPOINT']}/backups", params={"uploads": ""})
    return [each.key.removeprefix(f"{prefix}/") for each in uploads_in(answer.text)]


async def test_parts_of_an_archive_that_does_not_become_whole_are_removed(
    site: Site, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = shelf_at(bucket)
    with pytest.raises(RuntimeError):
        await write_half(shelf, os.urandom(20_000_000))
    assert await uploads("some/prefix") == []
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", UPLOADING, bucket, name_of(datetime.now(UTC), "full", None)),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    )
    assert process.stdout
    assert await process.stdout.readline() == b"half\n"

    async def one_is_under_way() -> bool:
        return len(await uploads("some/prefix")) == 1

    await eventually(one_is_under_way)
    process.kill()
    await process.wait()
    store = os.environ["AWS_ENDPOINT"]
    async with httpx.AsyncClient(trust_env=False) as client:
        for other in ("some/prefix/film.mp4", "elsewhere/" + name_of(datetime.now(UTC), "full", None)):
            (await client.post(f"{store}/backups/{other}", params={"uploads": ""})).raise_for_status()
    unfinished = UnfinishedUploads("backups", "some/prefix", os.environ)
    await unfinished.end_stale(datetime(2010, 1, 1, tzinfo=UTC))
    assert len(await uploads("some/prefix")) == 3, "they are too young"
    await unfinished.end_stale(datetime.now(UTC) + timedelta(days=2))
    assert {name.rpartition("/")[0] for name in await uploads("some/prefix")} == {"", "elsewhere"}
    assert "film.mp4" in await uploads("some/prefix")


def test_requests_are_signed_as_the_example_of_the_standard_says() -> None:
    signed = sign(
        "GET",
        "/",
        query_line({"prefix": "J", "max-keys": "2"}),
        {"host": "examplebucket.s3.amazonaws.com"},
        "us-east-1",
        "AKIAIOSFODNN7EXAMPLE",
        "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        datetime(2013, 5, 24, tzinfo=UTC),
    )
    signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    assert signed["authorization"].endswith(f"Signature={signature}")


async def test_a_bucket_that_refuses_is_explained_without_a_secret(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ShelfError) as refused:
        async with shelf_at("s3://not-there/x").read("webhost-x") as get:
            await get(1)
    assert "s3://not-there/x" in str(refused.value)
    assert "a-secret-of-tests" not in str(refused.value)
    with pytest.raises(ShelfError, match="no credentials in the target"):
        shelf_at("s3://id:secret@bucket/x")


def entry(day: int, kind: str = "full") -> Entry:
    moment = datetime(2026, 5, 1, 3, tzinfo=UTC) + timedelta(days=day, hours=kind == "incr")
    return Entry(name_of(moment, "full" if kind == "full" else "incremental", None), moment, kind, 1)


def test_retention_keeps_the_newest_of_each_period_and_whole_chains() -> None:
    entries = [entry(day, kind) for day in range(60) for kind in ("full", "incr")]
    gone = expired(entries, Keep(daily=3, weekly=2, monthly=2))
    kept = [each for each in entries if each.name not in gone]
    assert [each.moment.day for each in kept if each.kind == "full"] == [31, 27, 28, 29]
    assert len(kept) == 8  # each with its increment
    assert expired(entries, Keep()) == []
    assert expired(entries[:2], Keep(daily=1)) == []


def test_the_newest_chain_and_copies_of_tenants_always_stay() -> None:
    tenant = Entry(
        name_of(datetime(2020, 1, 1, tzinfo=UTC), "tenant", "acme"), datetime(2020, 1, 1), "tenant-acme", 1
    )
    assert expired([tenant, entry(0), entry(1)], Keep(monthly=1)) == [entry(0).name]


async def test_a_folder_that_can_not_be_used_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ShelfError, match="not a directory"):
        async with FolderShelf(tmp_path / "file" / "x").write("webhost-x"):
            pass
