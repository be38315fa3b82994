"""The browser tests stand on what is shown here: a real page, with the storage, locks and network that a
browser gives it, beside a real sync server that can be killed; and devices that can be hurt one by one."""

from __future__ import annotations

import struct

import pytest
from playwright.async_api import Page

from tests.browser.conftest import NewDevice
from tests.browser.device import screenshot
from tests.eventually import eventually
from tests.postgres import select
from tests.server_process import SyncServer

STORE = """async (value) => {
  const db = new Dexie('harness')
  db.version(1).stores({ notes: 'id' })
  if (value !== null) await db.notes.put({ id: 1, value })
  const note = await db.notes.get(1)
  db.close()
  return note?.value ?? null
}"""

HEALTH = """async (url) => {
  const answer = await fetch(`${url}/health`)
  return [answer.status, await answer.json()]
}"""

HOLD_A_LOCK = "() => { navigator.locks.request('one', () => new Promise(() => {})) }"
TICK = "() => { globalThis.ticks = []; setInterval(() => globalThis.ticks.push(Date.now()), 10) }"
TICKS = "() => globalThis.ticks"
NOW = "() => Date.now()"
LOCK_HOLDERS = "async () => (await navigator.locks.query()).held.map((lock) => lock.name)"


async def test_a_page_stores_locks_and_reaches_the_server(device: NewDevice, sync_server: SyncServer) -> None:
    phone = await device("phone", viewport={"width": 390, "height": 844})
    page = await phone.open()
    assert await page.evaluate("Object.keys(globalThis).includes('sdk') && isSecureContext")
    assert await page.evaluate(STORE, "kept") == "kept"
    await page.evaluate(HOLD_A_LOCK)
    assert await page.evaluate(LOCK_HOLDERS) == ["one"]
    status, health = await page.evaluate(HEALTH, sync_server.url)
    assert (status, health["status"]) == (200, "healthy")

    picture = (await screenshot(page, "test page")).read_bytes()
    assert struct.unpack(">II", picture[16:24]) == (390, 844)


async def test_tabs_of_a_device_share_its_storage_and_other_devices_do_not(device: NewDevice) -> None:
    phone, laptop = await device("phone"), await device("laptop")
    first, second, other = await phone.open(), await phone.open(), await laptop.open()
    assert await first.evaluate(STORE, "of the phone") == "of the phone"
    assert await second.evaluate(STORE, None) == "of the phone"
    assert await other.evaluate(STORE, None) is None


async def test_a_device_without_network_knows_it(device: NewDevice, sync_server: SyncServer) -> None:
    phone = await device()
    page = await phone.open()
    await phone.go_offline()
    assert await page.evaluate("navigator.onLine") is False
    assert await _fails_to_reach(page, sync_server)
    await phone.go_online()
    assert not await _fails_to_reach(page, sync_server)


async def test_a_killed_server_is_gone_for_the_page_and_comes_back_with_its_data(
    device: NewDevice, own_server: SyncServer
) -> None:
    page = await (await device()).open()
    await own_server.key_for("acme", "read")
    assert not await _fails_to_reach(page, own_server)
    own_server.kill()
    assert await _fails_to_reach(page, own_server)
    await own_server.start()
    assert not await _fails_to_reach(page, own_server)
    rows = await select(own_server.database_url, "select slug from tenants where environment = 'test'")
    assert [row["slug"] for row in rows] == ["acme"]


async def test_a_crashed_tab_leaves_its_lock_to_the_next_device_tab(device: NewDevice) -> None:
    phone, laptop = await device("phone"), await device("laptop")
    doomed, untouched = await phone.open(), await laptop.open()
    await doomed.evaluate(HOLD_A_LOCK)
    await phone.crash(doomed)
    heir = await phone.open()
    assert await heir.evaluate("navigator.locks.request('one', (lock) => lock.name)") == "one"
    assert await untouched.evaluate("1 + 1") == 2


async def test_a_frozen_tab_keeps_its_lock_and_does_nothing_until_it_is_thawed(device: NewDevice) -> None:
    phone = await device()
    sleeper, awake = await phone.open(), await phone.open()
    await sleeper.evaluate(HOLD_A_LOCK)
    for tab in (sleeper, awake):
        await tab.evaluate(TICK)
    await phone.freeze(sleeper)
    frozen_at = await awake.evaluate(NOW)
    await eventually(lambda: _ticked(awake, frozen_at + 100))
    assert await awake.evaluate(LOCK_HOLDERS) == ["one"]
    thawed_at = await awake.evaluate(NOW)
    await phone.thaw(sleeper)
    await eventually(lambda: _ticked(sleeper, thawed_at))
    assert not [tick for tick in await sleeper.evaluate(TICKS) if frozen_at < tick < thawed_at]


async def test_an_error_that_nobody_caught_is_noted(device: NewDevice) -> None:
    phone = await device()
    page = await phone.open()
    async with phone.context.expect_event("weberror"):
        await page.evaluate("() => { setTimeout(() => { throw new Error('lost') }) }")
    assert [error for error in phone.errors if "lost" in error]
    phone.errors.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_maps_can_be_drawn_without_a_graphics_card(device: NewDevice, scheme: str) -> None:
    page = await (await device(color_scheme=scheme)).open()
    assert await page.evaluate("document.createElement('canvas').getContext('webgl2') !== null")
    assert await page.evaluate("(scheme) => matchMedia(`(prefers-color-scheme: ${scheme})`).matches", scheme)


async def _ticked(page: Page, moment: int) -> bool:
    return bool(await page.evaluate("(moment) => globalThis.ticks.at(-1) >= moment", moment))


async def _fails_to_reach(page: Page, server: SyncServer) -> bool:
    return bool(
        await page.evaluate("(url) => fetch(url).then(() => false, () => true)", server.url + "/health")
    )
