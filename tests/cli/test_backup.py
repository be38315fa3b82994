"""`backup`, `verify`, `restore` of backups and `maintenance`, as an operator types them."""

# ruff: noqa: F811 - fixtures of another folder
from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.backup.conftest import Site, site  # noqa: F401 - a fixture
from tests.cli.conftest import Outcome, Run
from tests.postgres import database_at, drop_database, select

RunIt = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def run_it(run_migrated: Run) -> RunIt:
    """A command beside the loop of the test, since it has one of its own."""

    async def run_one(*arguments: str) -> Outcome:
        return await asyncio.to_thread(run_migrated, *arguments)

    return run_one


@pytest.fixture
def shelf(tmp_path: Path) -> str:
    return str(tmp_path / "shelf")


async def logs(url: str) -> list[tuple[Any, ...]]:
    query = """
        select d.tenant_id, d.name, u.seq, u.payload
        from documents d join document_updates u on u.document_id = d.id
    """
    return sorted(tuple(row) for row in await select(url, query))


async def head_of(url: str, tenant_id: int, name: str) -> tuple[int, str, bool]:
    query = "select head_seq, epoch::text, demands_epoch from documents where tenant_id = $1 and name = $2"
    (row,) = await select(url, query, tenant_id, name)
    return tuple(row)


async def test_backup_verify_restore_and_list(run_it: RunIt, site: Site, shelf: str) -> None:
    made = await run_it("backup", shelf, "--json")
    assert made.code == 0, made.err
    assert made.document["documents"] == 8
    await site.write(site.tenants[0], "notes", c=3)
    one = (await run_it("backup", shelf, "--incremental", "--json")).document
    assert one["parent"] == made.document["name"]
    listed = (await run_it("backup", shelf, "--list", "--json")).document
    assert [each["name"] for each in listed] == [made.document["name"], one["name"]]
    proved = await run_it("verify", "--from", shelf, "--json")
    assert (proved.code, proved.document["archive"]) == (0, one["name"])
    (run,) = await select(
        site.url, "select verified_at, verify_error from backup_runs where kind = 'incremental'"
    )
    assert run["verified_at"] is not None
    assert run["verify_error"] == ""

    name = "restored_by_a_test"
    done = await run_it("restore", "latest", "--from", shelf, "--database", name, "--json")
    assert done.code == 0, done.err
    restored = database_at(site.url, name)
    try:
        assert await logs(restored) == await logs(site.url)
        again = await run_it("restore", "latest", "--from", shelf, "--database", name)
        assert (again.code, "is not empty" in again.err) == (1, True)
        wrong = await run_it("restore", "latest", "--from", shelf, "--database", name, "--overwrite", "other")
        assert (wrong.code, "nothing was changed" in wrong.err) == (1, True)
        assert (
            await run_it("restore", "latest", "--from", shelf, "--database", name, "--overwrite", name)
        ).code == 0
    finally:
        await drop_database(restored)


