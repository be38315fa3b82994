"""Two people work on the same vehicles while one of them, or both, are cut off; then all agree, and so does
the SQL table. With pictures of what they saw, under `js-sdk/test-results`."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from playwright.async_api import Page

from tests.browser import committed
from tests.browser.cable import Cable
from tests.browser.conftest import NewCable, NewDevice
from tests.browser.device import Device, screenshot, tell
from tests.browser.sdk_page import SdkPage
from tests.eventually import eventually
from tests.server_process import SyncServer

SCHEMA = {"vehicles": "++id, name, [status+name]"}
COLUMNS = ["name", "plate", "driver", "status", "odometer_m"]
VIEW = {"width": 760, "height": 360}

SEED = """await db.vehicles.bulkAdd([
  { id: 'van-1', name: 'Van 1', plate: 'M-AB 1', driver: 'Ada', status: 'parked', odometer_m: 1000 },
  { id: 'van-2', name: 'Van 2', plate: 'M-AB 2', driver: 'Bob', status: 'parked', odometer_m: 2000 },
  { id: 'van-3', name: 'Van 3', plate: 'M-AB 3', driver: 'Cem', status: 'parked', odometer_m: 3000 },
])"""
EDITS_OF_THE_PHONE = """
  await db.vehicles.update('van-1', { driver: 'Dora', status: 'on tour' })
  await db.vehicles.update('van-2', { driver: 'Emil' })
  await db.vehicles.add({ name: 'Van 4, by phone', status: 'new' })
"""
EDITS_OF_THE_LAPTOP = """
  await db.vehicles.update('van-1', { plate: 'M-ZZ 9', status: 'in repair' })
  await db.vehicles.delete('van-2')
  await db.vehicles.add({ name: 'Van 5, by laptop', status: 'new' })
"""


class Window:
    """A device behind a cable, with the table open."""

    def __init__(self, device: Device, cable: Cable, page: Page) -> None:
        self.device = device
        self.cable = cable
        self.page = page
        self.sdk = SdkPage(page)

    @classmethod
    async def open(cls, device: Device, cable: Cable, key: str) -> Window:
        window = cls(device, cable, await device.open("/table.html"))
        status = await window.sdk.connect(cable.url, key, SCHEMA)
        assert status["connected"], status
        view = {"table": "vehicles", "columns": COLUMNS, "title": f"Fleet on the {device.name}"}
        await window.sdk.run("showTable(client, argument)", view)
        return window

    async def rows(self) -> list[dict[str, Any]]:
        return await self.sdk.rows("vehicles")

    async def goes_offline(self) -> None:
        await self.device.go_offline()
        await self.cable.cut()
        await self.sdk.until("client.status.phase === 'offline'")

    async def comes_back(self) -> None:
        await self.cable.mend()
        await self.device.go_online()

    async def shows(self, text: str) -> None:
        await self.page.get_by_text(text).first.wait_for()


async def two_windows(
    device: NewDevice, cable: NewCable, server: SyncServer, tenant: str
) -> tuple[Window, Window]:
    key = await server.key_for(tenant, "read", "write")
    phone, laptop = [
        await Window.open(await device(name, viewport=VIEW), await cable(server), key)
        for name in ("phone", "laptop")
    ]
    await phone.sdk.run(SEED)
    await laptop.shows("Van 3")
    return phone, laptop


async def all_agree(phone: Window, laptop: Window, database_url: str, tenant: str) -> list[dict[str, Any]]:
    """Wait until both tables and SQL are the same, with nothing pending anywhere; the rows."""

    async def agree() -> None:
        shown, other = await phone.rows(), await laptop.rows()
        assert shown == other
        assert shown == await committed.vehicles(database_url, tenant)
        for window in (phone, laptop):
            assert (await window.sdk.status())["pending"] == 0

    await eventually(agree, within=90)
    return await phone.rows()


def assert_merged(rows: list[dict[str, Any]]) -> None:
    """Every edit is in it: of one row's fields, the one that both wrote, and two new rows."""
    by_name = {row["name"]: row for row in rows}
    assert set(by_name) == {"Van 1", "Van 3", "Van 4, by phone", "Van 5, by laptop"}
    van = by_name["Van 1"]
    assert (van["driver"], van["plate"]) == ("Dora", "M-ZZ 9")
    # Whoever syncs last has the last word on a field that both wrote.
    assert van["status"] == "on tour"


