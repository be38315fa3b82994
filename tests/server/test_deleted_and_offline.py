"""A real device that was offline while its document was deleted, made again, erased or brought back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from pycrdt import Map

from tests.server.lives import Lives, open_lives
from webhost_sync.device import Device


@asynccontextmanager
async def device_with_edits(lives: Lives, folder: Path) -> AsyncIterator[Device]:
    """It has synced one entry, and made another one since."""
    async with Device(
        folder / "device.db", url=lives.api.app.url, credential=lives.key.text, vehicle_id="bus-7"
    ) as device:
        rows = device.document("notes").get("rows", type=Map)
        rows["synced"] = 1
        await device.sync()
        rows["offline"] = 1
        yield device


async def test_its_edits_are_refused_and_kept_and_go_on_once_the_document_is_back(
    database_url: str, tmp_path: Path
) -> None:
    async with open_lives(database_url) as lives, device_with_edits(lives, tmp_path) as device:
        await lives.do("DELETE", "notes")
        await device.sync()
        assert [(each.document, each.code) for each in device.status.rejected] == [
            ("notes", "document_not_found")
        ]
        assert device.status.pending_updates == {"notes": 1}
        await lives.do("POST", "notes/bring-back")
        assert (await lives.content("notes"))["roots"] == {"rows": {"synced": 1}}
        device.retry("notes")
        await device.sync()
        assert (await lives.content("notes"))["roots"] == {"rows": {"synced": 1, "offline": 1}}


async def test_after_a_purge_it_makes_nothing_anew_and_its_copy_stays_aside(
    database_url: str, tmp_path: Path
) -> None:
    async with open_lives(database_url) as lives, device_with_edits(lives, tmp_path) as device:
        await lives.do("DELETE", "notes?now=true")
        await device.sync()
        assert (await lives.ask("GET", "notes")).status_code == 404
        await lives.do("PUT", "notes")
        device.retry("notes")
        await device.sync()
        assert (await lives.content("notes"))["roots"] == {}
        [copy] = device.shelf()
        assert (copy.document, copy.pending) == ("notes", 1)
        device.document("notes").get("rows", type=Map)["new"] = 1
        await device.sync()
        assert (await lives.content("notes"))["roots"] == {"rows": {"new": 1}}


async def test_after_an_erasure_it_begins_with_what_is_left(database_url: str, tmp_path: Path) -> None:
    async with open_lives(database_url) as lives, device_with_edits(lives, tmp_path) as device:
        await lives.do("POST", "notes/erase")
        await device.sync()
        await device.sync()
        assert device.document("notes").get("rows", type=Map).to_py() == {"synced": 1}
        assert len(device.shelf()) == 1
        assert (await lives.content("notes"))["roots"] == {"rows": {"synced": 1}}


async def test_a_device_that_never_synced_may_write_to_a_document_that_demands_its_epoch(
    database_url: str, tmp_path: Path
) -> None:
    async with open_lives(database_url) as lives:
        await lives.do("PUT", "notes")
        await lives.do("POST", "notes/new-epoch")
        async with Device(
            tmp_path / "device.db", url=lives.api.app.url, credential=lives.key.text, vehicle_id="bus-7"
        ) as device:
            device.document("notes").get("rows", type=Map)["first"] = 1
            await device.sync()
            assert device.shelf() == []
        assert (await lives.content("notes"))["roots"] == {"rows": {"first": 1}}
