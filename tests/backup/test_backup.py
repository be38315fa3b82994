"""Backups hold everything of one moment, come back equal, and prove that they are whole."""

from __future__ import annotations

import asyncio
import random
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from store.audit import Deed
from store.backup.contract import PROJECTED, BackupRefused
from store.backup_runs import BackupRuns
from store.checkup import Checkup
from store.database import Database
from store.webhooks import Webhooks
from tests.backup.conftest import Site, rows_of
from tests.cli.processes import REPOSITORY
from tests.postgres import select
from tests.store.logs import execute
from webhost_sync.backup.frames import DamagedArchive
from webhost_sync.backup.places import find_archive
from webhost_sync.backup.restoring import chain_of, read_archive, restore_into
from webhost_sync.backup.shelf import FolderShelf
from webhost_sync.backup.verifying import verify_chain

_NONE = timedelta(0)
_SNAPSHOT: dict[str, Any] = {"seq": 2, "state": b"\0\0", "state_vector": b"\0"}


async def test_all_rows_of_all_tables_come_back(site: Site, empty_url: str) -> None:
    made = await site.back_up()
    before = await rows_of(site.url)
    await site.restore(empty_url, made.name, as_it_was=True)
    assert await rows_of(empty_url) == before
    assert sum(map(len, before.values())) > 50


async def test_a_restore_tells_no_webhook_again(site: Site, empty_url: str) -> None:
    """The audit log is put back, which would else make messages of all that ever happened."""
    tenant = site.tenants[0]
    await Webhooks(site.store.database).add(
        tenant.id,
        url="https://example.com/x",
        description="",
        kinds=["key.created"],
        secret=b"s" * 32,
        deed=Deed("ada"),
    )
    await site.store.lifecycle.delete(tenant.id, "notes", by=Deed("ada"), retention=_NONE)
    line = "insert into audit_log (tenant_id, actor, action, target) values ($1, 'ada', 'key.create', 'whs')"
    await select(site.url, line, tenant.id)
    made = await site.back_up()
    before = await rows_of(site.url)
    assert len(before["webhook_messages"]) == 1
    await site.restore(empty_url, made.name, as_it_was=True)
    assert await rows_of(empty_url) == before
    await select(empty_url, line, tenant.id)
    assert len((await rows_of(empty_url))["webhook_messages"]) == 2  # and from now on it is told again


async def test_readers_of_positions_begin_anew_and_ids_go_on(site: Site, empty_url: str) -> None:
    made = await site.back_up()
    await site.restore(empty_url, made.name)
    feeds = "select tenant_id, version, epoch from position_feeds order by 1"
    before, after = await select(site.url, feeds), await select(empty_url, feeds)
    assert [row[:2] for row in before] == [row[:2] for row in after]
    assert not {row[2] for row in before} & {row[2] for row in after}
    last = max(row[0] for row in await select(site.url, "select id from documents"))
    (new,) = await select(
        empty_url, "insert into documents (tenant_id, name) values (1, 'a new one') returning id"
    )
    assert new[0] > last


async def test_an_increment_has_what_came_since_and_nothing_else(site: Site, empty_url: str) -> None:
    acme, other = site.tenants[0], site.tenants[1]
    for key in "abcdefgh":
        await site.write(acme, "large", **{key: random.Random(key).randbytes(20_000).hex()})
    full = await site.back_up()
    await site.write(acme, "notes", c=3)
    new = await site.write(other, "new", d=4)
    one = await site.back_up(incremental=True)
    assert one.size < full.size / 5
    gone = await site.store.lifecycle.delete(other.id, "notes", by=Deed("ada"), retention=_NONE)
    await site.store.lifecycle.purge(other.id, gone.id, by=Deed("ada"))
    await site.store.log.write_snapshot(acme.id, (await site.write(acme, "notes", e=5)).id, **_SNAPSHOT)
    await site.store.lifecycle.renew(other.id, new.id, by=Deed("ada"))
    two = await site.back_up(incremental=True)
    before = await rows_of(site.url)
    links = await chain_of(site.shelf, two.name)
    assert [link.name for link in links] == [full.name, one.name, two.name]
    verified = await verify_chain(site.url, site.shelf, links)
    assert verified.documents == two.documents
    await restore_into(empty_url, site.shelf, links, as_it_was=True)
    assert await rows_of(empty_url) == before


async def test_what_the_projector_writes_is_of_one_moment_in_an_increment(site: Site) -> None:
    """Else checkpoints of then would stand beside rows of now."""
    query = """
        select table_name from information_schema.role_table_grants
        where grantee = 'webhost_projector' and privilege_type = 'INSERT'
    """
    assert {row[0] for row in await select(site.url, query)} == PROJECTED


async def test_an_increment_on_a_backup_of_before_a_restore_is_refused(site: Site, empty_url: str) -> None:
    made = await site.back_up()
    await site.restore(empty_url, made.name)
    restored = Site(empty_url, site.store, site.shelf, site.folder, site.tenants, {})
    with pytest.raises(BackupRefused, match="doesn't know"):
        await restored.back_up(incremental=True)


async def test_a_tenant_comes_back_alone(site: Site, empty_url: str) -> None:
    made = await site.back_up()
    await site.restore(empty_url, made.name, tenant="bolt")
    assert {row[0] for row in await select(empty_url, "select slug from tenants")} == {"bolt"}
    ours = {tenant.id for tenant in site.tenants if tenant.slug == "bolt"}
    for table in ("documents", "document_updates", "gps_positions", "api_keys", "memberships"):
        assert {row[0] for row in await select(empty_url, f"select tenant_id from {table}")} == ours
    assert len(await select(empty_url, "select from users")) == 2