async def assert_shelved(phone: Window) -> None:
    """The edit of a row that the other has deleted is kept, with the reason."""
    shelf = await phone.sdk.run("return client.syncManager.rejectedEdits()")
    assert [(edit["key"], edit["fields"], edit["reason"]["code"]) for edit in shelf] == [
        ("van-2", {"driver": "Emil"}, "deleted")
    ]
    assert (await phone.sdk.status())["rejected"] == 1


async def test_what_two_windows_did_apart_is_one_table_when_the_network_is_back(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    url = sync_server.database_url
    phone, laptop = await two_windows(device, cable, sync_server, "apart")
    assert len(await all_agree(phone, laptop, url, "apart")) == 3
    await pictures(phone, laptop, "1 before")

    await phone.goes_offline()
    await phone.sdk.run(EDITS_OF_THE_PHONE)
    await laptop.sdk.run(EDITS_OF_THE_LAPTOP)
    await laptop.sdk.when_durable()
    assert {row["name"] for row in await phone.rows()} >= {"Van 2", "Van 4, by phone"}
    assert (await phone.sdk.status())["pending"] == 3
    await phone.shows("3 not saved yet")
    await pictures(phone, laptop, "2 while the phone is offline")

    since = time.monotonic()
    await phone.comes_back()
    rows = await all_agree(phone, laptop, url, "apart")
    tell(f"both tables and SQL were equal {time.monotonic() - since:.2f} s after the network was back")
    assert_merged(rows)
    await assert_shelved(phone)
    await phone.shows("deleted")
    await pictures(phone, laptop, "3 after")


async def test_what_two_windows_did_while_the_server_was_dead_is_one_table_when_it_is_back(
    device: NewDevice, cable: NewCable, own_server: SyncServer
) -> None:
    phone, laptop = await two_windows(device, cable, own_server, "dead")
    await all_agree(phone, laptop, own_server.database_url, "dead")
    own_server.kill()
    await phone.cable.cut()
    for window, edits in ((phone, EDITS_OF_THE_PHONE), (laptop, EDITS_OF_THE_LAPTOP)):
        await window.sdk.until("client.status.phase === 'offline'")
        await window.sdk.run(edits)
    await own_server.start()
    # The phone comes second, so that it is sure who has the last word.
    await laptop.sdk.when_durable(30)
    await phone.cable.mend()
    assert_merged(await all_agree(phone, laptop, own_server.database_url, "dead"))
    await assert_shelved(phone)


async def test_a_connection_that_has_died_without_a_word_is_noticed_within_35_seconds(
    device: NewDevice, cable: NewCable, sync_server: SyncServer
) -> None:
    """Nothing but silence tells of it. The probe when the page is seen again shortens the 20 s to 2."""
    phone, laptop = await two_windows(device, cable, sync_server, "silent")
    phone.cable.mute()
    await phone.sdk.run("await db.vehicles.update('van-1', { driver: 'Dora' })")
    await phone.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await phone.sdk.until("!client.status.connected", within=35)
    assert (await phone.sdk.status())["pending"] == 1
    await phone.cable.mend()
    await laptop.sdk.until("db.vehicles.get('van-1').then(({ driver }) => driver === 'Dora')", within=90)
    await phone.sdk.until("client.status.pending === 0")


async def pictures(phone: Window, laptop: Window, moment: str) -> None:
    await asyncio.gather(
        *(screenshot(window.page, f"two windows {moment} {window.device.name}") for window in (phone, laptop))
    )