async def test_a_damaged_archive_is_said_to_be_so(run_it: RunIt, site: Site, shelf: str) -> None:
    made = (await run_it("backup", shelf, "--json")).document
    path = Path(shelf) / made["name"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    found = await run_it("verify", str(path))
    assert (found.code, "is damaged" in found.err, "make a new backup" in found.err) == (1, True, True)
    (run,) = await select(site.url, "select verify_error from backup_runs")
    assert "checksum" in run["verify_error"]
    dry = await run_it("restore", str(path), "--dry-run")
    assert (dry.code, "is damaged" in dry.err) == (1, True)


async def test_one_document_comes_back_and_the_others_are_left_alone(
    run_it: RunIt,
    site: Site,
    shelf: str,
) -> None:
    acme = site.tenants[0]
    await run_it("backup", shelf)
    await site.write(acme, "notes", a=999, later="typed after the backup")
    await site.write(acme, "tables/vehicles", bus="8")
    before, epoch = await logs(site.url), (await head_of(site.url, acme.id, "notes"))[1]
    arguments = ("restore", "latest", "--from", shelf, "--tenant", "acme", "--document", "notes", "--json")
    dry = (await run_it(*arguments, "--dry-run")).document
    assert dry["documents"][0]["changes"] == 2
    assert await logs(site.url) == before

    (done,) = (await run_it(*arguments)).document["documents"]
    assert (done["outcome"], done["changes"], done["complete"]) == ("edited", 2, True)
    after = await logs(site.url)
    assert [row for row in after if row in before] == before  # a new edit; the log only grew
    assert [row[:2] for row in after if row not in before] == [(acme.id, "notes")]
    assert (await head_of(site.url, acme.id, "notes"))[1] == epoch
    (again,) = (await run_it(*arguments)).document["documents"]
    assert again["outcome"] == "same"


async def test_a_document_replaced_under_a_new_epoch_has_the_log_of_then(
    run_it: RunIt,
    site: Site,
    shelf: str,
) -> None:
    acme = site.tenants[0]
    await run_it("backup", shelf)
    before = await logs(site.url)
    head, epoch, _ = await head_of(site.url, acme.id, "notes")
    await site.write(acme, "notes", a=999)
    arguments = ("restore", "latest", "--from", shelf, "--tenant", "acme", "--document", "notes", "--json")
    (done,) = (await run_it(*arguments, "--new-epoch")).document["documents"]
    assert done["outcome"] == "replaced"
    assert await logs(site.url) == before
    now = await head_of(site.url, acme.id, "notes")
    assert (now[0], now[2]) == (head, True)
    assert now[1] != epoch
    (event,) = await select(site.url, "select action, detail::text from document_events")
    assert (event["action"], epoch in event["detail"]) == ("restored", True)


async def test_a_document_that_is_gone_comes_back_with_its_epoch_or_behind_its_tombstone(
    run_it: RunIt,
    site: Site,
    shelf: str,
) -> None:
    acme, bolt = site.tenants[0], site.tenants[2]
    await run_it("backup", shelf)
    before = await logs(site.url)
    epochs = [(await head_of(site.url, each.id, "notes"))[1] for each in (acme, bolt)]
    for table in ("document_updates", "documents"):  # lost, without a trace
        where = "document_id" if table != "documents" else "id"
        first = f"select min(id) from documents where tenant_id = {acme.id} and name = 'notes'"
        await select(site.url, f"delete from {table} where {where} = ({first})")
    await run_it("document", "delete", "notes", "--tenant", "bolt", "--now", "--yes")
    for slug in ("acme", "bolt"):
        done = await run_it("restore", "latest", "--from", shelf, "--tenant", slug, "--json")
        assert done.code == 0, done.err
        outcomes = {each["name"]: each["outcome"] for each in done.document["documents"]}
        assert outcomes["notes"] in ("placed", "same")
    assert await logs(site.url) == before
    ours, theirs = [await head_of(site.url, each.id, "notes") for each in (acme, bolt)]
    assert ours[1:] == (epochs[0], False)
    assert theirs[1] != epochs[1]
    assert theirs[2] is True


async def test_maintenance_backs_up_proves_and_folds(run_it: RunIt, site: Site, shelf: str) -> None:
    acme = site.tenants[0]
    await site.write(acme, "busy", **{f"k{number}": number for number in range(150)})
    for table in ("vehicles", "gps_positions", "latest_positions", "document_versions"):
        await select(site.url, f"delete from {table}")  # rows of the fixture that follow from no document
    done = await run_it("maintenance", "weekly", shelf, "--json")
    assert done.code == 0, done.out
    steps = {step["step"]: step for step in done.document["steps"]}
    assert list(steps) == ["backup", "verify", "retention", "check", "fold logs", "analyze"]
    assert steps["fold logs"]["what"].startswith("1 documents folded")
    await select(site.url, "update document_updates set payload = '\\x01' where seq = 1")
    bad = await run_it("maintenance", "monthly", shelf, "--json")
    assert bad.code == 1
    assert [step["step"] for step in bad.document["steps"] if not step["ok"]][:1] == ["verify"]
    assert "retention" not in [step["step"] for step in bad.document["steps"]]


async def test_what_can_not_be_meant_together_is_refused(run_it: RunIt) -> None:
    assert (await run_it("restore", "notes", "--to", "5")).code == 2
    assert (await run_it("restore", "latest", "--document", "notes")).code == 2
    assert (await run_it("restore", "latest", "--path", "/a")).code == 2
    assert (await run_it("backup", "--incremental", "--tenant", "acme")).code == 2
    missing = await run_it("restore", "latest", "--from", "nowhere")
    assert (missing.code, "holds no backup" in missing.err) == (1, True)
    other = await run_it("backup", "ftp://somewhere")
    assert (other.code, "s3://bucket/prefix" in other.err) == (1, True)