async def test_a_backup_of_a_tenant_holds_nothing_of_another(site: Site, empty_url: str) -> None:
    made = await site.back_up(tenant="acme")
    await site.restore(empty_url, made.name)
    found = await rows_of(empty_url)
    wanted = {tenant.id for tenant in site.tenants if tenant.slug == "acme"}
    assert {row[0] for row in found["document_updates"]} == wanted
    assert len(found["users"]) == 2
    with pytest.raises(Exception, match="holds no backup"):
        await find_archive("latest", str(site.folder))


async def test_one_flipped_bit_anywhere_is_found(site: Site, tmp_path: Path) -> None:
    made = await site.back_up()
    (link,) = await chain_of(site.shelf, made.name)
    whole = (site.folder / made.name).read_bytes()
    assert (await read_archive(site.shelf, link)).manifest.documents == made.documents
    dice = random.Random(5)
    places = {0, 7, 8, 12, 20, 50, len(whole) - 1, len(whole) - 60, *dice.choices(range(len(whole)), k=80)}
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << dice.randrange(8)
        (site.folder / made.name).write_bytes(damaged)
        with pytest.raises(DamagedArchive):
            await read_archive(site.shelf, link)
    for size in (0, 8, 100, len(whole) // 2, len(whole) - 1):
        (site.folder / made.name).write_bytes(whole[:size])
        with pytest.raises(DamagedArchive):
            await read_archive(site.shelf, link)
    (site.folder / made.name).write_bytes(whole + b"\0")
    with pytest.raises(DamagedArchive):
        await read_archive(site.shelf, link)


async def test_a_damaged_archive_leaves_the_database_as_it_was(site: Site, empty_url: str) -> None:
    made = await site.back_up()
    path = site.folder / made.name
    data = bytearray(path.read_bytes())
    data[-10] ^= 4  # in the manifest, after everything was put back
    path.write_bytes(data)
    with pytest.raises(DamagedArchive):
        await site.restore(empty_url, made.name)
    assert await select(empty_url, "select from tenants") == []


async def test_verify_replays_documents_and_leaves_no_database(site: Site) -> None:
    made = await site.back_up()
    verified = await verify_chain(site.url, site.shelf, await chain_of(site.shelf, made.name))
    assert verified.documents == 8
    assert verified.updates == 12
    assert verified.sections > 20
    assert await select(site.url, "select from pg_database where datname like 'webhost_scratch_%'") == []


KILLED = """
import asyncio, sys
from store.backup.databases import scratch_database

async def main():
    async with scratch_database(sys.argv[1]) as url:
        print(url, flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def scratch_databases(url: str) -> list[str]:
    rows = await select(url, "select datname from pg_database where datname like 'webhost_scratch_%'")
    return [row["datname"] for row in rows]


async def test_what_a_killed_verify_left_is_dropped_by_the_next_and_nothing_else_is(site: Site) -> None:
    made = await site.back_up()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", KILLED, site.url), stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
    )
    assert process.stdout
    await process.stdout.readline()
    [left] = await scratch_databases(site.url)
    old = f"webhost_scratch_{0:08x}{left[-8:]}"
    connection = await asyncpg.connect(site.url)
    await connection.execute(f"create database {old}")
    async with Database(site.url) as database:
        assert await Checkup(database).scratch_databases() == (old,), "the other one is in use"
    await verify_chain(site.url, site.shelf, await chain_of(site.shelf, made.name))
    assert await scratch_databases(site.url) == [left]
    process.kill()
    await process.wait()
    await verify_chain(site.url, site.shelf, await chain_of(site.shelf, made.name))
    assert await scratch_databases(site.url) == [left], "it may be one that is only being made"
    await connection.execute(f"drop database {left} with (force)")
    await connection.close()


async def test_a_row_that_was_changed_before_it_was_archived_is_found_by_its_replay(site: Site) -> None:
    await select(site.url, "update document_updates set payload = '\\x0102030405' where seq = 1")
    made = await site.back_up()
    with pytest.raises(DamagedArchive, match="can't be replayed"):
        await verify_chain(site.url, site.shelf, await chain_of(site.shelf, made.name))


async def test_a_full_disk_is_found_before_anything_is_written(site: Site) -> None:
    small = FolderShelf(site.folder, free_of=lambda folder: 1000)
    site.shelf = small
    with pytest.raises(BackupRefused, match="1,000 bytes free"):
        await site.back_up()
    assert not site.folder.exists()
    async with Database(site.url) as database:
        (run,) = await BackupRuns(database).latest()
        assert (run.outcome, "bytes free" in run.error) == ("failed", True)
        assert await BackupRuns(database).last_good() is None


async def test_a_restore_leaves_alone_what_belongs_to_an_extension(site: Site, empty_url: str) -> None:
    """PostGIS keeps its reference systems in a table beside ours; without them it can place nothing."""
    made = await site.back_up()
    await execute(empty_url, "create table spatial_ref_sys as select 4326 as srid")
    await execute(empty_url, "alter extension plpgsql add table spatial_ref_sys")
    await site.restore(empty_url, made.name)
    assert [row["srid"] for row in await select(empty_url, "select srid from spatial_ref_sys")] == [4326]


async def test_a_database_that_is_not_empty_or_in_use_is_not_overwritten(site: Site, empty_url: str) -> None:
    made = await site.back_up()
    before = await rows_of(site.url)
    with pytest.raises(BackupRefused, match="connections of webhost-sync are open"):
        await site.restore(site.url, made.name, overwrite=True)
    await site.restore(empty_url, made.name)
    with pytest.raises(BackupRefused, match="not empty"):
        await site.restore(empty_url, made.name)
    await site.restore(empty_url, made.name, overwrite=True, as_it_was=True)
    assert await rows_of(empty_url) == before
